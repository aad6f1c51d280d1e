//! Suricata's eve.json: alert, flow, netflow, dns (versions 2 and 3), tls, http.

use super::field::protocol_named;
use super::flow::FlowSeen;
use super::format::{Format, Note, Origin, Out, Shape, Took};
use super::json::{Object, words};
use super::row::{Alert, Dns, Http, Row, Tls, name, text};
use crate::facts::HostText;
use serde_json::Value;
use std::borrow::Cow;
use std::net::IpAddr;

pub(super) const FORMAT: Format = Format {
    name: "suricata",
    doc: "Suricata eve.json: alert, flow, netflow, dns version 2 and 3, tls, http; other events are counted",
    tables: &["flows", "conversations", "dns", "http", "tls", "alerts"],
    shape: Shape::Json { tells, read },
};

const KIND: &str = "suricata";

fn tells(object: Object<'_>, _: &Origin) -> bool {
    object.str("event_type").is_some() && object.get("timestamp").is_some()
}

fn read(object: Object<'_>, _: &Origin, out: &mut dyn Out) -> Took {
    match object.str("event_type").unwrap_or_default() {
        "alert" => alert(object, out),
        "flow" | "netflow" => flow(object, out),
        "dns" => dns(object, out),
        "tls" | "quic" => tls(object, out),
        "http" => http(object, out),
        "stats" => stats(object, out),
        _ => Took::Other,
    }
}

/// What most events share.
struct Common {
    time: Option<crate::facts::Time>,
    src: Option<IpAddr>,
    src_port: Option<u16>,
    dest: Option<IpAddr>,
    dest_port: Option<u16>,
    protocol: Option<Cow<'static, str>>,
    uid: Option<HostText>,
    sensor: Option<HostText>,
}

fn common(object: Object<'_>, out: &mut dyn Out) -> Common {
    let read = object.time("timestamp");
    Common {
        time: out.time(read),
        src: object.address("src_ip"),
        src_port: object.port("src_port"),
        dest: object.address("dest_ip"),
        dest_port: object.port("dest_port"),
        protocol: object.str("proto").and_then(|p| protocol_named(p.as_bytes())),
        // Beyond 2^53: never through a float.
        uid: object.text("flow_id"),
        sensor: object.text("host"),
    }
}

fn flow(object: Object<'_>, out: &mut dyn Out) -> Took {
    let common = common(object, out);
    if common.src.is_none() || common.dest.is_none() {
        return Took::no("an address is none");
    }
    let service = object.str("app_proto").filter(|p| *p != "failed").map(|p| p.as_bytes().into());
    let uid = common.uid.as_ref().map(|uid| Cow::Borrowed(uid.as_bytes()));
    let sensor = common.sensor.as_ref().map(|sensor| Cow::Borrowed(sensor.as_bytes()));
    let mut row = FlowSeen {
        originator: common.src,
        originator_port: common.src_port,
        responder: common.dest,
        responder_port: common.dest_port,
        protocol: common.protocol,
        service,
        uid,
        sensor,
        ..FlowSeen::new(KIND)
    };
    let halves = object.object("netflow");
    let Some(told) = object.object("flow").or(halves) else {
        return Took::no("a flow without its counters");
    };
    let (start, end) = (told.time("start"), told.time("end"));
    row.started = out.time(start).or(common.time);
    row.duration = match (start, end) {
        (Some(start), Some(end)) => Some(end.time.0.saturating_sub(start.time.0)),
        _ => told.count("age").and_then(|s| i64::try_from(s).ok()?.checked_mul(1_000_000_000)),
    };
    if halves.is_some() {
        row.orig_pkts = told.count("pkts");
        row.orig_bytes = told.count("bytes");
        out.row(Row::Half(row));
        return Took::Yes;
    }
    row.orig_pkts = told.count("pkts_toserver");
    row.resp_pkts = told.count("pkts_toclient");
    row.orig_bytes = told.count("bytes_toserver");
    row.resp_bytes = told.count("bytes_toclient");
    let state = told.str("state");
    row.established = match state {
        Some("new") => Some(false),
        Some("established") => Some(true),
        // A flow that is closed may have been refused.
        _ => match object.object("tcp") {
            Some(tcp) if tcp.bool("syn") == Some(true) => {
                Some(row.orig_pkts.unwrap_or(0) > 1 && row.resp_pkts.unwrap_or(0) > 1)
            }
            _ => None,
        },
    };
    row.state = state.map(|state| state.as_bytes().into());
    row.open = state == Some("established") && told.str("reason") != Some("timeout");
    row.action = told.str("action").map(|action| action.as_bytes().into());
    out.row(Row::Flow(row));
    Took::Yes
}

fn alert(object: Object<'_>, out: &mut dyn Out) -> Took {
    let Some(told) = object.object("alert") else { return Took::no("an alert without its rule") };
    let common = common(object, out);
    let number = |key| told.count(key).unwrap_or(0);
    let id = format!("{}:{}:{}", number("gid"), number("signature_id"), number("rev"));
    // The addresses are the packet's; the flow's, where they are told, are client and server's.
    let whole = object.object("flow");
    let of_flow = whole.and_then(|f| Some((f.address("src_ip")?, f.address("dest_ip")?, f)));
    let to_client = object.str("direction") == Some("to_client");
    let mut sides = (common.src, common.src_port, common.dest, common.dest_port);
    if let Some((src, dest, flow)) = of_flow {
        sides = (Some(src), flow.port("src_port"), Some(dest), flow.port("dest_port"));
    } else if to_client {
        sides = (common.dest, common.dest_port, common.src, common.src_port);
    }
    // A rule with a target tells who is which; else the packet came from who did it.
    let source = told.object("source").and_then(|source| source.address("ip"));
    let attacker = match source {
        Some(source) if Some(source) == sides.0 => Some("client"),
        Some(source) if Some(source) == sides.2 => Some("server"),
        _ => to_client.then_some("server"),
    };
    let (tactic, technique) = attack(told);
    let payload = object
        .str("payload_printable")
        .map(Cow::Borrowed)
        .or_else(|| decoded(object.str("payload")?).map(Cow::Owned));
    let domain = object
        .object("tls")
        .and_then(|tls| tls.str("sni"))
        .or_else(|| object.object("http").and_then(|http| http.str("hostname")))
        .or_else(|| queries(object.object("dns")?).first().copied().and_then(|q| q.str("rrname")));
    out.row(Row::Alert(Box::new(Alert {
        time: common.time,
        signature_id: text(id.as_bytes()),
        signature: told.text("signature"),
        category: told.text("category"),
        #[allow(clippy::cast_precision_loss)]
        severity: told.count("severity").map(|severity| severity as f64),
        action: told.text("action"),
        client: sides.0,
        client_port: sides.1,
        server: sides.2,
        server_port: sides.3,
        attacker,
        protocol: common.protocol,
        app_proto: object.text("app_proto"),
        domain: domain.and_then(|domain| name(domain.as_bytes())),
        tactic,
        technique,
        uid: common.uid,
        payload: payload.and_then(|payload| text(payload.as_bytes())),
        sensor: common.sensor,
        ..Alert::new(KIND)
    })));
    Took::Yes
}

/// Tactics and techniques among a rule's metadata, under whatever key its vendor uses: values are
/// lists or texts, `TA0040`, `T1496`, `t1190`.
fn attack(rule: Object<'_>) -> (Option<HostText>, Option<HostText>) {
    let Some(metadata) = rule.object("metadata") else { return (None, None) };
    let (mut tactics, mut techniques) = (Vec::new(), Vec::new());
    for (key, value) in metadata.map {
        if !key.to_ascii_lowercase().contains("mitre")
            && !key.to_ascii_lowercase().contains("attack")
        {
            continue;
        }
        let Some(values) = words(value) else { continue };
        for word in values.split([',', ' ', ';']).map(str::to_ascii_uppercase) {
            let digits =
                |s: &str| !s.is_empty() && s.chars().all(|c| c.is_ascii_digit() || c == '.');
            let list = match (word.strip_prefix("TA"), word.strip_prefix('T')) {
                (Some(rest), _) if digits(rest) => &mut tactics,
                (_, Some(rest)) if digits(rest) => &mut techniques,
                _ => continue,
            };
            if !list.contains(&word) {
                list.push(word);
            }
        }
    }
    let joined = |mut list: Vec<String>| {
        list.sort();
        text(list.join(" ").as_bytes())
    };
    (joined(tactics), joined(techniques))
}

/// Base64, as far as it is; what is not text is shown as dots.
fn decoded(encoded: &str) -> Option<String> {
    let (mut bits, mut have, mut out) = (0u32, 0u32, String::new());
    for byte in encoded.bytes().take(6000) {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => continue,
        };
        bits = (bits << 6 | u32::from(value)) & 0xff_ffff;
        have += 6;
        if have >= 8 {
            have -= 8;
            let byte = u8::try_from(bits >> have & 0xff).ok()?;
            out.push(if (32..127).contains(&byte) { char::from(byte) } else { '.' });
        }
    }
    (!out.is_empty()).then_some(out)
}

/// The questions of a dns event: version 2 has one beside its type, version 3 a list.
fn queries(dns: Object<'_>) -> Vec<Object<'_>> {
    match dns.get("queries").or_else(|| dns.get("query")) {
        Some(Value::Array(list)) => {
            list.iter().filter_map(|query| query.as_object().map(|map| dns.within(map))).collect()
        }
        _ if dns.str("rrname").is_some() => vec![dns],
        _ => Vec::new(),
    }
}

fn dns(object: Object<'_>, out: &mut dyn Out) -> Took {
    let Some(told) = object.object("dns") else { return Took::no("a dns event without its body") };
    let common = common(object, out);
    let answer = matches!(told.str("type"), Some("answer" | "response"));
    // An answer's packet goes from the server to the client in version 3; version 2 always has the
    // client first.
    let from_server = answer && common.src_port == Some(53) && common.dest_port != Some(53);
    let mut answers = Vec::new();
    if let Some(Value::Array(list)) = told.get("answers") {
        answers.extend(list.iter().filter_map(|a| Object::from(a.as_object()?).str("rdata")));
    }
    if answers.is_empty()
        && let Some(grouped) = told.object("grouped")
    {
        answers.extend(
            grouped.map.values().filter_map(Value::as_array).flatten().filter_map(Value::as_str),
        );
    }
    let answers = text(answers.join(" ").as_bytes());
    let asked = queries(told);
    if asked.is_empty() {
        return Took::Other;
    }
    for query in asked {
        let mut row = Dns {
            time: common.time,
            client: common.src,
            client_port: common.src_port,
            server: common.dest,
            server_port: common.dest_port,
            protocol: common.protocol.clone(),
            query: query.name("rrname"),
            qtype: query.text("rrtype"),
            rcode: told.text("rcode").filter(|_| answer),
            answers: answers.clone().filter(|_| answer),
            uid: common.uid.clone(),
            sensor: common.sensor.clone(),
            ..Dns::new(KIND)
        };
        if from_server {
            std::mem::swap(&mut row.client, &mut row.server);
            std::mem::swap(&mut row.client_port, &mut row.server_port);
        }
        out.row(Row::Dns(row));
    }
    Took::Yes
}

fn tls(object: Object<'_>, out: &mut dyn Out) -> Took {
    let Some(told) = object.object("tls").or_else(|| object.object("quic")) else {
        return Took::no("a tls event without its body");
    };
    let common = common(object, out);
    let hash = |key| {
        let value = told.get(key)?;
        match value {
            Value::Object(inner) => Object::from(inner).text("hash"),
            other => text(words(other)?.as_bytes()),
        }
    };
    let version = told.text("version");
    // An unfinished hello has neither certificate nor cipher, and a version that is none.
    let unfinished = told.get("subject").is_none()
        && told.get("ja3s").is_none()
        && version.as_ref().is_none_or(|v| matches!(v.as_bytes(), b"SSLv2" | b"UNDETERMINED"));
    out.row(Row::Tls(Tls {
        time: common.time,
        client: common.src,
        client_port: common.src_port,
        server: common.dest,
        server_port: common.dest_port,
        server_name: told.name("sni"),
        version,
        cipher: told.text("cipher"),
        established: Some(!unfinished),
        subject: told.text("subject"),
        issuer: told.text("issuerdn"),
        ja3: hash("ja3"),
        ja4: hash("ja4"),
        uid: common.uid,
        sensor: common.sensor,
        ..Tls::new(KIND)
    }));
    Took::Yes
}

fn http(object: Object<'_>, out: &mut dyn Out) -> Took {
    let Some(told) = object.object("http") else {
        return Took::no("an http event without its body");
    };
    let common = common(object, out);
    let (host, port) =
        told.str("hostname").map_or((None, None), |h| super::url::host_port(h.as_bytes()));
    out.row(Row::Http(Http {
        time: common.time,
        client: common.src,
        client_port: common.src_port,
        server: common.dest,
        server_port: common.dest_port,
        method: told.text("http_method"),
        host,
        port: told.port("http_port").or(port),
        uri: told.text("url"),
        user_agent: told.text("http_user_agent"),
        referrer: told.text("http_refer"),
        status: told.small("status"),
        response_bytes: told.count("length"),
        uid: common.uid,
        sensor: common.sensor,
        ..Http::new(KIND)
    }));
    Took::Yes
}

/// Packets that the sensor itself says it lost.
fn stats(object: Object<'_>, out: &mut dyn Out) -> Took {
    let dropped = object
        .object("stats")
        .and_then(|stats| stats.object("capture"))
        .and_then(|capture| capture.count("kernel_drops"));
    if let Some(dropped) = dropped.filter(|count| *count > 0) {
        out.note(Note::Lost(
            "packets that the kernel dropped (stats, added up over its events)",
            dropped,
        ));
    }
    Took::Other
}

//! Alerts of one line: Suricata's fast.log, Snort 2's alert_fast, and both through syslog; Snort
//! 2's alert_full in blocks; Snort 3's alert_json.

use super::damage::Damage;
use super::field::{endpoint, protocol_named};
use super::format::{Format, LineReader, Origin, Out, Shape, Took};
use super::json::Object;
use super::row::{Alert, Row, text};
use super::times;

pub(super) const FAST: Format = Format {
    name: "snort-fast",
    doc: "Suricata fast.log, Snort alert_fast (with or without a year) and alert_full, and the same through syslog",
    tables: &["alerts"],
    shape: Shape::Lines { tells, reader: || Box::new(Fast::default()) },
};

pub(super) const JSON: Format = Format {
    name: "snort3",
    doc: "Snort 3 alert_json, with whatever fields it was told to write",
    tables: &["alerts"],
    shape: Shape::Json { tells: tells_json, read: read_json },
};

fn tells(line: &[u8], _: &Origin) -> bool {
    one(line, None, &Damage::default()).is_some() || full_head(line)
}

/// `[**] [1:1000:1] message [**]`, the first line of a block.
fn full_head(line: &[u8]) -> bool {
    line.starts_with(b"[**] [") && line.ends_with(b"[**]") && line.len() > 14
}

/// What a line says of a rule, and where the rest of it begins.
struct Rule<'a> {
    id: &'a [u8],
    message: &'a [u8],
    rest: &'a [u8],
}

/// `[1:9000001:1] message [**]…`; through syslog no `[**]` follows and the class comes at once.
fn rule(text: &[u8]) -> Option<Rule<'_>> {
    let inner = text.strip_prefix(b"[")?;
    let close = memchr::memchr(b']', inner)?;
    let (id, rest) = inner.split_at_checked(close)?;
    let numbers = id.split(|b| *b == b':').filter(|n| super::field::count(n).is_some()).count();
    if numbers != 3 {
        return None;
    }
    let rest = rest.get(1..)?.trim_ascii_start();
    // A message may hold brackets: what ends it is looked for from behind.
    let end = [&b" [**]"[..], b" [Classification:", b" [Priority:", b" {"]
        .into_iter()
        .filter_map(|mark| memchr::memmem::rfind(rest, mark))
        .min()?;
    let (message, rest) = rest.split_at_checked(end)?;
    let message = message.trim_ascii();
    // Snort 3 writes it in quotes.
    let bare = message.strip_prefix(b"\"").and_then(|m| m.strip_suffix(b"\""));
    Some(Rule { id, message: bare.unwrap_or(message), rest })
}

/// The text between `[Name: ` and `]`.
fn tag<'a>(text: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let at = memchr::memmem::find(text, name)? + name.len();
    let rest = text.get(at..)?;
    rest.get(..memchr::memchr(b']', rest)?).map(<[u8]>::trim_ascii)
}

/// One alert on one line.
fn one(
    line: &[u8],
    origin: Option<&Origin>,
    damage: &Damage,
) -> Option<(Alert, Option<times::Read>)> {
    let modified = origin.and_then(|origin| origin.modified);
    let (head, body) = match memchr::memmem::find(line, b" [**] [") {
        Some(at) => line.split_at_checked(at)?,
        None => {
            // `Aug  3 14:19:41 ids snort[123]: [1:1000:1] message [Classification: …`
            let at = memchr::memmem::find(line, b": [")?;
            let (head, body) = line.split_at_checked(at + 1)?;
            (head
                .windows(5)
                .any(|w| w.eq_ignore_ascii_case(b"snort") || w.eq_ignore_ascii_case(b"suric")))
            .then_some((head, body))?
        }
    };
    let body = body.trim_ascii_start();
    let body = body.strip_prefix(b"[**] ").unwrap_or(body);
    // Suricata tells a drop before the rule: `[Drop] [**] [1:…`.
    let rule = rule(body)?;
    let read = times::month_day(head.split(|b| *b == b' ').next().unwrap_or_default(), modified)
        .or_else(|| times::syslog(head, modified).and_then(|(read, _)| read));
    let mut alert = Alert::new(kind(head));
    alert.signature_id = text(rule.id);
    alert.signature = text(rule.message);
    alert.category = tag(rule.rest, b"[Classification:").and_then(text);
    alert.severity = priority(rule.rest, damage);
    if memchr::memmem::find(head, b"[Drop]").is_some()
        || memchr::memmem::find(line, b"[Drop] [**]").is_some()
    {
        alert.action = text(b"blocked");
    }
    let open = memchr::memrchr(b'{', rule.rest)?;
    let packet = rule.rest.get(open + 1..)?;
    let close = memchr::memchr(b'}', packet)?;
    alert.protocol = protocol_named(packet.get(..close)?);
    sides(packet.get(close + 1..)?, &mut alert, damage);
    Some((alert, read))
}

/// Suricata writes a year of four digits; Snort none, or one of two.
fn kind(head: &[u8]) -> &'static str {
    match head {
        [_, _, b'/', _, _, b'/', _, _, _, _, b'-', ..] => "suricata-fast",
        _ => "snort",
    }
}

/// `10.0.2.15:53288 -> 74.84.128.158:3333`; of ICMP without ports.
fn sides(text: &[u8], alert: &mut Alert, damage: &Damage) {
    let Some(arrow) = memchr::memmem::find(text, b"->") else { return };
    let (from, to) = text.split_at_checked(arrow).unwrap_or((text, b""));
    (alert.client, alert.client_port) = damage.end("source", from.trim_ascii());
    let to = to.get(2..).unwrap_or_default().trim_ascii();
    let to = to.split(|b| *b == b' ').next().unwrap_or_default();
    (alert.server, alert.server_port) = damage.end("destination", to);
}

/// `[Priority: 1]`.
#[allow(clippy::cast_precision_loss)]
fn priority(text: &[u8], damage: &Damage) -> Option<f64> {
    let told = tag(text, b"[Priority:")?;
    damage.told("Priority", told, super::field::count(told)).map(|priority| priority as f64)
}

/// One line an alert, or the block of alert_full that is being read.
#[derive(Default)]
struct Fast {
    /// With its first line.
    block: Option<(u64, Alert)>,
}

impl Fast {
    fn flush(&mut self, out: &mut dyn Out) {
        if let Some((place, alert)) = self.block.take() {
            out.earlier(place, Row::Alert(Box::new(alert)));
        }
    }
}

impl LineReader for Fast {
    fn line(&mut self, line: &[u8], origin: &Origin, out: &mut dyn Out) -> Took {
        if full_head(line) {
            self.flush(out);
            let Some(rule) = rule(line.get(5..).unwrap_or_default()) else {
                return Took::no("an alert without gid:sid:rev");
            };
            let alert = Alert {
                signature_id: text(rule.id),
                signature: text(rule.message),
                ..Alert::new("snort")
            };
            self.block = Some((out.at(), alert));
            return Took::Yes;
        }
        let damage = Damage::default();
        if let Some((mut alert, read)) = one(line, Some(origin), &damage) {
            self.flush(out);
            damage.tell(out);
            alert.time = out.stamp(line, origin, read);
            out.row(Row::Alert(Box::new(alert)));
            return Took::Yes;
        }
        match self.block.as_mut() {
            Some(_) if line.is_empty() => {
                self.flush(out);
                Took::Yes
            }
            Some((_, alert)) if of_block(line) => {
                within(line, origin, alert, out);
                Took::Yes
            }
            Some(_) => {
                self.flush(out);
                Took::no("no line of an alert")
            }
            None if line.is_empty() => Took::Yes,
            None => Took::no("no alert"),
        }
    }

    fn end(&mut self, out: &mut dyn Out) {
        self.flush(out);
    }
}

/// Whether a line can stand within a block: what Snort writes of a packet's headers.
fn of_block(line: &[u8]) -> bool {
    const BEGIN: &[&[u8]] = &[
        b"[", b"*", b"TCP ", b"UDP ", b"ICMP ", b"IP ", b"PROTO:", b"Type:", b"Len:", b"Opt ",
        b"Frag ", b"Seq:", b"ID:",
    ];
    BEGIN.iter().any(|begin| line.starts_with(begin))
        || matches!(line, [_, _, b'/', _, _, b'-' | b'/', ..])
        || memchr::memmem::find(line, b" TTL:").is_some()
}

/// The further lines of a block.
fn within(line: &[u8], origin: &Origin, alert: &mut Alert, out: &mut dyn Out) {
    if let Some(class) = tag(line, b"[Classification:") {
        alert.category = text(class);
    }
    let damage = Damage::default();
    alert.severity = priority(line, &damage).or(alert.severity);
    let end = line.iter().position(|b| *b == b' ').unwrap_or(line.len());
    let (first, rest) = line.split_at_checked(end).unwrap_or((line, b""));
    if let Some(read) = times::month_day(first, origin.modified) {
        alert.time = out.time(Some(read));
        sides(rest, alert, &damage);
    } else if matches!(first, b"TCP" | b"UDP" | b"ICMP")
        && memchr::memmem::find(rest, b"TTL:").is_some()
    {
        alert.protocol = protocol_named(first);
    }
    damage.tell(out);
}

fn tells_json(object: Object<'_>, _: &Origin) -> bool {
    let rule = object.get("rule").is_some() || object.get("sid").is_some();
    let place = object.get("src_ap").is_some()
        || object.get("src_addr").is_some()
        || object.get("pkt_num").is_some();
    rule && place && object.get("event_type").is_none()
}

fn read_json(object: Object<'_>, origin: &Origin, out: &mut dyn Out) -> Took {
    let read = match object.get("seconds") {
        Some(_) => object.time("seconds"),
        None => {
            object.str("timestamp").and_then(|t| times::month_day(t.as_bytes(), origin.modified))
        }
    };
    let id = object.text("rule").or_else(|| {
        let number = |key| object.count(key).unwrap_or(0);
        text(
            format!("{}:{}:{}", number("gid").max(1), object.count("sid")?, number("rev"))
                .as_bytes(),
        )
    });
    let both = |ap: &str, addr: &str, port: &str| {
        let pair = object.field(ap, |pair| endpoint(pair.as_str()?.as_bytes()));
        let address = object.address(addr).or(pair.map(|p| p.0));
        (address, object.port(port).or(pair.and_then(|p| p.1)).filter(|port| *port != 0))
    };
    let (src, dst) =
        (both("src_ap", "src_addr", "src_port"), both("dst_ap", "dst_addr", "dst_port"));
    // C2S is the client's packet, S2C the server's.
    let (client, server) = if object.str("dir") == Some("S2C") { (dst, src) } else { (src, dst) };
    let time = out.time(read);
    out.row(Row::Alert(Box::new(Alert {
        time,
        signature_id: id,
        signature: object.text("msg"),
        category: object.text("class").filter(|class| class.as_bytes() != b"none"),
        #[allow(clippy::cast_precision_loss)]
        severity: object.count("priority").map(|priority| priority as f64),
        action: object.text("action"),
        client: client.0,
        client_port: client.1,
        server: server.0,
        server_port: server.1,
        protocol: object.str("proto").and_then(|proto| protocol_named(proto.as_bytes())),
        app_proto: object.text("service").filter(|service| service.as_bytes() != b"unknown"),
        ..Alert::new("snort3")
    })));
    Took::Yes
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn one_line_in_all_its_forms() {
        let suricata = b"08/03/2018-14:19:41.208105  [**] [1:9000001:1] LOCAL COINMINER Stratum v1 mining.subscribe [**] [Classification: Crypto Currency Mining Activity Detected] [Priority: 2] {TCP} 10.0.2.15:53288 -> 74.84.128.158:3333";
        let (alert, read) = one(suricata, None, &Damage::default()).unwrap();
        assert_eq!(read.unwrap().time.to_string(), "2018-08-03T14:19:41.208105Z");
        assert_eq!(alert.kind, "suricata-fast");
        assert_eq!(
            alert.signature.unwrap().to_string(),
            "LOCAL COINMINER Stratum v1 mining.subscribe"
        );
        assert_eq!(alert.category.unwrap().to_string(), "Crypto Currency Mining Activity Detected");
        assert_eq!((alert.server_port, alert.severity), (Some(3333), Some(2.0)));

        let snort = b"08/03-14:19:41.208105  [**] [116:58:1] (snort_decoder): [weird] \"text\" {x} [**] [Priority: 3] {UDP} fe80::1:546 -> ff02::1:2:547";
        let (alert, read) = one(snort, None, &Damage::default()).unwrap();
        assert_eq!(read, None);
        assert_eq!(alert.signature.unwrap().to_string(), "(snort_decoder): [weird] \"text\" {x}");
        assert_eq!(alert.client.unwrap().to_string(), "fe80::1");
        assert_eq!(alert.server_port, Some(547));

        let syslog = b"Aug  3 14:19:41 ids snort[321]: [1:2000:3] ICMP PING [Classification: Misc activity] [Priority: 3] {ICMP} 10.0.0.1 -> 10.0.0.2";
        let (alert, _) = one(syslog, None, &Damage::default()).unwrap();
        assert_eq!(alert.signature.unwrap().to_string(), "ICMP PING");
        assert_eq!(
            (alert.server.unwrap().to_string().as_str(), alert.server_port),
            ("10.0.0.2", None)
        );
    }
}

//! GuardDuty findings in their outer shapes: get-findings, list-findings, S3 export, EventBridge;
//! also within Security Hub's ASFF. Keys begin with a capital or not, and mean the same.

use super::field::protocol_named;
use super::format::{Format, Note, Origin, Out, Shape, Took};
use super::json::{Object, words};
use super::row::{Alert, Row, name, text};
use serde_json::Value;

pub(super) const FORMAT: Format = Format {
    name: "guardduty",
    doc: "GuardDuty findings of get-findings, list-findings (ids only), S3 export, EventBridge, and Security Hub",
    tables: &["alerts"],
    shape: Shape::Json { tells, read },
};

/// A finding has a type like `CryptoCurrency:EC2/BitcoinTool.B!DNS`.
fn is_finding(object: Object<'_>) -> bool {
    let typed = object.str("type").is_some_and(|t| t.contains(':'));
    typed
        && object.get("resource").is_some()
        && (object.get("service").is_some() || object.get("schemaVersion").is_some())
}

fn is_asff(object: Object<'_>) -> bool {
    object.str("ProductName") == Some("GuardDuty")
        || object.str("ProductArn").is_some_and(|arn| arn.contains("guardduty"))
}

/// A finding as Security Lake keeps it: OCSF's detection finding, of GuardDuty.
fn is_ocsf(object: Object<'_>) -> bool {
    object.count("class_uid") == Some(2004)
        && object
            .object("metadata")
            .and_then(|m| m.object("product")?.str("name"))
            .is_some_and(|name| name.eq_ignore_ascii_case("guardduty"))
}

fn tells(object: Object<'_>, _: &Origin) -> bool {
    is_finding(object)
        || is_asff(object)
        || is_ocsf(object)
        || object.get("findingIds").is_some()
        || object.object("detail").is_some_and(is_finding)
        || lists(object).any(|found| is_finding(found) || is_asff(found))
        || object.get("findings").is_some_and(|v| v.as_array().is_some_and(Vec::is_empty))
}

/// The findings that one object holds in a list.
fn lists<'a>(object: Object<'a>) -> impl Iterator<Item = Object<'a>> {
    let inner = object.object("detail").and_then(|detail| detail.get("findings"));
    let list = object.get("findings").or(inner).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(move |v| v.as_object().map(|map| object.within(map)))
}

fn read(object: Object<'_>, _: &Origin, out: &mut dyn Out) -> Took {
    if let Some(Value::Array(ids)) = object.get("findingIds") {
        let said = format!(
            "list-findings gives ids alone ({}): what they found is in `aws guardduty get-findings`",
            ids.len()
        );
        out.note(Note::Said(said));
        return Took::Yes;
    }
    if let Some(detail) = object.object("detail").filter(|d| is_finding(*d)) {
        return finding(detail, out);
    }
    if is_finding(object) {
        return finding(object, out);
    }
    if is_asff(object) {
        return asff(object, out);
    }
    if is_ocsf(object) {
        return ocsf(object, out);
    }
    let mut all = Took::Yes;
    for found in lists(object) {
        let took = if is_asff(found) { asff(found, out) } else { finding(found, out) };
        if let Took::No(_) = took {
            all = took;
        }
    }
    all
}

fn finding(object: Object<'_>, out: &mut dyn Out) -> Took {
    let Some(kind) = object.str("type") else { return Took::no("a finding without a type") };
    let resource = object.object("resource");
    let service = object.object("service");
    let instance = resource.and_then(|r| r.object("instanceDetails"));
    let mut alert = Alert {
        signature_id: object.text("id"),
        signature: text(kind.as_bytes()),
        category: text(kind.split(':').next().unwrap_or_default().as_bytes()),
        severity: object.field("severity", severity),
        detail: object.text("title").or_else(|| object.text("description")),
        instance: instance.and_then(|i| i.text("instanceId")),
        sensor: object.text("accountId"),
        client: instance.and_then(private_address),
        ..Alert::new("guardduty")
    };
    let first = service.and_then(|s| s.time("eventFirstSeen")).or_else(|| object.time("createdAt"));
    let last = service.and_then(|s| s.time("eventLastSeen")).or_else(|| object.time("updatedAt"));
    alert.time = out.time(first);
    alert.last = out.time(last);
    if let Some(service) = service {
        alert.count = service.count("count");
        alert.sample = sample(service);
        if let Some(action) = service.object("action") {
            act(action, service.str("resourceRole"), &mut alert);
        }
        if let Some(process) = service.object("runtimeDetails").and_then(|r| r.object("process")) {
            alert.pid = process.small("pid");
            alert.exe = process.text("executablePath");
            alert.exe_sha256 = process.text("executableSha256");
            if alert.action.is_none() {
                alert.action = text(b"RUNTIME");
            }
        }
    }
    if kind.contains("[SAMPLE]") || object.str("title").is_some_and(|t| t.starts_with("[SAMPLE]")) {
        alert.sample = true;
    }
    out.row(Row::Alert(Box::new(alert)));
    Took::Yes
}

fn severity(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text
            .trim()
            .parse()
            .ok()
            .filter(|grade: &f64| grade.is_finite())
            .or_else(|| in_words(text)),
        _ => None,
    }
}

/// The grade that GuardDuty's own words begin with.
fn in_words(text: &str) -> Option<f64> {
    Some(match text.trim().to_ascii_lowercase().as_str() {
        "informational" | "info" => 0.0,
        "low" => 1.0,
        "medium" | "moderate" => 4.0,
        "high" => 7.0,
        "critical" => 9.0,
        _ => return None,
    })
}

/// `additionalInfo.sample`, also within `additionalInfo.value`, which is JSON in a text.
fn sample(service: Object<'_>) -> bool {
    let Some(info) = service.object("additionalInfo") else { return false };
    if info.bool("sample") == Some(true) {
        return true;
    }
    let inner = info.str("value").and_then(|v| serde_json::from_str::<Value>(v).ok());
    matches!(inner, Some(Value::Object(map)) if Object::from(&map).bool("sample") == Some(true))
}

fn private_address(instance: Object<'_>) -> Option<std::net::IpAddr> {
    let interfaces = instance.get("networkInterfaces")?.as_array()?;
    let six = |i: &Value| {
        let list = Object::from(i.as_object()?).get("ipv6Addresses")?.as_array()?;
        list.iter().find_map(|a| super::field::address(a.as_str()?.as_bytes()))
    };
    let four =
        interfaces.iter().find_map(|i| instance.within(i.as_object()?).address("privateIpAddress"));
    four.or_else(|| interfaces.iter().find_map(six))
}

/// What was done, in any of the shapes of an action.
fn act(action: Object<'_>, role: Option<&str>, alert: &mut Alert) {
    alert.action = action.text("actionType");
    if let Some(dns) = action.object("dnsRequestAction") {
        alert.domain = dns.str("domain").and_then(|d| name(d.as_bytes()));
        alert.protocol = dns.str("protocol").and_then(|p| protocol_named(p.as_bytes()));
    }
    if let Some(call) = action.object("networkConnectionAction") {
        alert.protocol = call.str("protocol").and_then(|p| protocol_named(p.as_bytes()));
        let local = end(call, "localIpDetails");
        let side = (local.or(alert.client), port_of(call, "localPortDetails"));
        let remote = (remote(call), port_of(call, "remotePortDetails"));
        let inbound = call.str("connectionDirection") == Some("INBOUND")
            || role == Some("TARGET") && call.str("connectionDirection").is_none();
        let (client, server) = if inbound { (remote, side) } else { (side, remote) };
        (alert.client, alert.client_port) = client;
        (alert.server, alert.server_port) = server;
    }
    if let Some(probe) = action.object("portProbeAction") {
        let details = probe.get("portProbeDetails").and_then(Value::as_array);
        if let Some(one) =
            details.and_then(|d| d.first()).and_then(Value::as_object).map(|map| probe.within(map))
        {
            alert.server = alert.client;
            alert.server_port = port_of(one, "localPortDetails");
            alert.client = remote(one);
        }
    }
    for (key, word) in [("awsApiCallAction", "api"), ("kubernetesApiCallAction", "requestUri")] {
        if let Some(call) = action.object(key) {
            alert.server = alert.client.take();
            alert.client = remote(call);
            if let Some(called) = call.str(word) {
                alert.detail = text(called.as_bytes());
            }
        }
    }
}

fn remote(action: Object<'_>) -> Option<std::net::IpAddr> {
    end(action, "remoteIpDetails")
}

/// An address of either kind.
fn end(action: Object<'_>, key: &str) -> Option<std::net::IpAddr> {
    let details = action.object(key)?;
    details.address("ipAddressV4").or_else(|| details.address("ipAddressV6"))
}

fn port_of(action: Object<'_>, key: &str) -> Option<u16> {
    action.object(key)?.port("port")
}

/// The same finding as Security Lake keeps it.
fn ocsf(object: Object<'_>, out: &mut dyn Out) -> Took {
    let Some(info) = object.object("finding_info") else {
        return Took::no("a finding without its finding_info");
    };
    let kind = info.get("types").and_then(words).unwrap_or_default();
    let kind = kind.split(',').next().unwrap_or_default();
    let first = info.time("first_seen_time_dt").or_else(|| info.time("first_seen_time"));
    let last = info.time("last_seen_time_dt").or_else(|| info.time("last_seen_time"));
    let first = out.time(first.or_else(|| object.time("time_dt")).or_else(|| object.time("time")));
    let last = out.time(last);
    let resources = object.get("resources").and_then(Value::as_array);
    let id = resources.and_then(|r| Object::from(r.first()?.as_object()?).str("uid"));
    // OCSF's own scale ends with 5, critical; GuardDuty's with 10.
    #[allow(clippy::cast_precision_loss)]
    let severity = object.count("severity_id").map(|grade| (grade * 2).min(10) as f64);
    out.row(Row::Alert(Box::new(Alert {
        time: first,
        last,
        count: object.count("count"),
        signature_id: info.text("uid"),
        signature: text(kind.as_bytes()),
        category: text(kind.split(':').next().unwrap_or_default().as_bytes()),
        severity,
        instance: id.and_then(|id| text(id.rsplit('/').next().unwrap_or_default().as_bytes())),
        sample: info.str("title").is_some_and(|title| title.starts_with("[SAMPLE]")),
        detail: info.text("title"),
        sensor: object.object("cloud").and_then(|c| c.object("account")?.text("uid")),
        ..Alert::new("guardduty")
    })));
    Took::Yes
}

/// What was done, as Security Hub has it under names of its own.
fn asff_action(object: Object<'_>, alert: &mut Alert) {
    let Some(action) = object.object("Action") else { return };
    alert.action = action.text("ActionType");
    if let Some(dns) = action.object("DnsRequestAction") {
        alert.domain = dns.str("Domain").and_then(|d| name(d.as_bytes()));
        alert.protocol = dns.str("Protocol").and_then(|p| protocol_named(p.as_bytes()));
    }
    if let Some(call) = action.object("NetworkConnectionAction") {
        alert.protocol = call.str("Protocol").and_then(|p| protocol_named(p.as_bytes()));
        let port = |key| call.object(key).and_then(|side| side.port("Port"));
        let here = (alert.client, port("LocalPortDetails"));
        let there = (
            call.object("RemoteIpDetails").and_then(|side| side.address("IpAddressV4")),
            port("RemotePortDetails"),
        );
        let inbound = call.str("ConnectionDirection") == Some("INBOUND");
        let (client, server) = if inbound { (there, here) } else { (here, there) };
        (alert.client, alert.client_port) = client;
        (alert.server, alert.server_port) = server;
    }
}

/// The inner address of an instance that Security Hub describes.
fn asff_address(resource: Object<'_>) -> Option<std::net::IpAddr> {
    let instance = resource.object("Details")?.object("AwsEc2Instance")?;
    let list = instance.get("IpV4Addresses")?.as_array()?;
    let mut addresses = list.iter().filter_map(|a| super::field::address(a.as_str()?.as_bytes()));
    let inner =
        |address: &std::net::IpAddr| matches!(address, std::net::IpAddr::V4(v4) if v4.is_private());
    let found = addresses.clone().find(inner).or_else(|| addresses.next());
    if found.is_none()
        && let Some(first) = list.first()
    {
        instance.damaged("IpV4Addresses", first);
    }
    found
}

/// The same finding as Security Hub writes it.
fn asff(object: Object<'_>, out: &mut dyn Out) -> Took {
    let types = object.get("Types").and_then(words).unwrap_or_default();
    // `TTPs/Impact/CryptoCurrency:EC2-BitcoinTool.B`: the finding's own type is the last part.
    let kind = types.split(',').next().unwrap_or_default();
    let kind = kind.rsplit('/').next().unwrap_or_default().replacen('-', "/", 1);
    let resource = object.get("Resources").and_then(Value::as_array).and_then(|r| r.first());
    let id = resource.and_then(Value::as_object).and_then(|r| Object::from(r).str("Id"));
    let time = out.time(object.time("FirstObservedAt").or_else(|| object.time("CreatedAt")));
    let last = out.time(object.time("LastObservedAt").or_else(|| object.time("UpdatedAt")));
    let mut alert = Alert {
        time,
        last,
        count: object
            .object("ProductFields")
            .and_then(|fields| fields.count("aws/guardduty/service/count")),
        client: resource.and_then(Value::as_object).and_then(|r| asff_address(object.within(r))),
        signature_id: object.text("Id"),
        signature: text(kind.as_bytes()),
        category: text(kind.split(':').next().unwrap_or_default().as_bytes()),
        severity: object.object("Severity").and_then(|s| {
            // The normalised one ends with 100.
            let normalised = || s.field("Normalized", severity).map(|grade| grade / 10.0);
            let product = s.field("Product", severity).or_else(normalised);
            product.or_else(|| s.field("Label", severity))
        }),
        instance: id.and_then(|id| text(id.rsplit('/').next().unwrap_or_default().as_bytes())),
        sample: object.bool("Sample") == Some(true),
        detail: object.text("Title"),
        ..Alert::new("guardduty")
    };
    asff_action(object, &mut alert);
    out.row(Row::Alert(Box::new(alert)));
    Took::Yes
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use crate::facts::Facts;
    use crate::logs::{Logs, Origin, Wanted};

    /// Findings as they are not meant to be: numbers beyond any float, numbers as texts, nulls.
    #[test]
    fn odd_values_cost_themselves_alone() {
        let text = r#"
{"type":"CryptoCurrency:EC2/BitcoinTool.B","id":"a","severity":1e400,"resource":{"instanceDetails":{"instanceId":"i-1","networkInterfaces":[]}},"service":{"count":1e400,"eventFirstSeen":null,"action":{"actionType":"NETWORK_CONNECTION","networkConnectionAction":{"remoteIpDetails":{"ipAddressV4":"203.0.113.9"},"remotePortDetails":{"port":3333},"localPortDetails":{"port":99999},"localIpDetails":null,"protocol":null}}}}
{"type":"CryptoCurrency:EC2/BitcoinTool.B!DNS","id":"b","severity":"8.0","resource":{"instanceDetails":null},"service":{"count":"57","action":{"actionType":"DNS_REQUEST","dnsRequestAction":{"domain":"pool.example.test","protocol":"UDP"}},"additionalInfo":null,"runtimeDetails":null}}
{"type":"CryptoCurrency:EC2/BitcoinTool.B","id":"c","severity":null,"resource":{},"service":null,"schemaVersion":"2.0","createdAt":-1e300}
{"type":"CryptoCurrency:EC2/BitcoinTool.B","id":"d","severity":"high","resource":{},"service":{"count":-4,"action":[]},"createdAt":"yesterday"}
"#;
        let facts = Facts::in_memory(crate::logs::TABLES).unwrap();
        let mut logs = Logs::new(vec![(&facts, Wanted::ALL)]);
        let origin = Origin { name: "findings.jsonl".into(), modified: None };
        let told = logs.read(&origin, &mut text.as_bytes()).unwrap();
        logs.finish().unwrap();
        assert_eq!((told.records, told.problems.lost), (4, 0), "{}", told.problems);
        assert_eq!(
            told.fields.to_string(),
            "6 fields could not be read, their rows were kept: line 2 severity \"1e400\", \
             line 2 count \"1e400\", line 2 port \"99999\", line 4 createdAt \"-1e+300\", \
             line 5 createdAt \"yesterday\", …"
        );
        let sql = "SELECT coalesce(signature_id, '') || ' ' || coalesce(severity, '-') || ' ' || \
            coalesce(count, '-') || ' ' || coalesce(server, '-') || ' ' || coalesce(server_port, '-') || ' ' || \
            coalesce(domain, '-') || ' ' || coalesce(instance, '-') FROM alerts ORDER BY signature_id";
        let rows = facts.rows(sql, [], |row| row.get::<_, String>(0)).unwrap();
        assert_eq!(
            rows,
            [
                "a - - 203.0.113.9 3333 - i-1",
                "b 8.0 57 - - pool.example.test -",
                "c - - - - - -",
                "d 7.0 - - - - -",
            ]
        );
    }
}

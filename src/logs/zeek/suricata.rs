//! suricata_corelight.log: an alert of Suricata among Zeek's logs.

use super::super::field::protocol_named;
use super::super::format::{Out, Took};
use super::super::row::{Alert, Row, text};
use super::Fields;

pub(super) fn read(fields: &dyn Fields, out: &mut dyn Out) -> Took {
    let time = fields.time(out);
    let number = |name| fields.count(name).unwrap_or(0);
    let id =
        format!("{}:{}:{}", number("alert.gid"), number("alert.signature_id"), number("alert.rev"));
    // `mitre_tactic_id:TA0040,mitre_technique_id:T1496`
    let metadata = fields.get("alert.metadata").unwrap_or_default();
    let named = |name: &str| {
        let values = metadata.split(|b| *b == b',').filter_map(|pair| {
            pair.strip_prefix(name.as_bytes())?.strip_prefix(b":").map(<[u8]>::trim_ascii)
        });
        text(&values.collect::<Vec<_>>().join(&b' '))
    };
    #[allow(clippy::cast_precision_loss)]
    let severity = fields.count("alert.severity").map(|severity| severity as f64);
    out.row(Row::Alert(Box::new(Alert {
        time,
        signature_id: text(id.as_bytes()),
        signature: fields.text("alert.signature"),
        category: fields.text("alert.category"),
        severity,
        action: fields.text("alert.action"),
        client: fields.address("id.orig_h"),
        client_port: fields.port("id.orig_p"),
        server: fields.address("id.resp_h"),
        server_port: fields.port("id.resp_p"),
        protocol: fields.get("proto").and_then(|bytes| protocol_named(&bytes)),
        app_proto: fields.text("service"),
        tactic: named("mitre_tactic_id"),
        technique: named("mitre_technique_id"),
        uid: fields.text("uid"),
        sensor: fields.sensor(),
        ..Alert::new("suricata")
    })));
    Took::Yes
}

//! STIX 2.1: a bundle of indicators.

use super::super::{Exporter, Shape};
use super::{addresses, names};
use crate::facts::Time;
use crate::graph::network::Network;
use crate::report::json::pretty;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::io::{self, Write};

pub(in crate::report::graph) const EXPORTER: Exporter = Exporter {
    name: "stix",
    extension: "stix",
    doc: "what to block, as a STIX 2.1 bundle of indicators",
    shape: Shape::File(write),
};

/// A UUID that the same input gives again: made of a digest, not drawn.
pub(super) fn uuid(of: &str) -> String {
    let digest = Sha256::digest(format!("davy/{of}").as_bytes());
    let mut bytes: [u8; 16] = [0; 16];
    for (to, from) in bytes.iter_mut().zip(digest.iter()) {
        *to = *from;
    }
    let mut number = u128::from_be_bytes(bytes);
    // Version 4 and the usual variant, as STIX asks of ids.
    number = number & !(0xf << 76) | 0x4 << 76;
    number = number & !(0x3 << 62) | 0x2 << 62;
    let hex = format!("{number:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default().to_owned();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}

/// STIX wants a fraction of three digits at least.
fn stamp(time: Time) -> String {
    let millis = Time(time.0.div_euclid(1_000_000) * 1_000_000);
    let text = millis.to_string();
    let (whole, fraction) = text
        .trim_end_matches('Z')
        .split_once('.')
        .map_or((text.trim_end_matches('Z'), ""), |(whole, fraction)| (whole, fraction));
    format!("{whole}.{fraction:0<3}Z")
}

fn write(network: &Network, out: &mut dyn Write) -> io::Result<()> {
    let earliest =
        network.nodes.iter().filter_map(|node| node.seen.first).min().unwrap_or_default();
    let identity = format!("identity--{}", uuid("identity"));
    let mut objects = vec![json!({
        "type": "identity", "spec_version": "2.1", "id": identity,
        "created": "2026-01-01T00:00:00.000Z", "modified": "2026-01-01T00:00:00.000Z",
        "name": "davy", "identity_class": "system",
    })];
    let mut indicator =
        |value: &str, pattern: String, why: &str, attacks: bool, from: Option<Time>| {
            let from = stamp(from.unwrap_or(earliest));
            objects.push(json!({
                "type": "indicator", "spec_version": "2.1",
                "id": format!("indicator--{}", uuid(&pattern)),
                "created_by_ref": identity, "created": from, "modified": from, "valid_from": from,
                "name": value, "description": why,
                "indicator_types": ["malicious-activity"],
                "pattern": pattern, "pattern_type": "stix",
                "labels": [if attacks { "attacker" } else { "called" }],
            }));
        };
    for blocked in addresses(network) {
        let address = blocked.address;
        let kind = if address.is_ipv4() { "ipv4-addr" } else { "ipv6-addr" };
        let pattern = format!("[{kind}:value = '{address}']");
        indicator(&address.to_string(), pattern, blocked.why, blocked.attacks, blocked.first);
    }
    for (name, why) in names(network) {
        indicator(&name, format!("[domain-name:value = '{name}']"), why, false, None);
    }
    let bundle = json!({
        "type": "bundle", "id": format!("bundle--{}", uuid("bundle")), "objects": objects,
    });
    pretty(&bundle, out)
}

//! A MISP event.

use super::super::{Exporter, Shape};
use super::stix::uuid;
use super::{addresses, names};
use crate::graph::network::Network;
use crate::report::json::pretty;
use serde_json::{Value, json};
use std::io::{self, Write};

pub(in crate::report::graph) const EXPORTER: Exporter = Exporter {
    name: "misp",
    extension: "misp",
    doc: "what to block, as a MISP event",
    shape: Shape::File(write),
};

fn write(network: &Network, out: &mut dyn Write) -> io::Result<()> {
    let last = network.nodes.iter().filter_map(|node| node.seen.last).max().unwrap_or_default();
    let attribute = |kind: &str, value: String, why: &str| -> Value {
        json!({
            "uuid": uuid(&format!("{kind}/{value}")), "type": kind, "category": "Network activity",
            "value": value, "comment": why, "to_ids": true,
        })
    };
    let mut attributes: Vec<Value> = addresses(network)
        .iter()
        .map(|blocked| {
            let kind = if blocked.attacks { "ip-src" } else { "ip-dst" };
            attribute(kind, blocked.address.to_string(), blocked.why)
        })
        .collect();
    attributes.extend(names(network).into_iter().map(|(name, why)| attribute("domain", name, why)));
    let date: String = last.to_string().chars().take(10).collect();
    let event = json!({"Event": {
        "uuid": uuid(&format!("event/{last}")), "info": "davy: addresses and names to block",
        "date": date, "distribution": "0", "threat_level_id": "2", "analysis": "1",
        "Attribute": attributes,
    }});
    pretty(&event, out)
}

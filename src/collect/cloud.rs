//! What a cloud calls this host: its instance, its network interfaces and their addresses, as the
//! hypervisor and cloud-init left them on the disk. Nothing is asked of the metadata service.

use super::{Collector, Host, Outcome, Run};
use crate::evidence::{HostPath, Reason};
use crate::facts::{Facts, HostText, Table};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

crate::table! {
    pub struct CloudIdentity in cloud_identity, "What a cloud calls this host, the surest first; no rows where it is in none, or where nothing on it says so.";
    kind: &'static str, "", "instance, interface (as eni-…) or address: one of its own, seen from inside or outside.";
    value: HostText, "", "The id or the address.";
    outside: bool, "", "For an address: it is the one that others see, and no interface of the host bears it.";
}

pub(super) const COLLECTOR: Collector =
    Collector { name: "cloud", tables: &[CloudIdentity::DEF], run: Run::Host(collect) };

/// cloud-init's data of a host with many interfaces is some hundred kilobytes.
const LIMIT: usize = 4 * 1024 * 1024;

/// What the hypervisor says cannot come from another machine's image; what cloud-init keeps can.
const ASSET_TAG: &str = "sys/class/dmi/id/board_asset_tag";
const DATA: &[&str] =
    &["run/cloud-init/instance-data-sensitive.json", "run/cloud-init/instance-data.json"];
const IDS: &[&str] = &["run/cloud-init/.instance-id", "var/lib/cloud/data/instance-id"];

fn collect(host: &Host<'_>, facts: &Facts) -> Outcome {
    let mut seen = BTreeSet::new();
    let mut add = |kind: &'static str, value: &str, outside: bool, source: &str| {
        let value = value.trim();
        let fits = !value.is_empty() && value.len() <= 128 && !generic(value);
        if !fits || !value.chars().all(|c| c.is_ascii_graphic()) || !seen.insert(value.to_owned()) {
            return Ok(());
        }
        host.gaps.read("cloud_identity");
        let row = CloudIdentity { kind, value: HostText::from(value), outside };
        facts.insert(seen.len(), &format!("/{source}"), &row)
    };
    host.gaps.read_many("cloud_identity", 0);
    if let Some(tag) = text(host, ASSET_TAG).filter(|tag| tag.trim().starts_with("i-")) {
        add("instance", &tag, false, ASSET_TAG)?;
    }
    for name in DATA {
        let data = text(host, name).and_then(|text| serde_json::from_str::<Value>(&text).ok());
        for (kind, value, outside) in data.as_ref().map(told).unwrap_or_default() {
            add(kind, value, outside, name)?;
        }
    }
    for name in IDS {
        if let Some(id) = text(host, name) {
            add("instance", &id, false, name)?;
        }
    }
    Ok(())
}

/// Ids that say only that there is no cloud.
fn generic(value: &str) -> bool {
    let value = value.to_ascii_lowercase();
    value.contains("nocloud") || value.contains("datasource-none") || value == "iid-local01"
}

fn text(host: &Host<'_>, name: &str) -> Option<String> {
    let mut bytes = Vec::new();
    match host.root.read(&HostPath::from(name), LIMIT, &mut bytes) {
        Ok(_) => String::from_utf8(bytes).ok(),
        Err(why) => {
            // Most hosts are in no cloud, and most collectors do not take these files.
            if !matches!(why.reason, Reason::Absent | Reason::NotCaptured) {
                host.gaps.missed("cloud_identity", &why);
            }
            None
        }
    }
}

/// What cloud-init's data says: the instance, then each interface with its addresses.
fn told(data: &Value) -> Vec<(&'static str, &str, bool)> {
    let mut out = Vec::new();
    let meta = data.pointer("/ds/meta_data").and_then(Value::as_object);
    let ids = [
        data.pointer("/v1/instance_id"),
        meta.and_then(|meta| meta.get("instance-id")),
        meta.and_then(|meta| meta.get("instance_id")),
    ];
    out.extend(
        ids.into_iter().flatten().filter_map(Value::as_str).map(|id| ("instance", id, false)),
    );
    let macs = meta.and_then(|meta| meta.get("network")?.pointer("/interfaces/macs")?.as_object());
    for interface in macs.into_iter().flat_map(Map::values).filter_map(Value::as_object) {
        let id = interface.get("interface-id").and_then(Value::as_str);
        out.extend(id.map(|id| ("interface", id, false)));
        addresses(interface, &mut out);
    }
    meta.into_iter().for_each(|meta| addresses(meta, &mut out));
    out
}

fn addresses<'v>(of: &'v Map<String, Value>, out: &mut Vec<(&'static str, &'v str, bool)>) {
    let keys = [
        ("local-ipv4s", false),
        ("local-ipv4", false),
        ("ipv6s", false),
        ("ipv6", false),
        ("public-ipv4s", true),
        ("public-ipv4", true),
    ];
    for (key, outside) in keys {
        let values = match of.get(key) {
            Some(Value::Array(values)) => values.iter().filter_map(Value::as_str).collect(),
            Some(Value::String(text)) => text.lines().collect::<Vec<_>>(),
            _ => Vec::new(),
        };
        let values = values.into_iter().filter(|v| v.trim().parse::<std::net::IpAddr>().is_ok());
        out.extend(values.map(|value| ("address", value, outside)));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn cloud_inits_data_names_instance_interfaces_and_addresses() {
        let data = serde_json::from_str(
            r#"{"v1": {"instance_id": "i-0aaa1111bbbb2222c"}, "ds": {"meta_data": {
                "instance-id": "i-0aaa1111bbbb2222c", "public-ipv4": "198.51.100.24",
                "network": {"interfaces": {"macs": {"02:00:00:00:00:01": {
                    "interface-id": "eni-0abc", "local-ipv4s": "10.0.0.12\n10.0.0.13",
                    "public-ipv4s": ["198.51.100.24"], "ipv6s": 7}}}}}}}"#,
        )
        .unwrap();
        let told = told(&data);
        assert!(told.contains(&("instance", "i-0aaa1111bbbb2222c", false)));
        assert!(told.contains(&("interface", "eni-0abc", false)));
        assert!(told.contains(&("address", "10.0.0.13", false)));
        assert!(told.contains(&("address", "198.51.100.24", true)));
        assert!(generic("iid-datasource-none") && !generic("i-0aaa1111bbbb2222c"));
    }
}

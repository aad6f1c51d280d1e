//! What a host may share with others: taken from the facts that its findings cite.

use super::record::text;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;

/// A thing that several hosts may share.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Shared {
    /// wallet, pool, address, url, hash, key, cron, unit, program, drop, …
    pub kind: String,
    /// It.
    pub value: String,
    /// The earliest time that the host's facts give it, its own or that of what a finding names beside
    /// it; empty where they give none.
    pub first: String,
}

/// Kinds by what they say of who is behind it, the most first; others come after these.
const TELLING: [&str; 16] = [
    "wallet",
    "worker",
    "pool",
    "connection",
    "url",
    "onion",
    "address",
    "domain",
    "key",
    "ssh-key",
    "drop",
    "hash",
    "cron",
    "unit",
    "start",
    "command line",
];

/// The place of a kind among the others.
pub(super) fn telling(kind: &str) -> usize {
    TELLING.iter().position(|known| *known == kind).unwrap_or(TELLING.len())
}

/// All that these findings cite and other hosts could have, each thing once, at its earliest.
pub(super) fn shared(findings: &[Value]) -> Vec<Shared> {
    let none = Vec::new();
    let mut all = BTreeSet::new();
    for finding in findings {
        let facts = finding.get("evidence").and_then(Value::as_array).unwrap_or(&none);
        // What was carved has no time of its own: the process or file beside it has.
        let beside = facts.iter().filter_map(time).min();
        for fact in facts {
            share(fact, time(fact).or_else(|| beside.clone()), &mut all);
        }
    }
    earliest(all)
}

/// When a fact began, as far as it tells.
fn time(fact: &Value) -> Option<String> {
    let values = fact.get("values")?;
    ["btime", "ctime", "started", "mtime", "time"]
        .iter()
        .find_map(|name| values.get(name)?.as_str().map(str::to_owned))
}

fn share(fact: &Value, first: Option<String>, into: &mut BTreeSet<Shared>) {
    let table = text(fact, &["fact"]);
    let table = table.split('/').next().unwrap_or_default();
    let Some(values) = fact.get("values") else { return };
    let value = |name: &str| {
        let value = values.get(name)?;
        value.as_str().map(str::to_owned).or_else(|| value.as_u64().map(|n| n.to_string()))
    };
    let mut add = |kind: &str, what: Option<String>| {
        if let Some(what) = what.filter(|what| !what.is_empty() && what.len() < 4096) {
            let first = first.clone().unwrap_or_default();
            into.insert(Shared { kind: kind.to_owned(), value: what, first });
        }
    };
    match table {
        "indicators" => {
            let kind = value("kind").unwrap_or_default();
            add(&kind, value("value"));
            for worker in workers(&value("value").unwrap_or_default())
                .into_iter()
                .chain(workers(&value("detail").unwrap_or_default()))
            {
                add("worker", Some(worker));
            }
        }
        "sockets" => {
            let public = value("remote_address").zip(value("remote_port"));
            add("connection", public.map(|(address, port)| format!("{address}:{port}")));
        }
        "elf" | "files" | "open_files" => {
            add("hash", value("sha256").or_else(|| value("md5")));
            add("file", value("path").or_else(|| value("target")));
        }
        "processes" => {
            add("program", value("exe"));
            add("command line", value("cmdline"));
            for worker in workers(&value("cmdline").unwrap_or_default()) {
                add("worker", Some(worker));
            }
        }
        "persistence" => {
            let kind = match value("kind").as_deref() {
                Some("systemd") => "unit",
                Some("cron") => "cron",
                Some("ssh-key") => "key",
                _ => "start",
            };
            add(kind, value("command"));
        }
        "logins" if value("event").as_deref() == Some("login") => {
            add("address", value("source_address"));
            add("ssh-key", value("fingerprint"));
        }
        "ssh_keys" => add("ssh-key", value("fingerprint")),
        _ => {}
    }
}

/// Names that a miner gives itself at its pool: in a command line, a configuration's settings, or a
/// login.
fn workers(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut words = text.split([' ', '\0', '\t']).filter(|word| !word.is_empty()).peekable();
    while let Some(word) = words.next() {
        let (key, value) = match word.split_once('=') {
            Some((key, value)) => (key, value),
            None if word.starts_with('-') => (word, words.peek().copied().unwrap_or_default()),
            None => continue,
        };
        let value = value.trim_matches(['"', '\'', ',']);
        let name = match key.trim_start_matches('-').to_ascii_lowercase().as_str() {
            "rig-id" | "rigid" | "rig" | "worker" | "worker-name" | "workername" => value,
            // A wallet, and a name behind it.
            "u" | "user" | "login" | "wallet" => match value.split_once(['.', '/']) {
                Some((wallet, name)) if wallet.len() >= 26 => name,
                _ => continue,
            },
            _ => continue,
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if (2..=64).contains(&name.len()) && name.chars().all(plain) {
            found.push(name.to_owned());
        }
    }
    found
}

/// Each thing once, at its earliest.
fn earliest(all: BTreeSet<Shared>) -> Vec<Shared> {
    let mut kept: Vec<Shared> = Vec::new();
    for one in all {
        match kept.last_mut() {
            Some(last) if last.kind == one.kind && last.value == one.value => {
                if last.first.is_empty() {
                    last.first = one.first;
                }
            }
            _ => kept.push(one),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_time_takes_that_of_what_stands_beside_it() {
        let text = r#"[{"evidence": [
            {"fact": "processes/1", "values": {"exe": "/x", "started": "2026-11-22T06:24:15Z"}},
            {"fact": "indicators/1", "values": {"kind": "wallet", "value": "4A"}}
        ]}]"#;
        let findings: Vec<Value> = serde_json::from_str(text).unwrap_or_default();
        let shared = shared(&findings);
        let wallet = shared.iter().find(|one| one.kind == "wallet");
        assert_eq!(wallet.map(|one| one.first.as_str()), Some("2026-11-22T06:24:15Z"));
    }

    #[test]
    fn workers_by_the_ways_they_are_told() {
        let wallet = "RXQ9Qk6fWzrC4NqVFJ8sWzJZp3bq1hVTnq";
        for (text, is) in [
            (format!("./x -a verus -o pool:3956 -u {wallet}.web-03 -p x"), vec!["web-03"]),
            (format!("agent=XMRig/6.21 login={wallet}.rig7"), vec!["rig7"]),
            ("xmrig --rig-id=box-1 --cpu".to_owned(), vec!["box-1"]),
            ("xmrig --rig-id \"box-1\"".to_owned(), vec!["box-1"]),
            ("url=pool:3333 user=4A rig-id=n1 algo=rx/0".to_owned(), vec!["n1"]),
            ("sshd -u root".to_owned(), vec![]),
            ("git -c user=jane.doe".to_owned(), vec![]),
        ] {
            assert_eq!(workers(&text), is, "{text}");
        }
    }
}

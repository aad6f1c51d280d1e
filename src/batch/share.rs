//! What a host may share with others: taken from the facts that its findings cite.

use super::record::text;
use crate::judge::Level;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// A thing that several hosts may share.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Shared {
    /// wallet, pool, address, url, sha256, md5, key, cron, unit, program, drop, …
    pub kind: String,
    /// It.
    pub value: String,
    /// The earliest time that the host's facts give it, its own or that of what a finding names beside
    /// it; empty where they give none.
    pub first: String,
    /// Of a digest, the files that it is of.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub paths: BTreeSet<String>,
}

/// Kinds by what they say of who is behind it, the most first; others come after these.
const TELLING: [&str; 17] = [
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
    "sha256",
    "md5",
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
        let grave = Level::from_word(&text(finding, &["level"])) >= Some(Level::Medium);
        for fact in facts {
            share(fact, time(fact).or_else(|| beside.clone()), grave, &mut all);
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

/// Adds what a fact has; of a finding that is `grave`, whom it speaks with as well, on whatever port:
/// innocent peers are many.
fn share(fact: &Value, first: Option<String>, grave: bool, into: &mut BTreeSet<Shared>) {
    let table = text(fact, &["fact"]);
    let table = table.split('/').next().unwrap_or_default();
    let Some(values) = fact.get("values") else { return };
    let value = |name: &str| {
        let value = values.get(name)?;
        value.as_str().map(str::to_owned).or_else(|| value.as_u64().map(|n| n.to_string()))
    };
    let mut of_files = |kind: &str, what: Option<String>, file: Option<String>| {
        if let Some(what) = what.filter(|what| !what.is_empty() && what.len() < 4096) {
            let first = first.clone().unwrap_or_default();
            let paths = file.into_iter().collect();
            into.insert(Shared { kind: kind.to_owned(), value: what, first, paths });
        }
    };
    let file = value("path").or_else(|| value("target"));
    if matches!(table, "elf" | "files" | "open_files") {
        for digest in ["sha256", "md5"] {
            of_files(digest, value(digest), file.clone());
        }
    }
    let mut add = |kind: &str, what: Option<String>| of_files(kind, what, None);
    let elsewhere = |address: &String| {
        address.parse().is_ok_and(|ip: IpAddr| !ip.is_loopback() && !ip.is_unspecified())
    };
    let peer = value(if table == "indicators" { "host" } else { "remote_address" });
    let peer = peer.filter(elsewhere);
    if grave {
        add("address", peer.clone());
    }
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
            let there = peer.zip(value("remote_port"));
            add("connection", there.map(|(address, port)| format!("{address}:{port}")));
        }
        "elf" | "files" | "open_files" => {
            add("file", file);
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
                last.paths.extend(one.paths);
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

    fn all(text: &str) -> Vec<Shared> {
        shared(&serde_json::from_str::<Vec<Value>>(text).unwrap_or_default())
    }

    #[test]
    fn a_peer_of_what_is_grave_on_whatever_port() {
        let socket = r#"{"fact": "sockets/1", "values": {"local_address": "203.0.113.66",
            "remote_address": "203.0.113.66", "remote_port": 3956}}"#;
        let here = socket.replace("203.0.113.66", "127.0.0.1");
        let carved = r#"{"fact": "indicators/1", "values": {"kind": "pool", "host": "203.0.113.7",
            "value": "203.0.113.7:3333"}}"#;
        for (level, is) in [
            ("high", vec!["203.0.113.66", "203.0.113.7"]),
            ("medium", vec!["203.0.113.66", "203.0.113.7"]),
            ("low", vec![]),
        ] {
            let facts = format!("{socket}, {here}, {carved}");
            let shared = all(&format!(r#"[{{"level": "{level}", "evidence": [{facts}]}}]"#));
            let of = |kind: &str| -> Vec<String> {
                let these = shared.iter().filter(|one| one.kind == kind);
                these.map(|one| one.value.clone()).collect()
            };
            assert_eq!(of("address"), is, "{level}");
            assert_eq!(of("connection"), ["203.0.113.66:3956"]);
        }
    }

    #[test]
    fn a_digest_says_which_it_is_and_of_what() {
        let text = r#"[{"evidence": [
            {"fact": "files/1", "values": {"path": "/a", "md5": "5d", "sha256": "2c"}},
            {"fact": "elf/2", "values": {"path": "/b", "sha256": "2c"}}
        ]}]"#;
        let shared = all(text);
        let of = |kind: &str| -> Vec<(String, Vec<String>)> {
            let these = shared.iter().filter(|one| one.kind == kind);
            these.map(|one| (one.value.clone(), one.paths.iter().cloned().collect())).collect()
        };
        assert_eq!(of("sha256"), [("2c".into(), vec!["/a".into(), "/b".into()])]);
        assert_eq!(of("md5"), [("5d".into(), vec!["/a".into()])]);
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

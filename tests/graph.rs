//! The graph's questions, held against a generated log in which three groups attack, as in the
//! founding document: MSSQL scanners, SSH brute force, and a small coordinated group.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use assert_cmd::Command;
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/logs/attack-groups")
}

fn logs() -> [PathBuf; 2] {
    [fixture().join("fast.log"), fixture().join("conn.log")]
}

fn davy(arguments: &[&str]) -> Vec<u8> {
    let mut command = Command::cargo_bin("davy").unwrap();
    let out = command.args(arguments).output().unwrap();
    assert!(out.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
    out.stdout
}

fn hunt(id: &str, sources: &[PathBuf], more: &[&str]) -> Vec<Value> {
    let mut arguments = vec!["hunt", id];
    arguments.extend(sources.iter().map(|path| path.to_str().unwrap()));
    arguments.extend(["--format", "json", "-q"]);
    arguments.extend(more);
    serde_json::from_slice(&davy(&arguments)).unwrap()
}

fn words<'v>(row: &'v Value, column: &str) -> BTreeSet<&'v str> {
    row[column].as_array().unwrap().iter().map(|item| item.as_str().unwrap()).collect()
}

/// The sources of the fixture's log that raised an alert whose name holds this.
fn sources_of(name: &str) -> BTreeSet<String> {
    let text = std::fs::read_to_string(fixture().join("fast.log")).unwrap();
    text.lines()
        .filter(|line| line.contains(name))
        .map(|line| {
            let (_, sides) = line.rsplit_once("} ").unwrap();
            sides.split([':', ' ']).next().unwrap().to_owned()
        })
        .filter(|address| !address.starts_with("10."))
        .collect()
}

#[test]
fn three_groups_are_told_as_such() {
    let rows = hunt("campaigns", &logs(), &[]);
    for (defining, port) in [("MSSQL", 1433), ("SSH", 22), ("log4j", 8080)] {
        let wanted = sources_of(defining);
        let row = rows
            .iter()
            .find(|row| row["signatures"].as_str().unwrap().contains(defining))
            .unwrap_or_else(|| panic!("no campaign of {defining}"));
        let members = words(row, "members");
        let both = wanted.iter().filter(|one| members.contains(one.as_str())).count();
        assert!(both * 100 >= wanted.len() * 95, "{defining}: {both} of {}", wanted.len());
        // One of ours was taken by the group and scans too: it may be a member.
        assert!(members.len() <= both + 1, "{defining}: {members:?}");
        let ports = row["ports"].as_str().unwrap();
        assert!(ports.contains(&port.to_string()), "{defining}: ports {ports}");
        assert_eq!(row["systems"].as_u64().unwrap() as usize, members.len());
    }
    let again = hunt("campaigns", &logs(), &[]);
    assert_eq!(rows, again, "the same input, the same sets");
}

#[test]
fn offenders_show_their_parts_and_suspects_their_grades() {
    let rows = hunt("offenders", &logs(), &[]);
    let first = &rows[0];
    for part in ["targets", "signatures", "high", "hours", "targets_rank", "severity_rank"] {
        assert!(first[part].is_u64(), "{part}: {first}");
    }
    assert!(first["block"].is_string());
    assert!(rows.iter().all(|row| !row["address"].as_str().unwrap().starts_with("10.")));
    let called = rows.iter().find(|row| row["address"] == "154.26.133.10").unwrap();
    assert!(called["block"].as_str().unwrap().contains("10.20.0.44 calls it"), "{called}");

    let rows = hunt("suspicious", &logs(), &[]);
    let grade = |address: &str| {
        rows.iter().find(|row| row["address"] == address).map(|row| row["grade"].clone())
    };
    assert_eq!(grade("10.20.0.60"), Some("strong".into()));
    assert_eq!(grade("10.20.0.44"), Some("strong".into()));
    assert!(rows.iter().filter(|row| row["grade"] == "strong").count() == 2, "{rows:?}");
}

#[test]
fn abuse_reports_are_ready_to_send() {
    let rows = hunt("abuse", &logs(), &[]);
    assert!(rows.len() > 40);
    for row in &rows {
        let report = row["report"].as_str().unwrap();
        assert!(report.contains(row["network"].as_str().unwrap()));
        for address in words(row, "addresses") {
            assert!(report.contains(address));
            assert!(!address.starts_with("10."));
        }
        assert!(report.contains("2026-11-2") && report.contains("UTC"), "{report}");
    }
}

#[test]
fn paths_go_forward_in_time_alone() {
    let group = sources_of("log4j");
    let rows: Vec<Value> = group
        .iter()
        .flat_map(|ip| hunt("reach", &logs(), &["--set", &format!("ip={ip}"), "--set", "depth=4"]))
        .collect();
    let miner = rows.iter().find(|row| row["address"] == "154.26.133.10").unwrap();
    let path = miner["path"].as_str().unwrap();
    assert!(path.ends_with("-> 10.20.0.60 -> 10.20.0.44 -> 154.26.133.10"), "{path}");
    // 10.20.0.44 spoke with the database before the attack came to it.
    assert!(
        rows.iter().all(|row| row["address"] != "10.20.0.90" || row["depth"] == 1),
        "an attack flowed back in time"
    );
    let taken = rows.iter().find(|row| row["address"] == "10.20.0.44").unwrap();
    assert_eq!(taken["grade"], "strong");
}

#[test]
fn blocked_is_what_attacks_and_never_ours_reserved_or_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let [alerts, conns] = logs();
    let (alerts, conns) = (alerts.to_str().unwrap(), conns.to_str().unwrap());
    let list = |format: &str, more: &[&str]| {
        let mut arguments = vec!["graph", alerts, conns, "--format", format, "-q"];
        arguments.extend(more);
        String::from_utf8(davy(&arguments)).unwrap()
    };
    let scanners = sources_of("LibSSH");
    let scanner = scanners.iter().next().unwrap();
    let allow = folder.path().join("allow.csv");
    std::fs::write(&allow, format!("range,what\n{scanner},a scanner that we pay\n")).unwrap();
    let allow = format!("allow={}", allow.display());
    for format in ["nftables", "ipset", "suricata", "rpz", "stix", "misp"] {
        let text = list(format, &[]);
        // RPZ writes addresses backwards.
        let shown = |address: &str| match format {
            "rpz" => address.split('.').rev().collect::<Vec<_>>().join("."),
            _ => address.to_owned(),
        };
        assert!(text.contains(&shown(scanner)), "{format} lacks {scanner}");
        assert!(text.contains(&shown("154.26.133.10")), "{format} lacks the pool");
        assert!(!text.contains(&shown("10.20.0.60")), "{format} holds one of ours");
        let text = list(format, &["--lookup", &allow]);
        assert!(!text.contains(&shown(scanner)), "{format} holds what is allowed");
    }
}

/// Alerts as they should not be: all is drawn or told, nothing panics.
#[test]
fn odd_alerts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("eve.json");
    let mut file = std::fs::File::create(&path).unwrap();
    let mut alert = |src: Value, dst: Value, signature: &str, time: Value| {
        let line = serde_json::json!({
            "timestamp": time, "event_type": "alert", "src_ip": src, "dest_ip": dst, "proto": "TCP",
            "alert": {"signature": signature, "signature_id": 1, "gid": 1, "rev": 1, "severity": 1},
        });
        writeln!(file, "{line}").unwrap();
    };
    let time = "2026-11-20T00:00:00.000000+0000";
    alert("203.0.113.5".into(), "203.0.113.5".into(), "a loop", time.into());
    alert(Value::Null, Value::Null, "=cmd|'/c calc'!A1", time.into());
    alert("8.8.8.8".into(), Value::Null, "</text><script>alert(1)</script>", "never".into());
    alert(
        "not an address".into(),
        "10.0.0.1".into(),
        "quotes \" ' `\nand\u{202e}lines",
        "never".into(),
    );
    alert("8.8.4.4".into(), "10.0.0.1".into(), "", time.into());
    for leaf in 0..5_000_u32 {
        let [_, a, b, c] = leaf.to_be_bytes();
        alert("1.2.3.4".into(), format!("10.{a}.{b}.{c}").into(), "a star", time.into());
    }
    drop(file);
    let path = path.to_str().unwrap();
    for format in davy::report::graph::EXPORTERS {
        let out = folder.path().join(format.name);
        let arguments = ["graph", path, "--format", format.name, "-o", out.to_str().unwrap(), "-q"];
        davy(&arguments);
        assert!(out.exists());
    }
    let json: Value =
        serde_json::from_slice(&std::fs::read(folder.path().join("json")).unwrap()).unwrap();
    let ids: BTreeSet<&str> =
        json["nodes"].as_array().unwrap().iter().map(|node| node["id"].as_str().unwrap()).collect();
    assert!(ids.contains("address/203.0.113.5") && ids.contains("address/8.8.8.8"));
    assert!(ids.contains("alert/=cmd|'/c calc'!A1"), "who has no address is a node of his own");
    assert!(json["graph"]["notes"].to_string().contains("no address"));
    let cell = std::fs::read_to_string(folder.path().join("neo4j/nodes.csv")).unwrap();
    assert!(!cell.lines().any(|line| line.contains(",\"=cmd")), "a formula in a cell");
    for id in ["offenders", "suspicious", "abuse", "campaigns"] {
        hunt(id, &[PathBuf::from(path)], &[]);
    }
    hunt("reach", &[PathBuf::from(path)], &["--set", "ip=1.2.3.4"]);
}

#[test]
fn one_alert_and_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("conn.json");
    let line = r#"{"timestamp":"2026-11-20T00:00:00.000000+0000","event_type":"stats","stats":{}}"#;
    std::fs::write(&path, format!("{line}\n")).unwrap();
    let out = davy(&["graph", path.to_str().unwrap(), "-q"]);
    let json: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(json["nodes"], serde_json::json!([]));
    assert_eq!(hunt("campaigns", &[path], &[]), Vec::<Value>::new());
}

/// How well the campaigns of a generated log recover the groups in it.
fn recovered(alerts: u64, sources: u64, groups: u64, signatures: u64) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("eve.json");
    let truth = planted::write(&path, alerts, sources, groups, signatures);
    let rows = hunt("campaigns", &[path], &[]);
    let mut found = std::collections::BTreeMap::new();
    for (number, row) in rows.iter().enumerate() {
        for member in words(row, "members") {
            found.insert(member.to_owned(), number);
        }
    }
    planted::adjusted_rand(&truth, &found)
}

/// The sets of a generated log in which groups share signatures and a tenth of the alerts is noise.
#[test]
fn planted_groups_are_recovered() {
    let rand = recovered(30_000, 1_500, 12, 90);
    assert!(rand >= 0.9, "adjusted Rand index {rand}");
}

/// Sources that raised three alerts each, of which a tenth is noise: what they share with few is
/// known by what others of their kind raised besides.
#[test]
fn groups_of_sources_with_three_alerts_each_are_recovered() {
    let rand = recovered(6_000, 2_000, 12, 200);
    assert!(rand >= 0.85, "adjusted Rand index {rand}");
}

#[path = "../benches/planted/mod.rs"]
mod planted;

/// The chain of an incident is told by numbered edges, and stands apart from the host's daily life.
#[test]
fn an_incident_is_one_chain() {
    let host = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/hosts/fake-crond.host");
    let json: Value =
        serde_json::from_slice(&davy(&["graph", host.to_str().unwrap(), "-q"])).unwrap();
    let mut steps: Vec<(u64, &str, &str, &str)> = json["edges"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|edge| {
            let text = |key: &str| edge[key].as_str().unwrap();
            Some((edge["step"].as_u64()?, text("source"), text("kind"), text("target")))
        })
        .collect();
    steps.sort_unstable();
    assert!(steps.len() >= 4, "{steps:?}");
    assert!(steps.iter().any(|step| step.1 == "process/2584" && step.2 == "dropped"), "{steps:?}");
    let incident = &json["graph"]["communities"][0];
    assert_eq!(incident["kind"], "incident");
    let members = words(incident, "members");
    assert!(members.contains("process/2591") && !members.contains("process/1"), "{members:?}");
}

/// The same incident on two hosts, on the second a day later.
fn two_hosts(folder: &Path) -> [PathBuf; 2] {
    let host = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/hosts/fake-crond.host");
    let text = std::fs::read_to_string(host).unwrap();
    ["web-03", "web-04"].map(|name| {
        let path = folder.join(format!("{name}.host"));
        let day = if name == "web-03" { "2026-11-20T03:1" } else { "2026-11-21T03:1" };
        let text = text.replace("web-03", name).replace("2026-11-20T03:1", day);
        std::fs::write(&path, text).unwrap();
        path
    })
}

/// Two hosts in one graph: each has processes of its own, and what they share ties them.
#[test]
fn hosts_are_tied_by_what_they_share() {
    let folder = tempfile::tempdir().unwrap();
    let paths = two_hosts(folder.path());
    let paths = paths.each_ref().map(|path| path.to_str().unwrap());
    let json: Value = serde_json::from_slice(&davy(&["graph", paths[0], paths[1], "-q"])).unwrap();
    let ids: BTreeSet<&str> =
        json["nodes"].as_array().unwrap().iter().map(|node| node["id"].as_str().unwrap()).collect();
    for wanted in ["host/web-03", "host/web-04", "process/web-03/2584", "process/web-04/2584"] {
        assert!(ids.contains(wanted), "{wanted} in {ids:?}");
    }
    let pool = json["edges"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|edge| edge["target"].as_str().unwrap().starts_with("name/ap.luckpool.net"));
    let from: BTreeSet<&str> = pool.map(|edge| edge["source"].as_str().unwrap()).collect();
    assert!(from.len() >= 2, "what both name is one node: {from:?}");
}

/// A host of a fleet with its own address and host key, and whatever `more` says.
fn of_fleet(folder: &Path, name: &str, number: u8, key: &str, more: &str) -> String {
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/hosts/fake-crond.host");
    let text = std::fs::read_to_string(base).unwrap().replace("web-03", name);
    let text = format!(
        "{text}\naddress eth9 10.77.0.{number}/24\nfile /etc/ssh/ssh_host_ed25519_key.pub\n\
         | ssh-ed25519 {key} root@{name}\n{more}"
    );
    let path = folder.join(format!("{name}.host"));
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Logins, keys that one host holds and others accept, and hosts that another one knows: the
/// spread over a fleet is told in the order of time.
#[test]
fn a_fleet_tells_how_hosts_came_to_one_another() {
    const KEY: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIFymVYZijzsNqur5K/Qg3fFPvi+WrRA7RGRd/sjX1NwP";
    const PRINT: &str = "SHA256:2Xqysq40Y6lKBARc3ASrPNDhTjioYRCEGftz7Ghe5X0";
    // Keys of hosts: no key at all to an ssh, but each a text of its own.
    let own = |n: u8| format!("AAAAC3NzaC1lZDI1NTE5AAAAIAA{}", char::from(b'A' + n));
    let accept = format!("file /root/.ssh/authorized_keys mode=0600\n| ssh-ed25519 {KEY} ops\n");
    let came = |from: u8, minute: u8| {
        format!(
            "{accept}file /var/log/auth.log mtime=2026-11-22T06:20:00Z\n\
             | Nov 22 05:{minute:02}:00 h sshd[9]: Accepted publickey for root from 10.77.0.{from} \
             port 5 ssh2: ED25519 {PRINT}\n"
        )
    };
    let folder = tempfile::tempdir().unwrap();
    let hold = format!(
        "file /root/.ssh/id_ed25519.pub\n| ssh-ed25519 {KEY} ops\n\
         file /root/.ssh/known_hosts\n| |1|c2FsdA==|aGFzaA== ssh-ed25519 {}\n| db-01 ssh-ed25519 {}\n",
        own(2),
        own(7)
    );
    let hosts = [
        of_fleet(folder.path(), "web-03", 1, &own(1), &hold),
        of_fleet(folder.path(), "app-01", 2, &own(2), &came(1, 10)),
        of_fleet(folder.path(), "db-01", 3, &own(3), &came(2, 40)),
    ];
    let out = folder.path().join("batch");
    let out = out.to_str().unwrap();
    davy(&["batch", &hosts[0], &hosts[1], &hosts[2], "-o", out, "-q"]);
    let json: Value = serde_json::from_slice(&davy(&["graph", out, "-q"])).unwrap();
    let ties: BTreeSet<(&str, &str, &str)> = json["edges"]
        .as_array()
        .unwrap()
        .iter()
        .map(|edge| {
            let text = |key: &str| edge[key].as_str().unwrap();
            (text("source"), text("kind"), text("target"))
        })
        .collect();
    let key = format!("key/{PRINT}");
    for tie in [
        ("host/web-03", "logs in", "host/app-01"),
        ("host/app-01", "logs in", "host/db-01"),
        ("host/web-03", "holds a key of", "host/app-01"),
        ("host/web-03", "holds a key of", "host/db-01"),
        // By its key, though the name is hashed; by its name, though the key is another.
        ("host/web-03", "knows", "host/app-01"),
        ("host/web-03", "knows", "host/db-01"),
        (key.as_str(), "opens", "host/app-01"),
        (key.as_str(), "opens", "host/db-01"),
    ] {
        assert!(ties.contains(&tie), "{tie:?} in {ties:?}");
    }
    assert!(!ties.iter().any(|tie| tie.1 == "logs in" && tie.2 == "host/web-03"), "{ties:?}");
    let notes = json["graph"]["notes"].to_string();
    let told = format!(
        "logins among suspect hosts begin at web-03: web-03 to app-01 as root with the key {PRINT} \
         at 2026-11-22T05:10:00Z; app-01 to db-01 as root"
    );
    assert!(notes.contains(&told), "{notes}");
}

/// Suricata writes each alert into eve.json and into fast.log: it is one.
#[test]
fn an_alert_in_two_logs_of_one_sensor_is_counted_once() {
    let folder = tempfile::tempdir().unwrap();
    let (mut eve, mut fast) = (String::new(), String::new());
    for number in 0..6 {
        let line = serde_json::json!({
            "timestamp": format!("2026-11-20T08:00:0{number}.123456+0200"),
            "event_type": "alert", "src_ip": "9.9.9.9", "src_port": 4000 + number,
            "dest_ip": "10.0.0.1", "dest_port": 22, "proto": "TCP",
            "alert": {"signature": "S", "signature_id": 7, "gid": 1, "rev": 2, "severity": 2},
        });
        eve.push_str(&format!("{line}\n"));
        // In local time, as fast.log is; the last is another.
        let port = if number < 5 { 4000 + number } else { 5000 };
        fast.push_str(&format!(
            "11/20/2026-08:00:0{number}.123456  [**] [1:7:2] S [**] [Classification: (null)] \
             [Priority: 2] {{TCP}} 9.9.9.9:{port} -> 10.0.0.1:22\n"
        ));
    }
    let paths = ["eve.json", "fast.log"].map(|name| folder.path().join(name));
    std::fs::write(&paths[0], eve).unwrap();
    std::fs::write(&paths[1], fast).unwrap();
    let rows = hunt("offenders", &paths, &[]);
    assert_eq!(rows[0]["medium"], 7, "{rows:?}");
    let arguments = ["graph", paths[0].to_str().unwrap(), paths[1].to_str().unwrap(), "-q"];
    let json: Value = serde_json::from_slice(&davy(&arguments)).unwrap();
    let notes = json["graph"]["notes"].to_string();
    assert!(notes.contains("5 alerts stand in two logs of one sensor"), "{notes}");
    let count: u64 =
        json["edges"].as_array().unwrap().iter().map(|e| e["count"].as_u64().unwrap()).sum();
    assert_eq!(count, 7);
}

/// Who came in belongs to the incident where the address does; an administrator's login does not.
#[test]
fn an_incident_begins_with_the_login() {
    let host = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/hosts/guessed-gate.host");
    let json: Value =
        serde_json::from_slice(&davy(&["graph", host.to_str().unwrap(), "-q"])).unwrap();
    let edges = json["edges"].as_array().unwrap();
    let step = |from: &str, kind: &str, to: &str| {
        let tie = edges
            .iter()
            .find(|e| e["source"] == from && e["kind"] == kind && e["target"] == to)
            .unwrap_or_else(|| panic!("{from} {kind} {to} in {edges:?}"));
        tie["step"].as_u64()
    };
    let key = "key/SHA256:2Xqysq40Y6lKBARc3ASrPNDhTjioYRCEGftz7Ghe5X0";
    assert_eq!(step("address/203.0.113.66", "logged in as", "account/root"), Some(1));
    assert!(step("address/203.0.113.66", "used key", key).is_some());
    assert!(step(key, "opens", "account/root").is_some());
    assert_eq!(step("address/10.0.0.20", "logged in as", "account/alice"), None);
}

/// What a batch left, as a graph: what ties hosts together, and who had it first.
#[test]
fn a_fleet_is_tied_by_what_its_hosts_share() {
    let folder = tempfile::tempdir().unwrap();
    let hosts = two_hosts(folder.path());
    let out = folder.path().join("batch");
    let out = out.to_str().unwrap();
    let hosts = hosts.each_ref().map(|path| path.to_str().unwrap());
    davy(&["batch", hosts[0], hosts[1], "-o", out, "-q"]);
    let json: Value = serde_json::from_slice(&davy(&["graph", out, "-q"])).unwrap();
    let tied: BTreeSet<(&str, &str)> = json["edges"]
        .as_array()
        .unwrap()
        .iter()
        .map(|edge| (edge["source"].as_str().unwrap(), edge["target"].as_str().unwrap()))
        .collect();
    for host in ["host/web-03", "host/web-04"] {
        assert!(tied.iter().any(|(from, to)| *from == host && to.contains("luckpool")), "{tied:?}");
    }
    let notes = json["graph"]["notes"].to_string();
    assert!(notes.contains("the likely first host is web-03"), "{notes}");
    // Hosts that have all since the same instant are copies: nobody was first.
    let copy = hosts[0].replace("web-03", "web-05");
    std::fs::write(&copy, std::fs::read_to_string(hosts[0]).unwrap().replace("web-03", "web-05"))
        .unwrap();
    let out = format!("{out}-copies");
    davy(&["batch", hosts[0], &copy, "-o", &out, "-q"]);
    let json: Value = serde_json::from_slice(&davy(&["graph", &out, "-q"])).unwrap();
    assert!(!json["graph"]["notes"].to_string().contains("likely first host"), "{json}");
}

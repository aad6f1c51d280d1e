//! Block lists hold what attacks, and never an address that is ours, reserved, or of no one host on
//! the internet, whatever it was seen to do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use assert_cmd::Command;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

/// IANA's registries of special-purpose addresses, multicast, and what was reserved before; what
/// these mark as globally reachable is left out.
const SPECIAL: &[&str] = &[
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/29",
    "192.0.0.8/32",
    "192.0.0.170/31",
    "192.0.2.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "255.255.255.255/32",
    "::/128",
    "::1/128",
    "::ffff:10.0.0.0/104",
    "64:ff9b::c0a8:0/112",
    "64:ff9b:1::/48",
    "100::/64",
    "2001::/32",
    "2001:2::/48",
    "2001:db8::/32",
    "2002:a00::/24",
    "3fff::/20",
    "5f00::/16",
    "fc00::/7",
    "fe80::/10",
    "ff00::/8",
];

/// Of others, and to be blocked.
const OTHERS: &[&str] = &[
    "1.0.0.7",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "172.15.255.255",
    "172.32.0.0",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2606:4700::1111",
    "2a00:1450:4001::1",
    "2003::1",
];

/// The first, the last and some between of each range.
fn within(range: &str, below: &mut impl FnMut(u64) -> u64) -> Vec<IpAddr> {
    let (base, bits) = range.split_once('/').unwrap();
    let bits: u32 = bits.parse().unwrap();
    let mut random = || u128::from(below(u64::MAX)) << 64 | u128::from(below(u64::MAX));
    match base.parse().unwrap() {
        IpAddr::V4(v4) => {
            let free = u32::MAX.checked_shr(bits).unwrap_or(0);
            let mut all = vec![0, free];
            all.extend((0..5).map(|_| (random() as u32) & free));
            all.iter().map(|low| IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() | low))).collect()
        }
        IpAddr::V6(v6) => {
            let free = u128::MAX.checked_shr(bits).unwrap_or(0);
            let mut all = vec![0, free];
            all.extend((0..5).map(|_| random() & free));
            all.iter().map(|low| IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() | low))).collect()
        }
    }
}

fn alerts(sources: impl Iterator<Item = String>) -> String {
    let mut out = String::new();
    for (number, source) in sources.enumerate() {
        for target in 1..4 {
            let line = serde_json::json!({
                "timestamp": format!("2026-11-20T0{target}:00:00.000000+0000"),
                "event_type": "alert", "src_ip": source, "src_port": 4000 + number % 1000,
                "dest_ip": format!("10.0.{target}.9"), "dest_port": 22, "proto": "TCP",
                "alert": {"signature": "S", "signature_id": 7, "gid": 1, "rev": 1, "severity": 1},
            });
            out.push_str(&format!("{line}\n"));
        }
    }
    out
}

fn davy(arguments: &[&str]) -> String {
    let done = Command::cargo_bin("davy").unwrap().args(arguments).output().unwrap();
    assert!(done.status.code().is_some_and(|c| c < 2), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

/// Every address in a list, in whatever form it writes them.
fn addresses(format: &str, text: &str) -> BTreeSet<IpAddr> {
    let plain = |c: char| c.is_ascii_hexdigit() || matches!(c, '.' | ':');
    let words = text.split(|c: char| !plain(c)).filter_map(|word| word.parse().ok());
    let reversed = text.lines().filter_map(|line| {
        let labels = line.split_whitespace().next()?.strip_suffix(".rpz-ip")?;
        let mut parts: Vec<&str> = labels.split('.').skip(1).collect();
        parts.reverse();
        let v6 = parts.join(":").replace(":zz:", "::").replace("zz:", "::").replace(":zz", "::");
        parts.join(".").parse().ok().or_else(|| v6.parse().ok())
    });
    if format == "rpz" { reversed.collect() } else { words.collect() }
}

const FORMATS: [&str; 6] = ["nftables", "ipset", "suricata", "rpz", "stix", "misp"];

#[test]
fn no_special_address_is_ever_in_a_list() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut below = |most: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % most
    };
    let special: BTreeSet<IpAddr> =
        SPECIAL.iter().flat_map(|range| within(range, &mut below)).collect();
    assert!(special.len() > 150, "{}", special.len());
    let others: BTreeSet<IpAddr> = OTHERS.iter().map(|text| text.parse().unwrap()).collect();
    let log = folder.path().join("eve.json");
    let both = special.iter().chain(&others).map(ToString::to_string);
    std::fs::write(&log, alerts(both)).unwrap();
    for format in FORMATS {
        let text = davy(&["graph", log.to_str().unwrap(), "--format", format, "-q"]);
        let listed = addresses(format, &text);
        let wrong: Vec<&IpAddr> = special.intersection(&listed).collect();
        assert!(wrong.is_empty(), "{format}: {wrong:?}");
        let missing: Vec<&IpAddr> = others.difference(&listed).collect();
        assert!(missing.is_empty(), "{format}: {missing:?} are not in {text}");
    }
}

/// A server with an address of its own on the internet: its own sensor's alerts about it, and a
/// program that speaks to itself, do not put it on the list.
#[test]
fn the_hosts_own_addresses_are_never_in_a_list() {
    let folder = tempfile::tempdir().unwrap();
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/hosts/fake-crond.host");
    let text = std::fs::read_to_string(base).unwrap();
    let host = folder.path().join("web-03.host");
    std::fs::write(&host, format!("{text}\naddress eth7 8.9.10.11/24\n")).unwrap();
    let log = folder.path().join("eve.json");
    std::fs::write(&log, alerts(["8.9.10.11", "8.9.10.12"].map(str::to_owned).into_iter()))
        .unwrap();
    let (host, log) = (host.to_str().unwrap(), log.to_str().unwrap());
    let text = davy(&["graph", host, log, "--format", "ipset", "-q"]);
    assert!(text.contains(" 8.9.10.12 ") && !text.contains(" 8.9.10.11 "), "{text}");
}

/// One line of eve.json.
fn alert(
    second: u32,
    (from, from_port): (&str, u16),
    (to, port): (&str, u16),
    (signature, category, severity): (&str, &str, u8),
    more: serde_json::Value,
) -> String {
    let mut line = serde_json::json!({
        "timestamp": format!("2026-11-20T10:00:{second:02}.000000+0000"), "event_type": "alert",
        "src_ip": from, "src_port": from_port, "dest_ip": to, "dest_port": port, "proto": "TCP",
        "alert": {"signature": signature, "category": category, "severity": severity,
                  "signature_id": 7, "gid": 1, "rev": 1},
    });
    for (key, value) in more.as_object().unwrap() {
        line[key] = value.clone();
    }
    format!("{line}\n")
}

const SCAN: (&str, &str, u8) = ("ET SCAN", "Attempted Information Leak", 1);

fn two_alerts() -> String {
    let none = serde_json::json!({});
    alert(0, ("45.9.9.9", 1000), ("10.0.0.5", 80), SCAN, none.clone())
        + &alert(5, ("45.9.9.9", 1000), ("10.0.0.6", 80), SCAN, none)
}

fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let done = Command::cargo_bin("davy").unwrap().args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (done.status.code(), text(done.stdout), text(done.stderr))
}

/// A list of what must not be blocked is used as it is written, or nothing is blocked at all.
#[test]
fn an_allow_list_is_used_or_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (log, list, out) = (path("two.json"), path("al.csv"), path("al.nft"));
    std::fs::write(&log, two_alerts()).unwrap();
    let lookup = format!("allow={list}");
    let arguments = ["graph", &log, "--lookup", &lookup, "-o", &out, "-q"];
    for good in ["ip\n45.9.9.9\n", "45.9.9.0/24\n", "range,what\n45.9.9.9\n"] {
        std::fs::write(&list, good).unwrap();
        let (code, _, told) = run(&arguments);
        assert_eq!(code, Some(0), "{told}");
        assert!(!std::fs::read_to_string(&out).unwrap().contains("45.9.9.9"), "{good}");
        std::fs::remove_file(&out).unwrap();
    }
    for bad in ["45.9.9.*", "45.9.9.0/255.255.255.0", "45.9.9.9-45.9.9.20", "45.9.9.0/33", "a b"] {
        std::fs::write(&list, format!("range,what\n{bad},x\n")).unwrap();
        let (code, _, told) = run(&arguments);
        assert_eq!(code, Some(1), "{bad}: {told}");
        assert!(told.contains("al.csv") && told.contains('2') && told.contains(bad), "{told}");
        assert!(!Path::new(&out).exists(), "{bad}");
    }
}

#[test]
fn a_source_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (log, link) = (path("two.json"), path("link.json"));
    std::fs::write(&log, two_alerts()).unwrap();
    std::os::unix::fs::symlink(&log, &link).unwrap();
    let whole = folder.path().to_str().unwrap();
    for (source, out) in [(&*log, &*log), (&log, &link), (&link, &log), (whole, &log)] {
        let (code, _, told) = run(&["graph", source, "-o", out, "-q"]);
        assert_eq!(code, Some(2), "{told}");
        assert!(told.contains("evidence"), "{told}");
        assert_eq!(std::fs::read_to_string(&log).unwrap(), two_alerts());
    }
}

/// An alert in a log and in its rotated copy is one alert, and one does not block.
#[test]
fn the_same_alert_in_two_files_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let none = serde_json::json!({});
    let one = alert(0, ("45.9.9.9", 1000), ("10.0.0.5", 80), SCAN, none.clone());
    let other = alert(9, ("45.8.8.8", 1000), ("10.0.0.5", 80), SCAN, none);
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (a, b, copy) = (path("eve.json"), path("eve.json.1"), path("copy.json"));
    std::fs::write(&a, format!("{other}{one}")).unwrap();
    std::fs::write(&b, &one).unwrap();
    std::fs::copy(&a, &copy).unwrap();
    for sources in [[&*a, &*a], [&a, &copy], [&a, &b]] {
        let text = davy(&["graph", sources[0], sources[1], "--format", "ipset", "-q"]);
        assert!(!text.contains("add "), "{sources:?}: {text}");
        let count = "SELECT count(*) AS n FROM alerts WHERE NOT repeated";
        let (_, text, _) = run(&["query", sources[0], sources[1], count, "--format", "csv"]);
        assert_eq!(text.trim().lines().last(), Some("2"), "{sources:?}: {text}");
    }
    let (_, _, told) = run(&["hunt", "talkers", &a, &copy, "-q"]);
    assert!(told.contains("holds the same as"), "{told}");
}

/// Being asked, downloaded from, or at the other end of a broken packet is no guilt.
#[test]
fn only_what_is_hostile_itself_is_blocked() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("eve.json");
    let log = log.to_str().unwrap();
    let mut text = String::new();
    let asked = |name: &str| serde_json::json!({"app_proto": "dns", "dns": {"query": [{"type": "query", "rrname": name, "rrtype": "A"}]}});
    let none = serde_json::json!({});
    let dns = ("ET DNS Query to a *.top domain", "Potentially Bad Traffic", 2);
    for name in ["evil.example-bad.top", "google.com", "ip-10-0-0-1.ec2.internal", "dc.corp.local"]
    {
        text += &alert(1, ("10.0.0.5", 5353), ("8.8.8.8", 53), dns, asked(name));
        text += &alert(2, ("10.0.0.6", 4053), ("45.7.7.7", 53), dns, asked(name));
    }
    for host in 1..30_u32 {
        let ours = format!("10.0.1.{host}");
        let policy = ("ET POLICY curl User-Agent Outbound", "c", 2);
        text += &alert(host, (&ours, 4000), ("151.101.1.140", 80), policy, none.clone());
        let broken = ("SURICATA UDPv4 invalid checksum", "c", 3);
        text += &alert(host, ("45.6.6.6", 53), (&ours, 4000), broken, none.clone());
        let to_client = serde_json::json!({"direction": "to_client", "flow": {
            "src_ip": ours, "dest_ip": "151.101.1.1", "src_port": 4000, "dest_port": 80}});
        let download = ("ET POLICY PE EXE Download", "c", 1);
        text += &alert(host, ("151.101.1.1", 80), (&ours, 4000), download, to_client);
    }
    let home = ("ET MALWARE C2 domain in SNI", "A Network Trojan was detected", 1);
    let sni = serde_json::json!({"app_proto": "tls", "tls": {"sni": "c2.badguys.net"}});
    text += &alert(9, ("10.0.0.5", 4000), ("93.184.216.34", 443), home, sni);
    let query = serde_json::json!({"timestamp": "2026-11-20T10:00:00.000000+0000", "event_type": "dns",
        "src_ip": "10.0.0.5", "src_port": 4000, "dest_ip": "8.8.8.8", "dest_port": 53, "proto": "UDP",
        "dns": {"type": "query", "rrname": "xmr.nanopool.org", "rrtype": "A"}});
    text += &format!("{query}\n");
    std::fs::write(log, text).unwrap();
    let set = davy(&["graph", log, "--format", "ipset", "-q"]);
    let listed: Vec<&str> = set.lines().filter(|line| line.starts_with("add ")).collect();
    assert!(listed.len() == 1 && listed[0].contains(" 93.184.216.34 "), "{listed:?}");
    assert!(listed[0].contains("10.0.0.5 calls it, ET MALWARE C2 domain in SNI"), "{listed:?}");
    let zone = davy(&["graph", log, "--format", "rpz", "-q"]);
    let names: Vec<&str> = zone
        .lines()
        .filter(|l| l.contains("CNAME") && !l.starts_with('*'))
        .filter_map(|l| l.split(' ').next())
        .filter(|n| !n.ends_with("rpz-ip"))
        .collect();
    assert_eq!(names, ["c2.badguys.net", "evil.example-bad.top", "xmr.nanopool.org"], "{zone}");
    let rules = davy(&["graph", log, "--format", "suricata", "-q"]);
    assert!(rules.contains("dotprefix; content:\".c2.badguys.net\"; nocase; endswith"), "{rules}");
    let suspects = davy(&["hunt", "suspicious", log, "--format", "csv", "-q"]);
    let strong: Vec<&str> = suspects.lines().filter(|l| l.starts_with("strong")).collect();
    assert!(strong.iter().all(|l| !l.contains("10.0.1.")), "{strong:?}");
    let letters = davy(&["hunt", "abuse", log, "--format", "csv", "-q"]);
    assert!(!letters.contains("45.6.6"), "{letters}");
}

/// Loading a list anew leaves nothing of the one before, and says who called whom.
#[test]
fn a_ruleset_replaces_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("two.json");
    std::fs::write(&log, two_alerts()).unwrap();
    let text = davy(&["graph", log.to_str().unwrap(), "--format", "nftables", "-q"]);
    let at = |what: &str| text.find(what).unwrap_or_else(|| panic!("{what}: {text}"));
    assert!(at("\ntable inet davy\n") < at("\ndelete table inet davy\n"), "{text}");
    assert!(at("\ndelete table inet davy\n") < at("\ntable inet davy {"), "{text}");
    assert!(text.contains("\"2 alerts graded high or above, on 2 systems, ET SCAN\""), "{text}");
}

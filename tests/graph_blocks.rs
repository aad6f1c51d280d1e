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
    "1.0.0.1",
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

//! Anchors that repeat without an end cost no more than a few times what others do.

use super::shown;
use crate::carve::{Carved, Found, Stream};
use std::fmt::Write;

fn carved(bytes: &[u8], pieces: usize) -> Vec<Carved> {
    let mut found = Found::default();
    let mut stream = Stream::new(&mut found, 0);
    bytes.chunks(pieces).for_each(|piece| stream.feed(piece));
    drop(stream);
    found.finish().0
}

/// What an attacker's heap may be full of.
pub(super) const REPEATED: &[&str] = &[
    "\"pools\":[{\"url\":\"",
    "\"pools\":[{\"url\":\"a.bc:33\",\"user\":\"",
    "{\"url\":\"a.bc:33\",\"algo\":\"rx/0\"},",
    "stratum+tcp://",
    "stratum+tcp://a.bc:33 ",
    "http://a.com/",
    "http://",
    "http://1.2.3.4/|sh ",
    "\"method\"",
    "\"job_id\"",
    "mining.notify",
    "-o a.bc:33 ",
    "--pool a.bc ",
    "%3a%2f%2f",
    "chmod +x ",
    "| bash",
    "dropped to ",
    "a@b.kz ",
    "1.2.3.4:5 ",
    "aHR0cDovL2EuY29tL3h4eHh4 ",
    "--algo rx/0 ",
    "x\u{1}",
];

/// What it costs is measured in `benches/carve.rs`.
#[test]
fn of_repeated_anchors_few_are_found() {
    for text in REPEATED {
        let bytes = text.repeat((64 << 10) / text.len());
        let found = carved(bytes.as_bytes(), usize::MAX);
        assert!(found.len() <= 64, "{text:?} gave {}", found.len());
    }
}

#[test]
fn each_of_several_pools_has_its_own_user() {
    let key = |key: &str, value: &str| format!("            \"{key}\": {value}");
    let pool = |n: usize, full: bool| {
        let mut keys = vec![
            key("algo", "\"rx/0\""),
            key("coin", "null"),
            key("url", &format!("\"pool{n}.bad.site:3333\"")),
            key("user", &format!("\"u{n}\"")),
            key("pass", "\"x\""),
        ];
        if full {
            let more = ["rig-id", "nicehash", "keepalive", "enabled", "tls", "sni"];
            keys.extend(more.map(|name| key(name, "false")));
            let more = ["tls-fingerprint", "daemon", "socks5", "self-select", "submit-to-origin"];
            keys.extend(more.map(|name| key(name, "null")));
        }
        format!("        {{\n{}\n        }}", keys.join(",\n"))
    };
    for (count, full) in [(2, false), (5, true), (20, true), (300, true), (300, false)] {
        let pools: Vec<String> = (0..count).map(|n| pool(n, full)).collect();
        let whole = format!(
            "{{\n    \"autosave\": true,\n    \"donate-level\": 1,\n    \"pools\": [\n{}\n    ]\n}}\n",
            pools.join(",\n")
        );
        for pieces in [usize::MAX, 4097] {
            let found = carved(whole.as_bytes(), pieces);
            let all: Vec<String> = found
                .iter()
                .filter(|c| c.kind == "miner-config")
                .map(|c| String::from_utf8(c.value.clone()).unwrap())
                .collect();
            assert_eq!(all.len(), count, "{count} {full} {}", shown(&found));
            for (n, value) in all.iter().enumerate() {
                let own = format!("url=pool{n}.bad.site:3333 user=u{n} pass=x algo=rx/0");
                assert!(value.starts_with(&own), "{value}");
            }
        }
    }
}

#[test]
fn a_cut_configuration_gives_what_is_whole_in_it() {
    let mut text = String::from("r\":\"u0\",\"pass\":\"x\"},");
    for n in 1..4 {
        write!(text, "{{\"url\":\"pool{n}.bad.site:3333\",\"user\":\"u{n}\",\"pass\":\"x\"}},")
            .unwrap();
    }
    text.push_str("{\"url\":\"pool4.bad.site:3333\",\"us\0\"rig-id\"");
    let text = text.replace("u1\",", "u1\",\"rig-id\":\"r\",");
    let found = carved(text.as_bytes(), usize::MAX);
    let all: Vec<String> = found
        .iter()
        .filter(|c| c.kind == "miner-config" && c.value.starts_with(b"url"))
        .map(|c| String::from_utf8(c.value.clone()).unwrap())
        .collect();
    assert_eq!(
        all,
        [
            "url=pool1.bad.site:3333 user=u1 pass=x rig-id=r",
            "url=pool2.bad.site:3333 user=u2 pass=x",
            "url=pool3.bad.site:3333 user=u3 pass=x",
            "url=pool4.bad.site:3333",
        ]
    );
}

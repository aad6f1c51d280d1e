#![allow(clippy::unwrap_used)]
//! Lists in every form, and what they find.

use super::*;
use crate::carve::{Carver, Stream};
use proptest::prelude::*;

const XMR: &str = "44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3XjrpDtQGv7SqSsaBYBb98uNbr2VBBEt7f2wfn3RVGQBEP3A";
const SHA: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

fn read(text: &str) -> Vec<String> {
    let mut iocs = Iocs::default();
    iocs.add("list", text.as_bytes());
    iocs.entries()
        .iter()
        .map(|ioc| format!("{} {} [{}]", ioc.form.word(), ioc.literal(), ioc.label))
        .collect()
}

#[test]
fn a_value_a_line_fanged_or_not() {
    let list = format!(
        "# a list\n203.0.113.5\n203[.]0[.]113[.]6:3333 # dialled\nhxxps://Bad[.]example-miners[.]org/x\n*.Evil.Top\n198.51.100.0/24\n{XMR}\n{SHA}\nkdevtmpfsi\n/tmp/.x/run\n[2001:db8::1]:443\nsomeone@mail.top\n0.0.0.0/0\n"
    );
    assert_eq!(
        read(&list),
        [
            "address 203.0.113.5 []",
            "address 203.0.113.6:3333 [dialled]",
            "url https://Bad.example-miners.org/x []",
            "name evil.top []",
            "range 198.51.100.0/24 []",
            &format!("wallet {XMR} []"),
            &format!("hash {SHA} []"),
            "text kdevtmpfsi []",
            "path /tmp/.x/run []",
            "address [2001:db8::1]:443 []",
            "email someone@mail.top []",
        ]
    );
}

#[test]
fn csv_with_a_header_and_without() {
    let headed = "type,value,comment\nip,203.0.113.5,\"control, first\"\ndomain,evil.top,\n";
    assert_eq!(read(headed), ["address 203.0.113.5 [control, first]", "name evil.top []"]);
    let bare = "\"2026-11-22\",\"http://203.0.113.9/a\",\"loader\"\n";
    assert_eq!(read(bare), ["url http://203.0.113.9/a [2026-11-22, loader]"]);
}

#[test]
fn stix_patterns() {
    let pattern = "[file:hashes.'SHA-256' = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'] OR [file:name = 'kdevtmpfsi'] AND [ipv4-addr:value IN ('203.0.113.5', '203.0.113.6')] AND [domain-name:value NOT LIKE 'x%' AND url:value = 'http://a.top/\\\\'q']";
    let bundle = format!(
        r#"{{"type":"bundle","objects":[{{"type":"identity","name":"x"}},{{"type":"indicator","id":"indicator--1","name":"a miner","pattern":"{}","pattern_type":"stix"}},{{"type":"indicator","id":"i2","pattern":"[ipv4-addr:value = '1.2.3.4']","revoked":true}}]}}"#,
        pattern
    );
    assert_eq!(
        read(&bundle),
        [
            &format!("hash {SHA} [a miner]"),
            "text kdevtmpfsi [a miner]",
            "address 203.0.113.5 [a miner]",
            "address 203.0.113.6 [a miner]",
            "url http://a.top/'q [a miner]",
        ]
    );
}

#[test]
fn misp_events_however_wrapped() {
    let event = format!(
        r#"{{"info":"case","Attribute":[{{"type":"sha256","value":"{SHA}","to_ids":true}},{{"type":"ip-dst|port","value":"203.0.113.5|3956","to_ids":true,"comment":"pool"}},{{"type":"comment","value":"evil.top","to_ids":false}}],"Object":[{{"Attribute":[{{"type":"filename|sha256","value":"run.sh|{SHA}","to_ids":true}}]}}]}}"#
    );
    let expected = [
        format!("hash {SHA} [case]"),
        "address 203.0.113.5:3956 [case: pool]".to_owned(),
        "text run.sh [case]".to_owned(),
    ];
    assert_eq!(read(&event), expected);
    assert_eq!(read(&format!(r#"{{"Event":{event}}}"#)), expected);
    assert_eq!(read(&format!(r#"{{"response":[{{"Event":{event}}}]}}"#)), expected);
}

#[test]
fn what_is_not_understood_is_told() {
    for text in ["{", "{\"a\":1}", "[1,2]", "x\ny\n", ""] {
        let mut iocs = Iocs::default();
        iocs.add("list", text.as_bytes());
        assert!(!iocs.problems().is_empty(), "{text:?}");
    }
    let mut iocs = Iocs::default();
    iocs.add("list", b"da39a3ee5e6b4b0d3255bfef95601890afd80709\n");
    assert!(iocs.problems().concat().contains("digests"));
}

fn carved(list: &str, bytes: &[u8]) -> Vec<String> {
    let mut iocs = Iocs::default();
    iocs.add("list", list.as_bytes());
    let carver = Carver::looking_for(iocs);
    let mut found = carver.found();
    Stream::new(&mut found, 0).feed(bytes);
    let all = found.finish().0;
    all.iter()
        .filter(|c| c.kind == "ioc")
        .map(|c| format!("{} {} {}", c.offset, c.way, String::from_utf8_lossy(&c.value)))
        .collect()
}

#[test]
fn listed_values_are_found_in_bytes_and_not_within_others() {
    let list = "evil-name.top\n203.0.113.5\n203.0.113.9:3333\nkdevtmpfsi\n/tmp/.x/run\n";
    assert_eq!(carved(list, b"\0\0x.Evil-Name.top\0"), ["4 ascii evil-name.top"]);
    assert_eq!(carved(list, b"203.0.113.5"), ["0 ascii 203.0.113.5"]);
    assert_eq!(carved(list, b"k\0d\0e\0v\0t\0m\0p\0f\0s\0i\0"), ["0 utf-16le kdevtmpfsi"]);
    assert_eq!(carved(list, b"aGVsbG8gZXZpbC1uYW1lLnRvcCBoZWxsbw=="), ["0 base64 evil-name.top"]);
    for other in [
        "notevil-name.top",
        "evil-name.topical",
        "evil-name.top.example.org",
        "203.0.113.55",
        "1203.0.113.5",
        "203.0.113.5.6",
        "203.0.113.9",
        "203.0.113.9:33333",
        "KDEVTMPFSI",
        "xkdevtmpfsi",
        "/tmp/.x/runner",
    ] {
        assert_eq!(carved(list, other.as_bytes()), [""; 0], "{other}");
    }
}

proptest! {
    #[test]
    fn no_list_makes_it_panic(text in ".{0,200}") {
        let _ = read(&text);
        let _ = read(&format!("{{\"type\":\"indicator\",\"pattern\":{}}}", serde_json::to_string(&text).unwrap()));
    }
}

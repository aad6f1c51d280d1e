//! Fingerprints of libraries and tools that miners and droppers are built with. Each alone is
//! everybody's; a program that no package owns and that has several tells what it is.

use super::Kind;
use crate::carve::scan::{Found, Hit, Text, printable};
use std::ops::Range;

/// What is written before a version.
const VERSIONED: &[(&str, &str)] = &[
    ("libcurl/", "an HTTP library"),
    ("libuv/1", "the library that xmrig and Node.js wait with"),
    ("hwloc/", "a library that tells cores and caches, as miners need"),
    ("xmrig/", "the name that a miner gives"),
    ("xmrig-proxy/", "the name that a miners' proxy gives"),
    ("xmr-stak", "the name that a miner gives"),
    ("cpuminer", "the name that a miner gives"),
    ("ccminer/", "the name that a miner gives"),
    ("cgminer/", "the name that a miner gives"),
    ("bfgminer/", "the name that a miner gives"),
    ("sgminer/", "the name that a miner gives"),
    ("ethminer/", "the name that a miner gives"),
    ("nbminer/", "the name that a miner gives"),
    ("lolminer", "the name that a miner gives"),
    ("srbminer", "the name that a miner gives"),
    ("nheqminer/", "the name that a miner gives"),
    ("phoenixminer/", "the name that a miner gives"),
    ("teamredminer/", "the name that a miner gives"),
    ("wildrig", "the name that a miner gives"),
    ("hellminer", "the name that a miner gives"),
];

/// What stands for itself, as it is written.
const FIXED: &[(&str, &str, &str)] = &[
    ("hwloc_topology_init", "hwloc", "a function of a library that tells cores and caches"),
    ("hwloc_topology_load", "hwloc", "a function of a library that tells cores and caches"),
    ("uv_loop_init", "libuv", "a function of the library that xmrig and Node.js wait with"),
    ("curl_easy_setopt", "libcurl", "a function of an HTTP library"),
    ("randomx_alloc_cache", "RandomX", "a function of Monero's algorithm"),
    ("randomx_init_dataset", "RandomX", "a function of Monero's algorithm"),
    ("randomx_create_vm", "RandomX", "a function of Monero's algorithm"),
    ("randomx_calculate_hash", "RandomX", "a function of Monero's algorithm"),
    ("failed to allocate RandomX memory", "RandomX", "a message of xmrig"),
    ("init dataset algo", "RandomX", "a message of xmrig"),
    ("dataset ready", "RandomX", "a message of xmrig"),
    ("allocated %zu MB", "RandomX", "a message of xmrig"),
    ("huge pages %s%1.0f%%", "RandomX", "a message of xmrig"),
    ("UPX executable packer", "UPX", "the notice of a packer"),
    ("the UPX Team. All Rights", "UPX", "the notice of a packer"),
];

/// The salt of RandomX's Argon2: the word and a byte that no text has.
const SALT: &str = "RandomX";

pub(super) const KIND: Kind = Kind { literals, examine };

fn literals() -> Vec<&'static str> {
    let versioned = VERSIONED.iter().map(|(word, _)| *word);
    versioned.chain(FIXED.iter().map(|(word, ..)| *word)).chain([SALT]).collect()
}

fn examine(text: &Text<'_>, range: Range<usize>, number: usize, found: &mut Found) {
    if text.before(range.start).is_ascii_alphanumeric() {
        return;
    }
    if let Some((word, why)) = VERSIONED.get(number) {
        versioned(text, range, word, why, found);
    } else if let Some((word, name, why)) = FIXED.get(number - VERSIONED.len()) {
        if text.slice(range.clone()) == word.as_bytes() {
            found.add(text, Hit::new("library", range.start, *name, why));
        }
    } else if text.slice(range.clone()) == SALT.as_bytes() && text.byte(range.end) == 3 {
        let why = "the salt that Monero's algorithm mixes in";
        found.add(text, Hit::new("library", range.start, "RandomX", why));
    }
}

/// `libcurl/7.88.1`, `SRBMiner-MULTI/2.4.4`.
fn versioned(text: &Text<'_>, range: Range<usize>, word: &str, why: &str, found: &mut Found) {
    let name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'/' | b' ' | b'_');
    let close = word.ends_with('/') || word.ends_with('1');
    let slash = if close { range.end } else { text.forward(range.end, 16, name) };
    let digit = |at: usize| text.byte(at).is_ascii_digit();
    // `xmrig 6.21.0` and `xmrig/6.21.0`; a folder's name is followed by no version.
    let from = text.back(slash, 2, |b| b.is_ascii_digit());
    if !digit(slash) && !digit(from) {
        return;
    }
    let end = text.forward(range.start, 48, |b| {
        printable(b) && !matches!(b, b' ' | b'"' | b'\'' | b')' | b',' | b';')
    });
    let whole = text.slice(range.start..end);
    if whole.contains(&b'.') && whole.iter().any(u8::is_ascii_digit) {
        found.add(text, Hit::new("library", range.start, whole, why));
    }
}

//! Onion names: hosts that only Tor reaches.

use super::{Kind, address};
use crate::carve::scan::{Found, Hit, Text};
use sha3::{Digest, Sha3_256};
use std::ops::Range;

pub(super) const KIND: Kind = Kind { literals: || vec![".onion"], examine };

fn examine(text: &Text<'_>, range: Range<usize>, _: usize, found: &mut Found) {
    let next = text.byte(range.end);
    if next.is_ascii_alphanumeric() || matches!(next, b'-' | b'_') {
        return;
    }
    let letter = |b: u8| matches!(b, b'a'..=b'z' | b'A'..=b'Z' | b'2'..=b'7');
    let start = text.back(range.start, 57, letter);
    let name = text.slice(start..range.start).to_ascii_lowercase();
    let before = text.before(start);
    if before.is_ascii_alphanumeric() || matches!(before, b'-' | b'_') {
        return;
    }
    let why = match name.len() {
        56 if checked(&name) => "an onion name whose checksum holds",
        // The old form has no checksum: sixteen letters of which some are digits.
        16 if name.iter().any(u8::is_ascii_digit) => "an onion name of the old form",
        _ => return,
    };
    let port = address::port(text, range.end);
    let value = text.slice(start..range.end).to_ascii_lowercase();
    found.add(text, Hit::new("onion", start, value, why).host(text.slice(start..range.end), port));
}

/// A public key, two bytes of checksum, the version 3.
fn checked(name: &[u8]) -> bool {
    let bytes = base32(name);
    let Some((key, rest)) = bytes.split_at_checked(32) else { return false };
    let [first, second, 3] = rest else { return false };
    let mut hash = Sha3_256::new();
    hash.update(b".onion checksum");
    hash.update(key);
    hash.update([3]);
    hash.finalize().starts_with(&[*first, *second])
}

fn base32(letters: &[u8]) -> Vec<u8> {
    let (mut out, mut word, mut bits) = (Vec::new(), 0_u32, 0);
    for letter in letters {
        let value = match letter {
            b'a'..=b'z' => letter - b'a',
            b'2'..=b'7' => letter - b'2' + 26,
            _ => return out,
        };
        word = word << 5 | u32::from(value);
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            out.push(u8::try_from(word >> bits & 0xff).unwrap_or(0));
        }
    }
    out
}

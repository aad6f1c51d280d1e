//! Text within text: base64, hexadecimal and percent signs. What comes out is examined as any
//! text is, a few layers deep.

use super::Kind;
use crate::carve::scan::{Found, Hit, REACH, Step, Text, printable, within};
use std::ops::Range;

/// Characters of an encoded run that are decoded: enough for the head of a script. What is found
/// must not depend on where chunks end, and this far every anchor sees.
const LONGEST: usize = 2 * REACH;

/// How far before the first sixteen letters and digits of a run it may begin: `+` and `/` may
/// stand among its first.
const NEAR: usize = 28;

/// The shortest encoded run that can hold an indicator.
const SHORTEST: usize = 20;

/// How files begin in base64 that are no text: ELF, and gzip, within which there may be text.
const FILES: &[(&[u8], Option<&str>)] =
    &[(b"f0VMRgIB", Some("ELF in base64")), (b"f0VMRgEB", Some("ELF in base64")), (b"H4sIA", None)];

pub(super) const KIND: Kind = Kind { literals: || vec!["%3a%2f%2f"], examine: percent };

/// Looks whether a word of letters and digits around `here` begins an encoded run.
pub(super) fn word(
    text: &Text<'_>,
    here: usize,
    word: &Range<usize>,
    owned: &Range<usize>,
    found: &mut Found,
) {
    let alphabet = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/');
    // Numbers and short names are most of what comes here.
    let alone = !alphabet(text.before(word.start)) && !alphabet(text.byte(word.end));
    if alone && word.len() < SHORTEST {
        return;
    }
    // Of a run that began further back, the beginning was looked at.
    let Some(reach) = NEAR.checked_sub(here - word.start).filter(|reach| *reach > 0) else {
        return;
    };
    let start = text.back(word.start, reach, alphabet);
    if start + NEAR <= here || !owned.contains(&start) {
        return;
    }
    let Some(head) = text.slice(start..start + 16).first_chunk::<16>() else { return };
    // The first bytes decide: of random letters one in ten thousand decodes to text.
    let file = FILES.iter().find(|(begin, _)| head.starts_with(begin));
    if file.is_none() && !telling_word(head) && !hexadecimal(head) {
        return;
    }
    let mut decoded = Vec::new();
    if hexadecimal(head) {
        let end = text.forward(start, LONGEST, |b| b.is_ascii_hexdigit());
        if unhex(head, &mut decoded) && telling(&decoded) && end - start >= SHORTEST {
            decoded.clear();
            let even = start + (end - start) / 2 * 2;
            unhex(text.slice(start..even), &mut decoded);
            within(text, start, Step::Hex, decoded, found);
        }
        return;
    }
    if unbase64(head, &mut decoded) && (file.is_some() || telling(&decoded)) {
        let end = text.forward(start, LONGEST, alphabet);
        if end - start >= SHORTEST {
            decoded.clear();
            unbase64(text.slice(start..end), &mut decoded);
            if let Some((_, Some(value))) = file {
                let why = "a file of a program, encoded as text";
                found.add(text, Hit::new("packer", start, *value, why));
            }
            within(text, start, Step::Base64, decoded, found);
        }
    }
}

fn hexadecimal(head: &[u8; 16]) -> bool {
    // Digests and build ids are hexadecimal too: the first digit of each pair of text is 2 to 7.
    head.iter().step_by(2).all(|b| matches!(b, b'0' | b'2'..=b'7'))
        && head.iter().all(u8::is_ascii_hexdigit)
}

/// Whether the first bytes of the first four base64 words are ASCII: cheap, and seldom so by
/// chance.
fn telling_word(head: &[u8; 16]) -> bool {
    // The top bit of a word's first byte is its first letter's sixth: values below 32.
    let low = |b: u8| matches!(b, b'A'..=b'Z' | b'a'..=b'f');
    head.chunks_exact(4).all(|four| four.first().is_some_and(|b| low(*b)))
}

/// Whether bytes begin like something worth a look: text, or UTF-16 text.
fn telling(bytes: &[u8]) -> bool {
    let plain = |b: &u8| printable(*b) || matches!(b, b'\n' | b'\r');
    let wide =
        bytes.chunks(2).all(|pair| matches!(pair, [letter, 0] if plain(letter)) || pair.len() < 2);
    wide || bytes.iter().all(plain)
}

fn unhex(digits: &[u8], into: &mut Vec<u8>) -> bool {
    for pair in digits.chunks_exact(2) {
        let [high, low] = pair else { return false };
        let digit = |b: &u8| char::from(*b).to_digit(16);
        let (Some(high), Some(low)) = (digit(high), digit(low)) else { return false };
        into.push(u8::try_from(high << 4 | low).unwrap_or(0));
    }
    true
}

pub(super) fn unbase64(letters: &[u8], into: &mut Vec<u8>) -> bool {
    for four in letters.chunks(4) {
        let mut word = 0_u32;
        for letter in four {
            let value = match letter {
                b'A'..=b'Z' => letter - b'A',
                b'a'..=b'z' => letter - b'a' + 26,
                b'0'..=b'9' => letter - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                _ => return false,
            };
            word = word << 6 | u32::from(value);
        }
        let bytes = match four.len() {
            4 => word << 8,
            3 => word << 14,
            2 => word << 20,
            _ => return true,
        };
        into.extend(bytes.to_be_bytes().iter().take(four.len() - 1));
    }
    true
}

/// Without padding, as `ssh-keygen` shows digests.
pub(super) fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for three in bytes.chunks(3) {
        let byte = |at: usize| u32::from(three.get(at).copied().unwrap_or(0));
        let word = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..=three.len() {
            let letter = LETTERS.get((word >> (18 - 6 * place) & 63) as usize);
            out.push(letter.map_or('=', |b| char::from(*b)));
        }
    }
    out
}

/// `http%3A%2F%2F…`
fn percent(text: &Text<'_>, range: Range<usize>, _: usize, found: &mut Found) {
    let word = |b: u8| matches!(b, b'!'..=b'~') && !matches!(b, b'"' | b'\'' | b'<' | b'>' | b'&');
    let start =
        text.back(range.start, 24, |b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'%'));
    let end = text.forward(start, LONGEST, word);
    let mut rest = text.slice(start..end);
    let mut decoded = Vec::new();
    while let Some((&byte, tail)) = rest.split_first() {
        let before = decoded.len();
        if byte == b'%'
            && let Some(digits) = tail.get(..2)
            && unhex(digits, &mut decoded)
        {
            rest = tail.get(2..).unwrap_or_default();
            continue;
        }
        decoded.truncate(before);
        decoded.push(byte);
        rest = tail;
    }
    within(text, start, Step::Percent, decoded, found);
}

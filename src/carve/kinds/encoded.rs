//! Text within text: base64, hexadecimal and percent signs. What comes out is examined as any
//! bytes are, a few layers deep.

use super::Kind;
use crate::carve::scan::{
    AHEAD, Alphabet, Decoder, Found, Hit, INDENT, Letters, Open, REACH, Step, Text, WIDEST, begin,
    printable, within,
};
use std::ops::Range;

/// Characters of an encoded run that are decoded where it is UTF-16 or percent signs: so far every anchor
/// sees.
const LONGEST: usize = 2 * REACH;

/// How far before the first sixteen letters and digits of a run it may begin: `+` and `/` may
/// stand among its first.
const NEAR: usize = 28;

/// The shortest encoded run that can hold an indicator.
const SHORTEST: usize = 20;

/// How far before a line that begins like something the run's first line may lie.
const LINES: usize = 4 * 1024;

/// What a run's first letters tell.
#[derive(Clone, Copy)]
struct Begins {
    alphabet: Alphabet,
    /// A program's file.
    file: Option<&'static str>,
}

pub(super) const KIND: Kind =
    Kind { literals: || vec!["%3a%2f%2f", "curl%20", "wget%20"], examine: percent };

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
    // The first bytes decide: of random letters one in ten thousand decodes to text.
    let Some(begins) = begins(text, start) else { return };
    let letter = |b: u8| begins.alphabet.bits(b).is_some();
    if text.forward(start, SHORTEST, letter) < start + SHORTEST
        || found.begun().decoded(text.place(start))
    {
        return;
    }
    // Certificates and keys are said to be such, and hold nothing else.
    let known = |start: &usize| text.slice(*start..start + 3) != b"MII";
    if let Some(start) = first_line(text, start, begins.alphabet).filter(known) {
        decode(text, start, begins, found);
    }
}

/// The first line of the run that has a line here; `None` where that lies too far back, or where a line
/// before this begins like something, too: then that was looked at.
fn first_line(text: &Text<'_>, start: usize, alphabet: Alphabet) -> Option<usize> {
    let letter = |b: u8| alphabet.bits(b).is_some();
    let (mut line, mut width) = (start, None);
    while let Some(end) = line_before(text, line) {
        let from = text.back(end, WIDEST + 1, letter);
        let wide = end - from;
        let same = match width {
            None => text.forward(start, wide + 1, letter) - start <= wide,
            Some(width) => wide == width,
        };
        if !alphabet.wraps(wide) || !same {
            break;
        }
        if start - from > LINES || begins(text, from).is_some_and(|it| it.alphabet == alphabet) {
            return None;
        }
        (line, width) = (from, Some(wide));
    }
    Some(line)
}

/// Where the line before this ends, without what parts them.
fn line_before(text: &Text<'_>, line: usize) -> Option<usize> {
    let end = text.back(line, INDENT, |b| matches!(b, b' ' | b'\t'));
    let end = end.checked_sub(1).filter(|end| text.byte(*end) == b'\n')?;
    let end = end - usize::from(text.before(end) == b'\r');
    Some(end - usize::from(text.before(end) == b'\\'))
}

/// Whether a run that has its first letters here begins like something worth a look.
fn begins(text: &Text<'_>, start: usize) -> Option<Begins> {
    let head = text.slice(start..start + 16).first_chunk::<16>()?;
    let begins = |alphabet, file| Some(Begins { alphabet, file });
    let mut decoded = Vec::new();
    // ELF, gzip, and the four levels of zlib.
    let file = match head {
        [b'f', b'0', b'V', b'M', b'R', b'g', b'E' | b'I', b'B', ..] => Some("ELF in base64"),
        [b'H', b'4', b's', b'I', b'A'..=b'H', ..]
        | [b'e', b'J', b'w'..=b'z', ..]
        | [b'e', b'N', b'o'..=b'r', ..]
        | [b'e', b'A', b'E'..=b'H', ..]
        | [b'e', b'F', b'4'..=b'7', ..] => None,
        _ if head.iter().all(u8::is_ascii_hexdigit) => {
            let lower = head.map(|b| b.to_ascii_lowercase());
            if lower.starts_with(b"7f454c460") {
                return begins(Alphabet::Hex, Some("ELF in hexadecimal"));
            }
            let packed = [b"1f8b080".as_slice(), b"789c", b"78da", b"7801", b"785e"];
            let packed = packed.iter().any(|begin| lower.starts_with(begin));
            let text = hexadecimal(head) && unhex(head, &mut decoded) && telling(&decoded);
            return if packed || text { begins(Alphabet::Hex, None) } else { None };
        }
        _ => {
            let text = telling_word(head) && unbase64(head, &mut decoded) && telling(&decoded);
            return if text { begins(Alphabet::Base64, None) } else { None };
        }
    };
    if unbase64(head, &mut decoded) { begins(Alphabet::Base64, file) } else { None }
}

/// Decodes a run to its end; where that is not at hand, as its letters come.
fn decode(text: &Text<'_>, start: usize, begins: Begins, found: &mut Found) {
    if let Some(value) = begins.file {
        let why = "a file of a program, encoded as text";
        found.add(text, Hit::new("packer", start, value, why));
    }
    let step = if begins.alphabet == Alphabet::Hex { Step::Hex } else { Step::Base64 };
    let Some(way) = text.way.then(step) else { return };
    let wide = text.way.ends_wide();
    let end = text.length().min(start + if wide { LONGEST } else { AHEAD });
    let (mut letters, mut decoded) = (Letters::new(begins.alphabet), Vec::new());
    let ended = letters.take(text.slice(start..end), &mut decoded);
    if !ended && end < text.length() {
        if wide {
            // Narrowed text is at hand in pieces.
            found.longer();
        } else {
            if found.afford(decoded.len()) {
                let open = Open::new(Decoder::Run(letters), way, text, start, end, decoded);
                begin(open, text.slice(end..text.length()), found);
            }
            return;
        }
    }
    letters.end(&mut decoded);
    let counted = usize::try_from(letters.counted()).unwrap_or(0);
    found.begun().decoded_until(text.place(start + counted));
    within(text, start, step, decoded, found);
}

fn hexadecimal(head: &[u8; 16]) -> bool {
    // Digests and build ids are hexadecimal too: the first digit of each pair of text is 2 to 7.
    head.iter().step_by(2).all(|b| matches!(b, b'0' | b'2'..=b'7'))
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

/// `http%3A%2F%2F…`, `curl%20-s%20…`
fn percent(text: &Text<'_>, range: Range<usize>, _: usize, found: &mut Found) {
    let word = |b: u8| matches!(b, b'!'..=b'~') && !matches!(b, b'"' | b'\'' | b'<' | b'>' | b'&');
    let start = text.back(range.start, REACH / 2, |b| {
        b.is_ascii_alphanumeric() || matches!(b, b'+' | b'%' | b'-' | b'.' | b'_')
    });
    // Another anchor in the same run decoded this one.
    if found.begun().gone("percent", text.place(range.start)) {
        return;
    }
    let end = text.forward(start, LONGEST, word);
    found.begun().fresh("percent", text.place(start)..text.place(end));
    let mut rest = text.slice(start..end);
    let mut decoded = Vec::new();
    while let Some((&byte, tail)) = rest.split_first() {
        let digit = |at: usize| tail.get(at).and_then(|b| Alphabet::Hex.bits(*b));
        if byte == b'%'
            && let (Some(high), Some(low)) = (digit(0), digit(1))
        {
            decoded.push(high << 4 | low);
            rest = tail.get(2..).unwrap_or_default();
        } else {
            decoded.push(byte);
            rest = tail;
        }
    }
    within(text, start, Step::Percent, decoded, found);
}

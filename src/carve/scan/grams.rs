//! A filter of three-byte grams: of each literal, one window of six bytes is kept as four grams.
//! Whoever looks at every fourth byte meets exactly one of the four, so a literal is found at
//! any alignment for a quarter of the look-ups. Letters are folded: the filter does not see case.

use std::collections::HashSet;

/// Bytes of a literal that the filter keeps; shorter literals are refused.
pub(crate) const WINDOW: usize = 6;

/// A literal's number, as given to [`Grams::new`].
pub(crate) type Literal = u16;

/// Slots of the bitmap; 16 KiB stay in the first-level cache.
const SLOTS: usize = 1 << 17;

/// Slots that share a way into the entries.
const SHARE: usize = 64;

pub(crate) struct Grams {
    bits: Box<[u8; SLOTS / 8]>,
    /// Where the grams of [`SHARE`] slots begin among `entries`, which are in the order of slots.
    first: Vec<u16>,
    entries: Vec<Entry>,
    texts: Vec<Vec<u8>>,
}

/// A gram of a literal's window, and where in the literal it stands.
#[derive(Clone, Copy)]
struct Entry {
    slot: u32,
    gram: u32,
    literal: Literal,
    offset: u8,
}

/// Folds the case of letters. Some punctuation folds too, which costs a false alarm and loses
/// nothing: both sides are folded.
const FOLD: u32 = 0x2020_2020;

/// The slot of the first three of four bytes: the factor's low byte is zero, so that the fourth
/// byte is multiplied out of the word.
#[inline]
const fn slot(word: u32) -> u32 {
    (word | FOLD).wrapping_mul(0x9e37_7900) >> 15
}

/// How usual a byte is in text and in binaries: a gram of unusual bytes gives fewer false alarms.
const fn usual(byte: u8) -> u32 {
    match byte {
        b'e' | b't' | b'a' | b'o' | b'i' | b'n' | b's' | b'r' | b' ' => 8,
        b'l' | b'd' | b'c' | b'u' | b'm' | b'p' | b'f' | b'g' | b'_' | b'0'..=b'9' => 4,
        b'a'..=b'z' | b'.' | b'/' | b'-' => 2,
        _ => 1,
    }
}

impl Grams {
    /// Literals are matched without regard to case; those shorter than [`WINDOW`] never match.
    pub(crate) fn new<'a>(literals: impl Iterator<Item = &'a str>) -> Self {
        let texts: Vec<Vec<u8>> =
            literals.map(|text| text.to_ascii_lowercase().into_bytes()).collect();
        let (mut entries, mut known) = (Vec::new(), HashSet::new());
        for (number, text) in texts.iter().enumerate() {
            if let Ok(number) = Literal::try_from(number) {
                window(number, text, &mut known, &mut entries);
            }
        }
        entries.sort_by_key(|entry: &Entry| entry.slot);
        let mut bits = Box::new([0; SLOTS / 8]);
        for entry in &entries {
            if let Some(byte) = bits.get_mut(entry.slot as usize / 8) {
                *byte |= 1 << (entry.slot % 8);
            }
        }
        let begin =
            |share: usize| entries.partition_point(|entry| (entry.slot as usize) < share * SHARE);
        let first = (0..SLOTS / SHARE)
            .map(|share| u16::try_from(begin(share)).unwrap_or(u16::MAX))
            .collect();
        Self { bits, first, entries, texts }
    }

    /// Whether a literal may have the first three of these four bytes.
    #[inline]
    pub(super) fn maybe(&self, bytes: [u8; 4]) -> bool {
        let slot = slot(u32::from_le_bytes(bytes));
        let byte = self.bits.get(slot as usize / 8).copied().unwrap_or(0);
        byte >> (slot % 8) & 1 == 1
    }

    /// The literals that stand in `bytes` with a gram at `at`: number, start, end.
    #[inline]
    pub(super) fn verify(
        &self,
        bytes: &[u8],
        at: usize,
        mut each: impl FnMut(Literal, usize, usize),
    ) {
        let Some(gram) = bytes.get(at..at + 3).map(gram_of) else { return };
        let slot = slot(gram);
        let first = self.first.get(slot as usize / SHARE).copied().unwrap_or(u16::MAX);
        for entry in self.entries.get(usize::from(first)..).unwrap_or_default() {
            if entry.slot > slot {
                return;
            }
            if entry.gram != gram {
                continue;
            }
            let Some(start) = at.checked_sub(usize::from(entry.offset)) else { continue };
            let Some(text) = self.texts.get(usize::from(entry.literal)) else { continue };
            let end = start + text.len();
            if bytes.get(start..end).is_some_and(|found| found.eq_ignore_ascii_case(text)) {
                each(entry.literal, start, end);
            }
        }
    }
}

/// Keeps of a literal the window that adds the fewest and least usual grams: pools share `pool`
/// and `xmr`.
fn window(number: Literal, text: &[u8], known: &mut HashSet<u32>, entries: &mut Vec<Entry>) {
    let cost = |window: &[u8]| -> u32 {
        window
            .windows(3)
            .map(|bytes| {
                let usual: u32 = bytes.iter().map(|b| usual(*b)).product();
                if known.contains(&gram_of(bytes)) { usual / 4 + 4 } else { usual + 16 }
            })
            .sum()
    };
    let best = text.windows(WINDOW).enumerate().min_by_key(|(_, window)| cost(window));
    let Some((at, window)) = best else { return };
    for (offset, bytes) in window.windows(3).enumerate() {
        let gram = gram_of(bytes);
        known.insert(gram);
        if let Ok(offset) = u8::try_from(at + offset) {
            entries.push(Entry { slot: slot(gram), gram, literal: number, offset });
        }
    }
}

fn gram_of(bytes: &[u8]) -> u32 {
    match bytes {
        [a, b, c, ..] => (u32::from_le_bytes([*a, *b, *c, 0]) | FOLD) & 0x00ff_ffff,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn one_of_every_four_alignments_meets_each_literal_once() {
        let words = ["luckpool.net", "mining.subscribe", "--donate-level"];
        let grams = Grams::new(words.into_iter());
        for (number, word) in words.iter().enumerate() {
            for before in 0..8 {
                let text = format!("{}{}~~~~~~~~", "~".repeat(before), word.to_uppercase());
                let mut found = Vec::new();
                for at in (0..text.len() - 4).step_by(4) {
                    let four = text.as_bytes()[at..at + 4].try_into().unwrap();
                    if grams.maybe(four) {
                        grams.verify(text.as_bytes(), at, |n, start, end| {
                            found.push((n, start, end))
                        });
                    }
                }
                assert_eq!(found, [(number as u16, before, before + word.len())]);
            }
        }
    }
}

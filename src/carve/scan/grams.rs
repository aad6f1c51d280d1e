//! A filter of three-byte grams: of each literal, one window of six bytes is kept as four grams.
//! Whoever looks at every fourth byte meets exactly one of the four, so a literal is found at
//! any alignment for a quarter of the look-ups. Letters are folded: the filter does not see case.

use std::collections::HashMap;

/// Bytes of a literal that the filter keeps; shorter literals are refused.
pub(crate) const WINDOW: usize = 6;

/// A literal's number, as given to [`Grams::new`].
pub(crate) type Literal = u16;

/// Slots of the bitmap; a power of two. 8 KiB stays in the first-level cache.
const SLOTS: usize = 1 << 16;

pub(crate) struct Grams {
    bits: Box<[u8; SLOTS / 8]>,
    /// For each gram: the literals that have it, and where in them it stands.
    literals: HashMap<u32, Vec<(Literal, u8)>>,
    texts: Vec<Vec<u8>>,
}

/// Folds the case of letters in a gram. Some punctuation folds too, which costs a false alarm
/// and loses nothing: both sides are folded.
#[inline]
const fn fold(word: u32) -> u32 {
    (word & 0x00ff_ffff) | 0x0020_2020
}

#[inline]
const fn slot(gram: u32) -> u32 {
    (gram.wrapping_mul(0x9e37_79b1)) >> 16
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
        let mut grams =
            Self { bits: Box::new([0; SLOTS / 8]), literals: HashMap::new(), texts: Vec::new() };
        for (number, text) in literals.enumerate() {
            let text = text.to_ascii_lowercase().into_bytes();
            if let Ok(number) = Literal::try_from(number) {
                grams.keep(number, &text);
            }
            grams.texts.push(text);
        }
        grams
    }

    /// Keeps the window that adds the fewest and least usual grams: pools share `pool` and `xmr`.
    fn keep(&mut self, number: Literal, text: &[u8]) {
        let cost = |window: &[u8]| -> u32 {
            window
                .windows(3)
                .map(|bytes| {
                    let new = !self.literals.contains_key(&gram_of(bytes));
                    let usual: u32 = bytes.iter().map(|b| usual(*b)).product();
                    if new { usual + 16 } else { usual / 4 + 4 }
                })
                .sum()
        };
        let best = text.windows(WINDOW).enumerate().min_by_key(|(_, window)| cost(window));
        let Some((at, window)) = best else { return };
        for (offset, bytes) in window.windows(3).enumerate() {
            let gram = gram_of(bytes);
            let slot = slot(gram);
            if let Some(byte) = self.bits.get_mut(slot as usize / 8) {
                *byte |= 1 << (slot % 8);
            }
            if let Ok(offset) = u8::try_from(at + offset) {
                self.literals.entry(gram).or_default().push((number, offset));
            }
        }
    }

    /// Whether a literal may have the first three of these four bytes.
    #[inline]
    pub(super) fn maybe(&self, bytes: [u8; 4]) -> bool {
        let slot = slot(fold(u32::from_le_bytes(bytes)));
        let byte = self.bits.get((slot / 8) as usize & (SLOTS / 8 - 1)).copied().unwrap_or(0);
        byte >> (slot % 8) & 1 == 1
    }

    /// The literals that stand in `bytes` with a gram at `at`: number, start, end.
    #[inline(never)]
    pub(super) fn verify(
        &self,
        bytes: &[u8],
        at: usize,
        mut each: impl FnMut(Literal, usize, usize),
    ) {
        let Some(gram) = bytes.get(at..at + 3).map(gram_of) else { return };
        let Some(literals) = self.literals.get(&gram) else { return };
        for &(number, offset) in literals {
            let Some(start) = at.checked_sub(usize::from(offset)) else { continue };
            let Some(text) = self.texts.get(usize::from(number)) else { continue };
            let end = start + text.len();
            if bytes.get(start..end).is_some_and(|found| found.eq_ignore_ascii_case(text)) {
                each(number, start, end);
            }
        }
    }
}

fn gram_of(bytes: &[u8]) -> u32 {
    let mut word = [0; 4];
    for (slot, byte) in word.iter_mut().zip(bytes.iter().take(3)) {
        *slot = *byte;
    }
    fold(u32::from_le_bytes(word))
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

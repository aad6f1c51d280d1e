//! A filter of four-byte grams: of each literal, one window of seven bytes is kept as four grams.
//! Whoever looks at every fourth byte meets exactly one of the four, so a literal is found at
//! any alignment for a quarter of the look-ups. Letters are folded: the filter does not see case.

use super::Text;
use super::block::BLOCK;
use std::collections::HashSet;

/// The shortest literal that is looked for; shorter ones are refused. Of a literal of six bytes the
/// last gram has three, and any byte may follow.
pub(crate) const SHORTEST: usize = 6;

/// Bytes of a literal that the filter keeps.
const WINDOW: usize = 7;

/// A literal's number, as given to [`Grams::new`].
pub(crate) type Literal = u16;

/// Words of the filter: 32 KiB, which stay in the first-level cache.
const WORDS: usize = 1 << 13;

pub(crate) struct Grams {
    /// A word for what the first three bytes of a gram are mixed to, in it a bit for the fourth.
    words: Box<[u32; WORDS]>,
    /// Where the grams of each word begin among `entries`, which are in the order of words.
    first: Vec<u32>,
    entries: Vec<Entry>,
    texts: Vec<Vec<u8>>,
}

/// A gram of a literal's window, and where in the literal it stands.
#[derive(Clone, Copy)]
struct Entry {
    gram: u32,
    /// Bits of the gram that count.
    mask: u32,
    literal: Literal,
    offset: u8,
}

/// Folds the case of letters. Some punctuation folds too, which costs a false alarm and loses
/// nothing: both sides are folded.
const FOLD: u32 = 0x2020_2020;

/// Three bytes of four.
const THREE: u32 = 0x00ff_ffff;

/// How usual a byte is in text and in binaries: a gram of unusual bytes gives fewer false alarms.
const fn usual(byte: u8) -> u32 {
    match byte {
        b'e' | b't' | b'a' | b'o' | b'i' | b'n' | b's' | b'r' | b' ' | b'0'..=b'9' => 8,
        b'l' | b'd' | b'c' | b'u' | b'm' | b'p' | b'f' | b'g' | b'_' | b'-' => 4,
        b'a'..=b'z' | b'.' | b'/' | b':' => 2,
        _ => 1,
    }
}

impl Grams {
    /// Literals are matched without regard to case; those shorter than [`SHORTEST`] never match.
    pub(crate) fn new<'a>(literals: impl Iterator<Item = &'a str>) -> Self {
        let texts: Vec<Vec<u8>> =
            literals.map(|text| text.to_ascii_lowercase().into_bytes()).collect();
        let (mut entries, mut known) = (Vec::new(), HashSet::new());
        for (number, text) in texts.iter().enumerate() {
            if let Ok(number) = Literal::try_from(number) {
                window(number, text, &mut known, &mut entries);
            }
        }
        entries.sort_by_key(|entry: &Entry| word_of(entry.gram));
        let mut words = Box::new([0_u32; WORDS]);
        for entry in &entries {
            if let Some(word) = words.get_mut(word_of(entry.gram)) {
                *word |= if entry.mask == THREE { u32::MAX } else { 1 << (entry.gram >> 24 & 31) };
            }
        }
        let begin = |word: usize| entries.partition_point(|entry| word_of(entry.gram) < word);
        let first = (0..=WORDS).map(|word| u32::try_from(begin(word)).unwrap_or(u32::MAX));
        Self { words, first: first.collect(), entries, texts }
    }

    /// How many literals there are.
    #[cfg(test)]
    pub(super) fn literals(&self) -> usize {
        self.texts.len()
    }

    /// A literal, in lower case.
    #[cfg(test)]
    pub(super) fn text(&self, number: usize) -> &[u8] {
        self.texts.get(number).map_or(b"", Vec::as_slice)
    }

    /// Whether a literal may have these four bytes.
    #[inline(always)]
    fn holds(&self, bytes: [u8; 4]) -> bool {
        let gram = u32::from_le_bytes(bytes);
        let word = self.words.get(word_of(gram | FOLD)).copied().unwrap_or(0);
        // Of the fourth byte five bits count, none of them that of case.
        word >> (gram >> 24 & 31) & 1 == 1
    }

    /// Of a block every fourth position at which a literal may have a gram. Kept away from the wide
    /// vectors: it is look-ups in memory, which they make slower.
    #[inline(never)]
    pub(super) fn every_fourth(&self, bytes: &[u8; BLOCK]) -> u64 {
        let (fours, _) = bytes.as_chunks::<4>();
        let mut hits = 0;
        for four in fours.iter().rev() {
            hits = hits << 4 | u64::from(self.holds(*four));
        }
        hits
    }

    /// Whether a literal may have a gram here.
    pub(super) fn maybe(&self, text: &Text<'_>, at: usize) -> bool {
        text.slice(at..at + 4).first_chunk().is_some_and(|four| self.holds(*four))
    }

    /// The literals that stand in `bytes` with a gram at `at`: number, start, end.
    #[inline]
    pub(super) fn verify(
        &self,
        bytes: &[u8],
        at: usize,
        mut each: impl FnMut(Literal, usize, usize),
    ) {
        let Some(gram) = bytes.get(at..at + 4).map(gram_of) else { return };
        let word = word_of(gram);
        let (Some(from), Some(to)) = (self.first.get(word), self.first.get(word + 1)) else {
            return;
        };
        for entry in self.entries.get(*from as usize..*to as usize).unwrap_or_default() {
            if (entry.gram ^ gram) & entry.mask != 0 {
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

/// The word that the first three bytes of a gram are mixed to: the factor's low byte is zero, so that
/// the fourth is multiplied out.
#[inline(always)]
const fn word_of(gram: u32) -> usize {
    (gram.wrapping_mul(0x9e37_7900) >> 19) as usize
}

/// Keeps of a literal the window that adds the fewest and least usual grams: pools share `pool`
/// and `xmr`.
fn window(number: Literal, text: &[u8], known: &mut HashSet<u32>, entries: &mut Vec<Entry>) {
    let cost = |window: &[u8]| -> u32 {
        window
            .windows(4)
            .map(|bytes| {
                let usual: u32 = bytes.iter().map(|b| usual(*b)).product();
                if known.contains(&gram_of(bytes)) { usual / 4 + 4 } else { usual + 16 }
            })
            .sum()
    };
    let size = WINDOW.min(text.len());
    if size < SHORTEST {
        return;
    }
    let best = text.windows(size).enumerate().min_by_key(|(_, window)| cost(window));
    let Some((at, window)) = best else { return };
    for offset in 0..4 {
        let bytes = window.get(offset..).unwrap_or_default();
        let gram = gram_of(bytes);
        let mask = if bytes.len() < 4 { THREE } else { u32::MAX };
        known.insert(gram);
        if let Ok(offset) = u8::try_from(at + offset) {
            entries.push(Entry { gram, mask, literal: number, offset });
        }
    }
}

/// The first four bytes, folded; a zero for a fourth that is not there.
fn gram_of(bytes: &[u8]) -> u32 {
    match bytes {
        [a, b, c, d, ..] => u32::from_le_bytes([*a, *b, *c, *d]) | FOLD,
        [a, b, c] => u32::from_le_bytes([*a, *b, *c, 0]) | FOLD,
        _ => FOLD,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn one_of_every_four_alignments_meets_each_literal_once() {
        let words = ["luckpool.net", "mining.subscribe", "--donate-level", ".onion", "xmrig/6"];
        let grams = Grams::new(words.into_iter());
        for (number, word) in words.iter().enumerate() {
            for before in 0..8 {
                for after in ["~~~~~~~~", "\0\0\0\0\0\0\0\0", "zZ09 \n=~"] {
                    let text = format!("{}{}{after}", "~".repeat(before), word.to_uppercase());
                    let mut found = Vec::new();
                    for at in (0..text.len() - 4).step_by(4) {
                        let four = text.as_bytes()[at..at + 4].try_into().unwrap();
                        if grams.holds(four) {
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
}

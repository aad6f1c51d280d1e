//! Finds the anchors of indicators in bytes, at a speed near that of reading them.
//!
//! `batch` judges blocks of 64 bytes with the widest vectors that the processor has. Blocks of zeros
//! cost a test, and those without a printable run of six a few masks. Where there is text, `grams`
//! looks for literals, and masks for what has no literal: `://`, addresses, and long words that may
//! be wallets. Only at an anchor a kind's own grammar looks closer. `naive`, in the tests, does the
//! same without any of that, and what both find is the same.

mod batch;
mod begun;
mod block;
mod closer;
mod found;
mod grams;
mod letters;
mod open;
mod ranges;
mod raw;
mod stream;
mod text;
mod way;
mod wide;
mod within;

#[cfg(test)]
mod naive;
#[cfg(test)]
mod tests;

pub(crate) use begun::begin;
pub(crate) use found::Hit;
pub use found::{Carved, Cut, Found, LIMIT};
pub(crate) use letters::{Alphabet, INDENT, Letters, WIDEST};
pub(crate) use open::{Decoder, Open};
pub(crate) use ranges::MOST as RANGES;
pub use stream::{AHEAD, OVERLAP, Stream};
pub(crate) use text::{REACH, Text, printable};
pub use way::{Step, Way};
pub(crate) use within::within;

use super::ioc::{IN_BYTES, Ioc};
use super::kinds;
use batch::{BATCH, Before, Blocks, Worth};
use block::BLOCK;
use closer::{Closer, Until};
use fearless_simd::{Level, dispatch};
use grams::Grams;
use std::ops::Range;
use std::sync::{Arc, LazyLock};

/// Zero bytes that must follow the bytes scanned, so that the last block is whole, and those one
/// and two bytes further on.
pub(crate) const PADDING: usize = 2 * BLOCK + 2;

/// Blocks looked at outside of what is owned: a literal or a wallet may lie across the edge.
const MARGIN: usize = 2 * BLOCK;

/// All literals of all kinds, compiled once; and what the user listed.
pub(crate) struct Scanner {
    /// What vectors this processor has.
    level: Level,
    grams: Grams,
    owners: Vec<(kinds::Examine, usize)>,
    /// Entries of the user's lists; their literals come after those of the kinds.
    listed: Vec<Ioc>,
    /// Ranges of the user's lists.
    ranges: Vec<Ioc>,
}

static SCANNER: LazyLock<Arc<Scanner>> = LazyLock::new(|| Arc::new(Scanner::new(&[])));

impl Scanner {
    /// For davy's own kinds and these.
    pub(crate) fn new(iocs: &[Ioc]) -> Self {
        let mut owners = Vec::new();
        let mut texts: Vec<String> = Vec::new();
        for kind in kinds::KINDS {
            for (number, text) in (kind.literals)().into_iter().enumerate() {
                owners.push((kind.examine, number));
                texts.push(text.to_owned());
            }
        }
        let worth = |ioc: &&Ioc| ioc.anchor().len() >= grams::SHORTEST;
        let listed: Vec<Ioc> = iocs.iter().filter(worth).take(IN_BYTES).cloned().collect();
        texts.extend(listed.iter().map(Ioc::anchor));
        let grams = Grams::new(texts.iter().map(String::as_str));
        let ranges = ranges::told(iocs);
        Self { level: Level::new(), grams, owners, listed, ranges }
    }

    /// The one for davy's own kinds.
    pub(crate) fn own() -> Arc<Self> {
        Arc::clone(&SCANNER)
    }

    /// Finds what has its anchor in `owned`. The text may be longer on both sides, so that what
    /// lies across an edge is seen whole; it ends in [`PADDING`] zeros.
    pub(crate) fn scan(&self, text: &Text<'_>, owned: Range<usize>, found: &mut Found) {
        let first = owned.start.saturating_sub(MARGIN);
        let last = owned.end.saturating_add(MARGIN).min(text.bytes.len().saturating_sub(2));
        let shifted = |by: usize| text.slice(first + by..last + by).as_chunks::<BLOCK>().0;
        let (here, next, after) = (shifted(0), shifted(1), shifted(2));
        // Narrowed text has no wide letters, and its bytes are not those that lie there.
        let narrow = text.way.ends_wide();
        let mut until = Until::default();
        let mut before = Before::default();
        let mut worth = [Worth::default(); BATCH];
        // The last word of the block before: where it ends.
        let mut word_end = 0;
        let batches = here.chunks(BATCH).zip(next.chunks(BATCH)).zip(after.chunks(BATCH));
        for (number, ((here, next), after)) in batches.enumerate() {
            let at = first + number * BATCH * BLOCK;
            let blocks = Blocks { here, next, after };
            let count = dispatch!(self.level, simd => {
                batch::judge(simd, blocks, narrow, &mut before, &mut worth)
            });
            for worth in worth.iter().take(count) {
                let at = at + worth.number * BLOCK;
                let groups = groups(worth.alphanumeric);
                let words = groups & (groups << 8 | u64::from(word_end == at));
                if groups >> 56 != 0 {
                    word_end = at + BLOCK;
                }
                let mut grams = 0;
                if worth.text
                    && let Some(bytes) = here.get(worth.number)
                {
                    grams = self.grams.every_fourth(bytes) & worth.printable;
                }
                let head = worth.head && worth.text;
                if grams | words | worth.anchor | worth.raw | worth.wide != 0 || head {
                    let closer = Closer { scanner: self, text, owned: &owned };
                    closer.look(at, worth, grams, words, &mut until, found);
                }
            }
        }
    }
}

/// The groups of eight bytes that are all in the mask.
const fn groups(mask: u64) -> u64 {
    let mut groups = mask & mask >> 1;
    groups &= groups >> 2;
    groups &= groups >> 4;
    groups & 0x0101_0101_0101_0101
}

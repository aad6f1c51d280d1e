//! Finds the anchors of indicators in bytes, at a speed near that of reading them.
//!
//! Blocks of zeros cost a test. Blocks without a printable run of six cost two masks. Where there
//! is text, a gram filter looks for literals, and masks for what has no literal: `://`, addresses,
//! and long words that may be wallets. Only at an anchor a kind's own grammar looks closer.

mod block;
mod found;
mod grams;
mod raw;
mod stream;
mod text;
mod way;
mod wide;
mod within;

#[cfg(test)]
mod tests;

pub(crate) use found::Hit;
pub use found::{Carved, Cut, Found, LIMIT};
pub use stream::{AHEAD, OVERLAP, Stream};
pub(crate) use text::{REACH, Text, printable};
pub use way::{Step, Way};
pub(crate) use within::within;

use super::ioc::{Form, IN_BYTES, Ioc};
use super::kinds;
use block::{BLOCK, Block};
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
    grams: Grams,
    owners: Vec<(kinds::Examine, usize)>,
    /// Entries of the user's lists; their literals come after those of the kinds.
    listed: Vec<Ioc>,
}

static SCANNER: LazyLock<Arc<Scanner>> = LazyLock::new(|| Arc::new(Scanner::new(&[])));

/// Printable and run masks of the block before.
#[derive(Clone, Copy, Default)]
struct Before {
    printable: u64,
    two: u64,
    /// Whether the gram filter was run over it.
    probed: bool,
    /// Its last eight bytes are printable.
    word: bool,
}

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
        let worth = |ioc: &&Ioc| ioc.form != Form::Range && ioc.literal().len() >= grams::WINDOW;
        let listed: Vec<Ioc> = iocs.iter().filter(worth).take(IN_BYTES).cloned().collect();
        texts.extend(listed.iter().map(Ioc::literal));
        Self { grams: Grams::new(texts.iter().map(String::as_str)), owners, listed }
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
        let wide = !text.way.ends_wide();
        let mut until = raw::Until::default();
        let mut before = Before::default();
        let mut wide_until = 0;
        let (blocks, _) = text.slice(first..last).as_chunks::<BLOCK>();
        let (nexts, _) = text.slice(first + 1..last + 1).as_chunks::<BLOCK>();
        let (afters, _) = text.slice(first + 2..last + 2).as_chunks::<BLOCK>();
        let mut at = first;
        for ((bytes, next), after) in blocks.iter().zip(nexts).zip(afters) {
            let block = Block::new(bytes);
            if block.empty() {
                before = Before::default();
                at += BLOCK;
                continue;
            }
            let printable = block.printable();
            let (next, after) = (Block::new(next), Block::new(after));
            if wide && block.raw(next, after) {
                raw::look(text, at, (block, next, after), &mut until, &owned, found);
            }
            // Of three wide letters the second and third have none beside them.
            let alone = printable & !(printable << 1 | printable >> 1);
            if wide && alone & alone >> 2 != 0 {
                wide::look(self, text, at, printable, block.zero(), &mut wide_until, &owned, found);
            }
            let shift = |mask: u64, earlier: u64, by: u32| mask << by | earlier >> (64 - by);
            let two = printable & shift(printable, before.printable, 1);
            let four = two & shift(two, before.two, 2);
            let six = four & shift(two, before.two, 4);
            let mut now = Before { printable, two, probed: false, word: false };
            if six != 0 {
                now.probed = true;
                if !before.probed && before.printable >> 63 & printable & 1 == 1 {
                    head(text, at, &owned, found);
                }
                self.probe(text, at, bytes, printable, before.probed, &owned, found);
                now.word = anchors(text, at, block, printable, before.word, &owned, found);
            }
            before = now;
            at += BLOCK;
        }
    }

    /// Runs the gram filter over a block that has text.
    #[allow(clippy::too_many_arguments)]
    #[inline]
    fn probe(
        &self,
        text: &Text<'_>,
        at: usize,
        bytes: &[u8; BLOCK],
        printable: u64,
        probed_before: bool,
        owned: &Range<usize>,
        found: &mut Found,
    ) {
        // Every fourth position with three printable bytes.
        let mut places = printable & printable >> 1 & printable >> 2 & 0x1111_1111_1111_1111;
        if places.count_ones() > 5 {
            let (fours, _) = bytes.as_chunks::<4>();
            let mut hits = 0;
            for (i, four) in fours.iter().enumerate() {
                hits |= u64::from(self.grams.maybe(*four)) << (4 * i);
            }
            places &= hits;
            while places != 0 {
                self.literal(text, at + places.trailing_zeros() as usize, owned, found);
                places &= places - 1;
            }
        } else {
            while places != 0 {
                self.maybe(text, at + places.trailing_zeros() as usize, owned, found);
                places &= places - 1;
            }
        }
        // A run too short to be told in the block before may hold the first bytes of a literal.
        if !probed_before && let Some(at) = at.checked_sub(4) {
            self.maybe(text, at, owned, found);
        }
    }

    #[inline]
    fn maybe(&self, text: &Text<'_>, at: usize, owned: &Range<usize>, found: &mut Found) {
        let four = text.slice(at..at + 4).first_chunk::<4>();
        if four.is_some_and(|four| self.grams.maybe(*four)) {
            self.literal(text, at, owned, found);
        }
    }

    #[inline(never)]
    fn literal(&self, text: &Text<'_>, at: usize, owned: &Range<usize>, found: &mut Found) {
        self.grams.verify(text.bytes, at, |number, start, end| {
            if !owned.contains(&start) {
                return;
            }
            let number = usize::from(number);
            match self.owners.get(number) {
                Some((examine, own)) => examine(text, start..end, *own, found),
                None => {
                    if let Some(ioc) = self.listed.get(number - self.owners.len()) {
                        listed(text, start..end, ioc, found);
                    }
                }
            }
        });
    }
}

/// An entry of the user's lists, where it stands for itself.
fn listed(text: &Text<'_>, range: Range<usize>, ioc: &Ioc, found: &mut Found) {
    let (end, here) = (range.end, text.slice(range.clone()));
    if ioc.stands(text.before(range.start), here, text.byte(end), text.byte(end + 1)) {
        let why = format!("listed in {} as {} {}", ioc.list, ioc.form.word(), ioc.label);
        let hit = Hit::new("ioc", range.start, ioc.literal(), why.trim_end());
        found.add(text, hit.detail(ioc.form.word()));
    }
}

/// Looks at the end of a block that had too little text to be looked at, where the run goes on
/// in the next: five bytes at most.
fn head(text: &Text<'_>, at: usize, owned: &Range<usize>, found: &mut Found) {
    for here in at.saturating_sub(5)..at {
        if owned.contains(&here) {
            match text.byte(here) {
                b':' => kinds::colon(text, here, found),
                b'.' => kinds::dots(text, here, found),
                b'@' => kinds::at_sign(text, here, found),
                _ => {}
            }
        }
    }
}

/// Looks for what has no literal: `://`, four numbers with dots, a port after a name, and words
/// long enough for a wallet. True where the block ends in eight
/// printable bytes.
fn anchors(
    text: &Text<'_>,
    at: usize,
    block: Block,
    printable: u64,
    word_before: bool,
    owned: &Range<usize>,
    found: &mut Found,
) -> bool {
    let each = |mut mask: u64, examine: &mut dyn FnMut(usize)| {
        while mask != 0 {
            let here = at + mask.trailing_zeros() as usize;
            mask &= mask - 1;
            if owned.contains(&here) {
                examine(here);
            }
        }
    };
    // What the block's edge hides counts as there, and the grammar looks.
    let (first, last) = (1, 1 << 63);
    if block.has_either(b':', b'.') {
        let (colon, dot) = (block.equal(b':'), block.equal(b'.'));
        let digit = block.digit();
        // A digit, a dot, a digit; the next such dot two to four bytes on.
        let dotted = dot & (digit << 1 | first) & (digit >> 1 | last);
        let edge = |by: u32| dotted >> by | !(u64::MAX >> by);
        each(dotted & (edge(2) | edge(3) | edge(4)), &mut |dot| kinds::dots(text, dot, found));
        let port = colon & (digit >> 1 | last);
        // A port has a name or a bracket before it; a digit before it is a time or an address.
        let named = port & (!digit << 1 | first);
        let url = if colon == 0 { 0 } else { colon & (block.equal(b'/') >> 1 | last) };
        each(named | url, &mut |colon| kinds::colon(text, colon, found));
    }
    let sign = block.equal(b'@');
    if sign != 0 {
        let letter = block.alphanumeric();
        each(sign & (letter << 1 | first) & (letter >> 1 | last), &mut |at| {
            kinds::at_sign(text, at, found);
        });
    }

    // Bytes of the mask that are all ones: groups of eight. Few blocks have two of printable
    // bytes, and fewer two of letters and digits.
    let (groups, mut pairs) = pairs(printable, word_before);
    if pairs != 0 {
        pairs &= self::pairs(block.alphanumeric(), word_before).1;
        let mut until = 0;
        while pairs != 0 {
            let here = at + pairs.trailing_zeros() as usize;
            pairs &= pairs - 1;
            if here >= until {
                until = kinds::word(text, here, owned, found);
            }
        }
    }
    groups >> 56 & 1 == 1
}

/// The groups of eight bytes that are all in the mask, and those that follow another such.
const fn pairs(mask: u64, before: bool) -> (u64, u64) {
    let mut groups = mask & mask >> 1;
    groups &= groups >> 2;
    groups &= groups >> 4;
    groups &= 0x0101_0101_0101_0101;
    (groups, groups & (groups << 8 | before as u64))
}

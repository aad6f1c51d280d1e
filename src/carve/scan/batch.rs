//! Sixty-four blocks at a time: which of them are worth a closer look, and where. Nothing is decided
//! here that can be put off: in random bytes, machine code and the short strings of binaries no
//! branch could be foretold.

use super::block::{BLOCK, Block};
use fearless_simd::Simd;

/// Blocks judged at once: what is known of them stays in the first-level cache.
pub(super) const BATCH: usize = 64;

/// Bytes as blocks, and the same bytes one and two further on.
#[derive(Clone, Copy)]
pub(super) struct Blocks<'a> {
    pub(super) here: &'a [[u8; BLOCK]],
    pub(super) next: &'a [[u8; BLOCK]],
    pub(super) after: &'a [[u8; BLOCK]],
}

/// A block worth a closer look, as bit masks: bit `i` speaks of byte `i`.
#[derive(Clone, Copy, Default)]
pub(super) struct Worth {
    /// Which of the blocks it is.
    pub(super) number: usize,
    /// Whether a run of six printable bytes ends in it.
    pub(super) text: bool,
    /// Whether the block before ends in a run too short to be told there.
    pub(super) head: bool,
    pub(super) printable: u64,
    /// Anchors that are no text, of [`super::raw`].
    pub(super) raw: u64,
    /// Three letters of UTF-16LE.
    pub(super) wide: u64,
    /// Letters and digits, where there is text.
    pub(super) alphanumeric: u64,
    /// The byte before an anchor of text, where there is text.
    pub(super) anchor: u64,
}

/// What of the block before is needed to judge the next.
#[derive(Clone, Copy, Default)]
pub(super) struct Before {
    printable: u64,
    two: u64,
    /// Whether it had a run of six.
    text: bool,
}

/// Judges blocks, and returns how many are worth a look; they are the first of `worth`. For narrowed
/// text, `narrow`, only what is text counts.
#[inline(always)]
pub(super) fn judge<S: Simd>(
    simd: S,
    blocks: Blocks<'_>,
    narrow: bool,
    before: &mut Before,
    worth: &mut [Worth; BATCH],
) -> usize {
    let mut count = 0;
    let mut last = *before;
    let keep = if narrow { 0 } else { u64::MAX };
    let all = blocks.here.iter().zip(blocks.next).zip(blocks.after);
    for (number, ((here, next), after)) in all.enumerate() {
        let Some(block) = Block::new(simd, here, next, after) else {
            last = Before::default();
            continue;
        };
        let seen = block.seen();
        // Runs of six, of which the beginning may be in the block before.
        let two = seen.printable & (seen.printable << 1 | last.printable >> 63);
        let four = two & (two << 2 | last.two >> 62);
        let six = four & (two << 4 | last.two >> 60);
        // Of six letters that lie across an edge, three stand on one side of it.
        let wide = seen.wide & seen.wide >> 2 & seen.wide >> 4 & keep;
        let raw = seen.raw & keep;
        let (text, printable) = (six != 0, seen.printable);
        if let Some(slot) = worth.get_mut(count) {
            let head = !last.text && last.printable >> 63 != 0;
            *slot = Worth { number, text, head, printable, raw, wide, ..Worth::default() };
        }
        count += usize::from(six | wide | raw != 0);
        last = Before { printable, two, text };
    }
    *before = last;
    for worth in worth.iter_mut().take(count) {
        if let Some(here) = blocks.here.get(worth.number)
            && let Some(next) = blocks.next.get(worth.number)
            && let Some(after) = blocks.after.get(worth.number)
            && let Some(block) = Block::new(simd, here, next, after)
        {
            let text = block.text();
            let keep = if worth.text { u64::MAX } else { 0 };
            worth.alphanumeric = text.alphanumeric & keep;
            worth.anchor = text.anchor & keep;
        }
    }
    count
}

//! Text in a place: ASCII as it lies, or UTF-16LE narrowed, with the way back to offsets.

use super::Way;
use std::ops::Range;

/// How far a run is followed to either side of an anchor. What is found depends on no more than
/// this, so that chunks may be cut anywhere.
pub(crate) const REACH: usize = 1536;

/// Bytes to examine, and where in the place they lie.
#[derive(Clone, Copy)]
pub(crate) struct Text<'a> {
    pub(crate) bytes: &'a [u8],
    /// Offset of the first byte in the place carved.
    pub(crate) base: u64,
    /// Bytes of the place a character: 2 for UTF-16, 0 for what was decoded, which has one offset.
    pub(crate) step: u64,
    pub(crate) way: Way,
    /// Bytes of what was decoded that came before these.
    pub(crate) start: usize,
}

pub(crate) const fn printable(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\t')
}

impl<'a> Text<'a> {
    pub(crate) const fn ascii(bytes: &'a [u8], base: u64) -> Self {
        Self { bytes, base, step: 1, way: Way::ASCII, start: 0 }
    }

    /// Where in the place a byte of the text lies.
    pub(crate) const fn offset(&self, at: usize) -> u64 {
        self.base.wrapping_add((at as u64).wrapping_mul(self.step))
    }

    pub(crate) fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    pub(crate) fn before(&self, at: usize) -> u8 {
        at.checked_sub(1).map_or(0, |at| self.byte(at))
    }

    pub(crate) fn slice(&self, range: Range<usize>) -> &'a [u8] {
        self.bytes.get(range).unwrap_or_default()
    }

    /// The first byte to the left of `at` that `keep` refuses, plus one; not further than `reach`.
    pub(crate) fn back(&self, at: usize, reach: usize, keep: impl Fn(u8) -> bool) -> usize {
        let from = at.saturating_sub(reach);
        let kept = self.slice(from..at).iter().rev().take_while(|b| keep(**b)).count();
        at - kept
    }

    /// The first byte from `at` on that `keep` refuses; not further than `reach`.
    pub(crate) fn forward(&self, at: usize, reach: usize, keep: impl Fn(u8) -> bool) -> usize {
        let to = at.saturating_add(reach).min(self.bytes.len());
        at + self.slice(at..to).iter().take_while(|b| keep(**b)).count()
    }

    /// The printable run around `at`.
    pub(crate) fn run(&self, at: usize) -> Range<usize> {
        self.back(at, REACH, printable)..self.forward(at, REACH, printable)
    }

    /// The text around `at` with its line breaks, as a pretty-printed configuration has them.
    pub(crate) fn lines(&self, at: usize, reach: usize) -> Range<usize> {
        let keep = |b: u8| printable(b) || b == b'\n' || b == b'\r';
        self.back(at, reach.min(REACH), keep)..self.forward(at, reach.min(REACH), keep)
    }

    /// Of the run around `at`, at most 256 bytes that begin not long before it.
    pub(crate) fn context(&self, at: usize) -> &'a [u8] {
        let run = self.run(at);
        let start = run.start.max(at.saturating_sub(64));
        self.slice(start..run.end.min(start + 256))
    }
}

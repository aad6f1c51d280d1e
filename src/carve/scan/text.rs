//! Text in a place: ASCII as it lies, or UTF-16LE narrowed, with the way back to offsets.

use super::{PADDING, Way};
use std::ops::Range;

/// How far a run is followed to either side of an anchor. What is found depends on no more than
/// this, so that chunks may be cut anywhere.
pub(crate) const REACH: usize = 1536;

/// Bytes that share a look at the run they lie in.
const LOOK: u64 = 512;

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

    /// Where in the text a byte lies, however the text comes: its offset in the place carved, or in what was
    /// decoded.
    pub(crate) const fn place(&self, at: usize) -> u64 {
        if self.step == 0 { (self.start + at) as u64 } else { self.offset(at) }
    }

    /// How many bytes there are, without the zeros behind them.
    pub(crate) const fn length(&self) -> usize {
        self.bytes.len().saturating_sub(PADDING)
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

    /// Where a look at the run around `at` is taken from: the last multiple of [`LOOK`], where the run goes
    /// back so far. So neighbours are looked at together, wherever chunks are cut.
    pub(crate) fn stand(&self, at: usize, keep: impl Fn(u8) -> bool) -> usize {
        let step = self.step.max(1);
        let into = usize::try_from(self.place(at) % LOOK / step).unwrap_or(0);
        self.back(at, into, keep)
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
        let start = self.back(at, 64, printable);
        let end = self.forward(at, (start + 256).saturating_sub(at), printable);
        self.slice(start..end)
    }
}

//! A compressed member that goes on beyond the bytes at hand: it is unpacked further as they come, and
//! what comes out is scanned in pieces, so that a program within a dump is seen to its end.

use super::stream::OVERLAP;
use super::{Found, PADDING, Text, Way};
use flate2::{Decompress, FlushDecompress, Status};

/// Unpacked bytes that are scanned at once.
const PIECE: usize = 256 << 10;

/// Unpacked bytes seen after what a piece owns.
const AFTER: usize = OVERLAP;

/// A member that has not ended.
pub(crate) struct Open {
    inflater: Decompress,
    way: Way,
    /// Offset of the member.
    offset: u64,
    /// Offset of the next compressed byte.
    next: u64,
    /// Unpacked bytes: those that are still needed.
    bytes: Vec<u8>,
    /// How many of them were owned already, and how many there were before them.
    owned: usize,
    gone: usize,
}

impl Open {
    /// Goes on where the inflater stopped: at `next`, with what it gave so far.
    pub(crate) const fn new(
        inflater: Decompress,
        way: Way,
        offset: u64,
        next: u64,
        bytes: Vec<u8>,
    ) -> Self {
        Self { inflater, way, offset, next, bytes, owned: 0, gone: 0 }
    }

    /// Offset of the next compressed byte.
    pub(super) const fn next(&self) -> u64 {
        self.next
    }

    /// Takes the bytes from [`Open::next`] on. Gives itself back where there may be more.
    pub(super) fn feed(mut self, mut packed: &[u8], found: &mut Found) -> Option<Self> {
        loop {
            let (read, gave) = (self.inflater.total_in(), self.bytes.len());
            self.bytes.reserve(PIECE);
            let status =
                self.inflater.decompress_vec(packed, &mut self.bytes, FlushDecompress::None);
            let taken = usize::try_from(self.inflater.total_in() - read).unwrap_or(usize::MAX);
            packed = packed.get(taken..).unwrap_or_default();
            self.next = self.next.saturating_add(taken as u64);
            let more = self.bytes.len() - gave;
            let affordable = more == 0 || found.within_budget(more);
            if !affordable {
                self.end(found);
                return None;
            }
            if !matches!(status, Ok(Status::Ok | Status::BufError)) {
                self.scan(true, found);
                found.keep(self.inflater);
                return None;
            }
            self.scan(false, found);
            if taken == 0 && more == 0 {
                return Some(self);
            }
        }
    }

    /// The bytes ended before the member did.
    pub(super) fn end(mut self, found: &mut Found) {
        self.scan(true, found);
        found.longer();
        found.keep(self.inflater);
    }

    fn scan(&mut self, last: bool, found: &mut Found) {
        let length = self.bytes.len();
        let end = if last { length } else { length.saturating_sub(AFTER) };
        if end <= self.owned || !last && end - self.owned < PIECE / 2 {
            return;
        }
        self.bytes.resize(length + PADDING, 0);
        let text = Text {
            bytes: &self.bytes,
            base: self.offset,
            step: 0,
            way: self.way,
            start: self.gone,
        };
        found.scanner().scan(&text, self.owned..end, found);
        let keep = end.saturating_sub(OVERLAP);
        self.bytes.truncate(length);
        self.bytes.drain(..keep);
        self.owned = end - keep;
        self.gone = self.gone.saturating_add(keep);
    }
}

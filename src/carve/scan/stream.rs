//! Bytes of a place as they come, in pieces of any size, scanned in chunks that overlap so that
//! nothing is lost where one ends.

use super::begun::{self, Begun};
use super::{Found, PADDING, REACH, Text};
use std::ops::Range;

/// Bytes scanned at once: within the second-level cache.
const CHUNK: usize = 512 << 10;

/// Bytes kept before what a chunk owns: a run's reach in both encodings and a margin.
pub const OVERLAP: usize = 4 * REACH;

/// Bytes seen after what a chunk owns: as many as are decoded of a
/// compressed member or an encoded run before it is followed further.
pub const AHEAD: usize = 32 << 10;

/// Takes bytes of one contiguous place.
pub struct Stream<'a> {
    found: &'a mut Found,
    /// The first `have` bytes are the place's; the rest is room, kept so that it is zeroed once.
    buffer: Vec<u8>,
    have: usize,
    /// Offset of the buffer's first byte.
    base: u64,
    /// Where in the buffer the part begins that no chunk has owned yet.
    owned: usize,
    /// Offset from which on another stream owns.
    until: u64,
    chunk: usize,
}

impl<'a> Stream<'a> {
    /// Begins at this offset (for memory, the address).
    pub fn new(found: &'a mut Found, offset: u64) -> Self {
        Self::with_chunk(found, offset, CHUNK)
    }

    pub(super) fn with_chunk(found: &'a mut Found, offset: u64, chunk: usize) -> Self {
        let (buffer, until) = (Vec::new(), u64::MAX);
        Self { found, buffer, have: 0, base: offset, owned: 0, until, chunk }
    }

    /// A part of a place that several streams share: bytes come from `offset` on, what has its
    /// anchor in `owned` is found. [`OVERLAP`] more bytes before and [`AHEAD`] after let it be seen
    /// whole.
    pub fn part(found: &'a mut Found, offset: u64, owned: Range<u64>) -> Self {
        let mut stream = Self::with_chunk(found, offset, CHUNK);
        stream.owned = usize::try_from(owned.start.saturating_sub(offset)).unwrap_or(0);
        stream.until = owned.end;
        stream
    }

    /// Room for the next bytes to be read into, which [`Stream::filled`] then takes.
    pub fn room(&mut self, bytes: usize) -> &mut [u8] {
        let end = self.have + bytes;
        if self.buffer.len() < end + PADDING {
            self.buffer.resize(end + PADDING, 0);
        }
        self.buffer.get_mut(self.have..end).unwrap_or_default()
    }

    /// Of the last [`Stream::room`] of `asked` bytes, `got` were filled.
    pub fn filled(&mut self, asked: usize, got: usize) {
        self.have += got.min(asked);
        if self.have >= self.owned + self.chunk + AHEAD {
            self.scan(self.have - AHEAD);
        }
    }

    /// Takes bytes that lie elsewhere.
    pub fn feed(&mut self, mut bytes: &[u8]) {
        while let Some((piece, rest)) = bytes.split_at_checked(bytes.len().min(self.chunk))
            && !piece.is_empty()
        {
            self.room(piece.len()).copy_from_slice(piece);
            self.filled(piece.len(), piece.len());
            bytes = rest;
        }
    }

    /// Gives the bytes at hand to what goes on.
    fn go_on(&mut self) {
        begun::go_on(self.buffer.get(..self.have).unwrap_or_default(), self.base, self.found);
    }

    /// Scans all that this stream owns and that can be seen whole.
    pub fn owned(&mut self) {
        let end = self.have.saturating_sub(AHEAD);
        if end > self.owned {
            self.scan(end);
        } else {
            self.go_on();
        }
    }

    /// Whether more bytes are of use although another stream owns them: a member or a run goes on.
    pub fn goes_on(&mut self) -> bool {
        self.found.begun().goes_on()
    }

    fn scan(&mut self, end: usize) {
        if let Some(padding) = self.buffer.get_mut(self.have..self.have + PADDING) {
            padding.fill(0);
        }
        let bytes = self.buffer.get(..self.have + PADDING).unwrap_or_default();
        let text = Text::ascii(bytes, self.base);
        let mine = usize::try_from(self.until.saturating_sub(self.base)).unwrap_or(usize::MAX);
        if self.owned < end.min(mine) {
            let owned = self.owned..end.min(mine);
            self.found.scanned(owned.len());
            let scanner = self.found.scanner();
            scanner.scan(&text, owned, self.found);
        }
        self.go_on();
        let keep = end.saturating_sub(OVERLAP);
        self.buffer.copy_within(keep..self.have, 0);
        self.have -= keep;
        self.base = self.base.wrapping_add(keep as u64);
        self.owned = end - keep;
    }
}

impl Drop for Stream<'_> {
    fn drop(&mut self) {
        if self.have > self.owned {
            // The last chunk may have been asked for room and given nothing.
            self.room(0);
            self.scan(self.have);
        }
        begun::end(self.found);
        self.found.swap(Begun::default());
    }
}

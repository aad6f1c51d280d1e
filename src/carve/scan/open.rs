//! A compressed member or an encoded run that goes on beyond the bytes at hand: it is decoded further as they
//! come, and what comes out is scanned in pieces, so that a program within a dump is seen to its end.

use super::begun::{self, Begun};
use super::letters::Letters;
use super::stream::{AHEAD, OVERLAP};
use super::{Found, PADDING, Text, Way};
use flate2::{Decompress, FlushDecompress, Status};

/// Decoded bytes that are scanned at once, and encoded ones that are decoded at once.
const PIECE: usize = 256 << 10;

/// What decodes it.
pub(crate) enum Decoder {
    Member(Decompress),
    Run(Letters),
}

impl Decoder {
    /// How many of the bytes were taken, and whether it ended.
    fn decode(&mut self, bytes: &[u8], into: &mut Vec<u8>) -> (usize, bool) {
        match self {
            Self::Member(inflater) => {
                let read = inflater.total_in();
                into.reserve(PIECE);
                let status = inflater.decompress_vec(bytes, into, FlushDecompress::None);
                let taken = usize::try_from(inflater.total_in() - read).unwrap_or(usize::MAX);
                (taken, !matches!(status, Ok(Status::Ok | Status::BufError)))
            }
            Self::Run(letters) => {
                let piece = bytes.get(..PIECE).unwrap_or(bytes);
                (piece.len(), letters.take(piece, into))
            }
        }
    }
}

/// What has not ended.
pub(crate) struct Open {
    decoder: Decoder,
    way: Way,
    /// Where it begins: its offset, and its place in the text it lies in.
    offset: u64,
    start: u64,
    /// The place of the next encoded byte.
    next: u64,
    /// Decoded bytes: those that are still needed.
    bytes: Vec<u8>,
    /// How many of them were owned already, and how many there were before them.
    owned: usize,
    gone: usize,
    /// What has begun in them.
    begun: Begun,
}

impl Open {
    /// What begins at `at` in a text; `next` is the place of the first byte not decoded, and `bytes` what
    /// was.
    pub(crate) fn new(
        decoder: Decoder,
        way: Way,
        text: &Text<'_>,
        at: usize,
        next: usize,
        bytes: Vec<u8>,
    ) -> Self {
        let (offset, start, next) = (text.offset(at), text.place(at), text.place(next));
        let begun = Begun::default();
        Self { decoder, way, offset, start, next, bytes, owned: 0, gone: 0, begun }
    }

    /// The place of the next encoded byte.
    pub(super) const fn next(&self) -> u64 {
        self.next
    }

    pub(super) const fn is_run(&self) -> bool {
        matches!(self.decoder, Decoder::Run(_))
    }

    /// Takes the bytes from [`Open::next`] on. Gives itself back where there may be more.
    pub(super) fn feed(mut self, mut bytes: &[u8], found: &mut Found) -> Option<Self> {
        loop {
            let gave = self.bytes.len();
            let (taken, ended) = self.decoder.decode(bytes, &mut self.bytes);
            bytes = bytes.get(taken..).unwrap_or_default();
            self.next = self.next.saturating_add(taken as u64);
            let more = self.bytes.len() - gave;
            let run = self.is_run();
            // Of a member it is told that its beginning was unpacked.
            let affordable =
                more == 0 || if run { found.afford(more) } else { found.within_budget(more) };
            if ended || !affordable {
                self.close(!affordable && !run, found);
                return None;
            }
            self.scan(false, found);
            if taken == 0 && more == 0 {
                return Some(self);
            }
        }
    }

    /// The bytes ended before it did.
    pub(super) fn end(mut self, found: &mut Found) {
        if let Decoder::Run(letters) = &mut self.decoder {
            letters.end(&mut self.bytes);
        }
        // A run ends where its letters do.
        let cut = !self.is_run();
        self.close(cut, found);
    }

    fn close(mut self, cut: bool, found: &mut Found) {
        self.scan(true, found);
        if cut {
            found.longer();
        }
        match self.decoder {
            Decoder::Member(inflater) => found.keep(inflater),
            Decoder::Run(letters) => {
                found.begun().decoded_until(self.start.saturating_add(letters.counted()));
            }
        }
    }

    fn scan(&mut self, last: bool, found: &mut Found) {
        let length = self.bytes.len();
        let end = if last { length } else { length.saturating_sub(AHEAD) };
        if !last && end.saturating_sub(self.owned) < PIECE / 2 {
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
        let outer = found.swap(std::mem::take(&mut self.begun));
        found.scanner().scan(&text, self.owned.min(end)..end, found);
        self.bytes.truncate(length);
        begun::go_on(&self.bytes, self.gone as u64, found);
        if last {
            begun::end(found);
        }
        self.begun = found.swap(outer);
        let keep = end.saturating_sub(OVERLAP);
        self.bytes.drain(..keep);
        self.owned = end - keep;
        self.gone = self.gone.saturating_add(keep);
    }
}

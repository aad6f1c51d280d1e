//! The blocks of a tar, of which a header may be damaged: where it is, the next one is looked for.

use crate::evidence::archive::is_tar;
use std::io::{self, Read};

/// Bytes of a block.
const BLOCK: usize = 512;

/// Bytes that are kept of what is passed over.
const KEPT: usize = 64 << 10;

/// A stream of blocks.
pub(super) struct Blocks<R> {
    inner: R,
    /// A header that was looked at, and is still to be read.
    ahead: Vec<u8>,
    /// Bytes that were given.
    given: u64,
}

impl<R: Read> Blocks<R> {
    pub fn new(inner: R) -> Self {
        Self { inner, ahead: Vec::new(), given: 0 }
    }

    /// Where in the stream the next byte is.
    pub const fn at(&self) -> u64 {
        self.given
    }

    /// Goes on to the next header that is whole; what was passed over, as far as it is kept. `None` where
    /// there is none.
    pub fn find(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut passed = Vec::new();
        loop {
            let mut block = std::mem::take(&mut self.ahead);
            let missing = BLOCK.saturating_sub(block.len());
            let read = (&mut self.inner).take(missing as u64).read_to_end(&mut block);
            match read {
                Ok(_) if block.len() == BLOCK => {}
                // A stream that breaks off here was told of when it did.
                _ => return Ok(None),
            }
            if is_tar(&block) {
                self.ahead = block;
                return Ok(Some(passed));
            }
            self.given = self.given.saturating_add(BLOCK as u64);
            if passed.len() < KEPT {
                passed.extend_from_slice(&block);
            }
        }
    }
}

impl<R: Read> Read for Blocks<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let got = if self.ahead.is_empty() {
            self.inner.read(into)?
        } else {
            let count = self.ahead.len().min(into.len());
            for (to, from) in into.iter_mut().zip(self.ahead.drain(..count)) {
                *to = from;
            }
            count
        };
        self.given = self.given.saturating_add(got as u64);
        Ok(got)
    }
}

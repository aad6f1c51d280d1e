//! A reader that can go back to where a frame began, since damage may have led beyond the frame's end.

use std::io::{self, BufRead, Read};

/// Bytes that are kept to go back to: davy's frames of 4 MiB, and what packing them may add.
const KEPT: usize = 5 << 20;

/// Counts what is taken from a reader and, where it is told to, keeps what was taken since a mark.
pub(super) struct Rewound<R> {
    inner: R,
    /// Whether it keeps anything.
    keeps: bool,
    /// What was taken since the mark, and behind it what was put back; where it stands in this.
    kept: Vec<u8>,
    stands: usize,
    /// Whether all since the mark is in `kept`.
    whole: bool,
    at: u64,
    marked: u64,
}

impl<R: BufRead> Rewound<R> {
    pub const fn new(inner: R) -> Self {
        Self { inner, keeps: false, kept: Vec::new(), stands: 0, whole: true, at: 0, marked: 0 }
    }

    pub const fn keep(&mut self) {
        self.keeps = true;
    }

    pub const fn keeps(&self) -> bool {
        self.keeps
    }

    /// The place of the next byte.
    pub const fn at(&self) -> u64 {
        self.at
    }

    /// The place of the mark.
    pub const fn marked(&self) -> u64 {
        self.marked
    }

    /// Whether nothing follows.
    pub fn is_empty(&mut self) -> io::Result<bool> {
        Ok(self.stands >= self.kept.len() && self.inner.fill_buf()?.is_empty())
    }

    /// Marks the next byte as the one to go back to.
    pub fn mark(&mut self) {
        self.kept.drain(..self.stands);
        (self.stands, self.whole, self.marked) = (0, true, self.at);
    }

    /// Goes back to the byte behind the mark, as far as that is kept.
    pub fn rewind(&mut self) {
        if self.whole && self.at > self.marked {
            self.stands = 1.min(self.kept.len());
            self.at = self.marked.saturating_add(self.stands as u64);
        }
    }

    /// Goes on to the next place where these bytes stand.
    pub fn find(&mut self, wanted: &[u8]) -> io::Result<bool> {
        loop {
            self.mark();
            let found = memchr::memmem::find(&self.kept, wanted);
            // The beginning of it may be the end of what is held.
            let beside = self.kept.len().saturating_sub(wanted.len().saturating_sub(1));
            self.stands = found.unwrap_or(beside);
            self.at = self.at.saturating_add(self.stands as u64);
            if found.is_some() {
                return Ok(true);
            }
            let more = self.inner.fill_buf()?;
            let count = more.len();
            if count == 0 {
                return Ok(false);
            }
            self.kept.extend_from_slice(more);
            self.inner.consume(count);
        }
    }
}

impl<R: BufRead> Read for Rewound<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let ahead = self.kept.get(self.stands..).unwrap_or_default();
        let got = if ahead.is_empty() {
            let got = self.inner.read(into)?;
            if self.keeps && self.whole {
                self.kept.extend_from_slice(into.get(..got).unwrap_or_default());
                self.stands = self.kept.len();
                if self.stands > KEPT {
                    (self.kept, self.stands, self.whole) = (Vec::new(), 0, false);
                }
            }
            got
        } else {
            let got = ahead.len().min(into.len());
            for (to, from) in into.iter_mut().zip(ahead) {
                *to = *from;
            }
            self.stands = self.stands.saturating_add(got);
            got
        };
        self.at = self.at.saturating_add(got as u64);
        Ok(got)
    }
}

//! The blocks of a tar, of which a header may be damaged: where it is, the next one is looked for.

use crate::evidence::archive::is_tar;
use std::io::{self, Read};

/// Bytes of a block.
const BLOCK: usize = 512;

/// Bytes that are kept of what is passed over.
const KEPT: usize = 64 << 10;

/// How the names of all that davy writes begin: a tar that is a member has other headers in it.
const OURS: [&[u8]; 7] = [
    b"davy.json\0",
    b"[root]/",
    b"roots/",
    b"memory/",
    b"pieces/",
    b"manifest/",
    b"././@LongLink\0",
];

/// What was passed over.
#[derive(Default)]
pub(super) struct Passed {
    /// Its first bytes.
    pub bytes: Vec<u8>,
    pub count: u64,
}

/// A stream of blocks.
pub(super) struct Blocks<R> {
    inner: R,
    /// A header that was looked at, and is still to be read.
    ahead: Vec<u8>,
    /// Bytes that were given.
    given: u64,
    /// Why the stream last broke off: what follows is another piece of it, from a block's beginning on.
    broke: Option<String>,
    /// It broke off, and nothing came since.
    stuck: bool,
}

impl<R: Read> Blocks<R> {
    pub const fn new(inner: R) -> Self {
        Self { inner, ahead: Vec::new(), given: 0, broke: None, stuck: false }
    }

    /// Where in the stream the next byte is.
    pub const fn at(&self) -> u64 {
        self.given
    }

    /// Why it broke off since this was last asked, where it did.
    pub const fn broke(&mut self) -> Option<String> {
        self.broke.take()
    }

    /// Goes on to the next header that is whole, and one of davy's where others came before; what was
    /// passed over. `None` where there is none.
    pub fn find(&mut self) -> io::Result<Option<Passed>> {
        let first = self.given == 0;
        let mut passed = Passed::default();
        loop {
            let mut block = std::mem::take(&mut self.ahead);
            let missing = BLOCK.saturating_sub(block.len());
            let before = self.given;
            self.given = before.saturating_add(block.len() as u64);
            let read = self.by_ref().take(missing as u64).read_to_end(&mut block);
            if read.is_ok() && block.len() == BLOCK {
                let ours =
                    first && passed.count == 0 || OURS.iter().any(|name| block.starts_with(name));
                if ours && is_tar(&block) {
                    self.given = before;
                    self.ahead = block;
                    return Ok(Some(passed));
                }
            }
            passed.count = passed.count.saturating_add(block.len() as u64);
            if passed.bytes.len() < KEPT {
                passed.bytes.extend_from_slice(&block);
            }
            // Where it breaks off twice at one place there is nothing more of it.
            let over = match read {
                Ok(_) => block.len() < BLOCK,
                Err(_) => self.stuck && block.is_empty(),
            };
            if over {
                return Ok(None);
            }
            self.stuck = read.is_err();
        }
    }
}

impl<R: Read> Read for Blocks<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let got = if self.ahead.is_empty() {
            match self.inner.read(into) {
                Ok(got) => got,
                Err(error) => {
                    if error.kind() != io::ErrorKind::Interrupted {
                        self.broke = Some(error.to_string());
                    }
                    return Err(error);
                }
            }
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

//! What was read from a host, kept, and played back.
//!
//! A recording keeps every question and its answer, failures too, and gives the same answer when
//! it is asked again: what it judged and what it kept cannot differ. Its replay answers the same
//! and says *not captured* to what was never asked.

mod answers;
mod pieces;
mod record;
mod replay;
mod withheld;

pub(super) use answers::{Answer, Answers, Content, Directory, Memory as KeptMemory, Place};
pub(super) use pieces::{Pieces, ReadAt};
pub use record::Recording;
pub use replay::Replay;

/// How much a recording keeps. What is beyond is passed on to the reader and not kept; its
/// replay answers *not captured* there.
#[derive(Clone, Copy, Debug)]
pub struct RecordingLimits {
    /// Bytes of one file or of one process's memory.
    pub one: usize,
    /// Bytes of all, equal contents counted once.
    pub all: usize,
}

impl Default for RecordingLimits {
    /// 64 MiB of one file, 1 GiB of all.
    fn default() -> Self {
        Self { one: 64 << 20, all: 1 << 30 }
    }
}

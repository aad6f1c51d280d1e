//! What becomes of members that are too large to be held: someone may look at their bytes as they go by.

use std::any::Any;
use std::io::Read;
use std::sync::Arc;

/// Who looks at the bytes of members as they go by, each but once and from the first to the last.
pub trait Passing: Any + Send + Sync {
    /// Whether a member that begins so is better looked at as it goes by than held, however small: an
    /// image of memory, a core dump.
    fn claims(&self, first: &[u8]) -> bool;

    /// Looks at a member. It reads as far as it likes.
    fn look(&self, member: &[u8], size: u64, bytes: &mut dyn Read);
}

/// Members that are asked by their first bytes whether they are an image or a dump are at least so large:
/// what is smaller holds no memory. Nor is it told of such that their bytes were left out by choice.
pub(super) const ASKED: u64 = 64 << 10;

/// Bytes by which an image or a dump is told.
pub(super) const FIRST: u64 = 64;

/// What went by and was looked at, of one archive.
#[derive(Clone, Default)]
pub struct Passed {
    /// Who looked.
    pub by: Option<Arc<dyn Passing>>,
    /// At which members.
    pub members: Vec<Vec<u8>>,
    /// How many members of some size only their names were taken of, and their bytes.
    pub named: (u64, u64),
}

impl std::fmt::Debug for Passed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Passed").field("members", &self.members.len()).finish_non_exhaustive()
    }
}

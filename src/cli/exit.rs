//! The exit codes, all in one place.

use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// Failed: something that was asked for could not be given.
    Failed = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// Done, with findings at or above `--fail-on`.
    Findings = 3,
    /// Done, but part of the evidence could not be read.
    Partial = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

//! What was read and what was not: unknown is not clean.

/// How much of a thing was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// All that there was.
    Complete,
    /// Some of it; the detail says what is missing.
    Partial,
    /// This source does not have it, as a host without a package database.
    Absent,
    /// The reader may not: more privilege would help.
    Denied,
    /// It did not answer in time.
    TimedOut,
    /// The collector that made this evidence did not take it.
    NotCaptured,
}

impl Status {
    /// The word in reports and in the table `coverage`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Partial => "partial",
            Self::Absent => "absent",
            Self::Denied => "denied",
            Self::TimedOut => "timed-out",
            Self::NotCaptured => "not-captured",
        }
    }
}

crate::table! {
    pub struct Coverage in coverage, "What was read and how completely: one row for each table, column or artefact and status.";
    what: String, "", "A table (`processes`), a column (`processes.exe`) or an artefact (`memory of pid 2584`).";
    status: &'static str, "", "complete, partial, absent, denied, timed-out or not-captured.";
    detail: String, "", "What is missing and why, with a count; empty where nothing is.";
}

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

/// The words of coverage for what is there and more than davy reads of such a thing.
pub const BEYOND: &str = "beyond davy's limits";

/// How many pieces were read, of how many: processes, descriptors, files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pieces {
    /// Read.
    pub read: u64,
    /// There, as far as is known, and not read: whatever the reason.
    pub missed: u64,
    /// Of the missed, those that were tried in vain: denied, timed out, damaged. The others were
    /// not captured, or davy leaves them alone by design.
    pub failed: u64,
    /// Of the missed, those that were there and beyond davy's own limits.
    pub cut: u64,
}

impl Pieces {
    /// Whether so much was missed that finding nothing means nothing: more than one piece in ten. One piece
    /// alone is no such gap beside four that were read: on a small host it would hide all the others, and
    /// how many processes there are differs from one moment to the next.
    #[must_use]
    pub const fn too_few(self) -> bool {
        beyond(self.missed, self.read)
    }

    /// Whether so much could not be read that a whole run is to be called partial: more than one
    /// piece in ten, or anything that was cut off. Whoever fills a place to hide in it needs one piece.
    #[must_use]
    pub const fn failing(self) -> bool {
        self.cut > 0 || beyond(self.failed, self.read)
    }

    /// All that was there.
    #[must_use]
    pub const fn all(self) -> u64 {
        self.read.saturating_add(self.missed)
    }
}

const fn beyond(missed: u64, read: u64) -> bool {
    if missed == 1 && read >= 4 {
        return false;
    }
    missed.saturating_mul(10) > read.saturating_add(missed)
}

crate::table! {
    pub struct Coverage in coverage, "What was read and how completely: one row for each table, column or artefact and status.";
    what: String, "", "A table (`processes`), a column (`processes.exe`) or an artefact (`memory of pid 2584`; `memory` sums them up).";
    status: &'static str, "", "complete, partial, absent, denied, timed-out or not-captured.";
    detail: String, "", "What is missing and why, with a count; empty where nothing is.";
    read: Option<u64>, "pieces", "How many were read; NULL where pieces were not counted.";
    missed: Option<u64>, "pieces", "How many were there and not read; those that ended or were removed meanwhile are not among them.";
    failed: Option<u64>, "pieces", "Of the missed, those that were denied, timed out or damaged; the others were not captured or are left alone by design.";
    cut: Option<u64>, "pieces", "Of the missed, those that were there and beyond davy's own limits.";
}

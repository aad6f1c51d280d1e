//! What could not be read, counted.

use super::Outcome;
use crate::evidence::{Reason, Unavailable};
use crate::facts::{Facts, Pieces, Status};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Counts what could not be read, by what and why, so that coverage is a few lines and not a
/// line for each of 28,000 files.
#[derive(Default)]
pub struct Gaps {
    tallies: RefCell<BTreeMap<String, Tally>>,
}

/// Of one thing.
#[derive(Default)]
struct Tally {
    read: u64,
    missed: BTreeMap<Reason, Missed>,
    note: Option<String>,
}

struct Missed {
    count: u64,
    example: String,
}

impl Gaps {
    /// One piece of `what` (a table, or `table.column`) was read.
    pub fn read(&self, what: &str) {
        self.read_many(what, 1);
    }

    /// So many pieces of `what` were read; with 0, it was looked for and there was none.
    pub fn read_many(&self, what: &str, pieces: u64) {
        self.with(what, |tally| tally.read = tally.read.saturating_add(pieces));
    }

    /// One piece of `what` could not be read. The first of each kind is kept as the example.
    pub fn missed(&self, what: &str, why: &Unavailable) {
        self.missed_many(what, why, 1);
    }

    /// So many pieces of `what` could not be read, for one reason.
    pub fn missed_many(&self, what: &str, why: &Unavailable, pieces: u64) {
        self.with(what, |tally| {
            let missed = tally
                .missed
                .entry(why.reason)
                .or_insert_with(|| Missed { count: 0, example: why.to_string() });
            missed.count = missed.count.saturating_add(pieces);
        });
    }

    /// Says something of `what` that is no gap but that a reader must know.
    pub fn note(&self, what: &str, words: String) {
        self.with(what, |tally| tally.note = Some(words));
    }

    /// Adds what another has counted.
    pub fn absorb(&self, other: Self) {
        for (what, theirs) in other.tallies.into_inner() {
            self.with(&what, |tally| {
                tally.read = tally.read.saturating_add(theirs.read);
                tally.note = theirs.note.or(tally.note.take());
                for (reason, more) in theirs.missed {
                    match tally.missed.get_mut(&reason) {
                        Some(missed) => missed.count = missed.count.saturating_add(more.count),
                        None => {
                            tally.missed.insert(reason, more);
                        }
                    }
                }
            });
        }
    }

    /// Allocates a name only the first time that it is counted.
    fn with(&self, what: &str, change: impl FnOnce(&mut Tally)) {
        let mut tallies = self.tallies.borrow_mut();
        match tallies.get_mut(what) {
            Some(tally) => change(tally),
            None => change(tallies.entry(what.to_owned()).or_default()),
        }
    }

    /// Writes the counts as coverage rows.
    ///
    /// # Errors
    /// Where they cannot be stored.
    pub fn store(&self, facts: &Facts) -> Outcome {
        for (what, tally) in self.tallies.borrow().iter() {
            facts.cover_counted(what.clone(), tally.status(), tally.detail(), tally.pieces())?;
        }
        Ok(())
    }
}

impl Tally {
    /// What has ended or is not there is no piece that was missed.
    fn pieces(&self) -> Pieces {
        let mut pieces = Pieces { read: self.read, ..Pieces::default() };
        for (reason, Missed { count, .. }) in &self.missed {
            let (missed, failed, cut) = match reason {
                Reason::Absent | Reason::Vanished => (0, 0, 0),
                Reason::NotRegular | Reason::NotCaptured => (*count, 0, 0),
                Reason::Denied | Reason::TimedOut | Reason::Damaged => (*count, *count, 0),
                Reason::TooMuch => (*count, 0, *count),
            };
            pieces.cut = pieces.cut.saturating_add(cut);
            pieces.missed = pieces.missed.saturating_add(missed);
            pieces.failed = pieces.failed.saturating_add(failed);
        }
        pieces
    }

    fn status(&self) -> Status {
        let mut reasons = self.missed.keys();
        // A process that ends while others are read is no hole in what was there to be read.
        if self.read > 0 && reasons.clone().all(|r| *r == Reason::Vanished) {
            return Status::Complete;
        }
        match (reasons.next(), reasons.next()) {
            (None, _) => Status::Complete,
            _ if self.read > 0 => Status::Partial,
            (Some(Reason::Denied), None) => Status::Denied,
            (Some(Reason::Absent), None) => Status::Absent,
            (Some(Reason::TimedOut), None) => Status::TimedOut,
            (Some(Reason::NotCaptured), None) => Status::NotCaptured,
            _ => Status::Partial,
        }
    }

    fn detail(&self) -> String {
        use std::fmt::Write;
        let mut detail = self.note.clone().unwrap_or_default();
        if self.missed.is_empty() {
            return detail;
        }
        if !detail.is_empty() {
            detail.push_str("; ");
        }
        // Writing to a String cannot fail.
        let _ = write!(detail, "{} read", self.read);
        for (reason, missed) in &self.missed {
            let _ = write!(detail, "; {} {}, as {}", missed.count, reason.word(), missed.example);
        }
        detail
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::evidence::HostPath;

    fn stored(gaps: &Gaps) -> Vec<(String, String, String)> {
        let facts = Facts::in_memory(&[]).unwrap();
        gaps.store(&facts).unwrap();
        let mut statement =
            facts.connection().prepare("SELECT what, status, detail FROM coverage").unwrap();
        let rows = statement.query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?))).unwrap();
        rows.map(Result::unwrap).collect()
    }

    #[test]
    fn partial_denied_and_vanished() {
        let gaps = Gaps::default();
        let why = |reason| Unavailable::new(&HostPath::from("/proc/7/exe"), reason, "");
        gaps.read_many("open_files", 3);
        gaps.missed("open_files", &why(Reason::Denied));
        gaps.missed("open_files", &why(Reason::Denied));
        gaps.missed("processes.exe", &why(Reason::Denied));
        gaps.read("processes");
        let other = Gaps::default();
        other.missed("processes", &why(Reason::Vanished));
        other.read("mappings");
        gaps.absorb(other);
        let row = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
        assert_eq!(
            stored(&gaps),
            [
                row("mappings", "complete", ""),
                row("open_files", "partial", "3 read; 2 denied, as /proc/7/exe: denied"),
                row("processes", "complete", "1 read; 1 vanished, as /proc/7/exe: vanished"),
                row("processes.exe", "denied", "0 read; 1 denied, as /proc/7/exe: denied"),
            ]
        );
    }

    #[test]
    fn what_is_beyond_the_limits_makes_a_run_partial_however_little_it_is() {
        let gaps = Gaps::default();
        gaps.read_many("persistence", 4096);
        let why = Unavailable::new(&HostPath::from("/x"), Reason::TooMuch, "4097 names");
        gaps.missed_many("persistence", &why, 1);
        let pieces = gaps.tallies.borrow().get("persistence").map(Tally::pieces).unwrap();
        assert!(pieces.failing() && !pieces.too_few());
        let (.., detail) = stored(&gaps).remove(0);
        assert_eq!(
            detail,
            "4096 read; 1 beyond davy's limits, as /x: beyond davy's limits (4097 names)"
        );
    }

    #[test]
    fn what_has_ended_is_not_missed_and_what_was_not_captured_did_not_fail() {
        let gaps = Gaps::default();
        gaps.read_many("files", 7);
        for reason in [Reason::Denied, Reason::Vanished, Reason::NotCaptured, Reason::Absent] {
            gaps.missed("files", &Unavailable::new(&HostPath::from("/x"), reason, ""));
        }
        let pieces = gaps.tallies.borrow().get("files").map(Tally::pieces);
        assert_eq!(pieces, Some(Pieces { read: 7, missed: 2, failed: 1, cut: 0 }));
    }
}

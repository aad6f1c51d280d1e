//! Artefacts of a host, one file each: its table, its parser, its collector, its tests.
//!
//! Collectors observe and never judge. They run in the order of [`COLLECTORS`]; a later one may
//! ask the facts that an earlier one left. Parsers take bytes and give rows and problems: one
//! bad line never loses a table.

mod content;
mod digest;
mod elf;
mod environment;
mod files;
mod host;
mod interfaces;
mod mappings;
mod mounts;
mod open_files;
mod packages;
mod persistence;
mod processes;
mod roots;
mod sockets;

use crate::evidence::{Clock, Dir, Evidence, HostPath, Pid, Unavailable};
use crate::facts::{self, Facts, Status, TableDef};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// A collector that failed as a whole could not store its rows; what it could not *read* is a
/// coverage row and no error.
pub type Outcome = Result<(), facts::Error>;

/// A host under collection: the evidence and what the collectors share about it.
pub struct Host<'a> {
    /// Where everything is read from.
    pub evidence: &'a dyn Evidence,
    /// `/`, held open.
    pub root: Box<dyn Dir + 'a>,
    /// Taken once, so that all times of a run agree.
    pub clock: Clock,
    /// What could not be read so far.
    pub gaps: Gaps,
}

/// One process, through a handle that no other process can take over.
pub struct ProcessDir<'a> {
    /// Its id.
    pub pid: Pid,
    /// `/proc/PID`, held open.
    pub dir: Box<dyn Dir + 'a>,
    /// The host it is on.
    pub host: &'a Host<'a>,
}

/// Counts what could not be read, by what and why, so that coverage is a few lines and not a
/// line for each of 28,000 files.
#[derive(Default)]
pub struct Gaps {
    counts: RefCell<BTreeMap<(String, crate::evidence::Reason), (u64, String)>>,
    read: RefCell<BTreeMap<String, u64>>,
}

impl Gaps {
    /// One piece of `what` (a table, or `table.column`) was read.
    pub fn read(&self, what: &str) {
        let mut read = self.read.borrow_mut();
        match read.get_mut(what) {
            Some(count) => *count = count.saturating_add(1),
            None => {
                read.insert(what.to_owned(), 1);
            }
        }
    }

    /// One piece of `what` could not be read. The first of each kind is kept as the example.
    pub fn missed(&self, what: &str, why: &Unavailable) {
        let mut counts = self.counts.borrow_mut();
        let entry =
            counts.entry((what.to_owned(), why.reason)).or_insert_with(|| (0, why.to_string()));
        entry.0 = entry.0.saturating_add(1);
    }

    /// Writes the counts as coverage rows.
    ///
    /// # Errors
    /// Where they cannot be stored.
    pub fn store(&self, facts: &Facts) -> Outcome {
        use crate::evidence::Reason;
        let counts = self.counts.borrow();
        let read = self.read.borrow();
        let whats: std::collections::BTreeSet<&String> =
            counts.keys().map(|(what, _)| what).chain(read.keys()).collect();
        for what in whats {
            let got = read.get(what).copied().unwrap_or(0);
            let missing: Vec<String> = counts
                .iter()
                .filter(|((w, _), _)| w == what)
                .map(|((_, reason), (n, example))| format!("{n} {}, as {example}", reason.word()))
                .collect();
            let whole = |wanted: Reason| {
                counts.keys().filter(|(w, _)| w == what).all(|(_, reason)| *reason == wanted)
            };
            let status = if missing.is_empty() {
                Status::Complete
            } else if got > 0 {
                Status::Partial
            } else if whole(Reason::Denied) {
                Status::Denied
            } else if whole(Reason::Absent) {
                Status::Absent
            } else if whole(Reason::TimedOut) {
                Status::TimedOut
            } else if whole(Reason::NotCaptured) {
                Status::NotCaptured
            } else {
                Status::Partial
            };
            let detail = if missing.is_empty() {
                String::new()
            } else {
                format!("{got} read; {}", missing.join("; "))
            };
            facts.cover(what.clone(), status, detail)?;
        }
        Ok(())
    }
}

/// A collector: what it fills, and how.
pub struct Collector {
    /// Its name, for progress and coverage.
    pub name: &'static str,
    /// The tables it fills.
    pub tables: &'static [TableDef],
    /// What it reads.
    pub run: Run,
}

/// Whether a collector reads the host as a whole or each process.
pub enum Run {
    /// Once a host.
    Host(fn(&Host<'_>, &Facts) -> Outcome),
    /// Once a process, all through one handle; processes in the order of their pids.
    Process(fn(&ProcessDir<'_>, &Facts) -> Outcome),
}

/// Every collector, in the order in which they run.
pub const COLLECTORS: &[Collector] = &[
    host::COLLECTOR,
    interfaces::COLLECTOR,
    mounts::COLLECTOR,
    processes::COLLECTOR,
    environment::COLLECTOR,
    open_files::COLLECTOR,
    mappings::COLLECTOR,
    sockets::COLLECTOR,
    packages::COLLECTOR,
    persistence::COLLECTOR,
    elf::COLLECTOR,
    files::COLLECTOR,
];

/// The tables of all collectors.
pub fn tables() -> impl Iterator<Item = TableDef> {
    COLLECTORS.iter().flat_map(|c| c.tables.iter().copied())
}

/// Runs every collector over the evidence and leaves rows and coverage in `facts`.
///
/// # Errors
/// Where facts cannot be stored. What cannot be read is coverage.
pub fn collect(evidence: &dyn Evidence, facts: &Facts, progress: &dyn Fn(&str)) -> Outcome {
    let root = match evidence.dir(&HostPath::from("/")) {
        Ok(root) => root,
        Err(why) => {
            return facts.cover("host", Status::NotCaptured, why.to_string());
        }
    };
    let host = Host { evidence, root, clock: evidence.clock(), gaps: Gaps::default() };
    let mut collectors = COLLECTORS.iter().peekable();
    while let Some(collector) = collectors.next() {
        progress(collector.name);
        match collector.run {
            Run::Host(run) => facts.together(|facts| run(&host, facts))?,
            Run::Process(first) => {
                // Neighbouring per-process collectors share one handle a process.
                let mut runs = vec![first];
                while let Some(Run::Process(next)) = collectors.peek().map(|c| &c.run) {
                    runs.push(*next);
                    collectors.next();
                }
                facts.together(|facts| processes::walk(&host, facts, &runs))?;
            }
        }
    }
    facts.together(|facts| host.gaps.store(facts))
}

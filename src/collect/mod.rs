//! Artefacts of a host, one file each: its table, its parser, its collector, its tests.
//!
//! Collectors observe and never judge. They run in the order of [`COLLECTORS`]; a later one may
//! ask the facts that an earlier one left. Parsers take bytes and give rows and problems: one
//! bad line never loses a table.

mod accounts;
mod cloud;
mod content;
mod digest;
mod elf;
mod environment;
mod files;
mod gaps;
mod histories;
mod host;
mod interfaces;
mod logins;
mod mappings;
mod mounts;
mod open_files;
mod packages;
mod persistence;
mod processes;
mod roots;
mod sockets;
mod ssh_keys;
mod web;

pub(crate) use environment::variables;
pub use gaps::Gaps;
pub use processes::ProcessDir;

use crate::evidence::{Clock, Dir, Evidence, HostPath, Reason, Unavailable};
use crate::facts::{self, BEYOND, Facts, Pieces, Status, TableDef};

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

impl<'a> Host<'a> {
    /// Opens the host's root.
    ///
    /// # Errors
    /// Where there is none.
    fn new(evidence: &'a dyn Evidence, clock: Clock) -> Result<Self, Unavailable> {
        let root = evidence.dir(&HostPath::from("/"))?;
        Ok(Self { evidence, root, clock, gaps: Gaps::default() })
    }
}

/// A collector: what it fills, and how.
pub struct Collector {
    /// Its name, for progress and coverage.
    pub name: &'static str,
    /// The tables it fills.
    pub tables: &'static [TableDef],
    /// What it reads.
    run: Run,
}

/// Whether a collector reads the host as a whole or each process.
enum Run {
    /// Once a host.
    Host(fn(&Host<'_>, &Facts) -> Outcome),
    /// Once a process, all through one handle; processes in the order of their pids.
    Process(processes::Reader),
}

/// Every collector, in the order in which they run.
pub const COLLECTORS: &[Collector] = &[
    host::COLLECTOR,
    interfaces::COLLECTOR,
    cloud::COLLECTOR,
    mounts::COLLECTOR,
    processes::COLLECTOR,
    environment::COLLECTOR,
    open_files::COLLECTOR,
    mappings::COLLECTOR,
    sockets::COLLECTOR,
    packages::COLLECTOR,
    persistence::COLLECTOR,
    web::COLLECTOR,
    accounts::COLLECTOR,
    ssh_keys::COLLECTOR,
    histories::COLLECTOR,
    logins::COLLECTOR,
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
    let host = match Host::new(evidence, evidence.clock()) {
        Ok(host) => host,
        Err(why) => {
            let status = match why.reason {
                Reason::NotCaptured | Reason::Absent => Status::NotCaptured,
                // As where no file can be opened at all.
                _ => Status::Denied,
            };
            facts.cover("host", status, why.to_string())?;
            return facts.together(|facts| told(evidence, facts));
        }
    };
    let mut collectors = COLLECTORS.iter().peekable();
    while let Some(collector) = collectors.next() {
        progress(&format!("collecting {}", collector.name.replace('_', " ")));
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
    facts.together(|facts| {
        host.gaps.store(facts)?;
        told(evidence, facts)
    })
}

/// What the evidence says of itself: that it is cut or damaged, that more was there, and what it lacks.
fn told(evidence: &dyn Evidence, facts: &Facts) -> Outcome {
    if let Some(place) = evidence.told().and_then(|told| told.damaged.as_ref()) {
        let why = format!(
            "The archive is cut off or damaged: what is missing may be anything; copy it again \
                 from where it was made, and compare sizes and digests ({place})"
        );
        let lost = Pieces { missed: 1, failed: 1, ..Pieces::default() };
        facts.cover_counted("archive whole", Status::Partial, why, lost)?;
    }
    for (what, detail) in evidence.told().into_iter().flat_map(|told| &told.beyond) {
        let lost = Pieces { missed: 1, cut: 1, ..Pieces::default() };
        let detail = format!("{BEYOND}: {detail}");
        facts.cover_counted(what.clone(), Status::Partial, detail, lost)?;
    }
    for (what, status, detail) in evidence.told().into_iter().flat_map(|told| &told.coverage) {
        facts.cover(what.clone(), *status, detail.clone())?;
    }
    Ok(())
}

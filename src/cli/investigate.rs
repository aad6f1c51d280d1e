//! What every run over a host does: collect, carve, judge, and look again where that points.

use super::source::{Reader, Sources};
use crate::carve::{self, Carver};
use crate::evidence::{Evidence, Pid, SourceKind};
use crate::facts::{self, Facts, Source, Status, TableDef};
use crate::judge::{self, Judgement, Playbooks};
use crate::{collect, logs};
use clap::ValueEnum;
use std::collections::BTreeSet;

/// Whose memory is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Memory {
    /// Processes with a finding of medium or above, and a few that talk to the outside or keep busy
    /// and are scripts or of no package
    Suspects,
    /// Every process
    All,
    /// No process
    None,
}

/// What is looked at together: at most one host, and what belongs to it.
pub struct Looked<'a> {
    host: Option<&'a dyn Evidence>,
    readers: &'a [Box<dyn Reader>],
    logs: &'a [super::logs::Place],
}

impl<'a> Looked<'a> {
    /// The first host with all that is no host.
    pub fn first(sources: &'a Sources) -> Self {
        let Sources { host, readers, logs, .. } = sources;
        Self { host: host.as_deref(), readers, logs }
    }

    /// A host alone.
    pub const fn at(host: &'a dyn Evidence) -> Self {
        Self { host: Some(host), readers: &[], logs: &[] }
    }
}

/// Collects, carves and judges until no new suspect turns up.
///
/// # Errors
/// Where facts cannot be stored. What cannot be read is coverage.
#[allow(clippy::too_many_arguments)] // Each is one thing that the user chose or that is filled.
pub fn investigate(
    memory: Memory,
    lead: Option<&str>,
    sources: &Looked<'_>,
    facts: &Facts,
    carver: &Carver,
    playbooks: &Playbooks,
    step: &dyn Fn(&str),
) -> Result<Judgement, facts::Error> {
    let tables = given(sources);
    carver.store(facts)?;
    if let Some(evidence) = sources.host {
        facts.insert(
            "0",
            "davy",
            &Source { kind: evidence.kind().word(), name: evidence.name() },
        )?;
        collect::collect(evidence, facts, step)?;
        carve::carve_files(evidence, facts, carver, step)?;
        match memory {
            Memory::None => facts.cover("memory", Status::NotCaptured, "--memory none")?,
            Memory::Suspects | Memory::All => {
                carve::carve_memory(evidence, facts, carver, &[], step)?;
            }
        }
    }
    for (reader, key) in sources.readers.iter().zip(1_u64..) {
        facts.insert(key, "davy", &reader.source())?;
        facts.together(|facts| reader.read(facts, carver, step))?;
    }
    super::logs::read(sources.logs, vec![(facts, logs::Wanted::ALL)], step)?;
    carver.hold(facts)?;
    step("judging");
    let mut before = judge::Before::default();
    let mut judgement = judge::judge_again(facts, playbooks, &tables, &mut before)?;
    let Some(evidence) = sources.host else { return Ok(judgement) };
    let mut read: BTreeSet<Pid> = BTreeSet::new();
    // What one suspect's memory names can make another process a suspect: a dropper's log names
    // its payload. Three rounds follow any chain seen so far, and bound the work.
    for _ in 0..3 {
        let wanted: BTreeSet<Pid> = match memory {
            Memory::None => BTreeSet::new(),
            Memory::All => processes(facts)?,
            Memory::Suspects => {
                let suspects = judge::suspects(&judgement).into_iter();
                // An archive of another collector's has the memory of few, if of any.
                let more = match evidence.kind() {
                    SourceKind::Live | SourceKind::Recording | SourceKind::Text
                        if read.is_empty() =>
                    {
                        judge::worth_reading(facts)?
                    }
                    _ => Vec::new(),
                };
                suspects.chain(more).chain(lead_holders(facts, lead)?).collect()
            }
        };
        let fresh: Vec<Pid> = wanted.difference(&read).copied().collect();
        if fresh.is_empty() {
            break;
        }
        carve::carve_memory(evidence, facts, carver, &fresh, step)?;
        carver.hold(facts)?;
        read.extend(fresh);
        step("judging");
        judgement = judge::judge_again(facts, playbooks, &tables, &mut before)?;
    }
    Ok(judgement)
}

/// The tables of the kinds of evidence that were given: playbooks that ask of others are not asked.
fn given(sources: &Looked<'_>) -> Vec<TableDef> {
    let host = sources.host.is_some() || !sources.readers.is_empty();
    let mut tables = crate::tables();
    if sources.logs.is_empty() {
        tables.retain(|table| !logs::TABLES.iter().any(|log| log.name == table.name));
    }
    if !host {
        tables.retain(|table| !collect::tables().any(|own| own.name == table.name));
    }
    tables
}

/// All processes that have memory of their own.
fn processes(facts: &Facts) -> Result<BTreeSet<Pid>, facts::Error> {
    pids(facts, "SELECT pid FROM processes WHERE exe IS NOT NULL", [])
}

/// The processes with a socket to what the lead names: the alert points at them before any
/// playbook does.
fn lead_holders(facts: &Facts, lead: Option<&str>) -> Result<BTreeSet<Pid>, facts::Error> {
    let Some(lead) = lead else { return Ok(BTreeSet::new()) };
    let port = lead.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
    pids(
        facts,
        "SELECT DISTINCT pid FROM sockets WHERE pid IS NOT NULL
           AND (remote_address = ?1 OR remote_address || ':' || remote_port = ?1
                OR remote_port = ?2)",
        (lead, port),
    )
}

fn pids(
    facts: &Facts,
    question: &str,
    parameters: impl rusqlite::Params,
) -> Result<BTreeSet<Pid>, facts::Error> {
    Ok(facts.rows(question, parameters, |row| row.get(0))?.into_iter().collect())
}

//! The case out of the facts: what every report shows, read once.

use super::{Case, CoverageLine, HostSummary, ProcessLine, SourceLine, TimelineLine, Tool};
use crate::facts::{Error, Facts, Time};
use crate::graph::Story;
use crate::judge::{Brief, Judgement, Verdict};
use rusqlite::{Connection, Row};
use std::collections::{BTreeMap, BTreeSet};

/// Events that no finding speaks of, in a report: those nearest to the ones that matter. All of
/// them stand in the table `timeline`.
const OTHER_EVENTS: usize = 500;

impl Case {
    /// Reads host, sources, coverage and timeline from facts and puts them to what was judged.
    /// Run it last: after judging, `timeline::build`, `graph::build` and `graph::story`.
    ///
    /// # Errors
    /// Where SQLite fails.
    pub fn gather(
        facts: &Facts,
        judgement: &Judgement,
        verdict: Verdict,
        story: Story,
        hunts: Vec<Brief>,
        tool: Tool,
    ) -> Result<Self, Error> {
        let connection = facts.connection();
        let read = || -> rusqlite::Result<Self> {
            let (timeline, timeline_note) = timeline(connection)?;
            Ok(Self {
                schema: "davy.report/1",
                tool,
                sources: sources(connection)?,
                host: host(connection)?,
                verdict,
                findings: judgement.findings.clone(),
                processes: processes(connection, judgement, &story)?,
                story: story.steps,
                lead: story.lead,
                story_note: story.note,
                timeline,
                timeline_note,
                hunts,
                coverage: coverage(connection)?,
                playbooks: judgement.answers.clone(),
            })
        };
        read().map_err(|cause| Error::Sql { doing: "gathering the case".to_owned(), cause })
    }
}

fn text(row: &Row<'_>, at: usize) -> rusqlite::Result<String> {
    row.get::<_, Option<String>>(at).map(Option::unwrap_or_default)
}

fn time(nanoseconds: i64) -> String {
    Time(nanoseconds).to_string()
}

fn sources(connection: &Connection) -> rusqlite::Result<Vec<SourceLine>> {
    connection
        .prepare("SELECT kind, name FROM sources ORDER BY fact")?
        .query_map([], |row| Ok(SourceLine { kind: row.get(0)?, name: row.get(1)? }))?
        .collect()
}

fn host(connection: &Connection) -> rusqlite::Result<HostSummary> {
    let mut statement = connection.prepare(
        "SELECT hostname, machine_id, kernel, os, booted, taken FROM host ORDER BY fact LIMIT 1",
    )?;
    let mut rows = statement.query([])?;
    let Some(row) = rows.next()? else { return Ok(HostSummary::default()) };
    let stamp = |at| row.get::<_, Option<i64>>(at).map(|t| t.map(time).unwrap_or_default());
    Ok(HostSummary {
        hostname: text(row, 0)?,
        machine_id: text(row, 1)?,
        kernel: text(row, 2)?,
        os: text(row, 3)?,
        boot_time: stamp(4)?,
        taken: stamp(5)?,
        addresses: connection
            .prepare(
                "SELECT DISTINCT address FROM interfaces WHERE address IS NOT NULL
                   AND address NOT LIKE '127.%' AND address <> '::1' ORDER BY name, address",
            )?
            .query_map([], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?,
    })
}

fn coverage(connection: &Connection) -> rusqlite::Result<Vec<CoverageLine>> {
    connection
        .prepare("SELECT what, status, detail FROM coverage ORDER BY what, status, detail")?
        .query_map([], |row| {
            Ok(CoverageLine { what: row.get(0)?, status: row.get(1)?, detail: text(row, 2)? })
        })?
        .collect()
}

fn processes(
    connection: &Connection,
    judgement: &Judgement,
    story: &Story,
) -> rusqlite::Result<Vec<ProcessLine>> {
    let nodes = story.steps.iter().flat_map(|step| [&step.from_node, &step.to_node]);
    let pids: BTreeSet<u32> = nodes
        .filter_map(|node| node.strip_prefix("process/")?.parse().ok())
        .chain(judgement.findings.iter().filter_map(|finding| finding.subject.pid))
        .collect();
    let mut statement = connection.prepare(
        "SELECT pid, ppid, comm, exe, cmdline, uid, started, container, root_id FROM processes WHERE pid = ? LIMIT 1",
    )?;
    let mut found = BTreeMap::new();
    for pid in pids {
        let mut rows = statement.query([pid])?;
        if let Some(row) = rows.next()? {
            found.insert(
                pid,
                ProcessLine {
                    pid,
                    ppid: row.get(1)?,
                    comm: text(row, 2)?,
                    exe: row.get(3)?,
                    cmdline: row.get::<_, Option<String>>(4)?.filter(|line| !line.is_empty()),
                    uid: row.get(5)?,
                    started: row.get::<_, Option<i64>>(6)?.map(time),
                    container: row.get::<_, Option<String>>(7)?.filter(|id| !id.is_empty()),
                    root_id: row
                        .get::<_, Option<String>>(8)?
                        .filter(|root| root != "/" && !root.is_empty()),
                },
            );
        }
    }
    Ok(found.into_values().collect())
}

/// The events worth a report, in order, and what was left out.
fn timeline(connection: &Connection) -> rusqlite::Result<(Vec<TimelineLine>, Option<String>)> {
    let mut statement = connection.prepare(
        "SELECT time, earliest, latest, kind, message, source, subject, findings
         FROM timeline ORDER BY rowid",
    )?;
    let mut rows = statement.query([])?;
    let mut all: Vec<(i64, TimelineLine)> = Vec::new();
    while let Some(row) = rows.next()? {
        let line = TimelineLine {
            time: time(row.get(0)?),
            earliest: time(row.get(1)?),
            latest: time(row.get(2)?),
            kind: row.get(3)?,
            message: row.get(4)?,
            source: row.get(5)?,
            fact: row.get(6)?,
            findings: text(row, 7)?.split_whitespace().map(str::to_owned).collect(),
        };
        all.push((row.get(0)?, line));
    }
    let kept = nearest(&all, OTHER_EVENTS);
    let left_out = all.len().saturating_sub(kept.len());
    let note = (left_out > 0).then(|| {
        format!(
            "{left_out} further events are in the table timeline of facts.db; shown are all that a finding speaks of and the {OTHER_EVENTS} others nearest to them"
        )
    });
    let lines = all
        .into_iter()
        .enumerate()
        .filter(|(number, _)| kept.contains(number))
        .map(|(_, (_, line))| line)
        .collect();
    Ok((lines, note))
}

/// Which events to keep: those that matter, and so many others that lie nearest to one of them
/// (to the last event where none matters).
fn nearest(all: &[(i64, TimelineLine)], others: usize) -> BTreeSet<usize> {
    let matters = |line: &TimelineLine| {
        !line.findings.is_empty() || line.kind == "boot" || line.kind == "collected"
    };
    let mut anchors: Vec<i64> =
        all.iter().filter(|(_, line)| !line.findings.is_empty()).map(|(at, _)| *at).collect();
    if anchors.is_empty() {
        anchors.extend(all.last().map(|(at, _)| *at));
    }
    let distance = |at: i64| {
        let after = anchors.partition_point(|anchor| *anchor < at);
        let next = anchors.get(after);
        let before = after.checked_sub(1).and_then(|place| anchors.get(place));
        next.into_iter().chain(before).map(|anchor| anchor.abs_diff(at)).min()
    };
    let mut rest: Vec<(Option<u64>, usize)> = all
        .iter()
        .enumerate()
        .filter(|(_, (_, line))| !matters(line))
        .map(|(number, (at, _))| (distance(*at), number))
        .collect();
    rest.sort_unstable();
    let rest = rest.into_iter().take(others).map(|(_, number)| number);
    let kept = all.iter().enumerate().filter(|(_, (_, line))| matters(line)).map(|(n, _)| n);
    kept.chain(rest).collect()
}

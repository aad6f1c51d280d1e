//! What is stored once a file, and once all of them, were read: what became of each, conversations,
//! endpoints, and how completely each table was filled.

use super::flow::Flow;
use super::format::Origin;
use super::read::Told;
use super::sink::Sink;
use super::wanted::{Flows, Wanted};
use crate::facts::{self, Facts, Pieces, Status, Table, Time};
use std::collections::BTreeMap;
use std::net::IpAddr;

crate::table! {
    pub struct LogFile in log_files, "The files of logs that were read.";
    name: String, "", "The file's path, or archive and member.";
    formats: String, "", "What it is, as zeek or suricata, separated by spaces; empty where no format was recognised.";
    records: u64, "", "Lines, objects or datagrams in it.";
    bad: u64, "", "Of them, those that were not understood.";
    others: u64, "", "Of them, those of other programs or kinds, left alone.";
    fields_lost: u64, "", "Fields that are none (a port beyond 65535, a negative count, a time that is no time), in rows that were kept: they are NULL there.";
    problems: String, "", "What was wrong: with records, by the first line of each kind; with fields, the first of them by line, name and value.";
    notes: String, "", "What was assumed, and what the log itself says is missing.";
}

crate::table! {
    pub struct Endpoint in endpoints, "Every address that began, or was called by, something in the logs.";
    address: IpAddr, "", "The address.";
    began: u64, "", "Connections that it began.";
    answered: u64, "", "Connections to it.";
    asked: u64, "", "Questions to name servers and requests that it made.";
    alerts: u64, "", "Alerts on it, as client.";
    first: Option<Time>, "", "When it was first seen.";
    last: Option<Time>, "", "When last.";
    instance: Option<String>, "", "Cloud instance, where a log names it.";
}

/// The row of `log_files` and coverage of one file.
pub(super) fn tell(
    facts: &Facts,
    number: u64,
    origin: &Origin,
    told: &Told,
    notes: &BTreeMap<String, u64>,
) -> Result<(), facts::Error> {
    let notes: Vec<String> =
        notes.iter().map(|(words, count)| format!("{words} ({count})")).collect();
    let formats: Vec<&str> = told.formats.iter().copied().collect();
    let wrong = [told.problems.to_string(), told.fields.to_string()];
    let wrong: Vec<String> = wrong.into_iter().filter(|words| !words.is_empty()).collect();
    let row = LogFile {
        name: origin.name.clone(),
        formats: formats.join(" "),
        records: told.records,
        bad: told.problems.lost,
        others: told.others,
        fields_lost: told.fields.lost,
        problems: wrong.join("; "),
        notes: notes.join("; "),
    };
    facts.insert(format_args!("{number}/{}", origin.name), &origin.name, &row)?;
    let lost = told.problems.lost;
    let mut said = wrong;
    said.extend(notes.iter().filter(|note| note.starts_with("lost before")).cloned());
    let what = format!("log {}", origin.name);
    let read = told.records.saturating_sub(lost).saturating_sub(told.others);
    let pieces = Pieces { read, missed: lost, failed: lost, cut: 0 };
    if formats.is_empty() {
        let detail = "no format that davy knows was recognised in it";
        facts.cover(&what, Status::Absent, detail)
    } else if said.is_empty() {
        facts.cover_counted(&what, Status::Complete, formats.join(" "), pieces)
    } else {
        facts.cover_counted(&what, Status::Partial, said.join("; "), pieces)
    }
}

pub(super) fn conversations(
    facts: &Facts,
    wanted: &Wanted,
    sink: &mut Sink<'_>,
) -> Result<(), facts::Error> {
    let store = |row: super::Conversation| {
        let shown = |address: Option<IpAddr>| {
            address.map_or_else(|| "-".to_owned(), |address| address.to_string())
        };
        let key = format!(
            "{}>{}:{}/{}/{}",
            shown(row.originator),
            shown(row.responder),
            row.responder_port.map_or_else(|| "-".to_owned(), |port| port.to_string()),
            row.protocol.as_deref().unwrap_or("-"),
            row.service.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string),
        );
        facts.insert(key, "flows, added up", &row).map_err(Stopped::Facts)
    };
    let stored = match wanted.top {
        None => sink.fold.each(store),
        Some((slot, most)) => {
            let top = sink.fold.top(slot, most).map_err(Stopped::Aside);
            top.and_then(|top| top.into_iter().try_for_each(store))
        }
    };
    if let Some(error) = sink.fold.failed() {
        let detail = format!("nothing could be put aside, all was kept in memory: {error}");
        facts.cover("conversations", Status::Complete, detail)?;
    }
    match stored {
        Ok(()) => Ok(()),
        Err(Stopped::Facts(error)) => Err(error),
        Err(Stopped::Aside(error)) => {
            let detail = format!("what was put aside could not be read again: {error}");
            facts.cover("conversations", Status::Partial, detail)
        }
    }
}

/// Why storing conversations came to an end.
enum Stopped {
    /// The store.
    Facts(facts::Error),
    /// What was put aside.
    Aside(std::io::Error),
}

impl From<std::io::Error> for Stopped {
    fn from(error: std::io::Error) -> Self {
        Self::Aside(error)
    }
}

/// How completely each table was filled.
pub(super) fn cover(
    facts: &Facts,
    sink: &Sink<'_>,
    pieces: &BTreeMap<&'static str, Pieces>,
) -> Result<(), facts::Error> {
    let mut tables: Vec<&str> = super::TABLES.iter().map(|table| table.name).collect();
    tables.retain(|table| !matches!(*table, "log_files" | "endpoints"));
    for table in tables {
        let pieces = pieces.get(table).copied().unwrap_or_default();
        let there = sink.rows.contains_key(table)
            || matches!(table, "flows" | "conversations") && sink.flows_seen > 0;
        let seen = sink.flows_seen;
        let left = seen.saturating_sub(sink.flows_kept);
        if !there {
            facts.cover(table, Status::Absent, "the logs that were given hold none")?;
        } else if table == Flow::DEF.name && left > 0 && matches!(sink.wanted.flows, Flows::All(_))
        {
            let kept = sink.flows_kept;
            let detail = format!("{kept} of {seen} are kept as rows; conversations hold all");
            facts.cover_counted(table, Status::Partial, detail, pieces)?;
        } else if let Some(dropped) = sink.dropped.get(table) {
            let pieces = Pieces { missed: pieces.missed.saturating_add(*dropped), ..pieces };
            let detail = format!("{dropped} rows beyond what is kept");
            facts.cover_counted(table, Status::Partial, detail, pieces)?;
        } else if pieces.missed > 0 {
            let detail = "lines that were not understood; see the files of logs";
            facts.cover_counted(table, Status::Partial, detail, pieces)?;
        } else {
            facts.cover_counted(table, Status::Complete, "", pieces)?;
        }
    }
    Ok(())
}

/// Addresses that began something or were called, out of all tables.
pub(super) fn endpoints(facts: &Facts) -> Result<(), facts::Error> {
    facts.change(
        "INSERT INTO endpoints
         SELECT 'endpoints/' || address, 'logs, added up', address, sum(began), sum(answered), sum(asked),
           sum(alerts), min(first), max(last), max(instance)
         FROM (
           SELECT originator AS address, connections AS began, 0 AS answered, 0 AS asked, 0 AS alerts, first, last, NULL AS instance
             FROM conversations
           UNION ALL SELECT responder, 0, connections, 0, 0, first, last, NULL FROM conversations
           UNION ALL SELECT client, 0, 0, 1, 0, time, time, instance FROM dns
           UNION ALL SELECT client, 0, 0, 1, 0, time, time, NULL FROM http
           UNION ALL SELECT client, 0, 0, 0, 0, time, time, NULL FROM tls
           UNION ALL SELECT client, 0, 0, 0, 1, time, coalesce(last, time), instance FROM alerts WHERE NOT sample AND NOT repeated
           UNION ALL SELECT originator, 0, 0, 0, 0, NULL, NULL, instance FROM flows WHERE instance IS NOT NULL
         ) WHERE address IS NOT NULL GROUP BY address ORDER BY address",
        [],
    )
}

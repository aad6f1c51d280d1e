//! Reads files of logs: tells their format, hands records to its reader, counts what was lost.

use super::flow::Flow;
use super::format::{FORMATS, Format, LineReader, Origin, Shape, Took};
use super::json::{Object, Piece, Splitter};
use super::lines::{Line, Lines};
use super::sink::{Fan, Problems, Sink};
use super::wanted::{Flows, Wanted};
use crate::facts::{self, Facts, Pieces, Status, Table, Time};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::net::IpAddr;

crate::table! {
    pub struct LogFile in log_files, "The files of logs that were read.";
    name: String, "", "The file's path, or archive and member.";
    formats: String, "", "What it is, as zeek or suricata, separated by spaces; empty where no format was recognised.";
    records: u64, "", "Lines, objects or datagrams in it.";
    bad: u64, "", "Of them, those that were not understood.";
    others: u64, "", "Of them, those of other programs or kinds, left alone.";
    problems: String, "", "What was wrong, with the first line of each kind.";
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

/// How much of a file is looked at to tell its format.
const HEAD: usize = 64 << 10;

/// Lines of a head that are offered to every format.
const HEAD_LINES: usize = 200;

/// What became of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// The formats found in it.
    pub formats: BTreeSet<&'static str>,
    /// Lines, objects or datagrams.
    pub records: u64,
    /// Those of other programs or kinds.
    pub others: u64,
    /// Those not understood.
    pub problems: Problems,
}

/// A run over logs, for one question or for several at once.
pub struct Logs<'f> {
    asked: Vec<(&'f Facts, Wanted)>,
    sinks: Vec<Sink<'f>>,
    files: u64,
    /// Read and lost records by table.
    pieces: BTreeMap<&'static str, Pieces>,
}

impl<'f> Logs<'f> {
    /// Begins: of all that is read, each of the stores gets what is wanted for it.
    #[must_use]
    pub fn new(asked: Vec<(&'f Facts, Wanted)>) -> Self {
        let sinks = asked.iter().map(|(facts, wanted)| Sink::new(facts, *wanted)).collect();
        Self { asked, sinks, files: 0, pieces: BTreeMap::new() }
    }

    /// Whether so much of a file's beginning tells a format, and which.
    #[must_use]
    pub fn recognise(head: &[u8], origin: &Origin) -> Option<&'static str> {
        format_of(head, origin).map(|format| format.name)
    }

    /// Reads one file, or archive member, or standard input.
    ///
    /// # Errors
    /// Where facts cannot be stored. What cannot be read is told, and coverage.
    pub fn read(&mut self, origin: &Origin, reader: &mut dyn Read) -> Result<Told, facts::Error> {
        let mut fan = Fan { sinks: &mut self.sinks, place: 0, notes: BTreeMap::new() };
        fan.sinks.iter_mut().for_each(|sink| sink.begin(origin));
        for (facts, _) in &self.asked {
            facts.begin()?;
        }
        let told = one(origin, reader, &mut fan);
        let notes = std::mem::take(&mut fan.notes);
        self.sinks.iter_mut().for_each(Sink::end);
        for (facts, _) in &self.asked {
            facts.end()?;
        }
        if let Some(error) = self.sinks.iter_mut().find_map(|sink| sink.failed.take()) {
            return Err(error);
        }
        for (facts, _) in &self.asked {
            tell(facts, self.files, origin, &told, &notes)?;
        }
        self.files += 1;
        let lost = told.problems.lost;
        let read = told.records.saturating_sub(lost).saturating_sub(told.others);
        for table in FORMATS.iter().filter(|f| told.formats.contains(f.name)).flat_map(|f| f.tables)
        {
            let sum = self.pieces.entry(table).or_default();
            sum.read = sum.read.saturating_add(read);
            sum.missed = sum.missed.saturating_add(lost);
            sum.failed = sum.failed.saturating_add(lost);
        }
        Ok(told)
    }

    /// Ends: conversations and endpoints are stored, and how completely each table was filled.
    ///
    /// # Errors
    /// Where facts cannot be stored.
    pub fn finish(mut self) -> Result<(), facts::Error> {
        let asked = std::mem::take(&mut self.asked);
        for ((facts, wanted), sink) in asked.into_iter().zip(&mut self.sinks) {
            facts.together(|facts| {
                sink.store_heavy();
                if let Some(error) = sink.failed.take() {
                    return Err(error);
                }
                if wanted.conversations {
                    conversations(facts, &wanted, sink)?;
                }
                if wanted.others {
                    endpoints(facts)?;
                }
                cover(facts, sink, &self.pieces)
            })?;
        }
        Ok(())
    }
}

/// The row of `log_files` and coverage of one file.
fn tell(
    facts: &Facts,
    number: u64,
    origin: &Origin,
    told: &Told,
    notes: &BTreeMap<String, u64>,
) -> Result<(), facts::Error> {
    let notes: Vec<String> =
        notes.iter().map(|(words, count)| format!("{words} ({count})")).collect();
    let formats: Vec<&str> = told.formats.iter().copied().collect();
    let row = LogFile {
        name: origin.name.clone(),
        formats: formats.join(" "),
        records: told.records,
        bad: told.problems.lost,
        others: told.others,
        problems: told.problems.to_string(),
        notes: notes.join("; "),
    };
    facts.insert(format_args!("{number}/{}", origin.name), &origin.name, &row)?;
    let lost = told.problems.lost;
    let mut said: Vec<String> = Vec::new();
    if lost > 0 {
        said.push(told.problems.to_string());
    }
    said.extend(notes.iter().filter(|note| note.starts_with("lost before")).cloned());
    let what = format!("log {}", origin.name);
    let read = told.records.saturating_sub(lost).saturating_sub(told.others);
    let pieces = Pieces { read, missed: lost, failed: lost };
    if formats.is_empty() {
        let detail = "no format that davy knows was recognised in it";
        facts.cover(&what, Status::Absent, detail)
    } else if said.is_empty() {
        facts.cover_counted(&what, Status::Complete, formats.join(" "), pieces)
    } else {
        facts.cover_counted(&what, Status::Partial, said.join("; "), pieces)
    }
}

fn conversations(facts: &Facts, wanted: &Wanted, sink: &mut Sink<'_>) -> Result<(), facts::Error> {
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
fn cover(
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
fn endpoints(facts: &Facts) -> Result<(), facts::Error> {
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
           UNION ALL SELECT client, 0, 0, 0, 1, time, coalesce(last, time), instance FROM alerts WHERE NOT sample
           UNION ALL SELECT originator, 0, 0, 0, 0, NULL, NULL, instance FROM flows WHERE instance IS NOT NULL
         ) WHERE address IS NOT NULL GROUP BY address ORDER BY address",
        [],
    )
}

fn one(origin: &Origin, reader: &mut dyn Read, sink: &mut Fan<'_, '_>) -> Told {
    let mut lines = Lines::new(reader);
    let mut told = Told::default();
    let head = match lines.peek(HEAD) {
        Ok(head) => head.to_vec(),
        Err(error) => {
            told.problems.add(0, &error.to_string());
            return told;
        }
    };
    match format_of(&head, origin) {
        Some(Format { name, shape: Shape::Binary { read, .. }, .. }) => {
            told.formats.insert(name);
            match read(&mut lines.into_stream(), origin, sink) {
                Ok(bad) => (0..bad).for_each(|_| told.problems.add(0, "a piece not understood")),
                Err(error) => told.problems.add(0, &error.to_string()),
            }
            told.records = sink.place;
        }
        Some(Format { shape: Shape::Lines { .. }, .. }) => text(lines, origin, sink, &mut told),
        Some(Format { shape: Shape::Json { .. }, .. }) if lines_of_json(&head) => {
            text(lines, origin, sink, &mut told);
        }
        Some(_) => split(lines.into_stream(), origin, sink, &mut told),
        None => {}
    }
    told
}

/// The format of a file, by its beginning.
fn format_of(head: &[u8], origin: &Origin) -> Option<&'static Format> {
    let binary = FORMATS.iter().find(|format| match format.shape {
        Shape::Binary { tells, .. } => tells(head),
        _ => false,
    });
    if binary.is_some() {
        return binary;
    }
    if json_head(head) {
        let mut found = None;
        Splitter::new().push(head, &mut |_, piece| {
            if let Piece::Object(bytes) = piece
                && found.is_none()
                && let Ok(Value::Object(map)) = serde_json::from_slice(bytes)
            {
                found = json_format(Object(&map), origin);
            }
        });
        if found.is_some() {
            return found;
        }
    }
    let lines = head.split(|b| *b == b'\n').take(HEAD_LINES);
    lines
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .find_map(|line| line_format(line, origin))
}

fn json_head(head: &[u8]) -> bool {
    matches!(head.trim_ascii_start(), [b'{' | b'[', ..])
}

/// Whether the first line is a whole object: then each is, and a damaged one ends with its line.
fn lines_of_json(head: &[u8]) -> bool {
    let first = head.split(|b| *b == b'\n').find(|line| !line.trim_ascii().is_empty());
    first.is_some_and(|line| {
        serde_json::from_slice::<Value>(line).is_ok_and(|value| value.is_object())
    })
}

fn json_format(object: Object<'_>, origin: &Origin) -> Option<&'static Format> {
    FORMATS.iter().find(|format| match format.shape {
        Shape::Json { tells, .. } => tells(object, origin),
        _ => false,
    })
}

fn line_format(line: &[u8], origin: &Origin) -> Option<&'static Format> {
    FORMATS.iter().find(|format| match format.shape {
        Shape::Lines { tells, .. } => tells(line, origin),
        _ => false,
    })
}

/// The readers of one file's lines: most often one, several where programs share a log.
#[derive(Default)]
struct Readers {
    made: BTreeMap<&'static str, Box<dyn LineReader>>,
    current: Option<&'static str>,
}

impl Readers {
    fn take(
        &mut self,
        line: &[u8],
        origin: &Origin,
        sink: &mut Fan<'_, '_>,
        told: &mut Told,
    ) -> Took {
        if let [b'{', ..] = line {
            return object(line, origin, sink, told);
        }
        let mut first = None;
        if let Some(reader) = self.current.and_then(|name| self.made.get_mut(name)) {
            match reader.line(line, origin, sink) {
                Took::No(why) => first = Some(why),
                took => return took,
            }
        }
        // Another program's line within the same file, or a new header.
        if let Some(Format { name, shape: Shape::Lines { reader, .. }, .. }) =
            line_format(line, origin)
            && (first.is_none() || self.current != Some(name))
        {
            self.current = Some(name);
            told.formats.insert(name);
            return self.made.entry(name).or_insert_with(reader).line(line, origin, sink);
        }
        if super::times::syslog(line, None).is_some() {
            // Lines of other programs in a shared log.
            return Took::Other;
        }
        Took::No(first.unwrap_or("of no format that davy knows".into()))
    }
}

fn object(line: &[u8], origin: &Origin, sink: &mut Fan<'_, '_>, told: &mut Told) -> Took {
    let Ok(Value::Object(map)) = serde_json::from_slice(line) else {
        return Took::no("not JSON");
    };
    match json_format(Object(&map), origin) {
        Some(Format { name, shape: Shape::Json { read, .. }, .. }) => {
            told.formats.insert(name);
            read(Object(&map), origin, sink)
        }
        _ => Took::Other,
    }
}

fn text<R: Read>(mut lines: Lines<R>, origin: &Origin, sink: &mut Fan<'_, '_>, told: &mut Told) {
    let mut readers = Readers::default();
    let mut number = 0;
    loop {
        number += 1;
        sink.place = number;
        let took = match lines.next() {
            Ok(None) => break,
            Ok(Some(Line::Whole(line))) => readers.take(line, origin, sink, told),
            Ok(Some(Line::Cut(line))) => match readers.take(line, origin, sink, told) {
                Took::No(_) => Took::no("cut off: the file ends within this line"),
                took => took,
            },
            Ok(Some(Line::TooLong)) => Took::no("longer than 4 MiB"),
            Err(error) => {
                told.problems.add(number, &format!("{error}; nothing after it was read"));
                continue;
            }
        };
        told.records += u64::from(took != Took::Heading);
        match took {
            Took::Yes | Took::Heading => {}
            Took::Other => told.others += 1,
            Took::No(why) => told.problems.add(number, &why),
        }
        if sink.failed() {
            break;
        }
    }
    for reader in readers.made.values_mut() {
        reader.end(sink);
    }
}

fn split(mut stream: impl Read, origin: &Origin, sink: &mut Fan<'_, '_>, told: &mut Told) {
    let mut splitter = Splitter::new();
    let mut block = vec![0; 64 << 10];
    loop {
        match stream.read(&mut block) {
            Ok(0) => break,
            Ok(count) => {
                let bytes = block.get(..count).unwrap_or_default();
                splitter.push(bytes, &mut |line, piece| {
                    sink.place = line;
                    let took = match piece {
                        Piece::Object(bytes) => object(bytes, origin, sink, told),
                        Piece::Outer => return,
                        Piece::TooLong => Took::no("longer than 4 MiB"),
                    };
                    told.records += u64::from(took != Took::Heading);
                    match took {
                        Took::Yes | Took::Heading => {}
                        Took::Other => told.others += 1,
                        Took::No(why) => told.problems.add(line, &why),
                    }
                });
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => {
                told.problems.add(0, &format!("{error}; nothing after it was read"));
                break;
            }
        }
        if sink.failed() {
            break;
        }
    }
    if let Some(line) = splitter.unfinished() {
        told.records += 1;
        told.problems.add(line, "cut off: the file ends within this record");
    }
}

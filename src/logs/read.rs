//! Reads files of logs: tells their format, hands records to its reader, counts what was lost.

use super::both::Both;
use super::damage::Fields;
use super::format::{FORMATS, Format, Origin, Shape, Took};
use super::json::{Piece, Splitter};
use super::lines::{Line, Lines};
use super::readers::Readers;
use super::recognise::{format_of, json_head, lines_of_json};
use super::sink::{Fan, Problems, Sink};
use super::store::{conversations, cover, endpoints, tell};
use super::twice;
use super::wanted::Wanted;
use crate::facts::{self, Facts, Pieces};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

/// How much of a file is looked at to tell its format.
const HEAD: usize = 64 << 10;

/// How much where that does not suffice.
const LONG_HEAD: usize = super::lines::LONGEST + HEAD;

/// What some editors put before UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";

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
    /// Fields that were none, of those that were.
    pub fields: Fields,
}

/// A run over logs, for one question or for several at once.
pub struct Logs<'f> {
    asked: Vec<(&'f Facts, Wanted)>,
    sinks: Vec<Sink<'f>>,
    files: u64,
    both: Both,
    /// Read and lost records by table.
    pieces: BTreeMap<&'static str, Pieces>,
}

impl<'f> Logs<'f> {
    /// Begins: of all that is read, each of the stores gets what is wanted for it.
    #[must_use]
    pub fn new(asked: Vec<(&'f Facts, Wanted)>) -> Self {
        let sinks = asked.iter().map(|(facts, wanted)| Sink::new(facts, *wanted)).collect();
        Self { asked, sinks, files: 0, both: Both::default(), pieces: BTreeMap::new() }
    }

    /// Whether so much of a file's beginning tells a format, and which.
    #[must_use]
    pub fn recognise(head: &[u8], origin: &Origin) -> Option<&'static str> {
        format_of(head.strip_prefix(MARK).unwrap_or(head), origin).map(|format| format.name)
    }

    /// Why a file that begins so is not read, and what makes a log of it.
    #[must_use]
    pub fn refusal(head: &[u8]) -> Option<&'static str> {
        super::refused::refusal(head)
    }

    /// Reads one file, or archive member, or standard input.
    ///
    /// # Errors
    /// Where facts cannot be stored. What cannot be read is told, and coverage.
    pub fn read(&mut self, origin: &Origin, reader: &mut dyn Read) -> Result<Told, facts::Error> {
        self.both.begin(&origin.name);
        let mut fan = Fan {
            sinks: &mut self.sinks,
            place: 0,
            notes: BTreeMap::new(),
            fields: Fields::default(),
            both: &mut self.both,
        };
        fan.sinks.iter_mut().for_each(|sink| sink.begin(origin));
        for (facts, _) in &self.asked {
            facts.begin()?;
        }
        let mut told = one(origin, reader, &mut fan);
        let notes = std::mem::take(&mut fan.notes);
        told.fields = std::mem::take(&mut fan.fields);
        told.fields.records = told.problems.records;
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
                    twice::mark(facts)?;
                    endpoints(facts)?;
                }
                self.both.tell(facts)?;
                cover(facts, sink, &self.pieces)
            })?;
        }
        Ok(())
    }
}

fn one(origin: &Origin, reader: &mut dyn Read, sink: &mut Fan<'_, '_>) -> Told {
    let mut lines = Lines::new(reader);
    let mut told = Told::default();
    let (mut head, mut format) = (Vec::new(), None);
    // One line may be longer than a head, as of a request that someone means to hide a log behind.
    for wanted in [HEAD, LONG_HEAD] {
        match lines.peek(wanted) {
            Ok(bytes) if bytes.len() > head.len() => head = bytes.to_vec(),
            Ok(_) => break,
            Err(error) => {
                told.problems.add(0, &error.to_string());
                return told;
            }
        }
        if let Some(rest) = head.strip_prefix(MARK) {
            head = rest.to_vec();
            lines.leave(MARK.len());
        }
        format = format_of(&head, origin);
        if format.is_some() {
            break;
        }
    }
    match format {
        Some(Format { name, shape: Shape::Binary { read, .. }, .. }) => {
            told.formats.insert(name);
            told.problems.records = true;
            if let Err(error) = read(&mut lines.into_stream(), origin, sink, &mut told.problems) {
                told.problems.add(0, &error.to_string());
            }
            told.records = sink.place.max(told.problems.lost);
        }
        Some(Format { shape: Shape::Lines { .. }, .. }) => text(lines, origin, sink, &mut told),
        Some(Format { shape: Shape::Json { .. }, .. })
            if lines_of_json(&head) || !json_head(&head) =>
        {
            text(lines, origin, sink, &mut told);
        }
        Some(_) => split(lines.into_stream(), origin, sink, &mut told),
        None => {}
    }
    told
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
    readers.end(origin, sink, told);
}

fn split(mut stream: impl Read, origin: &Origin, sink: &mut Fan<'_, '_>, told: &mut Told) {
    let mut readers = Readers::default();
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
                        Piece::Object(bytes) => readers.object(bytes, origin, sink, told),
                        Piece::Outer => return,
                        Piece::TooLong => Took::no("longer than 4 MiB"),
                        Piece::Broken => Took::no("not JSON"),
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
    readers.end(origin, sink, told);
}

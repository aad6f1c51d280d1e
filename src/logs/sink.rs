//! Where rows of logs go: into facts, and folded into conversations.

use super::both::Both;
use super::damage::Fields;
use super::flow::FlowSeen;
use super::fold::Fold;
use super::format::{Note, Origin, Out};
use super::pair::Pairing;
use super::row::Row;
use super::wanted::{Flows, Wanted};
use crate::facts::{Facts, Table};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::fmt;

/// Rows of each of the other tables beyond this are counted and not kept.
const MOST_ROWS: u64 = 2_000_000;

/// Kinds of remarks and problems that are told for one file.
const MOST_SAID: usize = 12;

/// What went wrong with some lines of a file: how often, and where first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems {
    /// Lines lost.
    pub lost: u64,
    /// What stands where a line would, in a file that has none.
    pub records: bool,
    /// By what was wrong: how many, and the first line.
    pub kinds: BTreeMap<String, (u64, u64)>,
}

impl Problems {
    /// Counts one.
    pub fn add(&mut self, line: u64, what: &str) {
        self.lost += 1;
        if let Some((count, _)) = self.kinds.get_mut(what) {
            *count += 1;
        } else if self.kinds.len() < MOST_SAID {
            self.kinds.insert(what.to_owned(), (1, line));
        }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut kinds: Vec<_> = self.kinds.iter().collect();
        kinds.sort_by_key(|(_, (_, line))| *line);
        for (number, (what, (count, line))) in kinds.into_iter().enumerate() {
            if number > 0 {
                f.write_str("; ")?;
            }
            let unit = if self.records { "record" } else { "line" };
            match (line, count) {
                (0, _) => f.write_str(what)?,
                (_, 1) => write!(f, "{unit} {line}: {what}")?,
                (_, more) => write!(f, "{unit} {line} and {} more: {what}", more - 1)?,
            }
        }
        Ok(())
    }
}

pub(super) struct Sink<'f> {
    facts: &'f Facts,
    pub(super) wanted: Wanted,
    pub(super) fold: Fold,
    pairing: Pairing,
    pub(super) origin: Origin,
    /// Line, record or packet that is being read.
    pub(super) place: u64,
    /// Facts that came of it, by table.
    of_place: BTreeMap<&'static str, (u64, u32)>,
    pub(super) rows: BTreeMap<&'static str, u64>,
    pub(super) dropped: BTreeMap<&'static str, u64>,
    pub(super) flows_seen: u64,
    pub(super) flows_kept: u64,
    /// The heaviest flows: the lightest of them on top, the later of equals first.
    heavy: BinaryHeap<(Reverse<u64>, u64)>,
    heavy_rows: BTreeMap<u64, (String, super::flow::Flow)>,
    pub(super) failed: Option<crate::facts::Error>,
}

impl<'f> Sink<'f> {
    pub(super) fn new(facts: &'f Facts, wanted: Wanted) -> Self {
        Self {
            facts,
            fold: wanted.fold(),
            wanted,
            pairing: Pairing::default(),
            origin: Origin::default(),
            place: 0,
            of_place: BTreeMap::new(),
            rows: BTreeMap::new(),
            dropped: BTreeMap::new(),
            flows_seen: 0,
            flows_kept: 0,
            heavy: BinaryHeap::new(),
            heavy_rows: BTreeMap::new(),
            failed: None,
        }
    }

    /// The next file.
    pub(super) fn begin(&mut self, origin: &Origin) {
        self.origin = origin.clone();
        self.of_place.clear();
        self.place = 0;
    }

    /// A file's end: halves that still wait go on alone.
    pub(super) fn end(&mut self) {
        for (place, flow) in self.pairing.end() {
            self.flow(place, &flow);
        }
    }

    fn flow(&mut self, place: u64, flow: &FlowSeen<'_>) {
        self.flows_seen += 1;
        if self.wanted.conversations {
            self.fold.add(flow);
        }
        match self.wanted.flows {
            Flows::None => {}
            Flows::All(most) if self.flows_kept >= most => {}
            Flows::All(_) => {
                self.flows_kept += 1;
                self.keep(place, &flow.row());
            }
            Flows::Top(slot, most) => {
                let sum = slot.of_flow(flow);
                let full = self.heavy.len() >= most;
                if full && self.heavy.peek().is_none_or(|worst| worst.0.0 >= sum) {
                    return;
                }
                let fact = self.key(place, "flows");
                self.heavy_rows.insert(self.flows_seen, (fact, flow.row()));
                self.heavy.push((Reverse(sum), self.flows_seen));
                if full && let Some((_, lightest)) = self.heavy.pop() {
                    self.heavy_rows.remove(&lightest);
                }
            }
        }
    }

    /// The heaviest flows, once all were seen.
    pub(super) fn store_heavy(&mut self) {
        let heavy = std::mem::take(&mut self.heavy).into_sorted_vec();
        for (_, number) in heavy {
            let Some((fact, row)) = self.heavy_rows.remove(&number) else { continue };
            self.flows_kept += 1;
            let stored = self.facts.insert(&fact, &fact, &row);
            self.note_failure(stored);
        }
    }

    /// `conn.log:1841`, with a number where one line gives several.
    fn key(&mut self, place: u64, table: &'static str) -> String {
        let seen = self.of_place.entry(table).or_insert((0, 0));
        if seen.0 == place {
            seen.1 += 1;
        } else {
            *seen = (place, 1);
        }
        match seen.1 {
            1 => format!("{}:{place}", self.origin.name),
            more => format!("{}:{place}/{more}", self.origin.name),
        }
    }

    fn keep<T: Table>(&mut self, place: u64, row: &T) {
        let table = T::DEF.name;
        let count = self.rows.entry(table).or_insert(0);
        if *count >= MOST_ROWS {
            *self.dropped.entry(table).or_insert(0) += 1;
            return;
        }
        *count += 1;
        let key = self.key(place, table);
        let source = format!("{}:{place}", self.origin.name);
        let stored = self.facts.insert(key, &source, row);
        self.note_failure(stored);
    }

    fn note_failure(&mut self, stored: Result<(), crate::facts::Error>) {
        if let Err(error) = stored {
            self.failed.get_or_insert(error);
        }
    }
}

impl Sink<'_> {
    /// A row of the line `place`.
    pub(super) fn take(&mut self, place: u64, row: &Row<'_>) {
        self.place = place;
        match row {
            Row::Flow(flow) => self.flow(place, flow),
            Row::Half(flow) => {
                for (place, flow) in self.pairing.add(place, flow.clone()) {
                    self.flow(place, &flow);
                }
            }
            _ if !self.wanted.others => {}
            Row::Dns(row) => self.keep(place, row),
            Row::Http(row) => self.keep(place, row),
            Row::Tls(row) => self.keep(place, row),
            Row::Alert(row) => self.keep(place, &**row),
            Row::Event(row) => self.keep(place, &**row),
        }
    }
}

/// Where one file's rows go: to each of the questions that are asked of it at once.
pub(super) struct Fan<'s, 'f> {
    pub(super) sinks: &'s mut [Sink<'f>],
    /// Line, record or packet that is being read.
    pub(super) place: u64,
    pub(super) notes: BTreeMap<String, u64>,
    pub(super) fields: Fields,
    pub(super) both: &'s mut Both,
}

impl Fan<'_, '_> {
    pub(super) fn failed(&self) -> bool {
        self.sinks.iter().any(|sink| sink.failed.is_some())
    }
}

impl Out for Fan<'_, '_> {
    fn row(&mut self, row: Row<'_>) {
        if let Row::Flow(flow) = &row {
            self.both.see(flow);
        }
        for sink in self.sinks.iter_mut() {
            sink.take(self.place, &row);
        }
    }

    #[cold]
    fn damaged(&mut self, name: &str, value: &[u8]) {
        self.fields.add(self.place, name, value);
    }

    fn fields(&mut self) -> &mut Fields {
        &mut self.fields
    }

    fn place(&mut self, place: u64) {
        self.place = place;
    }

    fn at(&self) -> u64 {
        self.place
    }

    fn brief(&self) -> bool {
        self.sinks.iter().all(|sink| sink.wanted.is_brief())
    }

    fn note(&mut self, note: Note) {
        let (words, count) = match note {
            Note::ZoneAssumed => ("times without a zone, taken for UTC".to_owned(), 1),
            Note::YearAssumed => {
                ("times without a year, taken from the file's own time".to_owned(), 1)
            }
            Note::Lost(what, count) => (format!("lost before the log was written: {what}"), count),
            Note::Said(words) => (words, 1),
        };
        if let Some(known) = self.notes.get_mut(&words) {
            *known += count;
        } else if self.notes.len() < MOST_SAID {
            self.notes.insert(words, count);
        }
    }
}

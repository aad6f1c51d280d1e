//! Connections folded into conversations while they are read: keys packed into bytes, sums beside
//! them, so that a million conversations are some hundred megabytes and not a gigabyte.

mod key;
mod spans;
mod spill;
mod table;

pub use key::By;
use spans::Spans;
use spill::{Held, Minutes, Run};
pub use table::Slot;
use table::{Table, Waiting};

use super::flow::{FlowSeen, storable};
use crate::facts::{HostText, Time};
use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::net::IpAddr;

crate::table! {
    pub struct Conversation in conversations, "Connections of the same originator, responder, port, protocol and service, added up. Shards of one log add up to the same rows.";
    originator: Option<IpAddr>, "", "Who began.";
    responder: Option<IpAddr>, "", "Who answered.";
    responder_port: Option<u16>, "", "Its port.";
    protocol: Option<Cow<'static, str>>, "", "tcp, udp …";
    service: Option<HostText>, "", "What the sensor takes it for.";
    connections: u64, "", "How many rows of `flows`: connections, or windows of them where the log has no more (VPC, NetFlow).";
    records: u64, "", "How many records of the log.";
    established: u64, "", "Of the connections, those in which both sides took part.";
    refused: u64, "", "Of the connections, those that were refused, rejected or not answered.";
    open: u64, "", "Of the connections, those not closed when written down.";
    orig_bytes: u64, "bytes", "From the originator; what the log does not count is 0.";
    resp_bytes: u64, "bytes", "From the responder.";
    orig_pkts: u64, "packets", "From the originator.";
    resp_pkts: u64, "packets", "From the responder.";
    first: Option<Time>, "", "First packet of the first.";
    last: Option<Time>, "", "Last packet of the last.";
    longest: f64, "s", "The longest of the connections.";
    silent_minutes: Option<u64>, "", "Minutes between first and last that no record covers; NULL where they are not known.";
}

/// Spans of one conversation beyond this are not followed: its silent minutes are not known.
const MOST_SPANS: usize = 1024;

/// Memory that the table may take before what it holds is put aside.
const BUDGET: usize = 160 << 20;

/// Connections that are looked up together: enough to hide the wait for memory, few enough to stay
/// in the processor's first cache.
const TOGETHER: usize = 32;

/// The fold.
pub struct Fold {
    table: Table,
    by: By,
    /// Which minutes are covered; [`None`] where there are too many spans to follow.
    spans: HashMap<u32, Option<Spans>>,
    silent: bool,
    scratch: Vec<u8>,
    /// Connections that wait for their turn: the first so many.
    waiting: Vec<Waiting>,
    waits: usize,
    /// What was put aside, each in order of its keys.
    runs: Vec<Run>,
    /// Bytes at which the table is put aside; [`None`] where nothing may be written.
    budget: Option<usize>,
    /// Why putting aside was given up: all is kept in memory from then on.
    failed: Option<std::io::Error>,
}

impl Fold {
    /// Of these columns of the key, keeping these sums; `silent` says whether minutes are followed.
    #[must_use]
    pub fn new(by: By, slots: &'static [Slot], silent: bool) -> Self {
        Self {
            table: Table::new(slots),
            by,
            spans: HashMap::new(),
            silent,
            scratch: Vec::with_capacity(48),
            waiting: std::iter::repeat_with(Waiting::default).take(TOGETHER).collect(),
            waits: 0,
            runs: Vec::new(),
            budget: None,
            failed: None,
        }
    }

    /// All columns and all sums.
    #[must_use]
    pub fn whole() -> Self {
        Self::new(By::ALL, Slot::ALL, true)
    }

    /// Lets it put sorted runs aside in unnamed files, of the folder for temporary files, once it
    /// takes more memory than `bytes`.
    #[must_use]
    pub const fn spilling(mut self, bytes: usize) -> Self {
        self.budget = Some(bytes);
        self
    }

    /// Lets it put runs aside at the usual size.
    #[must_use]
    pub(super) const fn spilling_at_usual(self) -> Self {
        self.spilling(BUDGET)
    }

    /// Adds a connection.
    pub fn add(&mut self, flow: &FlowSeen<'_>) {
        self.scratch.clear();
        key::pack(self.by, flow, &mut self.scratch);
        let values = self.table.values(flow);
        let span = flow.started.zip(flow.ended()).filter(|_| self.silent);
        let Some(waiting) = self.waiting.get_mut(self.waits) else { return };
        waiting.key.set(&self.scratch);
        waiting.values = values;
        self.waits += 1;
        if let Some((start, end)) = span {
            // Minutes are followed one by one.
            let found = self.settle();
            if let Some((entry, fresh)) = found {
                self.cover(entry, fresh, spans::minutes(start, end));
            }
        } else if self.silent || self.waits == self.waiting.len() {
            self.settle();
        }
        if self.waits == 0 && self.budget.is_some_and(|most| self.table.bytes() > most) {
            self.put_aside();
        }
    }

    /// Adds all that wait; gives the entry of the last, and whether it is new.
    fn settle(&mut self) -> Option<(u32, bool)> {
        let waiting = self.waiting.get_mut(..self.waits).unwrap_or_default();
        self.waits = 0;
        if waiting.len() > 1 {
            for one in waiting.iter_mut() {
                one.cell = self.table.fetch(&one.key);
            }
            for one in waiting.iter_mut() {
                one.cell = self.table.fetch_record(one.cell);
            }
        }
        let mut last = None;
        for one in waiting {
            let found = self.table.entry(&one.key);
            self.table.add(found.0, &one.values);
            last = Some(found);
        }
        last
    }

    fn cover(&mut self, entry: u32, fresh: bool, span: (i64, i64)) {
        match self.spans.entry(entry).or_insert_with(|| Some(Spans::of(span))) {
            Some(spans) if !fresh => {
                spans.add(span);
                if spans.len() > MOST_SPANS {
                    self.spans.insert(entry, None);
                }
            }
            _ => {}
        }
    }

    fn put_aside(&mut self) {
        let ordered = self.table.in_order().into_iter().map(|entry| self.held(entry));
        match Run::write(ordered) {
            Ok(run) => {
                self.runs.push(run);
                self.table.clear();
                self.spans.clear();
            }
            Err(error) => {
                self.budget = None;
                self.failed = Some(error);
            }
        }
    }

    /// Why putting aside was given up, where it was.
    #[must_use]
    pub const fn failed(&self) -> Option<&std::io::Error> {
        self.failed.as_ref()
    }

    fn held(&self, entry: u32) -> Held {
        Held {
            key: {
                let mut key = Vec::new();
                self.table.key(entry, &mut key);
                key
            },
            sums: self.table.sums(entry).to_vec(),
            spans: match self.spans.get(&entry) {
                None => Minutes::Unknown,
                Some(None) => Minutes::TooMany,
                Some(Some(spans)) => Minutes::Known(spans.clone()),
            },
        }
    }

    /// Hands on every conversation, in order of its key.
    ///
    /// # Errors
    /// The receiver's own, or where what was put aside cannot be read again.
    pub fn each<E: From<std::io::Error>>(
        &mut self,
        mut give: impl FnMut(Conversation) -> Result<(), E>,
    ) -> Result<(), E> {
        self.settle();
        let slots = self.table.slots();
        self.merged(|held| give(row(slots, held)))
    }

    /// The `most` conversations with the largest sum in a slot, largest first; of equals those
    /// whose key comes first.
    ///
    /// # Errors
    /// Where what was put aside cannot be read again.
    pub fn top(&mut self, slot: Slot, most: usize) -> std::io::Result<Vec<Conversation>> {
        self.settle();
        let slots = self.table.slots();
        let column = slots.iter().position(|s| *s == slot);
        // The heap's greatest is the least of those kept: small sum first, then the later key.
        let mut heap: BinaryHeap<(Reverse<u64>, Vec<u8>, Vec<u64>)> = BinaryHeap::new();
        let mut keep = |key: &[u8], sums: &[u64]| {
            let sum = column.and_then(|c| sums.get(c)).copied().unwrap_or(0);
            let full = heap.len() >= most;
            let worse = |(least, last, _): &(Reverse<u64>, Vec<u8>, Vec<u64>)| {
                (Reverse(sum), key) >= (*least, last.as_slice())
            };
            let least = |heap: &BinaryHeap<(Reverse<u64>, _, _)>| heap.peek().map_or(0, |l| l.0.0);
            if full && heap.peek().is_none_or(worse) {
                return least(&heap);
            }
            heap.push((Reverse(sum), key.to_vec(), sums.to_vec()));
            if full {
                heap.pop();
            }
            if heap.len() < most { 0 } else { least(&heap) }
        };
        if self.runs.is_empty() {
            let mut key = Vec::new();
            // Most have less than the least of those kept: their keys need not be looked at.
            let mut least = 0;
            for entry in self.table.places() {
                let sums = self.table.sums(entry);
                if column.and_then(|c| sums.get(c)).copied().unwrap_or(0) < least {
                    continue;
                }
                self.table.key(entry, &mut key);
                least = keep(&key, sums);
            }
        } else {
            self.merged::<std::io::Error>(|held| {
                keep(&held.key, &held.sums);
                Ok(())
            })?;
        }
        let sorted = heap.into_sorted_vec().into_iter();
        let held = |(_, key, sums)| Held { key, sums, spans: Minutes::Unknown };
        Ok(sorted.map(|kept| row(slots, held(kept))).collect())
    }

    /// All that was put aside and all that is in memory, each key once, in order.
    fn merged<E: From<std::io::Error>>(
        &mut self,
        give: impl FnMut(Held) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut runs = std::mem::take(&mut self.runs);
        let order = self.table.in_order();
        let memory = order.into_iter().map(|entry| self.held(entry));
        let merged = spill::merge(&mut runs, memory, self.table.slots(), give);
        self.runs = runs;
        merged
    }
}

fn row(slots: &[Slot], held: Held) -> Conversation {
    let key = key::unpack(&held.key);
    let sum = |slot: Slot| {
        let column = slots.iter().position(|s| *s == slot);
        column.and_then(|c| held.sums.get(c)).copied().unwrap_or(0)
    };
    let time = |slot| match sum(slot) {
        u64::MAX | 0 => None,
        biased => Some(Time(table::unbias(biased))),
    };
    #[allow(clippy::cast_precision_loss)]
    let longest = sum(Slot::Longest) as f64 / 1e9;
    Conversation {
        originator: key.originator,
        responder: key.responder,
        responder_port: key.responder_port,
        protocol: key.protocol,
        service: key.service,
        connections: sum(Slot::Connections),
        records: sum(Slot::Records),
        established: sum(Slot::Established),
        refused: sum(Slot::Refused),
        open: sum(Slot::Open),
        orig_bytes: storable(sum(Slot::OrigBytes)),
        resp_bytes: storable(sum(Slot::RespBytes)),
        orig_pkts: storable(sum(Slot::OrigPkts)),
        resp_pkts: storable(sum(Slot::RespPkts)),
        first: time(Slot::First),
        last: time(Slot::Last),
        longest,
        silent_minutes: match &held.spans {
            Minutes::Known(spans) => Some(spans.silent()),
            Minutes::Unknown | Minutes::TooMany => None,
        },
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::field::address;
    use super::*;
    use proptest::prelude::*;

    fn flow(from: u8, to: u8, port: u16, bytes: u64, start: i64) -> FlowSeen<'static> {
        FlowSeen {
            originator: address(format!("10.0.0.{from}").as_bytes()),
            responder: address(format!("192.0.2.{to}").as_bytes()),
            responder_port: Some(port),
            protocol: Some("tcp".into()),
            orig_bytes: Some(bytes),
            started: Some(Time(start * 1_000_000_000)),
            duration: Some(1_000_000_000),
            ..FlowSeen::new("zeek-conn")
        }
    }

    fn all(fold: &mut Fold) -> Vec<Conversation> {
        let mut rows = Vec::new();
        fold.each::<std::io::Error>(|row| {
            rows.push(row);
            Ok(())
        })
        .unwrap();
        rows
    }

    proptest! {
        /// However the log is cut into shards and whatever is put aside, the sums are the same.
        #[test]
        fn what_is_put_aside_adds_up_to_the_same(
            flows in proptest::collection::vec((0u8..4, 0u8..4, 0u16..3, 0u64..1000, 0i64..4000), 0..120),
            budget in 0usize..2,
        ) {
            let mut whole = Fold::whole();
            // A budget of nothing puts every new conversation aside at once.
            let mut spilt = Fold::whole().spilling(budget);
            // Without minutes many are looked up together.
            let mut many = Fold::new(By::ALL, Slot::ALL, false).spilling(budget);
            let strip = |mut row: Conversation| { row.silent_minutes = None; row };
            for (from, to, port, bytes, start) in flows {
                whole.add(&flow(from, to, port, bytes, start));
                spilt.add(&flow(from, to, port, bytes, start));
                many.add(&flow(from, to, port, bytes, start));
            }
            prop_assert_eq!(all(&mut whole), all(&mut spilt));
            prop_assert_eq!(all(&mut whole).into_iter().map(strip).collect::<Vec<_>>(), all(&mut many));
            for most in [1, 3, 100] {
                let a: Vec<_> = whole.top(Slot::OrigBytes, most).unwrap().into_iter().map(strip).collect();
                let b: Vec<_> = spilt.top(Slot::OrigBytes, most).unwrap().into_iter().map(strip).collect();
                prop_assert_eq!(&a, &b);
                let mut sorted: Vec<_> = all(&mut whole).into_iter().map(strip).collect();
                sorted.sort_by_key(|row| std::cmp::Reverse(row.orig_bytes));
                sorted.truncate(most);
                prop_assert_eq!(a, sorted);
            }
        }
    }
}

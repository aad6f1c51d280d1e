//! Connections folded into conversations while they are read: keys packed into bytes, sums beside
//! them, so that a million conversations are some hundred megabytes and not a gigabyte.

mod key;
mod spans;
mod table;

pub use key::By;
use spans::Spans;
pub use table::Slot;
use table::Table;

use super::flow::FlowSeen;
use crate::facts::{HostText, Time};
use std::borrow::Cow;
use std::collections::HashMap;
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

/// The fold.
pub struct Fold {
    by: By,
    table: Table,
    /// Which minutes are covered, of conversations with more than one record.
    spans: HashMap<u32, Option<Spans>>,
    silent: bool,
    scratch: Vec<u8>,
}

impl Fold {
    /// Of these columns of the key, keeping these sums; `silent` says whether minutes are followed.
    #[must_use]
    pub fn new(by: By, slots: &'static [Slot], silent: bool) -> Self {
        Self {
            by,
            table: Table::new(slots),
            spans: HashMap::new(),
            silent,
            scratch: Vec::with_capacity(48),
        }
    }

    /// All columns and all sums.
    #[must_use]
    pub fn whole() -> Self {
        Self::new(By::ALL, Slot::ALL, true)
    }

    /// Adds a connection.
    pub fn add(&mut self, flow: &FlowSeen<'_>) {
        self.scratch.clear();
        key::pack(self.by, flow, &mut self.scratch);
        let (entry, fresh) = self.table.entry(&self.scratch);
        self.table.add(entry, flow);
        if self.silent
            && let (Some(start), Some(end)) = (flow.started, flow.ended())
        {
            let span = spans::minutes(start, end);
            let known = self.spans.entry(entry);
            if fresh {
                known.or_insert_with(|| Some(Spans::of(span)));
            } else if let Some(spans) = known.or_insert_with(|| Some(Spans::of(span))) {
                spans.add(span);
                if spans.len() > MOST_SPANS {
                    self.spans.insert(entry, None);
                }
            }
        }
    }

    /// How many conversations there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Hands on every conversation, in order of its key.
    ///
    /// # Errors
    /// The receiver's own.
    pub fn each<E>(&self, mut give: impl FnMut(Conversation) -> Result<(), E>) -> Result<(), E> {
        for entry in self.table.in_order() {
            give(self.row(entry))?;
        }
        Ok(())
    }

    /// The `most` conversations with the largest sum in a slot, largest first; of equals those
    /// whose key comes first.
    #[must_use]
    pub fn top(&self, slot: Slot, most: usize) -> Vec<Conversation> {
        self.table.top(slot, most).into_iter().map(|entry| self.row(entry)).collect()
    }

    fn row(&self, entry: u32) -> Conversation {
        let key = key::unpack(self.table.key(entry));
        let sum = |slot| self.table.sum(entry, slot);
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
            orig_bytes: sum(Slot::OrigBytes),
            resp_bytes: sum(Slot::RespBytes),
            orig_pkts: sum(Slot::OrigPkts),
            resp_pkts: sum(Slot::RespPkts),
            first: time(Slot::First),
            last: time(Slot::Last),
            longest,
            silent_minutes: self
                .spans
                .get(&entry)
                .and_then(|spans| spans.as_ref().map(Spans::silent)),
        }
    }
}

//! VPC and NetFlow records tell one direction each: both halves make one row, and who began is
//! told by flags or ports.

use super::flow::{Direction, FlowSeen};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Halves that wait for their other; beyond it all that wait go on alone.
const MOST: usize = 100_000;

/// Halves belong together where their times lie no further apart (nanoseconds).
const APART: i64 = 60_000_000_000;

type Side = (Option<IpAddr>, Option<u16>);
type Key = (Side, Side, Option<std::borrow::Cow<'static, str>>);

/// A half, as the log wrote it, with its place there.
struct Half {
    place: u64,
    flow: FlowSeen<'static>,
}

/// Halves that wait.
#[derive(Default)]
pub(super) struct Pairing {
    waiting: BTreeMap<Key, Half>,
}

impl Pairing {
    /// Takes a half; gives what is complete, each with its place in the log.
    pub(super) fn add(&mut self, place: u64, flow: FlowSeen<'_>) -> Vec<(u64, FlowSeen<'static>)> {
        let flow = flow.kept();
        let (from, to) =
            ((flow.originator, flow.originator_port), (flow.responder, flow.responder_port));
        let key = if from <= to {
            (from, to, flow.protocol.clone())
        } else {
            (to, from, flow.protocol.clone())
        };
        let mut out = Vec::new();
        match self.waiting.remove(&key) {
            Some(first) if opposite(&first.flow, &flow) && near(&first.flow, &flow) => {
                let place = first.place;
                out.push((place, oriented(joined(first.flow, flow))));
                return out;
            }
            Some(first) => out.push((first.place, oriented(first.flow))),
            None => {}
        }
        self.waiting.insert(key, Half { place, flow });
        if self.waiting.len() > MOST {
            out.extend(self.end());
        }
        out
    }

    /// What still waits, in the order of the log.
    pub(super) fn end(&mut self) -> Vec<(u64, FlowSeen<'static>)> {
        let mut rest: Vec<Half> = std::mem::take(&mut self.waiting).into_values().collect();
        rest.sort_by_key(|half| half.place);
        rest.into_iter().map(|half| (half.place, oriented(half.flow))).collect()
    }
}

fn opposite(a: &FlowSeen<'_>, b: &FlowSeen<'_>) -> bool {
    a.originator == b.responder && a.originator_port == b.responder_port && a.action == b.action
}

fn near(a: &FlowSeen<'_>, b: &FlowSeen<'_>) -> bool {
    let span = |flow: &FlowSeen<'_>| Some((flow.started?.0, flow.ended()?.0));
    match (span(a), span(b)) {
        (Some((a, a_end)), Some((b, b_end))) => {
            a.saturating_sub(APART) <= b_end && b.saturating_sub(APART) <= a_end
        }
        _ => true,
    }
}

/// Both halves, from the side of the first.
fn joined(first: FlowSeen<'static>, second: FlowSeen<'static>) -> FlowSeen<'static> {
    let started = match (first.started, second.started) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    let ended = first.ended().max(second.ended());
    // A SYN alone stands on the side of the one who began: its half must be the first.
    let turned = begins(&second) && !begins(&first);
    let (mut joined, other) = if turned { (second, first) } else { (first, second) };
    joined.duration = match (started, ended) {
        (Some(start), Some(end)) => Some(end.0.saturating_sub(start.0)),
        _ => joined.duration,
    };
    joined.started = started;
    joined.resp_bytes = other.orig_bytes;
    joined.resp_pkts = other.orig_pkts;
    joined.packet_responder = other.packet_originator.or(joined.packet_responder);
    joined.records = joined.records.saturating_add(other.records);
    joined.interface = joined.interface.or(other.interface);
    joined.instance = joined.instance.or(other.instance);
    if joined.protocol.as_deref() == Some("tcp") {
        joined.established = Some(true);
    }
    joined
}

/// Whether a half's flags hold a SYN and no ACK.
fn begins(flow: &FlowSeen<'_>) -> bool {
    flow.flags.is_some_and(|flags| flags & 0x12 == 0x02)
}

/// Whether a half's flags are those of an answer: VPC keeps SYN and ACK of the second packet only.
fn answers(flow: &FlowSeen<'_>) -> bool {
    flow.kind == "vpc" && flow.flags.is_some_and(|flags| flags & 0x12 == 0x12)
}

/// Turned so that the originator is the one who began, as far as that can be told.
fn oriented(mut flow: FlowSeen<'static>) -> FlowSeen<'static> {
    if begins(&flow) || answers(&flow) {
        flow.direction = Direction::Flags;
        return if begins(&flow) { flow } else { flow.turned() };
    }
    flow.direction = Direction::Ports;
    match (flow.originator_port, flow.responder_port) {
        (Some(from), Some(to)) if serves(from, to) => flow.turned(),
        _ => flow,
    }
}

/// Whether the first of two ports is rather the service: well-known before registered before
/// ephemeral, else the lower.
fn serves(from: u16, to: u16) -> bool {
    let rank = |port: u16| match port {
        0 => 3,
        1..=1023 => 0,
        1024..=32767 => 1,
        _ => 2,
    };
    (rank(from), from) < (rank(to), to)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::super::field::address;
    use super::*;
    use crate::facts::Time;

    fn half(from: (&str, u16), to: (&str, u16), bytes: u64, flags: u8) -> FlowSeen<'static> {
        FlowSeen {
            originator: address(from.0.as_bytes()),
            originator_port: Some(from.1),
            responder: address(to.0.as_bytes()),
            responder_port: Some(to.1),
            protocol: Some("tcp".into()),
            orig_bytes: Some(bytes),
            flags: Some(flags),
            started: Some(Time(0)),
            duration: Some(1),
            ..FlowSeen::new("vpc")
        }
    }

    const POOL: (&str, u16) = ("203.0.113.12", 3333);
    const MINER: (&str, u16) = ("10.0.0.5", 49152);

    #[test]
    fn two_halves_are_one_connection_and_the_lower_port_serves() {
        let mut pairing = Pairing::default();
        assert!(pairing.add(7, half(POOL, MINER, 100, 0)).is_empty());
        let flows = pairing.add(8, half(MINER, POOL, 20, 0));
        assert_eq!(flows.len(), 1);
        let (place, flow) = &flows[0];
        assert_eq!((*place, flow.records, flow.direction), (7, 2, Direction::Ports));
        assert_eq!(flow.originator, address(b"10.0.0.5"));
        assert_eq!((flow.orig_bytes, flow.resp_bytes), (Some(20), Some(100)));
        assert!(pairing.end().is_empty());
    }

    #[test]
    fn flags_tell_who_began_even_against_the_ports() {
        let mut pairing = Pairing::default();
        pairing.add(1, half(MINER, POOL, 20, 0x12));
        let flows = pairing.add(2, half(POOL, MINER, 100, 0x02));
        assert_eq!(flows[0].1.originator, address(b"203.0.113.12"));
        assert_eq!(flows[0].1.direction, Direction::Flags);
    }

    #[test]
    fn the_same_direction_twice_is_two() {
        let mut pairing = Pairing::default();
        pairing.add(1, half(MINER, POOL, 20, 0));
        assert_eq!(pairing.add(2, half(MINER, POOL, 20, 0)).len(), 1);
        assert_eq!(pairing.end().len(), 1);
    }
}

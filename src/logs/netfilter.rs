//! What iptables' and nftables' LOG write to the kernel's log: a prefix of the rule's own, then
//! `IN= OUT= SRC= DST= PROTO= SPT= DPT=`.

use super::field::{address, count, port, protocol_named};
use super::flow::{Direction, FlowSeen};
use super::format::{Format, LineReader, Origin, Out, Shape, Took};
use super::row::Row;
use super::times;
use std::borrow::Cow;

pub(super) const FORMAT: Format = Format {
    name: "netfilter",
    doc: "LOG lines of iptables, nftables and ufw",
    tables: &["flows", "conversations"],
    shape: Shape::Lines { tells, reader: || Box::new(Netfilter) },
};

fn tells(line: &[u8], _: &Origin) -> bool {
    memchr::memmem::find(line, b"SRC=").is_some()
        && memchr::memmem::find(line, b" DST=").is_some()
        && memchr::memmem::find(line, b" PROTO=").is_some()
}

/// A field's value: the first, since ICMP repeats those of the packet it answers.
fn field<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let at = memchr::memmem::find(line, name)? + name.len();
    let rest = line.get(at..)?;
    let value = rest.split(|b| *b == b' ').next()?;
    (!value.is_empty()).then_some(value)
}

struct Netfilter;

impl LineReader for Netfilter {
    fn line(&mut self, line: &[u8], origin: &Origin, out: &mut dyn Out) -> Took {
        if !tells(line, origin) {
            return if memchr::memmem::find(line, b"kernel:").is_some() {
                Took::Other
            } else {
                Took::no("no logged packet")
            };
        }
        let head = times::syslog(line, origin.modified);
        let started = out.stamp(line, origin, head.and_then(|(read, _)| read));
        let word = |flag: &[u8]| line.split(|b| *b == b' ').any(|w| w == flag);
        let mut flow = FlowSeen {
            started,
            originator: field(line, b"SRC=").and_then(address),
            originator_port: field(line, b" SPT=").and_then(|p| out.told("SPT", p, port(p))),
            responder: field(line, b" DST=").and_then(address),
            responder_port: field(line, b" DPT=").and_then(|p| out.told("DPT", p, port(p))),
            protocol: field(line, b" PROTO=").and_then(protocol_named),
            orig_pkts: Some(1),
            orig_bytes: field(line, b" LEN=").and_then(|n| out.told("LEN", n, count(n))),
            interface: field(line, b" OUT=").or_else(|| field(line, b"IN=")).map(Cow::Borrowed),
            outgoing: Some(field(line, b" OUT=").is_some()),
            sensor: head.and_then(|(_, rest)| rest.split(|b| *b == b' ').next()).map(Cow::Borrowed),
            ..FlowSeen::new("netfilter")
        };
        if flow.originator.is_none() || flow.responder.is_none() {
            return Took::no("an address is none");
        }
        let (syn, ack) = (word(b"SYN"), word(b"ACK"));
        flow.action = action(line).map(Cow::Borrowed);
        if matches!(flow.action.as_deref(), Some(b"drop" | b"reject")) {
            flow.established = Some(false);
        }
        flow.direction = if syn && !ack { Direction::Flags } else { Direction::Ports };
        if syn && ack {
            flow.direction = Direction::Flags;
            flow = flow.turned();
        }
        out.row(Row::Flow(flow));
        Took::Yes
    }
}

/// What the rule's prefix says that it did; rules only log, so words are all there is.
fn action(line: &[u8]) -> Option<&'static [u8]> {
    let end = memchr::memmem::find(line, b"IN=")?;
    let prefix = line.get(..end)?.to_ascii_lowercase();
    let has = |word: &[u8]| memchr::memmem::find(&prefix, word).is_some();
    if has(b"drop") || has(b"block") || has(b"deny") {
        Some(b"drop")
    } else if has(b"reject") {
        Some(b"reject")
    } else if has(b"accept") || has(b"allow") {
        Some(b"accept")
    } else {
        None
    }
}

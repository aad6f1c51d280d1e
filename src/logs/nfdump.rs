//! nfdump's output: CSV of both generations, csv-fast and user-defined, JSON and NDJSON. Flows are
//! one-way; their times are local and have no zone.

use super::field::{address, count, nano, port, protocol_named};
use super::flow::FlowSeen;
use super::format::{Format, LineReader, Origin, Out, Shape, Took};
use super::json::Object;
use super::row::Row;
use super::times;
use std::borrow::Cow;

pub(super) const CSV: Format = Format {
    name: "nfdump",
    doc: "nfdump -o csv of both generations, csv-fast, and user-defined csv",
    tables: &["flows", "conversations"],
    shape: Shape::Lines { tells, reader: || Box::new(Csv::default()) },
};

pub(super) const JSON: Format = Format {
    name: "nfdump-json",
    doc: "nfdump -o json and ndjson",
    tables: &["flows", "conversations"],
    shape: Shape::Json { tells: tells_json, read: read_json },
};

pub(super) const KIND: &str = "nfdump";

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Skip,
    First,
    Last,
    Duration,
    Source,
    Target,
    SourcePort,
    TargetPort,
    Protocol,
    Flags,
    Packets,
    Bytes,
    OutPackets,
    OutBytes,
    Router,
}

impl What {
    fn named(name: &str) -> Self {
        match name.trim().trim_start_matches('%') {
            "ts" | "firstSeen" | "first" => Self::First,
            "te" | "lastSeen" | "last" => Self::Last,
            "td" | "duration" => Self::Duration,
            "sa" | "srcAddr" | "srcaddr" => Self::Source,
            "da" | "dstAddr" | "dstaddr" => Self::Target,
            "sp" | "srcPort" | "srcport" => Self::SourcePort,
            "dp" | "dstPort" | "dstport" => Self::TargetPort,
            "pr" | "proto" => Self::Protocol,
            "flg" | "flags" => Self::Flags,
            "ipkt" | "packets" | "pkt" | "inPackets" => Self::Packets,
            "ibyt" | "bytes" | "byt" | "inBytes" => Self::Bytes,
            "opkt" | "outPackets" => Self::OutPackets,
            "obyt" | "outBytes" => Self::OutBytes,
            "ra" | "router" => Self::Router,
            _ => Self::Skip,
        }
    }
}

fn header(line: &[u8]) -> Option<Vec<What>> {
    if line.len() > 4096 || memchr::memchr(b',', line).is_none() {
        return None;
    }
    let text = std::str::from_utf8(line).ok()?;
    let what: Vec<What> = text.split(',').map(What::named).collect();
    let has = |wanted| what.contains(&wanted);
    let own = has(What::First)
        || has(What::Duration)
        || text.contains("sa,da")
        || text.contains("cnt,af");
    (has(What::Source) && has(What::Target) && own).then_some(what)
}

fn tells(line: &[u8], _: &Origin) -> bool {
    header(line).is_some()
}

/// `...APRS.` as bits; also a number.
pub(super) fn flags(text: &[u8]) -> Option<u8> {
    if let Some(number) = count(text) {
        return u8::try_from(number).ok();
    }
    text.iter().try_fold(0u8, |bits, letter| {
        Some(
            bits | match letter {
                b'F' => 1,
                b'S' => 2,
                b'R' => 4,
                b'P' => 8,
                b'A' => 16,
                b'U' => 32,
                b'E' => 64,
                b'C' => 128,
                b'.' | b' ' => 0,
                _ => return None,
            },
        )
    })
}

#[derive(Default)]
struct Csv {
    what: Vec<What>,
    /// Behind the summary's own header: its numbers are next.
    summary: bool,
}

/// A line of the summary, with which nfdump ends whatever it writes for the eye.
pub(super) fn closing(line: &[u8]) -> bool {
    const BEGIN: &[&[u8]] = &[
        b"Summary",
        b"No matching flow",
        b"Time window: ",
        b"Total flows processed: ",
        b"Sys: ",
        b"Wall: ",
    ];
    BEGIN.iter().any(|begin| line.starts_with(begin))
}

impl LineReader for Csv {
    fn line(&mut self, line: &[u8], _: &Origin, out: &mut dyn Out) -> Took {
        if let Some(what) = header(line) {
            (self.what, self.summary) = (what, false);
            return Took::Heading;
        }
        let numbers = std::mem::take(&mut self.summary) && line.split(|b| *b == b',').count() == 6;
        self.summary = line.starts_with(b"flows,bytes,packets");
        if numbers || self.summary || closing(line) || line.trim_ascii().is_empty() {
            return Took::Heading;
        }
        if self.what.is_empty() {
            return Took::no("no header");
        }
        let cells: Vec<&[u8]> = line.split(|b| *b == b',').map(<[u8]>::trim_ascii).collect();
        if cells.len() != self.what.len() {
            return Took::no("not as many columns as the header names");
        }
        let mut flow = FlowSeen::new(KIND);
        let mut last = None;
        for (what, cell) in self.what.iter().zip(cells) {
            match what {
                What::Skip => {}
                What::First => {
                    let read = out.told("firstSeen", cell, times::any(cell));
                    flow.started = out.time(read);
                }
                What::Last => {
                    let read = out.told("lastSeen", cell, times::any(cell));
                    last = out.time(read);
                }
                What::Duration => flow.duration = out.told("duration", cell, duration(cell)),
                What::Source => flow.originator = address(cell),
                What::Target => flow.responder = address(cell),
                What::SourcePort => flow.originator_port = out.told("srcPort", cell, port(cell)),
                What::TargetPort => flow.responder_port = out.told("dstPort", cell, port(cell)),
                What::Protocol => flow.protocol = protocol_named(cell),
                What::Flags => {
                    flow.flags = out.told("flags", cell, flags(cell));
                    flow.state = Some(Cow::Borrowed(cell));
                }
                What::Packets => flow.orig_pkts = out.told("packets", cell, count(cell)),
                What::Bytes => flow.orig_bytes = out.told("bytes", cell, count(cell)),
                What::OutPackets => {
                    flow.resp_pkts = out.told("outPackets", cell, count(cell)).filter(|n| *n > 0);
                }
                What::OutBytes => {
                    flow.resp_bytes = out.told("outBytes", cell, count(cell)).filter(|n| *n > 0);
                }
                What::Router => {
                    flow.sensor = Some(Cow::Borrowed(cell)).filter(|c| **c != b"0.0.0.0"[..])
                }
            }
        }
        give(flow, last, out)
    }
}

/// `202.470` seconds, or `00:03:22.470`.
fn duration(text: &[u8]) -> Option<i64> {
    let mut parts = text.rsplit(|b| *b == b':');
    let seconds = nano(parts.next()?)?;
    let minutes = parts.next().map_or(Some(0), count)?;
    let hours = parts.next().map_or(Some(0), count)?;
    let whole =
        i64::try_from(hours.checked_mul(3600)?.checked_add(minutes.checked_mul(60)?)?).ok()?;
    seconds.checked_add(whole.checked_mul(1_000_000_000)?)
}

fn give(mut flow: FlowSeen<'_>, last: Option<crate::facts::Time>, out: &mut dyn Out) -> Took {
    if flow.originator.is_none() || flow.responder.is_none() {
        return Took::no("an address is none");
    }
    if flow.duration.is_none()
        && let (Some(first), Some(last)) = (flow.started, last)
    {
        flow.duration = Some(last.0.saturating_sub(first.0).max(0));
    }
    flow.open = true;
    // A biflow has both directions already, and its exporter saw who began.
    if flow.resp_bytes.is_some() || flow.resp_pkts.is_some() {
        out.row(Row::Flow(flow));
    } else {
        out.row(Row::Half(flow));
    }
    Took::Yes
}

fn tells_json(object: Object<'_>, _: &Origin) -> bool {
    let addresses = object.get("src4_addr").is_some() || object.get("src6_addr").is_some();
    addresses && (object.get("in_packets").is_some() || object.get("first").is_some())
        || object.str("type") == Some("FLOW") && object.get("src_addr").is_some()
}

fn read_json(object: Object<'_>, _: &Origin, out: &mut dyn Out) -> Took {
    let side = |four, six, plain| {
        object.address(four).or_else(|| object.address(six)).or_else(|| object.address(plain))
    };
    let first = object.time("first").or_else(|| object.time("firstSeen"));
    let last = object.time("last").or_else(|| object.time("lastSeen"));
    let state = object.str("tcp_flags");
    let flow = FlowSeen {
        started: out.time(first),
        originator: side("src4_addr", "src6_addr", "src_addr"),
        originator_port: object.port("src_port"),
        responder: side("dst4_addr", "dst6_addr", "dst_addr"),
        responder_port: object.port("dst_port"),
        protocol: object.words("proto").and_then(|p| protocol_named(p.as_bytes())),
        orig_pkts: object.count("in_packets"),
        orig_bytes: object.count("in_bytes"),
        resp_pkts: object.count("out_packets").filter(|n| *n > 0),
        resp_bytes: object.count("out_bytes").filter(|n| *n > 0),
        flags: state.and_then(|state| flags(state.as_bytes())),
        state: state.map(|state| Cow::Borrowed(state.as_bytes())),
        sensor: object.str("ip4_router").map(|router| Cow::Borrowed(router.as_bytes())),
        ..FlowSeen::new(KIND)
    };
    give(flow, out.time(last), out)
}

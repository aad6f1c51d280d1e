//! AWS VPC flow logs, versions 2 to 8 and custom: text with a header or in the default order, CSV
//! and JSON as Athena and Glue give them, under any of their column names.

use super::field::{address, count, port, protocol_named};
use super::flow::FlowSeen;
use super::format::{Format, LineReader, Note, Origin, Out, Shape, Took};
use super::json::{Object, words};
use super::row::Row;
use super::times;
use std::borrow::Cow;

pub(super) const TEXT: Format = Format {
    name: "vpc",
    doc: "VPC flow logs v2 to v8 and custom fields, with or without a header; CSV under the column names of Athena and Glue",
    tables: &["flows", "conversations"],
    shape: Shape::Lines { tells, reader: || Box::new(Text::default()) },
};

pub(super) const JSON: Format = Format {
    name: "vpc-json",
    doc: "VPC flow logs as JSON, and CloudWatch events that hold their lines",
    tables: &["flows", "conversations"],
    shape: Shape::Json { tells: tells_json, read: read_json },
};

/// The order of version 2, for logs without a header.
const DEFAULT: &str = "version account-id interface-id srcaddr dstaddr srcport dstport protocol \
    packets bytes start end action log-status";

/// What a column is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Skip,
    Interface,
    Source,
    Target,
    SourcePort,
    TargetPort,
    Protocol,
    Packets,
    Bytes,
    Start,
    End,
    Action,
    Status,
    Instance,
    Flags,
    PacketSource,
    PacketTarget,
    Direction,
    Path,
    Reason,
    Lost,
}

impl What {
    /// By any of the names that text, Parquet, Athena's documentation and Glue's crawlers use.
    pub(super) fn named(name: &str) -> Self {
        let plain: String = name
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|c| c.to_ascii_lowercase())
            .collect();
        match plain.as_str() {
            "interfaceid" | "eni" | "eniid" | "networkinterfaceid" => Self::Interface,
            "srcaddr" | "sourceaddress" | "srcip" | "sourceip" | "srcaddress" => Self::Source,
            "dstaddr" | "destinationaddress" | "dstip" | "destinationip" | "dstaddress"
            | "destaddress" => Self::Target,
            "srcport" | "sourceport" => Self::SourcePort,
            "dstport" | "destinationport" | "destport" => Self::TargetPort,
            "protocol" | "protocolcode" | "ianaprotocolnumber" => Self::Protocol,
            "packets" | "numpackets" => Self::Packets,
            "bytes" | "numbytes" => Self::Bytes,
            "start" | "starttime" => Self::Start,
            "end" | "endtime" => Self::End,
            "action" => Self::Action,
            "logstatus" => Self::Status,
            "instanceid" => Self::Instance,
            "tcpflags" => Self::Flags,
            "pktsrcaddr" | "packetsourceaddress" => Self::PacketSource,
            "pktdstaddr" | "packetdestinationaddress" => Self::PacketTarget,
            "flowdirection" | "direction" => Self::Direction,
            "trafficpath" => Self::Path,
            "rejectreason" => Self::Reason,
            "packetslostnoroute"
            | "packetslostblackhole"
            | "packetslostmtuexceeded"
            | "packetslostttlexpired" => Self::Lost,
            _ => Self::Skip,
        }
    }
}

/// How a text log parts its columns.
fn columns(line: &[u8]) -> (u8, Vec<&[u8]>) {
    let comma = memchr::memchr(b',', line).is_some();
    let separator = match (comma, memchr::memchr(b'\t', line).is_some()) {
        (true, _) => b',',
        (_, true) => b'\t',
        _ => b' ',
    };
    let cells =
        line.split(|b| *b == separator).filter(|cell| separator != b' ' || !cell.is_empty());
    (separator, cells.map(unquoted).take(128).collect())
}

fn unquoted(cell: &[u8]) -> &[u8] {
    let cell = cell.trim_ascii();
    cell.strip_prefix(b"\"").and_then(|c| c.strip_suffix(b"\"")).unwrap_or(cell)
}

/// The columns of a header; [`None`] where a line is none.
fn header(line: &[u8]) -> Option<(u8, Vec<What>)> {
    if line.len() > 4096 || !line.is_ascii() {
        return None;
    }
    let (separator, cells) = columns(line);
    let what: Vec<What> = cells
        .iter()
        .map(|cell| What::named(std::str::from_utf8(cell).unwrap_or_default()))
        .collect();
    let has = |wanted| what.contains(&wanted);
    // Two addresses and one thing that only such a log counts so.
    let addresses = has(What::Source) && has(What::Target)
        || has(What::PacketSource) && has(What::PacketTarget);
    let own = has(What::Status)
        || has(What::Interface)
        || has(What::Direction)
        || has(What::Action)
        || has(What::Packets) && has(What::TargetPort)
        || has(What::Flags);
    (addresses && own && !cells.iter().any(|cell| address(cell).is_some()))
        .then_some((separator, what))
}

/// A line of the default format without header: `2 123456789010 eni-… 10.0.0.1 …`, or one of
/// CloudWatch with its own time before it.
fn bare(line: &[u8]) -> Option<&[u8]> {
    let line = match line.split_first_chunk::<20>() {
        // `2018-08-03T14:19:41.000Z 2 1234…`
        Some((stamp, _)) if stamp.get(10) == Some(&b'T') => {
            line.get(memchr::memchr(b' ', line)? + 1..)?
        }
        _ => line,
    };
    let mut cells = line.split(|b| *b == b' ');
    let (version, account, interface) = (cells.next()?, cells.next()?, cells.next()?);
    let fits = matches!(version, [b'2'..=b'9'])
        && (account.len() == 12 && count(account).is_some() || account == b"unknown")
        && (interface.starts_with(b"eni-") || interface == b"-")
        && cells.count() == 11;
    fits.then_some(line)
}

fn tells(line: &[u8], _: &Origin) -> bool {
    header(line).is_some() || bare(line).is_some()
}

#[derive(Default)]
struct Text {
    separator: u8,
    what: Vec<What>,
}

impl LineReader for Text {
    fn line(&mut self, line: &[u8], _: &Origin, out: &mut dyn Out) -> Took {
        if line.trim_ascii().is_empty() {
            return Took::Heading;
        }
        if let Some((separator, what)) = header(line) {
            (self.separator, self.what) = (separator, what);
            return Took::Heading;
        }
        let line = if self.what.is_empty() {
            let Some(line) = bare(line) else {
                return Took::no("no header, and not the default format");
            };
            self.separator = b' ';
            self.what = DEFAULT.split(' ').map(What::named).collect();
            line
        } else if self.separator == b' ' {
            bare(line).unwrap_or(line)
        } else {
            line
        };
        let separator = self.separator;
        let cells: Vec<&[u8]> = line
            .split(|b| *b == separator)
            .filter(|cell| separator != b' ' || !cell.is_empty())
            .map(unquoted)
            .collect();
        if cells.len() != self.what.len() {
            return Took::no("not as many columns as the header names");
        }
        record(self.what.iter().copied().zip(cells.into_iter().map(Cow::Borrowed)), out)
    }
}

/// One record, whatever it is written in.
pub(super) fn record<'a>(
    cells: impl Iterator<Item = (What, Cow<'a, [u8]>)>,
    out: &mut dyn Out,
) -> Took {
    let mut flow = FlowSeen::new("vpc");
    let (mut end, mut bad) = (None, false);
    let mut status = None;
    for (what, cell) in cells {
        if matches!(&*cell, b"-" | b"" | b"null" | b"NULL") {
            continue;
        }
        match what {
            What::Skip => {}
            What::Interface => flow.interface = Some(cell),
            What::Source => {
                flow.originator = address(&cell);
                bad |= flow.originator.is_none();
            }
            What::Target => {
                flow.responder = address(&cell);
                bad |= flow.responder.is_none();
            }
            What::SourcePort => flow.originator_port = out.told("srcport", &cell, port(&cell)),
            What::TargetPort => flow.responder_port = out.told("dstport", &cell, port(&cell)),
            What::Protocol => flow.protocol = protocol_named(&cell),
            What::Packets => flow.orig_pkts = out.told("packets", &cell, count(&cell)),
            What::Bytes => flow.orig_bytes = out.told("bytes", &cell, count(&cell)),
            What::Start => {
                let read = out.told("start", &cell, times::any(&cell));
                flow.started = out.time(read);
            }
            What::End => {
                let read = out.told("end", &cell, times::any(&cell));
                end = out.time(read);
            }
            What::Action => flow.action = Some(Cow::Owned(cell.to_ascii_lowercase())),
            What::Status => status = Some(cell),
            What::Instance => flow.instance = Some(cell),
            What::Flags => {
                let flags = count(&cell).and_then(|flags| u8::try_from(flags & 0xff).ok());
                flow.flags = out.told("tcp-flags", &cell, flags);
            }
            What::PacketSource => {
                flow.packet_originator = out.told("pkt-srcaddr", &cell, address(&cell))
            }
            What::PacketTarget => {
                flow.packet_responder = out.told("pkt-dstaddr", &cell, address(&cell))
            }
            What::Direction => flow.outgoing = Some(cell.eq_ignore_ascii_case(b"egress")),
            What::Path => {
                let path = [b"traffic-path ", &*cell].concat();
                flow.detail.get_or_insert(Cow::Owned(path));
            }
            What::Reason => flow.detail = Some(cell),
            What::Lost => {
                let lost = out.told("packets-lost", &cell, count(&cell)).unwrap_or(0);
                if lost > 0 {
                    out.note(Note::Lost("packets that the transit gateway dropped", lost));
                }
            }
        }
    }
    match status.as_deref() {
        Some(b"SKIPDATA") => {
            out.note(Note::Lost("SKIPDATA: windows whose records the service skipped", 1));
            return Took::Yes;
        }
        // No traffic in that window: nothing is missing.
        Some(b"NODATA") => return Took::Yes,
        _ => {}
    }
    if flow.originator.is_none() && flow.responder.is_none() && !bad {
        (flow.originator, flow.responder) = (flow.packet_originator, flow.packet_responder);
    }
    if flow.originator.is_none() || flow.responder.is_none() {
        return Took::no("an address is none");
    }
    if let (Some(start), Some(end)) = (flow.started, end) {
        flow.duration = Some(end.0.saturating_sub(start.0).max(0));
    }
    flow.open = true;
    if flow.action.as_deref() == Some(b"reject") {
        flow.established = Some(false);
    }
    flow.state = flow.flags.map(|flags| Cow::Owned(flags.to_string().into_bytes()));
    out.row(Row::Half(flow));
    Took::Yes
}

fn tells_json(object: Object<'_>, _: &Origin) -> bool {
    if object.str("message").is_some_and(|m| bare(m.as_bytes()).is_some()) {
        return true;
    }
    let named: Vec<What> = object.map.keys().map(|key| What::named(key)).collect();
    let has = |what| named.contains(&what);
    has(What::Source)
        && has(What::Target)
        && (has(What::Status)
            || has(What::Interface)
            || has(What::Packets) && has(What::Action)
            || has(What::Direction))
}

fn read_json(object: Object<'_>, _: &Origin, out: &mut dyn Out) -> Took {
    if let Some(line) = object.str("message").and_then(|m| bare(m.as_bytes())) {
        let what = DEFAULT.split(' ').map(What::named);
        return record(what.zip(line.split(|b| *b == b' ').map(Cow::Borrowed)), out);
    }
    let cells = object.map.iter().filter_map(|(key, value)| {
        Some((What::named(key), Cow::Owned(words(value)?.into_owned().into_bytes())))
    });
    record(cells, out)
}

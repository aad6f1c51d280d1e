//! NetFlow v5 and v9 and IPFIX as datagrams in a file: one after another, each with its length
//! before it (four bytes), or alone. Parsed by netflow_parser; templates last as long as the file.

use super::field::protocol;
use super::flow::FlowSeen;
use super::format::{Format, Note, Origin, Out, Shape};
use super::row::Row;
use super::sink::Problems;
use crate::facts::Time;
use netflow_parser::static_versions::v5::V5;
use netflow_parser::variable_versions::ipfix::lookup::{IANAIPFixField, IPFixField};
use netflow_parser::variable_versions::{ipfix, v9};
use netflow_parser::{FieldValue, NetflowPacket, NetflowParser};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::net::IpAddr;

pub(super) const FORMAT: Format = Format {
    name: "netflow",
    doc: "NetFlow v5, v9 and IPFIX datagrams in a file, each with a length of four bytes before it, or one after another",
    tables: &["flows", "conversations"],
    shape: Shape::Binary { tells, read },
};

/// A datagram is no longer than what UDP carries.
const LONGEST: usize = 65_535;

/// Exporters whose start is remembered.
const MOST_DOMAINS: usize = 4096;

/// Milliseconds by which a flow may end after its export before its times are not believed.
const SLACK: i64 = 3_600_000;

fn tells(head: &[u8]) -> bool {
    match head {
        [0, 0, high, low, rest @ ..] => {
            let length = usize::from(*high) << 8 | usize::from(*low);
            length >= 20 && datagram(rest, Some(length))
        }
        _ => datagram(head, None),
    }
}

/// Whether bytes begin as a datagram: its version, and a count or length that can be.
fn datagram(bytes: &[u8], length: Option<usize>) -> bool {
    let [a, b, c, d, ..] = bytes else { return false };
    let (version, second) = (u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d]));
    match version {
        5 => {
            (1..=30).contains(&second) && length.is_none_or(|l| l == 24 + 48 * usize::from(second))
        }
        // The times of v9 and IPFIX lie after 2000 and before 2100.
        9 => second <= 4096 && bytes.len() >= 20 && bytes.get(8..12).is_some_and(sane_time),
        10 => {
            second >= 16
                && length.is_none_or(|l| l == usize::from(second))
                && bytes.get(4..8).is_some_and(sane_time)
        }
        _ => false,
    }
}

fn sane_time(bytes: &[u8]) -> bool {
    bytes
        .first_chunk::<4>()
        .is_some_and(|b| (946_684_800..4_102_444_800).contains(&u32::from_be_bytes(*b)))
}

fn read(
    stream: &mut dyn Read,
    _: &Origin,
    out: &mut dyn Out,
    problems: &mut Problems,
) -> io::Result<()> {
    let mut parser = NetflowParser::default();
    let mut boots = BTreeMap::new();
    let mut buffer = Vec::new();
    let (mut number, mut over) = (0, false);
    let mut prefixed = None;
    loop {
        while !over && buffer.len() < LONGEST + 4 {
            let before = buffer.len();
            stream.take(1 << 20).read_to_end(&mut buffer)?;
            over = buffer.len() == before;
        }
        if buffer.is_empty() {
            break;
        }
        let prefix = *prefixed.get_or_insert_with(|| buffer.starts_with(&[0, 0]));
        let (head, length) = match (prefix, buffer.as_slice()) {
            (true, [_, _, high, low, ..]) => (4, usize::from(*high) << 8 | usize::from(*low)),
            (true, _) => (0, buffer.len()),
            (false, bytes) => (0, alone(bytes)),
        };
        number += 1;
        out.place(number);
        let end = (head + length.max(1)).min(buffer.len());
        let whole = head + length <= buffer.len();
        let parsed = parser.parse_bytes(buffer.get(head..end).unwrap_or_default());
        let missing: u64 = parsed.packets.iter().map(|packet| give(packet, &mut boots, out)).sum();
        if !whole {
            problems.add(number, "cut off: the file ends within this datagram");
        } else if parsed.error.is_some() {
            problems.add(number, "no datagram of NetFlow or IPFIX");
        } else if missing > 0 {
            problems.add(number, "flows whose template is not in the file");
        }
        buffer.drain(..end);
    }
    Ok(())
}

/// The length of the datagram that begins here, where nothing says it from outside: v9 has none,
/// and takes what remains.
fn alone(bytes: &[u8]) -> usize {
    match bytes {
        [0, 5, high, low, ..] => 24 + 48 * (usize::from(*high) << 8 | usize::from(*low)),
        [0, 10, high, low, ..] => usize::from(*high) << 8 | usize::from(*low),
        _ => bytes.len().min(LONGEST),
    }
}

/// The rows of one datagram; how many of its sets could not be read for want of a template.
fn give(packet: &NetflowPacket, boots: &mut BTreeMap<u32, i64>, out: &mut dyn Out) -> u64 {
    match packet {
        NetflowPacket::V5(v5) => {
            five(v5, out);
            0
        }
        NetflowPacket::V9(v9) => {
            let export = i64::from(v9.header.unix_secs) * 1000;
            let boot = export - i64::from(v9.header.sys_up_time);
            let mut missing = 0;
            for set in &v9.flowsets {
                match &set.body {
                    v9::FlowSetBody::Data(data) => {
                        for record in &data.fields {
                            let get = |number: u16| {
                                record.iter().find(|(f, _)| u16::from(*f) == number).map(|(_, v)| v)
                            };
                            flow(&get, export, Some(boot), out);
                        }
                    }
                    v9::FlowSetBody::NoTemplate(_) => missing += 1,
                    _ => {}
                }
            }
            templates(missing, out);
            missing
        }
        NetflowPacket::IPFix(packet) => {
            let export = i64::from(packet.header.export_time) * 1000;
            let domain = packet.header.observation_domain_id;
            let mut missing = 0;
            // When the exporter was started is told apart from the flows, and once for all of them.
            let told = packet.flowsets.iter().filter_map(|set| match &set.body {
                ipfix::FlowSetBody::OptionsData(data) => Some(data.fields.iter().flatten()),
                _ => None,
            });
            let init = IPFixField::IANA(IANAIPFixField::from(160));
            let boot = told.flatten().find(|(field, _)| *field == init);
            if let Some(boot) = boot.and_then(|(_, v)| i64::try_from(v.as_u64()?).ok())
                && (boots.len() < MOST_DOMAINS || boots.contains_key(&domain))
            {
                boots.insert(domain, boot);
            }
            let boot = boots.get(&domain).copied();
            for set in &packet.flowsets {
                match &set.body {
                    ipfix::FlowSetBody::Data(data) => {
                        for record in &data.fields {
                            let get = |number: u16| {
                                let wanted = IPFixField::IANA(IANAIPFixField::from(number));
                                record.iter().find(|(f, _)| *f == wanted).map(|(_, v)| v)
                            };
                            flow(&get, export, boot, out);
                        }
                    }
                    ipfix::FlowSetBody::NoTemplate(_) => missing += 1,
                    _ => {}
                }
            }
            templates(missing, out);
            missing
        }
        // Version 7 is a switch of long ago; what the library learns later is not read either.
        _ => 1,
    }
}

fn templates(missing: u64, out: &mut dyn Out) {
    if missing > 0 {
        out.note(Note::Lost("sets of flows whose template is not in the file", missing));
    }
}

fn millis(millis: i64) -> Option<Time> {
    millis.checked_mul(1_000_000).map(Time)
}

/// Milliseconds since an exporter's start begin anew after 49.7 days: brought near the export, where
/// that puts the flow's end within the hour before it.
fn unwrapped(start: i64, end: i64, export: i64) -> (i64, i64) {
    const ROUND: i64 = 1 << 32;
    let rounds = export.saturating_add(SLACK).saturating_sub(end).div_euclid(ROUND);
    let moved = end.saturating_add(rounds.saturating_mul(ROUND));
    let by = if export.saturating_sub(moved) <= SLACK { moved.saturating_sub(end) } else { 0 };
    let (start, end) = (start.saturating_add(by), end.saturating_add(by));
    // It began before the round and ended behind it.
    let before = start.saturating_sub(ROUND);
    let wrapped = start > end && before >= end.saturating_sub(86_400_000);
    (if wrapped { before } else { start }, end)
}

/// Start and end, where both are believable: replayed captures give times in the future.
fn set_times(row: &mut FlowSeen<'_>, start: i64, end: i64, export: i64, out: &mut dyn Out) {
    let (start, end) = unwrapped(start, end, export);
    if end > export + SLACK || start > end || start < 0 {
        out.note(Note::Said(
            "flows whose times lie after their export; that of the export is taken".to_owned(),
        ));
        row.started = millis(export);
        row.duration = Some(end.saturating_sub(start).clamp(0, 86_400_000) * 1_000_000);
    } else {
        row.started = millis(start);
        row.duration = (end - start).checked_mul(1_000_000);
    }
}

fn five(packet: &V5, out: &mut dyn Out) {
    let header = &packet.header;
    let export = i64::from(header.unix_secs) * 1000 + i64::from(header.unix_nsecs / 1_000_000);
    let boot = export - i64::from(header.sys_up_time);
    for set in &packet.flowsets {
        let mut row = FlowSeen {
            originator: Some(IpAddr::V4(set.src_addr)),
            originator_port: Some(set.src_port),
            responder: Some(IpAddr::V4(set.dst_addr)),
            responder_port: Some(set.dst_port),
            protocol: Some(protocol(set.protocol_number.into())),
            orig_pkts: Some(set.d_pkts.into()),
            orig_bytes: Some(set.d_octets.into()),
            flags: Some(set.tcp_flags),
            state: Some(Cow::Owned(set.tcp_flags.to_string().into_bytes())),
            open: true,
            ..FlowSeen::new("netflow")
        };
        set_times(&mut row, boot + i64::from(set.first), boot + i64::from(set.last), export, out);
        out.row(Row::Half(row));
    }
}

/// Seconds from 1900 to 1970: where NTP's time begins.
const NTP: i64 = 2_208_988_800_000;

/// A record of v9 or IPFIX; both number their fields alike.
fn flow<'v>(
    get: &dyn Fn(u16) -> Option<&'v FieldValue>,
    export: i64,
    boot: Option<i64>,
    out: &mut dyn Out,
) {
    let number = |n: u16| get(n).and_then(FieldValue::as_u64);
    let any = |list: &[u16]| list.iter().find_map(|n| number(*n));
    let address = |list: &[u16]| {
        list.iter()
            .find_map(|n| get(*n).and_then(|v| IpAddr::try_from(v).ok()))
            .map(|a| a.to_canonical())
    };
    let port = |n: u16| number(n).and_then(|p| u16::try_from(p).ok());
    let flags = get(6).and_then(|value| match value {
        FieldValue::TcpControlBits(bits, _) => Some(
            [bits.fin, bits.syn, bits.rst, bits.psh, bits.ack, bits.urg, bits.ece, bits.cwr]
                .iter()
                .enumerate()
                .fold(0u8, |sum, (bit, set)| sum | u8::from(*set) << bit),
        ),
        other => other.as_u8(),
    });
    let mut row = FlowSeen {
        originator: address(&[8, 27]),
        originator_port: port(7),
        responder: address(&[12, 28]),
        responder_port: port(11),
        protocol: get(4).and_then(FieldValue::as_u8).map(|p| protocol(p.into())),
        // In, total, and of biflows the initiator's.
        orig_bytes: any(&[1, 85, 231]),
        orig_pkts: any(&[2, 86, 298]),
        resp_bytes: number(232),
        resp_pkts: number(299),
        flags,
        state: flags.map(|f| Cow::Owned(f.to_string().into_bytes())),
        open: true,
        ..FlowSeen::new("netflow")
    };
    // Records of options and counters have no addresses.
    if row.originator.is_none() || row.responder.is_none() {
        return;
    }
    let absolute = |n: u16| {
        let time = i64::try_from(number(n)?).ok()?;
        Some(if matches!(n, 154..=157) { time - NTP } else { time })
    };
    let booted = |n: u16| {
        let own = number(160).and_then(|n| i64::try_from(n).ok());
        let boot = own.or(boot)?;
        Some(boot.saturating_add(i64::try_from(number(n)?).ok()?))
    };
    let start = [152, 150, 154, 156].into_iter().find_map(absolute).or_else(|| booted(22));
    let end = [153, 151, 155, 157].into_iter().find_map(absolute).or_else(|| booted(21));
    match (start, end) {
        (Some(start), Some(end)) => set_times(&mut row, start, end, export, out),
        _ => row.started = millis(export),
    }
    if row.resp_bytes.is_some() || row.resp_pkts.is_some() {
        out.row(Row::Flow(row));
    } else {
        out.row(Row::Half(row));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPORT: i64 = 1_795_300_000_000;

    #[test]
    fn rounds_of_49_days_are_undone() {
        let near = (EXPORT - 5000, EXPORT - 1000);
        assert_eq!(unwrapped(near.0, near.1, EXPORT), near);
        // An exporter that has run for two rounds.
        let round = 1 << 32;
        assert_eq!(unwrapped(near.0 - 2 * round, near.1 - 2 * round, EXPORT), near);
        // Its count began anew between the flow and the export; within the flow.
        assert_eq!(unwrapped(near.0 + round, near.1 + round, EXPORT), near);
        assert_eq!(unwrapped(near.0 + round, near.1, EXPORT), near);
        // A replay, whose times have nothing to do with the export's, is left as it is.
        let replay = (EXPORT - 86_400_000 * 3000, EXPORT - 86_400_000 * 3000 + 5);
        assert_eq!(unwrapped(replay.0, replay.1, EXPORT), replay);
        for odd in [i64::MIN, i64::MAX, 0] {
            let _ = unwrapped(odd, -odd.saturating_add(1), odd);
        }
    }
}

//! Records of utmp, wtmp and btmp, as glibc writes them.

use super::gathered::{Gathered, Seen};
use crate::evidence::HostPath;
use crate::facts::{HostText, Time};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Bytes of a record: of most architectures, x86_64 among them, and of those whose times are wide
/// in it (aarch64).
const SIZES: [usize; 2] = [384, 400];
/// Records by which the size is told.
const TELLING: usize = 16;

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Record<'a> {
    kind: i16,
    pid: u32,
    line: &'a [u8],
    user: &'a [u8],
    host: &'a [u8],
    address: Option<IpAddr>,
    time: Time,
}

/// What is known of a file of records besides its bytes.
pub(super) struct File<'a> {
    pub path: &'a HostPath,
    /// wtmp, utmp or btmp.
    pub record: &'static str,
    /// The bytes' place in the file.
    pub offset: u64,
}

/// The size of this file's records.
fn size(bytes: &[u8]) -> usize {
    let fits = |size: &usize| {
        let plausible = |record: &[u8]| parse(record).is_some_and(|r| r.kind > 0);
        bytes.chunks_exact(*size).take(TELLING).filter(|record| plausible(record)).count()
    };
    let [usual, wide] = SIZES;
    if fits(&wide) > fits(&usual) { wide } else { usual }
}

/// Takes the records of a file, in order; how many bytes were of no whole record.
pub(super) fn take(file: &File<'_>, bytes: &[u8], into: &mut Gathered) -> usize {
    let size = size(bytes);
    // Of a file that was not read from its beginning, the first record is most likely cut.
    let over = usize::try_from(file.offset % size as u64).unwrap_or(0);
    let skip = if over == 0 { 0 } else { size.saturating_sub(over) };
    let whole = bytes.get(skip..).unwrap_or_default();
    let first = file.offset.saturating_add(skip as u64) / size as u64;
    let mut wrong = if whole.len() % size == 0 { 0 } else { whole.len() % size };
    let mut open: HashMap<&[u8], usize> = HashMap::new();
    let mut before: Option<Time> = None;
    for (record, number) in whole.chunks_exact(size).zip(first.saturating_add(1)..) {
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        let Some(found) = parse(record) else {
            wrong += size;
            continue;
        };
        match found.kind {
            // Nothing writes an empty record into wtmp; tools that remove logins do.
            0 if file.record == "wtmp" && record.iter().all(|b| *b == 0) => {
                let gap =
                    Seen { time: before, ..Seen::of("erased", file.record, file.path, number) };
                into.add(gap);
            }
            // Boot, and a new run level: nobody is logged in any more.
            1 | 2 if file.record == "wtmp" => {
                for (_, at) in open.drain() {
                    into.ended(at, found.time);
                }
            }
            7 if file.record != "btmp" => {
                let at = into.add(seen("login", file, number, &found));
                if let Some(last) = open.insert(found.line, at) {
                    into.ended(last, found.time);
                }
            }
            // A login that failed has the kind of the process that asked.
            5..=7 if file.record == "btmp" => {
                into.add(seen("failed", file, number, &found));
            }
            8 if file.record == "wtmp" => {
                if let Some(at) = open.remove(found.line) {
                    into.ended(at, found.time);
                }
            }
            _ => {}
        }
        if found.kind != 0 {
            before = Some(found.time);
        }
    }
    wrong
}

fn seen(event: &'static str, file: &File<'_>, number: u32, found: &Record<'_>) -> Seen {
    let text = |bytes: &[u8]| Some(HostText::from(bytes)).filter(|text| !text.is_empty());
    let named = std::str::from_utf8(found.host).ok().and_then(|host| host.parse::<IpAddr>().ok());
    let address = found.address.or(named).map(|address| address.to_canonical());
    Seen {
        user: text(found.user),
        address,
        // Who edits one of the two forgets the other: where they differ, both are kept.
        name: text(found.host)
            .filter(|_| named.is_none_or(|named| Some(named.to_canonical()) != address)),
        terminal: text(found.line),
        pid: Some(found.pid),
        time: Some(found.time),
        ..Seen::of(event, file.record, file.path, number)
    }
}

fn parse(record: &[u8]) -> Option<Record<'_>> {
    let wide = record.len() == SIZES.iter().copied().max()?;
    let kind = i16::from_le_bytes(*record.first_chunk()?);
    let pid = u32::from_le_bytes(*record.get(4..)?.first_chunk()?);
    let (seconds, micros, address) = if wide {
        let long = |at: usize| Some(i64::from_le_bytes(*record.get(at..)?.first_chunk()?));
        (long(344)?, long(352)?, 360)
    } else {
        let word = |at: usize| Some(i32::from_le_bytes(*record.get(at..)?.first_chunk()?));
        // Past 2038 the seconds are read without a sign.
        (i64::from(word(340)?.cast_unsigned()), i64::from(word(344)?), 348)
    };
    let plausible = (0..=9).contains(&kind) && (0..1_000_000).contains(&micros);
    Some(Record {
        kind,
        pid,
        line: text(record.get(8..40)?),
        user: text(record.get(44..76)?),
        host: text(record.get(76..332)?),
        address: self::address(record.get(address..address + 16)?.first_chunk()?),
        time: Time::new(seconds, micros.saturating_mul(1_000)),
    })
    .filter(|_| plausible)
}

/// Up to the first NUL.
fn text(field: &[u8]) -> &[u8] {
    let end = memchr::memchr(0, field).unwrap_or(field.len());
    field.get(..end).unwrap_or_default()
}

/// An IPv4 address stands in the first four bytes.
fn address(bytes: &[u8; 16]) -> Option<IpAddr> {
    let (first, rest) = bytes.split_first_chunk::<4>()?;
    if rest.iter().any(|b| *b != 0) {
        return Some(IpAddr::V6(Ipv6Addr::from(*bytes)));
    }
    let address = Ipv4Addr::from(*first);
    (!address.is_unspecified()).then_some(IpAddr::V4(address))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;

    fn record(kind: i16, line: &str, user: &str, host: &str, ip: [u8; 4], at: i32) -> Vec<u8> {
        let mut record = vec![0; 384];
        record[..2].copy_from_slice(&kind.to_le_bytes());
        record[4..8].copy_from_slice(&77_u32.to_le_bytes());
        record[8..8 + line.len()].copy_from_slice(line.as_bytes());
        record[44..44 + user.len()].copy_from_slice(user.as_bytes());
        record[76..76 + host.len()].copy_from_slice(host.as_bytes());
        record[340..344].copy_from_slice(&at.to_le_bytes());
        record[348..352].copy_from_slice(&ip);
        record
    }

    fn wide(narrow: &[u8]) -> Vec<u8> {
        let mut record = vec![0; 400];
        record[..336].copy_from_slice(&narrow[..336]);
        record[344..348].copy_from_slice(&narrow[340..344]);
        record[360..376].copy_from_slice(&narrow[348..364]);
        record
    }

    fn taken(record: &'static str, offset: u64, bytes: &[u8]) -> (Vec<Seen>, usize) {
        let path = HostPath::from("/var/log/wtmp");
        let mut into = Gathered::default();
        let wrong = take(&File { path: &path, record, offset }, bytes, &mut into);
        (into.rows(), wrong)
    }

    #[test]
    fn a_session_ends_with_its_terminal_or_with_the_boot() {
        let bytes = [
            record(2, "~", "reboot", "6.1.0", [0; 4], 10),
            record(7, "pts/0", "root", "203.0.113.9", [203, 0, 113, 9], 100),
            record(7, "pts/1", "web", "gate.example", [0; 4], 110),
            record(8, "pts/0", "", "", [0; 4], 160),
            vec![0; 384],
            record(2, "~", "reboot", "6.1.0", [0; 4], 500),
            vec![9; 100],
        ]
        .concat();
        for bytes in [bytes.clone(), bytes[..2304].chunks(384).flat_map(wide).collect()] {
            let (rows, wrong) = taken("wtmp", 0, &bytes);
            assert_eq!(wrong, if bytes.len() % 400 == 0 { 0 } else { 100 });
            let [root, web, erased] = rows.as_slice() else { unreachable!("{rows:?}") };
            assert_eq!(root.address, "203.0.113.9".parse().ok());
            assert_eq!((root.name.clone(), root.ended), (None, Some(Time::new(160, 0))));
            assert_eq!(web.name, Some(HostText::from("gate.example")));
            assert_eq!((web.ended, web.line), (Some(Time::new(500, 0)), Some(3)));
            assert_eq!((erased.event, erased.time), ("erased", Some(Time::new(160, 0))));
        }
    }

    #[test]
    fn two_addresses_that_disagree_are_both_kept() {
        let bytes = [
            record(7, "pts/0", "root", "198.51.100.7", [203, 0, 113, 9], 100),
            record(7, "pts/1", "root", "203.0.113.9", [203, 0, 113, 9], 100),
            record(7, "pts/2", "root", "203.0.113.9", [0; 4], 100),
            record(7, "pts/3", "root", "::ffff:203.0.113.9", [203, 0, 113, 9], 100),
        ];
        let rows = taken("wtmp", 0, &bytes.concat()).0;
        let names: Vec<_> = rows.iter().map(|row| row.name.clone()).collect();
        assert_eq!(names, [Some(HostText::from("198.51.100.7")), None, None, None]);
        assert!(rows.iter().all(|row| row.address == "203.0.113.9".parse().ok()));
    }

    #[test]
    fn the_end_of_a_long_file_begins_with_a_whole_record() {
        let one = record(6, "ssh:notty", "admin", "", [203, 0, 113, 9], 100);
        let bytes = [&one[200..], one.as_slice(), one.as_slice()].concat();
        let (rows, wrong) = taken("btmp", 384 * 10 + 200, &bytes);
        assert_eq!((rows.len(), wrong), (1, 0));
        assert_eq!((rows[0].count, rows[0].line), (2, Some(12)));
    }

    proptest! {
        #[test]
        fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..2000), offset: u32, btmp: bool) {
            taken(if btmp { "btmp" } else { "wtmp" }, offset.into(), &bytes);
        }
    }
}

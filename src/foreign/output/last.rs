//! `last -F` and `utmpdump`: what they printed of wtmp and btmp, as the records that these hold.

use super::{find, number, words};
use std::net::IpAddr;

/// A record is of so many bytes.
const SIZE: usize = 384;
const DAYS: [&[u8]; 7] = [b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun"];
const MONTHS: [&[u8]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];

/// What a record says.
struct Said<'a> {
    kind: i16,
    pid: u32,
    line: &'a [u8],
    user: &'a [u8],
    host: &'a [u8],
    seconds: i64,
}

/// The records of what `last -F` printed, the oldest first; `kind` is 7 for wtmp, 6 for btmp, and
/// `offset` how many seconds its clock is ahead of UTC.
pub(in crate::foreign) fn records(text: &[u8], kind: i16, offset: i64) -> Vec<u8> {
    let mut all: Vec<Said<'_>> = Vec::new();
    for line in super::lines(text) {
        if line.starts_with(b"[") {
            all.extend(dumped(line).filter(|said| kind == 7 || said.kind == 6));
        } else if let Some((said, ended)) = printed(line, kind, offset) {
            if let Some(seconds) = ended.filter(|_| kind == 7) {
                all.push(Said { kind: 8, user: b"", host: b"", seconds, ..said });
            }
            all.push(said);
        }
    }
    // What ended in a second ended before another began in it.
    all.sort_by_key(|said| (said.seconds, said.kind != 8));
    all.iter().flat_map(record).collect()
}

/// `root  pts/0  Sun Nov 22 03:02:11 2026 - Sun Nov 22 03:09:00 2026  (00:06)  203.0.113.9`: the
/// host stands last (`-a`) or before the time.
fn printed(line: &[u8], kind: i16, offset: i64) -> Option<(Said<'_>, Option<i64>)> {
    let all: Vec<&[u8]> = words(line).collect();
    let at = all.iter().position(|word| DAYS.contains(word))?;
    let seconds = time(all.get(at..at + 5)?)?.checked_sub(offset)?;
    let mut rest = all.get(at + 5..)?;
    let mut ended = None;
    if let [b"-", after @ ..] = rest {
        if let Some(end) = after.get(..5).and_then(time) {
            ended = end.checked_sub(offset);
            rest = after.get(5..)?;
        } else {
            // `- crash`, `- down`
            rest = after.get(1..)?;
        }
    }
    let said: [&[&[u8]]; 4] = [
        &[b"still", b"logged", b"in"],
        &[b"still", b"running"],
        &[b"gone", b"-", b"no", b"logout"],
        &[b"still", b"logged"],
    ];
    let skip = said.iter().find(|words| rest.starts_with(words)).map_or(0, |words| words.len());
    rest = rest.get(skip..)?;
    if rest.first().is_some_and(|word| word.starts_with(b"(")) {
        rest = rest.get(1..)?;
    }
    let behind = rest.first().copied().unwrap_or_default();
    let (user, terminal, host) = match all.get(..at)? {
        [user, b"system", b"boot", host @ ..] => {
            return (*user == b"reboot").then_some((
                Said {
                    kind: 2,
                    pid: 0,
                    line: b"~",
                    user,
                    host: host.first().copied().unwrap_or(behind),
                    seconds,
                },
                None,
            ));
        }
        // `wtmp begins Sun Nov 1 …`, at the end.
        [_, b"begins"] => return None,
        [terminal] => (&b""[..], *terminal, behind),
        [user, terminal] => (*user, *terminal, behind),
        [user, terminal, host] => (*user, *terminal, *host),
        _ => return None,
    };
    let said = Said { kind, pid: 0, line: terminal, user, host, seconds };
    Some((said, ended))
}

/// `Sun Nov 22 03:02:11 2026`, as seconds since 1970.
fn time(words: &[&[u8]]) -> Option<i64> {
    let [_, month, day, clock, year] = words else { return None };
    let month = MONTHS.iter().position(|name| name == month)?.checked_add(1)?;
    let date =
        jiff::civil::Date::new(number(year)?, i8::try_from(month).ok()?, number(day)?).ok()?;
    let clock: jiff::civil::Time = std::str::from_utf8(clock).ok()?.parse().ok()?;
    let zoned = date.to_datetime(clock).to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(zoned.timestamp().as_second())
}

/// `[7] [00900] [ts/0] [root    ] [pts/0       ] [gate         ] [203.0.113.9    ] [2026-…]`
fn dumped(line: &[u8]) -> Option<Said<'_>> {
    let mut fields = Vec::new();
    let mut rest = line;
    while let Some(start) = find(rest, b"[") {
        rest = rest.get(start + 1..)?;
        let end = find(rest, b"]")?;
        fields.push(rest.get(..end)?.trim_ascii());
        rest = rest.get(end + 1..)?;
    }
    let [kind, pid, _, user, terminal, host, address, stamp] = fields.as_slice() else {
        return None;
    };
    let stamp = std::str::from_utf8(stamp).ok()?.replace(',', ".");
    let stamp: jiff::Timestamp = stamp.parse().ok()?;
    let host = if *address == b"0.0.0.0" { host } else { address };
    Some(Said {
        kind: number(kind)?,
        pid: number(pid)?,
        line: terminal,
        user,
        host,
        seconds: stamp.as_second(),
    })
}

fn record(said: &Said<'_>) -> [u8; SIZE] {
    let mut record = [0; SIZE];
    let host = std::str::from_utf8(said.host).ok();
    let address: Option<IpAddr> = host.and_then(|host| host.parse().ok());
    let none = address.is_some_and(|address| address.is_unspecified());
    let seconds = u32::try_from(said.seconds).unwrap_or(0);
    let address = match address {
        Some(IpAddr::V4(v4)) => v4.octets().to_vec(),
        Some(IpAddr::V6(v6)) => v6.octets().to_vec(),
        None => Vec::new(),
    };
    for (at, room, bytes) in [
        (0, 2, &said.kind.to_le_bytes()[..]),
        (4, 4, &said.pid.to_le_bytes()),
        (8, 32, said.line),
        (44, 32, said.user),
        (76, 256, if none { b"" } else { said.host }),
        (340, 4, &seconds.to_le_bytes()),
        (348, 16, &address),
    ] {
        for (to, from) in record.iter_mut().skip(at).zip(bytes.iter().take(room)) {
            *to = *from;
        }
    }
    record
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;

    fn shown(bytes: &[u8]) -> Vec<String> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end_matches('\0').to_owned();
        bytes
            .chunks(SIZE)
            .map(|r| {
                let seconds = u32::from_le_bytes(r[340..344].try_into().unwrap());
                let at = jiff::Timestamp::from_second(seconds.into()).unwrap();
                let (line, user, host) = (text(&r[8..40]), text(&r[44..76]), text(&r[76..332]));
                format!("{} {line} {user} {host} {:?} {at}", r[0], &r[348..352])
            })
            .collect()
    }

    /// As util-linux 2.38 printed it.
    const LAST: &[u8] = b"\
root     pts/0        Sun Nov 22 04:02:11 2026   gone - no logout                      203.0.113.66
alice    pts/0        Fri Nov 20 10:00:00 2026 - Fri Nov 20 18:00:00 2026  (08:00)     gate.example
reboot   system boot  Sun Nov  1 01:00:00 2026   still running                         0.0.0.0

wtmp begins Sun Nov  1 01:00:00 2026
";
    const LASTB: &[u8] = b"         ssh:notty    Sun Nov 22 03:00:01 2026 - Sun Nov 22 03:00:01 2026  (00:00)     203.0.113.66
admin    ssh:notty    203.0.113.7      Sun Nov 22 03:00:00 2026 - Sun Nov 22 03:00:01 2026  (00:00)
";
    const DUMP: &[u8] = b"\
[7] [00900] [ts/0] [alice   ] [pts/0       ] [gate.example        ] [10.0.0.20      ] [2026-11-20T09:00:00,000000+00:00]
[8] [00900] [    ] [        ] [pts/0       ] [                    ] [0.0.0.0        ] [2026-11-20T17:00:00,000000+00:00]
";

    #[test]
    fn what_was_printed_is_what_was_recorded() {
        assert_eq!(
            shown(&records(LAST, 7, 3600)),
            [
                "2 ~ reboot  [0, 0, 0, 0] 2026-11-01T00:00:00Z",
                "7 pts/0 alice gate.example [0, 0, 0, 0] 2026-11-20T09:00:00Z",
                "8 pts/0   [0, 0, 0, 0] 2026-11-20T17:00:00Z",
                "7 pts/0 root 203.0.113.66 [203, 0, 113, 66] 2026-11-22T03:02:11Z",
            ]
        );
        assert_eq!(
            shown(&records(LASTB, 6, 0)),
            [
                "6 ssh:notty admin 203.0.113.7 [203, 0, 113, 7] 2026-11-22T03:00:00Z",
                "6 ssh:notty  203.0.113.66 [203, 0, 113, 66] 2026-11-22T03:00:01Z",
            ]
        );
        assert_eq!(
            shown(&records(DUMP, 7, 0)),
            [
                "7 pts/0 alice 10.0.0.20 [10, 0, 0, 20] 2026-11-20T09:00:00Z",
                "8 pts/0   [0, 0, 0, 0] 2026-11-20T17:00:00Z",
            ]
        );
    }

    proptest! {
        #[test]
        fn any_text(bytes: Vec<u8>, near in "((root|pts/0|Sun|Nov|22|04:02:11|2026| |-|\\[7\\]|\\[\n){0,14})") {
            let _ = (records(&bytes, 7, 0), records(near.as_bytes(), 6, 3600));
        }
    }
}

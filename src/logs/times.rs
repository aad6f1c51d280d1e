//! The times that logs write. Where a log leaves out the year or the zone, that is assumed, and
//! whoever reads it is told so.

use super::field::{count, nano};
use crate::facts::Time;

/// A time, and what had to be assumed for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Read {
    /// The time.
    pub time: Time,
    /// The log gave no zone: UTC is assumed.
    pub zone_assumed: bool,
    /// The log gave no year: that of the file's own time is assumed.
    pub year_assumed: bool,
}

impl Read {
    const fn sure(time: Time) -> Self {
        Self { time, zone_assumed: false, year_assumed: false }
    }
}

/// Seconds, milliseconds, microseconds or nanoseconds since 1970, told by their size, with or
/// without a fraction.
pub(super) fn epoch(bytes: &[u8]) -> Option<Time> {
    let whole = bytes.iter().position(|b| *b == b'.').unwrap_or(bytes.len());
    let scale = match whole {
        0..=11 => return nano(bytes).map(Time),
        12..=14 => 1_000_000,
        15..=17 => 1_000,
        _ => 1,
    };
    let number = count(bytes.get(..whole)?)?;
    i64::try_from(number).ok()?.checked_mul(scale).map(Time)
}

/// Whether a line begins as with a time: dmesg's and others' begin with something else.
pub(super) fn begins(line: &[u8]) -> bool {
    const MONTHS: &[&[u8]] = &[
        b"Jan ", b"Feb ", b"Mar ", b"Apr ", b"May ", b"Jun ", b"Jul ", b"Aug ", b"Sep ", b"Oct ",
        b"Nov ", b"Dec ",
    ];
    let line = line.strip_prefix(b"-").unwrap_or(line);
    line.first().is_some_and(u8::is_ascii_digit) || MONTHS.iter().any(|m| line.starts_with(m))
}

/// Any time with a year: epoch, ISO 8601 with or without zone.
pub(super) fn any(bytes: &[u8]) -> Option<Read> {
    match bytes {
        [_, _, _, _, b'-' | b'/', ..] => iso(bytes),
        _ => epoch(bytes).map(Read::sure),
    }
}

/// Days from 1970-01-01 to a date of the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=length).contains(&day) || !(1..=9999).contains(&year) {
        return None;
    }
    // Years begin in March, so that the day that comes and goes is their last.
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

fn number(bytes: &[u8]) -> Option<i64> {
    count(bytes).and_then(|n| i64::try_from(n).ok())
}

/// `HH:MM:SS` with an optional fraction; the nanoseconds of the day and what follows.
fn clock(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let [a, b, b':', c, d, b':', e, f, rest @ ..] = bytes else { return None };
    let (h, m, s) = (number(&[*a, *b])?, number(&[*c, *d])?, number(&[*e, *f])?);
    if h > 23 || m > 59 || s > 60 {
        return None;
    }
    let mut nanos = (h * 3600 + m * 60 + s) * 1_000_000_000;
    let rest = match rest {
        [b'.' | b',', digits @ ..] => {
            let mut unit = 100_000_000;
            let end = digits.iter().position(|b| !b.is_ascii_digit()).unwrap_or(digits.len());
            let (fraction, rest) = digits.split_at_checked(end)?;
            for digit in fraction {
                nanos += i64::from(digit - b'0') * unit;
                unit /= 10;
            }
            rest
        }
        rest => rest,
    };
    Some((nanos, rest))
}

/// A zone: `Z`, `+00:00`, `+0000`, `+00`, nothing. The offset in nanoseconds.
fn zone(bytes: &[u8]) -> Option<Option<i64>> {
    let text = bytes.trim_ascii();
    let (sign, digits) = match text {
        [] => return Some(None),
        b"Z" | b"z" | b"UTC" | b"GMT" => return Some(Some(0)),
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let (h, m) = match digits {
        [a, b, b':', c, d] | [a, b, c, d] => (number(&[*a, *b])?, number(&[*c, *d])?),
        [a, b] => (number(&[*a, *b])?, 0),
        _ => return None,
    };
    Some(Some(sign * (h * 3600 + m * 60) * 1_000_000_000))
}

fn put(date: i64, clock: i64, zone: Option<i64>) -> Option<Read> {
    let time = date.checked_mul(86_400_000_000_000)?.checked_add(clock)?;
    let time = Time(time.checked_sub(zone.unwrap_or(0))?);
    Some(Read { time, zone_assumed: zone.is_none(), year_assumed: false })
}

/// `2018-08-03T14:19:41.208105+0000`, also with a space, slashes, or without a zone.
pub(super) fn iso(bytes: &[u8]) -> Option<Read> {
    let [a, b, c, d, b'-' | b'/', e, f, b'-' | b'/', g, h, rest @ ..] = bytes else { return None };
    let date = days(number(&[*a, *b, *c, *d])?, number(&[*e, *f])?, number(&[*g, *h])?)?;
    let rest = match rest {
        [] => return put(date, 0, None),
        [b'T' | b't' | b' ' | b'-', rest @ ..] => rest,
        _ => return None,
    };
    let (clock, rest) = clock(rest)?;
    put(date, clock, zone(rest)?)
}

fn month(bytes: &[u8]) -> Option<i64> {
    const MONTHS: &[&[u8]; 12] = &[
        b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov",
        b"Dec",
    ];
    (1..).zip(MONTHS).find(|(_, m)| m.eq_ignore_ascii_case(bytes)).map(|(n, _)| n)
}

/// `22/Nov/2026:05:52:34 +0000` or `22-Nov-2026 05:49:57.046`.
pub(super) fn day_month_year(bytes: &[u8]) -> Option<Read> {
    let [a, b, b'/' | b'-', m1, m2, m3, b'/' | b'-', c, d, e, f, b':' | b' ', rest @ ..] = bytes
    else {
        return None;
    };
    let date = days(number(&[*c, *d, *e, *f])?, month(&[*m1, *m2, *m3])?, number(&[*a, *b])?)?;
    let (clock, rest) = clock(rest)?;
    put(date, clock, zone(rest)?)
}

/// The latest year in which a date does not lie more than a day after the log's own time.
fn year_for(clock: i64, month: i64, day: i64, log: Time) -> Option<Read> {
    let year = {
        let days_since = log.0.div_euclid(86_400_000_000_000);
        1970 + days_since.div_euclid(365)
    };
    let limit = log.plus(86_400_000_000_000);
    // Counted in years of 365 days, the year may be one too late in a century.
    for candidate in [year + 1, year, year - 1, year - 2, year - 3, year - 4] {
        if let Some(date) = days(candidate, month, day)
            && let Some(read) = put(date, clock, None)
            && read.time <= limit
        {
            return Some(Read { year_assumed: true, ..read });
        }
    }
    None
}

/// `08/03/2018-14:19:41.208105`, `08/03/18-14:…` or, without a year, `08/03-14:19:41.208105`.
pub(super) fn month_day(bytes: &[u8], log: Option<Time>) -> Option<Read> {
    let [a, b, b'/', c, d, rest @ ..] = bytes else { return None };
    let (month, day) = (number(&[*a, *b])?, number(&[*c, *d])?);
    let (year, rest) = match rest {
        [b'/', e, f, g, h, b'-', rest @ ..] => (Some(number(&[*e, *f, *g, *h])?), rest),
        [b'/', e, f, b'-', rest @ ..] => (Some(2000 + number(&[*e, *f])?), rest),
        [b'-', rest @ ..] => (None, rest),
        _ => return None,
    };
    let (clock, rest) = clock(rest)?;
    match year {
        Some(year) => put(days(year, month, day)?, clock, zone(rest)?),
        None => year_for(clock, month, day, log?),
    }
}

/// The time at the head of a syslog line, `Nov 22 05:49:53` or ISO 8601, and what follows it.
/// A priority (`<30>`, `<30>1 `) before it is skipped. The time is [`None`] where the year is not
/// to be known.
pub(super) fn syslog(line: &[u8], log: Option<Time>) -> Option<(Option<Read>, &[u8])> {
    let line = match line {
        [b'<', rest @ ..] => {
            let close = rest.iter().take(4).position(|b| *b == b'>')?;
            let rest = rest.get(close + 1..)?;
            rest.strip_prefix(b"1 ").unwrap_or(rest)
        }
        line => line,
    };
    if let [m1, m2, m3, b' ', d1, d2, b' ', rest @ ..] = line
        && let Some(month) = month(&[*m1, *m2, *m3])
    {
        let day = if *d1 == b' ' { number(&[*d2])? } else { number(&[*d1, *d2])? };
        let (clock, rest) = clock(rest)?;
        let read = log.and_then(|log| year_for(clock, month, day, log));
        return Some((read, rest.trim_ascii_start()));
    }
    let end = line.iter().position(|b| *b == b' ')?;
    let (stamp, rest) = line.split_at_checked(end)?;
    Some((Some(iso(stamp)?), rest.trim_ascii_start()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn shown(read: Option<Read>) -> String {
        read.unwrap().time.to_string()
    }

    #[test]
    fn reads_what_logs_write() {
        let utc = "2018-08-03T14:19:41.208105Z";
        assert_eq!(shown(iso(b"2018-08-03T14:19:41.208105+0000")), utc);
        assert_eq!(shown(iso(b"2018-08-03 16:19:41.208105+02:00")), utc);
        assert!(iso(b"2018-08-03 14:19:41").unwrap().zone_assumed);
        assert_eq!(shown(month_day(b"08/03/2018-14:19:41.208105", None)), utc);
        assert_eq!(shown(day_month_year(b"22/Nov/2026:05:52:34 +0000")), "2026-11-22T05:52:34Z");
        assert_eq!(shown(day_month_year(b"22-Nov-2026 05:49:57.046")), "2026-11-22T05:49:57.046Z");
        assert_eq!(shown(super::any(b"1521911720.5")), "2018-03-24T17:15:20.5Z");
        assert_eq!(shown(super::any(b"1521911720500")), "2018-03-24T17:15:20.5Z");
        for wrong in ["2018-13-03T00:00:00Z", "2018-02-29", "2018-08-03T25:00:00Z", "now"] {
            assert_eq!(iso(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn a_year_that_is_missing_is_that_before_the_log_was_written() {
        let log = iso(b"2026-01-02T00:00:00Z").unwrap().time;
        let december = month_day(b"12/31-23:00:00.5", Some(log)).unwrap();
        assert_eq!(december.time.to_string(), "2025-12-31T23:00:00.5Z");
        assert!(december.year_assumed && december.zone_assumed);
        let (january, rest) = syslog(b"Jan  1 05:49:53 ns dnsmasq[1]: x", Some(log)).unwrap();
        assert_eq!(shown(january), "2026-01-01T05:49:53Z");
        assert_eq!(rest, b"ns dnsmasq[1]: x");
        assert_eq!(syslog(b"Jan  1 05:49:53 x", None).unwrap().0, None);
        let (iso, rest) = syslog(b"<30>1 2026-11-22T05:49:53Z h x", None).unwrap();
        assert_eq!((shown(iso).as_str(), rest), ("2026-11-22T05:49:53Z", &b"h x"[..]));
    }

    proptest! {
        #[test]
        fn dates_are_as_jiff_counts_them(year in 1i16..9999, month in 1i8..=12, day in 1i8..=31) {
            let ours = days(year.into(), month.into(), day.into());
            let theirs = jiff::civil::Date::new(year, month, day).ok();
            let epoch = jiff::civil::date(1970, 1, 1);
            prop_assert_eq!(ours, theirs.map(|d| i64::from((d - epoch).get_days())));
        }

        #[test]
        fn no_text_makes_it_panic(bytes: Vec<u8>, log: i64) {
            let log = Some(Time(log));
            let _ = (super::any(&bytes), iso(&bytes), epoch(&bytes), day_month_year(&bytes));
            let _ = (month_day(&bytes, log), syslog(&bytes, log));
        }

        #[test]
        fn no_near_time_makes_it_panic(text in "[0-9/T:.Z+ -]{0,34}", log: i64) {
            let bytes = text.as_bytes();
            let log = Some(Time(log));
            let _ = (super::any(bytes), iso(bytes), epoch(bytes), day_month_year(bytes));
            let _ = (month_day(bytes, log), syslog(bytes, log));
        }
    }
}

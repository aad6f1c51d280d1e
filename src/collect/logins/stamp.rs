//! The times of the host's own logs: with a zone, or local and without a year.

use crate::collect::Host;
use crate::evidence::HostPath;
use crate::facts::Time;
use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZone};

/// The zone in which the host writes its logs.
pub(super) struct Zone {
    zone: TimeZone,
    /// Where it is only assumed to be UTC, the name that says nothing without its rules.
    pub unknown: Option<String>,
}

/// The rules of a zone are some KiB.
const MOST_BYTES: usize = 1 << 16;

impl Zone {
    /// From /etc/localtime, or from what the clock's zone says by itself.
    pub fn of(host: &Host<'_>) -> Self {
        let mut rules = Vec::new();
        let path = HostPath::from("etc/localtime");
        if host.root.read(&path, MOST_BYTES, &mut rules).is_ok()
            && let Ok(zone) = TimeZone::tzif("host", &rules)
        {
            return Self { zone, unknown: None };
        }
        let name = host.clock.zone.trim();
        match named(name) {
            Some(zone) => Self { zone, unknown: None },
            None => Self { zone: TimeZone::UTC, unknown: Some(name.to_owned()) },
        }
    }

    #[cfg(test)]
    pub const fn utc() -> Self {
        Self { zone: TimeZone::UTC, unknown: None }
    }

    fn time(&self, local: DateTime) -> Option<Time> {
        let stamp = self.zone.to_ambiguous_timestamp(local).compatible().ok()?;
        i64::try_from(stamp.as_nanosecond()).ok().map(Time)
    }

    /// The time at the head of a line of syslog, `Nov 22 05:49:53` or ISO 8601 with a zone, and
    /// what follows it. A year that is left out is the last in which the time does not lie more
    /// than a day after `written`.
    pub fn syslog<'a>(&self, line: &'a [u8], written: Time) -> Option<(Time, &'a [u8])> {
        if line.first().is_some_and(u8::is_ascii_digit) {
            let end = memchr::memchr(b' ', line)?;
            let (stamp, rest) = line.split_at_checked(end)?;
            let stamp: jiff::Timestamp = std::str::from_utf8(stamp).ok()?.parse().ok()?;
            let time = Time(i64::try_from(stamp.as_nanosecond()).ok()?);
            return Some((time, rest.get(1..)?));
        }
        let (stamp, rest) = line.split_at_checked(15)?;
        let text = std::str::from_utf8(stamp).ok()?;
        let month = i8::try_from(month(text.get(..3)?)?).ok()?;
        let day: i8 = text.get(4..6)?.trim().parse().ok()?;
        let clock: jiff::civil::Time = text.get(7..)?.parse().ok()?;
        let limit = written.plus(86_400_000_000_000);
        let now = jiff::Timestamp::from_nanosecond(i128::from(limit.0)).ok()?;
        let year = now.to_zoned(TimeZone::UTC).year();
        let time = (0..4_i16).find_map(|back| {
            let date = Date::new(year.checked_add(1)?.checked_sub(back)?, month, day).ok()?;
            self.time(date.to_datetime(clock)).filter(|time| *time <= limit)
        })?;
        Some((time, rest.strip_prefix(b" ")?))
    }
}

fn month(text: &str) -> Option<usize> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    MONTHS.iter().position(|name| *name == text)?.checked_add(1)
}

/// `UTC`, `+0100`, `-05:00`.
fn named(name: &str) -> Option<TimeZone> {
    if matches!(name, "UTC" | "Etc/UTC" | "GMT" | "Z" | "Etc/GMT" | "Etc/UCT" | "Zulu") {
        return Some(TimeZone::UTC);
    }
    let sign = match name.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let digits: String = name.chars().filter(char::is_ascii_digit).collect();
    let (hours, minutes) = digits.split_at_checked(2)?;
    let hours: i32 = hours.parse().ok()?;
    let minutes: i32 = if minutes.is_empty() { 0 } else { minutes.parse().ok()? };
    let seconds = (hours * 60).checked_add(minutes)?.checked_mul(60 * sign)?;
    Offset::from_seconds(seconds).ok().map(TimeZone::fixed)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Time {
        let stamp: jiff::Timestamp = text.parse().unwrap();
        Time(i64::try_from(stamp.as_nanosecond()).unwrap())
    }

    #[test]
    fn years_and_zones_that_are_left_out() {
        let zone = Zone { zone: named("+0200").unwrap(), unknown: None };
        let (time, rest) =
            zone.syslog(b"Dec 31 23:30:00 h x: y", at("2026-01-02T00:00:00Z")).unwrap();
        assert_eq!((time, rest), (at("2025-12-31T21:30:00Z"), &b"h x: y"[..]));
        let line = b"2026-11-22T05:49:53.5+01:00 h x";
        assert_eq!(zone.syslog(line, Time(0)).unwrap().0, at("2026-11-22T04:49:53.5Z"));
        let (time, _) =
            Zone::utc().syslog(b"Jan  2 00:00:01 h", at("2026-01-02T00:00:00Z")).unwrap();
        assert_eq!(time, at("2026-01-02T00:00:01Z"));
        assert!(named("Europe/Prague").is_none() && named("-05:30").is_some());
    }

    proptest! {
        #[test]
        fn any_bytes(bytes: Vec<u8>, written: i64, text in "[A-Za-z0-9: .T+-]{0,40}") {
            let zone = Zone::utc();
            let _ = zone.syslog(&bytes, Time(written));
            let _ = zone.syslog(text.as_bytes(), Time(written));
            let _ = named(&text);
        }
    }
}

//! Misc/…-full-timeline.csv: every file, by `find -printf`. Nothing in it is quoted: two fields are
//! counted from the left, eight from the right, and the path is what is between.

use super::CatScale;
use crate::evidence::{Body, FileKind, HostPath, Reason, Refused};
use crate::facts::{Status, Time};
use crate::foreign::listing::PLACES;
use crate::foreign::output::{bodyfile, lines, number, words};
use std::collections::HashMap;

/// Ids by name.
type Ids<'a> = HashMap<&'a [u8], u32, foldhash::fast::RandomState>;

/// A line.
struct Line<'a> {
    inode: u64,
    links: u32,
    path: &'a [u8],
    times: [Option<Time>; 4],
    user: &'a [u8],
    group: &'a [u8],
    mode: &'a [u8],
    size: u64,
}

fn line(text: &[u8]) -> Option<Line<'_>> {
    let mut left = text.splitn(3, |b| *b == b',');
    let inode = number(left.next()?)?;
    let links = number(left.next()?)?;
    let mut right = left.next()?.rsplitn(9, |b| *b == b',');
    let size = number(right.next()?).unwrap_or(0);
    let (mode, group, user) = (right.next()?, right.next()?, right.next()?);
    let mut time = || right.next().map(stamp);
    let (born, changed, modified, read) = (time()?, time()?, time()?, time()?);
    let path = right.next()?;
    Some(Line {
        inode,
        links,
        path,
        times: [read, modified, changed, born],
        user,
        group,
        mode,
        size,
    })
}

/// What a line is of: the kind of file, its mode and its path.
pub(in crate::foreign) fn said(text: &[u8]) -> Option<(FileKind, u32, &[u8])> {
    let one = line(text.strip_suffix(b"\r").unwrap_or(text))?;
    let (kind, mode) = bodyfile::mode(one.mode)?;
    Some((kind, mode, one.path))
}

/// `2026-11-22 06:24:41.046353956 +0000`; `-` where not known. Read digit by digit: a timeline of
/// every file of a host has four of them a line.
pub(super) fn stamp(text: &[u8]) -> Option<Time> {
    let (date, rest) = text.trim_ascii().split_first_chunk::<10>()?;
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = date else { return None };
    let year = i16::try_from(digits(&[*y1, *y2, *y3, *y4])?).ok()?;
    let (month, day) = (digits(&[*m1, *m2])?, digits(&[*d1, *d2])?);
    let (clock, rest) = rest.trim_ascii_start().split_first_chunk::<8>()?;
    let [h1, h2, b':', n1, n2, b':', s1, s2] = clock else { return None };
    let [hour, minute, second] =
        [digits(&[*h1, *h2])?, digits(&[*n1, *n2])?, digits(&[*s1, *s2])?].map(i64::from);
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let end = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
    let (fraction, zone) = rest.split_at_checked(end)?;
    let nanoseconds = match fraction.strip_prefix(b".") {
        None if fraction.is_empty() => 0,
        None => return None,
        Some(places) => {
            let kept = places.get(..9).unwrap_or(places);
            let missing = u32::try_from(9_usize.saturating_sub(kept.len())).unwrap_or(0);
            digits(kept)?.checked_mul(10_u32.checked_pow(missing)?)?
        }
    };
    let date =
        jiff::civil::Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    let midnight = jiff::tz::Offset::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()?.as_second();
    let seconds = midnight + hour * 3600 + minute * 60 + second - offset(zone.trim_ascii())?;
    Some(Time::new(seconds, i64::from(nanoseconds)))
}

/// Seconds by which `+0100` or `+01:00` is ahead of UTC; none written is UTC.
fn offset(zone: &[u8]) -> Option<i64> {
    let (sign, rest) = match zone {
        [] => return Some(0),
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let ([h1, h2, m1, m2] | [h1, h2, b':', m1, m2]) = rest else { return None };
    let (hours, minutes) = (digits(&[*h1, *h2])?, digits(&[*m1, *m2])?);
    Some(sign * (i64::from(hours) * 3600 + i64::from(minutes) * 60))
}

/// At least one digit, at most nine, and nothing else.
fn digits(text: &[u8]) -> Option<u32> {
    if text.is_empty() || text.len() > 9 || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(text.iter().fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0')))
}

/// Ids by name, of /etc/passwd or /etc/group.
fn ids(text: &[u8]) -> Ids<'_> {
    lines(text)
        .filter_map(|line| {
            let mut fields = line.split(|b| *b == b':');
            Some((fields.next()?, fields.nth(1).and_then(number)?))
        })
        .collect()
}

impl CatScale<'_> {
    /// A file below /etc, as one of the archives has it.
    pub(super) fn of_etc(&self, name: &str) -> Vec<u8> {
        let end = format!("!etc/{name}");
        let held = self.spool.below(self.base).find(|(n, ..)| n.ends_with(end.as_bytes()));
        held.and_then(|(.., member)| member.bytes()).unwrap_or_default().to_vec()
    }

    /// True where there is one.
    pub(super) fn timeline(&mut self) -> bool {
        let Some((text, member)) = self.member("Misc", "-full-timeline.csv") else { return false };
        let left_out: u64 = self.spool.thinned.values().sum();
        let (passwd, groups) = (self.of_etc("passwd"), self.of_etc("group"));
        let (users, groups) = (ids(&passwd), ids(&groups));
        self.host.expect(memchr::memchr_iter(b'\n', text).count());
        let mut any = false;
        for one in lines(text).filter_map(line) {
            if one.path.first() != Some(&b'/')
                || one.path.starts_with(b"/proc/")
                || self.host.refuses(Refused::Files)
            {
                continue;
            }
            any = true;
            let Some((kind, mode)) = bodyfile::mode(one.mode) else { continue };
            let path = HostPath::new(one.path);
            let mut stat = self.host.stat(kind, mode);
            (stat.inode, stat.size) = (one.inode, one.size);
            stat.nlink = one.links.max(1);
            let id = |name: &[u8], known: &Ids<'_>| {
                number(name).or_else(|| known.get(name).copied()).or((name == b"root").then_some(0))
            };
            stat.uid = id(one.user, &users).unwrap_or(u32::MAX);
            stat.gid = id(one.group, &groups).unwrap_or(u32::MAX);
            [stat.atime, stat.mtime, stat.ctime, stat.btime] = one.times;
            match kind {
                FileKind::Directory => {
                    self.host.directory(&path, Some(&stat), false);
                }
                FileKind::File => {
                    self.host.file(&path, &stat, Body::Unheld);
                }
                FileKind::Link => {
                    // Where it leads was not listed, but for what every merged /usr has.
                    let target: &[u8] = match one.path {
                        b"/bin" => b"usr/bin",
                        b"/sbin" => b"usr/sbin",
                        b"/lib" => b"usr/lib",
                        b"/lib64" => b"usr/lib64",
                        b"/lib32" => b"usr/lib32",
                        b"/var/run" => b"/run",
                        _ => b"",
                    };
                    self.host.link(&path, target, &stat);
                    if target.is_empty() {
                        self.host.refuse(&path, Reason::NotCaptured);
                    }
                }
                _ => {
                    self.host.special(&path, &stat);
                }
            }
        }
        self.host.origin(&HostPath::from("/"), &member);
        self.host.whole_below(&HostPath::from("/"), any && left_out == 0 && !self.host.full());
        if left_out > 0 {
            for place in PLACES.iter().map(|place| HostPath::from(*place)) {
                if self.host.find(&place, true).is_some() {
                    self.host.whole_below(&place, !self.host.full());
                }
            }
            let why = format!(
                "{left_out} lines of a long timeline speak of files that are no programs, in places that \
                 are not looked into"
            );
            self.cover("files", Status::Partial, why);
        }
        self.host.directory(&HostPath::from("/proc"), None, false);
        for path in ["/proc", "/sys"] {
            self.host.whole_below(&HostPath::from(path), false);
        }
        any
    }

    /// `user`, the crontab, `ENDOFUSERCRON`: for crontabs that no archive holds.
    pub(super) fn crontabs(&mut self) {
        let Some((text, member)) = self.member("Persistence", "-cron-tab-list.txt") else { return };
        let (mut user, mut table): (Option<Vec<u8>>, Vec<u8>) = (None, Vec::new());
        for line in lines(text) {
            match (&user, line) {
                (None, line) if words(line).count() == 1 => user = Some(line.trim_ascii().to_vec()),
                (Some(name), b"ENDOFUSERCRON") => {
                    let path =
                        HostPath::new([b"/var/spool/cron/crontabs/", name.as_slice()].concat());
                    let held = self.host.bytes(&path).is_some();
                    // crontab's own words where there is none.
                    let none = table == [b"no crontab for ", name.as_slice(), b"\n"].concat();
                    if !held && !none && !table.is_empty() && !name.contains(&b'/') {
                        let mut stat = self.host.stat(FileKind::File, 0o600);
                        stat.size = table.len() as u64;
                        let body = Body::Bytes(table.as_slice().into());
                        match self.host.find(&path, false) {
                            Some(known) => self.host.fill(known, body),
                            None => {
                                self.host.file(&path, &stat, body);
                            }
                        }
                        self.host.origin(&path, &member);
                    }
                    user = None;
                    table.clear();
                }
                (Some(_), line) => {
                    table.extend_from_slice(line);
                    table.push(b'\n');
                }
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_path_with_commas() {
        let one = line(b"667,1,/tmp/a,b,c,2026-11-22 06:24:15.5 +0100,-,2026-11-22 06:24:15.6 +0100,-,root,adm,-rwxr-xr-x,14680").unwrap();
        assert_eq!((one.inode, one.path, one.size), (667, &b"/tmp/a,b,c"[..], 14680));
        assert_eq!(one.times[0].unwrap().to_string(), "2026-11-22T05:24:15.5Z");
        assert_eq!(one.times[1], None);
    }

    #[test]
    fn times_as_find_prints_them() {
        for (text, time) in [
            ("2026-11-22 06:24:41.046353956 +0000", Some("2026-11-22T06:24:41.046353956Z")),
            ("2026-11-22 06:24:41.0463539560 +0000", Some("2026-11-22T06:24:41.046353956Z")),
            ("2026-01-01 00:30:00 -05:30", Some("2026-01-01T06:00:00Z")),
            ("2024-02-29 23:59:59.5", Some("2024-02-29T23:59:59.5Z")),
            ("1969-12-31 23:59:59.25 +0000", Some("1969-12-31T23:59:59.25Z")),
            ("2025-02-29 00:00:00 +0000", None),
            ("2026-11-22 24:00:00 +0000", None),
            ("2026-11-22 06:24:41,5 +0000", None),
            ("2026-11-22 06:24:41 CET", None),
            ("-", None),
            ("", None),
        ] {
            let read = stamp(text.as_bytes()).map(|t| t.to_string());
            assert_eq!(read.as_deref(), time, "{text}");
        }
    }

    proptest! {
        #[test]
        fn times_are_what_jiff_reads(seconds in -9_000_000_000_i64..9_000_000_000, ns in 0_i32..1_000_000_000, hours in -14_i8..=14) {
            let zone = jiff::tz::Offset::constant(hours).to_time_zone();
            let written = jiff::Timestamp::new(seconds, ns).unwrap().to_zoned(zone);
            let text = written.strftime("%Y-%m-%d %H:%M:%S.%9f %z").to_string();
            prop_assert_eq!(stamp(text.as_bytes()), Some(Time::new(written.timestamp().as_second(), i64::from(written.timestamp().subsec_nanosecond()))));
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = (line(&bytes), stamp(&bytes));
        }
    }
}

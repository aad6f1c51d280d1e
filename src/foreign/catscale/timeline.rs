//! Misc/…-full-timeline.csv: every file, by `find -printf`. Nothing in it is quoted: two fields are
//! counted from the left, eight from the right, and the path is what is between.

use super::CatScale;
use crate::evidence::{Body, FileKind, HostPath, Reason};
use crate::facts::Time;
use crate::foreign::output::{bodyfile, lines, number, words};
use std::collections::HashMap;

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

/// `2026-11-22 06:24:41.046353956 +0000`; `-` where not known.
pub(super) fn stamp(text: &[u8]) -> Option<Time> {
    let text = std::str::from_utf8(text).ok()?;
    let mut parts = text.split_whitespace();
    let (date, clock) = (parts.next()?, parts.next()?);
    let zone = parts.next().unwrap_or("+0000").replace(':', "");
    let when: jiff::civil::DateTime = format!("{date}T{clock}").parse().ok()?;
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let hours: i64 = zone.get(1..3)?.parse().ok()?;
    let minutes: i64 = zone.get(3..5)?.parse().ok()?;
    let stamp = when.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
    let seconds = stamp.as_second().checked_sub(sign * (hours * 3600 + minutes * 60))?;
    Some(Time::new(seconds, i64::from(stamp.subsec_nanosecond())))
}

/// Ids by name, of /etc/passwd or /etc/group.
fn ids(text: &[u8]) -> HashMap<&[u8], u32> {
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
        let text = text.to_vec();
        let (passwd, groups) = (self.of_etc("passwd"), self.of_etc("group"));
        let (users, groups) = (ids(&passwd), ids(&groups));
        let mut any = false;
        for one in lines(&text).filter_map(line) {
            if one.path.first() != Some(&b'/')
                || one.path.starts_with(b"/proc/")
                || self.host.full()
            {
                continue;
            }
            any = true;
            let Some((kind, mode)) = bodyfile::mode(one.mode) else { continue };
            let path = HostPath::new(one.path);
            let mut stat = self.host.stat(kind, mode);
            (stat.inode, stat.size) = (one.inode, one.size);
            stat.nlink = one.links.max(1);
            let id = |name: &[u8], known: &HashMap<&[u8], u32>| {
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
        self.host.whole_below(&HostPath::from("/"), any && !self.host.full());
        self.host.directory(&HostPath::from("/proc"), None, false);
        for path in ["/proc", "/sys"] {
            self.host.whole_below(&HostPath::from(path), false);
        }
        any
    }

    /// `user`, the crontab, `ENDOFUSERCRON`: for crontabs that no archive holds.
    pub(super) fn crontabs(&mut self) {
        let Some((text, member)) = self.member("Persistence", "-cron-tab-list.txt") else { return };
        let text = text.to_vec();
        let (mut user, mut table): (Option<Vec<u8>>, Vec<u8>) = (None, Vec::new());
        for line in lines(&text) {
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

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = (line(&bytes), stamp(&bytes));
        }
    }
}

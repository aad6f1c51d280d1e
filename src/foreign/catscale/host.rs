//! The host itself, and its packages.

use super::CatScale;
use crate::evidence::{Body, FileKind, HostPath, ToldPackage};
use crate::facts::{HostText, Time};
use crate::foreign::output::{find, lines, mounts, number, split, words};

/// `Date : Sun Nov 22 06:26:43 2026 +00:00`
pub(super) fn date(text: &[u8]) -> Option<Time> {
    let line = lines(text).find_map(|line| line.strip_prefix(b"Date :"))?;
    let text = String::from_utf8_lossy(line);
    let all: Vec<&str> = text.split_whitespace().collect();
    let [_, month, day, clock, year, rest @ ..] = all.as_slice() else { return None };
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = MONTHS.iter().position(|m| m == month)?.checked_add(1)?;
    let day: u8 = day.parse().ok()?;
    let zone = rest.first().filter(|z| z.starts_with(['+', '-'])).copied().unwrap_or("+0000");
    super::timeline::stamp(format!("{year}-{month:02}-{day:02} {clock} {zone}").as_bytes())
}

/// Seconds that the host's clock is ahead of UTC, by the same line.
pub(super) fn offset(text: &[u8]) -> Option<i64> {
    let line = lines(text).find_map(|line| line.strip_prefix(b"Date :"))?;
    let zone = words(line).find(|word| matches!(word.first(), Some(b'+' | b'-')))?;
    let digits: Vec<u8> = zone.iter().copied().filter(u8::is_ascii_digit).collect();
    let (hours, minutes) = digits.split_at_checked(2)?;
    let seconds = number::<i64>(hours)? * 3600 + number::<i64>(minutes)? * 60;
    Some(if zone.starts_with(b"-") { -seconds } else { seconds })
}

/// `+01:00`.
pub(super) fn zone(offset: i64) -> String {
    let sign = if offset < 0 { '-' } else { '+' };
    let minutes = offset.unsigned_abs() / 60;
    format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

impl CatScale<'_> {
    /// What the kernel and the distribution tell of themselves.
    pub(super) fn about(&mut self) {
        if let Some((text, member)) = self.member("System_Info", "-release.txt") {
            let kernel = lines(text).find_map(|l| l.strip_prefix(b"KERNELVERSION(uname -r)="));
            if let Some(kernel) = kernel {
                let kernel = [kernel.trim_ascii(), b"\n"].concat();
                self.host.proc("/proc/sys/kernel/osrelease", kernel, &member);
            }
            let path = HostPath::from("/etc/os-release");
            if find(text, b"PRETTY_NAME=").is_some() && self.host.bytes(&path).is_none() {
                let stat = self.host.stat(FileKind::File, 0o644);
                self.host.file(&path, &stat, Body::Bytes(text.into()));
                self.host.origin(&path, &member);
            }
        }
        // The name stands in every member's: `web-03-20261122-0626-release.txt`.
        let named = self.member("System_Info", "-release.txt").map(|(_, member)| member);
        if let Some(name) = named.as_deref().and_then(host_of) {
            let text = format!("{name}\n").into_bytes();
            self.host.proc("/proc/sys/kernel/hostname", text, named.as_deref().unwrap_or_default());
        }
        for (end, path) in [
            ("-meminfo.txt", "/proc/meminfo"),
            ("-cpuinfo.txt", "/proc/cpuinfo"),
            ("-procmod.txt", "/proc/modules"),
        ] {
            if let Some((text, member)) = self.member("System_Info", end) {
                self.host.proc(path, text, &member);
            }
        }
        if let Some((text, member)) = self.member("System_Info", "-mount.txt") {
            let printed = mounts::from_mount(text);
            let info = mounts::mountinfo(&printed, &[]);
            if !info.is_empty() {
                self.host.proc("/proc/self/mountinfo", info, &member);
            }
        }
    }

    /// Packages as their manager listed and verified them.
    pub(super) fn packages(&mut self) {
        if let Some((text, member)) = self.member("System_Info", "-deb-packages.txt") {
            let source = format!("{}:{member}", self.spool.name);
            let found: Vec<ToldPackage> = lines(text)
                .zip(1_usize..)
                .filter_map(|(line, at)| {
                    let mut fields = words(line);
                    if !matches!(fields.next()?, b"ii" | b"hi") {
                        return None;
                    }
                    let name = fields.next()?.split(|b| *b == b':').next()?;
                    Some(ToldPackage {
                        manager: "dpkg",
                        name: HostText::from(name),
                        version: fields.next().map(HostText::from),
                        architecture: fields.next().map(HostText::from),
                        installed: None,
                        source: format!("{source}:{at}"),
                    })
                })
                .collect();
            self.host.told.packages.extend(found);
        }
        for end in ["-rpm-packages.txt", "-zypper-packages.txt"] {
            let Some((text, member)) = self.member("System_Info", end) else { continue };
            let source = format!("{}:{member}", self.spool.name);
            let found: Vec<ToldPackage> = lines(text)
                .zip(1_usize..)
                .filter_map(|(line, at)| {
                    let word = words(line).next()?;
                    let mut back = word.rsplitn(3, |b| *b == b'-');
                    let (release, version) = (back.next()?, back.next()?);
                    let name = back.next()?;
                    Some(ToldPackage {
                        manager: "rpm",
                        name: HostText::from(name),
                        version: Some(HostText([version, b"-", release].concat())),
                        architecture: None,
                        installed: None,
                        source: format!("{source}:{at}"),
                    })
                })
                .collect();
            self.host.told.packages.extend(found);
        }
        for end in ["-deb-package-verify.txt", "-rpm-package-verify.txt"] {
            let Some((text, _)) = self.member("System_Info", end) else { continue };
            let found: Vec<HostPath> = lines(text)
                .filter_map(|line| {
                    let flags = words(line).next()?;
                    let plain = flags.get(2) == Some(&b'5') && words(line).nth(1) != Some(b"c");
                    plain
                        .then(|| find(line, b" /"))
                        .flatten()
                        .map(|at| HostPath::new(line.get(at + 1..).unwrap_or_default()))
                })
                .collect();
            self.host.told.altered.extend(found);
        }
    }
}

/// `web-03` of `…/web-03-20261122-0626-release.txt`.
fn host_of(member: &str) -> Option<&str> {
    let name = member.rsplit('/').next()?;
    let (rest, _) = name.split_once("-release.txt")?;
    let (rest, clock) = rest.rsplit_once('-')?;
    let (host, date) = rest.rsplit_once('-')?;
    let digits =
        |text: &str, count| text.len() == count && number::<u64>(text.as_bytes()).is_some();
    (digits(clock, 4) && digits(date, 8)).then_some(host)
}

/// Blocks of `head`: the name between `==>` and `<==`, and what follows it.
pub(super) fn headed(text: &[u8]) -> Vec<(&[u8], &[u8])> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = split(rest, b"==> ") {
        let Some((name, after)) = split(after, b" <==\n") else { break };
        let end = find(after, b"\n==> ").unwrap_or(after.len());
        found.push((name, after.get(..end).unwrap_or_default()));
        rest = after.get(end..).unwrap_or_default();
    }
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_dates_and_blocks() {
        assert_eq!(host_of("a/web-03-20261122-0626-release.txt"), Some("web-03"));
        assert_eq!(host_of("a/x-release.txt"), None);
        let at = date(b"x\nDate : Sun Nov 22 06:26:43 2026 +01:00\n").unwrap();
        assert_eq!(at.to_string(), "2026-11-22T05:26:43Z");
        assert_eq!(offset(b"Date : Sun Nov 22 06:26:43 2026 -05:30\n"), Some(-19_800));
        assert_eq!(zone(-19_800), "-05:30");
        let found = headed(b"==> /proc/1/cmdline <==\na\0b\0\n==> /proc/2/cmdline <==\n");
        assert_eq!(found, [(&b"/proc/1/cmdline"[..], &b"a\0b\0"[..]), (b"/proc/2/cmdline", b"")]);
    }
}

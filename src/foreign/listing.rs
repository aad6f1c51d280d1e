//! Listings of all files of a host, which grow with its disk. Of one that is too long to hold those lines
//! are kept that tell of places collectors look into, and of programs.

use super::output::{bodyfile, find};
use crate::evidence::{FileKind, Lines};
use aho_corasick::AhoCorasick;
use std::sync::LazyLock;

/// What a line says, as far as it matters here.
type Said<'a> = (FileKind, u32, &'a [u8]);

/// How a line of a member of this name is judged, where the member is a listing.
pub(super) fn lines(name: &[u8]) -> Option<Lines> {
    let host = find(name, b"[root]/").is_some() || name.contains(&b'!');
    if host {
        None
    } else if name.ends_with(b"bodyfile/bodyfile.txt") {
        Some(Lines(|line| bodyfile::said(line).is_some_and(tells)))
    } else if name.ends_with(b"-full-timeline.csv") {
        Some(Lines(|line| super::catscale::said(line).is_some_and(tells)))
    } else {
        None
    }
}

/// Places of which every file is kept.
pub(super) const PLACES: &[&str] = &[
    "/etc",
    "/tmp",
    "/var/tmp",
    "/dev",
    "/run",
    "/bin",
    "/sbin",
    "/usr/bin",
    "/usr/sbin",
    "/usr/local",
    "/lib/systemd",
    "/usr/lib/systemd",
    "/var/spool",
    "/root",
    "/var/lib/dpkg/info",
    "/var/lib/rpm",
    "/lib/x86_64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
    "/lib64",
    "/usr/lib64",
];

/// Whether a path of the host lies in one of these places.
pub(super) fn is_looked_into(path: &[u8]) -> bool {
    PLACES.iter().any(|place| {
        let rest = path.strip_prefix(place.as_bytes());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
    })
}

/// The places as they stand in paths. What builds them refuses only more than four billion.
static IN_PLACES: LazyLock<Option<AhoCorasick>> =
    LazyLock::new(|| AhoCorasick::new(PLACES.iter().map(|place| format!("{place}/"))).ok());

/// Ends of names of what can be run, or is read by what runs, wherever it lies.
const RUN: &[&[u8]] =
    &[b".so", b".ko", b".sh", b".py", b".pl", b".php", b".jsp", b".pth", b".service", b".timer"];

/// Folders nearer to the root than this are kept, so that it is known which there are.
const NEAR: usize = 24;

/// Whether a collector would look there: in certain places at everything, elsewhere at programs, at
/// what is hidden, and at all that is neither file nor folder.
fn tells((kind, mode, path): Said<'_>) -> bool {
    // Of a mounted image the paths begin with where it was mounted.
    let in_place = IN_PLACES.as_ref().is_some_and(|places| places.is_match(path))
        || PLACES.iter().any(|place| path.ends_with(place.as_bytes()));
    let hidden = || find(path, b"/.").is_some();
    match kind {
        _ if in_place => true,
        FileKind::Directory => path.len() < NEAR || hidden(),
        FileKind::File => {
            mode & 0o6111 != 0
                || hidden()
                || RUN.iter().any(|end| path.ends_with(end))
                || find(path, b".so.").is_some()
        }
        FileKind::Link => hidden(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_a_collector_looks_at_is_kept() {
        let lines = lines(b"bodyfile/bodyfile.txt").unwrap();
        let keeps = |mode: &str, path: &str| {
            (lines.0)(format!("0|{path}|12|{mode}|0|0|4096|1|1|1|1").as_bytes())
        };
        for (mode, path) in [
            ("-rw-r--r--", "/etc/cron.d/x"),
            ("-rw-r--r--", "/mnt/image/etc/cron.d/x"),
            ("-rwxr-xr-x", "/srv/data/deep/down/in/it/x"),
            ("-rw-r--r--", "/home/a/.ssh/authorized_keys"),
            ("-rw-r--r--", "/var/www/html/uploads/of/somebody/x.php"),
            ("-rw-r--r--", "/opt/a/lib/that/is/preloaded/x.so.1"),
            ("drwxr-xr-x", "/srv/data"),
            ("srw-r--r--", "/srv/data/deep/down/in/it/socket"),
        ] {
            assert!(keeps(mode, path), "{path}");
        }
        for (mode, path) in [
            ("-rw-r--r--", "/srv/data/deep/down/in/it/x.html"),
            ("drwxr-xr-x", "/srv/data/deep/down/in/it"),
            ("-rw-r--r--", "/usr/share/doc/etcetera/x"),
        ] {
            assert!(!keeps(mode, path), "{path}");
        }
        assert!(super::lines(b"[root]/srv/bodyfile/bodyfile.txt").is_none());
        let lines = super::lines(b"catscale_out/Misc/h-full-timeline.csv").unwrap();
        let when = "2026-11-22 06:24:15.5 +0100";
        let line = |path: &str| {
            format!("667,1,{path},{when},{when},{when},{when},root,adm,-rw-r--r--,14680")
        };
        assert!((lines.0)(line("/etc/passwd").as_bytes()));
        assert!(!(lines.0)(line("/srv/data/deep/down/in/it/x.html").as_bytes()));
    }
}

//! Files at the paths of the host: the `[root]` of a collector, and a tar of a whole file system.

use super::{Layout, listing};
use crate::evidence::{
    Assembly, Body, Clock, Evidence, FileKind, HostPath, Member, Refused, Spool, Stat,
};
use crate::facts::{HostText, Status, Time};

pub(super) const LAYOUT: Layout = Layout { name: "a tar of a root file system", claims, open };

/// Names of which a root file system has several.
const TELLING: &[&[u8]] = &[
    b"etc/passwd",
    b"etc/os-release",
    b"usr/lib/os-release",
    b"bin",
    b"usr/bin",
    b"var/log",
    b"etc/hostname",
];

fn claims(spool: &Spool, within: &[u8]) -> Option<Vec<u8>> {
    // The file system may lie in a folder of the archive.
    let at = |base: &[u8]| {
        let there = |name: &&&[u8]| {
            let name = [base, name].concat();
            spool.members.contains_key(&name)
                || spool.own(&[name.as_slice(), b"/"].concat()).next().is_some()
        };
        TELLING.iter().filter(there).count() >= 2
    };
    if at(within) {
        return Some(within.to_vec());
    }
    let (first, ..) = spool.own(within).next()?;
    let top = first.split(|b| *b == b'/').next()?;
    let base = [within, top, b"/"].concat();
    at(&base).then_some(base)
}

fn open(mut spool: Spool, base: &[u8]) -> Result<Box<dyn Evidence>, String> {
    let newest = spool.below(base).map(|(.., member)| member.mtime).max().unwrap_or(0);
    let taken = Time::new(newest, 0);
    let mut host = Assembly::new(&spool.name, taken);
    let root = HostPath::from("/");
    host.directory(&root, None, true);
    host.origin_of_all(&HostText::from(base).escaped());
    // A member goes from the one to the other: of a million nobody holds two lists.
    let members = std::mem::take(&mut spool.members);
    host.expect(members.len());
    let below = |name: &[u8]| name.strip_prefix(base).map(|name| [b"/", name].concat());
    let (first, rest): (Vec<_>, Vec<_>) = members
        .into_iter()
        .filter_map(|(name, member)| Some((below(&name)?, member)))
        .partition(|(path, _)| listing::is_looked_into(path));
    for (path, member) in first.into_iter().chain(rest) {
        if !host.refuses(Refused::Files) {
            one(&mut host, &HostPath::new(path), &member, true);
        }
    }
    host.whole_below(&root, true);
    problems(&mut host, &spool, &[base.to_vec()]);
    for what in ["processes", "open_files", "mappings", "sockets", "memory"] {
        let why =
            "a tar of a file system holds what was on disk and nothing of what ran".to_owned();
        host.told.coverage.push((what.to_owned(), Status::NotCaptured, why));
    }
    let clock = Clock {
        realtime: taken,
        boottime: None,
        monotonic: None,
        ticks_per_second: 100,
        page_size: 4096,
        zone: String::new(),
    };
    Ok(Box::new(host.finish(clock)))
}

/// What is wrong with the archive, as coverage, and what went by without being held; the host's files begin
/// at `roots` in it.
pub(super) fn problems(host: &mut Assembly, spool: &Spool, roots: &[Vec<u8>]) {
    super::passed::tell(host, spool, roots);
    if spool.damaged {
        host.told.damaged = spool.cut.as_ref().map(|(member, why)| {
            let at = if member.is_empty() { String::new() } else { format!("{member}: ") };
            format!("{}: {at}{why}", spool.name)
        });
    }
    let said = |member: &str, why: &str| {
        let what = if member.is_empty() { "the archive" } else { member };
        (format!("archive {what}"), format!("{}: {what}: {why}", spool.name))
    };
    for (member, why) in &spool.problems {
        let (what, words) = said(member, why);
        host.told.coverage.push((what, Status::Partial, words));
    }
    host.told.beyond.extend(spool.beyond.iter().map(|(member, why)| said(member, why)));
}

/// What a member says of the file it is; its times only where the collector kept them.
pub(super) fn stat(host: &Assembly, member: &Member, genuine: bool) -> Stat {
    let mut stat = host.stat(member.kind, member.mode);
    (stat.uid, stat.gid, stat.size) = (member.uid, member.gid, member.size);
    if genuine && member.mtime != 0 {
        stat.mtime = Some(Time::new(member.mtime, 0));
    }
    stat
}

/// Puts every member below `base` at its path. What is known of a path already (from a bodyfile)
/// stays, and gets its bytes.
pub(super) fn place(host: &mut Assembly, spool: &Spool, base: &[u8], genuine: bool) {
    // Whoever fills other folders shall not crowd these out.
    for looked_into in [true, false] {
        for (name, member_name, member) in spool.below(base) {
            let path = [b"/", name].concat();
            if listing::is_looked_into(&path) != looked_into || host.refuses(Refused::Files) {
                continue;
            }
            let path = HostPath::new(path);
            host.origin(&path, &HostText::from(member_name).escaped());
            one(host, &path, member, genuine);
        }
    }
}

/// Puts a member at its path.
fn one(host: &mut Assembly, path: &HostPath, member: &Member, genuine: bool) {
    let known = host.find(path, false);
    if let Some(known) = known
        && host.stat_of(known).is_some_and(|stat| stat.kind == member.kind)
    {
        if member.kind == FileKind::File {
            host.fill(known, body(member));
        }
        return;
    }
    let stat = stat(host, member, genuine);
    match member.kind {
        FileKind::File => {
            host.file(path, &stat, body(member));
        }
        FileKind::Link => {
            host.link(path, &member.link, &stat);
        }
        FileKind::Directory => {
            host.directory(path, Some(&stat), false);
        }
        _ => {
            host.special(path, &stat);
        }
    }
}

/// A file that is gzip on the host is gzip to the host's collectors.
pub(super) fn body(member: &Member) -> Body {
    match &member.body {
        Body::Gzip(bytes) => Body::Bytes(std::sync::Arc::clone(bytes)),
        other => other.clone(),
    }
}

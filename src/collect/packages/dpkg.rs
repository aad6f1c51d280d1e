//! The databases of dpkg: /var/lib/dpkg/status, the file lists and digests in info/, diversions;
//! and status.d/ of images without dpkg itself (distroless).

use super::owners::{Digest, OpenRoot, Owned, Wanted};
use super::{Installed, Package};
use crate::collect::Gaps;
use crate::evidence::{Dir, FileKind, HostPath, Reason, Stat, Unavailable};
use crate::facts::HostText;
use rayon::prelude::*;
use std::collections::{HashMap, HashSet};

const STATUS: &str = "var/lib/dpkg/status";
const STATUS_D: &str = "var/lib/dpkg/status.d";
/// Where a database shows itself.
pub(super) const PLACES: &[&str] = &[STATUS, STATUS_D];
const INFO: &str = "var/lib/dpkg/info";
const DIVERSIONS: &str = "var/lib/dpkg/diversions";

/// Large servers have status files of some MiB and lists of some 10 MiB (kernel sources).
const MOST: usize = 128 << 20;

/// Every installed package.
pub(super) fn packages(root: &dyn Dir, gaps: &Gaps) -> Vec<Installed> {
    let mut all = Vec::new();
    for path in status_files(root) {
        let Some(bytes) = whole(root, &path, gaps) else { continue };
        for Stanza { line, package, version, architecture } in stanzas(&bytes) {
            let list = |suffix: &str| {
                let name = format!("{INFO}/{package}{suffix}.list");
                root.stat(&HostPath::from(name.as_str())).ok()
            };
            let qualified = architecture.as_ref().map(|a| format!(":{a}")).unwrap_or_default();
            let stat = list("").or_else(|| list(&qualified));
            all.push(Installed {
                source: format!("/{path}:{line}"),
                package: Package {
                    manager: "dpkg",
                    name: package,
                    version,
                    architecture,
                    installed: stat.and_then(|s| s.mtime),
                    owns: false,
                },
            });
        }
    }
    all
}

fn status_files(root: &dyn Dir) -> Vec<HostPath> {
    let split = root.list(&STATUS_D.into()).unwrap_or_default();
    let split = split
        .iter()
        .filter(|name| !name.as_bytes().ends_with(b".md5sums"))
        .map(|name| HostPath::from(STATUS_D).join(name));
    let one = root.stat(&STATUS.into()).is_ok().then(|| HostPath::from(STATUS));
    one.into_iter().chain(split).collect()
}

/// A whole file; what is not there or cut off is counted.
fn whole(root: &dyn Dir, path: &HostPath, gaps: &Gaps) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    match root.read(path, MOST, &mut bytes) {
        Ok(false) => {}
        Ok(true) => {
            gaps.missed("packages", &Unavailable::new(path, Reason::Damaged, "over 128 MiB"));
        }
        Err(mut why) => {
            // What lies there in the database's place keeps it from us.
            if why.reason == Reason::NotRegular {
                why.reason = Reason::Damaged;
            }
            gaps.missed("packages", &why);
            return None;
        }
    }
    Some(bytes)
}

/// An installed package in a status file.
#[derive(Debug, PartialEq, Eq)]
struct Stanza {
    /// Line it begins on, from 1.
    line: u32,
    package: HostText,
    version: Option<HostText>,
    architecture: Option<HostText>,
}

/// The installed packages of a status file. One that was removed but left its configuration is
/// not installed; a stanza without a name is no package.
fn stanzas(bytes: &[u8]) -> Vec<Stanza> {
    let mut all = Vec::new();
    let mut open: Option<(Stanza, bool)> = None;
    let lines = bytes.split(|b| *b == b'\n').zip(1_u32..);
    for (line, number) in lines.chain([(&b""[..], 0)]) {
        if line.is_empty() {
            if let Some((stanza, true)) = open.take()
                && !stanza.package.is_empty()
            {
                all.push(stanza);
            }
            continue;
        }
        let (stanza, installed) = open.get_or_insert_with(|| {
            let package = HostText::default();
            (Stanza { line: number, package, version: None, architecture: None }, true)
        });
        let Some(colon) = memchr::memchr(b':', line) else { continue };
        let value = || HostText::from(line.get(colon + 1..).unwrap_or_default().trim_ascii());
        match line.get(..colon).unwrap_or_default() {
            b"Package" => stanza.package = value(),
            b"Version" => stanza.version = Some(value()),
            b"Architecture" => stanza.architecture = Some(value()),
            b"Status" => {
                let value = value();
                let last = value.as_bytes().rsplit(|b| *b == b' ').next().unwrap_or_default();
                *installed = !matches!(last, b"config-files" | b"not-installed");
            }
            _ => {}
        }
    }
    all
}

/// A file that dpkg-divert moved aside.
#[derive(Debug, PartialEq, Eq)]
struct Diversion {
    /// Where it really lies.
    to: Vec<u8>,
    /// The package whose file keeps the name; `:` where the administrator did it.
    by: Vec<u8>,
}

/// The diversions, three lines each: from, to, by.
fn diversions(bytes: &[u8]) -> HashMap<Vec<u8>, Diversion> {
    let lines: Vec<&[u8]> = bytes.split(|b| *b == b'\n').collect();
    lines
        .chunks_exact(3)
        .filter_map(|three| match three {
            [from, to, by] => Some((from.to_vec(), Diversion { to: to.to_vec(), by: by.to_vec() })),
            _ => None,
        })
        .collect()
}

/// A wanted path in a package's list.
struct Hit {
    /// Index of the wanted path.
    index: usize,
    /// As the list writes it.
    listed: Vec<u8>,
}

/// Streams every package's file list and notes who owns a wanted path. False where there are no
/// lists, as in evidence that holds the status file alone.
pub(super) fn owners<'a>(
    root: &dyn Dir,
    open: &OpenRoot<'a>,
    wanted: &mut Wanted,
    gaps: &Gaps,
) -> bool {
    let mut bytes = Vec::new();
    // Most hosts have no diversions: that the file is absent says nothing.
    let _ = root.read(&DIVERSIONS.into(), MOST, &mut bytes);
    let diversions = diversions(&bytes);
    let names = |folder: &str, suffix: &[u8]| {
        let folder = HostPath::from(folder);
        let names = root.list(&folder).unwrap_or_default();
        let of = |n: &HostPath| n.as_bytes().ends_with(suffix).then(|| folder.join(n));
        names.iter().filter_map(of).collect::<Vec<_>>()
    };
    let mut lists = names(INFO, b".list");
    // Distroless images keep no lists; the digests name the files.
    lists.extend(names(STATUS_D, b".md5sums"));
    // Evidence may tell the names of the lists and hold none of them.
    let held = |list: &HostPath| match root.read(list, 1, &mut Vec::new()) {
        Err(why) => why.reason != Reason::NotCaptured,
        Ok(_) => true,
    };
    if !lists.iter().take(4).any(held) {
        return false;
    }

    let frozen: &Wanted = wanted;
    let answers: Vec<Result<Vec<(usize, Owned)>, Unavailable>> = lists
        .par_chunks(32)
        .flat_map_iter(|chunk| {
            let dir = open();
            let mut buffer = Vec::new();
            let mut one = |list: &HostPath| -> Result<Vec<(usize, Owned)>, Unavailable> {
                let dir = dir.as_deref().map_err(Clone::clone)?;
                buffer.clear();
                dir.read(list, MOST, &mut buffer)?;
                let package = package_of(list);
                let hits = hits(&buffer, package, frozen, &diversions);
                Ok(with_digests(dir, list, package, hits))
            };
            chunk.iter().map(&mut one).collect::<Vec<_>>()
        })
        .collect();
    for answer in answers {
        match answer {
            Ok(owned) => owned.into_iter().for_each(|(index, owned)| wanted.own(index, owned)),
            Err(why) => gaps.missed("packages", &why),
        }
    }
    !lists.is_empty()
}

/// `libc6` of `var/lib/dpkg/info/libc6:amd64.list`.
fn package_of(list: &HostPath) -> &[u8] {
    let name = list.file_name();
    let stem = name.strip_suffix(b".list").or_else(|| name.strip_suffix(b".md5sums"));
    stem.unwrap_or(name).split(|b| *b == b':').next().unwrap_or_default()
}

/// The wanted paths in one list: a path a line, or `digest  path` where it is a digest file. Lists
/// go folder by folder, and most folders hold nothing that is wanted: these are asked for once.
fn hits(
    list: &[u8],
    package: &[u8],
    wanted: &Wanted,
    diversions: &HashMap<Vec<u8>, Diversion>,
) -> Vec<Hit> {
    let diverted: HashSet<&[u8]> = diversions.keys().map(|path| folder_of(path)).collect();
    let mut hits = Vec::new();
    let mut start = 0;
    let mut absolute;
    let (mut folder, mut looked_for): (Vec<u8>, bool) = (Vec::new(), false);
    for end in memchr::memchr_iter(b'\n', list).chain([list.len()]) {
        let mut line = list.get(start..end).unwrap_or_default();
        start = end + 1;
        if line.first() != Some(&b'/') {
            let Some((_, path)) = digest_line(line) else { continue };
            absolute = path;
            line = &absolute;
        }
        let this = folder_of(line);
        if this != folder {
            folder.clear();
            folder.extend_from_slice(this);
            looked_for = wanted.folder(this) || diverted.contains(this);
        }
        if !looked_for {
            continue;
        }
        let moved = diversions.get(line).filter(|d| d.by != package).map(|d| d.to.as_slice());
        if let Some(index) = wanted.index(moved.unwrap_or(line)) {
            hits.push(Hit { index, listed: line.to_vec() });
        }
    }
    hits
}

/// A path up to its last slash.
fn folder_of(path: &[u8]) -> &[u8] {
    let end = memchr::memrchr(b'/', path).map_or(0, |slash| slash + 1);
    path.get(..end).unwrap_or_default()
}

/// `d41d8cd98f00b204e9800998ecf8427e  usr/bin/ls`: the digest, and the path made absolute.
fn digest_line(line: &[u8]) -> Option<(&[u8], Vec<u8>)> {
    let (digest, rest) = line.split_at_checked(32)?;
    let path = rest.strip_prefix(b"  ")?;
    let path = path.strip_prefix(b"./").unwrap_or(path);
    let path = path.strip_prefix(b"/").unwrap_or(path);
    (digest.iter().all(u8::is_ascii_hexdigit) && !path.is_empty())
        .then(|| (digest, [b"/", path].concat()))
}

/// Adds the digests that the package keeps of the files found.
fn with_digests(
    dir: &dyn Dir,
    list: &HostPath,
    package: &[u8],
    hits: Vec<Hit>,
) -> Vec<(usize, Owned)> {
    if hits.is_empty() {
        return Vec::new();
    }
    let bytes = list.as_bytes();
    let sums = match bytes.strip_suffix(b".list") {
        Some(stem) => HostPath::new([stem, b".md5sums"].concat()),
        None => list.clone(),
    };
    let mut buffer = Vec::new();
    // Packages without a digest file are common enough: a missing one is no gap.
    let _ = dir.read(&sums, MOST, &mut buffer);
    let digests = digests(&buffer, &hits);
    let name = HostText::from(package);
    let summed = buffer.split(|b| *b == b'\n').any(|line| digest_line(line).is_some());
    hits.into_iter()
        .filter(|hit| {
            !summed || digests.contains_key(&hit.listed) || without_digest(dir, &hit.listed)
        })
        .map(|hit| {
            let digest = digests.get(&hit.listed).cloned();
            (hit.index, Owned { package: name.clone(), digest })
        })
        .collect()
}

/// Paths that are looked for one by one in a digest file; of more, its lines are parsed in turn.
const FEW: usize = 8;

/// The digests of these files, by their paths; the last line of a path counts.
fn digests(sums: &[u8], hits: &[Hit]) -> HashMap<Vec<u8>, Digest> {
    let text = |digest: &[u8]| Digest::Md5(String::from_utf8_lossy(digest).to_ascii_lowercase());
    if hits.len() > FEW {
        let wanted: HashSet<&[u8]> = hits.iter().map(|hit| hit.listed.as_slice()).collect();
        let lines = sums.split(|b| *b == b'\n').filter_map(digest_line);
        let found = lines.filter(|(_, path)| wanted.contains(path.as_slice()));
        return found.map(|(digest, path)| (path, text(digest))).collect();
    }
    let line_of = |listed: &[u8]| {
        let path = listed.strip_prefix(b"/").unwrap_or(listed);
        memchr::memmem::rfind_iter(sums, path).find_map(|at| {
            let start = memchr::memrchr(b'\n', sums.get(..at)?).map_or(0, |end| end + 1);
            let rest = sums.get(start..)?;
            let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            let (digest, found) = digest_line(rest.get(..end)?)?;
            (found == listed).then(|| text(digest))
        })
    };
    let found = hits.iter().map(|hit| (hit.listed.clone(), line_of(&hit.listed)));
    found.filter_map(|(path, digest)| Some((path, digest?))).collect()
}

/// Whether a package that keeps digests may list a path and keep none of it: configuration, links
/// and folders. A program in the list alone was written there by somebody else.
fn without_digest(dir: &dyn Dir, path: &[u8]) -> bool {
    if path.starts_with(b"/etc/") {
        return true;
    }
    let program = |stat: Stat| stat.kind == FileKind::File && stat.mode & 0o111 != 0;
    dir.stat_link(&HostPath::from(path)).map_or(true, |stat| !program(stat))
}

/// Every parser here over the same bytes, for tests with hostile ones.
#[cfg(test)]
pub(super) fn parse_anything(bytes: &[u8]) {
    assert!(stanzas(bytes).len() <= bytes.len());
    diversions(bytes);
    bytes.split(|b| *b == b'\n').for_each(|line| drop(digest_line(line)));
}

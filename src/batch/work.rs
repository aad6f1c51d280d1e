//! The list of what is to be done: archives, folders of archives, patterns, a list on standard
//! input.

use super::parts::PARTS;
use super::{CASES, DONE, Passed, Shard, Whole, Work, record::key};
use crate::carve::Layout;
use crate::evidence::{Container, age, begins, davy, unpack};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Cursor, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// One archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Where it lies.
    pub path: PathBuf,
    /// Digest of its bytes; of a folder, of the names, sizes and times below it.
    pub sha256: String,
    /// The name of its result.
    pub key: String,
    /// Its size in bytes.
    pub size: u64,
}

/// Folders within folders that are looked into for archives.
const DEPTH: usize = 8;
/// Files of one folder and of all, when a folder is digested.
const MOST_FILES: usize = 200_000;

/// The archives that these sources name and that are of this shard, each content once, in the order
/// of their digests. `problem` is told of what cannot be read, `reading` of each before it is read:
/// which, the how manieth, and of how many.
pub fn items(
    sources: &[PathBuf],
    rules: &str,
    shard: Shard,
    list: &mut dyn Read,
    problem: &mut dyn FnMut(&Path, &str),
    reading: &dyn Fn(&Path, usize, usize),
) -> Work {
    let mut named = Named::default();
    for source in sources {
        if source.as_os_str() == "-" {
            let mut text = Vec::new();
            if let Err(e) = list.read_to_end(&mut text) {
                problem(source, &e.to_string());
            }
            let lines = text.split(|b| matches!(b, b'\n' | 0)).filter(|l| !l.is_empty());
            for line in lines {
                expand(Path::new(std::ffi::OsStr::from_bytes(line)), &mut named, problem);
            }
        } else {
            expand(source, &mut named, problem);
        }
    }
    let Named { mut paths, passed } = named;
    paths.sort();
    paths.dedup();
    // Two names of one content are one piece of work, under the first name.
    let mut found: BTreeMap<String, Item> = BTreeMap::new();
    let all = paths.len();
    for (number, path) in paths.into_iter().enumerate() {
        reading(&path, number, all);
        match digest(&path) {
            Ok((sha256, size)) => {
                let key = key(&sha256, rules);
                found.entry(sha256.clone()).or_insert(Item { path, sha256, key, size });
            }
            Err(e) => problem(&path, &e.to_string()),
        }
    }
    let whole = Whole::of(found.keys(), passed);
    found.retain(|sha256, _| shard.has(sha256));
    Work { items: found.into_values().collect(), whole }
}

/// What the sources name.
#[derive(Default)]
struct Named {
    paths: Vec<PathBuf>,
    passed: Passed,
}

fn expand(source: &Path, named: &mut Named, problem: &mut dyn FnMut(&Path, &str)) {
    let text = source.as_os_str().as_bytes();
    if !source.exists() && text.iter().any(|b| matches!(b, b'*' | b'?')) {
        let before = named.paths.len();
        matching(source, &mut named.paths);
        if named.paths.len() == before {
            problem(source, "nothing has a name like this");
        }
        return;
    }
    match fs::metadata(source) {
        Err(e) => problem(source, &e.to_string()),
        Ok(found) if found.is_dir() && !is_host(source) => {
            below(source, source, DEPTH, named, problem);
        }
        Ok(found) if found.is_dir() || found.is_file() => named.paths.push(source.to_owned()),
        // A FIFO or a device would be read for ever.
        Ok(_) => problem(source, "neither a file nor a folder"),
    }
}

/// Whether a folder is one host: a collector's output, unpacked, or a root file system.
fn is_host(folder: &Path) -> bool {
    [
        "uac.log",
        "live_response",
        "[root]",
        "Process_and_Network",
        "catscale_out",
        "etc/passwd",
        "uploads.json",
    ]
    .iter()
    .any(|name| folder.join(name).exists())
}

/// Whether a folder is what a batch left: nobody's evidence.
fn is_ours(folder: &Path) -> bool {
    [DONE, CASES, PARTS].iter().all(|name| folder.join(name).is_dir())
}

/// The archives in a folder, of the source `top`, and those within it.
fn below(
    top: &Path,
    folder: &Path,
    depth: usize,
    named: &mut Named,
    problem: &mut dyn FnMut(&Path, &str),
) {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) => return problem(folder, &e.to_string()),
    };
    for entry in entries.filter_map(Result::ok) {
        let path = entry.path();
        let link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
        let kind = match fs::metadata(&path) {
            Ok(found) => found.file_type(),
            Err(e) => {
                problem(&path, &e.to_string());
                continue;
            }
        };
        if kind.is_dir() && is_ours(&path) {
            continue;
        } else if kind.is_dir() && is_host(&path) {
            named.paths.push(path);
        } else if kind.is_dir() && link {
            // It could lead round in a circle.
            problem(&path, "a link to a folder, which is not followed: name that folder");
        } else if kind.is_dir() && depth == 0 {
            problem(&path, "too deep a folder: name it");
        } else if kind.is_dir() {
            below(top, &path, depth - 1, named, problem);
        } else if !kind.is_file() {
            problem(&path, "neither a file nor a folder");
        } else {
            let head = head(&path);
            if is_archive(&path, &head) {
                named.paths.push(path);
            } else if is_core(head) {
                let why = "a core dump, which is not looked at here: davy triage takes it beside its host's archive";
                problem(&path, why);
            } else {
                named.passed.add(top, &path);
            }
        }
    }
}

/// A file's first bytes; none of one that cannot be read.
fn head(path: &Path) -> Vec<u8> {
    let mut head = Vec::new();
    match File::open(path).and_then(|file| file.take(256 * 1024).read_to_end(&mut head)) {
        Ok(_) => head,
        Err(_) => Vec::new(),
    }
}

/// Whether a file that begins so is a core dump, packed or not.
fn is_core(head: Vec<u8>) -> bool {
    let (first, _) = begins(unpack(Box::new(Cursor::new(head))).0, 64);
    Layout::is_core(&first)
}

/// By its first bytes, or by a name that says that it should be one: a damaged archive is not to be
/// passed over in silence.
fn is_archive(path: &Path, head: &[u8]) -> bool {
    let name = path.file_name().unwrap_or_default().as_bytes();
    let ends: [&[u8]; 9] = [
        b".tar",
        b".tar.gz",
        b".tgz",
        b".tar.zst",
        b".tar.xz",
        b".zip",
        b".host",
        b".tar.bz2",
        b".age",
    ];
    age::told_by(head)
        || davy::told_by(head)
        || Container::told_by(head).is_some()
        || ends.iter().any(|end| name.ends_with(end))
}

/// Names with `*` and `?` in the last part of a path.
fn matching(pattern: &Path, paths: &mut Vec<PathBuf>) {
    let folder = pattern.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Some(wanted) = pattern.file_name() else { return };
    for entry in fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok) {
        if like(entry.file_name().as_bytes(), wanted.as_bytes()) {
            paths.push(entry.path());
        }
    }
}

fn like(name: &[u8], pattern: &[u8]) -> bool {
    let (mut at, mut place) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while at < name.len() {
        match pattern.get(place) {
            Some(b'*') => {
                star = Some((place, at));
                place += 1;
            }
            Some(p) if *p == b'?' || Some(p) == name.get(at) => {
                at += 1;
                place += 1;
            }
            _ => match star {
                Some((back, from)) => {
                    star = Some((back, from + 1));
                    (place, at) = (back + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern.get(place..).unwrap_or_default().iter().all(|b| *b == b'*')
}

fn digest(path: &Path) -> io::Result<(String, u64)> {
    let mut hasher = Sha256::new();
    let mut size = 0_u64;
    if path.is_dir() {
        let mut open = vec![path.to_owned()];
        let mut names: Vec<(PathBuf, fs::Metadata)> = Vec::new();
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(&folder)?.filter_map(Result::ok) {
                let Ok(found) = entry.metadata() else { continue };
                if found.is_dir() {
                    open.push(entry.path());
                }
                names.push((entry.path(), found));
            }
            if names.len() > MOST_FILES {
                break;
            }
        }
        names.sort_by(|a, b| a.0.cmp(&b.0));
        for (name, found) in names {
            use std::os::unix::fs::MetadataExt;
            let relative = name.strip_prefix(path).unwrap_or(&name);
            hasher.update(relative.as_os_str().as_bytes());
            hasher.update(format!("\0{}\0{}\0", found.len(), found.mtime()));
            size = size.saturating_add(if found.is_file() { found.len() } else { 0 });
        }
    } else {
        let mut file = File::open(path)?;
        let mut buffer = vec![0; 1 << 20];
        loop {
            let got = file.read(&mut buffer)?;
            let Some(bytes) = buffer.get(..got).filter(|b| !b.is_empty()) else { break };
            hasher.update(bytes);
            size = size.saturating_add(got as u64);
        }
    }
    Ok((hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect(), size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (name, pattern, is) in [
            ("uac-a.tar.gz", "uac-*.tar.gz", true),
            ("uac-a.tar.gz", "*", true),
            ("uac-a.tar.gz", "uac-?.tar.*", true),
            ("uac-ab.tar.gz", "uac-?.tar.*", false),
            ("", "*", true),
            ("a", "", false),
        ] {
            assert_eq!(like(name.as_bytes(), pattern.as_bytes()), is, "{name} {pattern}");
        }
    }
}

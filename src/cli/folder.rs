//! A folder into which someone put archives: each is a source, as if it had been named.

use crate::evidence::age::Identity;
use crate::evidence::{Container, age, davy};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Folders within the folder that are searched.
const DEPTH: usize = 3;
/// Files that are looked at.
const MOST: usize = 4096;
/// Bytes of each: a block of zstd opens whole.
const HEAD: u64 = 256 << 10;
/// Archives of one host; more are a fleet's.
const MOST_ARCHIVES: usize = 8;

/// Folders of which a root file system has several: archives in one are files of that host.
const OF_A_HOST: &[&str] = &["etc", "usr", "bin", "proc", "var", "lib", "root", "home"];

/// What was found in a folder.
#[derive(Default)]
pub struct Found {
    /// Its archives, by name.
    pub archives: Vec<PathBuf>,
    /// What is to be said of what else is in it; empty where nothing is.
    pub beside: String,
}

/// The archives of a folder; `None` where it has none, or is a host's root itself.
///
/// # Errors
/// Where there are more than one host's can be, in words for the user.
pub fn archives(folder: &Path, identities: &[Identity]) -> Option<Result<Found, String>> {
    let there = |name: &&&str| folder.join(name).is_dir();
    if !folder.is_dir() || OF_A_HOST.iter().filter(there).count() >= 2 {
        return None;
    }
    let mut found = Found::default();
    let mut others = Vec::new();
    let (files, more) = files(folder);
    for path in files {
        if is_archive(&path, identities) {
            found.archives.push(path);
        } else {
            others.push(path.strip_prefix(folder).unwrap_or(&path).display().to_string());
        }
    }
    let shown = folder.display();
    match found.archives.len() {
        0 => return None,
        1..=MOST_ARCHIVES => {}
        count => {
            return Some(Err(format!(
                "{shown}: holds {count} archives: davy batch {shown} -o DIR triages each; for one \
                 case name those of one host"
            )));
        }
    }
    if !others.is_empty() || more {
        let count = others.len();
        others.truncate(3);
        let names = others.join(", ");
        let unseen = if more {
            format!("; more than {MOST} files, the rest not seen")
        } else {
            String::new()
        };
        found.beside = format!(
            "{shown}: its archives were read, and {count} other files were not ({names}{}{unseen}): \
             name what belongs to the case",
            if count > others.len() { " …" } else { "" }
        );
    }
    Some(Ok(found))
}

/// The files below a folder, by name; whether there were too many. No link is followed.
fn files(top: &Path) -> (Vec<PathBuf>, bool) {
    let mut files = Vec::new();
    let mut open = vec![(top.to_owned(), 0)];
    while let Some((folder, depth)) = open.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && depth < DEPTH => open.push((entry.path(), depth + 1)),
                Ok(kind) if kind.is_file() => files.push(entry.path()),
                _ => {}
            }
            if files.len() > MOST {
                return (files, true);
            }
        }
    }
    files.sort();
    (files, false)
}

fn is_archive(path: &Path, identities: &[Identity]) -> bool {
    let mut head = Vec::new();
    let read = File::open(path)
        .and_then(|file| age::open(Box::new(file), identities))
        .and_then(|(stream, _)| stream.take(HEAD).read_to_end(&mut head));
    read.is_ok() && (davy::told_by(&head) || Container::told_by(&head).is_some())
}

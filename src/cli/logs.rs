//! Logs that the user named: which files they are, and reading them all into one case.

use super::once::Once;
use super::source::Named;
use crate::carve;
use crate::facts::{self, Facts, Source, Status, Time};
use crate::logs::{Logs, Origin, Wanted};
use std::cell::Cell;
use std::fs::File;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

/// Files of one folder beyond this are not read.
const MOST_FILES: usize = 100_000;

/// How deep a folder is looked into.
const DEPTH: u32 = 12;

/// Files of a folder that are looked at to tell whether it holds logs.
const TRIED: usize = 50;

/// What of a file tells its format.
const HEAD: usize = 64 << 10;

/// What does where one line is longer than that.
const LONG_HEAD: u64 = 5 << 20;

/// Folders that a host's root has and a folder of logs has not.
const OF_A_HOST: &[&str] = &["etc", "proc", "usr", "bin"];

/// A log that the user named, or a folder of them.
pub struct Place {
    path: PathBuf,
    /// Standard input, with what was read of it to recognise it.
    stream: Cell<Option<Box<dyn Read + Send>>>,
}

impl Place {
    /// Of what was named and recognised.
    pub fn of(named: &Named) -> Self {
        let standard = named.path.as_os_str() == "-";
        let stream = standard.then(|| named.reader().ok()).flatten();
        Self { path: named.path.clone(), stream: Cell::new(stream) }
    }
}

/// Whether what the user named is a log, or a folder of them.
pub fn are(named: &Named) -> bool {
    if !named.directory {
        return recognised(&named.path, &named.head);
    }
    if OF_A_HOST.iter().any(|name| named.path.join(name).is_dir()) {
        return false;
    }
    files(&named.path).iter().take(TRIED).any(|path| {
        let mut head = Vec::new();
        let read = File::open(path).and_then(|file| file.take(HEAD as u64).read_to_end(&mut head));
        read.is_ok() && recognised(path, &head)
    })
}

/// Why what the user named is refused though it belongs beside logs, as a packet capture; of a
/// folder, where it holds nothing else.
pub fn refused(named: &Named) -> Option<String> {
    let said = |path: &Path, head: &[u8]| {
        let why = Logs::refusal(&plain(head))?;
        Some(format!("{}: {why}", path.display()))
    };
    if !named.directory {
        return said(&named.path, &named.head);
    }
    let inside = files(&named.path);
    let folders = std::fs::read_dir(&named.path).into_iter().flatten().flatten();
    if folders.into_iter().any(|entry| entry.file_type().is_ok_and(|kind| !kind.is_file())) {
        return None;
    }
    let first = inside.iter().take(TRIED).find_map(|path| {
        let mut head = Vec::new();
        File::open(path).and_then(|file| file.take(64).read_to_end(&mut head)).ok()?;
        said(path, &head)
    });
    Some(first.unwrap_or_else(|| {
        let shown = named.path.display();
        format!("{shown}: a folder of {} files, none of them a log that davy knows, and no root of a file system", inside.len())
    }))
}

fn plain(head: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    let (reader, _) = carve::unpack(Box::new(Cursor::new(head.to_vec())));
    // A head ends within a block: what came before that tells enough.
    let _ = reader.take(HEAD as u64).read_to_end(&mut plain);
    plain
}

fn recognised(path: &Path, head: &[u8]) -> bool {
    let origin = Origin { name: path.display().to_string(), modified: None };
    let plain = plain(head);
    Logs::refusal(&plain).is_none()
        && (Logs::recognise(&plain, &origin).is_some()
            || plain.len() >= HEAD && !plain.contains(&b'\n') && further(path, &origin))
}

/// Whether a file is a log behind a line that is longer than what is looked at.
fn further(path: &Path, origin: &Origin) -> bool {
    let mut head = Vec::new();
    let opened = File::open(path).map(|file| carve::unpack(Box::new(file)));
    let read = opened.map(|(reader, _)| reader.take(LONG_HEAD).read_to_end(&mut head));
    read.is_ok() && Logs::recognise(&head, origin).is_some()
}

/// The files of a folder, in order of their names; a file is itself.
fn files(path: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    if path.is_dir() {
        gather(path, 0, &mut out);
        out.sort();
    } else {
        out.push(path.to_owned());
    }
    out
}

fn gather(folder: &Path, depth: u32, out: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        // Links are not followed, and no FIFO is ever opened.
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && depth < DEPTH => gather(&entry.path(), depth + 1, out),
            Ok(kind) if kind.is_file() && out.len() < MOST_FILES => out.push(entry.path()),
            _ => {}
        }
    }
}

/// Reads all logs that were named, once for all questions that are asked of them.
///
/// # Errors
/// Where facts cannot be stored. What cannot be read is coverage.
pub fn read(
    named: &[Place],
    asked: Vec<(&Facts, Wanted)>,
    progress: &dyn Fn(&str),
) -> Result<(), facts::Error> {
    if named.is_empty() {
        return Ok(());
    }
    let stores: Vec<&Facts> = asked.iter().map(|(facts, _)| *facts).collect();
    let mut logs = Logs::new(asked);
    let mut once = Once::default();
    for (number, place) in named.iter().enumerate() {
        let path = &place.path;
        let name = path.display().to_string();
        for facts in &stores {
            let source = Source { kind: "log", name: name.clone() };
            facts.insert(format_args!("log/{number}"), "davy", &source)?;
        }
        for file in files(path) {
            progress(&file.display().to_string());
            one(&file, place.stream.take(), &mut logs, &mut once, &stores)?;
        }
    }
    logs.finish()
}

fn one(
    path: &Path,
    stream: Option<Box<dyn Read + Send>>,
    logs: &mut Logs<'_>,
    once: &mut Once,
    stores: &[&Facts],
) -> Result<(), facts::Error> {
    let name = path.display().to_string();
    if stream.is_none()
        && let Ok(about) = std::fs::metadata(path)
        && once.again(&name, &about, stores)?
    {
        return Ok(());
    }
    let opened = match stream {
        Some(stream) => Ok((stream, None)),
        None => File::open(path).map(|file| {
            let modified = file.metadata().and_then(|m| m.modified()).ok().and_then(nanoseconds);
            (Box::new(file) as Box<dyn Read + Send>, modified)
        }),
    };
    let (reader, modified) = match opened {
        Ok((reader, modified)) => (carve::unpack(reader).0, modified),
        Err(error) => {
            for facts in stores {
                facts.cover(format!("log {name}"), Status::Denied, error.to_string())?;
            }
            return Ok(());
        }
    };
    let mut reader = once.copy(&name, reader, stores)?;
    logs.read(&Origin { name, modified }, &mut reader).map(drop)
}

fn nanoseconds(time: std::time::SystemTime) -> Option<Time> {
    let since = time.duration_since(std::time::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_nanos()).ok().map(Time)
}

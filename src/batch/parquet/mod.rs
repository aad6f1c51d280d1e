//! The facts of all hosts as Parquet, parted by host as Hive does, for engines that ask many at once:
//! `parquet/TABLE/host=NAME/ARCHIVE.parquet`.

mod table;

use super::record::Record;
use super::{DONE, durable, lock, synced};
use rusqlite::{Connection, OpenFlags};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Folder of the tables.
const TABLES: &str = "parquet";
/// What Hive, and all who came after it, read as NULL.
const NO_NAME: &str = "__HIVE_DEFAULT_PARTITION__";
/// Bytes of a host's name in a folder's name, which may have 255.
const LONGEST: usize = 200;

/// Writes the tables of one result below `to`, from the case folder below `from`, unless they are
/// there. Each file is whole or absent, and a list of them in `done`, written last, says that all
/// are there.
///
/// # Errors
/// Where the facts cannot be read or a file cannot be written; by name.
pub fn ensure(record: &Record, from: &Path, to: &Path) -> io::Result<()> {
    let list = to.join(DONE).join(format!("{}.parquet", record.key));
    let written = fs::read_to_string(&list).unwrap_or_default();
    if list.exists() && written.lines().all(|file| to.join(file).is_file()) {
        return Ok(());
    }
    let _held = lock::take(to, &record.key)?;
    let facts = from.join(&record.case).join("facts.db");
    let fail = |e: &dyn std::fmt::Display| io::Error::other(format!("{}: {e}", facts.display()));
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&facts, flags).map_err(|e| fail(&e))?;
    // A case folder may have come from elsewhere: what its schema calls is not to be run.
    connection.execute_batch("PRAGMA trusted_schema = OFF").map_err(|e| fail(&e))?;
    let partition = partition(&record.host);
    let file = format!("{}.parquet", record.short());
    let mut finished: Vec<(PathBuf, PathBuf)> = Vec::new();
    let mut names = String::new();
    for name in table::names(&connection).map_err(|e| fail(&e))? {
        let below = format!("{TABLES}/{name}/{partition}");
        fs::create_dir_all(to.join(&below))?;
        left_behind(&to.join(&below), &file);
        let place = to.join(&below).join(&file);
        // A name that begins with a dot is no data to those who read such folders.
        let part = to.join(&below).join(format!(".{file}.{}", std::process::id()));
        let made = table::write(&connection, &name, &record.sha256, File::create(&part)?)
            .map_err(|e| fail(&format!("{name}: {e}")));
        if let Err(e) = made {
            finished.iter().for_each(|(part, _)| drop(fs::remove_file(part)));
            let _ = fs::remove_file(&part);
            return Err(e);
        }
        let _ = writeln!(names, "{below}/{file}");
        finished.push((part, place));
    }
    // All are written before the first is waited for: the disk then takes them together.
    for (part, place) in &finished {
        File::open(part)?.sync_all()?;
        fs::rename(part, place)?;
        synced(place.parent())?;
    }
    fs::create_dir_all(to.join(DONE))?;
    durable(&list, names.as_bytes())
}

/// Takes away what a run that was killed left of a file.
fn left_behind(folder: &Path, file: &str) {
    let begins = format!(".{file}.");
    for entry in fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok) {
        if entry.file_name().to_string_lossy().starts_with(&begins) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// `host=NAME`, with everything but the plainest characters as `%NN`, which readers undo.
fn partition(host: &str) -> String {
    let mut name = String::from("host=");
    if host.is_empty() {
        name.push_str(NO_NAME);
    }
    for byte in host.bytes() {
        if name.len() >= LONGEST {
            break;
        }
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.') {
            name.push(char::from(byte));
        } else {
            let _ = write!(name, "%{byte:02X}");
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hosts_name_leads_nowhere() {
        assert_eq!(partition("web-03.example"), "host=web-03.example");
        assert_eq!(partition("../a b"), "host=..%2Fa%20b");
        assert_eq!(partition(""), "host=__HIVE_DEFAULT_PARTITION__");
        assert!(partition(&"\u{1f4a3}".repeat(500)).len() < 255);
    }
}

//! Many hosts: an archive each, a child process each, a record each, and the fleet they make.
//!
//! A result is named by what it is the result of (the archive's digest and that of the rules), is
//! written elsewhere first and renamed when it is whole. So a run that was killed goes on where it
//! was, several machines can share the work, and the same inputs make the same fleet, byte for byte,
//! however they were parted.

mod database;
mod fleet;
mod lock;
mod merge;
mod page;
pub mod parquet;
mod parts;
mod passed;
mod record;
mod run;
mod shard;
mod share;
#[cfg(test)]
mod tests;
mod work;

pub use fleet::{Fleet, LEVELS};
pub use merge::Merged;
pub use parts::{Gap, Mark, Whole, Work};
pub use passed::Passed;
pub use record::{Record, Status};
pub use run::{Asked, Event, Limits, Progress, Ran, run};
pub use shard::Shard;
pub use work::{Item, items};

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Folder of the records, one file a result.
const DONE: &str = "done";
/// Folder of the case folders.
const CASES: &str = "cases";
/// Folder of what is being worked on.
const WORK: &str = ".work";

/// `1 host`, `2 hosts`.
#[must_use]
pub fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Takes away the folder of work from a merge's own, where nothing was worked on; of a run's it stays.
pub fn leave(folder: &Path) {
    if !folder.join(DONE).exists() {
        let _ = fs::remove_dir(folder.join(WORK));
    }
}

/// Writes a file so that it is whole or not there, whatever happens meanwhile.
///
/// # Errors
/// Where it cannot be written.
fn durable(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let part = Path::new(&name);
    let write = || {
        let mut file = File::create(part)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(part, path)
    };
    let named = |e: io::Error| io::Error::new(e.kind(), format!("{}: {e}", path.display()));
    if let Err(e) = write() {
        // As on a full disk, where it would be in the way of who makes room.
        let _ = fs::remove_file(part);
        return Err(named(e));
    }
    synced(path.parent())
}

/// Makes a renaming in a folder last.
fn synced(folder: Option<&Path>) -> io::Result<()> {
    folder.map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

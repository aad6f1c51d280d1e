//! Locks: who holds one does the work of its name alone, on whatever machine that shares the folder, and
//! may take away what a run that was killed left of it.

use super::parts::PARTS;
use super::{DONE, WORK};
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

/// A lock that is held; its file goes with it.
pub(super) struct Held {
    path: PathBuf,
    _file: File,
    /// Whether another run held it before.
    pub waited: bool,
}

impl Drop for Held {
    fn drop(&mut self) {
        // While it is held still: who waits for it sees that its file is gone, and makes another.
        let _ = fs::remove_file(&self.path);
    }
}

/// Takes the lock of this name below the folder, waiting for it if need be.
///
/// # Errors
/// Where its file cannot be made.
pub(super) fn take(folder: &Path, name: &str) -> io::Result<Held> {
    let mut waited = false;
    loop {
        match attempt(folder, name, FlockOperation::NonBlockingLockExclusive)? {
            Some(mut held) => {
                held.waited = waited;
                return Ok(held);
            }
            None => waited = true,
        }
        if let Some(mut held) = attempt(folder, name, FlockOperation::LockExclusive)? {
            held.waited = true;
            return Ok(held);
        }
    }
}

/// Takes it where nobody holds it.
fn free(folder: &Path, name: &str) -> Option<Held> {
    attempt(folder, name, FlockOperation::NonBlockingLockExclusive).ok().flatten()
}

fn attempt(folder: &Path, name: &str, how: FlockOperation) -> io::Result<Option<Held>> {
    let below = folder.join(WORK);
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&below)?;
    let path = below.join(format!("lock.{name}"));
    let file = File::create(&path)?;
    // Any other error is a file system without locks: as good as none.
    if flock(&file, how) == Err(rustix::io::Errno::WOULDBLOCK) {
        return Ok(None);
    }
    Ok(settled(path, file))
}

/// The lock on this file, which is locked. Who held it before may have taken the file away meanwhile:
/// then it is a lock on nothing, and what bears its name now is another's and stays.
fn settled(path: PathBuf, file: File) -> Option<Held> {
    let same = fs::metadata(&path).ok().zip(file.metadata().ok());
    let same = same.is_some_and(|(a, b)| (a.dev(), a.ino()) == (b.dev(), b.ino()));
    same.then(|| Held { path, _file: file, waited: false })
}

/// Takes away what runs that were killed left behind: work that was half done, and files that were not
/// yet whole. What another run is at stays.
pub(super) fn tidy(folder: &Path) {
    for (below, key) in [(WORK, worked as fn(&str) -> Option<&str>), (DONE, parted)] {
        let below = folder.join(below);
        for entry in fs::read_dir(&below).into_iter().flatten().filter_map(Result::ok) {
            let name = entry.file_name();
            let Some(key) = name.to_str().and_then(key) else { continue };
            let Some(_held) = free(folder, key) else { continue };
            let path = entry.path();
            let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        }
    }
    if let Some(_held) = free(folder, PARTS) {
        let entries = fs::read_dir(folder.join(PARTS)).into_iter().flatten().filter_map(Result::ok);
        for path in entries.map(|entry| entry.path()) {
            if path.extension().is_some_and(|end| end == "part") {
                let _ = fs::remove_file(path);
            }
        }
    }
    let Some(_held) = free(folder, FLEET) else { return };
    for entry in fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok) {
        let name = entry.file_name();
        let unfinished = name.to_str().is_some_and(|name| {
            name.starts_with("fleet.") && [".part", ".new"].iter().any(|end| name.ends_with(end))
        });
        if unfinished {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// The lock of the fleet's report.
pub(super) const FLEET: &str = "fleet";

/// The result whose work is in this folder: `KEY.PID`.
fn worked(name: &str) -> Option<&str> {
    let (key, pid) = name.rsplit_once('.')?;
    let known = !name.starts_with("lock.") && pid.bytes().all(|b| b.is_ascii_digit());
    known.then_some(key)
}

/// The result whose record or list this would have become: `KEY.json.PID.part`.
fn parted(name: &str) -> Option<&str> {
    let (key, rest) = name.split_once(".json.").or_else(|| name.split_once(".parquet."))?;
    rest.ends_with(".part").then_some(key)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_was_left_half_done_goes_and_what_is_held_stays() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in [".work/a.r.7", ".work/b.r.8", "done", "parts"] {
            fs::create_dir_all(at(name)).unwrap();
        }
        let files = [
            ".work/a.r.7/messages",
            "done/a.r.json.7.part",
            "done/a.r.parquet.7.part",
            "done/b.r.json.8.part",
            "done/c.r.json",
            "parts/0-of-2.r.json.7.part",
            "fleet.html.7.part",
            "fleet.db.7.new",
            "fleet.json",
        ];
        files.iter().for_each(|name| fs::write(at(name), "x").unwrap());
        let held = take(folder.path(), "b.r").unwrap();
        assert!(!held.waited && free(folder.path(), "b.r").is_none());
        tidy(folder.path());
        let there: Vec<&str> = files.into_iter().filter(|name| at(name).exists()).collect();
        assert_eq!(there, ["done/b.r.json.8.part", "done/c.r.json", "fleet.json"]);
        assert!(at(".work/b.r.8").exists() && !at(".work/a.r.7").exists());
        drop(held);
        tidy(folder.path());
        assert!(!at("done/b.r.json.8.part").exists());
        assert_eq!(fs::read_dir(at(".work")).unwrap().count(), 0, "no lock is left behind");
    }

    #[test]
    fn who_comes_late_takes_no_lock_of_another_away() {
        let folder = tempfile::tempdir().unwrap();
        let first = take(folder.path(), "x").unwrap();
        let path = first.path.clone();
        let late = File::open(&path).unwrap();
        drop(first);
        let _second = take(folder.path(), "x").unwrap();
        assert!(settled(path.clone(), late).is_none());
        assert!(path.exists());
    }

    #[test]
    fn one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let inside = std::sync::atomic::AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let _held = take(folder.path(), "x").unwrap();
                        let others = inside.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                        assert_eq!(others, 0);
                        inside.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                    }
                });
            }
        });
    }
}

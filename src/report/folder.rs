//! The case folder: the reports, the facts, what was recovered, and a manifest over all of it.

use super::{Case, Html, Json, Report, Timesketch};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The manifest's name in the folder.
pub const MANIFEST: &str = "manifest.json";

/// A file of the case folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Written {
    /// Path in the folder; bytes that are not UTF-8 as the platform shows them.
    pub path: String,
    /// In bytes.
    pub size: u64,
    /// SHA-256 of its bytes, hexadecimal.
    pub sha256: String,
}

/// Makes the folder, for its owner alone: it will hold what was recovered from the host.
/// Call it before the facts file is made in it.
///
/// # Errors
/// Where it is there already and not empty, or cannot be made.
pub fn create(folder: &Path) -> io::Result<()> {
    match DirBuilder::new().recursive(true).mode(0o700).create(folder) {
        Ok(()) => {}
        Err(cause) => return Err(named(folder, &cause)),
    }
    let mut entries = fs::read_dir(folder).map_err(|cause| named(folder, &cause))?;
    if entries.next().is_some() {
        let message = format!(
            "{}: the folder is not empty; name a new one, so that no other case is overwritten",
            folder.display()
        );
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
    }
    Ok(())
}

/// Writes the reports into the folder, and last the manifest over every file in it. Call it when
/// nothing else will be written there any more.
///
/// # Errors
/// The first file that could not be written, by name; those before it are kept.
pub fn write(case: &Case, folder: &Path) -> io::Result<Vec<Written>> {
    for report in [&Html as &dyn Report, &Json, &Timesketch] {
        let path = folder.join(report.name().1);
        whole(&path, |out| report.write(case, out)).map_err(|cause| named(&path, &cause))?;
    }
    let mut paths = Vec::new();
    files(folder, &mut paths)?;
    paths.sort();
    let mut written = Vec::new();
    for path in paths {
        let relative = path.strip_prefix(folder).unwrap_or(&path);
        if relative == Path::new(MANIFEST) {
            continue;
        }
        let (size, sha256) = hash(&path).map_err(|cause| named(&path, &cause))?;
        written.push(Written { path: relative.display().to_string(), size, sha256 });
    }
    let manifest = Manifest { schema: "davy.manifest/1", files: &written };
    let path = folder.join(MANIFEST);
    whole(&path, |out| {
        serde_json::to_writer_pretty(&mut *out, &manifest)?;
        out.write_all(b"\n")
    })
    .map_err(|cause| named(&path, &cause))?;
    Ok(written)
}

#[derive(Serialize)]
struct Manifest<'a> {
    schema: &'static str,
    files: &'a [Written],
}

/// Writes a file under another name and gives it its own once it is whole and on the disk: a
/// half-written report is never taken for one.
fn whole(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    let part = PathBuf::from(name);
    let result = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&part)
        .and_then(|file| {
            let mut out = BufWriter::new(file);
            fill(&mut out)?;
            out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
        })
        .and_then(|()| fs::rename(&part, path));
    if result.is_err() {
        // The part is of no use, and on a full disk its room is.
        let _ = fs::remove_file(&part);
    }
    result
}

/// Every regular file below, links not followed.
fn files(folder: &Path, into: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder).map_err(|cause| named(folder, &cause))? {
        let entry = entry.map_err(|cause| named(folder, &cause))?;
        let kind = entry.file_type().map_err(|cause| named(&entry.path(), &cause))?;
        if kind.is_dir() {
            files(&entry.path(), into)?;
        } else if kind.is_file() {
            into.push(entry.path());
        }
    }
    Ok(())
}

fn hash(path: &Path) -> io::Result<(u64, String)> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 65_536];
    let mut size = 0_u64;
    loop {
        let count = file.read(&mut buffer)?;
        let Some(read) = buffer.get(..count).filter(|read| !read.is_empty()) else { break };
        hasher.update(read);
        size = size.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
    }
    let sha256 = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok((size, sha256))
}

fn named(path: &Path, cause: &io::Error) -> io::Error {
    io::Error::new(cause.kind(), format!("{}: {cause}", path.display()))
}

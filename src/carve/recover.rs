//! Copies what deletion will take for good when the process ends: deleted open files, memfds and
//! deleted executables.

use super::place::{path, rows};
use crate::evidence::{Evidence, HostPath, Pid, process_dir};
use crate::facts::{Error, Facts, Status};
use sha2::{Digest, Sha256};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// Bytes copied of one file, and of all together.
const ONE: u64 = 256 << 20;
const ALL: u64 = 2 << 30;

/// A file that was saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// Fact of the open file or executable.
    pub fact: String,
    /// The path it had.
    pub path: HostPath,
    /// Where it lies in the case folder: `recovered/2591-3-libcron.so.1`.
    pub name: String,
    /// Bytes copied.
    pub size: u64,
    /// Of the bytes copied.
    pub sha256: String,
    /// Whether the file had more than was copied.
    pub cut: bool,
}

struct Wanted {
    fact: String,
    path: HostPath,
    pid: Pid,
    link: String,
    fd: Option<u32>,
}

/// Copies each deleted open file, memfd and deleted executable into `folder`/recovered (of a second
/// source of the host, recovered-2), and notes in `open_files.recovered` where. One that cannot be read or written is coverage.
///
/// # Errors
/// Where facts cannot be stored.
pub fn recover(
    evidence: &dyn Evidence,
    facts: &Facts,
    folder: &Path,
    source: u32,
) -> Result<Vec<Recovered>, Error> {
    let wanted = wanted(facts)?;
    let mut done: Vec<Recovered> = Vec::new();
    let mut seen: std::collections::HashMap<(u64, u64), usize> = std::collections::HashMap::new();
    let (mut room, mut problems) = (ALL, Vec::new());
    let below = match source {
        1 => folder.join("recovered"),
        number => folder.join(format!("recovered-{number}")),
    };
    for one in wanted {
        let copied = copy(evidence, &one, &below, room, &mut seen, &done);
        match copied {
            Ok(Copied::New(file)) => {
                room = room.saturating_sub(file.size);
                note(facts, &one, &file.name)?;
                if file.cut {
                    problems.push(format!("{} cut at {} bytes", file.name, file.size));
                }
                done.push(file);
            }
            Ok(Copied::Same(index)) => {
                if let Some(file) = done.get(index) {
                    note(facts, &one, &file.name)?;
                }
            }
            Err(problem) => problems.push(format!("{}: {problem}", one.path)),
        }
    }
    let status = if problems.is_empty() { Status::Complete } else { Status::Partial };
    facts.cover("open_files.recovered", status, problems.join("; "))?;
    Ok(done)
}

fn wanted(facts: &Facts) -> Result<Vec<Wanted>, Error> {
    let query = "SELECT fact, target, pid, fd FROM open_files
        WHERE kind = 'memfd' OR kind = 'file' AND deleted ORDER BY pid, fd";
    let mut wanted = rows(facts, query, |row| {
        let fd: u32 = row.get(3)?;
        Ok(Wanted {
            fact: row.get(0)?,
            path: path(row, 1)?,
            pid: row.get(2)?,
            link: format!("fd/{fd}"),
            fd: Some(fd),
        })
    })?;
    wanted.extend(rows(
        facts,
        "SELECT fact, path, pid FROM elf WHERE nlink = 0 ORDER BY pid",
        |row| {
            Ok(Wanted {
                fact: row.get(0)?,
                path: path(row, 1)?,
                pid: row.get(2)?,
                link: "exe".to_owned(),
                fd: None,
            })
        },
    )?);
    Ok(wanted)
}

fn note(facts: &Facts, one: &Wanted, name: &str) -> Result<(), Error> {
    if one.fd.is_none() {
        return Ok(());
    }
    facts
        .connection()
        .execute("UPDATE open_files SET recovered = ?1 WHERE fact = ?2", (name, &one.fact))
        .map(|_| ())
        .map_err(|cause| Error::Sql { doing: "noting a recovered file".to_owned(), cause })
}

enum Copied {
    New(Recovered),
    /// The same file as one copied before, by its index.
    Same(usize),
}

fn copy(
    evidence: &dyn Evidence,
    one: &Wanted,
    folder: &Path,
    room: u64,
    seen: &mut std::collections::HashMap<(u64, u64), usize>,
    done: &[Recovered],
) -> Result<Copied, String> {
    let dir = process_dir(evidence, one.pid).map_err(|e| e.to_string())?;
    let link = HostPath::from(one.link.as_str());
    let stat = dir.stat(&link).map_err(|e| e.to_string())?;
    if let Some(index) = seen.get(&(stat.dev, stat.inode)) {
        return Ok(Copied::Same(*index));
    }
    let limit = ONE.min(room);
    if limit == 0 {
        return Err("not copied: the limit of all recovered files is reached".to_owned());
    }
    let mut from = dir.open(&link).map_err(|e| e.to_string())?;
    // What was deleted may be a key or a program that must not run: for the owner's eyes alone.
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|e| format!("{}: {e}", folder.display()))?;
    let number = one.fd.map_or_else(|| "exe".to_owned(), |fd| fd.to_string());
    let name = format!("{}-{number}-{}", one.pid, safe(one.path.file_name()));
    let target = folder.join(&name);
    let mut to = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&target)
        .map_err(|e| format!("{}: {e}", target.display()))?;
    let (size, sha256) =
        sparse(&mut from, &mut to, limit).map_err(|e| format!("{}: {e}", target.display()))?;
    seen.insert((stat.dev, stat.inode), done.len());
    Ok(Copied::New(Recovered {
        fact: one.fact.clone(),
        path: one.path.clone(),
        name: Path::new(folder.file_name().unwrap_or_default()).join(&name).display().to_string(),
        size,
        sha256,
        cut: stat.size > size,
    }))
}

/// Copies at most `limit` bytes; stretches of zeros become holes, so that a sparse file of a
/// terabyte does not fill the disk. The digest is of what the copy reads as.
fn sparse(from: &mut dyn Read, to: &mut File, limit: u64) -> std::io::Result<(u64, String)> {
    let mut digest = Sha256::new();
    let mut buffer = vec![0_u8; 64 * 1024];
    let mut size = 0_u64;
    while size < limit {
        let asked = buffer.len().min(usize::try_from(limit - size).unwrap_or(usize::MAX));
        let got = match from.read(buffer.get_mut(..asked).unwrap_or_default()) {
            Ok(0) => break,
            Ok(got) => got,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        };
        let bytes = buffer.get(..got).unwrap_or_default();
        digest.update(bytes);
        if bytes.iter().all(|b| *b == 0) {
            to.seek(SeekFrom::Current(i64::try_from(got).unwrap_or(0)))?;
        } else {
            to.write_all(bytes)?;
        }
        size = size.saturating_add(got as u64);
    }
    to.set_len(size)?;
    let hex = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok((size, hex))
}

/// A file name that no shell, terminal or file system minds.
fn safe(name: &[u8]) -> String {
    let safe: String = name
        .iter()
        .take(80)
        .map(|b| match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' | b'-' | b'+' => char::from(*b),
            _ => '_',
        })
        .collect();
    let safe = safe.trim_start_matches('.');
    if safe.is_empty() { "unnamed".to_owned() } else { safe.to_owned() }
}

//! zip: by its central directory, which stands at the end.

use super::{Container, Member, Spool, Want, Wanted};
use crate::evidence::{Body, FileKind, unpack};
use ::zip::ZipArchive;
use std::io::{self, Cursor, Read, Seek};

/// Bytes of a zip that comes as a stream and must be held whole.
const HELD: u64 = 256 << 20;

/// Holds a zip that cannot be sought in.
///
/// # Errors
/// Where it is too long.
pub(super) fn whole(stream: Box<dyn Read + Send>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    stream.take(HELD + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > HELD {
        let why =
            "a zip from a stream must be held whole, and this one is over 256 MiB: name the file";
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    }
    Ok(bytes)
}

/// Reads all members.
///
/// # Errors
/// Where the central directory cannot be read.
pub(super) fn read(
    spool: &mut Spool,
    before: &[u8],
    file: impl Read + Seek,
    wanted: Wanted<'_>,
) -> io::Result<()> {
    let damaged =
        |e: ::zip::result::ZipError| io::Error::new(io::ErrorKind::InvalidData, e.to_string());
    let mut archive = ZipArchive::new(file).map_err(damaged)?;
    for index in 0..archive.len() {
        if !spool.counted() {
            return Ok(());
        }
        let mut entry = match archive.by_index(index) {
            Ok(entry) => entry,
            Err(e) => {
                spool.problem(format!("member {index}").as_bytes(), e.to_string());
                continue;
            }
        };
        let raw = entry.name_raw().to_vec();
        let Some(name) = spool.named(before, &raw) else { continue };
        let mode = entry.unix_mode().unwrap_or(0o644);
        let kind = if entry.is_dir() {
            FileKind::Directory
        } else {
            match FileKind::from_mode(mode) {
                FileKind::Other => FileKind::File,
                kind => kind,
            }
        };
        let mut member = Member {
            kind,
            mode: mode & 0o7777,
            uid: 0,
            gid: 0,
            size: entry.size(),
            mtime: 0,
            link: Vec::new(),
            body: Body::Unheld,
            cut: false,
        };
        if kind == FileKind::Link {
            let _ = entry.by_ref().take(4096).read_to_end(&mut member.link);
            member.size = member.link.len() as u64;
        }
        match wanted(&name, member.size) {
            Want::Nothing => {}
            Want::Members if kind == FileKind::File => {
                let most = spool.limits.one.saturating_mul(2);
                let mut packed = Vec::new();
                let read = entry.by_ref().take(most).read_to_end(&mut packed);
                if let Err(e) = read {
                    spool.problem(&name, format!("damaged: {e}"));
                }
                let below = [name.as_slice(), b"!"].concat();
                spool.members.insert(name.clone(), member);
                inside(spool, &name, &below, packed, wanted)?;
            }
            want => {
                if let Err(e) = spool.take(&name, member, &mut entry, want) {
                    spool.problem(&name, format!("damaged: {e}"));
                }
            }
        }
    }
    Ok(())
}

/// An archive within the zip.
fn inside(
    spool: &mut Spool,
    name: &[u8],
    below: &[u8],
    packed: Vec<u8>,
    wanted: Wanted<'_>,
) -> io::Result<()> {
    match Container::told_by(packed.get(..64 * 1024).unwrap_or(&packed)) {
        Some(Container::Tar) => {
            let (plain, _) = unpack(Box::new(Cursor::new(packed)))?;
            super::tar::read(spool, below, plain, wanted, 1)
        }
        Some(Container::Zip) => {
            let read = read_flat(spool, below, packed, wanted);
            if let Err(e) = read {
                spool.problem(name, e.to_string());
            }
            Ok(())
        }
        None => {
            spool.problem(name, "should be an archive, and is none");
            Ok(())
        }
    }
}

/// A zip in a zip; in it, no further archive is opened.
fn read_flat(
    spool: &mut Spool,
    below: &[u8],
    packed: Vec<u8>,
    wanted: Wanted<'_>,
) -> io::Result<()> {
    let flat = |name: &[u8], size: u64| match wanted(name, size) {
        Want::Members => Want::Name,
        want => want,
    };
    read(spool, below, Cursor::new(packed), &flat)
}

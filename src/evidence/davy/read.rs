//! Reading: members are held until the segment that vouches for them, checked, and become answers.
//! What is too much to hold is checked as it goes by, and read again from the file when it is asked
//! for.

use super::again::{self, Again};
use super::blocks::Blocks;
use super::custody::{self, Custody};
use super::header::Header;
use super::held::{Body, Keeps};
use super::reader::Reader;
use super::{ABOUT, MANIFEST, hex};
use crate::evidence::recording::Replay;
use crate::evidence::unpack;
use crate::facts::HostText;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

/// Bytes of a segment of the manifest.
const MOST_MANIFEST: u64 = 256 << 20;
/// Bytes of members held in memory.
pub const HELD: u64 = 64 << 20;
/// The same where nothing can be read again, as of a pipe.
const HELD_ONCE: u64 = 112 << 20;

/// Reads the plain tar of an archive: what it says, and whether it is as it was written. Bytes are
/// kept for the replay only where `keep` is set.
///
/// # Errors
/// Where the stream is no archive of davy's.
pub fn read(stream: impl Read, name: &str, keep: bool) -> io::Result<(Replay, Custody)> {
    members(stream, name, if keep { HELD_ONCE } else { 0 }, None)
}

/// The same, holding at most so many bytes of its members: of what lies within another archive.
///
/// # Errors
/// Where the stream is no archive of davy's.
pub fn read_holding(stream: impl Read, name: &str, hold: u64) -> io::Result<(Replay, Custody)> {
    members(stream, name, hold.min(HELD_ONCE), None)
}

/// Reads an archive that comes but once, packed or not.
///
/// # Errors
/// Where it is no archive of davy's.
pub fn stream(
    packed: Box<dyn Read + Send>,
    name: &str,
    keep: bool,
) -> io::Result<(Replay, Custody)> {
    read(again::pass(packed), name, keep)
}

/// Opens an archive's file, packed or not, holding so many bytes of its members in memory.
///
/// # Errors
/// Where it is no archive of davy's.
pub fn open(file: File, name: &str, hold: u64) -> io::Result<(Replay, Custody)> {
    let (stream, again) = again::open(file)?;
    members(stream, name, hold, again)
}

fn members(
    stream: impl Read,
    name: &str,
    room: u64,
    again: Option<Arc<Again>>,
) -> io::Result<(Replay, Custody)> {
    let mut reader = Reader::new(room, again);
    let mut blocks = Blocks::new(stream);
    let invalid = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
    let mut ended = None;
    // From each header that is found everything is in its place, up to the next one that is damaged.
    while let Some(passed) = blocks.find()? {
        if let Some(ended) = ended.take() {
            reader.resumed(ended, passed.count);
        } else if reader.answers.is_none()
            && let broke = blocks.broke()
            && (passed.count > 0 || broke.is_some())
        {
            // Where only the header of the first member was changed, what follows it is its text.
            let why = broke.map_or_else(
                || "its header in the tar was changed".to_owned(),
                |why| format!("the beginning of the archive is damaged: {why}"),
            );
            reader.fault(ABOUT, why);
            reader.about(&passed.bytes).map_err(invalid)?;
        }
        let base = blocks.at();
        let mut archive = tar::Archive::new(&mut blocks);
        let how = run(&mut reader, &mut archive, base).map_err(invalid)?;
        ended = match (how, blocks.broke()) {
            (Ended::Whole, _) => break,
            (Ended::Cut { member, .. }, Some(why)) => Some(Ended::Damaged { member, why }),
            (Ended::Damaged { member, .. }, Some(why)) => Some(Ended::Damaged { member, why }),
            (how, None) => Some(how),
        };
    }
    reader.broken_off(ended);
    reader.finish().map_err(invalid)?;
    let (custody, lost) = (reader.custody, reader.lost);
    match reader.answers {
        Some(answers) => {
            let told = custody::told(name, &custody, lost);
            Ok((Replay::of_archive(answers, name, told), custody))
        }
        None => Err(invalid("nothing that davy writes is in it".to_owned())),
    }
}

/// How a stretch of members ended.
pub(super) enum Ended {
    /// With the archive.
    Whole,
    /// Within a member.
    Cut { member: String, why: String },
    /// At a header that cannot be right, or where the stream is damaged within a member.
    Damaged { member: String, why: String },
}

/// Reads members up to the archive's end or to a damaged header; the tar begins at that byte.
fn run<R: Read>(
    reader: &mut Reader,
    archive: &mut tar::Archive<R>,
    base: u64,
) -> Result<Ended, String> {
    for entry in archive.entries().map_err(|e| e.to_string())? {
        let mut entry = match entry {
            Ok(entry) => entry,
            Err(e) => {
                return Ok(Ended::Damaged { member: String::new(), why: e.to_string() });
            }
        };
        let member = HostText::from(entry.path_bytes().as_ref()).escaped();
        let (size, header) = (entry.size(), Header::of(entry.header()));
        if reader.answers.is_none() && member != ABOUT {
            return Err(format!("begins with {member}, not with {ABOUT}"));
        }
        let ours = reader.answers.is_none() || member.starts_with(MANIFEST);
        if ours && size > MOST_MANIFEST {
            reader.fault(&member, format!("{size} bytes are more than davy writes"));
            continue;
        }
        let at = base.saturating_add(entry.raw_file_position());
        let keeps = if ours { Keeps::Whole } else { reader.keeps(size, at) };
        let (bytes, digest, got) = taken(&mut entry, size, matches!(keeps, Keeps::Whole));
        if got < size {
            let why = format!("cut: {got} of {size} bytes are there");
            return Ok(Ended::Cut { member, why });
        }
        if reader.answers.is_none() {
            reader.taken = header.mtime;
            reader.about(&bytes)?;
        }
        if member.starts_with(MANIFEST) {
            reader.segment(&member, &bytes, header);
        } else {
            reader.hold(member, Body::of(keeps, bytes, size), digest, header);
        }
    }
    Ok(Ended::Whole)
}

/// A member's bytes as far as they are wanted, its digest, and how many bytes were there.
fn taken(entry: &mut impl Read, size: u64, keep: bool) -> (Vec<u8>, String, u64) {
    let mut digest = Sha256::new();
    let mut bytes =
        Vec::with_capacity(if keep { usize::try_from(size.min(1 << 24)).unwrap_or(0) } else { 0 });
    let mut buffer = vec![0_u8; usize::try_from(size.clamp(1, 256 << 10)).unwrap_or(1)];
    let mut got = 0_u64;
    loop {
        match entry.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => {
                let part = buffer.get(..count).unwrap_or_default();
                digest.update(part);
                if keep {
                    bytes.extend_from_slice(part);
                }
                got = got.saturating_add(count as u64);
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    (bytes, hex(&digest.finalize()), got)
}

/// Whether these are the first plain bytes of davy's archive, 1 KiB of them: also where one of them was
/// changed.
pub(in crate::evidence) fn begins(first: &[u8]) -> bool {
    let named = first.starts_with(b"davy.json\0");
    named
        || first.get(512..).is_some_and(|text| {
            memchr::memmem::find(text, b"\"format\": \"davy.archive/").is_some()
        })
}

/// Whether a file's first bytes, compressed or not, are those of davy's archive.
#[must_use]
pub fn told_by(head: &[u8]) -> bool {
    let mut first = Vec::new();
    let (plain, _) = unpack(Box::new(io::Cursor::new(head.to_vec())));
    // The head is cut off somewhere: what came out before counts.
    let _ = plain.take(1024).read_to_end(&mut first);
    begins(&first)
}

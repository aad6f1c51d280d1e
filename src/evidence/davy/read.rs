//! Reading: members are held until the segment that vouches for them, checked, and become answers.
//! What is too much to hold is checked as it goes by, and read again from the file when it is asked
//! for.

use super::again::{self, Again};
use super::wire::{Heading, WireAbout, WireDirectory, WireMemory, WirePiece};
use super::{ABOUT, FORMAT, MANIFEST, hex, sha256};
use crate::evidence::recording::{
    Answers, Content, Directory, KeptMemory, Pieces, ReadAt, RecordingLimits, Replay,
};
use crate::evidence::{Told, unpack};
use crate::facts::{HostText, Status};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

/// Bytes of a segment of the manifest.
const MOST_MANIFEST: u64 = 256 << 20;
/// Bytes of members held in memory.
pub const HELD: u64 = 64 << 20;
/// The same where nothing can be read again, as of a pipe.
const HELD_ONCE: u64 = 112 << 20;
/// Members larger than this leave half of that room to the others.
const LARGE: u64 = 1 << 20;

/// Something in an archive that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The member; empty for the archive.
    pub member: String,
    /// What is wrong.
    pub why: String,
}

/// What can be said of an archive's integrity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Custody {
    /// Name of the host.
    pub host: String,
    /// Segments that are there and chained.
    pub segments: u64,
    /// Members that these vouch for.
    pub members: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// Digest of the last segment; of a whole archive, its root.
    pub root: String,
    /// Whether the last segment is there.
    pub whole: bool,
    /// What is not as it was written.
    pub faults: Vec<Fault>,
    /// Members after the last segment: nothing vouches for them, and nothing of them is used.
    pub unvouched: u64,
    /// What the collector read and did not keep, by its limits.
    pub left_out: Vec<(String, u64)>,
}

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
    let mut reader = Reader {
        answers: None,
        custody: Custody::default(),
        held: HashMap::new(),
        hold: room,
        room,
        again,
        lost: (0, 0),
    };
    let mut archive = tar::Archive::new(stream);
    let invalid = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
    for entry in archive.entries()? {
        let mut entry = match entry {
            Ok(entry) => entry,
            Err(e) => {
                reader.fault("", format!("the archive is cut or damaged here: {e}"));
                break;
            }
        };
        let member = HostText::from(entry.path_bytes().as_ref()).escaped();
        let size = entry.size();
        if reader.answers.is_none() && member != ABOUT {
            return Err(invalid(format!("begins with {member}, not with {ABOUT}")));
        }
        let ours = reader.answers.is_none() || member.starts_with(MANIFEST);
        if ours && size > MOST_MANIFEST {
            reader.fault(&member, format!("{size} bytes are more than davy writes"));
            continue;
        }
        let keeps = if ours { Keeps::Whole } else { reader.keeps(size, entry.raw_file_position()) };
        let (bytes, digest, got) = taken(&mut entry, size, matches!(keeps, Keeps::Whole));
        if got < size {
            reader.fault(&member, format!("cut: {got} of {size} bytes are there"));
            break;
        }
        if reader.answers.is_none() {
            reader.about(&bytes).map_err(invalid)?;
        }
        if member.starts_with(MANIFEST) {
            reader.segment(&member, &bytes);
        } else {
            reader.hold(member, Body::of(keeps, bytes, size), digest);
        }
    }
    reader.custody.unvouched = reader.held.values().filter(|held| !held.vouched).count() as u64;
    if reader.custody.whole && reader.custody.unvouched > 0 {
        let count = reader.custody.unvouched;
        let why = format!("{count} members that no segment vouches for: they were put in later");
        reader.fault("", why);
    }
    if !reader.custody.whole && reader.custody.faults.is_empty() {
        reader.fault("", "the archive ends before its last segment".to_owned());
    }
    let (custody, lost) = (reader.custody, reader.lost);
    match reader.answers {
        Some(answers) => {
            let told = told(name, &custody, lost);
            Ok((Replay::of_archive(answers, name, told), custody))
        }
        None => Err(invalid("empty".to_owned())),
    }
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

/// What is wrong or was left out, as coverage; nothing where nothing is.
fn told(name: &str, custody: &Custody, (members, bytes): (u64, u64)) -> Option<Told> {
    let mut told = Told::default();
    if members > 0 {
        let why = format!(
            "{name}: {members} members ({bytes} bytes) are more than davy holds, and were left out: \
             what comes through a pipe, is encrypted or is packed as one piece cannot be read again; name a file \
             that is packed with zstd, as davy collect does, or not at all"
        );
        told.beyond.push(("archive members".to_owned(), why));
    }
    told.damaged = custody.faults.first().map(|Fault { member, why }| {
        let what = if member.is_empty() { "the archive" } else { member };
        format!("{name}: {what}: {why}")
    });
    for Fault { member, why } in &custody.faults {
        let what = if member.is_empty() { "the archive" } else { member };
        let row = (format!("archive {what}"), Status::Partial, format!("{name}: {what}: {why}"));
        told.coverage.push(row);
    }
    for (path, bytes) in &custody.left_out {
        let why =
            format!("{path}: {bytes} bytes were read and not kept, by the collector's limits");
        told.coverage.push((format!("archive {path}"), Status::NotCaptured, why));
    }
    (!told.coverage.is_empty() || !told.beyond.is_empty()).then_some(told)
}

/// Whether these are the first plain bytes of davy's archive.
pub(in crate::evidence) fn begins(first: &[u8]) -> bool {
    first.starts_with(b"davy.json\0")
}

/// Whether a file's first bytes, compressed or not, are those of davy's archive.
#[must_use]
pub fn told_by(head: &[u8]) -> bool {
    let mut first = Vec::new();
    let (plain, _) = unpack(Box::new(io::Cursor::new(head.to_vec())));
    // The head is cut off somewhere: what came out before counts.
    let _ = plain.take(16).read_to_end(&mut first);
    begins(&first)
}

/// What becomes of a member's bytes.
#[derive(Clone, Copy)]
enum Keeps {
    /// They are held.
    Whole,
    /// They are read again, from here in the plain tar.
    At(u64),
    /// They are checked and let go.
    Nothing,
}

/// Where a member's bytes are.
enum Body {
    Held(Arc<[u8]>),
    Away { at: u64, length: u64 },
    Gone,
}

impl Body {
    fn of(keeps: Keeps, bytes: Vec<u8>, length: u64) -> Self {
        match keeps {
            Keeps::Whole => Self::Held(bytes.into()),
            Keeps::At(at) => Self::Away { at, length },
            Keeps::Nothing => Self::Gone,
        }
    }
}

struct Held {
    body: Body,
    sha256: String,
    vouched: bool,
}

struct Reader {
    answers: Option<Answers>,
    custody: Custody,
    held: HashMap<String, Held>,
    /// Bytes that may be held in all, and that still may.
    hold: u64,
    room: u64,
    again: Option<Arc<Again>>,
    /// Members that were neither held nor can be read again, and their bytes.
    lost: (u64, u64),
}

impl Reader {
    /// What is to become of a member of so many bytes, which lie there in the plain tar.
    fn keeps(&mut self, size: u64, at: u64) -> Keeps {
        let reserved = if size > LARGE { self.hold / 2 } else { 0 };
        if size.saturating_add(reserved) <= self.room {
            self.room = self.room.saturating_sub(size);
            return Keeps::Whole;
        }
        if self.again.is_some() {
            return Keeps::At(at);
        }
        if self.hold > 0 {
            self.lost = (self.lost.0.saturating_add(1), self.lost.1.saturating_add(size));
        }
        Keeps::Nothing
    }

    fn fault(&mut self, member: &str, why: String) {
        self.custody.faults.push(Fault { member: member.to_owned(), why });
    }

    fn about(&mut self, bytes: &[u8]) -> Result<(), String> {
        let about: WireAbout =
            serde_json::from_slice(bytes).map_err(|e| format!("{ABOUT}: {e}"))?;
        if about.format != FORMAT {
            return Err(format!("{ABOUT}: the format is {}, not {FORMAT}", about.format));
        }
        self.custody.host.clone_from(&about.name);
        let limits = RecordingLimits { one: usize::MAX, all: usize::MAX };
        self.answers = Some(Answers::new(about.name, about.clock.into(), limits));
        Ok(())
    }

    fn hold(&mut self, member: String, body: Body, sha256: String) {
        // tar(1) would write the later over the earlier, whichever was vouched for.
        if self.held.contains_key(&member) {
            self.fault(&member, "is there twice: davy writes each member once".to_owned());
        }
        self.held.insert(member, Held { body, sha256, vouched: false });
    }

    fn segment(&mut self, member: &str, bytes: &[u8]) {
        let mut lines = bytes.split(|b| *b == b'\n').filter(|line| !line.is_empty());
        let heading: Heading = match lines.next().map(serde_json::from_slice) {
            Some(Ok(heading)) => heading,
            _ => return self.fault(member, "is not a segment".to_owned()),
        };
        if heading.previous != self.custody.root || heading.segment != self.custody.segments + 1 {
            self.fault(
                member,
                "does not follow the segment before it: that one was changed, or one is missing"
                    .to_owned(),
            );
        }
        self.custody.root = sha256(bytes);
        self.custody.segments = heading.segment;
        self.custody.whole = heading.end;
        for one in &heading.members {
            let why = match self.held.get_mut(&one.name) {
                None => Some("is missing".to_owned()),
                Some(held) if held.sha256 != one.sha256 => {
                    Some("was changed: its bytes are not those that were written".to_owned())
                }
                Some(held) => {
                    held.vouched = true;
                    None
                }
            };
            match why {
                Some(why) => {
                    self.held.remove(&one.name);
                    self.fault(&one.name, why);
                }
                None => {
                    self.custody.members += 1;
                    self.custody.bytes = self.custody.bytes.saturating_add(one.size);
                }
            }
        }
        self.custody.left_out.extend(heading.left_out);
        for line in lines {
            if let Err(why) = self.line(line) {
                self.fault(member, why);
            }
        }
    }

    fn line(&mut self, line: &[u8]) -> Result<(), String> {
        let Some(answers) = self.answers.as_mut() else { return Ok(()) };
        let told = |e: serde_json::Error| format!("a line is not understood: {e}");
        if line.starts_with(b"{\"memory\":") {
            let mut wire: WireMemory = serde_json::from_slice(line).map_err(told)?;
            let refused = wire.refused.take();
            let entry = answers.memories.entry(wire.memory).or_insert_with(|| match refused {
                Some(wire) => wire.answer(|()| KeptMemory::default()),
                None => Ok(KeptMemory::default()),
            });
            if let Ok(memory) = entry {
                for piece in std::mem::take(&mut wire.pieces) {
                    put(&self.held, self.again.as_ref(), &piece, &mut memory.pieces);
                }
                wire.fill(memory);
            }
            return Ok(());
        }
        let mut wire: WireDirectory = serde_json::from_slice(line).map_err(told)?;
        let place = wire.place().ok_or("a line names no directory")?;
        let refused = wire.refused.take();
        let entry = answers.directories.entry(place).or_insert_with(|| match refused {
            Some(wire) => wire.answer(|()| Directory::default()),
            None => Ok(Directory::default()),
        });
        if let Ok(directory) = entry {
            let (held, again) = (&self.held, self.again.as_ref());
            wire.fill(directory, &mut |wire| {
                let mut content =
                    Content { end: wire.end, at_least: wire.at_least, ..Content::default() };
                for piece in wire.pieces {
                    put(held, again, &piece, &mut content.pieces);
                }
                content.failure = wire.failure.and_then(|why| why.answer(|()| ()).err());
                content
            });
        }
        Ok(())
    }
}

/// Puts a member that is vouched for where its bytes were read.
fn put(
    held: &HashMap<String, Held>,
    again: Option<&Arc<Again>>,
    piece: &WirePiece,
    into: &mut Pieces,
) {
    let Some(held) = held.get(&piece.member).filter(|held| held.vouched) else { return };
    match (&held.body, again) {
        (Body::Held(bytes), _) => into.put(piece.at, Arc::clone(bytes)),
        (Body::Away { at, length }, Some(again)) => {
            let again: Arc<dyn ReadAt> = Arc::<Again>::clone(again);
            into.put_away(piece.at, again, *at, *length);
        }
        (Body::Away { .. } | Body::Gone, _) => {}
    }
}

//! Reading: members are held until the segment that vouches for them, checked, and become answers.
//! What is too much to hold is checked as it goes by, and read again from the file when it is asked
//! for.

use super::about;
use super::again::{self, Again};
use super::blocks::Blocks;
use super::custody::{self, Custody, Fault};
use super::header::Header;
use super::held::{Body, Held, Keeps, put};
use super::wire::{Heading, WireDirectory, WireMemory};
use super::{ABOUT, MANIFEST, hex, sha256};
use crate::evidence::recording::{
    Answers, Content, Directory, KeptMemory, RecordingLimits, Replay,
};
use crate::evidence::unpack;
use crate::facts::HostText;
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
        taken: 0,
        salvaged: None,
    };
    let mut blocks = Blocks::new(stream);
    let invalid = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
    let mut lost = None;
    // From each header that is found everything is in its place, up to the next one that is damaged.
    while let Some(passed) = blocks.find()? {
        if reader.answers.is_none() && !passed.is_empty() {
            // Of the first member only the header was changed: what follows it is its text.
            reader.fault(ABOUT, "its header in the tar was changed".to_owned());
            reader.about(&passed).map_err(invalid)?;
        } else if let Some(why) = lost.take() {
            let count = passed.len();
            let why = format!("the archive is damaged here: {why}; {count} bytes are passed over");
            reader.fault("", why);
        }
        let base = blocks.at();
        let mut archive = tar::Archive::new(&mut blocks);
        match run(&mut reader, &mut archive, base).map_err(invalid)? {
            Ended::Whole | Ended::Cut => break,
            Ended::Damaged(why) => lost = Some(why),
        }
    }
    if let Some(why) = lost {
        reader.fault("", format!("the archive is cut or damaged here: {why}"));
    }
    if reader.custody.segments == 0
        && let Some(why) = &reader.salvaged
    {
        return Err(invalid(format!("{ABOUT}: {why}")));
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
    reader.uptime();
    let (custody, lost) = (reader.custody, reader.lost);
    match reader.answers {
        Some(answers) => {
            let told = custody::told(name, &custody, lost);
            Ok((Replay::of_archive(answers, name, told), custody))
        }
        None => Err(invalid("empty".to_owned())),
    }
}

/// How a stretch of members ended.
enum Ended {
    /// With the archive.
    Whole,
    /// Within a member.
    Cut,
    /// At a header that cannot be right.
    Damaged(String),
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
            Err(e) => return Ok(Ended::Damaged(e.to_string())),
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
            reader.fault(&member, format!("cut: {got} of {size} bytes are there"));
            return Ok(Ended::Cut);
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
    /// When it was begun, by the header of its first member.
    taken: u64,
    /// Why the first member is not what davy writes, where it is not.
    salvaged: Option<String>,
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
        let (about, why) = about::read(bytes, self.taken);
        if let Some(why) = why {
            self.fault(ABOUT, why.clone());
            self.salvaged = Some(why);
        }
        self.custody.host.clone_from(&about.name);
        let limits = RecordingLimits { one: usize::MAX, all: usize::MAX };
        self.answers = Some(Answers::new(about.name, about.clock, limits));
        Ok(())
    }

    /// Where the clock was lost with the first member, what the host itself said of its uptime.
    fn uptime(&mut self) {
        let held = self.held.get("[root]/proc/uptime").filter(|held| held.vouched);
        let Some(Held { body: Body::Held(bytes), .. }) = held else { return };
        if let Some(answers) = self.answers.as_mut().filter(|_| self.salvaged.is_some()) {
            answers.clock.boottime = answers.clock.boottime.or_else(|| about::uptime(bytes));
        }
    }

    fn hold(&mut self, member: String, body: Body, sha256: String, header: Header) {
        // tar(1) would write the later over the earlier, whichever was vouched for.
        if self.held.contains_key(&member) {
            self.fault(&member, "is there twice: davy writes each member once".to_owned());
        }
        self.held.insert(member, Held { body, sha256, header, vouched: false });
    }

    fn segment(&mut self, member: &str, bytes: &[u8], header: Header) {
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
        let old = heading.members.iter().any(|one| one.header.is_none());
        if let Some(why) = header.other_than(&Header::of_manifest(self.taken)).filter(|_| !old) {
            self.fault(member, why);
        }
        for one in &heading.members {
            let why = match self.held.get_mut(&one.name) {
                None => Some("is missing".to_owned()),
                Some(held) if held.sha256 != one.sha256 => {
                    Some("was changed: its bytes are not those that were written".to_owned())
                }
                Some(held) => {
                    held.vouched = true;
                    match &one.header {
                        // The bytes are as they were written, and are used.
                        Some(header) => {
                            let why = held.header.other_than(header);
                            self.custody
                                .faults
                                .extend(why.map(|why| Fault { member: one.name.clone(), why }));
                        }
                        None => self.custody.bare += 1,
                    }
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

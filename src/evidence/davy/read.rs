//! Reading: members are held until the segment that vouches for them, checked, and become answers.

use super::wire::{Heading, WireAbout, WireDirectory, WireMemory};
use super::{ABOUT, FORMAT, MANIFEST, sha256};
use crate::evidence::recording::{
    Answers, Content, Directory, KeptMemory, RecordingLimits, Replay,
};
use crate::evidence::{Told, unpack};
use crate::facts::{HostText, Status};
use std::collections::HashMap;
use std::io::{self, Read};
use std::sync::Arc;

/// Bytes believed of one member: a recording keeps at most 64 MiB of a file unless told otherwise.
const MOST_MEMBER: u64 = 512 << 20;
/// Bytes of members held until a segment vouches for them.
const MOST_HELD: u64 = 2 << 30;

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
    let mut reader = Reader {
        answers: None,
        custody: Custody::default(),
        held: HashMap::new(),
        waiting: 0,
        keep,
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
        if size > MOST_MEMBER || reader.waiting.saturating_add(size) > MOST_HELD {
            reader.fault(&member, format!("{size} bytes are more than davy writes"));
            continue;
        }
        let mut bytes = Vec::with_capacity(usize::try_from(size.min(1 << 24)).unwrap_or(0));
        let got = entry.read_to_end(&mut bytes);
        if got.is_err() || (bytes.len() as u64) < size {
            reader.fault(&member, format!("cut: {} of {size} bytes are there", bytes.len()));
            break;
        }
        if reader.answers.is_none() {
            if member != ABOUT {
                return Err(invalid(format!("begins with {member}, not with {ABOUT}")));
            }
            reader.about(&bytes).map_err(invalid)?;
        }
        if member.starts_with(MANIFEST) {
            reader.segment(&member, &bytes);
        } else {
            reader.hold(member, bytes);
        }
    }
    reader.custody.unvouched = reader.held.values().filter(|held| !held.vouched).count() as u64;
    if !reader.custody.whole && reader.custody.faults.is_empty() {
        reader.fault("", "the archive ends before its last segment".to_owned());
    }
    let custody = reader.custody;
    match reader.answers {
        Some(answers) => {
            let told = told(name, &custody);
            Ok((Replay::of_archive(answers, name, told), custody))
        }
        None => Err(invalid("empty".to_owned())),
    }
}

/// What is wrong or was left out, as coverage; nothing where nothing is.
fn told(name: &str, custody: &Custody) -> Option<Told> {
    let mut told = Told::default();
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
    (!told.coverage.is_empty()).then_some(told)
}

/// Whether a file's first bytes, compressed or not, are those of davy's archive.
#[must_use]
pub fn told_by(head: &[u8]) -> bool {
    let mut first = Vec::new();
    let plain = unpack(Box::new(io::Cursor::new(head.to_vec())));
    // The head is cut off somewhere: what came out before counts.
    let _ = plain.map(|(plain, _)| plain.take(16).read_to_end(&mut first));
    first.starts_with(b"davy.json\0")
}

struct Held {
    bytes: Arc<[u8]>,
    sha256: String,
    vouched: bool,
}

struct Reader {
    answers: Option<Answers>,
    custody: Custody,
    held: HashMap<String, Held>,
    waiting: u64,
    keep: bool,
}

impl Reader {
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

    fn hold(&mut self, member: String, bytes: Vec<u8>) {
        let digest = sha256(&bytes);
        self.waiting = self.waiting.saturating_add(bytes.len() as u64);
        let bytes: Arc<[u8]> = if self.keep { bytes.into() } else { Arc::from([]) };
        self.held.insert(member, Held { bytes, sha256: digest, vouched: false });
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
        self.waiting = 0;
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
                    if let Some(held) = self.held.get(&piece.member).filter(|held| held.vouched) {
                        memory.pieces.put(piece.at, Arc::clone(&held.bytes));
                    }
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
            let held = &self.held;
            wire.fill(directory, &mut |wire| {
                let mut content =
                    Content { end: wire.end, at_least: wire.at_least, ..Content::default() };
                for piece in wire.pieces {
                    if let Some(held) = held.get(&piece.member).filter(|held| held.vouched) {
                        content.pieces.put(piece.at, Arc::clone(&held.bytes));
                    }
                }
                content.failure = wire.failure.and_then(|why| why.answer(|()| ()).err());
                content
            });
        }
        Ok(())
    }
}

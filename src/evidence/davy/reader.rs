//! What is known of an archive while it is read: members wait for the segment that vouches for them.

use super::about;
use super::again::Again;
use super::custody::{Custody, Fault};
use super::header::Header;
use super::held::{Body, Held, Keeps, put};
use super::read::Ended;
use super::wire::{Heading, WireDirectory, WireMemory};
use super::{ABOUT, MANIFEST, sha256};
use crate::evidence::recording::{Answers, Content, Directory, KeptMemory, RecordingLimits};
use crate::facts::Time;
use std::collections::HashMap;
use std::sync::Arc;

/// Members larger than this leave half of that room to the others.
const LARGE: u64 = 1 << 20;
/// Members that are named where their segment is missing.
const NAMED: usize = 20;

pub(super) struct Reader {
    pub answers: Option<Answers>,
    pub custody: Custody,
    held: HashMap<String, Held>,
    /// Bytes that may be held in all, and that still may.
    hold: u64,
    room: u64,
    again: Option<Arc<Again>>,
    /// Members that were neither held nor can be read again, and their bytes.
    pub lost: (u64, u64),
    /// When it was begun, by the header of its first member.
    pub taken: u64,
    /// Why the first member is not what davy writes, where it is not.
    salvaged: Option<String>,
    /// Whether something of it was passed over.
    resumed: bool,
    /// The segments that are there, and their digests.
    segments: Vec<(u64, String)>,
}

impl Reader {
    /// Nothing was read yet; so many bytes may be held.
    pub fn new(room: u64, again: Option<Arc<Again>>) -> Self {
        Self {
            answers: None,
            custody: Custody::default(),
            held: HashMap::new(),
            hold: room,
            room,
            again,
            lost: (0, 0),
            taken: 0,
            salvaged: None,
            resumed: false,
            segments: Vec::new(),
        }
    }

    /// After damage, and so many bytes of what came out, a header was found.
    pub fn resumed(&mut self, ended: Ended, passed: u64) {
        let (Ended::Cut { member, why } | Ended::Damaged { member, why }) = ended else { return };
        self.resumed = true;
        let within = if member.is_empty() { String::new() } else { format!(", within {member}") };
        let why = format!(
            "the archive is damaged here{within}: {why}; {passed} bytes are passed over up to the next member"
        );
        self.fault("", why);
    }

    /// After this nothing more was found.
    pub fn broken_off(&mut self, ended: Option<Ended>) {
        match ended {
            None | Some(Ended::Whole) => {}
            Some(Ended::Cut { member, why }) => self.fault(&member, why),
            Some(Ended::Damaged { member, why }) => {
                self.fault(&member, format!("the archive is cut or damaged here: {why}"));
            }
        }
    }

    /// What can be said when all was read.
    ///
    /// # Errors
    /// Where nothing tells that it is an archive of davy's.
    pub fn finish(&mut self) -> Result<(), String> {
        if self.custody.segments == 0
            && let Some(why) = &self.salvaged
        {
            return Err(format!("{ABOUT}: {why}"));
        }
        let mut left: Vec<&str> = self
            .held
            .iter()
            .filter(|(_, held)| !held.vouched)
            .map(|(name, _)| name.as_str())
            .collect();
        left.sort_unstable();
        self.custody.unvouched = left.len() as u64;
        if self.custody.whole && !left.is_empty() {
            let count = left.len();
            let why = if self.custody.missing.is_empty() {
                format!("{count} members that no segment vouches for: they were put in later")
            } else {
                let shown = left.get(..count.min(NAMED)).unwrap_or_default().join(", ");
                let more = count.saturating_sub(NAMED);
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                format!(
                    "{count} members are not used, since the segment that vouches for them is missing: \
                     {shown}{more}"
                )
            };
            self.fault("", why);
        }
        if !self.custody.whole && self.custody.faults.is_empty() {
            self.fault("", "the archive ends before its last segment".to_owned());
        }
        self.uptime();
        Ok(())
    }

    /// Holds the segments that are there against what the last one says of all.
    fn chained(&mut self, chain: &[String]) {
        let mut changed = Vec::new();
        for (number, digest) in &self.segments {
            let place = usize::try_from(number.saturating_sub(1)).unwrap_or(usize::MAX);
            if chain.get(place).is_some_and(|written| written != digest) {
                changed.push(*number);
            }
        }
        self.custody.tied = !chain.is_empty() && changed.is_empty();
        for number in changed {
            let why = "is another than the last segment says: it was changed".to_owned();
            self.fault(&format!("{MANIFEST}{number:05}.jsonl"), why);
        }
    }
    /// What is to become of a member of so many bytes, which lie there in the plain tar.
    pub fn keeps(&mut self, size: u64, at: u64) -> Keeps {
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

    pub fn fault(&mut self, member: &str, why: String) {
        self.custody.faults.push(Fault { member: member.to_owned(), why });
    }

    pub fn about(&mut self, bytes: &[u8]) -> Result<(), String> {
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
        let taken = i64::try_from(self.taken).unwrap_or(0);
        if let Some(answers) = self.answers.as_mut().filter(|answers| answers.clock.realtime.0 == 0)
        {
            answers.clock.realtime = Time::new(taken, 0);
        }
        let held = self.held.get("[root]/proc/uptime").filter(|held| held.vouched);
        let Some(Held { body: Body::Held(bytes), .. }) = held else { return };
        if let Some(answers) = self.answers.as_mut().filter(|_| self.salvaged.is_some()) {
            answers.clock.boottime = answers.clock.boottime.or_else(|| about::uptime(bytes));
        }
    }

    pub fn hold(&mut self, member: String, body: Body, sha256: String, header: Header) {
        // tar(1) would write the later over the earlier, whichever was vouched for.
        if self.held.contains_key(&member) {
            self.fault(&member, "is there twice: davy writes each member once".to_owned());
        }
        self.held.insert(member, Held { body, sha256, header, vouched: false });
    }

    pub fn segment(&mut self, member: &str, bytes: &[u8], header: Header) {
        let mut lines = bytes.split(|b| *b == b'\n').filter(|line| !line.is_empty());
        let heading: Heading = match lines.next().map(serde_json::from_slice) {
            Some(Ok(heading)) => heading,
            _ => return self.fault(member, "is not a segment".to_owned()),
        };
        if self.taken == 0 {
            self.taken = header.mtime;
        }
        // What lies in a member that is damaged may be another archive of davy's.
        let foreign = self.resumed
            && (header.other_than(&Header::of_manifest(self.taken)).is_some()
                || heading.segment <= self.custody.segments);
        if foreign {
            return self.fault(member, "is not of this archive, and not used".to_owned());
        }
        let next = self.custody.segments.saturating_add(1);
        if heading.segment > next {
            let last = heading.segment.saturating_sub(1);
            self.custody.missing.push((next, last));
            let count = heading.segment.saturating_sub(next);
            let why = if count == 1 {
                format!(
                    "segment {next} of the manifest is missing: what it vouched for is not used"
                )
            } else {
                format!(
                    "segments {next} to {last} of the manifest are missing: what they vouched for is not used"
                )
            };
            self.fault("", why);
        } else if heading.previous != self.custody.root || heading.segment != next {
            self.fault(
                member,
                "does not follow the segment before it: that one was changed, or one is missing"
                    .to_owned(),
            );
        }
        self.custody.root = sha256(bytes);
        self.segments.push((heading.segment, self.custody.root.clone()));
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
        self.custody.present += 1;
        if heading.end {
            self.chained(&heading.chain);
        }
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

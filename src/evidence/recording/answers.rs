//! Questions and their answers.

use super::RecordingLimits;
use super::pieces::{Pieces, Store};
use crate::evidence::{Clock, HostPath, Pid, Reason, Stat, Unavailable};
use std::collections::BTreeMap;

/// Answer of one question.
pub(in crate::evidence) type Answer<T> = Result<T, Unavailable>;

/// Addresses from and to.
type Stretches = Vec<(u64, u64)>;

/// Which directory was opened.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::evidence) enum Place {
    Path(HostPath),
    RootOf(Pid),
}

/// All that was asked and answered.
#[derive(Debug)]
pub(in crate::evidence) struct Answers {
    pub name: String,
    pub clock: Clock,
    pub directories: BTreeMap<Place, Answer<Directory>>,
    pub memories: BTreeMap<Pid, Answer<Memory>>,
    /// What was read and not kept, by the limits, with the bytes that were read of it.
    pub left_out: Vec<(String, u64)>,
    store: Store,
    limits: RecordingLimits,
}

/// Of what is not kept, so many are named.
const NAMED: usize = 1_000;

/// What was asked of one directory.
#[derive(Debug, Default)]
pub(in crate::evidence) struct Directory {
    pub lists: BTreeMap<HostPath, Answer<Vec<HostPath>>>,
    pub links: BTreeMap<HostPath, Answer<HostPath>>,
    pub stats: BTreeMap<HostPath, Answer<Stat>>,
    pub link_stats: BTreeMap<HostPath, Answer<Stat>>,
    pub spaces: BTreeMap<HostPath, Answer<(u64, u64)>>,
    /// Whether a file could be opened.
    pub opened: BTreeMap<HostPath, Answer<()>>,
    pub contents: BTreeMap<HostPath, Content>,
}

/// What is known of a file's content.
#[derive(Clone, Debug, Default)]
pub(in crate::evidence) struct Content {
    pub pieces: Pieces,
    /// Its length, where the end was seen.
    pub end: Option<u64>,
    /// The file is at least so long.
    pub at_least: u64,
    /// Reading failed after what is held.
    pub failure: Option<Unavailable>,
}

impl Content {
    /// The answer to [`Dir::read`](crate::evidence::Dir::read), where it follows from what is
    /// held.
    pub(super) fn read(&self, limit: usize, into: &mut Vec<u8>) -> Option<Answer<bool>> {
        let length = self.pieces.reach(0);
        let enough = length >= limit as u64 && (self.at_least > limit as u64 || self.end.is_some());
        if !enough && self.end != Some(length) && self.failure.is_none() {
            return None;
        }
        let count = limit.min(usize::try_from(length).unwrap_or(usize::MAX));
        let before = into.len();
        into.resize(before.saturating_add(count), 0);
        let got = into.get_mut(before..).map_or(0, |room| self.pieces.copy(0, room));
        if got < count {
            // It lies in an archive that cannot be read any more.
            into.truncate(before);
            return None;
        }
        match &self.failure {
            Some(why) if !enough => Some(Err(why.clone())),
            _ => Some(Ok(self.end.unwrap_or(self.at_least) > limit as u64)),
        }
    }

    /// The end was not reached, but the file goes at least as far as this.
    pub(super) fn reaches(&mut self, offset: u64) {
        self.at_least = self.at_least.max(offset);
    }
}

/// What was asked of one process's memory.
#[derive(Debug, Default)]
pub(in crate::evidence) struct Memory {
    pub present: BTreeMap<(u64, u64), Answer<Stretches>>,
    pub pieces: Pieces,
    /// Addresses at which nothing could be read, and why, where there was an error.
    pub stops: BTreeMap<u64, Answer<()>>,
}

impl Answers {
    pub(in crate::evidence) fn new(name: String, clock: Clock, limits: RecordingLimits) -> Self {
        Self {
            name,
            clock,
            directories: BTreeMap::new(),
            memories: BTreeMap::new(),
            left_out: Vec::new(),
            store: Store::default(),
            limits,
        }
    }

    /// What was asked of a directory that could be opened.
    pub(super) fn directory(&mut self, place: &Place) -> Option<&mut Directory> {
        self.directories.get_mut(place)?.as_mut().ok()
    }

    /// Keeps what was read of a file, within the limits.
    pub(super) fn keep(&mut self, place: &Place, name: &HostPath, mut content: Content) {
        if content.pieces.len() > self.limits.one || self.store.size > self.limits.all {
            if self.left_out.len() < NAMED {
                let path = match place {
                    Place::Path(path) => path.join(name).to_string(),
                    Place::RootOf(pid) => format!("/proc/{pid}/root/{name}"),
                };
                if !self.left_out.iter().any(|(known, _)| *known == path) {
                    self.left_out.push((path, content.at_least.max(content.end.unwrap_or(0))));
                }
            }
            return;
        }
        content.pieces.share(&mut self.store);
        if let Some(directory) = self.directory(place) {
            directory.contents.insert(name.clone(), content);
        }
    }

    /// Keeps what was read of a memory, within the limits.
    pub(super) fn keep_memory(&mut self, pid: Pid, address: u64, bytes: &[u8]) {
        let RecordingLimits { one, all } = self.limits;
        let named = || format!("/proc/{pid}/mem");
        if self.store.size > all {
            if self.left_out.last().is_none_or(|(last, _)| *last != named()) {
                self.left_out.push((named(), bytes.len() as u64));
            }
            return;
        }
        if let Some(Ok(memory)) = self.memories.get_mut(&pid) {
            let before = memory.pieces.len();
            if before.saturating_add(bytes.len()) <= one {
                memory.pieces.add(address, bytes);
                let added = memory.pieces.len().saturating_sub(before);
                self.store.size = self.store.size.saturating_add(added);
            } else if self.left_out.last().is_none_or(|(last, _)| *last != named()) {
                self.left_out.push((named(), bytes.len() as u64));
            }
        }
    }

    /// How much is kept.
    pub(super) const fn limits(&self) -> RecordingLimits {
        self.limits
    }

    /// Most bytes of one file.
    pub(super) const fn most(&self) -> usize {
        self.limits.one
    }
}

/// Nobody asked this while recording.
pub(super) fn not_captured(path: &HostPath) -> Unavailable {
    Unavailable::new(path, Reason::NotCaptured, "not asked for when this was recorded")
}

//! Evidence that answers from what was kept.

use super::answers::{
    Answer, Answers, Content, Directory, Memory as KeptMemory, Place, not_captured,
};
use crate::evidence::{
    Clock, Dir, Evidence, HostPath, Memory, Pid, ReadSeek, SourceKind, Stat, Told, Unavailable,
};
use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom};

/// Answers from what a [`Recording`](super::Recording) kept.
pub struct Replay {
    answers: Answers,
    /// The archive it is from.
    archive: Option<String>,
    /// What is wrong with it.
    told: Option<Told>,
}

impl Replay {
    pub(super) const fn new(answers: Answers) -> Self {
        Self { answers, archive: None, told: None }
    }

    /// Of davy's own archive of this name.
    pub(in crate::evidence) fn of_archive(
        answers: Answers,
        name: &str,
        told: Option<Told>,
    ) -> Self {
        Self { answers, archive: Some(name.to_owned()), told }
    }

    fn opened(&self, path: HostPath, place: &Place) -> Answer<Box<dyn Dir + '_>> {
        match self.answers.directories.get(place) {
            Some(Ok(directory)) => Ok(Box::new(ReplayDir { path, directory })),
            Some(Err(why)) => Err(why.clone()),
            None => Err(not_captured(&path)),
        }
    }
}

impl Evidence for Replay {
    fn kind(&self) -> SourceKind {
        SourceKind::Recording
    }

    fn name(&self) -> String {
        self.answers.name.clone()
    }

    fn dir(&self, path: &HostPath) -> Result<Box<dyn Dir + '_>, Unavailable> {
        self.opened(path.clone(), &Place::Path(path.clone()))
    }

    fn root_of(&self, pid: Pid) -> Result<Box<dyn Dir + '_>, Unavailable> {
        self.opened(HostPath::new(format!("/proc/{pid}/root")), &Place::RootOf(pid))
    }

    fn memory(&self, pid: Pid) -> Result<Box<dyn Memory + '_>, Unavailable> {
        let path = HostPath::new(format!("/proc/{pid}/mem"));
        match self.answers.memories.get(&pid) {
            Some(Ok(memory)) => Ok(Box::new(ReplayMemory { path, memory })),
            Some(Err(why)) => Err(why.clone()),
            None => Err(not_captured(&path)),
        }
    }

    fn clock(&self) -> Clock {
        self.answers.clock.clone()
    }

    fn told(&self) -> Option<&Told> {
        self.told.as_ref()
    }

    fn origin(&self) -> Option<crate::facts::Origin> {
        let archive = self.archive.clone()?;
        Some(std::sync::Arc::new(move |source: &str| {
            source.starts_with('/').then(|| format!("{archive}:[root]{source}"))
        }))
    }
}

struct ReplayDir<'a> {
    path: HostPath,
    directory: &'a Directory,
}

impl ReplayDir<'_> {
    fn answer<T: Clone>(
        &self,
        shelf: &BTreeMap<HostPath, Answer<T>>,
        name: &HostPath,
    ) -> Answer<T> {
        shelf.get(name).cloned().unwrap_or_else(|| Err(not_captured(&self.path.join(name))))
    }
}

impl Dir for ReplayDir<'_> {
    fn open(&self, name: &HostPath) -> Result<Box<dyn ReadSeek + '_>, Unavailable> {
        let path = self.path.join(name);
        if let Some(Err(why)) = self.directory.opened.get(name) {
            return Err(why.clone());
        }
        match self.directory.contents.get(name) {
            Some(Content { failure: Some(why), .. }) => Err(why.clone()),
            Some(content) => Ok(Box::new(ContentStream::new(path, content.clone()))),
            None => Err(not_captured(&path)),
        }
    }

    fn read(&self, name: &HostPath, limit: usize, into: &mut Vec<u8>) -> Result<bool, Unavailable> {
        let known = self.directory.contents.get(name).and_then(|c| c.read(limit, into));
        if let Some(known) = known {
            return known;
        }
        match self.directory.opened.get(name) {
            Some(Err(why)) => Err(why.clone()),
            _ => Err(not_captured(&self.path.join(name))),
        }
    }

    fn list(&self, name: &HostPath) -> Result<Vec<HostPath>, Unavailable> {
        self.answer(&self.directory.lists, name)
    }

    fn link(&self, name: &HostPath) -> Result<HostPath, Unavailable> {
        self.answer(&self.directory.links, name)
    }

    fn stat(&self, name: &HostPath) -> Result<Stat, Unavailable> {
        self.answer(&self.directory.stats, name)
    }

    fn stat_link(&self, name: &HostPath) -> Result<Stat, Unavailable> {
        self.answer(&self.directory.link_stats, name)
    }

    fn space(&self, name: &HostPath) -> Result<(u64, u64), Unavailable> {
        self.answer(&self.directory.spaces, name)
    }
}

/// A file as far as it was read.
pub(super) struct ContentStream {
    path: HostPath,
    content: Content,
    at: u64,
}

impl ContentStream {
    pub(super) const fn new(path: HostPath, content: Content) -> Self {
        Self { path, content, at: 0 }
    }

    fn gap(&self) -> io::Error {
        io::Error::other(not_captured(&self.path))
    }
}

impl Read for ContentStream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.content.pieces.copy(self.at, into);
        if count == 0 && !into.is_empty() && self.content.end.is_none_or(|end| self.at < end) {
            return Err(self.gap());
        }
        self.at = self.at.saturating_add(count as u64);
        Ok(count)
    }
}

impl Seek for ContentStream {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let (from, by) = match to {
            SeekFrom::Start(at) => (at, 0),
            SeekFrom::Current(by) => (self.at, by),
            SeekFrom::End(by) => (self.content.end.ok_or_else(|| self.gap())?, by),
        };
        let before = || io::Error::new(io::ErrorKind::InvalidInput, "before the beginning");
        self.at = from.checked_add_signed(by).ok_or_else(before)?;
        Ok(self.at)
    }
}

struct ReplayMemory<'a> {
    path: HostPath,
    memory: &'a KeptMemory,
}

impl Memory for ReplayMemory<'_> {
    fn present(&self, start: u64, end: u64) -> Result<Vec<(u64, u64)>, Unavailable> {
        let known = self.memory.present.get(&(start, end)).cloned();
        known.unwrap_or_else(|| Err(not_captured(&self.path)))
    }

    fn read(&self, address: u64, into: &mut [u8]) -> Result<usize, Unavailable> {
        let count = self.memory.pieces.copy(address, into);
        if count > 0 || into.is_empty() {
            return Ok(count);
        }
        match self.memory.stops.get(&address) {
            Some(Ok(())) => Ok(0),
            Some(Err(why)) => Err(why.clone()),
            None => Err(not_captured(&self.path)),
        }
    }
}

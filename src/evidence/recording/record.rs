//! Evidence that keeps what is read through it.

use super::RecordingLimits;
use super::answers::{Answer, Answers, Content, Directory, Memory as KeptMemory, Place};
use super::replay::{ContentStream, Replay};
use super::withheld;
use crate::evidence::davy::{About, Writer};
use crate::evidence::{
    Clock, Dir, Evidence, HostPath, Memory, Pid, ReadSeek, Reason, SourceKind, Stat, Unavailable,
};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Keeps whatever is read through it.
pub struct Recording<E> {
    evidence: E,
    answers: Mutex<Answers>,
}

impl<E: Evidence> Recording<E> {
    /// Begins with nothing kept; the clock is read now, once.
    pub fn new(evidence: E) -> Self {
        Self::with_limits(evidence, RecordingLimits::default())
    }

    /// The same, within limits of the caller's.
    pub fn with_limits(evidence: E, limits: RecordingLimits) -> Self {
        let answers = Mutex::new(Answers::new(evidence.name(), evidence.clock(), limits));
        Self { evidence, answers }
    }

    /// Begins an archive of what is and will be recorded.
    ///
    /// # Errors
    /// The writer's.
    pub fn archive<W: io::Write>(&self, out: W, about: &About) -> io::Result<Writer<W>> {
        let answers = lock(&self.answers);
        Writer::new(out, about, &answers, answers.limits())
    }

    /// Writes what was recorded since the last time; `end` closes the archive's chain.
    ///
    /// # Errors
    /// The writer's.
    pub fn write<W: io::Write>(&self, to: &mut Writer<W>, end: bool) -> io::Result<()> {
        to.segment(&lock(&self.answers), end)
    }

    /// What was read and not kept, by the limits: paths and bytes.
    pub fn left_out(&self) -> Vec<(String, u64)> {
        lock(&self.answers).left_out.clone()
    }

    /// Ends the recording.
    pub fn replay(self) -> Replay {
        Replay::new(self.answers.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    fn opened<'a>(
        &'a self,
        path: HostPath,
        place: Place,
        inner: Answer<Box<dyn Dir + 'a>>,
    ) -> Answer<Box<dyn Dir + 'a>> {
        let mut answers = lock(&self.answers);
        let inner = match answers.directories.get(&place) {
            Some(Err(why)) => return Err(why.clone()),
            // A second handle under a name must be of the same process as the first.
            Some(Ok(known)) => inner.and_then(|dir| same_process(&path, known, dir)),
            None => {
                let opened = inner.as_ref().map(|_| Directory::default()).map_err(Clone::clone);
                answers.directories.insert(place.clone(), opened);
                Ok(inner?)
            }
        };
        drop(answers);
        Ok(Box::new(RecordedDir { inner, path, place, answers: &self.answers }))
    }
}

fn lock(answers: &Mutex<Answers>) -> MutexGuard<'_, Answers> {
    answers.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Refuses a handle on a process that began at another time than the one asked before.
fn same_process<'a>(
    path: &HostPath,
    known: &Directory,
    dir: Box<dyn Dir + 'a>,
) -> Answer<Box<dyn Dir + 'a>> {
    let name = HostPath::from("stat");
    let Some(before) = known.contents.get(&name) else { return Ok(dir) };
    let mut now = Vec::new();
    let began = |stat: &[u8]| -> Option<Vec<u8>> {
        let end = stat.iter().rposition(|b| *b == b')')?;
        stat.get(end..)?.split(|b| *b == b' ').nth(20).map(<[u8]>::to_vec)
    };
    dir.read(&name, 4096, &mut now)?;
    if began(&now) == began(before.pieces.from(0)) {
        return Ok(dir);
    }
    Err(Unavailable::new(path, Reason::Vanished, "another process has this id now"))
}

impl<E: Evidence> Evidence for Recording<E> {
    fn kind(&self) -> SourceKind {
        self.evidence.kind()
    }

    fn name(&self) -> String {
        lock(&self.answers).name.clone()
    }

    fn dir(&self, path: &HostPath) -> Result<Box<dyn Dir + '_>, Unavailable> {
        self.opened(path.clone(), Place::Path(path.clone()), self.evidence.dir(path))
    }

    fn root_of(&self, pid: Pid) -> Result<Box<dyn Dir + '_>, Unavailable> {
        let path = HostPath::new(format!("/proc/{pid}/root"));
        self.opened(path, Place::RootOf(pid), self.evidence.root_of(pid))
    }

    fn memory(&self, pid: Pid) -> Result<Box<dyn Memory + '_>, Unavailable> {
        let known = lock(&self.answers).memories.get(&pid).map(|m| m.as_ref().err().cloned());
        if let Some(Some(why)) = known {
            return Err(why);
        }
        let inner = self.evidence.memory(pid);
        if known.is_none() {
            let opened = inner.as_ref().map(|_| KeptMemory::default()).map_err(Clone::clone);
            lock(&self.answers).memories.insert(pid, opened);
        }
        Ok(Box::new(RecordedMemory { inner: inner?, pid, answers: &self.answers }))
    }

    fn clock(&self) -> Clock {
        lock(&self.answers).clock.clone()
    }
}

struct RecordedDir<'a> {
    inner: Answer<Box<dyn Dir + 'a>>,
    path: HostPath,
    place: Place,
    answers: &'a Mutex<Answers>,
}

/// Where answers of one kind are kept.
type Shelf<T> = fn(&mut Directory) -> &mut BTreeMap<HostPath, Answer<T>>;

impl RecordedDir<'_> {
    fn ask<T: Clone>(
        &self,
        shelf: Shelf<T>,
        name: &HostPath,
        question: impl FnOnce(&dyn Dir) -> Answer<T>,
    ) -> Answer<T> {
        let known =
            lock(self.answers).directory(&self.place).and_then(|d| shelf(d).get(name).cloned());
        if let Some(known) = known {
            return known;
        }
        let answer = self.inner.as_ref().map_err(Clone::clone).and_then(|d| question(d.as_ref()));
        if let Some(directory) = lock(self.answers).directory(&self.place) {
            shelf(directory).insert(name.clone(), answer.clone());
        }
        answer
    }

    fn content(&self, name: &HostPath) -> Option<Content> {
        lock(self.answers).directory(&self.place)?.contents.get(name).cloned()
    }
}

impl Dir for RecordedDir<'_> {
    fn open(&self, name: &HostPath) -> Result<Box<dyn ReadSeek + '_>, Unavailable> {
        let known = self.content(name).unwrap_or_default();
        if known.end.is_some_and(|end| end == known.pieces.reach(0)) {
            return Ok(Box::new(ContentStream::new(self.path.join(name), known)));
        }
        let before = lock(self.answers)
            .directory(&self.place)
            .and_then(|d| d.opened.get(name).cloned())
            .and_then(Result::err);
        if let Some(why) = before {
            return Err(why);
        }
        let inner = self.inner.as_ref().map_err(Clone::clone).and_then(|d| d.open(name));
        let answer = inner.as_ref().map(|_| ()).map_err(Clone::clone);
        let mut answers = lock(self.answers);
        let most = answers.most();
        if let Some(directory) = answers.directory(&self.place) {
            directory.opened.insert(name.clone(), answer);
        }
        drop(answers);
        Ok(Box::new(RecordedStream {
            inner: inner?,
            at: 0,
            content: known,
            most,
            name: name.clone(),
            place: &self.place,
            answers: self.answers,
        }))
    }

    fn read(&self, name: &HostPath, limit: usize, into: &mut Vec<u8>) -> Result<bool, Unavailable> {
        let known = self.content(name).and_then(|content| content.read(limit, into));
        if let Some(known) = known {
            return known;
        }
        let before = into.len();
        let answer = self.inner.as_ref().map_err(Clone::clone);
        let answer = answer.and_then(|d| d.read(name, limit, into));
        let whole = self.path.join(name);
        // Whoever asks here gets what whoever asks the recording will get.
        let kept = match withheld::kept(&whole, into.get(before..).unwrap_or_default()) {
            Cow::Owned(kept) => Some(kept),
            Cow::Borrowed(_) => None,
        };
        if let Some(kept) = kept {
            into.truncate(before);
            into.extend_from_slice(&kept);
        }
        let bytes = into.get(before..).unwrap_or_default();
        let length = bytes.len() as u64;
        let mut content = Content::default();
        content.pieces.add(0, bytes);
        match &answer {
            Ok(true) => content.reaches(length.saturating_add(1)),
            Ok(false) => content.end = Some(length),
            Err(why) => content.failure = Some(why.clone()),
        }
        lock(self.answers).keep(&self.place, name, content);
        answer
    }

    fn list(&self, name: &HostPath) -> Result<Vec<HostPath>, Unavailable> {
        self.ask(|d| &mut d.lists, name, |d| d.list(name))
    }

    fn link(&self, name: &HostPath) -> Result<HostPath, Unavailable> {
        self.ask(|d| &mut d.links, name, |d| d.link(name))
    }

    fn stat(&self, name: &HostPath) -> Result<Stat, Unavailable> {
        self.ask(|d| &mut d.stats, name, |d| d.stat(name))
    }

    fn stat_link(&self, name: &HostPath) -> Result<Stat, Unavailable> {
        self.ask(|d| &mut d.link_stats, name, |d| d.stat_link(name))
    }

    fn space(&self, name: &HostPath) -> Result<(u64, u64), Unavailable> {
        self.ask(|d| &mut d.spaces, name, |d| d.space(name))
    }
}

/// A file that is kept as it is read, and handed over when it is closed.
struct RecordedStream<'a> {
    inner: Box<dyn ReadSeek + 'a>,
    at: u64,
    content: Content,
    most: usize,
    name: HostPath,
    place: &'a Place,
    answers: &'a Mutex<Answers>,
}

impl Read for RecordedStream<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(into)?;
        let bytes = into.get(..count).unwrap_or_default();
        // Beyond the limit nothing more is gathered; closing then finds it too long and drops it.
        if self.content.pieces.len() <= self.most {
            self.content.pieces.add(self.at, bytes);
            // A file may change between two reads of it: the first answer counts, here as well.
            self.content.pieces.copy(self.at, into.get_mut(..count).unwrap_or_default());
        }
        if count == 0 && !into.is_empty() {
            self.content.end = Some(self.at);
        }
        self.at = self.at.saturating_add(count as u64);
        self.content.reaches(self.at);
        Ok(count)
    }
}

impl Seek for RecordedStream<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.at = self.inner.seek(to)?;
        if let SeekFrom::End(back) = to {
            self.content.end = self.at.checked_add_signed(back.saturating_neg());
        }
        Ok(self.at)
    }
}

impl Drop for RecordedStream<'_> {
    fn drop(&mut self) {
        let content = std::mem::take(&mut self.content);
        lock(self.answers).keep(self.place, &self.name, content);
    }
}

struct RecordedMemory<'a> {
    inner: Box<dyn Memory + 'a>,
    pid: Pid,
    answers: &'a Mutex<Answers>,
}

impl RecordedMemory<'_> {
    fn with<T>(&self, step: impl FnOnce(&mut KeptMemory) -> T) -> Option<T> {
        lock(self.answers).memories.get_mut(&self.pid)?.as_mut().ok().map(step)
    }
}

impl Memory for RecordedMemory<'_> {
    fn present(&self, start: u64, end: u64) -> Result<Vec<(u64, u64)>, Unavailable> {
        if let Some(known) = self.with(|m| m.present.get(&(start, end)).cloned()).flatten() {
            return known;
        }
        let answer = self.inner.present(start, end);
        self.with(|m| m.present.insert((start, end), answer.clone()));
        answer
    }

    fn read(&self, address: u64, into: &mut [u8]) -> Result<usize, Unavailable> {
        if self.with(|m| m.pieces.copy(address, into)) == Some(into.len()) {
            return Ok(into.len());
        }
        let answer = self.inner.read(address, into);
        match &answer {
            Ok(count) => {
                let bytes = into.get(..*count).unwrap_or_default();
                lock(self.answers).keep_memory(self.pid, address, bytes);
                if *count < into.len() {
                    let stop = address.saturating_add(*count as u64);
                    self.with(|m| m.stops.insert(stop, Ok(())));
                }
            }
            Err(why) => {
                self.with(|m| m.stops.insert(address, Err(why.clone())));
            }
        }
        answer
    }
}

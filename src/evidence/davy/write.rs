//! Writing: what is new in a recording becomes members and a segment of the manifest.

use super::done::{Done, DoneMemory, fresh};
use super::header::Header;
use super::wire::{
    Heading, Wire, WireAbout, WireContent, WireDirectory, WireMember, WireMemory, WirePiece,
    WireStat,
};
use super::{ABOUT, FORMAT, MANIFEST, sha256};
use crate::evidence::recording::{Answers, Content, Directory, Place, RecordingLimits};
use crate::evidence::{HostPath, Stat};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, Write};
use std::sync::Arc;

/// What is said of a collection beside what it holds.
pub struct About {
    /// davy's version.
    pub tool: String,
    /// The command line.
    pub arguments: Vec<String>,
    /// Whose memory was read.
    pub memory: String,
}

/// A segment is closed when it has so many members, or so many bytes of them and of answers: what is lost
/// with one is no more.
const MOST_MEMBERS: usize = 256;
const MOST_BYTES: u64 = 8 << 20;
/// Answers of one kind in one line.
const MOST_ANSWERS: usize = 1024;

/// Contents of at least so many bytes are written once, however many names they have.
const SHARED: usize = 64 * 1024;

/// Writes an archive, segment by segment.
pub struct Writer<W: Write> {
    tar: tar::Builder<W>,
    /// Members since the last segment.
    members: Vec<WireMember>,
    /// Answers since then, and the bytes of all.
    lines: Vec<u8>,
    bytes: u64,
    names: BTreeSet<Vec<u8>>,
    segment: u64,
    /// Digests of the segments that are written.
    chain: Vec<String>,
    pieces: u64,
    written: HashMap<usize, (Arc<[u8]>, String)>,
    done: BTreeMap<Place, Done>,
    memories: BTreeMap<u32, DoneMemory>,
    taken: u64,
    left_out: usize,
}

fn line(out: &mut Vec<u8>, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.push(b'\n');
    Ok(())
}

impl<W: Write> Writer<W> {
    /// Begins an archive of this recording.
    ///
    /// # Errors
    /// The writer's.
    pub(in crate::evidence) fn new(
        out: W,
        about: &About,
        answers: &Answers,
        limits: RecordingLimits,
    ) -> io::Result<Self> {
        let taken = u64::try_from(answers.clock.realtime.0 / 1_000_000_000).unwrap_or(0);
        let mut writer = Self {
            tar: tar::Builder::new(out),
            members: Vec::new(),
            lines: Vec::new(),
            bytes: 0,
            names: BTreeSet::new(),
            segment: 0,
            chain: Vec::new(),
            pieces: 0,
            written: HashMap::new(),
            done: BTreeMap::new(),
            memories: BTreeMap::new(),
            taken,
            left_out: 0,
        };
        let wire = WireAbout {
            format: FORMAT.to_owned(),
            tool: about.tool.clone(),
            arguments: about.arguments.clone(),
            name: answers.name.clone(),
            clock: (&answers.clock).into(),
            memory: about.memory.clone(),
            limit_one: limits.one as u64,
            limit_all: limits.all as u64,
        };
        let mut text = serde_json::to_vec_pretty(&wire)?;
        text.push(b'\n');
        writer.member(ABOUT.as_bytes(), &text, None)?;
        Ok(writer)
    }

    /// Writes a member and notes its digest.
    fn member(&mut self, name: &[u8], bytes: &[u8], stat: Option<&Stat>) -> io::Result<String> {
        use std::os::unix::ffi::OsStrExt;
        let fit = !name.is_empty()
            && !name.ends_with(b"/")
            && !name.contains(&0)
            && !name.windows(2).any(|two| two == b"//")
            && !name.split(|b| *b == b'/').any(|part| part == b".." || part == b".");
        let mut name = name.to_vec();
        if !fit || !self.names.insert(name.clone()) {
            // The same name again (more was read of it since), or one that tar cannot hold.
            self.pieces += 1;
            name = format!("pieces/{}", self.pieces).into_bytes();
            self.names.insert(name.clone());
        }
        let mtime = stat.and_then(|stat| stat.mtime).map(|time| time.0 / 1_000_000_000);
        let mtime = mtime.and_then(|t| u64::try_from(t).ok()).unwrap_or(self.taken);
        let known = stat.map_or(Header::of_manifest(self.taken), |stat| {
            Header::new(stat.mode & 0o777, stat.uid.into(), stat.gid.into(), mtime)
        });
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(known.mode);
        header.set_uid(known.uid);
        header.set_gid(known.gid);
        header.set_mtime(known.mtime);
        let path = std::path::Path::new(std::ffi::OsStr::from_bytes(&name));
        self.tar.append_data(&mut header, path, bytes)?;
        self.bytes = self.bytes.saturating_add(bytes.len() as u64);
        let shown = crate::facts::HostText::from(name.as_slice()).escaped();
        self.members.push(WireMember {
            name: shown.clone(),
            size: bytes.len() as u64,
            sha256: sha256(bytes),
            header: Some(known),
        });
        Ok(shown)
    }

    /// Writes what is new since the last time, as one segment or several; nothing where nothing is. `end`
    /// closes the chain.
    ///
    /// # Errors
    /// The writer's.
    pub(in crate::evidence) fn segment(&mut self, answers: &Answers, end: bool) -> io::Result<()> {
        for (place, answer) in &answers.directories {
            let mut done = self.done.remove(place).unwrap_or_default();
            let mut wire = WireDirectory::of(place);
            match answer {
                Err(_) if done.known => {}
                Err(_) => wire.refused = Some(Wire::of(answer, |_| ())),
                Ok(directory) => self.directory(place, directory, &mut done, &mut wire)?,
            }
            if !wire.is_empty() || !done.known {
                self.line(&wire)?;
            }
            done.known = true;
            self.done.insert(place.clone(), done);
        }
        for (pid, answer) in &answers.memories {
            let mut done = self.memories.remove(pid).unwrap_or_default();
            let mut wire = WireMemory { memory: *pid, ..WireMemory::default() };
            let mut new = !done.known;
            match answer {
                Err(_) => wire.refused = Some(Wire::of(answer, |_| ())),
                Ok(memory) => {
                    for ((start, end), answer) in &memory.present {
                        if done.present.insert((*start, *end)) {
                            wire.present.push((*start, *end, Wire::of(answer, Clone::clone)));
                        }
                    }
                    for (address, answer) in &memory.stops {
                        if done.stops.insert(*address) {
                            wire.stops.push((*address, Wire::of(answer, |()| ())));
                        }
                    }
                    for (address, bytes) in memory.pieces.iter() {
                        if done.pieces.insert(address, bytes.len()) != Some(bytes.len()) {
                            let name = format!("memory/{pid}/{address:016x}");
                            let member = self.member(name.as_bytes(), bytes, None)?;
                            wire.pieces.push(WirePiece { at: address, member });
                            if self.is_full() {
                                self.line(&std::mem::replace(&mut wire, WireMemory::of(*pid)))?;
                                self.close(None)?;
                            }
                        }
                    }
                    new |= !wire.present.is_empty()
                        || !wire.stops.is_empty()
                        || !wire.pieces.is_empty();
                }
            }
            if new {
                self.line(&wire)?;
            }
            done.known = true;
            self.memories.insert(*pid, done);
        }
        if self.lines.is_empty() && self.members.is_empty() && !end {
            return Ok(());
        }
        let left_out = answers.left_out.get(self.left_out..).unwrap_or_default().to_vec();
        self.left_out = answers.left_out.len();
        self.close(Some((left_out, end)))
    }

    fn line(&mut self, value: &impl Serialize) -> io::Result<()> {
        let before = self.lines.len();
        line(&mut self.lines, value)?;
        self.bytes = self.bytes.saturating_add(self.lines.len().saturating_sub(before) as u64);
        Ok(())
    }

    const fn is_full(&self) -> bool {
        self.members.len() >= MOST_MEMBERS || self.bytes >= MOST_BYTES
    }

    /// Closes a segment: the last one of a step says what was left out, and whether it ends the chain.
    fn close(&mut self, last: Option<(Vec<(String, u64)>, bool)>) -> io::Result<()> {
        self.segment += 1;
        let (left_out, end) = last.unwrap_or_default();
        let heading = Heading {
            segment: self.segment,
            previous: self.chain.last().cloned().unwrap_or_default(),
            members: std::mem::take(&mut self.members),
            end,
            chain: if end { self.chain.clone() } else { Vec::new() },
            left_out,
        };
        let mut text = Vec::new();
        line(&mut text, &heading)?;
        text.append(&mut self.lines);
        let name = format!("{MANIFEST}{:05}.jsonl", self.segment);
        self.member(name.as_bytes(), &text, None)?;
        // A segment is vouched for by the next one, and not by itself.
        self.members.clear();
        self.bytes = 0;
        self.chain.push(sha256(&text));
        Ok(())
    }

    /// Writes a line of each so many answers.
    fn answers<T>(
        &mut self,
        place: &Place,
        mut all: BTreeMap<String, T>,
        shelf: fn(&mut WireDirectory) -> &mut BTreeMap<String, T>,
        wire: &mut WireDirectory,
    ) -> io::Result<()> {
        while let Some(more) = all.keys().nth(MOST_ANSWERS).cloned() {
            let more = all.split_off(&more);
            let mut one = WireDirectory::of(place);
            *shelf(&mut one) = std::mem::replace(&mut all, more);
            self.line(&one)?;
            if self.is_full() {
                self.close(None)?;
            }
        }
        *shelf(wire) = all;
        Ok(())
    }

    fn directory(
        &mut self,
        place: &Place,
        directory: &Directory,
        done: &mut Done,
        wire: &mut WireDirectory,
    ) -> io::Result<()> {
        let names = |all: &Vec<HostPath>| all.iter().map(|n| n.text().escaped()).collect();
        let lists = fresh(&directory.lists, &mut done.lists, names);
        self.answers(place, lists, |wire| &mut wire.lists, wire)?;
        let links = fresh(&directory.links, &mut done.links, |link| link.text().escaped());
        self.answers(place, links, |wire| &mut wire.links, wire)?;
        let stats = fresh(&directory.stats, &mut done.stats, |stat| WireStat::from(stat));
        self.answers(place, stats, |wire| &mut wire.stats, wire)?;
        let stats = fresh(&directory.link_stats, &mut done.link_stats, |stat| WireStat::from(stat));
        self.answers(place, stats, |wire| &mut wire.link_stats, wire)?;
        wire.spaces = fresh(&directory.spaces, &mut done.spaces, |space| *space);
        let opened = fresh(&directory.opened, &mut done.opened, |()| ());
        self.answers(place, opened, |wire| &mut wire.opened, wire)?;
        for (name, content) in &directory.contents {
            let state = (content.pieces.len(), content.end);
            if done.contents.insert(name.clone(), state) == Some(state) {
                continue;
            }
            let made = self.content(place, directory, name, content)?;
            wire.contents.insert(name.text().escaped(), made);
            if self.is_full() {
                self.line(&std::mem::replace(wire, WireDirectory::of(place)))?;
                self.close(None)?;
                // The directory is there, whatever else is said of it.
                done.known = true;
            }
        }
        Ok(())
    }

    /// Writes what was read of a file.
    fn content(
        &mut self,
        place: &Place,
        directory: &Directory,
        name: &HostPath,
        content: &Content,
    ) -> io::Result<WireContent> {
        let mut made = WireContent {
            pieces: Vec::new(),
            end: content.end,
            at_least: content.at_least,
            failure: content
                .failure
                .as_ref()
                .map(|why| Wire::of(&Err::<(), _>(why.clone()), |()| ())),
        };
        let stat = directory.stats.get(name).and_then(|stat| stat.as_ref().ok());
        for (at, bytes) in content.pieces.iter() {
            let inside = name.as_bytes();
            let inside = inside.strip_prefix(b"/").unwrap_or(inside);
            let full: Vec<u8> = match place {
                Place::Path(path) => [b"[root]", path.join(name).as_bytes()].concat(),
                Place::RootOf(pid) => format!("roots/{pid}")
                    .bytes()
                    .chain(*b"/")
                    .chain(inside.iter().copied())
                    .collect(),
            };
            let full = if at == 0 { full } else { Vec::new() };
            let member = self.shared(&full, bytes, content.pieces.shared_at(at), stat)?;
            made.pieces.push(WirePiece { at, member });
        }
        Ok(made)
    }

    /// Writes bytes, unless the same were written before under another name.
    fn shared(
        &mut self,
        name: &[u8],
        bytes: &[u8],
        shared: Option<&Arc<[u8]>>,
        stat: Option<&Stat>,
    ) -> io::Result<String> {
        let Some(shared) = shared.filter(|_| bytes.len() >= SHARED) else {
            return self.member(name, bytes, stat);
        };
        let key = Arc::as_ptr(shared).cast::<u8>() as usize;
        if let Some((held, member)) = self.written.get(&key)
            && Arc::ptr_eq(held, shared)
        {
            return Ok(member.clone());
        }
        let member = self.member(name, bytes, stat)?;
        self.written.insert(key, (Arc::clone(shared), member.clone()));
        Ok(member)
    }

    /// Ends the archive; the digest that stands for the whole.
    ///
    /// # Errors
    /// The writer's.
    pub fn finish(self) -> io::Result<(W, String)> {
        let Self { tar, mut chain, .. } = self;
        Ok((tar.into_inner()?, chain.pop().unwrap_or_default()))
    }
}

//! An archive, read in one forward pass into a bounded spool of what is wanted from it.
//!
//! Nothing is extracted to disk, and no name or link of a member is ever followed on this machine:
//! members are looked up in the spool by the bytes of their names.

mod folder;
mod guest;
mod kind;
mod lines;
mod passing;
mod room;
mod tar;
mod zip;

pub use guest::Guest;
pub use kind::Container;
pub(super) use kind::is_tar;
pub use passing::{Passed, Passing};

use super::{Body, FileKind};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

/// How much of an archive is held and believed.
#[derive(Clone, Copy, Debug)]
pub struct SpoolLimits {
    /// Bytes held of one member.
    pub one: u64,
    /// Bytes held of all.
    pub all: u64,
    /// Members.
    pub members: u64,
    /// Bytes of their names and of what is said of them. Beyond two thirds of it, files of which only
    /// the name is wanted and which are no programs are counted and not kept.
    pub names: u64,
    /// Bytes that come out of one byte of a compressed stream, beyond the first GiB.
    pub ratio: u64,
}

impl Default for SpoolLimits {
    /// 32 MiB of one member, 112 MiB of all; a million members, 96 MiB of names; ratio 200.
    fn default() -> Self {
        Self { one: 32 << 20, all: 112 << 20, members: 1_000_000, names: 96 << 20, ratio: 200 }
    }
}

/// A member, as far as it is held.
#[derive(Clone, Debug)]
pub struct Member {
    /// What it is.
    pub kind: FileKind,
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Size in bytes, as the archive says.
    pub size: u64,
    /// Content last changed, in seconds since 1970.
    pub mtime: i64,
    /// Where a link leads, symbolic or hard.
    pub link: Vec<u8>,
    /// Its bytes.
    pub body: Body,
    /// Some of its bytes are missing: the archive was cut or damaged within it.
    pub cut: bool,
}

impl Member {
    /// The bytes, where they are held; gzip as it is.
    #[must_use]
    pub fn bytes(&self) -> Option<&[u8]> {
        match &self.body {
            Body::Bytes(bytes) | Body::Gzip(bytes) => Some(bytes),
            Body::Unheld => None,
        }
    }
}

/// What is to become of a member's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// Held, as far as the limits allow.
    Bytes,
    /// The same; of a listing that is too long to hold those lines which are worth it.
    Lines(Lines),
    /// Held where there is room: it gives way to what is wanted as [`Bytes`](Self::Bytes).
    Spare,
    /// Only that it is there.
    Name,
    /// Too large to hold by its nature, as memory is: looked at as it goes by, where someone looks.
    Pass,
    /// Itself an archive: its members are wanted, below its name and `!`.
    Members,
    /// Not even that: the archive has too many like it.
    Nothing,
}

/// Whether a line of a listing is worth its place.
#[derive(Clone, Copy, Debug)]
pub struct Lines(pub fn(&[u8]) -> bool);

impl PartialEq for Lines {
    /// What is done is the same.
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Lines {}

/// Says what is wanted of an archive.
pub trait Chooser {
    /// What is to become of the bytes of a member of this name and size.
    fn want(&self, name: &[u8], size: u64) -> Want;
    /// Whether an archive of this name could be a collection that someone packed once more, and is
    /// to be opened to see.
    fn wrapped(&self, _name: &[u8]) -> bool {
        false
    }
    /// Whether an archive beside a collection of this collector is none of its own.
    fn alone(&self, _told: &'static str) -> bool {
        false
    }
    /// Whose collection the members are that lie below `within`, and not in a further archive, where
    /// they are one.
    fn collection(&self, _spool: &Spool, _within: &[u8]) -> Option<&'static str> {
        None
    }
}

impl<F: Fn(&[u8], u64) -> Want> Chooser for F {
    fn want(&self, name: &[u8], size: u64) -> Want {
        self(name, size)
    }
}

/// What is wanted of an archive.
pub type Wanted<'a> = &'a dyn Chooser;

/// The members of an archive.
#[derive(Debug)]
pub struct Spool {
    /// The archive's name, for messages and for facts' sources.
    pub name: String,
    /// Every member that is known, by name, without `./` and `/` before it.
    pub members: BTreeMap<Vec<u8>, Member>,
    /// What is wrong with it: member (or empty for the archive) and words.
    pub problems: Vec<(String, String)>,
    /// What is wanted of it and more than is held: member (or empty for the archive) and words.
    pub beyond: Vec<(String, String)>,
    /// Some of it is cut off or damaged.
    pub damaged: bool,
    /// Where it is first cut off or damaged, archives within it too: member and words.
    pub cut: Option<(String, String)>,
    /// The collections that lie in it as archives themselves. The members of the first are held, of
    /// further ones only the names.
    pub guests: Vec<Guest>,
    /// An archive within that was not opened, since too many lie one in another.
    pub unopened: Option<Vec<u8>>,
    /// The same as `damaged`, of archives within it.
    damaged_within: bool,
    /// The archive within it that is being read: its name and `!`.
    within: Vec<u8>,
    names_only: bool,
    /// A zip within it is held.
    holding: bool,
    looked: u32,
    limits: SpoolLimits,
    held: u64,
    count: u64,
    /// Bytes of names, and of what is said of members.
    heads: u64,
    /// Files that came a second time.
    twice: u64,
    /// Files that are no programs, and whose names were not kept.
    nameless: u64,
    /// What is held only as long as there is room, by size.
    spare: BTreeSet<(u64, Vec<u8>)>,
    /// Further names of these.
    same: BTreeMap<Vec<u8>, Vec<Vec<u8>>>,
    /// What was left out for want of room: how many members, their bytes, and whether more is among it
    /// than what gives way.
    crowded: (u64, u64, bool),
    /// What was looked at as it went by.
    pub passed: Passed,
    /// Lines that were left out of listings.
    pub thinned: BTreeMap<Vec<u8>, u64>,
}

/// Problems told one by one; a hostile archive could have millions.
const MOST_PROBLEMS: usize = 50;

impl Spool {
    fn new(name: &str, limits: SpoolLimits) -> Self {
        Self {
            name: name.to_owned(),
            members: BTreeMap::new(),
            problems: Vec::new(),
            beyond: Vec::new(),
            damaged: false,
            cut: None,
            guests: Vec::new(),
            unopened: None,
            damaged_within: false,
            within: Vec::new(),
            names_only: false,
            holding: false,
            looked: 0,
            limits,
            held: 0,
            heads: 0,
            twice: 0,
            nameless: 0,
            count: 0,
            spare: BTreeSet::new(),
            same: BTreeMap::new(),
            crowded: (0, 0, false),
            passed: Passed::default(),
            thinned: BTreeMap::new(),
        }
    }

    /// Reads a stream from its first byte on. `path` is where it can be sought in, which some
    /// zip files need; `by` looks at what is not held, as it goes by.
    ///
    /// # Errors
    /// Where it is no archive, or its first member cannot be read. What comes later is a problem
    /// in the spool.
    pub fn read(
        name: &str,
        stream: Box<dyn Read + Send>,
        path: Option<&Path>,
        limits: SpoolLimits,
        wanted: Wanted<'_>,
        by: Option<Arc<dyn Passing>>,
    ) -> io::Result<Self> {
        let mut spool = Self::new(name, limits);
        spool.passed.by = by;
        let (container, stream) = kind::open(stream)?;
        match (container, path) {
            (Container::Tar, _) => tar::read(&mut spool, b"", stream, wanted, 0)?,
            (Container::Zip, Some(path)) if kind::is_plain_zip(path) => {
                zip::read(&mut spool, b"", std::fs::File::open(path)?, wanted, 0)?;
            }
            (Container::Zip, _) => {
                let bytes = zip::whole(stream)?;
                zip::read(&mut spool, b"", io::Cursor::new(bytes), wanted, 0)?;
            }
        }
        spool.close();
        if spool.members.is_empty() && spool.cut.is_none() {
            let why = spool.problems.first().map_or("it has no members", |(_, why)| why.as_str());
            return Err(io::Error::new(io::ErrorKind::InvalidData, why.to_owned()));
        }
        Ok(spool)
    }

    /// Reads a folder that a collector left unpacked; `by` looks at what is not held.
    ///
    /// # Errors
    /// Where it cannot be listed.
    pub fn folder(
        name: &str,
        path: &Path,
        limits: SpoolLimits,
        wanted: Wanted<'_>,
        by: Option<Arc<dyn Passing>>,
    ) -> io::Result<Self> {
        let mut spool = Self::new(name, limits);
        spool.passed.by = by;
        folder::read(&mut spool, path, wanted)?;
        spool.close();
        Ok(spool)
    }

    /// Notes what is wrong with a member.
    pub fn problem(&mut self, member: &[u8], why: impl Into<String>) {
        if self.problems.len() < MOST_PROBLEMS {
            let member = crate::facts::HostText::from(member).escaped();
            self.problems.push((member, why.into()));
        }
    }

    /// Notes what is wanted and more than is held.
    fn beyond(&mut self, member: &[u8], why: impl Into<String>) {
        if self.beyond.len() < MOST_PROBLEMS {
            let member = crate::facts::HostText::from(member).escaped();
            self.beyond.push((member, why.into()));
        }
    }

    /// Whether the last thing said is of this member.
    fn told_of(&self, member: &[u8]) -> bool {
        let shown = crate::facts::HostText::from(member).escaped();
        self.problems.last().is_some_and(|(last, _)| *last == shown)
    }

    /// Notes that the archive is cut off or damaged there.
    pub fn damage(&mut self, member: &[u8], why: impl Into<String>) {
        if self.within.is_empty() {
            self.damaged = true;
        } else {
            self.damaged_within = true;
        }
        let why = why.into();
        let shown = crate::facts::HostText::from(member).escaped();
        self.cut.get_or_insert_with(|| (shown, why.clone()));
        self.problem(member, why);
    }

    /// A member's bytes, where it is there and held.
    #[must_use]
    pub fn bytes(&self, name: &str) -> Option<&[u8]> {
        self.members.get(name.as_bytes())?.bytes()
    }

    /// The members below a folder, with what follows it in their names.
    pub fn below<'a, 'b>(
        &'a self,
        folder: &'b [u8],
    ) -> impl Iterator<Item = (&'a [u8], &'a [u8], &'a Member)> + use<'a, 'b> {
        self.members
            .range(folder.to_vec()..)
            .take_while(move |(name, _)| name.starts_with(folder))
            .map(move |(name, member)| {
                (name.get(folder.len()..).unwrap_or_default(), name.as_slice(), member)
            })
    }

    /// The members below a folder as [`below`](Self::below) gives them, without those of further
    /// collections that lie there as archives.
    pub fn own<'a, 'b>(
        &'a self,
        within: &'b [u8],
    ) -> impl Iterator<Item = (&'a [u8], &'a [u8], &'a Member)> + use<'a, 'b> {
        let deeper = move |name: &[u8]| {
            let holds = |guest: &Guest| guest.base != within && name.starts_with(&guest.base);
            self.guests.iter().any(holds)
        };
        self.below(within).filter(move |(_, name, _)| !deeper(name))
    }

    /// Counts a member; false where there are too many.
    fn counted(&mut self) -> bool {
        self.count = self.count.saturating_add(1);
        if self.count == self.limits.members.saturating_add(1) {
            let most = self.limits.members;
            self.beyond(b"", format!("more than {most} members; the rest is left out"));
        }
        if self.heads >= self.limits.names && self.count <= self.limits.members {
            let most = self.limits.names >> 20;
            let why = format!(
                "names of more than {most} MiB; what comes after member {} is left out",
                self.count
            );
            self.beyond(b"", why);
            // Once is enough.
            self.count = self.limits.members.saturating_add(1);
        }
        self.count <= self.limits.members
    }

    /// The name under which a member is kept; `None`, and a problem, where it would lead out of
    /// the archive.
    fn named(&mut self, before: &[u8], raw: &[u8]) -> Option<Vec<u8>> {
        let mut name = raw;
        loop {
            let shorter = name.strip_prefix(b"./").or_else(|| name.strip_prefix(b"/"));
            match shorter {
                Some(shorter) => name = shorter,
                None => break,
            }
        }
        let name = name.strip_suffix(b"/").unwrap_or(name);
        if name.split(|b| *b == b'/').any(|part| part == b"..") {
            self.problem(raw, "leads out of the archive (..); left out");
            return None;
        }
        (!name.is_empty() && name != b".").then(|| [before, name].concat())
    }
}

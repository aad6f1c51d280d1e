//! A host put together from what a collector left of it: files and links at the paths where the
//! host had them, and no more than the collector saw.

use super::origins::{Origins, located};
use super::tree::{self, Attributes, NodeId, Tree, TreeDir};
use super::{
    Clock, Dir, Evidence, FileKind, HostPath, Memory, Pid, Reason, SourceKind, Stat, Told,
    Unavailable,
};
use crate::facts::{Origin, Time};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Nodes that one host may have: some 300 bytes each.
const MOST_NODES: usize = 300_000;

/// Of them for processes, however many files there are.
const FOR_PROCESSES: usize = 60_000;

/// What there may be too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refused {
    /// Files on disk.
    Files,
    /// Processes.
    Processes,
}

/// What a file holds.
#[derive(Clone, Debug)]
pub enum Body {
    /// Its bytes.
    Bytes(Arc<[u8]>),
    /// Its bytes as gzip, opened when they are read.
    Gzip(Arc<[u8]>),
    /// All is known of it but its bytes.
    Unheld,
}

/// Stretches of a process's memory by address.
type Pieces = Vec<(u64, Arc<[u8]>)>;

/// A node of the assembly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handle(NodeId);

/// A host under construction.
pub struct Assembly {
    name: String,
    kind: SourceKind,
    tree: Tree,
    memory: BTreeMap<Pid, Pieces>,
    origins: Origins,
    taken: Time,
    refused: BTreeMap<Refused, u64>,
    /// What the collector said.
    pub told: Told,
}

impl Assembly {
    /// An empty host of which nothing is known. `name` is that of the archive.
    #[must_use]
    pub fn new(name: &str, taken: Time) -> Self {
        let mut tree = Tree::new(&Attributes::new(0o755, taken, 0));
        tree.since(0).iter_mut().for_each(|root| root.whole = false);
        Self {
            name: name.to_owned(),
            kind: SourceKind::Archive,
            tree,
            memory: BTreeMap::new(),
            origins: Origins::default(),
            taken,
            refused: BTreeMap::new(),
            told: Told::default(),
        }
    }

    /// What a node would say of itself, for one of which only the kind is known.
    #[must_use]
    pub fn stat(&self, kind: FileKind, mode: u32) -> Stat {
        let bits = match kind {
            FileKind::Directory => 0o040_000,
            FileKind::Link => 0o120_000,
            FileKind::Fifo => 0o010_000,
            FileKind::Socket => 0o140_000,
            FileKind::CharDevice => 0o020_000,
            FileKind::BlockDevice => 0o060_000,
            FileKind::File => 0o100_000,
            FileKind::Other => 0,
        };
        Stat {
            kind,
            mode: bits | mode,
            nlink: 1,
            uid: 0,
            gid: 0,
            size: 0,
            dev: 0,
            rdev: 0,
            inode: 0,
            mtime: None,
            atime: None,
            ctime: None,
            btime: None,
        }
    }

    /// Whether more files would be too many.
    #[must_use]
    pub const fn full(&self) -> bool {
        self.tree.len() >= MOST_NODES - FOR_PROCESSES
    }

    /// Whether there is no room for one more of these, which then is counted.
    pub fn refuses(&mut self, what: Refused) -> bool {
        let most = match what {
            Refused::Files => MOST_NODES - FOR_PROCESSES,
            Refused::Processes => MOST_NODES,
        };
        let refuses = self.tree.len() >= most;
        if refuses {
            let count = self.refused.entry(what).or_insert(0_u64);
            *count = count.saturating_add(1);
        }
        refuses
    }

    /// Makes room for so many files.
    pub fn expect(&mut self, files: usize) {
        self.tree.reserve(files.min(MOST_NODES));
    }

    fn parent(&mut self, path: &HostPath) -> NodeId {
        let attributes = Attributes::new(0o755, self.taken, 0);
        let before = self.tree.len();
        let id = self.tree.directory(Tree::ROOT, path.parent().as_bytes(), &attributes);
        // A directory that only stands on the way to something is not known to hold no more.
        for node in self.tree.since(before) {
            node.whole = false;
            node.stat.mtime = None;
            node.stat.ctime = None;
            node.stat.atime = None;
            node.stat.btime = None;
        }
        id
    }

    fn place(&mut self, path: &HostPath, stat: &Stat, body: tree::Body) -> Handle {
        let id = self.loose(stat, body);
        let directory = self.parent(path);
        self.tree.name(directory, path.file_name(), id);
        if let Some(node) = self.tree.get_mut(id) {
            node.stat.nlink = stat.nlink;
        }
        Handle(id)
    }

    fn loose(&mut self, stat: &Stat, body: tree::Body) -> NodeId {
        let attributes = Attributes::new(stat.mode, self.taken, stat.dev);
        let id = match body {
            tree::Body::Special => self.tree.add_special(&attributes, stat.kind),
            other => self.tree.add(&attributes, other),
        };
        if let Some(node) = self.tree.get_mut(id) {
            let numbered = node.stat.inode;
            node.stat = stat.clone();
            if stat.inode == 0 {
                // Nobody said; two files must not be taken for one.
                node.stat.inode = (1 << 62) | numbered;
            }
        }
        id
    }

    /// A regular file at a path; what lay there is replaced.
    pub fn file(&mut self, path: &HostPath, stat: &Stat, body: Body) -> Handle {
        self.place(path, stat, body.into())
    }

    /// A file that no path leads to, as a deleted one that a process holds.
    pub fn nameless(&mut self, stat: &Stat, body: Body) -> Handle {
        Handle(self.loose(stat, body.into()))
    }

    /// A FIFO, socket or device that no path leads to.
    pub fn nameless_special(&mut self, stat: &Stat) -> Handle {
        Handle(self.loose(stat, tree::Body::Special))
    }

    /// A FIFO, socket or device.
    pub fn special(&mut self, path: &HostPath, stat: &Stat) -> Handle {
        self.place(path, stat, tree::Body::Special)
    }

    /// A symbolic link.
    pub fn link(&mut self, path: &HostPath, target: &[u8], stat: &Stat) -> Handle {
        self.place(path, stat, tree::Body::Link(target.to_vec()))
    }

    /// A link of /proc, which leads to a node whatever its text says. `mode` are the permissions
    /// of the link itself, by which a descriptor's tell how it was opened.
    pub fn lead(&mut self, path: &HostPath, text: &[u8], to: Handle, mode: u32) {
        let mut stat = self.stat(FileKind::Link, mode);
        stat.size = 64;
        self.place(path, &stat, tree::Body::Magic(text.to_vec(), to.0));
    }

    /// A directory; `whole` where all its names will be there.
    pub fn directory(&mut self, path: &HostPath, stat: Option<&Stat>, whole: bool) -> Handle {
        let below = path.join("x");
        let id = self.parent(&below);
        if let Some(node) = self.tree.get_mut(id) {
            node.whole |= whole;
            if let Some(stat) = stat {
                node.stat = stat.clone();
            }
        }
        Handle(id)
    }

    /// Reading this fails for that reason, whatever lies there.
    pub fn refuse(&mut self, path: &HostPath, reason: Reason) {
        let id = match self.find(path, false) {
            Some(found) => found.0,
            None => {
                let stat = self.stat(FileKind::File, 0o644);
                self.place(path, &stat, tree::Body::Unheld).0
            }
        };
        if let Some(node) = self.tree.get_mut(id) {
            node.refusal = Some(reason);
        }
    }

    /// What lies at a path of the host.
    #[must_use]
    pub fn find(&self, path: &HostPath, follow: bool) -> Option<Handle> {
        self.tree.resolve(Tree::ROOT, Tree::ROOT, path.as_bytes(), follow).ok().map(Handle)
    }

    /// What is known of a node.
    #[must_use]
    pub fn stat_of(&self, handle: Handle) -> Option<&Stat> {
        self.tree.get(handle.0).map(|node| &node.stat)
    }

    /// Corrects what is known of a node.
    pub fn restate(&mut self, handle: Handle, change: impl FnOnce(&mut Stat)) {
        if let Some(node) = self.tree.get_mut(handle.0) {
            change(&mut node.stat);
        }
    }

    /// Gives a file its bytes.
    pub fn fill(&mut self, handle: Handle, body: Body) {
        if let Some(node) = self.tree.get_mut(handle.0) {
            node.body = body.into();
        }
    }

    /// The plain bytes of a file, where they are held.
    #[must_use]
    pub fn bytes(&self, path: &HostPath) -> Option<Arc<[u8]>> {
        match &self.tree.get(self.find(path, true)?.0)?.body {
            tree::Body::Bytes(bytes) => Some(Arc::clone(bytes)),
            _ => None,
        }
    }

    /// Declares a directory and all below it whole or not.
    pub fn whole_below(&mut self, path: &HostPath, whole: bool) {
        let Some(top) = self.find(path, true) else { return };
        let mut open = vec![top.0];
        while let Some(id) = open.pop() {
            let Some(node) = self.tree.get_mut(id) else { continue };
            if let tree::Body::Names(names) = &node.body {
                open.extend(names.values().copied());
                node.whole = whole;
            }
        }
    }

    /// A file of /proc as the kernel shows it, without a size.
    pub fn proc(&mut self, path: &str, bytes: impl Into<Arc<[u8]>>, origin: &str) -> Handle {
        let path = HostPath::from(path);
        let stat = self.stat(FileKind::File, 0o444);
        self.origin(&path, origin);
        self.file(&path, &stat, Body::Bytes(bytes.into()))
    }

    /// Which member of the archive a path's facts come from.
    pub fn origin(&mut self, path: &HostPath, member: &str) {
        self.origins.members.insert(path.as_bytes().to_vec(), member.into());
    }

    /// Whatever no member was named for is found below this name, at its path on the host.
    pub fn origin_of_all(&mut self, base: &str) {
        self.origins.base = Some(base.into());
    }

    /// A stretch of a process's memory.
    pub fn memory(&mut self, pid: Pid, address: u64, bytes: Arc<[u8]>) {
        self.memory.entry(pid).or_default().push((address, bytes));
    }

    /// The host, as far as it is known.
    #[must_use]
    pub fn finish(mut self, clock: Clock) -> Assembled {
        for stretches in self.memory.values_mut() {
            stretches.sort_by_key(|(start, _)| *start);
        }
        for (what, count) in self.refused {
            let (what, words) = match what {
                Refused::Files => ("files", "files more than davy keeps of one host"),
                Refused::Processes => ("processes", "processes more than davy keeps of one host"),
            };
            let why = format!("{}: {count} {words} were left out", self.name);
            self.told.beyond.push((what.to_owned(), why));
        }
        Assembled {
            name: self.name,
            kind: self.kind,
            tree: self.tree,
            memory: self.memory,
            origins: Arc::new(self.origins),
            told: self.told,
            clock,
        }
    }
}

impl From<Body> for tree::Body {
    fn from(body: Body) -> Self {
        match body {
            Body::Bytes(bytes) => Self::Bytes(bytes),
            Body::Gzip(bytes) => Self::Gzip(bytes),
            Body::Unheld => Self::Unheld,
        }
    }
}

/// A host as a collector left it.
pub struct Assembled {
    name: String,
    kind: SourceKind,
    tree: Tree,
    memory: BTreeMap<Pid, Pieces>,
    origins: Arc<Origins>,
    told: Told,
    clock: Clock,
}

impl Evidence for Assembled {
    fn kind(&self) -> SourceKind {
        self.kind
    }

    fn name(&self) -> String {
        self.name.clone()
    }

    fn dir(&self, path: &HostPath) -> Result<Box<dyn Dir + '_>, Unavailable> {
        Ok(Box::new(TreeDir::open(&self.tree, path, false)?))
    }

    fn root_of(&self, pid: Pid) -> Result<Box<dyn Dir + '_>, Unavailable> {
        let path = HostPath::new(format!("/proc/{pid}/root"));
        Ok(Box::new(TreeDir::open(&self.tree, &path, true)?))
    }

    fn memory(&self, pid: Pid) -> Result<Box<dyn Memory + '_>, Unavailable> {
        match self.memory.get(&pid) {
            Some(stretches) => Ok(Box::new(Stretches(stretches))),
            None => {
                let path = HostPath::new(format!("/proc/{pid}/mem"));
                let why = "the collector took none of its memory";
                Err(Unavailable::new(&path, Reason::NotCaptured, why))
            }
        }
    }

    fn clock(&self) -> Clock {
        self.clock.clone()
    }

    fn told(&self) -> Option<&Told> {
        Some(&self.told)
    }

    fn origin(&self) -> Option<Origin> {
        let (archive, origins) = (self.name.clone(), Arc::clone(&self.origins));
        Some(Arc::new(move |source| located(&archive, &origins, source)))
    }
}

/// Stretches of memory by address.
struct Stretches<'a>(&'a [(u64, Arc<[u8]>)]);

impl Memory for Stretches<'_> {
    fn present(&self, start: u64, end: u64) -> Result<Vec<(u64, u64)>, Unavailable> {
        let mut found: Vec<(u64, u64)> = Vec::new();
        for (from, bytes) in self.0 {
            let to = from.saturating_add(bytes.len() as u64).min(end);
            let from = (*from).max(start);
            if from >= to {
                continue;
            }
            match found.last_mut() {
                Some(open) if open.1 >= from => open.1 = open.1.max(to),
                _ => found.push((from, to)),
            }
        }
        Ok(found)
    }

    fn read(&self, address: u64, into: &mut [u8]) -> Result<usize, Unavailable> {
        let held = self.0.iter().find_map(|(start, bytes)| {
            let at = usize::try_from(address.checked_sub(*start)?).ok()?;
            bytes.get(at..).filter(|rest| !rest.is_empty())
        });
        let Some(held) = held else { return Ok(0) };
        let count = held.len().min(into.len());
        for (to, from) in into.iter_mut().zip(held) {
            *to = *from;
        }
        Ok(count)
    }
}

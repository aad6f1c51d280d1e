//! A host's file system in memory: what a text host is expanded into.
//!
//! Links are of two kinds, as in Linux: ordinary ones, whose text is resolved, and those of
//! /proc (`exe`, `fd/3`), which lead straight to a file whatever their text says.

mod dir;
mod walk;

pub(super) use dir::TreeDir;

use super::{FileKind, Reason, Stat};
use crate::facts::Time;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A file, directory or link of the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NodeId(usize);

/// What a node holds.
#[derive(Clone, Debug)]
pub(super) enum Body {
    /// A regular file's bytes.
    Bytes(Arc<[u8]>),
    /// A regular file's bytes, kept as gzip; opened as they are read.
    Gzip(Arc<[u8]>),
    /// A regular file of which all is known but its bytes.
    Unheld,
    /// A directory's names.
    Names(BTreeMap<Vec<u8>, NodeId>),
    /// A symbolic link's text, resolved when it is followed.
    Link(Vec<u8>),
    /// A link of /proc: its text, and what it leads to without regard to the text.
    Magic(Vec<u8>, NodeId),
    /// A FIFO, socket, device or anonymous inode.
    Special,
}

/// One inode.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// What the kernel says of it.
    pub stat: Stat,
    /// What it holds.
    pub body: Body,
    /// Why reading it fails, where it does.
    pub refusal: Option<Reason>,
    /// For directories: whether its names are all that there were. In one that is not whole, a
    /// name that is not there was not captured.
    pub whole: bool,
    /// For directories: the one above.
    parent: NodeId,
}

/// Owner, permissions and times of a node to be made.
#[derive(Clone, Debug)]
pub(super) struct Attributes {
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Content last changed.
    pub mtime: Time,
    /// Inode last changed.
    pub ctime: Time,
    /// Last read.
    pub atime: Time,
    /// Made; `None` where the file system keeps no such time, as /proc.
    pub btime: Option<Time>,
    /// Device it lies on.
    pub dev: u64,
}

impl Attributes {
    /// Root's, all times the same.
    pub(super) const fn new(mode: u32, time: Time, dev: u64) -> Self {
        Self { mode, uid: 0, gid: 0, mtime: time, ctime: time, atime: time, btime: Some(time), dev }
    }
}

/// All nodes; the first is the root directory.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    next_inode: u64,
}

impl Tree {
    pub(super) const ROOT: NodeId = NodeId(0);

    /// An empty root directory.
    pub(super) fn new(root: &Attributes) -> Self {
        let mut tree = Self { nodes: Vec::new(), next_inode: 2 };
        let _ = tree.add(root, Body::Names(BTreeMap::new()));
        tree.next_inode = 131_073;
        tree
    }

    /// Makes room for so many nodes more.
    pub(super) fn reserve(&mut self, nodes: usize) {
        self.nodes.reserve(nodes);
    }

    pub(super) fn get(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(id.0)
    }

    pub(super) fn get_mut(&mut self, id: NodeId) -> Option<&mut Node> {
        self.nodes.get_mut(id.0)
    }

    /// Adds a node that no name leads to yet. Its kind follows from what it holds; a special one
    /// is made with [`add_special`](Self::add_special).
    pub(super) fn add(&mut self, attributes: &Attributes, body: Body) -> NodeId {
        let kind = match &body {
            Body::Bytes(_) | Body::Gzip(_) | Body::Unheld => FileKind::File,
            Body::Names(_) => FileKind::Directory,
            Body::Link(_) | Body::Magic(..) => FileKind::Link,
            Body::Special => FileKind::Other,
        };
        self.push(attributes, body, kind)
    }

    /// Adds a FIFO, socket, device or anonymous inode.
    pub(super) fn add_special(&mut self, attributes: &Attributes, kind: FileKind) -> NodeId {
        self.push(attributes, Body::Special, kind)
    }

    fn push(&mut self, attributes: &Attributes, body: Body, kind: FileKind) -> NodeId {
        let size = match &body {
            Body::Bytes(bytes) => bytes.len() as u64,
            Body::Link(text) => text.len() as u64,
            Body::Names(_) if attributes.btime.is_some() => 4096,
            Body::Names(_) | Body::Special | Body::Gzip(_) | Body::Unheld => 0,
            Body::Magic(..) => 64,
        };
        let permissions = if kind == FileKind::Link { 0o777 } else { attributes.mode & 0o7777 };
        let stat = Stat {
            kind,
            mode: type_bits(kind) | permissions,
            nlink: if kind == FileKind::Directory { 2 } else { 0 },
            uid: attributes.uid,
            gid: attributes.gid,
            size,
            dev: attributes.dev,
            rdev: 0,
            inode: self.next_inode,
            mtime: Some(attributes.mtime),
            atime: Some(attributes.atime),
            ctime: Some(attributes.ctime),
            btime: attributes.btime,
        };
        self.next_inode = self.next_inode.saturating_add(1);
        let id = NodeId(self.nodes.len());
        self.nodes.push(Node { stat, body, refusal: None, whole: true, parent: Self::ROOT });
        id
    }

    /// Gives a node a name in a directory; what had the name before loses it.
    pub(super) fn name(&mut self, directory: NodeId, name: &[u8], id: NodeId) {
        let Some(Body::Names(names)) = self.get_mut(directory).map(|n| &mut n.body) else {
            return;
        };
        let before = names.insert(name.to_vec(), id);
        if before == Some(id) {
            return;
        }
        if let Some(before) = before.and_then(|b| self.get_mut(b)) {
            before.stat.nlink = before.stat.nlink.saturating_sub(1);
        }
        if let Some(node) = self.get_mut(id) {
            if matches!(node.body, Body::Names(_)) {
                node.parent = directory;
            } else {
                node.stat.nlink = node.stat.nlink.saturating_add(1);
            }
        }
    }

    /// Takes a name away.
    pub(super) fn unname(&mut self, directory: NodeId, name: &[u8]) {
        let Some(Body::Names(names)) = self.get_mut(directory).map(|n| &mut n.body) else {
            return;
        };
        if let Some(node) = names.remove(name).and_then(|b| self.get_mut(b)) {
            node.stat.nlink = node.stat.nlink.saturating_sub(1);
        }
    }

    /// What a name in a directory stands for, a link not followed.
    pub(super) fn child(&self, directory: NodeId, name: &[u8]) -> Option<NodeId> {
        match &self.get(directory)?.body {
            Body::Names(names) => names.get(name).copied(),
            _ => None,
        }
    }

    /// How many nodes there are.
    pub(super) const fn len(&self) -> usize {
        self.nodes.len()
    }

    /// The nodes made after there were so many.
    pub(super) fn since(&mut self, before: usize) -> &mut [Node] {
        self.nodes.get_mut(before..).unwrap_or_default()
    }

    /// The directory at `path` below `from`, made with `attributes` where it is missing.
    /// Ordinary links on the way are followed, so that `/bin/x` lands in `/usr/bin`.
    pub(super) fn directory(
        &mut self,
        from: NodeId,
        path: &[u8],
        attributes: &Attributes,
    ) -> NodeId {
        let mut here = from;
        for name in path.split(|b| *b == b'/').filter(|c| !c.is_empty() && *c != b".") {
            let found = self.child(here, name).map(|id| self.follow(from, here, id));
            here = match found {
                Some(Some(id)) if matches!(self.get(id).map(|n| &n.body), Some(Body::Names(_))) => {
                    id
                }
                _ => {
                    let made = self.add(attributes, Body::Names(BTreeMap::new()));
                    self.name(here, name, made);
                    made
                }
            };
        }
        here
    }

    /// Where a link that lies in `here` leads; anything else leads to itself.
    fn follow(&self, root: NodeId, here: NodeId, id: NodeId) -> Option<NodeId> {
        match &self.get(id)?.body {
            Body::Link(text) => self.resolve(root, here, text, true).ok(),
            Body::Magic(_, to) => Some(*to),
            _ => Some(id),
        }
    }
}

/// The mode's type bits of a kind.
const fn type_bits(kind: FileKind) -> u32 {
    match kind {
        FileKind::File => 0o100_000,
        FileKind::Directory => 0o040_000,
        FileKind::Link => 0o120_000,
        FileKind::Fifo => 0o010_000,
        FileKind::Socket => 0o140_000,
        FileKind::CharDevice => 0o020_000,
        FileKind::BlockDevice => 0o060_000,
        FileKind::Other => 0,
    }
}

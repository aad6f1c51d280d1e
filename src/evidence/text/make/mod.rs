//! Directives into a tree: what the kernel's /proc and a Debian server's disk would hold.

mod base;
mod container;
mod default_maps;
mod files;
mod host;
mod image;
mod kernel;
mod maps;
mod network;
mod open;
mod packages;
mod proc_text;
mod process;
mod sockets;

pub(super) use image::Image;

use super::arguments::Arguments;
use super::error::Fault;
use super::lines::Directive;
use crate::evidence::tree::{Attributes, Body, NodeId, Tree};
use crate::evidence::{Clock, FileKind, HostPath, Pid, Reason};
use crate::facts::Time;
use host::About;
use std::collections::{BTreeMap, BTreeSet};

/// `/dev/sda1`.
const DISK: u64 = 8 << 32 | 1;
/// procfs.
const PROC: u64 = 22;
/// sysfs.
const SYS: u64 = 21;
/// devtmpfs.
const DEV: u64 = 5;
/// The kernel's own tmpfs, where memfds lie.
const SHMEM: u64 = 1;
/// sockfs, pipefs, anonymous inodes and namespaces.
const SOCKETS: u64 = 8;
const PIPES: u64 = 14;
const ANONYMOUS: u64 = 15;
const NAMESPACES: u64 = 4;

/// An expanded host.
pub(super) struct Made {
    pub tree: Tree,
    pub clock: Clock,
    pub memory: BTreeMap<Pid, Image>,
}

/// A host under construction.
struct Maker {
    tree: Tree,
    about: About,
    /// Files without a name, by what their links say, so that a descriptor and a mapping of one
    /// deleted file are one inode.
    ghosts: BTreeMap<(NodeId, Vec<u8>), NodeId>,
    /// Files stated to differ from what their package installed.
    altered: BTreeSet<NodeId>,
    networks: BTreeMap<u64, network::Network>,
    containers: BTreeMap<u64, NodeId>,
    memory: BTreeMap<Pid, Image>,
    mounts: Vec<String>,
    next_inode: u64,
}

/// Expands a host.
pub(super) fn make(directives: &[Directive]) -> Result<Made, Fault> {
    let about = About::read(directives)?;
    let root = Attributes::new(0o755, about.installed, DISK);
    let mut maker = Maker {
        tree: Tree::new(&root),
        about,
        ghosts: BTreeMap::new(),
        altered: BTreeSet::new(),
        networks: BTreeMap::new(),
        containers: BTreeMap::new(),
        memory: BTreeMap::new(),
        mounts: Vec::new(),
        next_inode: 20_000,
    };
    maker.base();
    // What others lean on comes first, whatever the order on the page.
    maker.each(directives, &["directory", "link", "file", "user", "mount"])?;
    maker.packages(directives)?;
    maker.each(directives, &["address", "neighbour", "route"])?;
    maker.processes(directives)?;
    maker.each(directives, &["socket"])?;
    maker.networks();
    maker.kernel();
    maker.each(directives, &["raw"])?;
    maker.each(directives, REFUSALS)?;
    let clock = maker.about.clock();
    Ok(Made { tree: maker.tree, clock, memory: maker.memory })
}

const REFUSALS: &[&str] = &["absent", "denied", "vanished", "timed-out", "not-captured", "damaged"];

impl Maker {
    fn each(&mut self, directives: &[Directive], verbs: &[&str]) -> Result<(), Fault> {
        for verb in verbs {
            for directive in directives.iter().filter(|d| d.verb == *verb) {
                self.one(directive)?;
            }
        }
        Ok(())
    }

    fn one(&mut self, directive: &Directive) -> Result<(), Fault> {
        let mut words = Arguments::new(directive);
        match directive.verb.as_str() {
            "directory" => self.stated_directory(&mut words)?,
            "link" => self.stated_link(&mut words)?,
            "file" => self.stated_file(directive, &mut words)?,
            "user" => self.stated_user(&mut words)?,
            "mount" => self.stated_mount(&mut words)?,
            "address" => self.stated_address(&mut words)?,
            "neighbour" => self.stated_neighbour(&mut words)?,
            "route" => self.stated_route(&mut words)?,
            "socket" => self.stated_socket(None, &mut words)?,
            "raw" => self.stated_raw(directive, &mut words)?,
            _ => self.stated_refusal(directive, &mut words)?,
        }
        words.finish()
    }

    fn stated_refusal(
        &mut self,
        directive: &Directive,
        words: &mut Arguments<'_>,
    ) -> Result<(), Fault> {
        let path = words.path()?;
        let reason = match directive.verb.as_str() {
            "absent" => return self.absent(&path),
            "denied" => Reason::Denied,
            "vanished" => Reason::Vanished,
            "timed-out" => Reason::TimedOut,
            "damaged" => Reason::Damaged,
            _ => Reason::NotCaptured,
        };
        let (directory, name) = self.place(&path);
        let id = self.tree.child(directory, &name).unwrap_or_else(|| {
            let attributes = Attributes::new(0o644, self.about.installed, DISK);
            let id = self.tree.add(&attributes, Body::Bytes([].into()));
            self.tree.name(directory, &name, id);
            id
        });
        if let Some(node) = self.tree.get_mut(id) {
            node.refusal = Some(reason);
        }
        Ok(())
    }

    fn absent(&mut self, path: &HostPath) -> Result<(), Fault> {
        let (directory, name) = self.place(path);
        self.tree.unname(directory, &name);
        Ok(())
    }

    /// Attributes of a file on the disk.
    fn on_disk(&self, mode: u32) -> Attributes {
        Attributes::new(mode, self.about.installed, DISK)
    }

    /// Attributes of a file in /proc: no time of birth, times of the asking.
    fn in_proc(&self, mode: u32) -> Attributes {
        let time = self.about.taken;
        Attributes { btime: None, ..Attributes::new(mode, time, PROC) }
    }

    /// The directory that a path lies in, made where missing, and its last component.
    fn place(&mut self, path: &HostPath) -> (NodeId, Vec<u8>) {
        self.place_in(Tree::ROOT, path)
    }

    fn place_in(&mut self, root: NodeId, path: &HostPath) -> (NodeId, Vec<u8>) {
        let attributes = self.on_disk(0o755);
        let directory = self.tree.directory(root, path.parent().as_bytes(), &attributes);
        (directory, path.file_name().to_vec())
    }

    /// A file of the disk at a path; what lay there is replaced.
    fn put(
        &mut self,
        root: NodeId,
        path: &HostPath,
        attributes: &Attributes,
        bytes: &[u8],
    ) -> NodeId {
        let (directory, name) = self.place_in(root, path);
        let id = self.tree.add(attributes, Body::Bytes(bytes.into()));
        self.tree.name(directory, &name, id);
        id
    }

    /// A file of the disk with the ordinary attributes.
    fn put_text(&mut self, path: &str, text: &str) {
        let attributes = self.on_disk(0o644);
        self.put(Tree::ROOT, &HostPath::from(path), &attributes, text.as_bytes());
    }

    /// A file of /proc: its size is 0 whatever it holds, as the kernel has it.
    fn put_proc(&mut self, directory: NodeId, name: &str, bytes: impl AsRef<[u8]>) {
        let attributes = self.in_proc(0o444);
        let id = self.tree.add(&attributes, Body::Bytes(bytes.as_ref().into()));
        if let Some(node) = self.tree.get_mut(id) {
            node.stat.size = 0;
        }
        self.tree.name(directory, name.as_bytes(), id);
    }

    /// A directory of /proc.
    fn proc_directory(&mut self, path: &str) -> NodeId {
        let attributes = self.in_proc(0o555);
        self.tree.directory(Tree::ROOT, path.as_bytes(), &attributes)
    }

    /// A link of /proc that leads straight to a file.
    fn magic(&mut self, directory: NodeId, name: &str, text: &[u8], to: NodeId) {
        let attributes = self.in_proc(0o777);
        let id = self.tree.add(&attributes, Body::Magic(text.to_vec(), to));
        self.tree.name(directory, name.as_bytes(), id);
    }

    /// What a path leads to.
    fn find(&self, root: NodeId, path: &HostPath) -> Option<NodeId> {
        self.tree.resolve(root, root, path.as_bytes(), true).ok()
    }

    /// An inode of sockfs, pipefs or the like, with a number of its own.
    fn nameless(&mut self, kind: FileKind, dev: u64, inode: u64, time: Time) -> NodeId {
        let attributes = Attributes { btime: None, ..Attributes::new(0o600, time, dev) };
        let id = self.tree.add_special(&attributes, kind);
        if let Some(node) = self.tree.get_mut(id) {
            node.stat.inode = inode;
            node.stat.nlink = 1;
        }
        id
    }
}

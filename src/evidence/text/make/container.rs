//! The root directory and namespaces of a process.

use super::super::arguments::Arguments;
use super::super::error::Fault;
use super::{Maker, NAMESPACES, Tree};
use crate::evidence::tree::NodeId;
use crate::evidence::{FileKind, HostPath};

/// The inode numbers of a process's namespaces.
#[derive(Clone, Copy, Debug)]
pub(super) struct Namespaces {
    pub mnt: u64,
    pub net: u64,
    pub pid: u64,
    pub user: u64,
    pub uts: u64,
    pub ipc: u64,
    pub cgroup: u64,
    pub time: u64,
}

impl Namespaces {
    /// Those that the kernel starts with.
    pub(super) const FIRST: Self = Self {
        mnt: 4_026_531_841,
        net: 4_026_531_840,
        pid: 4_026_531_836,
        user: 4_026_531_837,
        uts: 4_026_531_838,
        ipc: 4_026_531_839,
        cgroup: 4_026_531_835,
        time: 4_026_531_834,
    };

    /// Each with its name in /proc/PID/ns.
    pub(super) const fn named(&self) -> [(&'static str, u64); 8] {
        [
            ("cgroup", self.cgroup),
            ("ipc", self.ipc),
            ("mnt", self.mnt),
            ("net", self.net),
            ("pid", self.pid),
            ("time", self.time),
            ("user", self.user),
            ("uts", self.uts),
        ]
    }

    /// `net=4026532201` and the like.
    pub(super) fn stated(&mut self, words: &mut Arguments<'_>) -> Result<(), Fault> {
        for (key, number) in [
            ("mnt", &mut self.mnt),
            ("net", &mut self.net),
            ("pid", &mut self.pid),
            ("user", &mut self.user),
            ("uts", &mut self.uts),
            ("ipc", &mut self.ipc),
            ("cgroup-ns", &mut self.cgroup),
        ] {
            if let Some(stated) = words.number(key)? {
                *number = stated;
            }
        }
        Ok(())
    }
}

/// What a process sees as `/`.
pub(super) struct Root {
    pub node: NodeId,
    /// The text of /proc/PID/root.
    pub text: Vec<u8>,
    /// Container id for the control group.
    pub container: Option<String>,
}

impl Root {
    pub(super) fn host() -> Self {
        Self { node: Tree::ROOT, text: b"/".to_vec(), container: None }
    }
}

impl Maker {
    /// `root [PATH] [container=mnt:N] [id=HEX] [net=N …]`: a root of its own.
    pub(super) fn stated_root(
        &mut self,
        words: &mut Arguments<'_>,
        namespaces: &mut Namespaces,
    ) -> Result<Root, Fault> {
        let container = match words.text("container")? {
            None => None,
            Some(text) => {
                let number = text.strip_prefix("mnt:").and_then(|n| n.parse::<u64>().ok());
                let number = number.ok_or_else(|| {
                    words.fault(format!("expected container=mnt:4026532201, found {text}"))
                })?;
                namespaces.mnt = number;
                Some(number)
            }
        };
        namespaces.stated(words)?;
        let id = words.text("id")?.map(str::to_owned);
        let path = words.bare().map(HostPath::new);
        let own = container.is_some() || namespaces.mnt != Namespaces::FIRST.mnt;
        if let Some(path) = path.as_ref().filter(|p| !p.is_absolute()) {
            return Err(words.fault(format!("expected an absolute path, found {path}")));
        }
        if !own && path.is_none() {
            return Err(words.fault("expected container=mnt:NUMBER or a path"));
        }
        let path = path.unwrap_or_else(|| {
            let number = namespaces.mnt;
            HostPath::new(format!("/var/lib/docker/overlay2/{number}/merged"))
        });
        let attributes = self.on_disk(0o755);
        let known = self.containers.get(&namespaces.mnt).filter(|_| own).copied();
        let node =
            known.unwrap_or_else(|| self.tree.directory(Tree::ROOT, path.as_bytes(), &attributes));
        if own {
            self.containers.insert(namespaces.mnt, node);
        }
        // A process in a mount namespace of its own shows `/`; one under chroot, the path.
        let text = if own { b"/".to_vec() } else { path.as_bytes().to_vec() };
        let container = own.then(|| id.unwrap_or_else(|| format!("{:064x}", namespaces.mnt)));
        Ok(Root { node, text, container })
    }

    /// The links of /proc/PID/ns.
    pub(super) fn namespaces(&mut self, directory: NodeId, namespaces: &Namespaces) {
        let attributes = self.in_proc(0o511);
        let ns = self.tree.directory(directory, b"ns", &attributes);
        for (name, number) in namespaces.named() {
            let to = self.nameless(FileKind::Other, NAMESPACES, number, self.about.booted);
            if let Some(node) = self.tree.get_mut(to) {
                // nsfs files are regular by their mode, yet cannot be read.
                node.stat.kind = FileKind::File;
                node.stat.mode = 0o100_444;
            }
            self.magic(ns, name, format!("{name}:[{number}]").as_bytes(), to);
            if name == "pid" {
                self.magic(ns, "pid_for_children", format!("pid:[{number}]").as_bytes(), to);
            }
        }
    }
}

//! A process's executable: what the link says, what the inode says, and what lies there now.

use super::ProcessDir;
use crate::evidence::{Dir, HostPath, Reason, Stat, Unavailable};

pub(super) const SAME: &str = "same";
const OTHER: &str = "other";
const MISSING: &str = "missing";

/// The kernel puts it behind the path of a name that is gone. A name may also end so of itself.
const MARK: &[u8] = b" (deleted)";

/// The columns of the executable.
#[derive(Default)]
pub(super) struct Executable {
    pub link: Option<HostPath>,
    pub path: Option<HostPath>,
    pub deleted: Option<bool>,
    pub memfd: Option<bool>,
    pub now: Option<&'static str>,
    pub dev: Option<u64>,
    pub inode: Option<u64>,
    pub root_id: String,
}

/// The path without the kernel's mark, where it ends in one.
pub(in crate::collect) fn unmarked(path: &HostPath) -> Option<HostPath> {
    path.as_bytes().strip_suffix(MARK).map(HostPath::from)
}

/// Whether a path is that of a memfd. An ordinary file can be named so too, in the root
/// directory; its link count tells it apart.
pub(in crate::collect) fn is_memfd(path: &HostPath) -> bool {
    path.as_bytes().starts_with(b"/memfd:")
}

pub(super) fn read(process: &ProcessDir<'_>) -> Executable {
    let root = Root::of(process);
    let host_root = || Executable { root_id: root.id(), ..Executable::default() };
    if process.bare() {
        return host_root();
    }
    let link = match process.dir.link(&HostPath::from("exe")) {
        Ok(link) => link,
        // Threads of the kernel have none, and stat told of those; a process without memory of
        // its own, as one that is just ending, has none either.
        Err(why) => {
            process.missed("processes.exe", why);
            return host_root();
        }
    };
    process.host.gaps.read("processes.exe");
    let stat = process.exe();
    let deleted = stat.map(Stat::deleted);
    let gone = deleted == Some(true);
    let memfd = is_memfd(&link) && deleted != Some(false);
    let mut path = if gone { unmarked(&link) } else { None }.unwrap_or_else(|| link.clone());
    if memfd {
        return Executable {
            link: Some(link),
            path: Some(path),
            deleted,
            memfd: Some(true),
            now: None,
            dev: stat.map(|s| s.dev),
            inode: stat.map(|s| s.inode),
            root_id: root.id(),
        };
    }
    let (root, inside) = root.holding(process, &path);
    let mut now = stat.and_then(|stat| root.lies_at(process, &inside, stat));
    path = inside;
    // Marked, but the inode has another name yet (a hard link), and nothing is called so: the
    // mark is the kernel's.
    if !gone
        && now == Some(MISSING)
        && let (Some(plain), Some(stat)) = (unmarked(&path), stat)
    {
        now = root.lies_at(process, &plain, stat);
        path = plain;
    }
    Executable {
        link: Some(link),
        path: Some(path),
        deleted,
        memfd: Some(false),
        now,
        dev: stat.map(|s| s.dev),
        inode: stat.map(|s| s.inode),
        root_id: root.id(),
    }
}

/// Which root a path of the process is to be looked up in.
#[derive(Clone)]
enum Root {
    /// The host's own.
    Host,
    /// The process's, with its mount namespace and the text of its root link.
    Own(u64, HostPath),
}

impl Root {
    /// By mount namespace and root link. What cannot be told is taken for the host's own.
    fn of(process: &ProcessDir<'_>) -> Self {
        let link = process.root_link().cloned().unwrap_or_else(|| HostPath::from("/"));
        match process.namespaces().mnt {
            Some(mnt) if process.walk.is_foreign(process.host, mnt) || link.as_bytes() != b"/" => {
                Self::Own(mnt, link)
            }
            _ => Self::Host,
        }
    }

    fn id(&self) -> String {
        match self {
            Self::Host => "/".to_owned(),
            Self::Own(mnt, link) => format!("mnt:{mnt}:{link}"),
        }
    }

    /// The root that a path of the kernel's links is in, and the path in it. The kernel writes
    /// paths as the reader's root has them, or from the top of a namespace that the reader
    /// cannot reach; so the link of a root below that top is a prefix of what lies in it.
    fn holding(self, process: &ProcessDir<'_>, path: &HostPath) -> (Self, HostPath) {
        let Self::Own(mnt, link) = &self else { return (Self::Host, path.clone()) };
        if link.as_bytes() != b"/" {
            let inside = path.as_bytes().strip_prefix(link.as_bytes());
            if let Some(inside) = inside.filter(|rest| rest.first() == Some(&b'/')) {
                let inside = HostPath::from(inside);
                return (self, inside);
            }
            // A daemon that shut itself into an empty folder runs a program from outside it.
            if !process.walk.is_foreign(process.host, *mnt) {
                return (Self::Host, path.clone());
            }
            return (self, path.clone());
        }
        if shows_host_files(process, path) {
            return (Self::Host, path.clone());
        }
        let path = path.clone();
        (self, path)
    }

    /// What lies at the path now, compared with the executable. `None` where it was not asked.
    fn lies_at(
        &self,
        process: &ProcessDir<'_>,
        path: &HostPath,
        exe: &Stat,
    ) -> Option<&'static str> {
        let what = "processes.exe_path_now";
        if process.walk.remote(process).reaches(path) {
            let why =
                Unavailable::new(path, Reason::NotCaptured, "below a network mount, not asked");
            process.host.gaps.missed(what, &why);
            return None;
        }
        let found = match self {
            Self::Host => process.walk.at_host_path(process.host, path),
            Self::Own(..) => {
                let root = process.host.evidence.root_of(process.pid);
                root.and_then(|root| identity(root.as_ref(), path))
            }
        };
        match found {
            Ok(found) if found == (exe.dev, exe.inode) => Some(SAME),
            Ok(_) => Some(OTHER),
            Err(why) if why.reason == Reason::Absent => Some(MISSING),
            Err(why) => {
                process.missed(what, why);
                None
            }
        }
    }
}

/// Whether nothing lies at a path of the host's own root; `None` where that was not asked.
pub(super) fn missing(process: &ProcessDir<'_>, path: &HostPath) -> Option<bool> {
    if process.walk.remote(process).reaches(path) {
        return None;
    }
    match process.walk.at_host_path(process.host, path) {
        Ok(_) => Some(false),
        Err(why) if why.reason == Reason::Absent => Some(true),
        Err(_) => None,
    }
}

/// Device and inode of what a path leads to.
pub(super) fn identity(root: &dyn Dir, path: &HostPath) -> Result<(u64, u64), Unavailable> {
    root.stat(path).map(|stat| (stat.dev, stat.inode))
}

/// Whether another mount namespace shows the host's own files at this path, as the sandboxes of
/// system services do: its root and the file's folder are the host's.
fn shows_host_files(process: &ProcessDir<'_>, path: &HostPath) -> bool {
    let folder = path.parent();
    if !path.is_absolute() || process.walk.remote(process).reaches(&folder) {
        return false;
    }
    let Ok(root) = process.host.evidence.root_of(process.pid) else { return false };
    let same = |path: &HostPath| {
        let theirs = identity(root.as_ref(), path);
        theirs.is_ok_and(|theirs| {
            process.walk.at_host_path(process.host, path).is_ok_and(|ours| ours == theirs)
        })
    };
    same(&HostPath::from("/")) && same(&folder)
}

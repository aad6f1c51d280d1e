//! A directory of this machine's file systems, held open.

use super::descriptors::Descriptors;
use super::hazards::Hazards;
use super::lookup::{handle, handle_inside};
use super::procfs;
use super::stat::{WANTED, from_statx};
use crate::evidence::{Dir, FileKind, HostPath, ReadSeek, Reason, Stat, Unavailable};
use rustix::buffer::spare_capacity;
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::fs::File;
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

/// A directory, and how names below it are looked up.
pub(in crate::evidence) struct DiskDir {
    fd: Arc<OwnedFd>,
    /// What stands before every name, counted from `fd`; empty but for a directory source.
    prefix: HostPath,
    /// What the directory is called in messages.
    base: HostPath,
    /// Every step stays inside `fd`.
    confined: bool,
    /// `/proc` or a `/proc/PID` of procfs: plain names there are files of the kernel's own.
    of_proc: bool,
    hazards: Arc<Hazards>,
}

const PROC_SUPER_MAGIC: i64 = 0x9fa0;
const READ: OFlags =
    OFlags::RDONLY.union(OFlags::NOCTTY).union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);
/// Regular files by their mode, yet reading them takes away what others wait for.
const CONSUMED: [&[u8]; 2] = [b"kmsg", b"trace_pipe"];
/// Bytes asked for at once by [`Dir::read`].
const CHUNK: usize = 16 * 1024;

impl DiskDir {
    /// Opens a directory by its absolute path.
    pub(in crate::evidence) fn open(
        path: &HostPath,
        hazards: Arc<Hazards>,
    ) -> Result<Self, Unavailable> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let wanted = path.clone();
        let open = move || rustix::fs::open(wanted.as_os(), flags, Mode::empty());
        let below_proc = path.as_bytes() == b"/proc" || path.as_bytes().starts_with(b"/proc/");
        let opened = if hazards.any() && (!below_proc || path.file_name() == b"root") {
            hazards.bounded(path, open).map_err(|_| too_late(path))?
        } else {
            open()
        };
        let fd = opened.map_err(|e| refused(path, e))?;
        // statfs asks the server of a network mount, so that it is asked only of /proc.
        let of_proc = procfs::is_process_or_proc(path)
            && rustix::fs::fstatfs(&fd).is_ok_and(|s| s.f_type == PROC_SUPER_MAGIC);
        let prefix = HostPath::default();
        Ok(Self { fd: Arc::new(fd), prefix, base: path.clone(), confined: false, of_proc, hazards })
    }

    /// Whether it is on procfs.
    pub(super) const fn of_procfs(&self) -> bool {
        self.of_proc
    }

    /// The same, with absolute links and `..` counted from it.
    pub(in crate::evidence) fn confined(self) -> Self {
        Self { confined: true, of_proc: false, ..self }
    }

    /// A directory below, whose names still count `..` and absolute links from this one.
    pub(in crate::evidence) fn below(&self, path: &HostPath) -> Result<Self, Unavailable> {
        let kind = self.stat(path)?.kind;
        if kind != FileKind::Directory {
            return Err(Unavailable::new(path, Reason::Absent, "not a directory"));
        }
        Ok(Self {
            fd: self.fd.clone(),
            prefix: HostPath::new(relative(path).as_bytes()),
            base: path.clone(),
            confined: self.confined,
            of_proc: false,
            hazards: self.hazards.clone(),
        })
    }

    /// What a name is called in messages.
    pub(super) fn path(&self, name: &HostPath) -> HostPath {
        if name.as_bytes().is_empty() { self.base.clone() } else { self.base.join(name) }
    }

    /// Names a file of procfs that is not itself a link out of it.
    fn plain(&self, name: &HostPath) -> bool {
        const LINKS: [&[u8]; 4] = [b"exe", b"cwd", b"root", b"self"];
        let bytes = name.as_bytes();
        let first = bytes.split(|b| *b == b'/').next().unwrap_or_default();
        let below = first.len() != bytes.len();
        let known: [&[u8]; 3] = [b"fdinfo", b"net", b"sys"];
        self.of_proc
            && !bytes.is_empty()
            && !CONSUMED.contains(&bytes)
            && !LINKS.contains(&first)
            && (!below || (known.contains(&first) && !name.components().any(|c| c == b"..")))
    }

    /// The error, told apart where the process behind the handle has ended: the kernel answers
    /// ENOENT to names that were not looked up before, and ESRCH to others.
    pub(super) fn fail(&self, name: &HostPath, error: Errno) -> Unavailable {
        let gone = self.of_proc
            && matches!(error, Errno::NOENT | Errno::SRCH)
            && rustix::fs::accessat(
                &*self.fd,
                "stat",
                rustix::fs::Access::EXISTS,
                AtFlags::empty(),
            )
            .is_err();
        if gone {
            return Unavailable::new(&self.path(name), Reason::Vanished, "the process has ended");
        }
        let path = self.path(name);
        if self.confined && error == Errno::LOOP && path.as_bytes().starts_with(b"/proc/") {
            // They lead to what the kernel of this machine has, whatever their text says.
            let why = "a link of this machine's /proc, which is not followed from a directory: without --root \
                       davy looks at the machine itself";
            return Unavailable::new(&path, Reason::NotCaptured, why);
        }
        refused(&path, error)
    }

    /// A file of procfs, opened at once.
    pub(super) fn open_of_proc(&self, name: &HostPath) -> Result<File, Unavailable> {
        let opened = self.uncovered(name, relative(name), READ | OFlags::NOFOLLOW);
        opened.map(File::from)
    }

    /// The same, of files and folders; what is mounted over a process's file is passed by.
    fn uncovered(
        &self,
        name: &HostPath,
        at: &OsStr,
        flags: OFlags,
    ) -> Result<OwnedFd, Unavailable> {
        let mut opened = procfs::open(&self.fd, at, flags);
        if matches!(opened, Err(Errno::XDEV))
            && let Some(same) = procfs::of_first_thread(&self.base, at)
        {
            opened = procfs::open(&self.fd, &same, flags);
        }
        opened.map_err(|e| match e {
            Errno::XDEV => {
                let words = "something is mounted over it; not opened";
                Unavailable::new(&self.path(name), Reason::NotRegular, words)
            }
            e => self.fail(name, e),
        })
    }

    /// A handle that opens nothing, on what a name leads to.
    fn handle(&self, name: &HostPath, follow: bool) -> Result<OwnedFd, Unavailable> {
        let whole = if self.prefix.as_bytes().is_empty() {
            HostPath::new(relative(name).as_bytes())
        } else {
            self.prefix.join(relative(name).as_bytes())
        };
        let whole = if whole.as_bytes().is_empty() { HostPath::from(".") } else { whole };
        let (fd, confined) = (self.fd.clone(), self.confined);
        let path = self.path(name);
        // A magic link is read, which asks no file system, to learn where it leads.
        let leads = if self.hazards.any() && self.of_proc && follow {
            rustix::fs::readlinkat(&*fd, whole.as_os(), Vec::new())
                .map_or_else(|_| path.clone(), |t| HostPath::new(t.into_bytes()))
        } else {
            path.clone()
        };
        let look = move || {
            if confined {
                handle_inside(&fd, whole.as_os(), follow)
            } else {
                handle(&fd, whole.as_os(), follow)
            }
        };
        let waits = self.hazards.any() && (follow || !self.of_proc);
        let found = if waits {
            self.hazards.bounded(&leads, look).map_err(|_| too_late(&path))?
        } else {
            look()
        };
        found.map_err(|e| self.fail(name, e))
    }

    /// Opens a regular file, or refuses unopened. What is opened is what was asked about: the
    /// handle is opened again, not the name.
    fn open_regular(&self, name: &HostPath) -> Result<File, Unavailable> {
        if self.plain(name) {
            match self.open_of_proc(name) {
                // A link after all.
                Err(e) if e.reason == Reason::Damaged => {}
                other => return other,
            }
        }
        let handle = self.handle(name, true)?;
        let stat = stat_of(&handle).map_err(|e| self.fail(name, e))?;
        let path = || self.path(name);
        if stat.kind != FileKind::File {
            return Err(Unavailable::new(&path(), Reason::NotRegular, stat.kind.word()));
        }
        if CONSUMED.contains(&name.file_name()) {
            let words = "reading it takes messages away from others";
            return Err(Unavailable::new(&path(), Reason::NotRegular, words));
        }
        self.may_open(&stat, &path)?;
        let file = reopen(&handle, READ).map_err(|e| self.fail(name, e))?;
        Ok(File::from(file))
    }

    fn may_open(&self, stat: &Stat, path: &dyn Fn() -> HostPath) -> Result<(), Unavailable> {
        if self.hazards.on(stat.dev) {
            let words = "on a network or FUSE file system, which may never answer; not opened";
            return Err(Unavailable::new(&path(), Reason::TimedOut, words));
        }
        Ok(())
    }

    fn statx(&self, name: &HostPath, follow: bool) -> Result<Stat, Unavailable> {
        let direct = !self.confined && !self.hazards.any() || self.plain(name);
        let answer = if name.as_bytes().is_empty() && self.prefix.as_bytes().is_empty() {
            stat_of(&self.fd)
        } else if direct {
            let flags = if follow { AtFlags::empty() } else { AtFlags::SYMLINK_NOFOLLOW };
            rustix::fs::statx(&*self.fd, relative(name), flags | QUIET, WANTED)
                .map(|s| from_statx(&s))
        } else {
            stat_of(&self.handle(name, follow)?)
        };
        answer.map_err(|e| self.fail(name, e))
    }
}

/// The answer comes from what the kernel knows already, so that a dead network or FUSE mount
/// cannot hold us, and nothing is mounted by asking.
pub(super) const QUIET: AtFlags = AtFlags::STATX_DONT_SYNC.union(AtFlags::NO_AUTOMOUNT);

fn stat_of(fd: &OwnedFd) -> Result<Stat, Errno> {
    rustix::fs::statx(fd, "", QUIET | AtFlags::EMPTY_PATH, WANTED).map(|s| from_statx(&s))
}

/// The names in a directory, sorted, without `.` and `..`.
pub(super) fn names_in(folder: &OwnedFd) -> Result<Vec<HostPath>, Errno> {
    let mut names = Vec::new();
    let mut buffer = [MaybeUninit::uninit(); 32 * 1024];
    let mut entries = rustix::fs::RawDir::new(folder, &mut buffer);
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push(HostPath::new(name));
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// Where a link points. Nearly all do so in a few bytes.
pub(super) fn read_link(folder: &OwnedFd, name: &OsStr) -> Result<HostPath, Errno> {
    let mut buffer = [MaybeUninit::uninit(); 256];
    let (target, room) = rustix::fs::readlinkat_raw(folder, name, &mut buffer)?;
    if !room.is_empty() {
        return Ok(HostPath::new(&*target));
    }
    rustix::fs::readlinkat(folder, name, Vec::new()).map(|t| HostPath::new(t.into_bytes()))
}

/// Opens what a handle is on, without touching the access time where that is allowed: the
/// kernel grants O_NOATIME to the file's owner and to root.
fn reopen(handle: &OwnedFd, flags: OFlags) -> Result<OwnedFd, Errno> {
    let path = format!("/proc/self/fd/{}", handle.as_raw_fd());
    match rustix::fs::open(&*path, flags | OFlags::NOATIME, Mode::empty()) {
        Err(Errno::PERM) => rustix::fs::open(&*path, flags, Mode::empty()),
        other => other,
    }
}

/// A leading `/` would leave the directory.
fn relative(name: &HostPath) -> &OsStr {
    let bytes = name.as_bytes();
    let start = bytes.iter().take_while(|b| **b == b'/').count();
    let bytes = bytes.get(start..).unwrap_or_default();
    if bytes.is_empty() && start > 0 {
        return OsStr::new(".");
    }
    OsStr::from_bytes(bytes)
}

fn refused(path: &HostPath, error: Errno) -> Unavailable {
    Unavailable::from_io(path, &error.into())
}

fn too_late(path: &HostPath) -> Unavailable {
    let words = "a network or FUSE file system did not answer within 1 s";
    Unavailable::new(path, Reason::TimedOut, words)
}

impl Dir for DiskDir {
    fn open(&self, name: &HostPath) -> Result<Box<dyn ReadSeek + '_>, Unavailable> {
        Ok(Box::new(self.open_regular(name)?))
    }

    fn read(&self, name: &HostPath, limit: usize, into: &mut Vec<u8>) -> Result<bool, Unavailable> {
        let file = self.open_regular(name)?;
        let before = into.len();
        let end = before.saturating_add(limit);
        loop {
            // One byte over the limit tells whether there was more.
            let room = end.saturating_add(1).saturating_sub(into.len());
            if room == 0 {
                into.truncate(end);
                return Ok(true);
            }
            if into.capacity() == into.len() {
                into.reserve(CHUNK);
            }
            match rustix::io::read(&file, spare_capacity(into)) {
                Ok(0) => return Ok(false),
                Ok(_) if into.len() > end => {
                    into.truncate(end);
                    return Ok(true);
                }
                Ok(_) | Err(Errno::INTR) => {}
                Err(e) => return Err(self.fail(name, e)),
            }
        }
    }

    fn list(&self, name: &HostPath) -> Result<Vec<HostPath>, Unavailable> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let own = name.as_bytes().is_empty();
        let plain = self.of_proc && (own || matches!(name.as_bytes(), b"fd" | b"task" | b"ns"));
        let fd = if plain {
            let at = if own { OsStr::new(".") } else { relative(name) };
            self.uncovered(name, at, flags)?
        } else {
            let handle = self.handle(name, true)?;
            let stat = stat_of(&handle).map_err(|e| self.fail(name, e))?;
            if stat.kind != FileKind::Directory {
                return Err(self.fail(name, Errno::NOTDIR));
            }
            self.may_open(&stat, &|| self.path(name))?;
            reopen(&handle, flags).map_err(|e| self.fail(name, e))?
        };
        names_in(&fd).map_err(|e| self.fail(name, e))
    }

    fn link(&self, name: &HostPath) -> Result<HostPath, Unavailable> {
        let direct = !self.confined && (self.of_proc || !self.hazards.any());
        let target = if direct {
            read_link(&self.fd, relative(name))
        } else {
            read_link(&self.handle(name, false)?, OsStr::new(""))
        };
        target.map_err(|e| self.fail(name, e))
    }

    fn held(&self, name: &HostPath) -> Option<Box<dyn Dir + '_>> {
        // Where a mount may never answer, each question is asked with that in mind.
        if !self.of_proc || self.hazards.any() || name.as_bytes() != b"fd" {
            return None;
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = self.uncovered(&HostPath::from("fd"), OsStr::new("fd"), flags).ok()?;
        Some(Box::new(Descriptors { process: self, folder }))
    }

    fn stat(&self, name: &HostPath) -> Result<Stat, Unavailable> {
        self.statx(name, true)
    }

    fn stat_link(&self, name: &HostPath) -> Result<Stat, Unavailable> {
        self.statx(name, false)
    }

    fn space(&self, name: &HostPath) -> Result<(u64, u64), Unavailable> {
        let path = || self.path(name);
        if self.confined {
            let words = "free space is asked of the host's own root only";
            return Err(Unavailable::new(&path(), Reason::NotCaptured, words));
        }
        let handle = self.handle(name, true)?;
        let stat = stat_of(&handle).map_err(|e| self.fail(name, e))?;
        self.may_open(&stat, &path)?;
        let space = rustix::fs::fstatvfs(&handle).map_err(|e| self.fail(name, e))?;
        let bytes = |blocks: u64| blocks.saturating_mul(space.f_frsize);
        Ok((bytes(space.f_blocks), bytes(space.f_bavail)))
    }
}

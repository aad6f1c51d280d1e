//! One process, held open, and what its collectors share about it.

use super::stat::{self, ProcStat};
use super::status::{self, Status};
use super::walk::Walk;
use super::{SMALL, damaged};
use crate::collect::Host;
use crate::evidence::{Dir, HostPath, Pid, Reason, Stat, Unavailable, living_thread};
use sha2::{Digest, Sha256};
use std::cell::{Cell, OnceCell};

/// The initial environment may be as long as the arguments; more of it is not read.
const ENVIRON_LIMIT: usize = 2 * 1024 * 1024;

/// One process, through a handle that no other process can take over.
pub struct ProcessDir<'a> {
    /// Its id.
    pub pid: Pid,
    /// `/proc/PID`, held open.
    pub dir: Box<dyn Dir + 'a>,
    /// The host it is on.
    pub host: &'a Host<'a>,
    /// What the walk remembers across processes.
    pub(in crate::collect) walk: &'a Walk,
    /// Where its first thread has ended and others live on, the one that is read instead.
    pub thread: Option<Pid>,
    stat: Option<ProcStat>,
    status: OnceCell<Status>,
    exe: OnceCell<Option<Stat>>,
    environ: OnceCell<Option<Vec<u8>>>,
    environment_pid: OnceCell<Option<Pid>>,
    namespaces: OnceCell<Namespaces>,
    root_link: OnceCell<Option<HostPath>>,
    gone: Cell<bool>,
}

/// Inode numbers of the namespaces a process is in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::collect) struct Namespaces {
    pub mnt: Option<u64>,
    pub pid: Option<u64>,
    pub net: Option<u64>,
    pub user: Option<u64>,
}

impl<'a> ProcessDir<'a> {
    /// Opens a process. `Ok(None)` where it ended before its stat could be read.
    ///
    /// # Errors
    /// Where it may not be looked into at all.
    pub(super) fn open(
        host: &'a Host<'a>,
        walk: &'a Walk,
        pid: Pid,
    ) -> Result<Option<Self>, Unavailable> {
        let ended = |why: &Unavailable| matches!(why.reason, Reason::Absent | Reason::Vanished);
        let first = || HostPath::new(format!("/proc/{pid}/task/{pid}"));
        let covered =
            walk.covered.contains(&pid).then(|| host.evidence.dir(&first()).ok()).flatten();
        let whole = || host.evidence.dir(&HostPath::new(format!("/proc/{pid}")));
        let dir = match covered.map_or_else(whole, Ok) {
            Ok(dir) => dir,
            Err(why) if ended(&why) => return Ok(None),
            Err(why) => return Err(why),
        };
        let mut process = Self {
            pid,
            dir,
            host,
            walk,
            thread: None,
            stat: None,
            status: OnceCell::new(),
            exe: OnceCell::new(),
            environ: OnceCell::new(),
            environment_pid: OnceCell::new(),
            namespaces: OnceCell::new(),
            root_link: OnceCell::new(),
            gone: Cell::new(false),
        };
        let name = HostPath::from("stat");
        let mut buffer = walk.buffer.take();
        buffer.clear();
        let read = process.dir.read(&name, SMALL, &mut buffer);
        let parsed = stat::parse(&buffer);
        walk.buffer.set(buffer);
        match read {
            Ok(_) => {
                if parsed.is_none() {
                    host.gaps.missed("processes", &damaged(&process, "stat", "not understood"));
                }
                process.stat = parsed;
                if process.stat.as_ref().is_some_and(|s| s.ended() && s.threads > 1)
                    && let Some((thread, dir)) =
                        living_thread(host.evidence, process.dir.as_ref(), pid)
                {
                    (process.thread, process.dir) = (Some(thread), dir);
                }
            }
            // Evidence that never had the file is not a process that ended.
            Err(why) if ended(&why) && process.dir.stat(&HostPath::from("comm")).is_err() => {
                return Ok(None);
            }
            Err(why) if why.reason == Reason::Denied => return Err(why),
            Err(why) => host.gaps.missed("processes", &why),
        }
        Ok(Some(process))
    }

    /// The path of one of its files, for messages.
    pub(in crate::collect) fn path(&self, name: &str) -> HostPath {
        HostPath::new(match self.thread {
            Some(thread) => format!("/proc/{}/task/{thread}/{name}", self.pid),
            None => format!("/proc/{}/{name}", self.pid),
        })
    }

    /// /proc/PID/stat; `None` where it was not understood.
    pub(in crate::collect) const fn stat(&self) -> Option<&ProcStat> {
        self.stat.as_ref()
    }

    /// Whether it has no memory and files of its own: the kernel's threads, and what has ended
    /// and waits to be reaped.
    pub(in crate::collect) fn bare(&self) -> bool {
        self.ended() || self.stat.as_ref().is_some_and(ProcStat::kernel_thread)
    }

    /// Whether all of it has ended, but for its entry.
    fn ended(&self) -> bool {
        self.thread.is_none() && self.stat.as_ref().is_some_and(ProcStat::ended)
    }

    /// Whether it ended while it was read.
    pub(in crate::collect) const fn gone(&self) -> bool {
        self.gone.get()
    }

    /// The name the kernel keeps.
    pub(super) fn comm(&self) -> Vec<u8> {
        if let Some(stat) = &self.stat {
            return stat.comm.clone();
        }
        let comm = self.text("comm", SMALL, "processes.comm", <[u8]>::to_vec).unwrap_or_default();
        comm.strip_suffix(b"\n").map(<[u8]>::to_vec).unwrap_or(comm)
    }

    /// /proc/PID/status; what it does not tell is `None`.
    pub(in crate::collect) fn status(&self) -> &Status {
        self.status.get_or_init(|| {
            self.text("status", SMALL, "processes.uid", status::parse).unwrap_or_default()
        })
    }

    /// The executable itself, through the link: true even where its name is gone.
    pub(in crate::collect) fn exe(&self) -> Option<&Stat> {
        let read = || {
            if self.bare() {
                return None;
            }
            match self.dir.stat(&HostPath::from("exe")) {
                Ok(stat) => Some(stat),
                Err(why) => {
                    self.missed("processes.exe_deleted", why);
                    None
                }
            }
        };
        self.exe.get_or_init(read).as_ref()
    }

    /// The environment it was started with; empty for the kernel's threads.
    pub(in crate::collect) fn environ(&self) -> Option<&[u8]> {
        let read = || {
            if self.bare() {
                return Some(Vec::new());
            }
            self.text("environ", ENVIRON_LIMIT, "environment", <[u8]>::to_vec)
        };
        self.environ.get_or_init(read).as_deref()
    }

    /// The first process that the walk met with this very environment: its own id, where none
    /// had it before; `None` for an empty one.
    pub(in crate::collect) fn environment_pid(&self) -> Option<Pid> {
        let first = || {
            let environ = self.environ().filter(|environ| !environ.is_empty())?;
            let digest = Sha256::digest(environ).into();
            Some(*self.walk.environments.borrow_mut().entry(digest).or_insert(self.pid))
        };
        *self.environment_pid.get_or_init(first)
    }

    /// The namespaces it is in.
    pub(in crate::collect) fn namespaces(&self) -> Namespaces {
        *self.namespaces.get_or_init(|| Namespaces {
            mnt: self.namespace("ns/mnt", "processes.mnt_ns"),
            pid: self.namespace("ns/pid", "processes.pid_ns"),
            net: self.namespace("ns/net", "processes.net_ns"),
            user: self.namespace("ns/user", "processes.user_ns"),
        })
    }

    fn namespace(&self, name: &str, what: &str) -> Option<u64> {
        // What has ended has left its namespaces.
        if self.ended() {
            return None;
        }
        bracketed(self.link(name, what)?.as_bytes())
    }

    /// The text of the root link.
    pub(in crate::collect) fn root_link(&self) -> Option<&HostPath> {
        self.root_link.get_or_init(|| self.link("root", "processes.root")).as_ref()
    }

    /// Reads a link, and counts where it cannot be read.
    pub(super) fn link(&self, name: &str, what: &str) -> Option<HostPath> {
        if self.ended() {
            return None;
        }
        match self.dir.link(&HostPath::from(name)) {
            Ok(link) => {
                self.host.gaps.read(what);
                Some(link)
            }
            Err(why) => {
                self.missed(what, why);
                None
            }
        }
    }

    /// Reads a file and hands its bytes on, and counts where it cannot be read.
    pub(in crate::collect) fn text<R>(
        &self,
        name: &str,
        limit: usize,
        what: &str,
        parse: impl FnOnce(&[u8]) -> R,
    ) -> Option<R> {
        match self.bytes(name, limit, what, parse) {
            Ok(parsed) => Some(parsed),
            Err(why) => {
                self.missed(what, why);
                None
            }
        }
    }

    /// As [`text`](Self::text), for a file that not every kernel has.
    pub(in crate::collect) fn optional<R>(
        &self,
        name: &str,
        limit: usize,
        what: &str,
        parse: impl FnOnce(&[u8]) -> R,
    ) -> Option<R> {
        match self.bytes(name, limit, what, parse) {
            Ok(parsed) => Some(parsed),
            Err(why) if matches!(why.reason, Reason::Absent | Reason::Vanished) => None,
            Err(why) => {
                self.missed(what, why);
                None
            }
        }
    }

    fn bytes<R>(
        &self,
        name: &str,
        limit: usize,
        what: &str,
        parse: impl FnOnce(&[u8]) -> R,
    ) -> Result<R, Unavailable> {
        let mut buffer = self.walk.buffer.take();
        buffer.clear();
        let read = self.dir.read(&HostPath::from(name), limit, &mut buffer);
        let result = read.map(|more| {
            if more {
                let why = format!("longer than {limit} bytes");
                let why = Unavailable::new(&self.path(name), Reason::TooMuch, why);
                self.host.gaps.missed(what, &why);
            }
            self.host.gaps.read(what);
            parse(&buffer)
        });
        self.walk.buffer.set(buffer);
        result
    }

    /// Counts what could not be read. A file of a process that has ended is not absent but
    /// vanished, and the process is known to be gone from then on.
    pub(in crate::collect) fn missed(&self, what: &str, mut why: Unavailable) {
        if matches!(why.reason, Reason::Absent | Reason::Vanished) {
            if !self.gone.get() && self.stat.is_some() {
                self.gone.set(self.dir.stat(&HostPath::from("stat")).is_err());
            }
            if self.gone.get() {
                why.reason = Reason::Vanished;
            }
        }
        self.host.gaps.missed(what, &why);
    }
}

/// The number in `mnt:[4026531841]`, `socket:[4711]`, `pipe:[12]`.
pub(in crate::collect) fn bracketed(text: &[u8]) -> Option<u64> {
    let open = text.iter().position(|b| *b == b'[')?;
    let number = text.get(open.checked_add(1)?..)?.strip_suffix(b"]")?;
    std::str::from_utf8(number).ok()?.parse().ok()
}

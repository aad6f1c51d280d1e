//! The running kernel, by system calls alone.
//!
//! Nothing here runs a program, writes, signals or attaches. Files are opened with O_NOATIME
//! where the kernel lets us, and only after it said that they are regular files: opening a FIFO
//! would wake its writer, and opening a device can do anything.

mod descriptors;
mod dir;
mod hazards;
mod lookup;
mod memory;
mod procfs;
mod stat;

pub(super) use dir::DiskDir;
pub(super) use hazards::Hazards;

use super::{
    Clock, Dir, Evidence, HostPath, Memory, Pid, SourceKind, Told, Unavailable, living_thread,
};
use crate::facts::{Status, Time};
use rustix::time::{ClockId, clock_gettime};
use std::sync::Arc;

/// The host davy runs on.
#[derive(Debug)]
pub struct Live {
    hazards: Arc<Hazards>,
    told: Told,
}

impl Live {
    /// The running host.
    #[must_use]
    pub fn new() -> Self {
        let hazards = Arc::new(Hazards::of_this_host());
        let told = Told { coverage: blind(&hazards).into_iter().collect(), ..Told::default() };
        Self { hazards, told }
    }
}

impl Live {
    /// Below a living thread of a process whose first thread has ended.
    fn of_living_thread(&self, pid: Pid, below: &str) -> Option<DiskDir> {
        let path = HostPath::new(format!("/proc/{pid}"));
        let process = DiskDir::open(&path, self.hazards.clone()).ok()?;
        let (thread, _) = living_thread(self, &process, pid)?;
        let path = HostPath::new(format!("/proc/{pid}/task/{thread}{below}"));
        DiskDir::open(&path, self.hazards.clone()).ok()
    }
}

impl Default for Live {
    fn default() -> Self {
        Self::new()
    }
}

impl Evidence for Live {
    fn kind(&self) -> SourceKind {
        SourceKind::Live
    }

    fn name(&self) -> String {
        rustix::system::uname().nodename().to_string_lossy().into_owned()
    }

    fn dir(&self, path: &HostPath) -> Result<Box<dyn Dir + '_>, Unavailable> {
        Ok(Box::new(DiskDir::open(path, self.hazards.clone())?))
    }

    fn root_of(&self, pid: Pid) -> Result<Box<dyn Dir + '_>, Unavailable> {
        let path = HostPath::new(format!("/proc/{pid}/root"));
        let opened = match DiskDir::open(&path, self.hazards.clone()) {
            Err(why) => self.of_living_thread(pid, "/root").ok_or(why)?,
            Ok(opened) => opened,
        };
        Ok(Box::new(opened.confined()))
    }

    fn memory(&self, pid: Pid) -> Result<Box<dyn Memory + '_>, Unavailable> {
        // Both files through one handle: they are of one process even if the pid is reused.
        let path = HostPath::new(format!("/proc/{pid}"));
        let mut process = DiskDir::open(&path, self.hazards.clone())?;
        if process.link(&HostPath::from("exe")).is_err() {
            process = self.of_living_thread(pid, "").unwrap_or(process);
        }
        let page = rustix::param::page_size() as u64;
        Ok(Box::new(memory::LiveMemory::open(&process, page)?))
    }

    fn told(&self) -> Option<&Told> {
        (!self.told.coverage.is_empty()).then_some(&self.told)
    }

    fn clock(&self) -> Clock {
        // Back to back: the pair's error is the time between two calls, some tens of nanoseconds.
        let realtime = clock_gettime(ClockId::Realtime);
        let boottime = clock_gettime(ClockId::Boottime);
        let monotonic = clock_gettime(ClockId::Monotonic);
        let nanoseconds = |t: rustix::time::Timespec| Time::new(t.tv_sec, t.tv_nsec).0;
        Clock {
            realtime: Time(nanoseconds(realtime)),
            boottime: Some(nanoseconds(boottime)),
            monotonic: Some(nanoseconds(monotonic)),
            ticks_per_second: i64::try_from(rustix::param::clock_ticks_per_second()).unwrap_or(100),
            page_size: rustix::param::page_size() as u64,
            zone: zone(&std::fs::read_link("/etc/localtime").unwrap_or_default()),
        }
    }
}

/// Whether /proc shows this host's processes at all. On a running host it is there, is procfs,
/// and has davy in it; anything else leaves davy blind, and quiet is not clean.
fn blind(hazards: &Arc<Hazards>) -> Option<(String, Status, String)> {
    let why = match DiskDir::open(&HostPath::from("/proc"), hazards.clone()) {
        Err(why) => why.to_string(),
        Ok(proc) if !proc.of_procfs() => "/proc is not the kernel's".to_owned(),
        Ok(proc) => {
            let own = std::process::id().to_string();
            match proc.link(&HostPath::from("self")) {
                Ok(link) if link.as_bytes() == own.as_bytes() => return None,
                _ => "/proc is of another process namespace than davy's".to_owned(),
            }
        }
    };
    let why = format!("{why}: this host's processes are not seen");
    Some(("processes of this host".to_owned(), Status::Denied, why))
}

/// The zone's name from the link at /etc/localtime, as `Europe/Prague`.
pub(super) fn zone(target: &std::path::Path) -> String {
    let target = target.to_string_lossy();
    target.split_once("zoneinfo/").map_or_else(String::new, |(_, name)| name.to_owned())
}

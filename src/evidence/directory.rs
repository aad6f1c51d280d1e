//! A directory or mounted image, as a host.
//!
//! Nothing leads out of it: absolute links and `..` count from its root. It has processes only
//! where it holds a `proc` with files in it, and no memory.

use super::live::{DiskDir, Hazards, zone};
use super::{
    Clock, Dir, Evidence, FileKind, HostPath, Memory, Pid, Reason, SourceKind, Unavailable,
};
use crate::facts::Time;
use rustix::time::{ClockId, clock_gettime};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

/// A host's root file system under a directory of this machine.
pub struct Directory {
    name: String,
    root: DiskDir,
}

/// Where the newest change is looked for: what a running system keeps writing.
const WRITTEN: &[&str] =
    &["/var/log", "/var/log/journal", "/run", "/tmp", "/var/tmp", "/etc", "/var/lib/dpkg", "/root"];
/// Names looked at in each of them.
const NAMES: usize = 2_000;

impl Directory {
    /// Opens the directory.
    ///
    /// # Errors
    /// Where there is none, or it may not be read.
    pub fn open(path: &Path) -> Result<Self, Unavailable> {
        let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let whole = HostPath::new(whole.as_os_str().as_bytes());
        // The image may itself be mounted through FUSE: whoever names it wants it read.
        let root = DiskDir::open(&whole, Arc::new(Hazards::default()))?.confined();
        Ok(Self { name: path.display().to_string(), root })
    }

    /// The newest time at which anything changed where a running system writes.
    fn newest(&self) -> Time {
        let mut newest = Time::default();
        for directory in WRITTEN {
            let directory = HostPath::from(*directory);
            for name in self.root.list(&directory).unwrap_or_default().iter().take(NAMES) {
                // Not the change time: a copy of a tree has that of the copying.
                let stat = self.root.stat_link(&directory.join(name));
                newest = newest.max(stat.ok().and_then(|s| s.mtime).unwrap_or_default());
            }
        }
        // A file from the future must not move the clock there.
        let now = clock_gettime(ClockId::Realtime);
        newest.min(Time::new(now.tv_sec, now.tv_nsec))
    }

    /// Nanoseconds since boot, where the tree holds a copy of /proc/uptime.
    fn uptime(&self) -> Option<i64> {
        let mut text = Vec::new();
        self.root.read(&HostPath::from("/proc/uptime"), 256, &mut text).ok()?;
        let text = String::from_utf8(text).ok()?;
        let seconds: f64 = text.split_whitespace().next()?.parse().ok()?;
        // A float cast saturates.
        (seconds >= 0.0).then_some((seconds * 1e9) as i64)
    }
}

impl Evidence for Directory {
    fn kind(&self) -> SourceKind {
        SourceKind::Directory
    }

    fn name(&self) -> String {
        self.name.clone()
    }

    fn dir(&self, path: &HostPath) -> Result<Box<dyn Dir + '_>, Unavailable> {
        Ok(Box::new(self.root.below(path)?))
    }

    fn root_of(&self, pid: Pid) -> Result<Box<dyn Dir + '_>, Unavailable> {
        let link = HostPath::new(format!("/proc/{pid}/root"));
        let kind = self.root.stat_link(&link).map(|s| s.kind);
        match kind {
            Ok(FileKind::Link) => self.dir(&link),
            Ok(FileKind::Directory) => self.dir(&link),
            _ => Err(Unavailable::new(&link, Reason::NotCaptured, "a directory has no processes")),
        }
    }

    fn memory(&self, pid: Pid) -> Result<Box<dyn Memory + '_>, Unavailable> {
        let path = HostPath::new(format!("/proc/{pid}/mem"));
        Err(Unavailable::new(&path, Reason::NotCaptured, "a directory holds no memory"))
    }

    fn clock(&self) -> Clock {
        let boottime = self.uptime();
        let link = self.root.link(&HostPath::from("/etc/localtime")).unwrap_or_default();
        Clock {
            realtime: self.newest(),
            boottime,
            monotonic: None,
            ticks_per_second: 100,
            page_size: 4096,
            zone: zone(Path::new(link.as_os())),
        }
    }
}

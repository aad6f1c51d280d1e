//! The descriptors of one process, asked for through a handle on their folder: two thirds of what
//! a walk asks is asked here, and each question is a step shorter.

use super::DiskDir;
use super::dir::{QUIET, names_in, read_link};
use super::stat::{WANTED, from_statx};
use crate::evidence::{Dir, HostPath, ReadSeek, Stat, Unavailable};
use rustix::fd::OwnedFd;
use rustix::fs::AtFlags;

/// `/proc/PID/fd`, held open.
pub(super) struct Descriptors<'a> {
    pub process: &'a DiskDir,
    pub folder: OwnedFd,
}

impl Descriptors<'_> {
    /// As the process's own folder has it.
    fn whole(&self, name: &HostPath) -> HostPath {
        if name.as_bytes().is_empty() {
            HostPath::from("fd")
        } else {
            HostPath::from("fd").join(name)
        }
    }

    fn statx(&self, name: &HostPath, flags: AtFlags) -> Result<Stat, Unavailable> {
        rustix::fs::statx(&self.folder, name.as_os(), flags | QUIET, WANTED)
            .map(|stat| from_statx(&stat))
            .map_err(|e| self.process.fail(&self.whole(name), e))
    }
}

impl Dir for Descriptors<'_> {
    fn open(&self, name: &HostPath) -> Result<Box<dyn ReadSeek + '_>, Unavailable> {
        self.process.open(&self.whole(name))
    }

    fn read(&self, name: &HostPath, limit: usize, into: &mut Vec<u8>) -> Result<bool, Unavailable> {
        self.process.read(&self.whole(name), limit, into)
    }

    fn list(&self, name: &HostPath) -> Result<Vec<HostPath>, Unavailable> {
        if !name.as_bytes().is_empty() {
            return self.process.list(&self.whole(name));
        }
        names_in(&self.folder).map_err(|e| self.process.fail(&self.whole(name), e))
    }

    fn link(&self, name: &HostPath) -> Result<HostPath, Unavailable> {
        read_link(&self.folder, name.as_os()).map_err(|e| self.process.fail(&self.whole(name), e))
    }

    fn stat(&self, name: &HostPath) -> Result<Stat, Unavailable> {
        self.statx(name, AtFlags::empty())
    }

    fn stat_link(&self, name: &HostPath) -> Result<Stat, Unavailable> {
        self.statx(name, AtFlags::SYMLINK_NOFOLLOW)
    }
}

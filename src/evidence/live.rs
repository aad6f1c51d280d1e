//! The running kernel, by system calls alone.
//!
//! Nothing here runs a program, writes, signals or attaches. Files are opened with O_NOATIME
//! where the kernel lets us, and only after it said that they are regular files: opening a FIFO
//! would wake its writer, and opening a device can do anything.

use super::{
    Clock, Dir, Evidence, FileKind, HostPath, Memory, Pid, ReadSeek, Reason, SourceKind, Stat,
    Unavailable,
};
use crate::facts::Time;
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags, StatxFlags};
use rustix::io::Errno;
use rustix::time::{ClockId, clock_gettime};
use std::fs::File;
use std::io::Read;

/// The host davy runs on.
#[derive(Debug, Default)]
pub struct Live;

impl Live {
    /// The running host.
    #[must_use]
    pub const fn new() -> Self {
        Self
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
        let fd = open_directory(path)?;
        Ok(Box::new(LiveDir { fd, base: path.clone(), resolve: ResolveFlags::empty() }))
    }

    fn root_of(&self, pid: Pid) -> Result<Box<dyn Dir + '_>, Unavailable> {
        let base = HostPath::new(format!("/proc/{pid}/root"));
        let fd = open_directory(&base)?;
        Ok(Box::new(LiveDir { fd, base, resolve: ResolveFlags::IN_ROOT }))
    }

    fn memory(&self, pid: Pid) -> Result<Box<dyn Memory + '_>, Unavailable> {
        let file = |name: &str| {
            let path = HostPath::new(format!("/proc/{pid}/{name}"));
            File::open(path.as_os())
                .map(|file| (file, path.clone()))
                .map_err(|e| Unavailable::from_io(&path, &e))
        };
        let (memory, path) = file("mem")?;
        let (pagemap, _) = file("pagemap")?;
        Ok(Box::new(LiveMemory { memory, pagemap, path, page: self.clock().page_size }))
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
            zone: zone(),
        }
    }
}

/// The zone's name from the link at /etc/localtime, as `Europe/Prague`.
fn zone() -> String {
    let target = std::fs::read_link("/etc/localtime").unwrap_or_default();
    let target = target.to_string_lossy();
    target.split_once("zoneinfo/").map_or_else(String::new, |(_, name)| name.to_owned())
}

fn open_directory(path: &HostPath) -> Result<OwnedFd, Unavailable> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(path.as_os(), flags, Mode::empty()).map_err(|e| refused(path, e))
}

fn refused(path: &HostPath, error: Errno) -> Unavailable {
    Unavailable::from_io(path, &error.into())
}

struct LiveDir {
    fd: OwnedFd,
    base: HostPath,
    /// `IN_ROOT` keeps every step inside a container's root.
    resolve: ResolveFlags,
}

impl LiveDir {
    fn open_at(&self, name: &HostPath, flags: OFlags) -> Result<OwnedFd, Errno> {
        let flags = flags | OFlags::CLOEXEC;
        if self.resolve.is_empty() {
            rustix::fs::openat(&self.fd, relative(name), flags, Mode::empty())
        } else {
            rustix::fs::openat2(&self.fd, relative(name), flags, Mode::empty(), self.resolve)
        }
    }

    /// Opens for reading without touching the access time where that is allowed: the kernel
    /// grants O_NOATIME to the file's owner and to root.
    fn open_quietly(&self, name: &HostPath) -> Result<OwnedFd, Errno> {
        let flags = OFlags::RDONLY | OFlags::NOCTTY | OFlags::NONBLOCK;
        match self.open_at(name, flags | OFlags::NOATIME) {
            Err(Errno::PERM) => self.open_at(name, flags),
            other => other,
        }
    }

    /// Refuses whatever is not a regular file before it is opened.
    fn open_regular(&self, name: &HostPath) -> Result<File, Unavailable> {
        let path = self.base.join(name);
        let stat = self.stat(name)?;
        if stat.kind != FileKind::File {
            return Err(Unavailable::new(&path, Reason::NotRegular, stat.kind.word()));
        }
        let fd = self.open_quietly(name).map_err(|e| refused(&path, e))?;
        Ok(File::from(fd))
    }

    fn statx(&self, name: &HostPath, flags: AtFlags) -> Result<Stat, Unavailable> {
        // DONT_SYNC: the answer comes from what the kernel knows already, so that a dead
        // network or FUSE mount cannot hold us.
        let flags = flags | AtFlags::STATX_DONT_SYNC | AtFlags::NO_AUTOMOUNT;
        let mask = StatxFlags::BASIC_STATS | StatxFlags::BTIME;
        let answer = if self.resolve.is_empty() || name.as_bytes().is_empty() {
            rustix::fs::statx(&self.fd, relative(name), flags | AtFlags::EMPTY_PATH, mask)
        } else {
            let open = if flags.contains(AtFlags::SYMLINK_NOFOLLOW) {
                OFlags::PATH | OFlags::NOFOLLOW
            } else {
                OFlags::PATH
            };
            self.open_at(name, open)
                .and_then(|fd| rustix::fs::statx(&fd, "", flags | AtFlags::EMPTY_PATH, mask))
        };
        answer.map(|s| from_statx(&s)).map_err(|e| refused(&self.base.join(name), e))
    }
}

/// A leading `/` would leave the directory.
fn relative(name: &HostPath) -> &std::ffi::OsStr {
    use std::os::unix::ffi::OsStrExt;
    let bytes = name.as_bytes();
    let start = bytes.iter().take_while(|b| **b == b'/').count();
    let bytes = bytes.get(start..).unwrap_or_default();
    if bytes.is_empty() && start > 0 {
        return std::ffi::OsStr::new(".");
    }
    std::ffi::OsStr::from_bytes(bytes)
}

fn from_statx(s: &rustix::fs::Statx) -> Stat {
    let device = |major: u32, minor: u32| u64::from(major) << 32 | u64::from(minor);
    let time = |wanted: StatxFlags, t: rustix::fs::StatxTimestamp| {
        let given = s.stx_mask & wanted.bits() != 0;
        given.then(|| Time::new(t.tv_sec, i64::from(t.tv_nsec)))
    };
    Stat {
        kind: FileKind::from_mode(u32::from(s.stx_mode)),
        mode: u32::from(s.stx_mode),
        nlink: s.stx_nlink,
        uid: s.stx_uid,
        gid: s.stx_gid,
        size: s.stx_size,
        dev: device(s.stx_dev_major, s.stx_dev_minor),
        rdev: device(s.stx_rdev_major, s.stx_rdev_minor),
        inode: s.stx_ino,
        mtime: time(StatxFlags::MTIME, s.stx_mtime),
        atime: time(StatxFlags::ATIME, s.stx_atime),
        ctime: time(StatxFlags::CTIME, s.stx_ctime),
        btime: time(StatxFlags::BTIME, s.stx_btime),
    }
}

impl Dir for LiveDir {
    fn open(&self, name: &HostPath) -> Result<Box<dyn ReadSeek + '_>, Unavailable> {
        Ok(Box::new(self.open_regular(name)?))
    }

    fn read(&self, name: &HostPath, limit: usize, into: &mut Vec<u8>) -> Result<bool, Unavailable> {
        let file = self.open_regular(name)?;
        let path = || self.base.join(name);
        let before = into.len();
        let cap = (limit as u64).saturating_add(1);
        file.take(cap).read_to_end(into).map_err(|e| Unavailable::from_io(&path(), &e))?;
        let more = into.len().saturating_sub(before) > limit;
        into.truncate(before.saturating_add(limit));
        Ok(more)
    }

    fn list(&self, name: &HostPath) -> Result<Vec<HostPath>, Unavailable> {
        let path = self.base.join(name);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let at = if name.as_bytes().is_empty() { HostPath::from(".") } else { name.clone() };
        let fd = match self.open_at(&at, flags | OFlags::NOATIME) {
            Err(Errno::PERM) => self.open_at(&at, flags),
            other => other,
        }
        .map_err(|e| refused(&path, e))?;
        let mut names = Vec::new();
        let mut buffer = Vec::with_capacity(32 * 1024);
        let mut entries = rustix::fs::RawDir::new(fd, buffer.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            let entry = entry.map_err(|e| refused(&path, e))?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push(HostPath::new(name));
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn link(&self, name: &HostPath) -> Result<HostPath, Unavailable> {
        let path = || self.base.join(name);
        if self.resolve.is_empty() {
            return rustix::fs::readlinkat(&self.fd, relative(name), Vec::new())
                .map(|target| HostPath::new(target.into_bytes()))
                .map_err(|e| refused(&path(), e));
        }
        self.open_at(name, OFlags::PATH | OFlags::NOFOLLOW)
            .and_then(|fd| rustix::fs::readlinkat(&fd, "", Vec::new()))
            .map(|target| HostPath::new(target.into_bytes()))
            .map_err(|e| refused(&path(), e))
    }

    fn stat(&self, name: &HostPath) -> Result<Stat, Unavailable> {
        self.statx(name, AtFlags::empty())
    }

    fn stat_link(&self, name: &HostPath) -> Result<Stat, Unavailable> {
        self.statx(name, AtFlags::SYMLINK_NOFOLLOW)
    }

    fn space(&self, name: &HostPath) -> Result<(u64, u64), Unavailable> {
        let answer = self.open_at(name, OFlags::PATH).and_then(|fd| rustix::fs::fstatvfs(&fd));
        let space = answer.map_err(|e| refused(&self.base.join(name), e))?;
        let bytes = |blocks: u64| blocks.saturating_mul(space.f_frsize);
        Ok((bytes(space.f_blocks), bytes(space.f_bavail)))
    }
}

struct LiveMemory {
    memory: File,
    pagemap: File,
    path: HostPath,
    page: u64,
}

/// Pages asked of the pagemap at once: 8 bytes each.
const PAGEMAP_BATCH: u64 = 4096;

impl Memory for LiveMemory {
    fn present(&self, start: u64, end: u64) -> Result<Vec<(u64, u64)>, Unavailable> {
        use std::os::unix::fs::FileExt;
        let mut stretches: Vec<(u64, u64)> = Vec::new();
        let mut entries = vec![0_u8; 8 * PAGEMAP_BATCH as usize];
        let mut page = start / self.page;
        let last = end.div_ceil(self.page);
        while page < last {
            let count = (last - page).min(PAGEMAP_BATCH);
            let bytes = entries.get_mut(..8 * count as usize).unwrap_or_default();
            let got = self
                .pagemap
                .read_at(bytes, page.saturating_mul(8))
                .map_err(|e| Unavailable::from_io(&self.path, &e))?;
            if got < 8 {
                break;
            }
            for (entry, number) in bytes.chunks_exact(8).take(got / 8).zip(page..) {
                let word = u64::from_le_bytes(entry.try_into().unwrap_or_default());
                // Bit 63: in memory. Bit 62: in swap.
                if word >> 62 == 0 {
                    continue;
                }
                let (from, to) = (number * self.page, (number + 1) * self.page);
                match stretches.last_mut() {
                    Some(open) if open.1 == from => open.1 = to,
                    _ => stretches.push((from, to)),
                }
            }
            page += count;
        }
        Ok(stretches)
    }

    fn read(&self, address: u64, into: &mut [u8]) -> Result<usize, Unavailable> {
        use std::os::unix::fs::FileExt;
        self.memory.read_at(into, address).map_err(|e| Unavailable::from_io(&self.path, &e))
    }
}

//! Files of the kernel's own, below a `/proc/PID` that is held open.
//!
//! They need no look before they are opened, which would double the calls of a walk: on procfs
//! itself a plain name is a file of the kernel's. But anything can be mounted over one, a FIFO or
//! a device as well as a forgery, and so no step may cross a mount. What is covered so is read
//! from the process's first thread, which has the same files; the mount itself is in `mounts`.

use crate::evidence::HostPath;
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::sync::atomic::{AtomicBool, Ordering};

/// Linux before 5.6 has no openat2, and old sandboxes refuse what they do not know.
static WITHOUT_OPENAT2: AtomicBool = AtomicBool::new(false);

/// Opens `name` below `dir`; what is mounted over it is EXDEV, unopened.
pub(super) fn open(dir: &OwnedFd, name: &OsStr, flags: OFlags) -> Result<OwnedFd, Errno> {
    if !WITHOUT_OPENAT2.load(Ordering::Relaxed) {
        let inside = ResolveFlags::NO_XDEV | ResolveFlags::NO_MAGICLINKS;
        match rustix::fs::openat2(dir, name, flags, Mode::empty(), inside) {
            Err(Errno::NOSYS | Errno::PERM) => {
                // A file that may not be read is EACCES; EPERM is the sandbox's.
                WITHOUT_OPENAT2.store(true, Ordering::Relaxed);
            }
            other => return other,
        }
    }
    by_hand(dir, name, flags)
}

/// The same in three calls: a handle opens nothing, and tells what it is on. A mount of procfs
/// over a file of procfs is not seen so, and is harmless to open.
fn by_hand(dir: &OwnedFd, name: &OsStr, flags: OFlags) -> Result<OwnedFd, Errno> {
    let path = OFlags::PATH | OFlags::CLOEXEC | (flags & OFlags::NOFOLLOW);
    let handle = rustix::fs::openat(dir, name, path, Mode::empty())?;
    let here = rustix::fs::fstat(dir.as_fd())?;
    let there = rustix::fs::fstat(&handle)?;
    if here.st_dev != there.st_dev {
        return Err(Errno::XDEV);
    }
    if rustix::fs::FileType::from_raw_mode(there.st_mode) == rustix::fs::FileType::Symlink {
        return Err(Errno::LOOP);
    }
    let again = format!("/proc/self/fd/{}", handle.as_raw_fd());
    rustix::fs::open(&*again, flags & !OFlags::NOFOLLOW, Mode::empty())
}

/// Where the first thread of the process at `base` has the same file.
pub(super) fn of_first_thread(base: &HostPath, name: &OsStr) -> Option<OsString> {
    let id = base.as_bytes().strip_prefix(b"/proc/")?;
    let plain = !id.is_empty() && id.iter().all(u8::is_ascii_digit);
    let known = !name.as_bytes().starts_with(b"task") && name.as_bytes() != b".";
    (plain && known).then(|| {
        let path = [b"task/", id, b"/", name.as_bytes()].concat();
        OsStr::from_bytes(&path).to_owned()
    })
}

/// Whether a path is `/proc`, a process's folder or a thread's.
pub(super) fn is_process_or_proc(path: &HostPath) -> bool {
    let number = |id: &[u8]| !id.is_empty() && id.iter().all(u8::is_ascii_digit);
    let Some(rest) = path.as_bytes().strip_prefix(b"/proc") else { return false };
    let mut parts = rest.split(|b| *b == b'/').skip(1);
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (None, ..) => rest.is_empty(),
        (Some(pid), None, ..) => number(pid),
        (Some(pid), Some(b"task"), Some(thread), None) => number(pid) && number(thread),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn folders_of_processes_and_threads() {
        for path in ["/proc", "/proc/1", "/proc/12/task/13"] {
            assert!(is_process_or_proc(&path.into()), "{path}");
        }
        for path in
            ["/proc/self", "/proc/", "/proc/1/fd", "/proc/1/task", "/procs", "/proc/1/task/x"]
        {
            assert!(!is_process_or_proc(&path.into()), "{path}");
        }
        let thread = |base: &str, name: &str| of_first_thread(&base.into(), OsStr::new(name));
        assert_eq!(thread("/proc/7", "stat").unwrap(), "task/7/stat");
        assert_eq!(thread("/proc/7", "task/7/stat"), None);
        assert_eq!(thread("/proc", "uptime"), None);
    }

    #[test]
    fn by_hand_opens_what_the_kernel_opens_and_refuses_other_devices() {
        let dir = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let own = rustix::fs::open("/proc/self", dir, Mode::empty()).unwrap();
        let read = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        assert!(by_hand(&own, OsStr::new("stat"), read).is_ok());
        assert!(open(&own, OsStr::new("stat"), read).is_ok());
        // A link is LOOP for both; /proc/self/root leads to another device.
        assert_eq!(by_hand(&own, OsStr::new("exe"), read).unwrap_err(), Errno::LOOP);
        assert_eq!(open(&own, OsStr::new("exe"), read).unwrap_err(), Errno::LOOP);
        let root = rustix::fs::open("/", dir, Mode::empty()).unwrap();
        assert_eq!(by_hand(&root, OsStr::new("proc/self/stat"), read).unwrap_err(), Errno::XDEV);
        assert_eq!(open(&root, OsStr::new("proc/self/stat"), read).unwrap_err(), Errno::XDEV);
    }
}

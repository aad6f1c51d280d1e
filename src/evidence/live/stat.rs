//! statx's answer as a [`Stat`].

use crate::evidence::{FileKind, Stat};
use crate::facts::Time;
use rustix::fs::{Statx, StatxFlags, StatxTimestamp};

/// What is asked of statx.
pub(super) const WANTED: StatxFlags = StatxFlags::BASIC_STATS.union(StatxFlags::BTIME);

pub(super) fn from_statx(s: &Statx) -> Stat {
    let device = |major: u32, minor: u32| u64::from(major) << 32 | u64::from(minor);
    let time = |wanted: StatxFlags, t: StatxTimestamp| {
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

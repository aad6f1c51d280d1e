//! What is mounted where.

use super::processes::bracketed;
use super::{Collector, Host, Outcome, Run};
use crate::evidence::{HostPath, Reason, Unavailable};
use crate::facts::{Facts, HostText, Table};
use std::collections::HashSet;

crate::table! {
    pub struct Mount in mounts, "Every mount, from /proc/self/mountinfo.";
    mount_id: u32, "", "Id.";
    parent_id: u32, "", "Id of the mount it lies on.";
    dev: u64, "", "Device, major << 32 | minor.";
    root: HostPath, "", "Which directory of the file system is mounted; not `/` for a bind mount.";
    mount_point: HostPath, "", "Where.";
    options: HostText, "", "Per-mount options.";
    fs_type: HostText, "", "File system.";
    device: HostText, "", "Mount source.";
    super_options: HostText, "", "Per-file-system options.";
    size: Option<u64>, "bytes", "Size; NULL where it was not asked, as of network mounts.";
    free: Option<u64>, "bytes", "Free for ordinary users.";
}

pub(super) const COLLECTOR: Collector =
    Collector { name: "mounts", tables: &[Mount::DEF], run: Run::Host(collect) };

/// A host with many containers has some thousand mounts of some 200 bytes.
const LIMIT: usize = 16 * 1024 * 1024;

fn collect(host: &Host<'_>, facts: &Facts) -> Outcome {
    let Some(bytes) = own_mountinfo(host) else { return Ok(()) };
    let remote = Remote::among(&bytes);
    for (number, line) in bytes.split(|b| *b == b'\n').enumerate().filter(|(_, l)| !l.is_empty()) {
        match parse(line) {
            Some(mut mount) => {
                host.gaps.read("mounts");
                space(host, &remote, &mut mount);
                let source = format!("/proc/self/mountinfo:{}", number.saturating_add(1));
                facts.insert(mount.mount_id, &source, &mount)?;
            }
            None => {
                let path = HostPath::from("/proc/self/mountinfo");
                let why = Unavailable::new(&path, Reason::Damaged, "a line was not understood");
                host.gaps.missed("mounts", &why);
            }
        }
    }
    Ok(())
}

/// File systems that lie on a disk or in memory; others have no space to speak of.
const WITH_SPACE: &[&[u8]] = &[
    b"bcachefs",
    b"btrfs",
    b"exfat",
    b"ext2",
    b"ext3",
    b"ext4",
    b"f2fs",
    b"jfs",
    b"ntfs3",
    b"overlay",
    b"reiserfs",
    b"tmpfs",
    b"vfat",
    b"xfs",
    b"zfs",
];

fn space(host: &Host<'_>, remote: &Remote, mount: &mut Mount) {
    // Asking a dead network mount, or one below it, would hang.
    if remote.reaches(&mount.mount_point) {
        let words = "a network or FUSE mount, or below one: not asked, as it may never answer";
        return host.gaps.note("mounts.size", format!("{}: {words}", mount.mount_point));
    }
    if !WITH_SPACE.contains(&mount.fs_type.as_bytes()) {
        return;
    }
    match host.root.space(&mount.mount_point) {
        Ok((size, free)) => {
            host.gaps.read("mounts.size");
            (mount.size, mount.free) = (Some(size), Some(free));
        }
        Err(why) => host.gaps.missed("mounts.size", &why),
    }
}

/// The same, and counts it where there is none.
fn own_mountinfo(host: &Host<'_>) -> Option<Vec<u8>> {
    own(host).map_err(|why| host.gaps.missed("mounts", &told(why))).ok()
}

/// davy's own, or where the evidence has no davy in it, the first process's.
pub(super) fn own(host: &Host<'_>) -> Result<Vec<u8>, Unavailable> {
    let mut bytes = Vec::new();
    let read = |name: &str, bytes: &mut Vec<u8>| {
        host.root.read(&HostPath::from(name), LIMIT, bytes).map(drop)
    };
    read("proc/self/mountinfo", &mut bytes).or_else(|first| {
        bytes.clear();
        read("proc/1/mountinfo", &mut bytes).map_err(|_| first)
    })?;
    Ok(bytes)
}

/// A FIFO or device where the mount table belongs is no oddity of the host's but a trap.
fn told(mut why: Unavailable) -> Unavailable {
    if why.reason == Reason::NotRegular {
        why.reason = Reason::Damaged;
    }
    why
}

/// The mounts among the lines of a mountinfo.
pub(super) fn lines(mountinfo: &[u8]) -> impl Iterator<Item = Mount> {
    mountinfo.split(|b| *b == b'\n').filter_map(parse)
}

/// `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue`: any number
/// of optional fields stands before the lone dash.
fn parse(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|b| *b == b' ');
    let mut text = || fields.next().and_then(|f| std::str::from_utf8(f).ok());
    let mount_id = text()?.parse().ok()?;
    let parent_id = text()?.parse().ok()?;
    let (major, minor) = text()?.split_once(':')?;
    let dev = u64::from(major.parse::<u32>().ok()?) << 32 | u64::from(minor.parse::<u32>().ok()?);
    let root = HostPath::new(unescaped(fields.next()?, ESCAPED));
    let mount_point = HostPath::new(unescaped(fields.next()?, ESCAPED));
    let options = HostText(unescaped(fields.next()?, ESCAPED));
    fields.by_ref().find(|f| *f == b"-")?;
    let fs_type = HostText(unescaped(fields.next()?, ESCAPED));
    let device = HostText(unescaped(fields.next().unwrap_or_default(), ESCAPED));
    let super_options = HostText(unescaped(fields.next().unwrap_or_default(), ESCAPED));
    Some(Mount {
        mount_id,
        parent_id,
        dev,
        root,
        mount_point,
        options,
        fs_type,
        device,
        super_options,
        size: None,
        free: None,
    })
}

/// What the kernel escapes in mountinfo.
const ESCAPED: &[u8] = b" \t\n\\#";

/// Undoes the kernel's octal escapes, `\040` for a space, of those bytes that it escapes in that
/// file; others are the name's own.
pub(super) fn unescaped(bytes: &[u8], escaped: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&byte, tail)) = rest.split_first() {
        if let [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..] = rest {
            let value = (a - b'0') << 6 | (b - b'0') << 3 | (c - b'0');
            if escaped.contains(&value) {
                out.push(value);
                rest = after;
                continue;
            }
        }
        out.push(byte);
        rest = tail;
    }
    out
}

/// The network namespaces that are mounted as files, as `ip netns add` does.
pub(super) fn network_namespaces(mountinfo: &[u8]) -> Vec<u64> {
    let mut numbers: Vec<u64> = lines(mountinfo)
        .filter(|m| m.fs_type.as_bytes() == b"nsfs" && m.root.as_bytes().starts_with(b"net:["))
        .filter_map(|m| bracketed(m.root.as_bytes()))
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// The mounts of one namespace that answer over a network or from another program: a look at
/// what lies there may hang or be seen.
#[derive(Debug, Default)]
pub(super) struct Remote {
    points: Vec<HostPath>,
    devices: HashSet<u64>,
}

impl Remote {
    /// Those among the lines of a mountinfo.
    pub(super) fn among(mountinfo: &[u8]) -> Self {
        let mut remote = Self::default();
        for mount in lines(mountinfo) {
            if is_remote(mount.fs_type.as_bytes()) {
                remote.devices.insert(mount.dev);
                remote.points.push(mount.mount_point);
            }
        }
        remote
    }

    /// Whether a path runs into one.
    pub(super) fn reaches(&self, path: &HostPath) -> bool {
        self.points.iter().any(|point| {
            let rest = path.as_bytes().strip_prefix(point.as_bytes());
            rest.is_some_and(|rest| rest.is_empty() || rest.first() == Some(&b'/'))
        })
    }

    /// Whether a file of this device lies on one.
    pub(super) fn holds(&self, dev: u64) -> bool {
        self.devices.contains(&dev)
    }
}

/// File systems behind a network or a program of their own; `autofs` mounts one when looked at.
const REMOTE: &[&[u8]] = &[
    b"9p",
    b"afs",
    b"autofs",
    b"beegfs",
    b"ceph",
    b"cifs",
    b"coda",
    b"fuse",
    b"fuseblk",
    b"gfs2",
    b"glusterfs",
    b"gpfs",
    b"lustre",
    b"ncpfs",
    b"nfs",
    b"nfs4",
    b"ocfs2",
    b"orangefs",
    b"smb3",
    b"smbfs",
];

fn is_remote(fs_type: &[u8]) -> bool {
    REMOTE.contains(&fs_type) || fs_type.starts_with(b"fuse.")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_bind_mount() {
        let line = b"36 35 98:0 /a\\040dir /mnt/two\\040words\\134x rw,noatime master:1 shared:2 - ext3 /dev/root rw,errors=continue";
        let mount = parse(line).unwrap();
        assert_eq!((mount.mount_id, mount.parent_id, mount.dev), (36, 35, 98 << 32));
        assert_eq!(mount.root, HostPath::from("/a dir"));
        assert_eq!(mount.mount_point, HostPath::from("/mnt/two words\\x"));
        assert_eq!(mount.fs_type, HostText::from("ext3"));
        assert_eq!(mount.super_options, HostText::from("rw,errors=continue"));
    }

    #[test]
    fn remote_mounts() {
        let remote = Remote::among(
            b"1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:50 / /home rw - nfs4 srv:/home rw\n\
              3 1 0:51 / /mnt/s rw - fuse.sshfs x: rw\n",
        );
        assert!(remote.reaches(&HostPath::from("/home/a/b")));
        assert!(remote.reaches(&HostPath::from("/mnt/s")));
        assert!(!remote.reaches(&HostPath::from("/homework")));
        assert!(remote.holds(50) && remote.holds(51) && !remote.holds(8 << 32 | 1));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = parse(&bytes);
            let _ = unescaped(&bytes, ESCAPED);
        }
    }
}

//! The bodyfile and the files below `[root]`.

use super::Uac;
use crate::evidence::{Body, FileKind, HostPath};
use crate::facts::{Status, Time};
use crate::foreign::output::bodyfile;
use crate::foreign::root;

/// Bodyfiles longer than this are taken in as far as they speak of places that are looked into.
const LONG: usize = 24 << 20;

/// Places that collectors look into, of a bodyfile that is too long to take in whole.
const PLACES: &[&[u8]] = &[
    b"/etc",
    b"/tmp",
    b"/var/tmp",
    b"/dev",
    b"/run",
    b"/bin",
    b"/sbin",
    b"/usr/bin",
    b"/usr/sbin",
    b"/usr/local",
    b"/lib/systemd",
    b"/usr/lib/systemd",
    b"/var/spool",
    b"/root",
    b"/opt",
    b"/var/lib/dpkg/info",
    b"/var/lib/rpm",
    b"/home",
    b"/var/www",
    b"/srv",
    b"/lib/x86_64-linux-gnu",
    b"/usr/lib/x86_64-linux-gnu",
    b"/lib64",
    b"/usr/lib64",
];

/// Folders of which UAC takes all files.
const TAKEN: &[&str] = &[
    "/etc",
    "/var/spool/cron",
    "/var/spool/at",
    "/run/systemd/system",
    "/lib/systemd/system",
    "/usr/lib/systemd",
];

impl Uac<'_> {
    /// Everything on disk, as far as it was seen.
    pub(super) fn files(&mut self) {
        let copied = ["md5", "sha1", "sha256"]
            .iter()
            .any(|kind| self.member(&format!("hash_list.{kind}")).is_some());
        let listed = self.bodyfile();
        let below = [self.base, b"[root]/"].concat();
        root::place(&mut self.host, self.spool, &below, !copied);
        if copied {
            let why = "UAC copied the files (cp -r): their times and modes are the copy's, and are taken from the bodyfile alone";
            self.cover("files.mtime", Status::Partial, why);
        }
        if !listed {
            for folder in TAKEN {
                self.host.whole_below(&HostPath::from(*folder), true);
            }
            let why = "no bodyfile: what lies where UAC took no files is not known";
            self.cover("files", Status::Partial, why);
        }
    }

    /// True where there is one.
    fn bodyfile(&mut self) -> bool {
        let Some((bytes, member)) = self.member("bodyfile/bodyfile.txt") else { return false };
        let bytes = bytes.to_vec();
        let long = bytes.len() > LONG;
        // Of a mounted image, paths carry the mount point.
        let mount = self.log.mount_point.clone().filter(|m| m != "/").unwrap_or_default();
        let old = self.log.version.as_deref().is_some_and(|v| v.starts_with("2."));
        let mut left_out = 0_u64;
        for entry in bodyfile::parse(&bytes) {
            let path = entry.path.strip_prefix(mount.as_bytes()).unwrap_or(entry.path);
            let wanted = !long
                || entry.kind == FileKind::Directory && path.len() < 24
                || PLACES.iter().any(|place| {
                    path.strip_prefix(*place).is_some_and(|r| r.is_empty() || r.starts_with(b"/"))
                });
            if path.first() != Some(&b'/') || path.starts_with(b"/proc/") {
                continue;
            }
            if !wanted || self.host.full() {
                left_out += 1;
                continue;
            }
            let path = HostPath::new(path);
            let mut stat = self.host.stat(entry.kind, entry.mode);
            (stat.uid, stat.gid, stat.size, stat.inode) =
                (entry.uid, entry.gid, entry.size, entry.inode);
            let time = |seconds: Option<i64>| seconds.map(|s| Time::new(s, 0));
            (stat.atime, stat.mtime) = (time(entry.atime), time(entry.mtime));
            (stat.ctime, stat.btime) = (time(entry.ctime), time(entry.crtime));
            match entry.kind {
                FileKind::Directory => {
                    self.host.directory(&path, Some(&stat), false);
                }
                FileKind::Link => {
                    self.host.link(&path, entry.target.unwrap_or_default(), &stat);
                }
                FileKind::File => {
                    self.host.file(&path, &stat, Body::Unheld);
                }
                _ => {
                    self.host.special(&path, &stat);
                }
            }
        }
        self.host.origin(&HostPath::from("/"), &member);
        if left_out > 0 {
            let why = format!(
                "{left_out} lines of a long bodyfile speak of places that are not looked into"
            );
            self.cover("files", Status::Partial, why);
        } else if old {
            let why = "UAC 2 lists files six folders deep";
            self.cover("files", Status::Partial, why);
        }
        // UAC 2 goes six folders deep: whatever lies in deeper ones is not known.
        self.host.whole_below(&HostPath::from("/"), left_out == 0 && !old);
        if left_out > 0 || old {
            for place in PLACES {
                let place = HostPath::new(*place);
                if self.host.find(&place, true).is_some() {
                    self.host.whole_below(&place, true);
                }
            }
        }
        self.host.directory(&HostPath::from("/proc"), None, false);
        true
    }
}

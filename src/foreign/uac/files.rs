//! The bodyfile and the files below `[root]`.

use super::Uac;
use crate::evidence::{Body, FileKind, HostPath, Refused};
use crate::facts::{Status, Time};
use crate::foreign::listing::PLACES;
use crate::foreign::output::bodyfile;
use crate::foreign::root;

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
        // Of a mounted image, paths carry the mount point.
        let mount = self.log.mount_point.clone().filter(|m| m != "/").unwrap_or_default();
        let old = self.log.version.as_deref().is_some_and(|v| v.starts_with("2."));
        self.host.expect(memchr::memchr_iter(b'\n', bytes).count());
        let mut left_out: u64 = self.spool.thinned.values().sum();
        for entry in bodyfile::parse(bytes) {
            let path = entry.path.strip_prefix(mount.as_bytes()).unwrap_or(entry.path);
            if path.first() != Some(&b'/') || path.starts_with(b"/proc/") {
                continue;
            }
            if self.host.refuses(Refused::Files) {
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
                "{left_out} lines of a long bodyfile speak of files that are no programs, in places that \
                 are not looked into"
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
                let place = HostPath::from(*place);
                if self.host.find(&place, true).is_some() {
                    self.host.whole_below(&place, true);
                }
            }
        }
        self.host.directory(&HostPath::from("/proc"), None, false);
        true
    }
}

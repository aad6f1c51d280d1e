//! Mounts that may never answer: network and FUSE file systems.
//!
//! The kernel waits for their server without end, so lookups below them run on a thread that is
//! left behind when it does not come back, and their files are not opened at all. Where no such
//! mount exists (the usual server) none of this costs anything.

use super::DiskDir;
use crate::evidence::{Dir, HostPath};
use std::collections::BTreeSet;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How long a lookup may take.
const PATIENCE: Duration = Duration::from_secs(1);
/// Threads that may be left waiting; after that nothing is asked that could wait.
const ABANDONED: usize = 16;

/// File systems whose answers come from elsewhere. `fuse` stands for all `fuse.*` as well.
const REMOTE: &[&str] = &[
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "9p",
    "afs",
    "ceph",
    "coda",
    "ncpfs",
    "ocfs2",
    "gfs2",
    "lustre",
    "beegfs",
    "glusterfs",
    "fuse",
    "fuseblk",
    "virtiofs",
    "autofs",
    "davfs",
];

/// Bytes of a mount table.
const MOUNTINFO: usize = 16 << 20;

type Job = Box<dyn FnOnce() + Send>;

/// The mounts to beware of, and what was learnt about them.
#[derive(Debug, Default)]
pub(in crate::evidence) struct Hazards {
    mounts: Vec<Mount>,
    devices: BTreeSet<u64>,
    learnt: Mutex<Learnt>,
}

#[derive(Debug)]
struct Mount {
    point: Vec<u8>,
}

#[derive(Debug, Default)]
struct Learnt {
    /// Mounts that did not answer; they are not asked twice.
    dead: BTreeSet<usize>,
    worker: Option<Sender<Job>>,
    abandoned: usize,
}

/// It did not answer in time, or had not before.
pub(super) struct TooLate;

impl Hazards {
    /// Those of this process's own mount namespace and of the host's.
    pub(super) fn of_this_host() -> Self {
        // Nothing is known to be hazardous yet, but a FIFO in its place must not hold us.
        let known = Arc::new(Self::default());
        let read = |process: &str| {
            let mut text = Vec::new();
            if let Ok(dir) = DiskDir::open(&HostPath::from(process), known.clone()) {
                let _ = dir.read(&HostPath::from("mountinfo"), MOUNTINFO, &mut text);
            }
            text
        };
        let mut hazards = Self::default();
        hazards.add(&read("/proc/self"));
        hazards.add(&read("/proc/1"));
        hazards
    }

    fn add(&mut self, mountinfo: &[u8]) {
        for line in mountinfo.split(|b| *b == b'\n') {
            if let Some((point, device)) = remote(line) {
                self.mounts.push(Mount { point });
                self.devices.insert(device);
            }
        }
    }

    /// Whether any lookup may have to wait.
    pub(super) fn any(&self) -> bool {
        !self.mounts.is_empty()
    }

    /// Whether files on this device are left alone.
    pub(super) fn on(&self, device: u64) -> bool {
        self.devices.contains(&device)
    }

    /// The hazardous mount that a path lies under, by its text.
    fn under(&self, path: &HostPath) -> Option<usize> {
        let bytes = path.as_bytes();
        self.mounts.iter().position(|mount| {
            let rest = bytes.strip_prefix(mount.point.as_slice());
            rest.is_some_and(|r| r.is_empty() || r.starts_with(b"/"))
        })
    }

    /// Runs a lookup of `path`, and gives up when it takes too long.
    pub(super) fn bounded<T: Send + 'static>(
        &self,
        path: &HostPath,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, TooLate> {
        let mount = self.under(path);
        let Ok(mut learnt) = self.learnt.lock() else { return Err(TooLate) };
        if mount.is_some_and(|m| learnt.dead.contains(&m)) || learnt.abandoned >= ABANDONED {
            return Err(TooLate);
        }
        let (answer, answered) = channel();
        let job: Job = Box::new(move || {
            // Nobody listens any more when it comes too late.
            let _ = answer.send(job());
        });
        let worker = learnt.worker.get_or_insert_with(worker);
        worker.send(job).map_err(|_| TooLate)?;
        answered.recv_timeout(PATIENCE).map_err(|_| {
            learnt.worker = None;
            learnt.abandoned = learnt.abandoned.saturating_add(1);
            learnt.dead.extend(mount);
            TooLate
        })
    }
}

/// A thread that does one job after the other, and ends when nobody sends any more.
fn worker() -> Sender<Job> {
    let (sender, jobs) = channel::<Job>();
    std::thread::spawn(move || jobs.into_iter().for_each(|job| job()));
    sender
}

/// Mount point and device of a line of mountinfo whose file system is remote. The root is left
/// out: a host that runs from the network answers, or davy would not run either.
fn remote(line: &[u8]) -> Option<(Vec<u8>, u64)> {
    let mut fields = line.split(|b| *b == b' ');
    let device = std::str::from_utf8(fields.nth(2)?).ok()?;
    let (major, minor) = device.split_once(':')?;
    let device = major.parse::<u64>().ok()? << 32 | minor.parse::<u64>().ok()?;
    let point = unescape(fields.nth(1)?);
    let kind = fields.skip_while(|f| *f != b"-").nth(1)?;
    let kind = std::str::from_utf8(kind).ok()?;
    let kind = kind.split_once('.').map_or(kind, |(family, _)| family);
    // systemd puts an automount there on every host, and davy never looks below it.
    let everywhere: [&[u8]; 2] = [b"/", b"/proc/sys/fs/binfmt_misc"];
    (REMOTE.contains(&kind) && !everywhere.contains(&point.as_slice())).then_some((point, device))
}

/// mountinfo writes blanks and backslashes as `\040`.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&byte, after)) = rest.split_first() {
        if let [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..] = rest {
            out.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
            rest = after;
            continue;
        }
        out.push(byte);
        rest = after;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const INFO: &[u8] = b"24 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n\
        40 24 0:50 / /mnt/my\\040share rw shared:9 - nfs4 server:/x rw\n\
        41 24 0:51 / /srv/s rw - fuse.sshfs u@h: rw\n\
        42 24 0:30 / /sys/fs/fuse/connections rw - fusectl fusectl rw\n\
        bad line\n\
        43 24 0:31 / /proc/sys/fs/binfmt_misc rw - autofs systemd-1 rw\n";

    #[test]
    fn remote_mounts_are_known_by_path_and_device() {
        let mut hazards = Hazards::default();
        hazards.add(INFO);
        assert_eq!(hazards.mounts.len(), 2);
        assert!(hazards.on(50) && hazards.on(51) && !hazards.on(8 << 32 | 1));
        assert_eq!(hazards.under(&"/mnt/my share/a".into()), Some(0));
        assert_eq!(hazards.under(&"/srv/s".into()), Some(1));
        assert_eq!(hazards.under(&"/srv/sun".into()), None);
    }

    #[test]
    fn what_never_answers_is_asked_once() {
        let mut hazards = Hazards::default();
        hazards.add(INFO);
        let (_keep, never) = channel::<()>();
        let path = HostPath::from("/srv/s/file");
        assert!(hazards.bounded(&path, move || never.recv().is_ok()).is_err());
        let before = std::time::Instant::now();
        assert!(hazards.bounded(&path, || ()).is_err());
        assert!(before.elapsed() < PATIENCE / 2);
        assert!(hazards.bounded(&"/etc/passwd".into(), || ()).is_ok());
    }
}

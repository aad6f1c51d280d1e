//! Every open file descriptor.

use super::content::FIRST_BYTES;
use super::digest::{Wanted, digest};
use super::processes::{Row, Rows, bracketed, is_memfd, unmarked};
use super::{Collector, ProcessDir, Run};
use crate::evidence::{Dir, FileKind, HostPath, Reason, Stat, Unavailable};
use crate::facts::{Table, Time};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;

crate::table! {
    pub struct OpenFile in open_files, "Every open file descriptor of every process, from /proc/PID/fd.";
    pid: u32, "", "Process id.";
    fd: u32, "", "Descriptor number.";
    target: HostPath, "", "What it leads to, without the kernel's mark of deletion.";
    kind: &'static str, "", "file, directory, fifo, socket, character device, block device, memfd, anonymous, other.";
    deleted: Option<bool>, "", "st_nlink is 0: no name leads to it any more; false for what never has a name, as a socket. NULL where it could not be asked.";
    mode: Option<&'static str>, "", "r, w or rw, from the link's own permissions or from fdinfo; NULL where it was opened for neither (O_PATH), and for what is no regular file.";
    size: Option<u64>, "bytes", "Size; NULL for sockets, pipes and anonymous inodes.";
    dev: Option<u64>, "", "Device it lies on, major << 32 | minor; NULL likewise.";
    inode: Option<u64>, "", "Inode; for a socket, the key to the table sockets.";
    mtime: Option<Time>, "", "Content last changed.";
    ctime: Option<Time>, "", "Inode last changed; for a deleted file this is close to the deletion.";
    btime: Option<Time>, "", "Made.";
    atime: Option<Time>, "", "Last read.";
    content: Option<&'static str>, "", "For deleted regular files and memfds, by their first bytes: elf, script, text, gzip, zip, zstd, xz, bzip2, sqlite, empty, data.";
    sha256: Option<String>, "", "For deleted regular files and memfds up to 64 MiB: of the bytes, read through the descriptor.";
    recovered: Option<String>, "", "Where the case folder keeps the recovered bytes; NULL without one.";
}

pub(super) const COLLECTOR: Collector =
    Collector { name: "open files", tables: &[OpenFile::DEF], run: Run::Process(collect) };

/// Bytes digested of one deleted file, and of all in a run.
const FILE_LIMIT: u64 = 64 << 20;
const RUN_LIMIT: u64 = 1 << 30;

pub(super) fn collect(process: &ProcessDir<'_>, rows: &mut Rows<'_>) {
    if process.bare() || process.gone() {
        return;
    }
    let held = process.dir.held(&HostPath::from("fd"));
    let (folder, prefix) = match &held {
        Some(held) => (held.as_ref(), ""),
        None => (process.dir.as_ref(), "fd"),
    };
    let names = match folder.list(&HostPath::from(prefix)) {
        Ok(names) => names,
        Err(why) => return process.missed("open_files", why),
    };
    let mut refused = None;
    for (fd, name) in numbers(names) {
        let name = if held.is_some() { name } else { HostPath::from(prefix).join(name) };
        match open_file(process, folder, fd, &name) {
            Ok(row) => {
                rows.push(Row::OpenFile(row));
            }
            Err(why) => {
                let why = closed(why);
                if why.reason == Reason::Vanished {
                    process.missed("open_files", why);
                } else {
                    refused.get_or_insert(why);
                }
                if process.gone() {
                    break;
                }
            }
        }
    }
    // A process is the piece: one with a thousand descriptors must not outweigh ten whose list was
    // denied, nor a thousand that could be read.
    match refused {
        Some(why) => process.missed("open_files", why),
        None => process.host.gaps.read("open_files"),
    }
}

/// A descriptor that was listed and is not there was closed since.
fn closed(mut why: Unavailable) -> Unavailable {
    if why.reason == Reason::Absent {
        why.reason = Reason::Vanished;
    }
    why
}

/// The descriptors among the names, in their order as numbers.
fn numbers(names: Vec<HostPath>) -> Vec<(u32, HostPath)> {
    let number = |name: HostPath| {
        let number = std::str::from_utf8(name.as_bytes()).ok()?.parse().ok()?;
        Some((number, name))
    };
    let mut numbers: Vec<(u32, HostPath)> = names.into_iter().filter_map(number).collect();
    numbers.sort_unstable_by_key(|(number, _)| *number);
    numbers
}

fn open_file(
    process: &ProcessDir<'_>,
    folder: &dyn Dir,
    fd: u32,
    name: &HostPath,
) -> Result<OpenFile, Unavailable> {
    let target = folder.link(name)?;
    let row = OpenFile {
        pid: process.pid,
        fd,
        kind: "other",
        deleted: Some(false),
        mode: None,
        size: None,
        dev: None,
        inode: None,
        mtime: None,
        ctime: None,
        btime: None,
        atime: None,
        content: None,
        sha256: None,
        recovered: None,
        target,
    };
    // No path begins otherwise than with `/`: these words are the kernel's own.
    if let Some((kind, inode)) = nameless(row.target.as_bytes()) {
        return Ok(OpenFile { kind, inode, ..row });
    }
    match folder.stat(name) {
        Ok(stat) => Ok(with_stat(process, folder, name, row, &stat)),
        Err(why) => {
            process.missed("open_files.deleted", closed(why));
            Ok(OpenFile { deleted: None, ..row })
        }
    }
}

/// What is no path: its kind, and its inode where the text tells it.
fn nameless(target: &[u8]) -> Option<(&'static str, Option<u64>)> {
    if target.first() == Some(&b'/') {
        return None;
    }
    let kind = match target.split(|b| matches!(b, b':' | b'[')).next() {
        Some(b"socket") => "socket",
        Some(b"pipe") => "fifo",
        Some(b"anon_inode") => "anonymous",
        _ => "other",
    };
    Some((kind, bracketed(target)))
}

fn with_stat(
    process: &ProcessDir<'_>,
    folder: &dyn Dir,
    name: &HostPath,
    row: OpenFile,
    stat: &Stat,
) -> OpenFile {
    let deleted = stat.deleted();
    let kind = match stat.kind {
        FileKind::File if deleted && is_memfd(&row.target) => "memfd",
        kind => kind.word(),
    };
    let digested = if deleted && stat.kind == FileKind::File {
        process.walk.digests.of(process, row.fd, stat)
    } else {
        None
    };
    let target = if deleted { unmarked(&row.target) } else { None };
    // A third call a descriptor: worth it where there is content that may be written.
    let mode = if stat.kind == FileKind::File { mode(process, folder, name, row.fd) } else { None };
    OpenFile {
        kind,
        mode,
        deleted: Some(deleted),
        size: Some(stat.size),
        dev: Some(stat.dev),
        inode: Some(stat.inode),
        mtime: stat.mtime,
        ctime: stat.ctime,
        btime: stat.btime,
        atime: stat.atime,
        content: digested.as_ref().map(|d| d.content),
        sha256: digested.and_then(|d| d.sha256),
        target: target.unwrap_or(row.target),
        ..row
    }
}

/// The link's own permissions tell how the file was opened, for a third of what reading fdinfo
/// costs. Evidence that did not keep them may have kept fdinfo.
fn mode(
    process: &ProcessDir<'_>,
    folder: &dyn Dir,
    name: &HostPath,
    fd: u32,
) -> Option<&'static str> {
    match folder.stat_link(name) {
        // The kernel gives such a link to its owner alone; others are from elsewhere.
        Ok(stat) if stat.kind == FileKind::Link && stat.mode & 0o077 == 0 => {
            match stat.mode & 0o600 {
                0o400 => Some("r"),
                0o200 => Some("w"),
                0o600 => Some("rw"),
                _ => None,
            }
        }
        _ => process
            .optional(&format!("fdinfo/{fd}"), 64 * 1024, "open_files.mode", fdinfo)
            .flatten(),
    }
}

/// The access mode among the flags, which are octal: 0 read, 1 write, 2 both. O_PATH is neither.
fn fdinfo(bytes: &[u8]) -> Option<&'static str> {
    let flags = bytes.split(|b| *b == b'\n').find_map(|line| line.strip_prefix(b"flags:"))?;
    let flags = u32::from_str_radix(std::str::from_utf8(flags).ok()?.trim(), 8).ok()?;
    if flags & 0o10_000_000 != 0 {
        return None;
    }
    match flags & 3 {
        0 => Some("r"),
        1 => Some("w"),
        2 => Some("rw"),
        _ => None,
    }
}

/// What a deleted file holds; without a digest where it is too long.
#[derive(Clone)]
struct Digested {
    content: &'static str,
    sha256: Option<String>,
}

/// What deleted files hold, each read once however many processes keep it open.
pub(super) struct Digests {
    known: RefCell<HashMap<(u64, u64), Option<Digested>>>,
    left: Cell<u64>,
}

impl Default for Digests {
    fn default() -> Self {
        Self { known: RefCell::default(), left: Cell::new(RUN_LIMIT) }
    }
}

impl Digests {
    fn of(&self, process: &ProcessDir<'_>, fd: u32, stat: &Stat) -> Option<Digested> {
        let key = (stat.dev, stat.inode);
        if let Some(known) = self.known.borrow().get(&key) {
            return known.clone();
        }
        let read = self.read(process, &HostPath::new(format!("fd/{fd}")), stat);
        self.known.borrow_mut().insert(key, read.clone());
        read
    }

    fn read(&self, process: &ProcessDir<'_>, name: &HostPath, stat: &Stat) -> Option<Digested> {
        let gaps = &process.host.gaps;
        let unread = |reason, detail: String| {
            let path = HostPath::new(format!("/proc/{}/{name}", process.pid));
            gaps.missed("open_files.sha256", &Unavailable::new(&path, reason, detail));
        };
        if process.walk.remote(process).holds(stat.dev) {
            unread(Reason::NotCaptured, "on a network mount, not opened".to_owned());
            return None;
        }
        let limit = FILE_LIMIT.min(self.left.get());
        // Longer ones are looked at for what they are; their digest is not worth the time.
        let wanted = if stat.size > limit { FIRST_BYTES as u64 } else { limit };
        let opened = process.dir.open(name);
        let digests = opened.and_then(|mut file| {
            digest(&mut file, wanted, Wanted::Sha256, &mut |_, _| {})
                .map_err(|e| Unavailable::from_io(&process.path("fd"), &e))
        });
        match digests {
            Ok(digests) => {
                self.left.set(self.left.get().saturating_sub(digests.size));
                if digests.whole {
                    gaps.read("open_files.sha256");
                } else {
                    unread(Reason::NotCaptured, format!("{} bytes are too many", stat.size));
                }
                let sha256 = digests.sha256.filter(|_| digests.whole);
                Some(Digested { content: digests.content, sha256 })
            }
            Err(why) => {
                process.missed("open_files.sha256", closed(why));
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn access_modes() {
        assert_eq!(fdinfo(b"pos:\t0\nflags:\t0100000\nmnt_id:\t22\n"), Some("r"));
        assert_eq!(fdinfo(b"flags:\t02100001\n"), Some("w"));
        assert_eq!(fdinfo(b"flags:\t02\n"), Some("rw"));
        assert_eq!(fdinfo(b"flags:\t012000000\n"), None, "O_PATH");
        assert_eq!(fdinfo(b"flags:\t9\n"), None);
        assert_eq!(fdinfo(b"pos:\t0\n"), None);
    }

    #[test]
    fn what_is_no_path() {
        assert_eq!(nameless(b"socket:[4711]"), Some(("socket", Some(4711))));
        assert_eq!(nameless(b"pipe:[12]"), Some(("fifo", Some(12))));
        assert_eq!(nameless(b"anon_inode:[eventpoll]"), Some(("anonymous", None)));
        assert_eq!(nameless(b"anon_inode:bpf-prog"), Some(("anonymous", None)));
        assert_eq!(nameless(b"net:[4026531840]"), Some(("other", Some(4_026_531_840))));
        assert_eq!(nameless(b"/tmp/socket:[1]"), None);
    }

    #[test]
    fn descriptors_are_sorted_as_numbers() {
        let names = ["0", "10", "2", "x"].map(HostPath::from).into();
        let numbers: Vec<u32> = numbers(names).into_iter().map(|(number, _)| number).collect();
        assert_eq!(numbers, [0, 2, 10]);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = fdinfo(&bytes);
            let _ = nameless(&bytes);
        }
    }
}

//! What is mapped into every process.

use super::mounts::unescaped;
use super::processes::{Row, Rows, is_memfd, unmarked};
use super::{Collector, ProcessDir, Run};
use crate::evidence::{FileKind, HostPath, Reason, Stat, Unavailable};
use crate::facts::Table;

crate::table! {
    pub struct Mapping in mappings, "What is mapped into every process, from /proc/PID/maps: a row a line, but for neighbouring parts of one file that nobody can write, which are one row, and without the pages that the kernel lends to all (vdso, vvar, vsyscall) and files of less than 1 MiB that are there and are only read (locales, caches).";
    pid: u32, "", "Process id.";
    start: u64, "", "First address.";
    end: u64, "", "Address after the last.";
    permissions: &'static str, "", "As `r-xp`; of several parts, all that they have together.";
    executable: bool, "", "May be run.";
    writable: bool, "", "May be written.";
    offset: u64, "bytes", "Offset into the file.";
    dev: u64, "", "Device, major << 32 | minor; 0 for none.";
    inode: u64, "", "Inode; 0 for none.";
    path: Option<HostPath>, "", "What is mapped, without the kernel's mark of deletion; `[heap]`, `[stack]` and the like as they are; NULL for anonymous.";
    kind: &'static str, "", "file, anonymous (also huge pages and named ones), heap, stack, memfd, shared (SysV, /dev/zero), device (devices, and what drivers or the kernel answer for: anonymous inodes, sockets, DMA buffers): never read.";
    deleted: Option<bool>, "", "For files and memfds: no name leads to the mapped file any more, by st_nlink of map_files or of the executable; NULL where it could not be asked, and then the path keeps the mark.";
}

pub(super) const COLLECTOR: Collector =
    Collector { name: "mappings", tables: &[Mapping::DEF], run: Run::Process(collect) };

/// The kind of what the kernel lends to all, which is no row.
const KERNEL: &str = "kernel";

/// A process may have 65,530 mappings unless told otherwise; at some 100 bytes a line.
const LIMIT: usize = 64 * 1024 * 1024;

pub(super) fn collect(process: &ProcessDir<'_>, rows: &mut Rows<'_>) {
    if process.bare() || process.gone() {
        return;
    }
    process.text("maps", LIMIT, "mappings", |bytes| {
        let mut last = None;
        let mut before: Option<Mapping> = None;
        for line in bytes.split(|b| *b == b'\n').filter(|l| !l.is_empty()) {
            match parse(process.pid, line) {
                Some(mut mapping) => {
                    if asks_inode(&mapping) {
                        look(process, &mut mapping, &mut last);
                    }
                    if let Some(before) = &mut before
                        && joins(before, &mapping)
                    {
                        join(before, &mapping);
                    } else if let Some(before) = before.replace(mapping) {
                        push(before, rows);
                    }
                }
                None => {
                    let why = "a line was not understood";
                    let why = Unavailable::new(&process.path("maps"), Reason::Damaged, why);
                    process.host.gaps.missed("mappings", &why);
                }
            }
        }
        if let Some(last) = before {
            push(last, rows);
        }
    });
}

/// A file of fewer bytes that is only read is an open file and no more: no code, and nothing that
/// the process could change. Half of all mappings are such.
const READ_ONLY: u64 = 1 << 20;

fn push(mapping: Mapping, rows: &mut Rows<'_>) {
    let read_only = mapping.kind == "file"
        && mapping.deleted == Some(false)
        && !mapping.writable
        && !mapping.executable
        && mapping.end.saturating_sub(mapping.start) < READ_ONLY;
    if mapping.kind != KERNEL && !read_only {
        rows.push(Row::Mapping(mapping));
    }
}

/// A loader maps a library's headers, code and constants one by one: a third of all lines say
/// nothing new. A deleted file's parts stay apart, since map_files has them by their bounds.
fn joins(before: &Mapping, next: &Mapping) -> bool {
    let plain = |m: &Mapping| m.kind == "file" && m.deleted == Some(false) && !m.writable;
    before.end == next.start
        && (before.dev, before.inode) == (next.dev, next.inode)
        && plain(before)
        && plain(next)
        && before.path == next.path
}

fn join(before: &mut Mapping, next: &Mapping) {
    before.end = next.end;
    before.executable |= next.executable;
    let both = before.permissions.bytes().zip(next.permissions.bytes());
    let both: Vec<u8> = both.map(|(a, b)| if a == b'-' { b } else { a }).collect();
    before.permissions = permissions(&both).unwrap_or(before.permissions);
}

/// A line; its kind and deletion by the text alone, where that can tell.
fn parse(pid: u32, line: &[u8]) -> Option<Mapping> {
    // `start-end perms offset major:minor inode`, spaces, path. The path may hold spaces.
    let mut parts = line.splitn(6, |b| *b == b' ');
    let (start, end) = pair(parts.next()?, b'-')?;
    let permissions = permissions(parts.next()?)?;
    let offset = hexadecimal(parts.next()?)?;
    let (major, minor) = pair(parts.next()?, b':')?;
    let inode = std::str::from_utf8(parts.next()?).ok()?.parse().ok()?;
    let rest = parts.next().unwrap_or_default();
    let path = rest.get(rest.iter().take_while(|b| **b == b' ').count()..).unwrap_or_default();
    let path = (!path.is_empty()).then(|| HostPath::new(unescaped(path, b"\n")));
    let dev = (major & 0xffff_ffff) << 32 | (minor & 0xffff_ffff);
    let kind = path.as_ref().map_or("anonymous", |path| kind(path, major));
    let plain = path.as_ref().and_then(unmarked);
    let (path, deleted) = match (kind, plain) {
        // These are made without a name, so the mark is the kernel's.
        ("shared" | "anonymous" | "device", Some(plain)) if major == 0 => (Some(plain), None),
        ("memfd", Some(plain)) => (Some(plain), Some(true)),
        ("file", None) => (path, Some(false)),
        _ => (path, None),
    };
    Some(Mapping {
        pid,
        start,
        end,
        executable: permissions.contains('x'),
        writable: permissions.contains('w'),
        permissions,
        offset,
        dev,
        inode,
        path,
        kind,
        deleted,
    })
}

/// All that the kernel writes.
const PERMISSIONS: [&str; 16] = [
    "---p", "r--p", "-w-p", "rw-p", "--xp", "r-xp", "-wxp", "rwxp", "---s", "r--s", "-w-s", "rw-s",
    "--xs", "r-xs", "-wxs", "rwxs",
];

fn permissions(text: &[u8]) -> Option<&'static str> {
    PERMISSIONS.into_iter().find(|known| known.as_bytes() == text)
}

fn pair(text: &[u8], between: u8) -> Option<(u64, u64)> {
    let at = text.iter().position(|b| *b == between)?;
    let (first, second) = text.split_at(at);
    Some((hexadecimal(first)?, hexadecimal(second.get(1..)?)?))
}

fn hexadecimal(text: &[u8]) -> Option<u64> {
    u64::from_str_radix(std::str::from_utf8(text).ok()?, 16).ok()
}

fn kind(path: &HostPath, major: u64) -> &'static str {
    let text = path.as_bytes();
    let begins = |with: &[u8]| text.starts_with(with);
    match text {
        b"[heap]" => "heap",
        b"[vdso]" | b"[vvar]" | b"[vvar_vclock]" | b"[vsyscall]" | b"[vectors]" | b"[sigpage]"
        | b"[uprobes]" => KERNEL,
        b"/dev/zero" | b"/dev/zero (deleted)" => "shared",
        _ if begins(b"[stack") => "stack",
        // Named by prctl, as `[anon:…]`, and whatever a later kernel may name.
        _ if begins(b"[") => "anonymous",
        _ if is_memfd(path) && unmarked(path).is_some() => "memfd",
        // These live on mounts of the kernel's own, which have no device number of a disk.
        _ if major == 0 && begins(b"/SYSV") => "shared",
        _ if major == 0 && begins(b"/anon_hugepage") => "anonymous",
        _ if major == 0
            && (begins(b"/dmabuf:") || begins(b"/drm mm object") || begins(b"/i915")) =>
        {
            "device"
        }
        _ if !begins(b"/") => "device",
        _ if begins(b"/dev/") && !begins(b"/dev/shm/") => "device",
        _ => "file",
    }
}

/// Whether the text alone cannot tell: a file marked as deleted, which may be its name; and what
/// lies under /dev, where a plain file may hide among the devices.
fn asks_inode(mapping: &Mapping) -> bool {
    let marked = || mapping.path.as_ref().is_some_and(|p| unmarked(p).is_some());
    match mapping.kind {
        "file" => marked(),
        "device" => mapping.path.as_ref().is_some_and(|p| p.as_bytes().starts_with(b"/dev/")),
        _ => false,
    }
}

/// Asks the inode itself: the executable's where it is that, else through map_files. Neighbours
/// mostly map the same file, so the last answer is kept.
fn look(
    process: &ProcessDir<'_>,
    mapping: &mut Mapping,
    last: &mut Option<((u64, u64), Option<Stat>)>,
) {
    let key = (mapping.dev, mapping.inode);
    let known = last.as_ref().filter(|(known, _)| *known == key).map(|(_, stat)| stat.clone());
    let stat = known.unwrap_or_else(|| {
        let stat = ask(process, mapping);
        *last = Some((key, stat.clone()));
        stat
    });
    let Some(stat) = stat else { return };
    if matches!(stat.kind, FileKind::CharDevice | FileKind::BlockDevice) {
        mapping.kind = "device";
        return;
    }
    mapping.kind = "file";
    mapping.deleted = Some(stat.deleted());
    if stat.deleted()
        && let Some(plain) = mapping.path.as_ref().and_then(unmarked)
    {
        mapping.path = Some(plain);
    }
}

fn ask(process: &ProcessDir<'_>, mapping: &Mapping) -> Option<Stat> {
    let executable = process.exe().filter(|s| (s.dev, s.inode) == (mapping.dev, mapping.inode));
    if let Some(stat) = executable {
        return Some(stat.clone());
    }
    let name = format!("map_files/{:x}-{:x}", mapping.start, mapping.end);
    match process.dir.stat(&HostPath::new(name)) {
        Ok(stat) => {
            process.host.gaps.read("mappings.deleted");
            Some(stat)
        }
        Err(why) => {
            process.missed("mappings.deleted", why);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn line(text: &str) -> Mapping {
        parse(7, text.as_bytes()).unwrap()
    }

    #[test]
    fn a_library() {
        let expect = Mapping {
            pid: 7,
            start: 0x7f12_3456_0000,
            end: 0x7f12_3456_8000,
            permissions: "r-xp",
            executable: true,
            writable: false,
            offset: 0x2000,
            dev: 0xfe << 32 | 1,
            inode: 4711,
            path: Some(HostPath::from("/opt/two words/lib a.so")),
            kind: "file",
            deleted: Some(false),
        };
        let text =
            "7f1234560000-7f1234568000 r-xp 00002000 fe:01 4711          /opt/two words/lib a.so";
        assert_eq!(line(text), expect);
    }

    #[test]
    fn kinds() {
        for (tail, kind, path, deleted) in [
            ("00:00 0 ", "anonymous", None, None),
            ("00:00 0", "anonymous", None, None),
            ("00:00 0    [heap]", "heap", Some("[heap]"), None),
            ("00:00 0    [stack]", "stack", Some("[stack]"), None),
            ("00:00 0    [vdso]", "kernel", Some("[vdso]"), None),
            ("00:00 0    [anon:libc malloc]", "anonymous", Some("[anon:libc malloc]"), None),
            ("00:01 9    /memfd:x y (deleted)", "memfd", Some("/memfd:x y"), Some(true)),
            ("fe:01 9    /memfd:x", "file", Some("/memfd:x"), Some(false)),
            ("00:01 9    /dev/zero (deleted)", "shared", Some("/dev/zero"), None),
            ("00:01 9    /SYSV00000000 (deleted)", "shared", Some("/SYSV00000000"), None),
            ("00:0f 9    /anon_hugepage (deleted)", "anonymous", Some("/anon_hugepage"), None),
            ("00:06 9    /dev/dri/card0", "device", Some("/dev/dri/card0"), None),
            ("00:19 9    /dev/shm/x", "file", Some("/dev/shm/x"), Some(false)),
            ("00:0e 9    anon_inode:[io_uring]", "device", Some("anon_inode:[io_uring]"), None),
            ("fe:01 9    /a\\012b", "file", Some("/a\nb"), Some(false)),
            // Only the inode can tell whether this is a name or the kernel's mark.
            ("fe:01 9    /a (deleted)", "file", Some("/a (deleted)"), None),
        ] {
            let got = line(&format!("1000-2000 rw-p 00000000 {tail}"));
            assert_eq!(
                (got.kind, got.path, got.deleted),
                (kind, path.map(HostPath::from), deleted),
                "{tail}"
            );
        }
    }

    #[test]
    fn parts_of_a_file_that_nobody_can_write_are_one() {
        let parts = [
            "1000-2000 r--p 00000000 fe:01 9    /lib/a.so",
            "2000-3000 r-xp 00001000 fe:01 9    /lib/a.so",
            "3000-4000 r--p 00002000 fe:01 9    /lib/a.so",
            "4000-5000 rw-p 00003000 fe:01 9    /lib/a.so",
            "6000-7000 r--p 00000000 fe:01 9    /lib/a.so",
        ];
        let [mut first, code, rest, data, again] = parts.map(line);
        assert!(joins(&first, &code));
        join(&mut first, &code);
        assert!(joins(&first, &rest));
        join(&mut first, &rest);
        let joined = (first.start, first.end, first.executable, first.permissions);
        assert_eq!(joined, (0x1000, 0x4000, true, "r-xp"));
        assert!(!joins(&first, &data) && !joins(&data, &again));
        let other = line("4000-5000 r--p 00000000 fe:01 10    /lib/b.so");
        assert!(!joins(&first, &other));
        let deleted = Mapping { deleted: Some(true), ..first.clone() };
        assert!(!joins(&deleted, &Mapping { start: 0x4000, ..deleted.clone() }));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = parse(1, &bytes);
        }

        #[test]
        fn no_line_panics(text in "[0-9a-f]{0,17}-[0-9a-f]{0,17} [rwxp-]{0,5} [0-9a-f]{0,9} [0-9a-f]{0,9}:[0-9a-f]{0,3} [0-9]{0,20} *.{0,20}") {
            let _ = parse(1, text.as_bytes());
        }
    }
}

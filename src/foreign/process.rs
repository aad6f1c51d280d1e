//! What a collector left of one process, and the /proc/PID made of it.
//!
//! A layout gathers what it finds, raw or printed, into a [`Seen`]; [`assemble`] puts all of them
//! where the kernel has them, so that the ordinary collectors read them.

use super::output::lsof::Open;
use super::output::ps;
use crate::evidence::{Assembly, Body, FileKind, Handle, HostPath, Pid, Refused, Stat};
use crate::facts::Time;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Bytes and the member they are from.
pub(super) type Raw = (Vec<u8>, String);

/// The kernel's mark behind the text of a link.
const MARK: &[u8] = b" (deleted)";

/// An open descriptor.
#[derive(Clone, Debug)]
pub(super) struct Descriptor {
    pub target: Vec<u8>,
    /// Permissions of the link.
    pub mode: u32,
    pub origin: String,
}

/// One process, as far as it was seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// Files of /proc/PID by name: stat, status, maps, cmdline, environ, comm, mountinfo …
    pub raw: BTreeMap<&'static str, Raw>,
    /// As `ps` printed it, with the member.
    pub ps: Option<(ps::Row, String)>,
    /// Start, where `ps` printed it.
    pub started: Option<Time>,
    pub exe: Option<Raw>,
    pub cwd: Option<Raw>,
    pub root: Option<Raw>,
    pub cgroup: Option<Raw>,
    /// `None` where the descriptors were not taken.
    pub descriptors: Option<BTreeMap<u32, Descriptor>>,
    /// Bytes saved of the deleted executable, and whether they were cut.
    pub recovered: Option<(Arc<[u8]>, String, bool)>,
    /// Bytes saved of deleted open files.
    pub saved: BTreeMap<u32, (Arc<[u8]>, String)>,
    /// What lsof tells of inodes and sizes.
    pub lsof: Vec<Open>,
    /// The lines of /proc/PID/mounts.
    pub mounts: Option<Vec<u8>>,
}

/// What all processes share while they are put together.
pub(super) struct Assembling<'a> {
    pub host: &'a mut Assembly,
    pub booted: Option<Time>,
    /// Uids by name.
    pub users: HashMap<Vec<u8>, u32>,
    /// Deleted files by device and inode, or by text where these are not known.
    ghosts: HashMap<(u64, u64, Vec<u8>), Handle>,
}

/// Puts all processes in their places.
pub(super) fn assemble(
    host: &mut Assembly,
    booted: Option<Time>,
    users: HashMap<Vec<u8>, u32>,
    all: &BTreeMap<Pid, Seen>,
) {
    let mut assembling = Assembling { host, booted, users, ghosts: HashMap::new() };
    let ordinary = ordinary_mounts(all);
    for (pid, seen) in all {
        if assembling.host.refuses(Refused::Processes) {
            continue;
        }
        assembling.one(*pid, seen, all);
        assembling.namespace(*pid, seen, ordinary.as_deref());
    }
}

/// What lies at `/` for most processes.
fn ordinary_mounts(all: &BTreeMap<Pid, Seen>) -> Option<Vec<u8>> {
    let first = all.get(&1).and_then(|seen| seen.mounts.as_deref());
    let any = || all.values().find_map(|seen| seen.mounts.as_deref());
    first.or_else(any).map(root_line)
}

/// The line of /proc/PID/mounts for `/`, the last one where there are several.
fn root_line(mounts: &[u8]) -> Vec<u8> {
    let is_root = |line: &&[u8]| line.split(|b| *b == b' ').nth(1) == Some(b"/");
    let mut lines = mounts.rsplit(|b| *b == b'\n').filter(is_root);
    lines.next().unwrap_or_default().to_vec()
}

impl Assembling<'_> {
    fn one(&mut self, pid: Pid, seen: &Seen, all: &BTreeMap<Pid, Seen>) {
        let base = format!("/proc/{pid}");
        self.host.directory(&HostPath::from(base.as_str()), None, false);
        for (name, (bytes, origin)) in &seen.raw {
            self.host.proc(&format!("{base}/{name}"), bytes.clone(), origin);
        }
        if let Some((row, origin)) = &seen.ps {
            let has = |name: &str| seen.raw.contains_key(name);
            if !has("stat") {
                let text = self.stat_of(pid, seen, row, all);
                self.host.proc(&format!("{base}/stat"), text, origin);
            }
            if !has("status")
                && let Some(text) = self.status_of(row)
            {
                self.host.proc(&format!("{base}/status"), text.into_bytes(), origin);
            }
        } else if !seen.raw.contains_key("stat")
            && let Some((status, origin)) = seen.raw.get("status")
        {
            let text = stat_of_status(pid, status, seen.exe.is_some());
            self.host.proc(&format!("{base}/stat"), text, origin);
        }
        if let Some((text, origin)) = &seen.cgroup {
            self.host.proc(&format!("{base}/cgroup"), text.clone(), origin);
        }
        let maps = seen.raw.get("maps").map(|(bytes, _)| mapped(bytes)).unwrap_or_default();
        if let Some((text, origin)) = &seen.exe {
            let path = HostPath::from(format!("{base}/exe").as_str());
            let recovered = seen.recovered.as_ref();
            let body = recovered.map(|(bytes, ..)| Body::Bytes(Arc::clone(bytes)));
            let to = self.leads_to(seen, text, &maps, b"txt", body, FileKind::File);
            self.host.lead(&path, text, to, 0o777);
            self.host.origin(&path, recovered.map_or(origin, |(_, member, _)| member));
        }
        for (name, link) in [("cwd", &seen.cwd), ("root", &seen.root)] {
            if let Some((text, origin)) = link {
                let path = HostPath::from(format!("{base}/{name}").as_str());
                let to =
                    self.leads_to(seen, text, &maps, name.as_bytes(), None, FileKind::Directory);
                self.host.lead(&path, text, to, 0o777);
                self.host.origin(&path, origin);
            }
        }
        self.descriptors(&base, seen, &maps);
        self.map_files(&base, seen, &maps);
    }

    fn descriptors(&mut self, base: &str, seen: &Seen, maps: &Maps) {
        let Some(descriptors) = &seen.descriptors else { return };
        self.host.directory(&HostPath::from(format!("{base}/fd").as_str()), None, true);
        for (fd, descriptor) in descriptors {
            let path = HostPath::from(format!("{base}/fd/{fd}").as_str());
            let saved = seen.saved.get(fd);
            let body = saved.map(|(bytes, _)| Body::Bytes(Arc::clone(bytes)));
            let text = &descriptor.target;
            let to = if text.first() == Some(&b'/') {
                let wanted = format!("{fd}");
                self.leads_to(seen, text, maps, wanted.as_bytes(), body, FileKind::File)
            } else {
                let stat = self.host.stat(FileKind::Other, 0o600);
                self.host.nameless_special(&stat)
            };
            self.host.lead(&path, text, to, descriptor.mode);
            self.host.origin(&path, saved.map_or(&descriptor.origin, |(_, member)| member));
        }
    }

    /// Mapped files that are marked as deleted are asked for through map_files.
    fn map_files(&mut self, base: &str, seen: &Seen, maps: &Maps) {
        let Some((_, origin)) = seen.raw.get("maps") else { return };
        for (range, text, dev, inode) in maps {
            if !text.ends_with(MARK) || *inode == 0 {
                continue;
            }
            let path = HostPath::from(format!("{base}/map_files/{range}").as_str());
            let to = self.ghost(text, *dev, *inode, None, None);
            self.host.lead(&path, text, to, 0o500);
            self.host.origin(&path, origin);
        }
    }

    /// What a link of /proc leads to.
    fn leads_to(
        &mut self,
        seen: &Seen,
        text: &[u8],
        maps: &Maps,
        fd: &[u8],
        body: Option<Body>,
        kind: FileKind,
    ) -> Handle {
        let path = HostPath::new(text);
        let found = self.host.find(&path, true);
        let mapped = maps.iter().find(|(_, mapped, ..)| mapped == text);
        let (mut dev, mut inode) = mapped.map_or((0, 0), |(_, _, dev, inode)| (*dev, *inode));
        let told = seen.lsof.iter().find(|open| {
            let end = open.fd.iter().position(|b| !b.is_ascii_digit()).unwrap_or(open.fd.len());
            open.fd == fd || (end > 0 && open.fd.get(..end) == Some(fd))
        });
        let mut size = None;
        if let Some(told) = told {
            size = told.size;
            if inode == 0 {
                (dev, inode) = (told.dev.unwrap_or(0), told.inode.unwrap_or(0));
            }
        }
        // The mark is the kernel's, unless a file is really called so.
        if (text.ends_with(MARK) || text.starts_with(b"/memfd:")) && found.is_none() {
            if kind == FileKind::Directory {
                let mut stat = self.host.stat(FileKind::Directory, 0o755);
                stat.nlink = 0;
                return self.host.nameless_special(&stat);
            }
            return self.ghost(text, dev, inode, size, body);
        }
        if let Some(found) = found {
            if kind == FileKind::File {
                self.host.restate(found, |stat| {
                    if stat.inode == inode && dev != 0 {
                        stat.dev = dev;
                    } else if stat.inode >> 62 == 1 && inode != 0 {
                        (stat.dev, stat.inode) = (dev, inode);
                    }
                });
            }
            return found;
        }
        if kind == FileKind::Directory {
            return self.host.directory(&path, None, false);
        }
        let device = text.starts_with(b"/dev/") && !text.starts_with(b"/dev/shm/");
        let mut stat = self.host.stat(if device { FileKind::CharDevice } else { kind }, 0o644);
        (stat.dev, stat.inode, stat.size) = (dev, inode, size.unwrap_or(0));
        // The kernel names it so: there is such a file, whether or not the collector saw it.
        if device {
            self.host.special(&path, &stat)
        } else {
            self.host.file(&path, &stat, Body::Unheld)
        }
    }

    /// A file without a name; one node however many links lead to it.
    fn ghost(
        &mut self,
        text: &[u8],
        dev: u64,
        inode: u64,
        size: Option<u64>,
        body: Option<Body>,
    ) -> Handle {
        // What lsof calls the device may differ from what maps call it: the inode and the text tell.
        let key = (0, inode, text.to_vec());
        let handle = match self.ghosts.get(&key) {
            Some(known) => *known,
            None => {
                let mut stat: Stat = self.host.stat(FileKind::File, 0o644);
                (stat.dev, stat.inode, stat.nlink) = (dev, inode, 0);
                let made = self.host.nameless(&stat, Body::Unheld);
                self.ghosts.insert(key, made);
                made
            }
        };
        if let Some(body) = body {
            let held = match &body {
                Body::Bytes(bytes) => bytes.len() as u64,
                _ => 0,
            };
            self.host.fill(handle, body);
            self.host.restate(handle, |stat| stat.size = stat.size.max(held));
        }
        self.host.restate(handle, |stat| {
            stat.size = size.unwrap_or(0).max(stat.size);
            if stat.dev == 0 {
                stat.dev = dev;
            }
        });
        handle
    }

    /// Processes that have another root mounted than most are in a container. The collector took
    /// no namespaces; a number of our own keeps a container's paths from being taken for the host's.
    fn namespace(&mut self, pid: Pid, seen: &Seen, ordinary: Option<&[u8]>) {
        let contained = seen.cgroup.as_ref().and_then(|(text, _)| container(text));
        let own = seen.mounts.as_deref().map(root_line);
        let foreign = match (&own, ordinary) {
            (Some(own), Some(ordinary)) if own != ordinary => Some(own.as_slice()),
            _ => contained,
        };
        if foreign.is_none() && own.is_none() && ordinary.is_none() && seen.cgroup.is_none() {
            return;
        }
        let number = match foreign {
            None => 1,
            // FNV-1a, so that one root has one number in every run.
            Some(what) => {
                what.iter().fold(0x0811_c9dc_u32, |hash, b| {
                    (hash ^ u32::from(*b)).wrapping_mul(0x0100_0193)
                }) | 0x8000_0000
            }
        };
        let text = format!("mnt:[{number}]");
        let stat = self.host.stat(FileKind::Other, 0o444);
        let to = self.host.nameless_special(&stat);
        let path = HostPath::from(format!("/proc/{pid}/ns/mnt").as_str());
        self.host.lead(&path, text.as_bytes(), to, 0o777);
        if number != 1 {
            let inside = HostPath::from(format!("/.roots/{number}").as_str());
            let root = self.host.directory(&inside, None, false);
            let path = HostPath::from(format!("/proc/{pid}/root").as_str());
            self.host.lead(&path, b"/", root, 0o777);
        }
    }

    /// /proc/PID/stat, of what `ps` tells. What it does not tell is 0.
    fn stat_of(&self, pid: Pid, seen: &Seen, row: &ps::Row, all: &BTreeMap<Pid, Seen>) -> Vec<u8> {
        let args = row.args.as_deref().unwrap_or_default();
        let comm = comm(seen, row);
        let bracketed = args.starts_with(b"[") && args.ends_with(b"]");
        let ppid = row.ppid.unwrap_or(0);
        let by_kernel = pid == 2 || ppid == 2 || row.ppid.is_none() && all.len() > 1;
        // A name in brackets is printed for whatever has no arguments: a kernel thread has no
        // executable either, and is a child of the second process.
        let kernel = bracketed && seen.exe.is_none() && by_kernel && row.state != Some(b'Z');
        let started = seen.started.zip(self.booted).map_or(0, |(at, booted)| {
            u64::try_from(at.0.saturating_sub(booted.0) / 10_000_000).unwrap_or(0)
        });
        stat_line(
            pid,
            &comm,
            row.state.unwrap_or(b'S'),
            ppid,
            kernel,
            row.cpu.unwrap_or(0),
            row.nice.unwrap_or(0),
            started,
        )
    }

    fn status_of(&self, row: &ps::Row) -> Option<String> {
        let user = row.user.as_deref()?;
        let uid = super::output::number::<u32>(user).or_else(|| self.users.get(user).copied())?;
        let kib = |name: &str, value: Option<u64>| {
            value.map(|v| format!("{name}:\t{v} kB\n")).unwrap_or_default()
        };
        let size = kib("VmSize", row.size);
        Some(format!("Uid:\t{uid}\t{uid}\t{uid}\t{uid}\n{size}{}", kib("VmRSS", row.resident)))
    }
}

/// The id of a container in the name of a control group: 64 hexadecimal digits.
fn container(cgroup: &[u8]) -> Option<&[u8]> {
    cgroup.split(|b| !b.is_ascii_hexdigit()).find(|part| part.len() == 64)
}

/// The name the kernel keeps, by what there is.
fn comm(seen: &Seen, row: &ps::Row) -> Vec<u8> {
    if let Some((comm, _)) = seen.raw.get("comm") {
        return comm.trim_ascii_end().to_vec();
    }
    if let Some(comm) = &row.comm {
        return comm.clone();
    }
    let args = row.args.as_deref().unwrap_or_default();
    if let Some(inner) = args.strip_prefix(b"[").and_then(|a| a.strip_suffix(b"]")) {
        return inner.to_vec();
    }
    let of = seen.exe.as_ref().map(|(text, _)| text.as_slice());
    let word = args.split(|b| *b == b' ').next().unwrap_or_default();
    let path = of.map_or(word, |text| text.strip_suffix(MARK).unwrap_or(text));
    HostPath::new(path).file_name().iter().take(15).copied().collect()
}

#[allow(clippy::too_many_arguments)] // The fields of the line, in its order.
fn stat_line(
    pid: Pid,
    comm: &[u8],
    state: u8,
    ppid: Pid,
    kernel: bool,
    cpu: u64,
    nice: i64,
    started: u64,
) -> Vec<u8> {
    let flags = if kernel { 0x0020_0000 } else { 0 };
    let state = char::from(state);
    let ticks = cpu.saturating_mul(100);
    let head = format!("{pid} (");
    let tail = format!(
        ") {state} {ppid} 0 0 0 -1 {flags} 0 0 0 0 {ticks} 0 0 0 20 {nice} 1 0 {started} 0 0\n"
    );
    [head.as_bytes(), comm, tail.as_bytes()].concat()
}

/// /proc/PID/stat, of /proc/PID/status alone.
fn stat_of_status(pid: Pid, status: &[u8], has_exe: bool) -> Vec<u8> {
    let field = |key: &[u8]| {
        super::output::lines(status).find_map(|line| line.strip_prefix(key)).map(<[u8]>::trim_ascii)
    };
    let name = field(b"Name:").unwrap_or_default();
    let state = field(b"State:").and_then(|s| s.first().copied()).unwrap_or(b'S');
    let ppid = field(b"PPid:").and_then(super::output::number).unwrap_or(0);
    // Since Linux 6.10 the kernel says so; before that, its threads are those without memory.
    let kernel = match field(b"Kthread:") {
        Some(word) => word == b"1",
        None => !has_exe && state != b'Z' && field(b"VmSize:").is_none() && (pid == 2 || ppid == 2),
    };
    stat_line(pid, name, state, ppid, kernel, 0, 0, 0)
}

/// Range, path, device and inode of the mapped files.
type Maps = Vec<(String, Vec<u8>, u64, u64)>;

fn mapped(maps: &[u8]) -> Maps {
    let mut found: Maps = Vec::new();
    for line in super::output::lines(maps) {
        let mut parts = line.splitn(6, |b| *b == b' ');
        let (Some(range), Some(_), Some(_), Some(dev), Some(inode), Some(rest)) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            continue;
        };
        let path = rest.trim_ascii_start();
        let hexadecimal =
            |b: &[u8]| u64::from_str_radix(std::str::from_utf8(b).unwrap_or_default(), 16).ok();
        let Some((major, minor)) = super::output::split(dev, b":") else { continue };
        let (Some(major), Some(minor)) = (hexadecimal(major), hexadecimal(minor)) else { continue };
        let inode = super::output::number(inode).unwrap_or(0);
        if path.first() == Some(&b'/') {
            let range = String::from_utf8_lossy(range).into_owned();
            found.push((range, path.to_vec(), major << 32 | minor, inode));
        }
    }
    found
}

/// Arguments with their ends, from what `ps` printed (ends lost) and what `strings` printed of
/// them (short ones lost): those that `strings` has are kept whole, the rest parted at blanks.
pub(super) fn arguments(ps: Option<&[u8]>, strings: &[u8]) -> Vec<u8> {
    let long: Vec<&[u8]> = super::output::lines(strings).filter(|l| !l.is_empty()).collect();
    let mut out = Vec::new();
    let mut push = |argument: &[u8]| {
        out.extend_from_slice(argument);
        out.push(0);
    };
    let Some(ps) = ps else {
        long.iter().for_each(|argument| push(argument));
        return out;
    };
    let mut rest = ps;
    for argument in long {
        let Some(at) = super::output::find(rest, argument) else { continue };
        let before = rest.get(..at).unwrap_or_default();
        before.split(|b| *b == b' ').filter(|w| !w.is_empty()).for_each(&mut push);
        push(argument);
        rest = rest.get(at.saturating_add(argument.len())..).unwrap_or_default();
    }
    rest.split(|b| *b == b' ').filter(|w| !w.is_empty()).for_each(&mut push);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_that_were_lost_come_back() {
        let ps = b"/usr/bin/x -o pool:1 -u two words -p x";
        let strings = b"/usr/bin/x\npool:1\ntwo words\n";
        let expect = b"/usr/bin/x\0-o\0pool:1\0-u\0two words\0-p\0x\0";
        assert_eq!(arguments(Some(ps), strings), expect);
        assert_eq!(arguments(None, strings), b"/usr/bin/x\0pool:1\0two words\0");
    }
}

//! Writes a host as UAC 3 would have archived it, from what the host's own files say: raw files of
//! /proc by `cat`, links by `ls -l`, arguments and environment by `strings`, with the losses that
//! these have. For tests and benches; nothing of it is davy's.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use davy::evidence::{Dir, Evidence, FileKind, HostPath, Stat};
use std::fmt::Write as _;
use std::io::Write as _;

/// Folders of which UAC's full profile takes the files.
const TAKEN: &[&str] = &[
    "/etc",
    "/var/spool",
    "/tmp",
    "/var/tmp",
    "/dev/shm",
    "/run/systemd",
    "/usr/lib/systemd",
    "/lib/systemd",
    "/root",
    "/home",
    "/var/lib/dpkg/status",
    "/usr/lib/udev",
    "/lib/udev",
];

struct Tar(tar::Builder<Vec<u8>>);

impl Tar {
    fn file(&mut self, name: &str, bytes: &[u8]) {
        self.with(name, bytes, 0o644, 1_795_328_655);
    }

    fn with(&mut self, name: &str, bytes: &[u8], mode: u32, mtime: u64) {
        // An empty output is deleted.
        if bytes.is_empty() && !name.starts_with("[root]") {
            return;
        }
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(mode);
        header.set_mtime(mtime);
        self.0.append_data(&mut header, name, bytes).unwrap();
    }

    fn link(&mut self, name: &str, target: &[u8]) {
        use std::os::unix::ffi::OsStrExt;
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        let target = std::path::Path::new(std::ffi::OsStr::from_bytes(target));
        self.0.append_link(&mut header, name, target).unwrap();
    }
}

fn read(dir: &dyn Dir, name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = dir.read(&HostPath::from(name), 64 << 20, &mut bytes);
    bytes
}

/// Runs of at least four printable bytes, a line each.
fn strings(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for run in bytes.split(|b| !matches!(b, b' '..=b'~' | b'\t')).filter(|run| run.len() >= 4) {
        out.extend_from_slice(run);
        out.push(b'\n');
    }
    out
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn letters(mode: u32, kind: FileKind) -> String {
    let first = match kind {
        FileKind::Directory => 'd',
        FileKind::Link => 'l',
        FileKind::Fifo => 'p',
        FileKind::Socket => 's',
        FileKind::CharDevice => 'c',
        FileKind::BlockDevice => 'b',
        _ => '-',
    };
    let mut text = String::from(first);
    for (at, special) in [(6, 0o4000), (3, 0o2000), (0, 0o1000)] {
        let bits = mode >> at & 7;
        text.push(if bits & 4 != 0 { 'r' } else { '-' });
        text.push(if bits & 2 != 0 { 'w' } else { '-' });
        let set = mode & special != 0;
        let letter = if special == 0o1000 { 't' } else { 's' };
        text.push(match (bits & 1 != 0, set) {
            (true, true) => letter,
            (false, true) => letter.to_ascii_uppercase(),
            (true, false) => 'x',
            (false, false) => '-',
        });
    }
    text
}

struct Writer<'a> {
    host: &'a dyn Evidence,
    root: Box<dyn Dir + 'a>,
    tar: Tar,
    bodyfile: Vec<u8>,
}

impl Writer<'_> {
    fn walk(&mut self, path: &HostPath, depth: u32) {
        let Ok(names) = self.root.list(path) else { return };
        for name in names {
            let below = path.join(&name);
            let bytes = below.as_bytes();
            if [&b"/proc"[..], b"/sys", b"/.roots"].contains(&bytes) || depth > 30 {
                continue;
            }
            let Ok(stat) = self.root.stat_link(&below) else { continue };
            self.body(&below, &stat);
            if stat.kind == FileKind::Directory {
                self.walk(&below, depth + 1);
            }
        }
    }

    fn body(&mut self, path: &HostPath, stat: &Stat) {
        let seconds = |time: Option<davy::facts::Time>| time.map_or(0, |t| t.0 / 1_000_000_000);
        let shown = path.to_string();
        let mut name = path.as_bytes().to_vec();
        let taken = TAKEN.iter().any(|t| shown == *t || shown.starts_with(&format!("{t}/")));
        if stat.kind == FileKind::Link
            && let Ok(target) = self.root.link(path)
        {
            name.extend_from_slice(b" -> ");
            name.extend_from_slice(target.as_bytes());
            if taken {
                self.tar.link(&format!("[root]{shown}"), target.as_bytes());
            }
        }
        self.bodyfile.extend_from_slice(b"0|");
        self.bodyfile.extend_from_slice(&name);
        let rest = format!(
            "|{}|{}|{}|{}|{}|{}|{}|{}|{}\n",
            stat.inode,
            letters(stat.mode, stat.kind),
            stat.uid,
            stat.gid,
            stat.size,
            seconds(stat.atime),
            seconds(stat.mtime),
            seconds(stat.ctime),
            seconds(stat.btime)
        );
        self.bodyfile.extend_from_slice(rest.as_bytes());
        if taken && stat.kind == FileKind::File {
            let bytes = read(self.root.as_ref(), &shown);
            let mtime = u64::try_from(seconds(stat.mtime)).unwrap_or(0);
            self.tar.with(&format!("[root]{shown}"), &bytes, stat.mode & 0o7777, mtime);
        }
    }
}

/// The archive, not packed. `memory` adds the strings of memory of processes whose program was
/// deleted, as some profiles do.
pub fn uac(host: &dyn Evidence, memory: bool) -> Vec<u8> {
    let root = host.dir(&HostPath::from("/")).unwrap();
    let clock = host.clock();
    let mut w =
        Writer { host, root, tar: Tar(tar::Builder::new(Vec::new())), bodyfile: Vec::new() };
    let name = String::from_utf8_lossy(&read(w.root.as_ref(), "/proc/sys/kernel/hostname"))
        .trim()
        .to_owned();
    let kernel = String::from_utf8_lossy(&read(w.root.as_ref(), "/proc/sys/kernel/osrelease"))
        .trim()
        .to_owned();
    let taken = clock.realtime.to_string();
    let stamp = format!("{} {}", &taken[..10], &taken[11..19]);
    let log = [
        "Unix-like Artifacts Collector 3.3.0",
        "Operating system: linux",
        "System architecture: x86_64",
        &format!("Hostname: {name}"),
        "Time zone: Etc/UTC",
        "Mount point: /",
        "Running as: root",
        "Current PID: 4000000",
    ]
    .map(|line| format!("{stamp} +0000 INF {line}\n"))
    .concat();
    w.tar.file("uac.log", log.as_bytes());
    w.walk(&HostPath::from("/"), 0);
    let bodyfile = std::mem::take(&mut w.bodyfile);
    w.tar.file("bodyfile/bodyfile.txt", &bodyfile);
    let system = "live_response/system";
    w.tar.file(
        &format!("{system}/uname_-a.txt"),
        format!("Linux {name} {kernel} #1 SMP x x86_64 GNU/Linux\n").as_bytes(),
    );
    if let Some(booted) = clock.booted() {
        let text = booted.to_string();
        w.tar.file(
            &format!("{system}/uptime_-s.txt"),
            format!("{} {}\n", &text[..10], &text[11..19]).as_bytes(),
        );
    }
    processes(&mut w, memory);
    for table in ["tcp", "tcp6", "udp", "udp6"] {
        let bytes = read(w.root.as_ref(), &format!("/proc/1/net/{table}"));
        w.tar.file(&format!("live_response/network/proc_net_{table}.txt"), &bytes);
    }
    w.tar.0.into_inner().unwrap()
}

fn processes(w: &mut Writer<'_>, memory: bool) {
    let mut pids: Vec<u32> = w
        .root
        .list(&HostPath::from("/proc"))
        .unwrap()
        .iter()
        .filter_map(|name| std::str::from_utf8(name.as_bytes()).ok()?.parse().ok())
        .collect();
    pids.sort_unstable();
    let folder = "live_response/process";
    let mut aux = Vec::from(&b"USER PID %CPU %MEM VSZ RSS TTY STAT START TIME COMMAND\n"[..]);
    let mut full = Vec::from(&b"UID PID PPID C STIME TTY TIME CMD\n"[..]);
    let mut cgroups = Vec::from(&b"PID USER CGROUP\n"[..]);
    let (mut exes, mut cwds, mut listing) = (Vec::new(), Vec::new(), Vec::new());
    let mut packet = String::new();
    let packets =
        String::from_utf8_lossy(&read(w.root.as_ref(), "/proc/1/net/packet")).into_owned();
    let raws = String::from_utf8_lossy(&read(w.root.as_ref(), "/proc/1/net/raw")).into_owned();
    for pid in pids {
        let dir = w.host.dir(&HostPath::new(format!("/proc/{pid}"))).unwrap();
        let dir = dir.as_ref();
        let stat = read(dir, "stat");
        let comm = read(dir, "comm");
        let cmdline = read(dir, "cmdline");
        let name = String::from_utf8_lossy(&comm).trim().to_owned();
        let mut args: Vec<u8> = cmdline.iter().map(|b| if *b == 0 { b' ' } else { *b }).collect();
        if args.is_empty() {
            args = format!("[{name}]").into_bytes();
        }
        let tail = String::from_utf8_lossy(&stat).rsplit(')').next().unwrap_or_default().to_owned();
        let fields: Vec<&str> = tail.split_whitespace().collect();
        let (state, ppid) = (fields.first().unwrap_or(&"S"), fields.get(1).unwrap_or(&"0"));
        aux.extend_from_slice(
            format!("root {pid} 0.0 0.0 1000 500 ? {state} 05:23 0:00 ").as_bytes(),
        );
        aux.extend_from_slice(args.trim_ascii_end());
        aux.push(b'\n');
        full.extend_from_slice(format!("root {pid} {ppid} 0 05:23 ? 00:00:00 ").as_bytes());
        full.extend_from_slice(args.trim_ascii_end());
        full.push(b'\n');
        let cgroup = read(dir, "cgroup");
        if !cgroup.is_empty() {
            cgroups.extend_from_slice(format!("{pid} root ").as_bytes());
            cgroups.extend_from_slice(
                &cgroup
                    .trim_ascii()
                    .iter()
                    .map(|b| if *b == b'\n' { b',' } else { *b })
                    .collect::<Vec<_>>(),
            );
            cgroups.push(b'\n');
        }
        let base = format!("{folder}/proc/{pid}");
        for file in ["stat", "status", "maps", "comm"] {
            let bytes = read(dir, file);
            w.tar.file(&format!("{base}/{file}.txt"), &bytes);
        }
        w.tar.file(&format!("{base}/cmdline.txt"), &strings(&cmdline));
        w.tar.file(&format!("{base}/environ.txt"), &strings(&read(dir, "environ")));
        let mounts: String = String::from_utf8_lossy(&read(dir, "mountinfo"))
            .lines()
            .filter_map(|line| {
                let (left, right) = line.split_once(" - ")?;
                let left: Vec<&str> = left.split(' ').collect();
                let right: Vec<&str> = right.split(' ').collect();
                Some(format!(
                    "{} {} {} {} 0 0\n",
                    right.get(1)?,
                    left.get(4)?,
                    right.first()?,
                    left.get(5)?
                ))
            })
            .collect();
        w.tar.file(&format!("{base}/mounts.txt"), mounts.as_bytes());
        if pid == 1 {
            w.tar.file(&format!("{base}/net/unix.txt"), &read(dir, "net/unix"));
        }
        let line = |out: &mut Vec<u8>, name: &str, target: &[u8]| {
            out.extend_from_slice(
                format!("lrwxrwxrwx 1 root root 0 Nov 22 05:23 {name} -> ").as_bytes(),
            );
            out.extend_from_slice(target);
            out.push(b'\n');
        };
        listing.extend_from_slice(format!("/proc/{pid}:\ntotal 0\n").as_bytes());
        let exe = dir.link(&HostPath::from("exe")).ok();
        if let Some(exe) = &exe {
            line(&mut exes, &format!("/proc/{pid}/exe"), exe.as_bytes());
            let mut bytes = Vec::new();
            if let Ok(mut file) = dir.open(&HostPath::from("exe")) {
                let _ = file.read_to_end(&mut bytes);
            }
            w.tar.file(&format!("{base}/strings.txt.gz"), &gz(&strings(&bytes)));
            if exe.as_bytes().ends_with(b" (deleted)") {
                w.tar.file(&format!("{base}/recovered_exe"), &bytes);
                if memory {
                    dump(w, pid, dir, &base);
                }
            }
        }
        for (link, out) in [("cwd", &mut cwds), ("root", &mut Vec::new())] {
            if let Ok(target) = dir.link(&HostPath::from(link)) {
                line(out, &format!("/proc/{pid}/{link}"), target.as_bytes());
                line(&mut listing, link, target.as_bytes());
            }
        }
        listing.push(b'\n');
        let mut fds = Vec::from(&b"total 0\n"[..]);
        for fd in dir.list(&HostPath::from("fd")).unwrap_or_default() {
            let path = HostPath::from("fd").join(&fd);
            let Ok(target) = dir.link(&path) else { continue };
            let info = String::from_utf8_lossy(&read(dir, &format!("fdinfo/{fd}"))).into_owned();
            let flags = info
                .lines()
                .find_map(|l| l.strip_prefix("flags:"))
                .unwrap_or("02")
                .trim()
                .to_owned();
            let mode = match u32::from_str_radix(&flags, 8).unwrap_or(2) & 3 {
                0 => "lr-x------",
                1 => "l-wx------",
                _ => "lrwx------",
            };
            fds.extend_from_slice(
                format!("{mode} 1 root root 64 Nov 22 05:23 {fd} -> ").as_bytes(),
            );
            fds.extend_from_slice(target.as_bytes());
            fds.push(b'\n');
            let text = target.as_bytes();
            let gone = exe.as_ref().is_some_and(|e| e.as_bytes().ends_with(b" (deleted)"));
            if text.starts_with(b"/memfd:") || gone && text.ends_with(b" (deleted)") {
                let bytes = read(dir, &format!("fd/{fd}"));
                w.tar.file(&format!("{base}/fd/{fd}/recovered_file"), &bytes);
            }
            if let Some(inode) = target
                .to_string()
                .strip_prefix("socket:[")
                .and_then(|t| t.strip_suffix(']').map(str::to_owned))
            {
                if packets.lines().any(|l| l.split_whitespace().last() == Some(&inode)) {
                    let _ = writeln!(
                        packet,
                        "p_raw UNCONN 0 0 *:* * users:((\"{name}\",pid={pid},fd={fd}))"
                    );
                }
                if raws.lines().any(|l| l.split_whitespace().nth(9) == Some(&inode)) {
                    let _ = writeln!(
                        packet,
                        "raw UNCONN 0 0 0.0.0.0:1 0.0.0.0:* users:((\"{name}\",pid={pid},fd={fd}))"
                    );
                }
            }
        }
        w.tar.file(&format!("{base}/fd.txt"), &fds);
    }
    w.tar.file(&format!("{folder}/ps_auxwww.txt"), &aux);
    w.tar.file(&format!("{folder}/ps_-ef.txt"), &full);
    w.tar.file(&format!("{folder}/ps_-axo_pid_user_cgroup.txt"), &cgroups);
    w.tar.file(&format!("{folder}/running_processes_full_paths.txt"), &exes);
    w.tar.file(&format!("{folder}/ls_-l_proc_pid_cwd.txt"), &cwds);
    w.tar.file(&format!("{folder}/ls_-l_proc.txt"), &listing);
    w.tar.file(
        "live_response/network/ss_-anp.txt",
        format!("Netid State Recv-Q Send-Q Local Address:Port Peer Address:Port Process\n{packet}")
            .as_bytes(),
    );
}

fn dump(w: &mut Writer<'_>, pid: u32, dir: &dyn Dir, base: &str) {
    let Ok(memory) = w.host.memory(pid) else { return };
    let mut out = Vec::new();
    for line in String::from_utf8_lossy(&read(dir, "maps")).lines() {
        let Some((start, rest)) = line.split_once('-') else { continue };
        let end = rest.split(' ').next().unwrap_or_default();
        let number = |text: &str| u64::from_str_radix(text, 16).unwrap_or(0);
        for (from, to) in memory.present(number(start), number(end)).unwrap_or_default() {
            let mut bytes = vec![0; usize::try_from(to - from).unwrap().min(1 << 22)];
            let got = memory.read(from, &mut bytes).unwrap_or(0);
            out.extend(strings(&bytes[..got]));
        }
    }
    w.tar.file(&format!("{base}/memory_strings.txt.gz"), &gz(&out));
}

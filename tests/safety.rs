//! Holds davy to docs/SAFETY.md, by its own system calls.
//!
//! davy runs under strace in the lab, on a host where an intruder plays and on one where things
//! hang or wake when they are touched. Every call must be on the list of those it may make, and
//! opens and writes are looked at one by one. Where there is no strace or no lab, each test says
//! SKIPPED and why.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod laboratory;

use laboratory::{Run, lab};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::Path;

/// Calls that read, wait or concern davy itself alone. Whatever is not named here fails the test:
/// connect, socket, kill, ptrace, mount, unlink, setns, process_vm_writev, io_uring_setup …
#[rustfmt::skip]
const ALLOWED: &[&str] = &[
    // Reading.
    "access", "close", "faccessat", "faccessat2", "fadvise64", "fcntl", "fstat", "fstatfs",
    "getcwd", "getdents64", "lseek", "newfstatat", "open", "openat", "openat2", "pread64",
    "preadv", "read", "readlink", "readlinkat", "readv", "stat", "statfs", "statx",
    "lgetxattr", "getxattr", "fgetxattr", "llistxattr", "listxattr", "flistxattr",
    // Writing; `writes_only` looks at each.
    "write", "writev", "pwrite64", "ftruncate", "fsync", "fdatasync", "fallocate", "fchmod",
    "fchown", "copy_file_range", "mkdir", "mkdirat", "rename", "renameat", "renameat2",
    "unlink", "unlinkat",
    // Its own memory.
    "brk", "madvise", "mmap", "mprotect", "mremap", "munmap", "membarrier",
    // Its own threads, signal handling and waiting.
    "arch_prctl", "clone", "clone3", "exit", "exit_group", "futex", "get_robust_list", "gettid",
    "poll", "ppoll", "restart_syscall", "rseq", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn",
    "sched_getaffinity", "sched_yield", "set_robust_list", "set_tid_address", "sigaltstack",
    "nanosleep", "clock_nanosleep", "eventfd2",
    // Facts about itself and the kernel.
    "clock_getres", "clock_gettime", "getegid", "geteuid", "getgid", "getpid", "getppid",
    "getrandom", "getrlimit", "getrusage", "gettimeofday", "getuid", "ioctl", "prctl",
    "prlimit64", "sched_getparam", "sysinfo", "time", "times", "uname",
    // The one that started it.
    "execve",
];

/// Its own auxiliary vector, by the number, as older straces do not know the name.
const PR_GET_AUXV: &str = "0x41555856";

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
    // Not -yy: to name devices it asks the file system of every descriptor, and would itself
    // wait for the dead one.
    let script =
        format!("exec strace -f -y -s 64 -o /mnt/trace davy triage -q {arguments} >/mnt/said");
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
        [("exercise", "--memory all"), ("hazards", "-o /mnt/case"), ("miner", "-o /mnt/case")]
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
            writes_only(&call, arguments.contains(CASE));
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
                    [
                        "PR_SET_NAME",
                        "PR_GET_NAME",
                        "PR_SET_VMA",
                        "PR_CAPBSET_READ",
                        "PR_GET_",
                        PR_GET_AUXV
                    ]
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

/// Nothing changes but below the output folder, and without one nothing at all.
fn writes_only(call: &Call, to_a_case: bool) {
    let in_case = to_a_case && call.rest.contains(CASE);
    let allowed = match call.name.as_str() {
        "open" | "openat" | "openat2" => {
            let changes = ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_TMPFILE"];
            in_case || !changes.iter().any(|flag| call.rest.contains(flag))
        }
        "write" | "writev" => {
            // Or to its own threads, which a thread pool wakes so.
            let own = ["1<", "2<"].iter().any(|fd| call.rest.starts_with(fd))
                || call.rest.contains("anon_inode:[eventfd]");
            own || in_case
        }
        "pwrite64" | "ftruncate" | "fallocate" | "fchmod" | "fchown" | "copy_file_range"
        | "rename" | "renameat" | "renameat2" | "unlink" | "unlinkat" => in_case,
        // Making a folder that exists already changes nothing.
        "mkdir" | "mkdirat" => in_case || to_a_case && call.rest.contains("EEXIST"),
        _ => true,
    };
    assert!(allowed, "to a case: {to_a_case}: {}({}", call.name, call.rest);
}

#[test]
fn nothing_is_written_but_the_output() {
    for arguments in ["", "-o /mnt/case"] {
        let Some((_run, trace)) = traced("exercise", arguments) else { return };
        for call in calls(&trace) {
            writes_only(&call, !arguments.is_empty());
        }
    }
}

#[test]
fn no_fifo_device_or_socket_is_opened() {
    let Some((_run, trace)) = traced("hazards", "") else { return };
    for call in calls(&trace).iter().filter(|c| c.name.starts_with("open")) {
        // By path alone is no open: it wakes nobody.
        if call.rest.contains("O_PATH") || call.rest.contains("= -1") {
            continue;
        }
        let device = ["</dev/", "socket:[", "pipe:["].iter().any(|kind| call.rest.contains(kind))
            && !["</dev/shm/", "O_DIRECTORY"].iter().any(|harmless| call.rest.contains(harmless));
        let fifo =
            ["/run/held.fifo", "/etc/cron.d/job"].iter().any(|path| call.rest.contains(path));
        let dead = call.rest.contains("/opt/export");
        // Harmless ones: what holds the place of a closed standard stream, and SQLite's dice.
        let own = ["/dev/null", "/dev/urandom"].iter().any(|path| call.rest.contains(path));
        assert!((!device || own) && !fifo && !dead, "{}({}", call.name, call.rest);
    }
}

#[test]
fn files_are_opened_without_touching_their_times() {
    let Some((_run, trace)) = traced("miner", "-o /mnt/case") else { return };
    for call in calls(&trace).iter().filter(|c| c.name.starts_with("open")) {
        let quiet =
            ["O_NOATIME", "O_PATH", "= -1", CASE].iter().any(|word| call.rest.contains(word));
        // Kernel file systems keep no access times; the process's own program is not evidence.
        let kernel = ["</proc", "</sys", "</dev/urandom", "/usr/local/bin/davy"];
        let kernel = kernel.iter().any(|place| call.rest.contains(place));
        assert!(quiet || kernel, "{}({}", call.name, call.rest);
    }
}

#[test]
fn access_times_stay_as_they_were() {
    // Files on a tmpfs, which keeps access times without delay; `find` reads none of them.
    let times =
        "find /opt /etc /tmp /dev/shm /usr/sbin /var/tmp /run -xdev -type f -printf '%p %A@\\n'";
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
        let (was, is) = (before.lines().collect::<BTreeSet<_>>(), after.lines().collect());
        let touched: Vec<_> = was.symmetric_difference(&is).collect();
        assert!(touched.is_empty(), "{scenario}: {touched:#?}");
    }
}

#[test]
fn without_a_case_no_file_is_made() {
    // The folders in which this machine's own work does not show through the overlay. The trace
    // above covers the others.
    let list = "{ find / /root -maxdepth 1 -printf '%p %s\\n'; \
                find /dev /etc /opt /run /srv /tmp /usr /var -printf '%p %s %T@\\n'; }";
    let script = format!(
        "{list} >/mnt/before; davy triage -q >/mnt/said; code=$?; {list} >/mnt/after; exit $code"
    );
    let Some(run) = lab("exercise", &[], &["sh", "-c", &script]) else { return };
    run.done();
    let read = |name| fs::read(run.out.path().join(name)).unwrap();
    let (before, after) = (read("before"), read("after"));
    let (before, after) = (String::from_utf8_lossy(&before), String::from_utf8_lossy(&after));
    assert!(before.lines().count() > 1000, "a whole host: {before}");
    let (was, is) = (before.lines().collect::<BTreeSet<_>>(), after.lines().collect());
    let changed: Vec<_> = was.symmetric_difference(&is).collect();
    assert!(changed.is_empty(), "{changed:#?}");
}

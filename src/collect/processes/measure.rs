//! What the walk costs against a bare one that only makes the system calls. Run by hand, in a
//! release build: `cargo test --release --lib measure -- --ignored --nocapture`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::walk;
use crate::collect::{Host, environment, mappings, open_files};
use crate::evidence::{Evidence, Live, Pid};
use crate::facts::Facts;
use rustix::fs::{CWD, Mode, OFlags, RawDir, openat, readlinkat};
use rustix::time::{ClockId, clock_gettime};
use std::collections::BTreeSet;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PROCESSES: usize = 1000;
const EACH: usize = 12;
const ROUNDS: usize = 7;

struct Children(Vec<Child>);

impl Drop for Children {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// As many descriptors as a server's processes have.
fn sleeping() -> Child {
    let opens = (3..EACH + 3).map(|fd| format!("exec {fd}</dev/null\n")).collect::<String>();
    let mut command = Command::new("bash");
    command.args(["-c", &format!("{opens}exec sleep 600")]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap()
}

/// The calls of a walk over stat, status, cmdline, exe, cwd, descriptors and maps.
fn bare() -> u64 {
    let open = |at: &rustix::fd::OwnedFd, name: &str, flags| {
        openat(at, name, flags | OFlags::CLOEXEC, Mode::empty())
    };
    let names = |fd: rustix::fd::OwnedFd, buffer: &mut Vec<u8>| {
        let mut names = Vec::new();
        let mut entries = RawDir::new(fd, buffer.spare_capacity_mut());
        while let Some(Ok(entry)) = entries.next() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
        names
    };
    let (mut seen, mut buffer, mut list) =
        (0, vec![0_u8; 64 * 1024], Vec::with_capacity(32 * 1024));
    let proc = openat(CWD, "/proc", OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).unwrap();
    for pid in names(proc.try_clone().unwrap(), &mut list) {
        if pid.parse::<u32>().is_err() {
            continue;
        }
        let Ok(process) = open(&proc, &pid, OFlags::PATH | OFlags::DIRECTORY) else { continue };
        for name in ["stat", "status", "cmdline", "maps"] {
            let Ok(file) = open(&process, name, OFlags::RDONLY) else { continue };
            while let Ok(got @ 1..) = rustix::io::read(&file, &mut buffer) {
                seen += got as u64;
            }
        }
        for name in ["exe", "cwd"] {
            let link = readlinkat(&process, name, Vec::new());
            seen += link.map_or(0, |l| l.as_bytes().len() as u64);
        }
        let Ok(fds) = open(&process, "fd", OFlags::RDONLY | OFlags::DIRECTORY) else { continue };
        for fd in names(fds, &mut list).iter().filter(|n| !n.starts_with('.')) {
            let link = readlinkat(&process, format!("fd/{fd}"), Vec::new());
            seen += link.map_or(0, |l| l.as_bytes().len() as u64);
        }
    }
    seen
}

fn live_pids() -> Vec<Pid> {
    let names = std::fs::read_dir("/proc").unwrap();
    names.filter_map(|name| name.unwrap().file_name().to_str()?.parse().ok()).collect()
}

fn ours(store: bool) -> (i64, i64, i64, i64) {
    let live = Live::new();
    let facts = Facts::in_memory(&crate::collect::tables().collect::<Vec<_>>()).unwrap();
    let host = Host::new(&live, live.clock()).unwrap();
    let readers: [walk::Reader; 4] =
        [super::collect, environment::collect, open_files::collect, mappings::collect];
    if !store {
        let (to, from) = std::sync::mpsc::sync_channel(16);
        std::thread::scope(|scope| {
            let clock = live.clock();
            let pids: Vec<Pid> = live_pids();
            scope.spawn(move || {
                walk::read_all(
                    &Live::new(),
                    clock,
                    &BTreeSet::default(),
                    [pids.as_slice()].into_iter(),
                    &readers,
                    &to,
                )
            });
            for batch in from {
                drop(batch);
            }
        });
        return (0, 0, 0, 0);
    }
    facts.together(|facts| walk::walk(&host, facts, &readers)).unwrap();
    let count = |table: &str| {
        facts.rows(&format!("SELECT count(*) FROM {table}"), [], |r| r.get(0)).unwrap()[0]
    };
    (count("processes"), count("environment"), count("open_files"), count("mappings"))
}

/// What a round took: by the wall, and of processors by all threads.
struct Took(Duration, Duration);

impl std::fmt::Display for Took {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.3?} elapsed, {:.3?} of processors", self.0, self.1)
    }
}

fn processors() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap())
}

/// The least of several rounds, each number by itself.
fn best<R>(mut what: impl FnMut() -> R) -> (Took, R) {
    let mut least = Took(Duration::MAX, Duration::MAX);
    let mut last = None;
    for _ in 0..ROUNDS {
        let (begun, used) = (Instant::now(), processors());
        last = Some(what());
        least = Took(least.0.min(begun.elapsed()), least.1.min(processors() - used));
    }
    (least, last.unwrap())
}

#[test]
#[ignore = "a measurement, for an idle machine"]
fn the_walk_against_a_bare_one() {
    let children = Children((0..PROCESSES).map(|_| sleeping()).collect());
    std::thread::sleep(Duration::from_secs(2));
    let (bare_time, bytes) = best(bare);
    let (read_time, _) = best(|| ours(false));
    let (time, (processes, variables, files, mappings)) = best(|| ours(true));
    println!(
        "{processes} processes, {files} open files, {mappings} mappings, {variables} variables\n\
         bare walk       {bare_time} ({bytes} bytes)\n\
         read and parsed {read_time}\n\
         and stored      {time}: {:.2} times the bare walk, {:.2} times its processor time",
        time.0.as_secs_f64() / bare_time.0.as_secs_f64(),
        time.1.as_secs_f64() / bare_time.1.as_secs_f64()
    );
    drop(children);
}

//! What a triage costs, beside what it replaces: `cargo bench --bench triage`.
//!
//! Two thousand idle processes with fourteen descriptors each, then, in turns, a bare walk of the
//! same files of /proc, davy, `lsof -nP` and `ps -ef`. Trust the ratios; the seconds are this
//! machine's. `DAVY_BENCH_PROCESSES` sets another number.
//!
//! Where it may (as root), all of that happens in a process namespace of its own, so that what
//! else runs on the machine is not part of the work.
#![allow(unsafe_code)] // unshare and wait4; see `apart` and `measured`.

use rustix::fs::{Mode, OFlags};
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};
use rustix::thread::{UnshareFlags, unshare_unsafe};
use std::fs;
use std::hint::black_box;
use std::io::{self, Read, Write};
use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const DAVY: &str = env!("CARGO_BIN_EXE_davy");
const CHILD: &str = "DAVY_BENCH_CHILD";
const APART: &str = "DAVY_BENCH_APART";
const PROCESSES: &str = "DAVY_BENCH_PROCESSES";
const ROUNDS: usize = 5;
/// The files of a process that davy reads, and the links it follows.
const FILES: [&str; 7] = ["stat", "status", "cmdline", "environ", "cgroup", "loginuid", "maps"];
const LINKS: [&str; 7] = ["exe", "cwd", "root", "ns/mnt", "ns/pid", "ns/net", "ns/user"];

fn main() -> io::Result<()> {
    if std::env::var_os(CHILD).is_some() {
        return idle();
    }
    if std::env::var_os(APART).is_none() {
        match apart() {
            Ok(()) => return Ok(()),
            Err(why) => println!("among all processes of this machine, as: {why}"),
        }
    } else {
        own_proc()?;
    }
    let count = std::env::var(PROCESSES).ok().and_then(|n| n.parse().ok()).unwrap_or(2000);
    let crowd = Crowd::gather(count)?;
    let walked = walk()?;
    println!("{} processes, {} descriptors", walked.processes, walked.descriptors);

    let quick = ["triage", "--memory", "none", "-q"];
    let runs: [(&str, &dyn Fn() -> io::Result<Cost>); 5] = [
        ("bare walk", &|| own(|| walk().map(black_box).map(drop))),
        ("davy triage --memory none", &|| measured(DAVY, &quick)),
        ("davy triage", &|| measured(DAVY, &["triage", "-q"])),
        ("lsof -nP", &|| measured("lsof", &["-nP"])),
        ("ps -ef", &|| measured("ps", &["-ef"])),
    ];
    // In turns, so that a disturbance hits all alike; the least of each is the least disturbed.
    let mut least = [Cost::MOST; 5];
    for _ in 0..ROUNDS {
        for ((name, run), least) in runs.iter().zip(&mut least) {
            match run() {
                Ok(cost) => *least = least.least(cost),
                Err(error) => eprintln!("{name}: {error}"),
            }
        }
    }
    drop(crowd);

    let base = least.first().map_or(1.0, |cost| cost.cpu.as_secs_f64());
    println!("{:28}{:>9}{:>9}{:>11}{:>10}", "", "CPU s", "wall s", "CPU × bare", "peak MB");
    for ((name, _), cost) in runs.iter().zip(least) {
        if cost.cpu == Duration::MAX {
            println!("{name:28}{:>9}", "not run");
            continue;
        }
        let (cpu, wall) = (cost.cpu.as_secs_f64(), cost.wall.as_secs_f64());
        let peak = cost.peak_kb as f64 / 1024.0;
        println!("{name:28}{cpu:9.3}{wall:9.3}{:11.2}{peak:10.1}", cpu / base);
    }
    println!("the binary: {:.1} MB", fs::metadata(DAVY)?.len() as f64 / 1e6);
    Ok(())
}

/// Runs all of it anew as pid 1 of a process namespace.
fn apart() -> io::Result<()> {
    let flags = UnshareFlags::NEWPID | UnshareFlags::NEWNS;
    // SAFETY: unsound only with FILES, which takes descriptors from under other threads.
    unsafe { unshare_unsafe(flags) }?;
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
    let status = Command::new(std::env::current_exe()?).env(APART, "1").status()?;
    if status.success() { Ok(()) } else { Err(io::Error::other(status.to_string())) }
}

/// A /proc that shows the namespace, and empty temporary folders: davy looks for programs there,
/// and a developer's machine has more of them than a server.
fn own_proc() -> io::Result<()> {
    mount("proc", "/proc", "proc", MountFlags::empty(), None)?;
    for folder in ["/tmp", "/var/tmp", "/dev/shm"] {
        if !DAVY.starts_with(folder) {
            mount("tmpfs", folder, "tmpfs", MountFlags::empty(), None)?;
        }
    }
    Ok(())
}

/// What a run took.
#[derive(Clone, Copy)]
struct Cost {
    cpu: Duration,
    wall: Duration,
    peak_kb: u64,
}

impl Cost {
    const MOST: Self = Self { cpu: Duration::MAX, wall: Duration::MAX, peak_kb: u64::MAX };

    fn least(self, other: Self) -> Self {
        Self {
            cpu: self.cpu.min(other.cpu),
            wall: self.wall.min(other.wall),
            // The most of all runs, but for the one that stands for none.
            peak_kb: if self.peak_kb == u64::MAX {
                other.peak_kb
            } else {
                self.peak_kb.max(other.peak_kb)
            },
        }
    }
}

/// Idle processes, which end with this value: most run a program that a package owns, as on an
/// ordinary server, and every fortieth is of this machine's own making and has sockets.
struct Crowd {
    children: Vec<Child>,
}

impl Crowd {
    fn gather(count: usize) -> io::Result<Self> {
        // Not closed on exec: what `sleep` has open beside its standard streams.
        let held: Vec<OwnedFd> =
            ["/etc/passwd", "/etc/group", "/etc/hosts", "/etc/hostname", "/dev/null", "/dev/zero"]
                .iter()
                .cycle()
                .take(11)
                .map(|path| rustix::fs::open(*path, OFlags::RDONLY, Mode::empty()))
                .collect::<Result<_, _>>()?;
        let own = std::env::current_exe()?;
        let mut crowd = Self { children: Vec::with_capacity(count) };
        for number in 0..count {
            let mut command = if number % 40 == 0 {
                let mut command = Command::new(&own);
                command.env(CHILD, "1").stdout(Stdio::piped());
                command
            } else {
                let mut command = Command::new("sleep");
                // Should this process be killed, they end by themselves.
                command.arg("600").stdout(Stdio::null());
                command
            };
            crowd.children.push(command.stdin(Stdio::null()).stderr(Stdio::null()).spawn()?);
        }
        drop(held);
        for child in &mut crowd.children {
            // Each of ours says a byte when it is in place.
            if let Some(mut said) = child.stdout.take() {
                said.read_exact(&mut [0])?;
            }
        }
        Ok(crowd)
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        for child in &mut self.children {
            // One that ended by itself needs no end.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Opens what a daemon has open, says so, and sleeps.
fn idle() -> io::Result<()> {
    let sockets = (
        UnixStream::pair()?,
        std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?,
        std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?,
    );
    black_box(&sockets);
    let mut out = io::stdout();
    out.write_all(b".")?;
    out.flush()?;
    std::thread::sleep(Duration::from_secs(600));
    Ok(())
}

struct Walked {
    processes: usize,
    descriptors: usize,
}

/// The least that anybody must do who wants to know the same: read the same files of /proc
/// once, in one thread, and keep nothing.
fn walk() -> io::Result<Walked> {
    let mut buffer = vec![0; 64 << 10];
    let mut walked = Walked { processes: 0, descriptors: 0 };
    let folder = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let proc_folder = rustix::fs::open("/proc", folder, Mode::empty())?;
    for pid in numbers(&proc_folder)? {
        let Ok(process) = rustix::fs::openat(&proc_folder, &*pid, folder, Mode::empty()) else {
            continue;
        };
        walked.processes += 1;
        for name in FILES {
            let flags = OFlags::RDONLY | OFlags::CLOEXEC;
            if let Ok(file) = rustix::fs::openat(&process, name, flags, Mode::empty()) {
                while rustix::io::read(&file, buffer.as_mut_slice()).is_ok_and(|got| got > 0) {}
            }
        }
        let mut target = Vec::with_capacity(256);
        for name in LINKS {
            target = link(&process, name, target);
        }
        let Ok(fds) = rustix::fs::openat(&process, "fd", folder, Mode::empty()) else { continue };
        for fd in numbers(&fds)? {
            walked.descriptors += 1;
            target = link(&fds, &fd, target);
        }
    }
    Ok(walked)
}

fn link(folder: &OwnedFd, name: &str, target: Vec<u8>) -> Vec<u8> {
    match rustix::fs::readlinkat(folder, name, target) {
        Ok(text) => black_box(text.into_bytes()),
        Err(_) => Vec::with_capacity(256),
    }
}

fn numbers(folder: &OwnedFd) -> io::Result<Vec<String>> {
    let mut buffer = Vec::with_capacity(32 << 10);
    let mut entries = rustix::fs::RawDir::new(folder, buffer.spare_capacity_mut());
    let mut names = Vec::new();
    while let Some(entry) = entries.next() {
        if let Ok(name) = entry?.file_name().to_str()
            && name.bytes().all(|b| b.is_ascii_digit())
        {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

/// Measures something that this process does itself.
fn own(work: impl FnOnce() -> io::Result<()>) -> io::Result<Cost> {
    let clock = || {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or(0))
    };
    let (cpu, wall) = (clock(), Instant::now());
    work()?;
    Ok(Cost { cpu: clock() - cpu, wall: wall.elapsed(), peak_kb: 0 })
}

/// Measures a program: its own time and memory, not those of others that this process started.
fn measured(program: &str, arguments: &[&str]) -> io::Result<Cost> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let started = Instant::now();
    let child = command.spawn()?;
    let pid = i32::try_from(child.id()).map_err(io::Error::other)?;
    let (mut status, mut usage) = (0, std::mem::MaybeUninit::<libc::rusage>::zeroed());
    // SAFETY: both pointers are to live values of the types that the call fills; the child is
    // ours and nobody else waits for it.
    let usage = unsafe {
        if libc::wait4(pid, &raw mut status, 0, usage.as_mut_ptr()) != pid {
            return Err(io::Error::last_os_error());
        }
        usage.assume_init()
    };
    let wall = started.elapsed();
    let time = |t: libc::timeval| {
        let micros = u32::try_from(t.tv_usec).unwrap_or(0);
        Duration::new(t.tv_sec.unsigned_abs(), micros.saturating_mul(1000))
    };
    Ok(Cost {
        cpu: time(usage.ru_utime) + time(usage.ru_stime),
        wall,
        peak_kb: usage.ru_maxrss.unsigned_abs(),
    })
}

//! A batch as a real Slurm array, on loopback: its parts make, merged, what one run makes.
//!
//! munged, slurmctld and slurmd are started in a folder of the test's own, and ended with it. Skips,
//! saying so, where Slurm or munge is not installed, or where the test is not run by root.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod batching;

use batching::{archives, batch, fleet, merge};
use rustix::process::{Pid, Signal, WaitOptions, kill_process};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Tasks of the array; its indexes begin with 1, as people write them.
const TASKS: usize = 3;
/// How long any one thing may take on a slow machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A program, wherever Debian puts it.
fn program(name: &str) -> Option<PathBuf> {
    ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"]
        .iter()
        .map(|folder| Path::new(folder).join(name))
        .find(|path| path.exists())
}

/// Waits until something is so, or says what did not come about.
fn until(what: &str, folder: &Path, mut so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !so() {
        if begun.elapsed() > PATIENCE {
            let mut logs = String::new();
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                if entry.path().extension().is_some_and(|e| e == "log") {
                    let text = fs::read(entry.path()).unwrap_or_default();
                    let tail = &text[text.len().saturating_sub(3000)..];
                    let _ =
                        writeln!(logs, "{:?}:\n{}", entry.path(), String::from_utf8_lossy(tail));
                }
            }
            panic!("{what}: not within {} s\n{logs}", PATIENCE.as_secs());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// A cluster of one node. What it starts and then leaves becomes a child of the test.
struct Cluster {
    folder: PathBuf,
    daemons: Vec<Child>,
}

impl Cluster {
    fn start(folder: &Path) -> Self {
        let mut cluster = Self { folder: folder.to_owned(), daemons: Vec::new() };
        let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
        for below in ["state", "spool"] {
            fs::DirBuilder::new().mode(0o700).create(folder.join(below)).unwrap();
        }
        cluster.munge();
        fs::write(folder.join("slurm.conf"), cluster.configuration()).unwrap();
        let version = Command::new(program("slurmd").unwrap()).arg("-V").output().unwrap();
        let version = String::from_utf8_lossy(&version.stdout).into_owned();
        let year: u32 =
            version.split([' ', '.']).find_map(|word| word.parse().ok()).unwrap_or_default();
        if year >= 23 {
            // Earlier ones do not know the word, and ask for no control group unless told to.
            fs::write(folder.join("cgroup.conf"), "CgroupPlugin=disabled\n").unwrap();
        }
        for daemon in ["slurmctld", "slurmd"] {
            let mut command = cluster.command(daemon);
            let log = File::create(folder.join(format!("{daemon}.out.log"))).unwrap();
            command.arg("-D").arg("-f").arg(folder.join("slurm.conf"));
            command.stdout(log.try_clone().unwrap()).stderr(log);
            cluster.daemons.push(command.spawn().unwrap());
        }
        until("a node that is idle", folder, || {
            let asked = cluster.command("sinfo").args(["-h", "-o", "%T"]).output().unwrap();
            String::from_utf8_lossy(&asked.stdout).trim() == "idle"
        });
        cluster
    }

    fn munge(&mut self) {
        let folder = &self.folder;
        let mut key = fs::OpenOptions::new();
        let mut key =
            key.write(true).create_new(true).mode(0o600).open(folder.join("key")).unwrap();
        let mut random = std::io::Read::take(File::open("/dev/urandom").unwrap(), 1024);
        std::io::copy(&mut random, &mut key).unwrap();
        let mut command = Command::new(program("munged").unwrap());
        // Forced, since it is run by root and below a folder for everyone.
        command.args(["--foreground", "--force", "--num-threads=2"]);
        for (option, name) in [
            ("--key-file", "key"),
            ("--socket", "munge.socket"),
            ("--pid-file", "munge.pid"),
            ("--log-file", "munge.log"),
            ("--seed-file", "munge.seed"),
        ] {
            command.arg(format!("{option}={}", folder.join(name).display()));
        }
        let log = File::create(folder.join("munged.out.log")).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        self.daemons.push(command.spawn().unwrap());
        let socket = folder.join("munge.socket");
        until("munge's socket", folder, || socket.exists());
    }

    /// A configuration that is known to work, on ports that are free and on loopback alone.
    fn configuration(&self) -> String {
        let uname = rustix::system::uname();
        let host = uname.nodename().to_string_lossy().into_owned();
        let host = host.split('.').next().unwrap();
        let ports: Vec<TcpListener> =
            (0..2).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let port = |at: usize| ports[at].local_addr().unwrap().port();
        let cpus = std::thread::available_parallelism().map_or(1, usize::from);
        let folder = self.folder.display();
        format!(
            "ClusterName=davy\n\
             SlurmctldHost={host}(127.0.0.1)\n\
             AuthType=auth/munge\n\
             AuthInfo=socket={folder}/munge.socket\n\
             CommunicationParameters=NoCtldInAddrAny,NoInAddrAny\n\
             SlurmctldPort={}\n\
             SlurmdPort={}\n\
             StateSaveLocation={folder}/state\n\
             SlurmdSpoolDir={folder}/spool\n\
             SlurmUser=root\n\
             ProctrackType=proctrack/linuxproc\n\
             TaskPlugin=task/none\n\
             MpiDefault=none\n\
             SelectType=select/cons_tres\n\
             SelectTypeParameters=CR_Core\n\
             ReturnToService=2\n\
             MailProg=/bin/true\n\
             SlurmctldLogFile={folder}/slurmctld.log\n\
             SlurmdLogFile={folder}/slurmd.log\n\
             SlurmctldPidFile={folder}/slurmctld.pid\n\
             SlurmdPidFile={folder}/slurmd.pid\n\
             SchedulerParameters=sched_interval=1\n\
             NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=100 State=UNKNOWN\n\
             PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP\n",
            port(0),
            port(1),
        )
    }

    /// One of Slurm's programs, in this cluster.
    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(program(name).unwrap());
        command.env("SLURM_CONF", self.folder.join("slurm.conf"));
        for name in batching::ENGINES {
            command.env_remove(name);
        }
        command.stdin(Stdio::null());
        command
    }

    /// Processes that the cluster started, by the folder that their arguments or their variables name.
    fn left(&self) -> Vec<Pid> {
        let folder = self.folder.as_os_str().as_encoded_bytes();
        let names = |pid: &str, file: &str| {
            let text = fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
            text.windows(folder.len()).any(|part| part == folder)
        };
        let entries = fs::read_dir("/proc").unwrap().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().into_string().ok());
        pids.filter(|pid| pid.bytes().all(|b| b.is_ascii_digit()))
            .filter(|pid| names(pid, "cmdline") || names(pid, "environ"))
            .filter_map(|pid| Pid::from_raw(pid.parse().ok()?))
            .filter(|pid| *pid != rustix::process::getpid())
            .collect()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Controllers first, so that none of them starts what another has lost; then munge.
        for daemon in self.daemons.iter_mut().rev() {
            if let Some(pid) = i32::try_from(daemon.id()).ok().and_then(Pid::from_raw) {
                let _ = kill_process(pid, Signal::TERM);
            }
            let begun = Instant::now();
            while daemon.try_wait().is_ok_and(|ended| ended.is_none()) {
                if begun.elapsed() > Duration::from_secs(10) {
                    let _ = daemon.kill();
                    let _ = daemon.wait();
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        // What a task that was broken off left.
        for pid in self.left() {
            let _ = kill_process(pid, Signal::KILL);
        }
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(10)
            && rustix::process::wait(WaitOptions::NOHANG).is_ok()
        {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = rustix::process::set_child_subreaper(None);
    }
}

#[test]
fn an_array_makes_what_one_run_makes() {
    let needed = ["munged", "slurmctld", "slurmd", "sbatch", "sinfo"];
    if let Some(missing) = needed.iter().find(|name| program(name).is_none()) {
        eprintln!("skipped: {missing} is not installed (slurm-wlm, munge)");
        return;
    }
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: slurmd has to be started by root");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (sources, whole) = (folder.path().join("in"), folder.path().join("whole"));
    fs::create_dir(&sources).unwrap();
    archives(&sources);
    assert_eq!(batch(&sources, &whole, &["-q"]).status.code(), Some(4));

    let below = folder.path().join("slurm");
    fs::DirBuilder::new().mode(0o700).create(&below).unwrap();
    let cluster = Cluster::start(&below);
    // Nothing tells davy its part but Slurm. All write into one folder, as on a shared disk.
    let parts = folder.path().join("parts");
    let script = below.join("triage.sh");
    let davy = assert_cmd::cargo::cargo_bin!("davy");
    let text = format!(
        "#!/bin/sh\n{} batch {} -o {} -q > {folder}/$SLURM_ARRAY_TASK_ID.out.log 2>&1\n\
         echo $? > {folder}/$SLURM_ARRAY_TASK_ID.new\n\
         mv {folder}/$SLURM_ARRAY_TASK_ID.new {folder}/$SLURM_ARRAY_TASK_ID.ended\n",
        davy.display(),
        sources.display(),
        parts.display(),
        folder = below.display(),
    );
    fs::write(&script, text).unwrap();
    let mut sbatch = cluster.command("sbatch");
    sbatch.args([&format!("--array=1-{TASKS}"), "--output=/dev/null"]).arg("--chdir").arg(&below);
    let submitted = sbatch.arg(&script).output().unwrap();
    assert!(submitted.status.success(), "{}", String::from_utf8_lossy(&submitted.stderr));
    let ended = |task: usize| fs::read_to_string(below.join(format!("{task}.ended")));
    until("the tasks of the array", &below, || (1..=TASKS).all(|task| ended(task).is_ok()));
    let mut told = 0;
    for task in 1..=TASKS {
        let said = fs::read_to_string(below.join(format!("{task}.out.log"))).unwrap();
        // One archive is none, and one is cut.
        let whole = !said.contains("put aside") && !said.contains("in part");
        assert_eq!(ended(task).unwrap().trim(), if whole { "0" } else { "4" }, "{said}");
        assert!(said.contains(&format!("part {}/{TASKS}, as Slurm says", task - 1)), "{said}");
        let done = said.lines().last().and_then(|line| line.split(' ').next()?.parse().ok());
        told += done.unwrap_or(0);
    }
    assert_eq!(told, 6, "each archive is of one task");
    drop(cluster);
    let merged = folder.path().join("merged");
    merge(&[parts], &merged, &[]);
    assert!(fleet(&merged) == fleet(&whole), "an array and one run differ");
}

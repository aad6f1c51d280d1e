//! The walk over children of the test, on the live kernel. Nothing else that runs is looked at:
//! the evidence lists these processes alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::{ProcessDir, Rows, walk};
use crate::collect::{Gaps, Host, environment, mappings, open_files, sockets};
use crate::evidence::{
    Clock, Dir, Evidence, HostPath, Live, Memory, Pid, ReadSeek, SourceKind, Stat, Unavailable,
};
use crate::facts::{Facts, HostText};
use rustix::fs::{CWD, FileType, MemfdFlags, Mode};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The live host with these processes alone.
struct Only(Live, Vec<Pid>);

impl Evidence for Only {
    fn kind(&self) -> SourceKind {
        self.0.kind()
    }
    fn name(&self) -> String {
        self.0.name()
    }
    fn dir(&self, path: &HostPath) -> Result<Box<dyn Dir + '_>, Unavailable> {
        Ok(Box::new(OnlyDir(self.0.dir(path)?, self.1.clone())))
    }
    fn root_of(&self, pid: Pid) -> Result<Box<dyn Dir + '_>, Unavailable> {
        self.0.root_of(pid)
    }
    fn memory(&self, pid: Pid) -> Result<Box<dyn Memory + '_>, Unavailable> {
        self.0.memory(pid)
    }
    fn clock(&self) -> Clock {
        self.0.clock()
    }
}

struct OnlyDir<'a>(Box<dyn Dir + 'a>, Vec<Pid>);

impl Dir for OnlyDir<'_> {
    fn open(&self, name: &HostPath) -> Result<Box<dyn ReadSeek + '_>, Unavailable> {
        self.0.open(name)
    }
    fn read(&self, name: &HostPath, limit: usize, into: &mut Vec<u8>) -> Result<bool, Unavailable> {
        self.0.read(name, limit, into)
    }
    fn list(&self, name: &HostPath) -> Result<Vec<HostPath>, Unavailable> {
        if name.as_bytes() == b"proc" {
            return Ok(self.1.iter().map(|pid| HostPath::new(pid.to_string())).collect());
        }
        self.0.list(name)
    }
    fn link(&self, name: &HostPath) -> Result<HostPath, Unavailable> {
        self.0.link(name)
    }
    fn stat(&self, name: &HostPath) -> Result<Stat, Unavailable> {
        self.0.stat(name)
    }
    fn stat_link(&self, name: &HostPath) -> Result<Stat, Unavailable> {
        self.0.stat_link(name)
    }
}

/// A child that is ended with the test.
struct Running(Child);

impl Running {
    fn pid(&self) -> Pid {
        self.0.id()
    }
    fn end(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// Runs `program`, a copy of sleep or a link to one, for longer than any test.
fn sleeping(program: impl AsRef<OsStr>, change: impl FnOnce(&mut Command)) -> Running {
    let mut command = Command::new(program);
    command.arg0("sleep").arg("600").stdin(Stdio::null()).stdout(Stdio::null());
    change(&mut command);
    Running(command.spawn().unwrap())
}

fn sleep_path() -> PathBuf {
    ["/usr/bin/sleep", "/bin/sleep"].map(PathBuf::from).into_iter().find(|p| p.exists()).unwrap()
}

fn copied(folder: &Path, name: impl AsRef<OsStr>) -> PathBuf {
    let path = folder.join(name.as_ref());
    fs::copy(sleep_path(), &path).unwrap();
    path
}

const READERS: [walk::Reader; 4] =
    [super::collect, environment::collect, open_files::collect, mappings::collect];

fn facts() -> Facts {
    Facts::in_memory(&crate::collect::tables().collect::<Vec<_>>()).unwrap()
}

/// The facts of these processes, with their sockets and the coverage.
fn walked(pids: &[Pid]) -> Facts {
    let facts = facts();
    let evidence = Only(Live::new(), pids.to_vec());
    let host = Host::new(&evidence, evidence.clock()).unwrap();
    facts.together(|facts| walk::walk(&host, facts, &READERS)).unwrap();
    sockets::collect(&host, &facts).unwrap();
    host.gaps.store(&facts).unwrap();
    facts
}

/// The first value of the first row, as text; `NULL` for none.
fn ask(facts: &Facts, question: &str) -> String {
    let rows = facts.rows(question, [], |row| row.get::<_, rusqlite::types::Value>(0)).unwrap();
    use rusqlite::types::Value;
    match rows.into_iter().next() {
        None => "no row".to_owned(),
        Some(Value::Null) => "NULL".to_owned(),
        Some(Value::Integer(number)) => number.to_string(),
        Some(Value::Real(number)) => number.to_string(),
        Some(Value::Text(text)) => text,
        Some(Value::Blob(_)) => "blob".to_owned(),
    }
}

/// The executable's columns: path, deleted, what lies there now, replaced.
fn executable(facts: &Facts) -> [String; 4] {
    ["exe", "exe_deleted", "exe_path_now", "exe_replaced"]
        .map(|column| ask(facts, &format!("SELECT {column} FROM processes")))
}

fn text(path: &Path) -> String {
    HostText::from(path.as_os_str().as_bytes()).escaped()
}

#[test]
fn an_ordinary_process() {
    let folder = tempfile::tempdir().unwrap();
    let child = sleeping(sleep_path(), |c| {
        c.env_clear().env("KEY", "a=b").env("EMPTY", "").current_dir(folder.path());
    });
    let before = Live::new().clock().realtime;
    let facts = walked(&[child.pid()]);
    let ask = |column: &str| ask(&facts, &format!("SELECT {column} FROM processes"));
    assert_eq!(ask("fact"), format!("processes/{}", child.pid()));
    assert_eq!(ask("ppid"), std::process::id().to_string());
    assert_eq!(ask("comm"), "sleep");
    assert_eq!(ask("argv0"), "sleep");
    assert_eq!(ask("cmdline"), "sleep 600");
    assert_eq!(ask("kernel_thread"), "0");
    assert_eq!(ask("cwd"), text(&folder.path().canonicalize().unwrap()));
    assert_eq!(ask("cwd_deleted"), "0");
    assert_eq!(ask("exe_path_now"), "same");
    assert_eq!(ask("exe_memfd"), "0");
    assert_eq!(ask("root_id"), "/");
    assert_eq!(ask("environ_size"), "15");
    assert_eq!(ask("uid"), rustix::process::getuid().as_raw().to_string());
    assert_eq!(ask("tracer"), "0");
    assert!(!["NULL", "0"].contains(&ask("vm_rss").as_str()));
    let started: i64 = ask("started").parse().unwrap();
    let ago = before.0 - started;
    assert!((-20_000_000..60_000_000_000).contains(&ago), "started {ago} ns ago");
    let variables = facts
        .rows("SELECT name || '=' || value FROM environment ORDER BY fact", [], |r| {
            r.get::<_, String>(0)
        })
        .unwrap();
    let mut variables = variables;
    variables.sort();
    assert_eq!(variables, ["EMPTY=", "KEY=a=b"]);
    assert_eq!(super::tests::ask(&facts, "SELECT count(*) > 3 FROM mappings"), "1");
    assert_eq!(
        super::tests::ask(&facts, "SELECT status FROM coverage WHERE what = 'processes'"),
        "complete"
    );
}

#[test]
fn deleted_is_told_by_the_inode() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().canonicalize().unwrap();
    let path = copied(&folder, "gone");
    let child = sleeping(&path, |_| {});
    fs::remove_file(&path).unwrap();
    let facts = walked(&[child.pid()]);
    assert_eq!(executable(&facts), [text(&path), "1".into(), "missing".into(), "1".into()]);
    assert_eq!(ask(&facts, "SELECT exe_link FROM processes"), format!("{} (deleted)", text(&path)));
    // Its own image, mapped, is gone as well.
    let mapped = format!(
        "SELECT min(deleted) FROM mappings WHERE kind = 'file' AND path = '{}'",
        path.display()
    );
    assert_eq!(ask(&facts, &mapped), "1");

    // Upgraded: another file lies there now.
    copied(&folder, "gone");
    let facts = walked(&[child.pid()]);
    assert_eq!(executable(&facts), [text(&path), "1".into(), "other".into(), "1".into()]);
}

#[test]
fn a_name_that_ends_in_the_mark() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().canonicalize().unwrap();
    let path = copied(&folder, "tool (deleted)");
    let child = sleeping(&path, |_| {});
    let facts = walked(&[child.pid()]);
    assert_eq!(executable(&facts), [text(&path), "0".into(), "same".into(), "0".into()]);
    fs::remove_file(&path).unwrap();
    let facts = walked(&[child.pid()]);
    assert_eq!(executable(&facts), [text(&path), "1".into(), "missing".into(), "1".into()]);
}

#[test]
fn a_hard_link_keeps_the_inode() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().canonicalize().unwrap();
    let path = copied(&folder, "run");
    fs::hard_link(&path, folder.join("kept")).unwrap();
    let child = sleeping(&path, |_| {});
    fs::remove_file(&path).unwrap();
    let facts = walked(&[child.pid()]);
    assert_eq!(executable(&facts), [text(&path), "0".into(), "missing".into(), "1".into()]);
}

#[test]
fn names_made_to_mislead() {
    let folder = tempfile::tempdir().unwrap();
    for name in [&b"a) S (b"[..], b"two words", b"line\nend", b"\xff\x1b[31m", b"<b>&"] {
        let path = copied(folder.path(), OsStr::from_bytes(name));
        let child = sleeping(&path, |_| {});
        let facts = walked(&[child.pid()]);
        assert_eq!(ask(&facts, "SELECT comm FROM processes"), HostText::from(name).escaped());
        assert_eq!(ask(&facts, "SELECT exe_path_now FROM processes"), "same");
        assert_eq!(ask(&facts, "SELECT ppid FROM processes"), std::process::id().to_string());
    }
}

/// With what a descriptor of the child leads to as its standard input.
fn holding(file: impl Into<Stdio>) -> Running {
    sleeping(sleep_path(), |c| {
        c.stdin(file.into());
    })
}

fn descriptor(facts: &Facts, column: &str) -> String {
    ask(facts, &format!("SELECT {column} FROM open_files WHERE fd = 0"))
}

#[test]
fn a_deleted_open_file_is_digested() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().canonicalize().unwrap().join("drop.sh");
    fs::write(&path, "#!/bin/sh\n").unwrap();
    let child = holding(File::options().read(true).write(true).open(&path).unwrap());
    let facts = walked(&[child.pid()]);
    assert_eq!(descriptor(&facts, "deleted"), "0");
    assert_eq!(descriptor(&facts, "sha256"), "NULL", "what has a name is not read");
    fs::remove_file(&path).unwrap();
    let facts = walked(&[child.pid()]);
    assert_eq!(descriptor(&facts, "target"), text(&path));
    assert_eq!(descriptor(&facts, "deleted"), "1");
    assert_eq!(descriptor(&facts, "kind"), "file");
    assert_eq!(descriptor(&facts, "mode"), "rw");
    assert_eq!(descriptor(&facts, "size"), "10");
    assert_eq!(descriptor(&facts, "content"), "script");
    assert_eq!(
        descriptor(&facts, "sha256"),
        "a8076d3d28d21e02012b20eaf7dbf75409a6277134439025f282e368e3305abf"
    );
}

#[test]
fn memfds() {
    let memfd = rustix::fs::memfd_create("two words", MemfdFlags::CLOEXEC).unwrap();
    fs::write(format!("/proc/self/fd/{}", memfd.as_raw_fd()), "\x7fELF").unwrap();
    let child = holding(memfd);
    let facts = walked(&[child.pid()]);
    assert_eq!(descriptor(&facts, "kind"), "memfd");
    assert_eq!(descriptor(&facts, "target"), "/memfd:two words");
    assert_eq!(descriptor(&facts, "content"), "elf");

    let program = rustix::fs::memfd_create("x", MemfdFlags::empty()).unwrap();
    let path = format!("/proc/self/fd/{}", program.as_raw_fd());
    fs::write(&path, fs::read(sleep_path()).unwrap()).unwrap();
    // Open for writing, it cannot be run.
    let readable: OwnedFd = File::open(&path).unwrap().into();
    drop(program);
    let child =
        sleeping(format!("/proc/{}/fd/{}", std::process::id(), readable.as_raw_fd()), |_| {});
    let facts = walked(&[child.pid()]);
    assert_eq!(executable(&facts), ["/memfd:x", "1", "NULL", "NULL"].map(str::to_owned));
    assert_eq!(ask(&facts, "SELECT exe_memfd FROM processes"), "1");
    let mapped = "SELECT count(*) > 0 FROM mappings WHERE kind = 'memfd' AND executable";
    assert_eq!(ask(&facts, mapped), "1");
}

#[test]
fn fifos_and_devices_are_looked_at_and_not_opened() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().canonicalize().unwrap().join("fifo");
    rustix::fs::mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let child = holding(File::options().read(true).write(true).open(&path).unwrap());
    fs::remove_file(&path).unwrap();
    let facts = walked(&[child.pid()]);
    assert_eq!(descriptor(&facts, "kind"), "fifo");
    assert_eq!(descriptor(&facts, "deleted"), "1");
    assert_eq!(descriptor(&facts, "content"), "NULL");
    assert_eq!(ask(&facts, "SELECT kind FROM open_files WHERE fd = 1"), "character device");
    assert_eq!(ask(&facts, "SELECT mode FROM open_files WHERE fd = 1"), "NULL");
}

#[test]
fn a_connection_and_who_holds_it() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let here = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (from, to) = (here.local_addr().unwrap(), here.peer_addr().unwrap());
    let child = holding(OwnedFd::from(here));
    let facts = walked(&[child.pid()]);
    let held = format!(
        "SELECT protocol || ' ' || local_address || ':' || local_port || ' ' || remote_address \
         || ':' || remote_port || ' ' || state || ' ' || fd FROM sockets WHERE pid = {}",
        child.pid()
    );
    assert_eq!(ask(&facts, &held), format!("tcp {from} {to} ESTABLISHED 0"));
    let joined = "SELECT count(*) FROM open_files f JOIN sockets s ON s.inode = f.inode \
        WHERE f.kind = 'socket' AND s.pid = f.pid";
    assert_eq!(ask(&facts, joined), "1");
}

#[test]
fn a_deleted_library() {
    let plain = sleeping(sleep_path(), |_| {});
    let library = "SELECT path FROM mappings WHERE path LIKE '%/libc.so.6'";
    let known = until(|| Some(ask(&walked(&[plain.pid()]), library)).filter(|p| p != "no row"));
    let Some(known) = known else { return eprintln!("skipped: sleep is static here") };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().canonicalize().unwrap().join("libc.so.6");
    fs::copy(known, &path).unwrap();
    let child = sleeping(sleep_path(), |c| {
        c.env("LD_LIBRARY_PATH", folder.path());
    });
    let maps = format!("/proc/{}/maps", child.pid());
    let mapped =
        until(|| fs::read_to_string(&maps).unwrap().contains(path.to_str().unwrap()).then_some(()));
    assert!(mapped.is_some(), "the child took another library");
    let question = format!(
        "SELECT min(deleted) || max(deleted) FROM mappings WHERE path = '{}'",
        path.display()
    );
    assert_eq!(ask(&walked(&[child.pid()]), &question), "00");
    fs::remove_file(&path).unwrap();
    let facts = walked(&[child.pid()]);
    if rustix::process::geteuid().is_root() {
        assert_eq!(ask(&facts, &question), "11");
    } else {
        assert_eq!(ask(&facts, &question), "no row", "the mark stays where it cannot be asked");
    }
}

/// What comes of something that a child is about to do.
fn until<T>(mut probe: impl FnMut() -> Option<T>) -> Option<T> {
    let begun = Instant::now();
    loop {
        let found = probe();
        if found.is_some() || begun.elapsed() > Duration::from_secs(10) {
            return found;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn processes_that_end_during_the_walk() {
    let mut before = sleeping(sleep_path(), |_| {});
    before.end();
    let alive = sleeping(sleep_path(), |_| {});
    let facts = walked(&[before.pid(), alive.pid()]);
    assert_eq!(ask(&facts, "SELECT group_concat(pid) FROM processes"), alive.pid().to_string());
    let covered = "SELECT status || ': ' || detail FROM coverage WHERE what = 'processes'";
    let detail = ask(&facts, covered);
    assert!(detail.starts_with("complete: "), "{detail}");
    assert!(detail.contains("1 read; 1 vanished, as /proc/"), "{detail}");

    // One that ends after its handle was opened: nothing is read, least of all of another
    // process that may have its id by now.
    let mut ends = sleeping(sleep_path(), |_| {});
    let live = Live::new();
    let host = Host::new(&live, live.clock()).unwrap();
    let walk = walk::Walk::default();
    let process = ProcessDir::open(&host, &walk, ends.pid()).unwrap().unwrap();
    ends.end();
    let (to, from) = std::sync::mpsc::sync_channel(16);
    let mut rows = Rows::new(&to);
    for reader in READERS {
        reader(&process, &mut rows);
    }
    rows.send();
    assert!(process.gone());
    assert_eq!(from.recv().unwrap().len(), 1, "the process's own row, from what was read before");
    let facts = facts_of(&host.gaps);
    let what = "SELECT group_concat(DISTINCT substr(detail, 1, 18)) FROM coverage WHERE what <> 'processes'";
    assert_eq!(ask(&facts, what), "0 read; 1 vanished");
}

fn facts_of(gaps: &Gaps) -> Facts {
    let facts = facts();
    gaps.store(&facts).unwrap();
    facts
}

#[test]
fn a_hundred_thousand_descriptors() {
    let script = "import os, resource, sys, time\n\
        wanted = 100000\n\
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)\n\
        try:\n    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted + 10, max(hard, wanted + 10)))\n\
        except Exception:\n    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard)); wanted = min(wanted, hard - 10)\n\
        for _ in range(wanted - 3): os.dup(0)\n\
        print(len(os.listdir('/proc/self/fd')) - 1, flush=True)\n\
        time.sleep(600)\n";
    let mut command = Command::new("python3");
    command.args(["-c", script]).stdin(Stdio::null()).stdout(Stdio::piped());
    let Ok(child) = command.spawn() else { return eprintln!("skipped: no python3") };
    let mut child = Running(child);
    let mut line = String::new();
    let out = child.0.stdout.as_mut().unwrap();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(out), &mut line).unwrap();
    let wanted: u64 = line.trim().parse().unwrap();
    if wanted < 99_000 {
        eprintln!("the limit allows {wanted} descriptors here");
    }
    let begun = Instant::now();
    let facts = walked(&[child.pid()]);
    assert_eq!(ask(&facts, "SELECT count(*) FROM open_files"), wanted.to_string());
    assert_eq!(ask(&facts, "SELECT count(DISTINCT fact) FROM open_files"), wanted.to_string());
    // Some seconds where the machine is busy; work that grows with the square takes minutes.
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
}

#[test]
fn a_sandbox_that_shows_the_hosts_files() {
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private"]).arg(sleep_path()).arg("600");
    let Ok(child) = command.stderr(Stdio::null()).spawn() else {
        return eprintln!("skipped: no unshare");
    };
    let mut child = Running(child);
    let comm = format!("/proc/{}/comm", child.pid());
    let ready = until(|| (fs::read_to_string(&comm).ok()? == "sleep\n").then_some(()));
    if ready.is_none() || child.0.try_wait().unwrap().is_some() {
        return eprintln!("skipped: may not make a mount namespace");
    }
    let facts = walked(&[child.pid()]);
    let own = fs::read_link("/proc/self/ns/mnt").unwrap();
    let own = own.to_str().unwrap().trim_matches(|c: char| !c.is_ascii_digit());
    assert_ne!(ask(&facts, "SELECT mnt_ns FROM processes"), own);
    assert_eq!(ask(&facts, "SELECT root_id FROM processes"), "/");
    assert_eq!(ask(&facts, "SELECT exe_path_now FROM processes"), "same");
}

#[test]
fn a_host_on_a_page_has_its_first_process_and_no_reader() {
    let page = "host hostname=web taken=2026-11-22T06:24:17Z\nprocess 4242 comm=crond exe=/usr/sbin/crond\n";
    let host = crate::evidence::TextHost::parse("web", page).unwrap();
    let facts = facts();
    crate::collect::collect(&host, &facts, &|_| {}).unwrap();
    assert_eq!(
        ask(&facts, "SELECT group_concat(pid) FROM processes WHERE pid IN (1, 4242)"),
        "1,4242"
    );
    assert_eq!(ask(&facts, "SELECT reader_uid FROM host"), "NULL");
    assert_eq!(ask(&facts, "SELECT root_id FROM processes WHERE pid = 4242"), "/");
    assert_eq!(ask(&facts, "SELECT exe_path_now FROM processes WHERE pid = 4242"), "same");
    assert_eq!(ask(&facts, "SELECT count(*) > 0 FROM interfaces"), "1");
}

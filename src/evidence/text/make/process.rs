//! `process`: everything in /proc/PID.

use super::super::arguments::Arguments;
use super::super::elf::elf;
use super::super::error::Fault;
use super::super::lines::Directive;
use super::container::{Namespaces, Root};
use super::{Maker, SHMEM};
use crate::evidence::tree::{Attributes, Body, NodeId};
use crate::evidence::{HostPath, Pid};
use crate::facts::Time;
use std::collections::BTreeSet;

/// What is said of a process, defaults filled in.
pub(super) struct Process {
    pub pid: Pid,
    pub ppid: Pid,
    pub comm: Vec<u8>,
    pub kthread: bool,
    pub state: u8,
    pub pgrp: i64,
    pub session: i64,
    pub tty: i64,
    pub uid: u32,
    pub euid: u32,
    pub gid: u32,
    pub egid: u32,
    pub loginuid: u32,
    pub threads: i64,
    pub nice: i64,
    /// User time in ticks.
    pub cpu: u64,
    pub started: Time,
    /// KiB.
    pub rss: u64,
    pub tracer: Pid,
    pub capabilities: String,
    pub cmdline: Vec<u8>,
    pub environ: Vec<u8>,
    pub cgroup: String,
    pub ns_pid: Pid,
    pub namespaces: Namespaces,
    pub exe: Option<Exe>,
}

/// The executable of a process.
pub(super) struct Exe {
    pub node: NodeId,
    /// The text of its link.
    pub text: Vec<u8>,
}

/// The largest process id that Linux gives.
const LARGEST_PID: Pid = 1 << 22;

impl Maker {
    /// All processes; the first two are there without being told.
    pub(super) fn processes(&mut self, directives: &[Directive]) -> Result<(), Fault> {
        let stated: Vec<&Directive> = directives.iter().filter(|d| d.verb == "process").collect();
        let mut pids = BTreeSet::new();
        for directive in &stated {
            let pid = pid_of(&mut Arguments::new(directive))?;
            if !pids.insert(pid) {
                let message = format!("process {pid} was stated before");
                return Err(Fault::new(directive.line, message));
            }
        }
        let usual = super::super::lines::directives(
            "process 1 comm=systemd exe=/usr/lib/systemd/systemd args=\"/sbin/init\"\n\
             process 2 comm=kthreadd kthread\n",
        )?;
        for directive in &usual {
            if !pids.contains(&pid_of(&mut Arguments::new(directive))?) {
                self.process(directive)?;
            }
        }
        stated.into_iter().try_for_each(|directive| self.process(directive))
    }

    fn process(&mut self, directive: &Directive) -> Result<(), Fault> {
        let mut words = Arguments::new(directive);
        let pid = pid_of(&mut words)?;
        let directory = self.proc_directory(&format!("/proc/{pid}"));
        let mut namespaces = Namespaces::FIRST;
        namespaces.stated(&mut words)?;
        let mut root = Root::host();
        for detail in directive.details.iter().filter(|d| d.verb == "root") {
            let mut words = Arguments::new(detail);
            root = self.stated_root(&mut words, &mut namespaces)?;
            words.finish()?;
        }
        let mut process = self.words(pid, &root, namespaces, &mut words)?;
        let exe = words.key("exe").map(HostPath::new);
        let args = words.key("args");
        let cmdline = words.key("cmdline");
        let stated_comm = words.key("comm");
        let cwd = HostPath::new(words.key("cwd").unwrap_or(b"/"));
        words.finish()?;
        process.exe = self.executable(directive, &process, exe.as_ref(), &root)?;
        let exe_path = exe.as_ref().map(HostPath::as_bytes);
        let comm = stated_comm.or(exe.as_ref().map(HostPath::file_name));
        let comm = comm.ok_or_else(|| Fault::new(directive.line, "expected comm= or exe="))?;
        // The kernel keeps 15 bytes of a name.
        process.comm = comm.iter().take(15).copied().collect();
        process.cmdline = match (cmdline, args) {
            (Some(text), _) => [text, b"\0"].concat(),
            (None, Some(args)) => arguments(args),
            (None, None) if process.kthread => Vec::new(),
            (None, None) => [exe_path.unwrap_or(&process.comm), b"\0"].concat(),
        };
        for detail in &directive.details {
            let mut words = Arguments::new(detail);
            match detail.verb.as_str() {
                "argv" => {
                    process.cmdline.clear();
                    while let Some(word) = words.whole() {
                        process.cmdline.extend_from_slice(word);
                        process.cmdline.push(0);
                    }
                }
                "env" => {
                    while let Some(word) = words.whole() {
                        process.environ.extend_from_slice(word);
                        process.environ.push(0);
                    }
                }
                _ => {}
            }
        }
        if process.cgroup.is_empty() {
            process.cgroup = usual_cgroup(&process, &root);
        }
        // A zombie that has an executable is one whose first thread alone has ended.
        let directory = if process.state == b'Z' && process.exe.is_some() {
            self.ended_first_thread(directory, &process);
            self.proc_directory(&format!("/proc/{pid}/task/{}", pid.saturating_add(1)))
        } else {
            directory
        };
        self.proc_files(directory, &process, &root, &cwd);
        self.opened(directive, directory, &process, &root)?;
        self.mapped(directive, directory, &process, &root)?;
        for detail in &directive.details {
            match detail.verb.as_str() {
                "socket" => {
                    let mut words = Arguments::new(detail);
                    self.stated_socket(Some((&process, directory)), &mut words)?;
                    words.finish()?;
                }
                "root" | "exe" | "argv" | "env" | "fd" | "map" | "memory" => {}
                other => {
                    let message = format!(
                        "expected exe, root, argv, env, fd, socket, map or memory; found {other}"
                    );
                    return Err(Fault::new(detail.line, message));
                }
            }
        }
        self.first_thread(directory, pid);
        Ok(())
    }

    /// What is mounted over a process's files is not mounted over its first thread's, which are
    /// the same.
    fn first_thread(&mut self, directory: NodeId, pid: Pid) {
        let below = format!(" /proc/{pid}/");
        if !self.mounts.iter().any(|mount| mount.contains(&below)) {
            return;
        }
        let task = self.proc_directory(&format!("/proc/{pid}/task/{pid}"));
        let names = match self.tree.get(directory).map(|node| &node.body) {
            Some(Body::Names(names)) => names.clone(),
            _ => return,
        };
        for (name, id) in names {
            let known = self.tree.child(task, &name).is_some();
            if !known && !matches!(name.as_slice(), b"task" | b"map_files") {
                self.tree.name(task, &name, id);
            }
        }
    }

    fn words(
        &self,
        pid: Pid,
        root: &Root,
        namespaces: Namespaces,
        words: &mut Arguments<'_>,
    ) -> Result<Process, Fault> {
        let kthread = words.flag("kthread");
        let uid: u32 = words.number("uid")?.unwrap_or(0);
        let gid: u32 = words.number("gid")?.unwrap_or(uid);
        let loginuid: Option<u32> = words.number("loginuid")?;
        let usual_parent = match pid {
            1 | 2 => 0,
            _ if kthread => 2,
            _ => 1,
        };
        let seconds = i64::from(pid).saturating_mul(1_000_000_000);
        let usual_start = self.about.booted.plus(seconds).min(self.about.taken);
        let state = words.text("state")?.unwrap_or("S").bytes().next().unwrap_or(b'S');
        let cpu: f64 = words.number("cpu")?.unwrap_or(0.05);
        let capabilities = if uid == 0 { "000001ffffffffff" } else { "0000000000000000" };
        let ns_pid = if root.container.is_some() { 1 } else { pid };
        Ok(Process {
            pid,
            ppid: words.number("ppid")?.unwrap_or(usual_parent),
            comm: Vec::new(),
            kthread,
            state,
            pgrp: words.number("pgrp")?.unwrap_or(if kthread { 0 } else { i64::from(pid) }),
            session: words.number("session")?.unwrap_or(if kthread { 0 } else { i64::from(pid) }),
            tty: words.number("tty")?.unwrap_or(0),
            uid,
            euid: words.number("euid")?.unwrap_or(uid),
            gid,
            egid: words.number("egid")?.unwrap_or(gid),
            loginuid: loginuid.unwrap_or(u32::MAX),
            threads: words.number("threads")?.unwrap_or(1),
            nice: words.number("nice")?.unwrap_or(0),
            // A float cast saturates, and a text host's CPU time is small.
            cpu: (cpu.max(0.0) * 100.0) as u64,
            started: words.time("started")?.unwrap_or(usual_start),
            rss: words.number("rss")?.unwrap_or(if kthread { 0 } else { 4096 }),
            tracer: words.number("tracer")?.unwrap_or(0),
            capabilities: words.text("capabilities")?.unwrap_or(capabilities).to_owned(),
            cmdline: Vec::new(),
            environ: if kthread { Vec::new() } else { b"PATH=/usr/sbin:/usr/bin\0".to_vec() },
            cgroup: words.text("cgroup")?.unwrap_or_default().to_owned(),
            ns_pid: words.number("nspid")?.unwrap_or(ns_pid),
            namespaces,
            exe: None,
        })
    }

    /// The file that a process runs, from `exe=` and the detail `exe`.
    fn executable(
        &mut self,
        directive: &Directive,
        process: &Process,
        path: Option<&HostPath>,
        root: &Root,
    ) -> Result<Option<Exe>, Fault> {
        // Several `exe` lines are one, so that each thing may stand on its own line.
        let detail = directive.details.iter().filter(|d| d.verb == "exe").cloned().reduce(
            |mut all, next| {
                all.words.extend(next.words);
                all.content = all.content.or(next.content);
                all
            },
        );
        let Some(path) = path else {
            if let Some(detail) = &detail {
                return Err(Fault::new(detail.line, "expected exe= on the process's line"));
            }
            if process.kthread || process.state == b'Z' {
                return Ok(None);
            }
            let message = "expected exe=PATH, or kthread, or state=Z for one that has ended";
            return Err(Fault::new(directive.line, message));
        };
        if process.kthread {
            return Err(Fault::new(directive.line, "a kernel thread has no exe"));
        }
        if !path.is_absolute() {
            return Err(Fault::new(directive.line, "expected exe= an absolute path"));
        }
        let none = Directive { line: directive.line, ..Directive::default() };
        let detail = detail.unwrap_or(none);
        let mut words = Arguments::new(&detail);
        let deleted = words.flag("deleted");
        let stated = Self::stated_bytes(&detail, &mut words)?;
        let usual = self.on_disk(0o755);
        let attributes = self.attributes(&mut words, usual)?;
        words.finish()?;
        let exe = self.leads_to(root.node, path, deleted, &attributes, stated, || elf(&[]));
        Ok(Some(exe))
    }

    /// The file behind a link of /proc, and the link's text: a name in the tree, a file whose
    /// name is gone, or a memfd.
    pub(super) fn leads_to(
        &mut self,
        root: NodeId,
        path: &HostPath,
        deleted: bool,
        attributes: &Attributes,
        stated: Option<Vec<u8>>,
        usual: impl FnOnce() -> Vec<u8>,
    ) -> Exe {
        let memfd = path.as_bytes().starts_with(b"/memfd:");
        if !deleted && !memfd {
            let node = self.file_at(root, path, attributes, stated, usual);
            return Exe { node, text: path.as_bytes().to_vec() };
        }
        let key = (root, path.as_bytes().to_vec());
        let known = self.ghosts.get(&key).copied();
        let node = match (known, stated) {
            (Some(node), None) => node,
            (_, stated) => {
                let bytes = stated.unwrap_or_else(usual);
                let dev = if memfd { SHMEM } else { attributes.dev };
                let attributes = Attributes { dev, ..attributes.clone() };
                // No name is given to it, so that its count of names stays 0.
                self.tree.add(&attributes, Body::Bytes(bytes.into()))
            }
        };
        self.ghosts.insert(key, node);
        let mut text = path.as_bytes().to_vec();
        text.extend_from_slice(b" (deleted)");
        Exe { node, text }
    }

    /// Where a working directory leads; made where it is missing.
    pub(super) fn directory_at(&mut self, root: NodeId, path: &HostPath) -> NodeId {
        let attributes = self.on_disk(0o755);
        self.find(root, path)
            .filter(|id| matches!(self.tree.get(*id).map(|n| &n.body), Some(Body::Names(_))))
            .unwrap_or_else(|| self.tree.directory(root, path.as_bytes(), &attributes))
    }
}

fn pid_of(words: &mut Arguments<'_>) -> Result<Pid, Fault> {
    let word = words.need("a process id")?;
    let pid: Pid = words.parsed("the process id", word, "a number")?;
    if pid == 0 || pid > LARGEST_PID {
        return Err(words.fault(format!("expected a process id of 1 to {LARGEST_PID}")));
    }
    Ok(pid)
}

/// `args="/usr/sbin/crond -n"`: split at blanks, or at NUL where there are any.
fn arguments(text: &[u8]) -> Vec<u8> {
    let nul = text.contains(&0);
    let parts = text.split(|b| if nul { *b == 0 } else { *b == b' ' });
    parts.filter(|p| nul || !p.is_empty()).flat_map(|p| p.iter().copied().chain([0])).collect()
}

fn usual_cgroup(process: &Process, root: &Root) -> String {
    if let Some(id) = &root.container {
        return format!("/system.slice/docker-{id}.scope");
    }
    match (process.pid, process.kthread, process.loginuid) {
        (_, true, _) => "/".to_owned(),
        (1, ..) => "/init.scope".to_owned(),
        (_, _, u32::MAX) => {
            let name: String = String::from_utf8_lossy(&process.comm)
                .chars()
                .map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' })
                .collect();
            format!("/system.slice/{name}.service")
        }
        (_, _, user) => format!("/user.slice/user-{user}.slice/session-1.scope"),
    }
}

//! live_response/process: raw files of /proc where UAC took them, and what `ps`, `ls` and `lsof`
//! printed where not.

use super::memory::swapped;
use super::{Uac, log};
use crate::evidence::{HostPath, Pid, ToldDigests};
use crate::facts::{HostText, Status, Time};
use crate::foreign::output::{lines, ls, lsof, number, ps, split};
use crate::foreign::process::{self, Descriptor, Seen};
use std::collections::{BTreeMap, BTreeSet, HashMap};

pub(super) const FOLDER: &str = "live_response/process";

/// Bytes at which dd stops.
const RECOVERED: usize = 20_000 * 1024;

/// Files of /proc/PID that UAC takes as they are.
const RAW: &[(&str, &str)] = &[
    ("stat.txt", "stat"),
    ("status.txt", "status"),
    ("maps.txt", "maps"),
    ("comm.txt", "comm"),
    ("stack.txt", "stack"),
];

impl Uac<'_> {
    /// All processes but the collector's own.
    pub(super) fn processes(&mut self, booted: Option<Time>) {
        let mut all: BTreeMap<Pid, Seen> = BTreeMap::new();
        self.folders(&mut all);
        self.listed(&mut all);
        self.links(&mut all);
        self.arguments(&mut all);
        self.own(&mut all);
        let hidden = hidden(&all);
        if !hidden.is_empty() {
            // UAC's own list of hidden ids takes 44 for shown where 1440 is.
            let words = format!("under /proc and in no list of ps: {hidden:?}");
            self.cover("processes hidden from ps", Status::Complete, words);
        }
        let users = self.users();
        process::assemble(&mut self.host, booted, users, &all);
        self.digests();
        self.memory(&all);
        if all.values().any(|seen| seen.raw.contains_key("cmdline")) {
            let why = "UAC keeps arguments by `strings`: short ones come from ps, and where one ends is lost with them";
            self.cover("processes.cmdline", Status::Complete, why);
        }
        let why =
            "UAC keeps the environment by `strings`: variables shorter than four bytes are lost";
        self.cover("environment", Status::Partial, why);
        let cut = self.log.cut.clone();
        for pid in cut {
            let why = format!("UAC keeps the first 20 MB of the deleted executable of pid {pid}");
            self.cover("elf", Status::Partial, why);
        }
    }

    fn name(&self, name: &[u8]) -> String {
        HostText::from(name).escaped()
    }

    /// live_response/process/proc/PID/…
    fn folders(&self, all: &mut BTreeMap<Pid, Seen>) {
        let folder = [self.base, FOLDER.as_bytes(), b"/proc/"].concat();
        for (rest, full, member) in self.spool.below(&folder) {
            let Some((pid, file)) = split(rest, b"/") else { continue };
            let (Some(pid), Some(bytes)) = (number::<Pid>(pid), member.bytes()) else { continue };
            let seen = all.entry(pid).or_default();
            let origin = self.name(full);
            let file = String::from_utf8_lossy(file);
            if let Some((_, name)) = RAW.iter().find(|(from, _)| *from == file) {
                seen.raw.insert(name, (bytes.to_vec(), origin));
                continue;
            }
            match file.as_ref() {
                "cmdline.txt" => {
                    seen.raw.insert("cmdline", (bytes.to_vec(), origin));
                }
                "environ.txt" => {
                    let text: Vec<u8> = lines(bytes)
                        .filter(|l| !l.is_empty())
                        .flat_map(|l| [l, b"\0"].concat())
                        .collect();
                    seen.raw.insert("environ", (text, origin));
                }
                "mounts.txt" => seen.mounts = Some(bytes.to_vec()),
                "fd.txt" => seen.descriptors = Some(descriptors(bytes, &origin)),
                "recovered_exe" => {
                    let cut = bytes.len() >= RECOVERED;
                    seen.recovered = Some((bytes.into(), origin, cut));
                }
                // UAC 2.3 and before: each pair of bytes swapped.
                "recovered_exe.dd.swab" => {
                    seen.recovered = Some((swapped(bytes).into(), origin, false));
                }
                other => {
                    let fd = other.strip_prefix("fd/").and_then(|rest| rest.split_once('/'));
                    if let Some((fd, "recovered_file" | "recovered_file.dd")) = fd
                        && let Ok(fd) = fd.parse()
                    {
                        seen.saved.insert(fd, (bytes.into(), origin));
                    }
                }
            }
        }
        // Some profiles keep nothing of a process but the strings of its program: a helper of the
        // collector that was gone before the next question.
        all.retain(|_, seen| {
            !seen.raw.is_empty() || seen.descriptors.is_some() || seen.recovered.is_some()
        });
    }

    /// What `ps` lists.
    fn listed(&self, all: &mut BTreeMap<Pid, Seen>) {
        for name in [
            "ps_auxwww",
            "ps_-efl",
            "ps_-ef",
            "ps_-deaf",
            "ps_auxwwwf",
            "ps_-axo_pid_user_lstart_args",
            "ps_-axo_pid_user_etime_args",
            "ps_-axo_pid_user_cgroup",
            "ps",
        ] {
            let Some((text, member)) = self.member(&format!("{FOLDER}/{name}.txt")) else {
                continue;
            };
            for row in ps::table(text) {
                let origin = format!("{member}:{}", row.line);
                let seen = all.entry(row.pid).or_default();
                if let Some(started) = row.started.as_deref() {
                    seen.started = log::started(started, self.log.offset);
                }
                if let Some(cgroup) = row.cgroup.clone().filter(|c| c != b"-") {
                    // `0::/system.slice/x`, or several with commas.
                    let text: Vec<u8> =
                        cgroup.iter().map(|b| if *b == b',' { b'\n' } else { *b }).collect();
                    seen.cgroup = Some((text, origin.clone()));
                }
                let forest = name == "ps_auxwwwf";
                match &mut seen.ps {
                    Some((known, _)) => merge(known, row, forest),
                    None if name == "ps" || forest => {}
                    None => seen.ps = Some((row, origin)),
                }
            }
        }
    }

    /// Links of /proc that `ls -l` printed, and what lsof tells.
    fn links(&self, all: &mut BTreeMap<Pid, Seen>) {
        for (name, kind) in [("running_processes_full_paths", "exe"), ("ls_-l_proc_pid_cwd", "cwd")]
        {
            let Some((text, member)) = self.member(&format!("{FOLDER}/{name}.txt")) else {
                continue;
            };
            for link in ls::links(text) {
                if let Some((pid, _)) = ls::of_process(&link.name)
                    && let Some(seen) = all.get_mut(&pid)
                {
                    let value = Some((link.target, member.clone()));
                    *(if kind == "exe" { &mut seen.exe } else { &mut seen.cwd }) = value;
                }
            }
        }
        let names = ["ls_-l_proc.txt", "ls_-la_proc.txt"].map(|n| format!("{FOLDER}/{n}"));
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        if let Some((text, member)) = self.first(&names) {
            for (folder, block) in ls::blocks(text) {
                let pid = folder.strip_prefix(b"/proc/").and_then(number::<Pid>);
                let Some(seen) = pid.and_then(|pid| all.get_mut(&pid)) else { continue };
                for link in ls::links(&block) {
                    let value = (link.target, member.clone());
                    match link.name.as_slice() {
                        b"exe" => seen.exe = seen.exe.take().or(Some(value)),
                        b"cwd" => seen.cwd = seen.cwd.take().or(Some(value)),
                        b"root" => seen.root = Some(value),
                        _ => {}
                    }
                }
            }
        }
        if let Some((text, member)) = self.member(&format!("{FOLDER}/lsof_-nPl.txt")) {
            for open in lsof::table(text) {
                let Some(seen) = all.get_mut(&open.pid) else { continue };
                if open.fd == b"txt" && seen.exe.is_none() && open.kind == b"REG" {
                    seen.exe = Some((open.name.clone(), member.clone()));
                }
                seen.lsof.push(open);
            }
            for seen in all.values_mut().filter(|seen| seen.descriptors.is_none()) {
                let found: BTreeMap<u32, Descriptor> = seen
                    .lsof
                    .iter()
                    .filter_map(|open| {
                        let (fd, mode) = open.descriptor()?;
                        Some((
                            fd,
                            Descriptor { target: open.target(), mode, origin: member.clone() },
                        ))
                    })
                    .collect();
                seen.descriptors = (!found.is_empty()).then_some(found);
            }
        }
    }

    /// Arguments as they were, from what `strings` and `ps` each kept of them.
    fn arguments(&self, all: &mut BTreeMap<Pid, Seen>) {
        for seen in all.values_mut() {
            let ps = seen.ps.as_ref().and_then(|(row, _)| row.args.clone());
            let strings = seen.raw.get("cmdline").cloned();
            // A name in brackets and no arguments: nothing was there to be kept.
            let comm = seen.raw.get("comm").map(|(comm, _)| comm.trim_ascii_end().to_vec());
            let bare = match (&ps, &strings) {
                (Some(args), None) => {
                    let inner = args.strip_prefix(b"[").and_then(|a| a.strip_suffix(b"]"));
                    let inner = inner
                        .or(args.strip_suffix(b"] <defunct>").and_then(|a| a.strip_prefix(b"[")));
                    inner.is_some_and(|inner| {
                        comm.as_deref().is_none_or(|c| c == inner || inner.starts_with(c))
                    })
                }
                _ => false,
            };
            let origin = match (&strings, &seen.ps) {
                (Some((_, origin)), _) | (None, Some((_, origin))) => origin.clone(),
                (None, None) => continue,
            };
            let text = if bare {
                Vec::new()
            } else {
                let strings = strings.map(|(text, _)| text).unwrap_or_default();
                process::arguments(ps.as_deref(), &strings)
            };
            seen.raw.insert("cmdline", (text, origin));
        }
    }

    /// Takes the collector's own processes out: it began when the log says so and by its own id.
    fn own(&mut self, all: &mut BTreeMap<Pid, Seen>) {
        let Some(own) = self.log.pid else { return };
        let parents: HashMap<Pid, Pid> = all
            .iter()
            .filter_map(|(pid, seen)| {
                let of_ps = || seen.ps.as_ref().and_then(|(row, _)| row.ppid);
                Some((*pid, seen.raw.get("stat").and_then(|(s, _)| parent(s)).or_else(of_ps)?))
            })
            .collect();
        let mine: BTreeSet<Pid> = all
            .keys()
            .copied()
            .filter(|pid| {
                let mut at = *pid;
                for _ in 0..16 {
                    if at == own {
                        return true;
                    }
                    match parents.get(&at) {
                        Some(parent) => at = *parent,
                        None => return false,
                    }
                }
                false
            })
            .collect();
        // A process that only `ps` saw and of which nothing else was taken was started by the
        // collector to look: the next question found it gone.
        all.retain(|pid, seen| {
            let fleeting = seen.raw.keys().all(|name| *name == "cmdline")
                && seen.exe.is_none()
                && seen.descriptors.is_none()
                && pid > &own
                && seen.ps.as_ref().is_none_or(|(row, _)| row.ppid != Some(2));
            !mine.contains(pid) && !fleeting
        });
        let words = format!("UAC itself (pid {own}) and what it started are left out");
        self.cover("processes", Status::Complete, words);
    }

    /// Uids by name, from the host's own passwd.
    pub(super) fn users(&self) -> HashMap<Vec<u8>, u32> {
        let text = self.host.bytes(&HostPath::from("/etc/passwd"));
        let text = text.as_deref().unwrap_or_default();
        lines(text)
            .filter_map(|line| {
                let mut fields = line.split(|b| *b == b':');
                Some((fields.next()?.to_vec(), fields.nth(1).and_then(number)?))
            })
            .collect()
    }

    /// hash_running_processes.md5: `digest  /proc/44/exe`.
    fn digests(&mut self) {
        for kind in ["md5", "sha1", "sha256"] {
            let Some((text, _)) = self.member(&format!("{FOLDER}/hash_running_processes.{kind}"))
            else {
                continue;
            };
            let found: Vec<(Pid, String)> = lines(text)
                .filter_map(|line| {
                    let (digest, path) = split(line, b"  ")?;
                    let (pid, "exe") = ls::of_process(path)
                        .map(|(p, n)| (p, std::str::from_utf8(n).unwrap_or("")))?
                    else {
                        return None;
                    };
                    let digest = std::str::from_utf8(digest).ok()?;
                    digest.bytes().all(|b| b.is_ascii_hexdigit()).then(|| (pid, digest.to_owned()))
                })
                .collect();
            for (pid, digest) in found {
                let told: &mut ToldDigests = self.host.told.executables.entry(pid).or_default();
                match kind {
                    "md5" => told.md5 = Some(digest),
                    "sha1" => told.sha1 = Some(digest),
                    _ => told.sha256 = Some(digest),
                }
            }
        }
    }
}

fn descriptors(text: &[u8], origin: &str) -> BTreeMap<u32, Descriptor> {
    ls::links(text)
        .into_iter()
        .filter_map(|link| {
            let fd = number(&link.name)?;
            let origin = origin.to_owned();
            Some((fd, Descriptor { target: link.target, mode: link.mode, origin }))
        })
        .collect()
}

/// What another format of `ps` tells that the first did not.
fn merge(known: &mut ps::Row, more: ps::Row, forest: bool) {
    known.ppid = known.ppid.or(more.ppid);
    known.nice = known.nice.or(more.nice);
    known.cpu = known.cpu.or(more.cpu);
    known.size = known.size.or(more.size);
    known.resident = known.resident.or(more.resident);
    known.state = known.state.or(more.state);
    // The forest draws its branches before the arguments.
    if !forest && known.args.is_none() {
        known.args = more.args;
    }
}

/// The fourth field of a stat line.
fn parent(stat: &[u8]) -> Option<Pid> {
    let end = stat.iter().rposition(|b| *b == b')')?;
    let mut fields = stat.get(end + 1..)?.split(|b| *b == b' ').filter(|w| !w.is_empty());
    number(fields.nth(1)?)
}

/// Processes whose folder UAC found under /proc and that no `ps` listed.
fn hidden(all: &BTreeMap<Pid, Seen>) -> Vec<Pid> {
    if !all.values().any(|seen| seen.ps.is_some()) {
        return Vec::new();
    }
    let unlisted =
        all.iter().filter(|(_, seen)| seen.ps.is_none() && seen.raw.contains_key("stat"));
    unlisted.map(|(pid, _)| *pid).collect()
}

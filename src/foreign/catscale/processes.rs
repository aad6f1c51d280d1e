//! Process_and_Network.

use super::CatScale;
use super::host::headed;
use crate::evidence::{HostPath, Pid};
use crate::facts::Status;
use crate::foreign::output::{lines, ls, number, ps, split, ss};
use crate::foreign::process::{self, Descriptor, Seen};
use std::collections::{BTreeMap, BTreeSet, HashMap};

const FOLDER: &str = "Process_and_Network";

/// The text of a process's maps, and how often each file was mapped so far.
type Made = (Vec<u8>, HashMap<Vec<u8>, u32>);

impl CatScale<'_> {
    pub(super) fn processes(&mut self) {
        let mut all: BTreeMap<Pid, Seen> = BTreeMap::new();
        self.details(&mut all);
        self.listed(&mut all);
        self.links(&mut all);
        self.texts(&mut all);
        self.own(&mut all);
        self.maps(&mut all);
        let users = self.users();
        process::assemble(&mut self.host, None, users, &all);
        self.digests();
        self.sockets();
    }

    /// All /proc/PID/status in a row; each begins with its name.
    fn details(&self, all: &mut BTreeMap<Pid, Seen>) {
        let Some((text, member)) = self.member(FOLDER, "-process-details.txt") else { return };
        let mut from = 0;
        let mut starts: Vec<usize> =
            memchr::memmem::find_iter(text, b"\nName:\t").map(|at| at + 1).collect();
        starts.push(text.len());
        for end in starts {
            let block = text.get(from..end).unwrap_or_default();
            from = end;
            // A name may hold an escaped line end, never a plain one.
            let pid = lines(block).find_map(|l| l.strip_prefix(b"Pid:")).and_then(number::<Pid>);
            if let Some(pid) = pid {
                all.entry(pid).or_default().raw.insert("status", (block.to_vec(), member.clone()));
            }
        }
    }

    fn listed(&self, all: &mut BTreeMap<Pid, Seen>) {
        let names = [
            "-processes-axwwSo.txt",
            "-processes-auxSww.txt",
            "-processes-auxww.txt",
            "-processes-eF.txt",
            "-processes-ef.txt",
            "-processes-e.txt",
        ];
        let found = names.iter().find_map(|end| self.member(FOLDER, end));
        let Some((text, member)) = found else { return };
        for mut row in ps::table(text) {
            let seen = all.entry(row.pid).or_default();
            let name = seen.raw.get("status").and_then(|(status, _)| {
                lines(status)
                    .find_map(|l| l.strip_prefix(b"Name:"))
                    .map(|n| n.trim_ascii().to_vec())
            });
            row.comm = name;
            // Dead children's time counts into it (ps S): it is not the process's own.
            row.cpu = None;
            let origin = format!("{member}:{}", row.line);
            seen.ps = Some((row, origin));
        }
    }

    fn links(&self, all: &mut BTreeMap<Pid, Seen>) {
        if let Some((text, member)) = self.member(FOLDER, "-process-exe-links.txt") {
            for link in ls::links(text) {
                if let Some((pid, _)) = ls::of_process(&link.name) {
                    all.entry(pid).or_default().exe = Some((link.target, member.clone()));
                }
            }
        }
        if let Some((text, member)) = self.member(FOLDER, "-process-fd-links.txt") {
            for link in ls::links(text) {
                let Some((pid, rest)) = ls::of_process(&link.name) else { continue };
                let Some(fd) = rest.strip_prefix(b"fd/").and_then(number::<u32>) else { continue };
                let seen = all.entry(pid).or_default();
                let descriptor =
                    Descriptor { target: link.target, mode: link.mode, origin: member.clone() };
                seen.descriptors.get_or_insert_default().insert(fd, descriptor);
            }
        }
    }

    /// Arguments and environment, as `head` printed them.
    fn texts(&self, all: &mut BTreeMap<Pid, Seen>) {
        for (end, file) in
            [("-process-cmdline.txt", "cmdline"), ("-process-environment.txt", "environ")]
        {
            let Some((text, member)) = self.member(FOLDER, end) else { continue };
            for (name, body) in headed(text) {
                let Some((pid, _)) = ls::of_process(name) else { continue };
                let Some(seen) = all.get_mut(&pid) else { continue };
                let file = if file == "cmdline" { "cmdline" } else { "environ" };
                seen.raw.insert(file, (body.to_vec(), member.clone()));
            }
        }
        for seen in all.values_mut().filter(|seen| !seen.raw.contains_key("cmdline")) {
            if let Some((row, origin)) = &seen.ps {
                let args = row.args.clone().unwrap_or_default();
                let text = if args.starts_with(b"[") {
                    Vec::new()
                } else {
                    process::arguments(Some(&args), b"")
                };
                seen.raw.insert("cmdline", (text, origin.clone()));
            }
        }
    }

    /// Takes the collector's own processes out: `ps` lists itself, and its parent is the script.
    fn own(&mut self, all: &mut BTreeMap<Pid, Seen>) {
        let parent = |seen: &Seen| seen.ps.as_ref().and_then(|(row, _)| row.ppid);
        let script = all.values().find_map(|seen| {
            let (row, _) = seen.ps.as_ref()?;
            let args = row.args.as_deref()?;
            (args.starts_with(b"ps ax") || args.starts_with(b"ps -a") || args.starts_with(b"ps -e"))
                .then_some(row.ppid)?
        });
        let Some(script) = script.filter(|pid| *pid > 1) else { return };
        let parents: HashMap<Pid, Pid> =
            all.iter().filter_map(|(pid, seen)| Some((*pid, parent(seen)?))).collect();
        let mine: BTreeSet<Pid> = all
            .keys()
            .copied()
            .filter(|pid| {
                let mut at = *pid;
                (0..16).any(|_| {
                    let found = at == script;
                    at = parents.get(&at).copied().unwrap_or(0);
                    found
                })
            })
            .collect();
        // What no listing of `ps` has was started later by the script, to look.
        all.retain(|pid, seen| !mine.contains(pid) && (seen.ps.is_some() || *pid < script));
        let words = format!("CatScale itself (pid {script}) and what it started are left out");
        self.cover("processes", Status::Complete, words);
    }

    /// The kernel's maps, as far as the links of map_files tell of them.
    fn maps(&self, all: &mut BTreeMap<Pid, Seen>) {
        let Some((text, member)) = self.member(FOLDER, "-process-map_files-links.txt") else {
            return;
        };
        let mut made: BTreeMap<Pid, Made> = BTreeMap::new();
        for link in ls::links(text) {
            let Some((pid, rest)) = ls::of_process(&link.name) else { continue };
            let Some(range) = rest.strip_prefix(b"map_files/") else { continue };
            let (maps, times) = made.entry(pid).or_default();
            let time = times.entry(link.target.clone()).or_default();
            *time += 1;
            let file = HostPath::new(link.target.as_slice());
            let inode = self
                .host
                .find(&file, true)
                .and_then(|handle| self.host.stat_of(handle))
                .map_or(1, |stat| stat.inode & 0xffff_ffff_ffff);
            let write = if link.mode & 0o200 != 0 { 'w' } else { '-' };
            let run = if *time == 2 && write == '-' { 'x' } else { '-' };
            maps.extend_from_slice(range);
            maps.extend_from_slice(format!(" r{write}{run}p 00000000 00:00 {inode} ").as_bytes());
            maps.extend_from_slice(&link.target);
            maps.push(b'\n');
        }
        for (pid, (text, _)) in made {
            if let Some(seen) = all.get_mut(&pid) {
                seen.raw.insert("maps", (text, member.clone()));
            }
        }
    }

    fn users(&self) -> HashMap<Vec<u8>, u32> {
        let text = self.of_etc("passwd");
        lines(&text)
            .filter_map(|line| {
                let mut fields = line.split(|b| *b == b':');
                Some((fields.next()?.to_vec(), fields.nth(1).and_then(number)?))
            })
            .collect()
    }

    fn digests(&mut self) {
        let Some((text, _)) = self.member(FOLDER, "-processhashes.txt") else { return };
        let found: Vec<(Pid, String)> = lines(text)
            .filter_map(|line| {
                let (digest, path) = split(line, b"  ")?;
                let (pid, rest) = ls::of_process(path)?;
                let digest = std::str::from_utf8(digest).ok()?;
                (rest == b"exe" && digest.bytes().all(|b| b.is_ascii_hexdigit()))
                    .then(|| (pid, digest.to_owned()))
            })
            .collect();
        for (pid, digest) in found {
            self.host.told.executables.entry(pid).or_default().sha1 = Some(digest);
        }
    }

    /// `ss -anepo` as the kernel's tables.
    fn sockets(&mut self) {
        self.host.directory(&HostPath::from("/proc/net"), None, false);
        let Some((text, member)) = self.member(FOLDER, "-ss-anepo.txt") else {
            self.cover("sockets", Status::NotCaptured, "no listing of ss in the archive");
            return;
        };
        let tables = ss::tables(&ss::sockets(text), &|_, _| None);
        for (table, text) in tables {
            self.host.proc(&format!("/proc/net/{table}"), text.into_bytes(), &member);
        }
    }
}

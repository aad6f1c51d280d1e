//! Core dumps and images of memory as sources of a triage: the process that was dumped, its
//! mappings, and what its memory holds.

use super::carve::input;
use super::source::{Named, Opened, Reader};
use crate::carve::{self, Carved, Carver, Layout, Place, is_image};
use crate::collect::variables;
use crate::evidence::{HostPath, Pid, unpack};
use crate::facts::{self, Facts, HostText, Pieces, Source, Status};
use std::io::{Cursor, Read};
use std::path::PathBuf;

/// What a process is called whose name is not in its dump.
const UNNAMED: &str = "unnamed dump";

/// A dump that the user named.
struct Dump {
    path: PathBuf,
    core: bool,
}

/// Opens what is a core dump or an image, packed or not.
pub(super) fn open(named: &Named) -> Option<Result<Opened, String>> {
    let mut first = Vec::new();
    let (reader, _) = unpack(Box::new(Cursor::new(named.head.clone())));
    // Of a packed file the head is cut somewhere: what comes out before that is enough.
    let _ = reader.take(64).read_to_end(&mut first);
    let core = Layout::is_core(&first);
    if !core && is_image(&first).is_none() {
        return None;
    }
    if named.path.as_os_str() == "-" {
        return Some(Err(
            "-: a dump must be named as a file, since it is read more than once".into()
        ));
    }
    let path = named.path.clone();
    Some(Ok(Opened::Reader(Box::new(Dump { path, core }))))
}

impl Reader for Dump {
    fn source(&self) -> Source {
        Source { kind: if self.core { "core" } else { "memory" }, name: self.name() }
    }

    fn read(
        &self,
        facts: &Facts,
        carver: &Carver,
        progress: &dyn Fn(&str),
    ) -> Result<(), facts::Error> {
        progress("reading a dump");
        let name = self.name();
        let what = format!("dump {name}");
        let done = match input::one(&self.path, carver) {
            Ok(done) => done,
            Err(error) => return facts.cover(what, Status::Denied, format!("{name}: {error}")),
        };
        let layout = done.layout.unwrap_or_default();
        let whose = if layout.core { self.process(facts, &layout)? } else { Whose::default() };
        let regions = self.mappings(facts, &layout, &whose)?;
        // Pages of the program's own file are the program, wherever they were dumped from.
        let program = |one: &Carved| {
            let at = layout.address(one.offset).and_then(|(address, _)| regions.at(address));
            let path = at.and_then(|region| region.path.as_ref());
            path.is_some() && path == layout.exe.as_ref()
        };
        let (executable, memory): (Vec<Carved>, Vec<Carved>) =
            done.carved.into_iter().partition(program);
        let address = |one: Carved| {
            // Memory is spoken of by address, a file's bytes by their offset in the dump.
            let offset = layout.address(one.offset).map_or(one.offset, |(address, _)| address);
            Carved { offset, ..one }
        };
        let memory: Vec<Carved> = memory.into_iter().map(address).collect();
        let executable: Vec<Carved> = executable.into_iter().map(address).collect();
        for (place, carved, matches) in
            [("executable", executable, Vec::new()), ("memory", memory, done.judged.matches)]
        {
            let place = Place {
                place,
                pid: whose.pid,
                path: whose.exe.clone(),
                origin: whose.fact.clone(),
                source: name.clone(),
            };
            carve::leave(&place, facts, carved, matches, |address| {
                let region = regions.at(address)?;
                Some((region.shown.clone(), region.fact.clone()))
            })?;
        }
        if let Some(problem) = done.problem {
            // Cut short: what is not there could not be read, and the run is partial.
            let pieces = Pieces { missed: 1, failed: 1, ..Pieces::default() };
            return facts.cover_counted(what, Status::Partial, problem, pieces);
        }
        let problem = done.judged.problem;
        let cut = (!done.cut.nothing()).then(|| done.cut.to_string());
        match problem.or(cut) {
            Some(problem) => facts.cover(what, Status::Partial, problem),
            None => facts.cover(what, Status::Complete, ""),
        }
    }
}

/// Whose memory it is.
#[derive(Default)]
struct Whose {
    pid: Option<Pid>,
    exe: Option<HostPath>,
    /// The process's fact.
    fact: String,
}

/// A mapping, in words, and its fact.
struct Region {
    start: u64,
    end: u64,
    path: Option<HostPath>,
    /// `/usr/sbin/crond r-x`.
    shown: String,
    fact: String,
}

/// In the order of their addresses.
struct Regions(Vec<Region>);

impl Regions {
    fn at(&self, address: u64) -> Option<&Region> {
        let after = self.0.partition_point(|region| region.start <= address);
        self.0.get(after.checked_sub(1)?).filter(|region| address < region.end)
    }
}

impl Dump {
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// The row of the process, unless a host beside has it; and what stands for it.
    fn process(&self, facts: &Facts, layout: &Layout) -> Result<Whose, facts::Error> {
        // Without its notes nobody knows whose it is.
        let pid = layout.pid.map_or_else(|| free(facts), Ok)?;
        let exe = layout.exe.as_ref().map(unmarked);
        let known: Vec<String> =
            facts.rows("SELECT fact FROM processes WHERE pid = ?1", [pid], |row| row.get(0))?;
        let same = "SELECT 1 FROM processes WHERE pid = ?1 AND comm = ?2";
        let same = !facts.rows(same, (pid, &layout.comm), |_| Ok(()))?.is_empty();
        if let Some(fact) = known.first().filter(|_| same) {
            return Ok(Whose { pid: Some(pid), exe, fact: fact.clone() });
        }
        // Another process of the same number, as of another host: told apart by its number alone.
        let pid = if known.is_empty() { pid } else { free(facts)? };
        let fact = format!("processes/{pid}");
        let text = |path: &HostPath| path.to_string();
        let arguments = layout.arguments();
        let variables = layout.began.as_ref().map(|began| began.environment.as_slice());
        facts.change(
            "INSERT INTO processes (fact, source, pid, ppid, comm, kernel_thread, threads, uid, gid,
               argv0, cmdline, exe, exe_link, root_id, environ_size, environment_pid)
             VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6, ?7, ?8, ?9, ?10, ?11, ?12, '/', ?13, ?14)",
            rusqlite::params![
                fact,
                self.name(),
                pid,
                layout.ids.map(|ids| ids.ppid),
                if layout.comm.is_empty() { UNNAMED } else { &layout.comm },
                layout.threads,
                layout.ids.map(|ids| ids.uid),
                layout.ids.map(|ids| ids.gid),
                arguments.first(),
                arguments.join(" "),
                exe.as_ref().map(text),
                layout.exe.as_ref().map(text),
                variables.map(|all| i64::try_from(all.len()).unwrap_or(i64::MAX)),
                variables.filter(|all| !all.is_empty()).map(|_| pid),
            ],
        )?;
        self.environment(facts, pid, variables.unwrap_or_default())?;
        let others = "the processes of which a core was named, and no others";
        if facts.rows("SELECT 1 FROM coverage WHERE what = 'processes'", [], |_| Ok(()))?.is_empty()
        {
            facts.cover("processes", Status::Partial, others)?;
            let known = layout.began.is_some().then_some("environment");
            for what in
                ["mappings", "indicators", "yara_matches", "memory"].into_iter().chain(known)
            {
                facts.cover(what, Status::Complete, "")?;
            }
        }
        Ok(Whose { pid: Some(pid), exe, fact })
    }

    fn environment(&self, facts: &Facts, pid: Pid, bytes: &[u8]) -> Result<(), facts::Error> {
        for (place, (name, value)) in variables(bytes).enumerate() {
            facts.change(
                "INSERT INTO environment (fact, source, pid, name, value) VALUES (?1, ?2, ?3, ?4, ?5)",
                rusqlite::params![
                    format!("environment/{pid}/{place}"),
                    self.name(),
                    pid,
                    HostText::from(name).escaped(),
                    HostText::from(value).escaped(),
                ],
            )?;
        }
        Ok(())
    }

    fn mappings(
        &self,
        facts: &Facts,
        layout: &Layout,
        whose: &Whose,
    ) -> Result<Regions, facts::Error> {
        let Some(pid) = whose.pid else { return Ok(Regions(Vec::new())) };
        let known = "SELECT 1 FROM mappings WHERE pid = ?1 LIMIT 1";
        let known = !facts.rows(known, [pid], |_| Ok(()))?.is_empty();
        let mut regions = Vec::new();
        for mapping in &layout.mappings {
            let path = mapping.path.as_ref().map(unmarked);
            let fact = format!("mappings/{pid}/{:x}", mapping.start);
            if !known {
                let flag = |letter: char| mapping.permissions.contains(letter);
                let address = |n: u64| n.cast_signed();
                facts.change(
                    "INSERT INTO mappings (fact, source, pid, start, end, permissions, executable, writable,
                       offset, dev, inode, path, kind)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, 0, 0, ?9, ?10)",
                    rusqlite::params![
                        fact,
                        self.name(),
                        pid,
                        address(mapping.start),
                        address(mapping.end),
                        format!("{}p", mapping.permissions),
                        flag('x'),
                        flag('w'),
                        path.as_ref().map(ToString::to_string),
                        match path {
                            Some(_) => "file",
                            None if mapping.stack => "stack",
                            None => "anonymous",
                        },
                    ],
                )?;
            }
            regions.push(Region {
                start: mapping.start,
                end: mapping.end,
                path: mapping.path.clone(),
                shown: mapping.shown(),
                fact,
            });
        }
        Ok(Regions(regions))
    }
}

/// The largest number that Linux gives a process.
const LARGEST: Pid = 1 << 22;

/// A number that no process can have: a step that names it stops nothing, wherever it is typed.
fn free(facts: &Facts) -> Result<Pid, facts::Error> {
    let most: Vec<Option<Pid>> =
        facts.rows("SELECT max(pid) FROM processes", [], |row| row.get(0))?;
    Ok(most.into_iter().flatten().next().unwrap_or(0).max(LARGEST).saturating_add(1))
}

/// A path without the kernel's mark of deletion, which in a dump nothing can confirm.
fn unmarked(path: &HostPath) -> HostPath {
    let bytes = path.as_bytes();
    HostPath::new(bytes.strip_suffix(b" (deleted)").unwrap_or(bytes))
}

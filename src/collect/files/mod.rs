//! Files that the other facts speak of: executables, libraries, persistence, and what lies in
//! temporary and hidden folders.

mod neighbours;
mod read;
mod settings;
mod setuid;
mod temporary;
mod wanted;

use super::packages::{self, Database, Owned, Owners};
use super::persistence;
use super::roots::{Root, roots};
use super::{Collector, Host, Outcome, Run};
use crate::evidence::{Dir, HostPath, Reason, Stat};
use crate::facts::{Facts, HostText, Status, Table, Time};
use rayon::prelude::*;
use std::cell::Cell;
use wanted::Candidate;

crate::table! {
    pub struct FileRow in files, "Files that processes run, map or start from, that lie in temporary folders, or beside a suspect's executable.";
    root_id: String, "", "Which root the path is in, as processes.root_id.";
    path: HostPath, "", "Path in that root.";
    why: &'static str, "", "executable, library, persistence, started (by an entry of persistence), setuid (or setgid, in a folder of programs, a home, /opt, /srv, /var), temporary, neighbour (of what runs or is started), named (by an entry of persistence, up to 1 MiB), settings (a small file of a temporary folder, a home, /opt, /srv or /var/lib that says what miners are told, or whose bytes were not taken though a program lies beside it); of started, named and setuid, those that no package owns, or all (1,024 at most) where nobody tells who owns what; of setuid also shells and interpreters that a package owns.";
    kind: &'static str, "", "file, directory, link, fifo, …";
    mode: u32, "", "Type and permission bits.";
    uid: u32, "", "Owner.";
    gid: u32, "", "Group.";
    size: u64, "bytes", "Size.";
    nlink: u32, "", "Names that lead to it; 0 for deleted.";
    dev: u64, "", "Device, major << 32 | minor.";
    inode: u64, "", "Inode.";
    mtime: Option<Time>, "", "Content last changed.";
    ctime: Option<Time>, "", "Inode last changed.";
    btime: Option<Time>, "", "Made in this file system.";
    atime: Option<Time>, "", "Last read, before davy read it.";
    content: Option<&'static str>, "", "By its first bytes: elf, script, text, gzip, …; NULL where not read.";
    sha256: Option<String>, "", "Of its bytes; NULL where not read, or where the package's MD5 was compared in its place.";
    package: Option<HostText>, "", "Package that owns the path; NULL where none does, or no database was read.";
    package_intact: Option<bool>, "", "Its digest is the package's; NULL where not compared.";
}

pub(super) const COLLECTOR: Collector =
    Collector { name: "files", tables: &[FileRow::DEF], run: Run::Host(collect) };

/// A candidate that is there, with all that is known of it before its bytes are read.
struct Present<'a> {
    candidate: &'a Candidate,
    stat: Stat,
    owned: Option<&'a Owned>,
}

fn collect(host: &Host<'_>, facts: &Facts) -> Outcome {
    let roots = roots(host, facts)?;
    let mut candidates = wanted::executables(facts, &roots)?;
    candidates.extend(wanted::libraries(facts, &roots)?);
    candidates.extend(wanted::persistence(facts)?);
    candidates.extend(wanted::programs(facts)?);
    candidates.extend(wanted::named(facts)?);
    candidates.extend(setuid::walk(host.evidence, host.root.as_ref(), &host.gaps));
    let mut budget = temporary::Budget::default();
    let mut open: Vec<Option<Box<dyn Dir + '_>>> = Vec::new();
    for (index, root) in roots.iter().enumerate() {
        let dir = root.open(host.evidence).map_err(|why| host.gaps.missed("files", &why)).ok();
        if let Some(dir) = &dir {
            let found = temporary::walk(dir.as_ref(), index == 0, &mut budget, &host.gaps);
            candidates
                .extend(found.into_iter().map(|path| Candidate::new(index, path, "temporary")));
            let beside = neighbours::beside(dir.as_ref(), index, &candidates, &mut budget);
            candidates.extend(beside);
        }
        open.push(dir);
    }
    candidates.extend(settings::walk(host.root.as_ref(), &host.gaps));
    let candidates = wanted::distinct(candidates);
    let owners = owners(host, &roots, &open, &candidates);
    store_owners(facts, &roots, &candidates, &owners)?;

    // davy's own file was put there by the responder, as often as not in /dev/shm.
    let davy = host.root.stat(&HostPath::from("proc/self/exe")).ok();
    let is_davy =
        |stat: &Stat| davy.as_ref().is_some_and(|d| (d.dev, d.inode) == (stat.dev, stat.inode));
    let unknown = Cell::new(neighbours::MOST_UNKNOWN);
    let present: Vec<Present<'_>> = candidates
        .iter()
        .filter_map(|candidate| {
            let of = owners.get(candidate.root)?;
            let owned = candidate.via.is_none().then(|| of.of(&candidate.path)).flatten();
            if !neighbours::wanted(candidate, of, &unknown) {
                return None;
            }
            let stat = stat(host, open.get(candidate.root)?.as_deref()?, candidate)?;
            if candidate.why == "named" && !neighbours::small(&stat) {
                return None;
            }
            if is_davy(&stat) {
                host.gaps
                    .note("files", format!("davy's own file ({}) is left out", candidate.path));
                return None;
            }
            Some(Present { candidate, stat, owned })
        })
        .collect();
    if unknown.get() < neighbours::MOST_UNKNOWN {
        let most = neighbours::MOST_UNKNOWN;
        let rest = if unknown.get() == 0 {
            format!("; {most} were, further ones not")
        } else {
            String::new()
        };
        let why = format!(
            "owner unknown: no package lists; what startup entries start and name, and what is setuid, was looked at all the same{rest}"
        );
        host.gaps.note("files", why);
    }
    let known = read::known(facts)?;
    let plans = read::plan(&present, &known, &host.gaps);
    let evidence = host.evidence;
    let bytes: Vec<read::Answer> = present
        .par_iter()
        .zip(plans)
        .map(|(file, plan)| read::read(evidence, &roots, file, plan))
        .collect();
    for (file, answer) in present.iter().zip(bytes) {
        store(host, facts, &roots, file, answer)?;
    }
    facts.change(
        // What runs and was not deleted, yet is not what lies at its path, is not the package's.
        "UPDATE processes SET exe_package = (SELECT package FROM owned \
         WHERE owned.root_id = processes.root_id AND owned.path = processes.exe) \
         WHERE NOT (exe_deleted IS 0 AND exe_path_now IN ('other', 'missing'))",
        [],
    )?;
    facts.change(
        "UPDATE persistence SET package = (SELECT package FROM owned \
         WHERE owned.root_id = '/' AND owned.path = persistence.path)",
        [],
    )?;
    facts.change(
        "UPDATE persistence SET program_package = (SELECT package FROM owned \
         WHERE owned.root_id = '/' AND owned.path = persistence.program)",
        [],
    )?;
    without_packaged_scripts(facts)?;
    facts.change("DROP TABLE owned", [])?;
    if owners.first().is_some_and(|owners| owners.known) {
        facts.change("UPDATE packages SET owns = 1", [])?;
    }
    cover(facts, &roots, &owners)
}

/// A script as its package has it says nothing of an intruder: its lines go, and what they run is
/// run by the line that runs them.
fn without_packaged_scripts(facts: &Facts) -> Outcome {
    facts.change(
        "CREATE TEMP TABLE packaged AS SELECT fact, run_by FROM persistence p \
         WHERE run_by IS NOT NULL AND package IS NOT NULL \
         AND NOT EXISTS (SELECT 1 FROM files f WHERE f.root_id = '/' \
         AND f.path = p.path AND f.package_intact = 0)",
        [],
    )?;
    facts.change("CREATE INDEX temp.packaged_fact ON packaged (fact)", [])?;
    for _ in 0..persistence::MOST_STEPS {
        facts.change(
            "UPDATE persistence SET run_by = \
             (SELECT p.run_by FROM packaged p WHERE p.fact = persistence.run_by) \
             WHERE run_by IN (SELECT fact FROM packaged)",
            [],
        )?;
    }
    facts.change("DELETE FROM persistence WHERE fact IN (SELECT fact FROM packaged)", [])?;
    facts.change("DROP TABLE packaged", [])
}

/// The inode at a path, or of what a process still holds of it.
fn stat(host: &Host<'_>, root: &dyn Dir, candidate: &Candidate) -> Option<Stat> {
    let answer = match &candidate.via {
        None => root.stat(&candidate.path),
        Some(via) => host.root.stat(via),
    };
    match answer {
        Ok(stat) => Some(stat),
        Err(why) => {
            // That an executable's path is gone is told by the process itself.
            if !matches!(why.reason, Reason::Absent | Reason::Vanished) {
                host.gaps.missed("files", &why);
            }
            None
        }
    }
}

/// Who owns what, root by root. Roots that share a database, as sandboxes do, share the walk
/// through it.
fn owners<'a>(
    host: &Host<'a>,
    roots: &[Root],
    open: &[Option<Box<dyn Dir + 'a>>],
    candidates: &[Candidate],
) -> Vec<Owners> {
    let databases: Vec<Option<Database>> =
        open.iter().map(|dir| packages::database(dir.as_deref()?)).collect();
    let mut groups: Vec<(Option<&Database>, Vec<usize>)> = Vec::new();
    for (index, database) in databases.iter().enumerate() {
        let same = |group: &&mut (Option<&Database>, Vec<usize>)| {
            database.is_some() && group.0 == database.as_ref()
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.1.push(index),
            None => groups.push((database.as_ref(), vec![index])),
        }
    }
    let mut answer: Vec<Owners> = roots.iter().map(|_| Owners::default()).collect();
    for (_, members) in groups.into_iter().filter(|(database, _)| database.is_some()) {
        let Some(first) = members.first().copied() else { continue };
        let (Some(Some(dir)), Some(root)) = (open.get(first), roots.get(first)) else { continue };
        let opener = || root.open(host.evidence);
        let paths = candidates.iter().filter(|c| members.contains(&c.root)).map(|c| c.path.clone());
        let owners =
            packages::owners(dir.as_ref(), &opener, paths, host.evidence.told(), &host.gaps);
        for member in members {
            if let Some(slot) = answer.get_mut(member) {
                *slot = owners.clone();
            }
        }
    }
    answer
}

/// A table for the joins below; it is dropped when they are done.
fn store_owners(
    facts: &Facts,
    roots: &[Root],
    candidates: &[Candidate],
    owners: &[Owners],
) -> Outcome {
    facts.change(
        "CREATE TEMP TABLE owned (root_id TEXT, path TEXT, package TEXT, \
         PRIMARY KEY (root_id, path)) WITHOUT ROWID",
        [],
    )?;
    for candidate in candidates {
        let owned = owners.get(candidate.root).and_then(|of| of.of(&candidate.path));
        if let (Some(owned), Some(root)) = (owned, roots.get(candidate.root)) {
            facts.change(
                "INSERT OR IGNORE INTO owned VALUES (?, ?, ?)",
                (&root.id, candidate.path.to_string(), owned.package.to_string()),
            )?;
        }
    }
    Ok(())
}

fn store(
    host: &Host<'_>,
    facts: &Facts,
    roots: &[Root],
    file: &Present<'_>,
    answer: read::Answer,
) -> Outcome {
    let Some(root) = roots.get(file.candidate.root) else { return Ok(()) };
    if let Some(why) = &answer.missed {
        host.gaps.missed("files.sha256", why);
    }
    host.gaps.read("files");
    let stat = &file.stat;
    let path = &file.candidate.path;
    let row = FileRow {
        root_id: root.id.clone(),
        path: path.clone(),
        why: file.candidate.why,
        kind: stat.kind.word(),
        mode: stat.mode,
        uid: stat.uid,
        gid: stat.gid,
        size: stat.size,
        nlink: stat.nlink,
        dev: stat.dev,
        inode: stat.inode,
        mtime: stat.mtime,
        ctime: stat.ctime,
        btime: stat.btime,
        atime: stat.atime,
        content: answer.content,
        sha256: answer.sha256,
        package: file.owned.map(|owned| owned.package.clone()),
        // Where the package manager itself was asked, it knows.
        package_intact: answer.intact.or_else(|| {
            let told = host.evidence.told()?;
            (root.pid.is_none() && told.altered.contains(path)).then_some(false)
        }),
    };
    let (key, source) = match &file.candidate.via {
        None => (root.key(path), root.key(path)),
        // The path's own row may stand beside it: another file lies there now.
        Some(via) => (format!("{}#{}", root.key(path), stat.inode), via.to_string()),
    };
    facts.insert(key, &source, &row)
}

/// Where no database was read, that no package owns a file says nothing.
fn cover(facts: &Facts, roots: &[Root], owners: &[Owners]) -> Outcome {
    let unknown: Vec<&str> = roots
        .iter()
        .zip(owners)
        .filter(|(_, owners)| !owners.known)
        .map(|(root, _)| root.id.as_str())
        .collect();
    let host = owners.first().is_some_and(|owners| owners.known);
    let columns = ["processes.exe_package", "files.package", "persistence.package"];
    for column in columns {
        if !host {
            facts.cover(column, Status::Absent, "no list of packages' files on this host")?;
        } else if !unknown.is_empty() && column != "persistence.package" {
            let detail = format!("no list of packages' files in {}", unknown.join(", "));
            facts.cover(column, Status::Partial, detail)?;
        }
    }
    if roots.len() > 1 {
        let detail = "cron, systemd and profiles inside containers are not looked into";
        facts.cover("persistence of containers", Status::NotCaptured, detail)?;
    }
    Ok(())
}

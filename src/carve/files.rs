//! Which files every triage carves: what runs, what a startup entry would run, what was deleted
//! and is still held, and small files without an owner that lie where droppers leave theirs or
//! that startup entries name.

use super::Carver;
use super::place::{self, Place, path, rows};
use super::scan::{Carved, Cut};
use super::yara::Judged;
use crate::evidence::{Evidence, HostPath, Pid, Unavailable, process_dir};
use crate::facts::{Error, Facts, Status};
use rayon::prelude::*;
use std::collections::{HashMap, HashSet};

/// Executables of a package without a digest are carved up to this size.
const PACKAGED: u64 = 8 << 20;

/// Files without an owner are carved up to this size.
const SMALL: u64 = 1 << 20;

/// Programs without an owner are carved up to this size where nothing starts them: miners that were linked
/// whole are larger than what is small.
const IDLE: u64 = 16 << 20;

/// What startup entries start without an owner is carved up to this size, also when it does not run.
const STARTED: u64 = 64 << 20;

/// Files of the same bytes that have what was found in the first.
const ALIKE: usize = 16;

/// How the bytes are reached.
enum Through {
    /// `/proc/PID`, then this name below it.
    Process(Pid, HostPath),
    /// The file system as this process sees it; the host's own for `None`.
    Root(Option<Pid>, HostPath),
}

struct Target {
    place: Place,
    through: Through,
    sha256: Option<String>,
    file: (u64, u64),
}

/// What was left out on purpose, for coverage.
#[derive(Default)]
struct Left {
    intact: u64,
    large: u64,
}

pub(super) fn carve(evidence: &dyn Evidence, facts: &Facts, carver: &Carver) -> Result<(), Error> {
    let mut left = Left::default();
    let mut targets = executables(facts, &mut left)?;
    targets.extend(open_files(facts)?);
    targets.extend(libraries(facts)?);
    targets.extend(small_files(facts)?);
    let alike = alike(&mut targets);
    let results: Vec<Result<Bytes, Unavailable>> =
        targets.par_iter().map(|target| bytes(evidence, carver, target)).collect();
    facts.together(|facts| {
        let mut next = place::last(facts, "indicators")?;
        let mut next_match = place::last(facts, "yara_matches")?;
        let mut unjudged = Vec::new();
        let (mut carved, mut cut, mut missed) = (0_u64, Cut::default(), Vec::new());
        for ((target, alike), result) in targets.iter().zip(&alike).zip(results) {
            match result {
                Ok(bytes) => {
                    carved += 1;
                    cut = cut.and(bytes.cut);
                    for place in alike {
                        place.store(facts, &mut next, bytes.carved.clone(), |_| None)?;
                        let matches = bytes.judged.matches.clone();
                        place.store_matches(facts, &mut next_match, matches)?;
                    }
                    target.place.store(facts, &mut next, bytes.carved, |_| None)?;
                    target.place.store_matches(facts, &mut next_match, bytes.judged.matches)?;
                    if let Some(problem) = bytes.judged.problem {
                        unjudged.push(format!("{}: {problem}", target.place.source));
                    }
                }
                Err(why) => missed.push(why),
            }
        }
        let mut detail = format!("{carved} files carved");
        if left.intact > 0 {
            detail += &format!(
                "; {} left out: a package owns them and their digest is the package's",
                left.intact
            );
        }
        if left.large > 0 {
            detail += &format!(
                "; {} left out: a package owns them and they are larger than 8 MiB",
                left.large
            );
        }
        if !cut.nothing() {
            detail += &format!("; {cut}");
        }
        if let Some(example) = missed.first() {
            detail += &format!("; {} could not be read, as {example}", missed.len());
        }
        let status =
            if missed.is_empty() && cut.nothing() { Status::Complete } else { Status::Partial };
        facts.cover("indicators", status, detail)?;
        let detail = unjudged.first().map_or_else(String::new, |example| {
            format!("{} not judged in full, as {example}", unjudged.len())
        });
        let status = if unjudged.is_empty() { Status::Complete } else { Status::Partial };
        facts.cover("yara_matches", status, detail)
    })
}

/// The same bytes are carved once, in the first place that has them; the others, a few, are kept beside
/// it, for what was found is theirs, too.
fn alike(targets: &mut Vec<Target>) -> Vec<Vec<Place>> {
    let (mut digests, mut inodes) = (HashMap::new(), HashSet::new());
    let mut alike: Vec<Vec<Place>> = Vec::new();
    targets.retain(|target| {
        if !inodes.insert(target.file) {
            return false;
        }
        let Some(sha256) = &target.sha256 else {
            alike.push(Vec::new());
            return true;
        };
        match digests.get(sha256).and_then(|at: &usize| alike.get_mut(*at)) {
            Some(places) => {
                if places.len() < ALIKE && target.place.place == "file" {
                    places.push(target.place.clone());
                }
                false
            }
            None => {
                digests.insert(sha256.clone(), alike.len());
                alike.push(Vec::new());
                true
            }
        }
    });
    alike
}

/// What one target gave.
struct Bytes {
    carved: Vec<Carved>,
    cut: Cut,
    judged: Judged,
}

fn bytes(evidence: &dyn Evidence, carver: &Carver, target: &Target) -> Result<Bytes, Unavailable> {
    let (dir, name) = match &target.through {
        Through::Process(pid, name) => (process_dir(evidence, *pid)?, name),
        Through::Root(None, name) => (evidence.dir(&HostPath::from("/"))?, name),
        Through::Root(Some(pid), name) => (evidence.root_of(*pid)?, name),
    };
    let file = match (dir.open(name), &target.through) {
        (Ok(file), _) => file,
        (Err(why), Through::Process(pid, link)) if link.as_bytes() == b"exe" => {
            let told = super::told::executable(evidence, carver, *pid).ok_or(why);
            return told.map(|(carved, cut)| Bytes { carved, cut, judged: Judged::default() });
        }
        (Err(why), _) => return Err(why),
    };
    let mut found = carver.found();
    match super::carve(file, 0, &mut found) {
        // What was found before the error counts; a file cut short is as it is.
        Ok(_) => {}
        Err(e) => {
            let (carved, cut) = place::finish(found);
            return if carved.is_empty() {
                Err(Unavailable::from_io(name, &e))
            } else {
                Ok(Bytes { carved, cut, judged: Judged::default() })
            };
        }
    }
    let (carved, cut) = place::finish(found);
    let judged = match carver.rules() {
        Some(rules) => rules.stream(dir.open(name)?, &target.place.shown()),
        None => Judged::default(),
    };
    Ok(Bytes { carved, cut, judged })
}

fn executables(facts: &Facts, left: &mut Left) -> Result<Vec<Target>, Error> {
    // A package's executable that is what the package brought holds nothing of an attacker's; one
    // that is a package's by its time was not touched since.
    let query = "SELECT e.fact, e.path, e.pid, e.dev, e.inode, e.sha256, e.size, e.nlink,
            max(f.package IS NOT NULL), max(coalesce(f.package_intact, f.package = '(by its time)', 0)), min(coalesce(f.package_intact, 1))
        FROM elf e LEFT JOIN files f ON f.dev = e.dev AND f.inode = e.inode
        GROUP BY e.fact ORDER BY e.pid, e.fact";
    let all = rows(facts, query, |row| {
        let path = path(row, 1)?;
        let pid: Pid = row.get(2)?;
        let target = Target {
            place: Place {
                place: "executable",
                pid: Some(pid),
                path: Some(path),
                origin: row.get(0)?,
                source: format!("/proc/{pid}/exe"),
            },
            through: Through::Process(pid, HostPath::from("exe")),
            sha256: row.get(5)?,
            file: (row.get::<_, i64>(3)?.cast_unsigned(), row.get::<_, i64>(4)?.cast_unsigned()),
        };
        let size: i64 = row.get(6)?;
        let deleted = row.get::<_, i64>(7)? == 0;
        let owned = row.get::<_, Option<bool>>(8)?.unwrap_or(false);
        let intact = row.get::<_, bool>(9)?;
        let altered = !row.get::<_, bool>(10)?;
        Ok((target, size.cast_unsigned(), deleted, owned, intact, altered))
    })?;
    let keep =
        |(target, size, deleted, owned, intact, altered): (Target, u64, bool, bool, bool, bool)| {
            if !deleted && owned && !altered {
                if intact {
                    left.intact += 1;
                    return None;
                }
                if size > PACKAGED {
                    left.large += 1;
                    return None;
                }
            }
            Some(target)
        };
    Ok(all.into_iter().filter_map(keep).collect())
}

fn open_files(facts: &Facts) -> Result<Vec<Target>, Error> {
    let query = "SELECT fact, target, pid, fd, dev, inode, sha256, kind FROM open_files
        WHERE kind = 'memfd' OR kind = 'file' AND deleted ORDER BY pid, fd";
    rows(facts, query, |row| {
        let (pid, fd): (Pid, u32) = (row.get(2)?, row.get(3)?);
        let memfd = row.get::<_, String>(7)? == "memfd";
        Ok(Target {
            place: Place {
                place: if memfd { "memfd" } else { "deleted-file" },
                pid: Some(pid),
                path: Some(path(row, 1)?),
                origin: row.get(0)?,
                source: format!("/proc/{pid}/fd/{fd}"),
            },
            through: Through::Process(pid, HostPath::new(format!("fd/{fd}"))),
            sha256: row.get(6)?,
            file: known_file(row, 4, 5, pid, u64::from(fd))?,
        })
    })
}

/// Device and inode; where they are not known, something that no other file has.
fn known_file(
    row: &rusqlite::Row<'_>,
    dev: usize,
    inode: usize,
    pid: Pid,
    other: u64,
) -> rusqlite::Result<(u64, u64)> {
    let dev: Option<i64> = row.get(dev)?;
    let inode: Option<i64> = row.get(inode)?;
    Ok(match (dev, inode) {
        (Some(dev), Some(inode)) if inode != 0 => (dev.cast_unsigned(), inode.cast_unsigned()),
        _ => (u64::MAX - u64::from(pid), other),
    })
}

fn libraries(facts: &Facts) -> Result<Vec<Target>, Error> {
    let query = "SELECT min(fact), path, pid, min(start), end, dev, inode FROM mappings
        WHERE deleted AND kind IN ('file', 'memfd') AND path IS NOT NULL
        GROUP BY pid, dev, inode ORDER BY pid, start";
    rows(facts, query, |row| {
        let pid: Pid = row.get(2)?;
        let (start, end): (i64, i64) = (row.get(3)?, row.get(4)?);
        let name = format!("map_files/{start:x}-{end:x}");
        Ok(Target {
            place: Place {
                place: "deleted-library",
                pid: Some(pid),
                path: Some(path(row, 1)?),
                origin: row.get(0)?,
                source: format!("/proc/{pid}/{name}"),
            },
            through: Through::Process(pid, HostPath::new(name)),
            sha256: None,
            file: known_file(row, 5, 6, pid, start.cast_unsigned())?,
        })
    })
}

fn small_files(facts: &Facts) -> Result<Vec<Target>, Error> {
    let query = format!(
        "SELECT f.fact, f.path, f.dev, f.inode, f.sha256,
            CASE WHEN f.root_id = '/' THEN NULL ELSE (SELECT min(p.pid) FROM processes p WHERE p.root_id = f.root_id) END,
            f.why = 'started' AND coalesce(f.content = 'elf', 0)
        FROM files f
        WHERE f.kind = 'file' AND f.package IS NULL
            AND (f.why IN ('neighbour', 'temporary', 'persistence', 'named', 'settings')
                    AND f.size BETWEEN 1 AND CASE WHEN f.content = 'elf' THEN {IDLE} ELSE {SMALL} END
                OR f.why = 'started' AND f.size BETWEEN 1 AND {STARTED})
        ORDER BY f.fact"
    );
    rows(facts, &query, |row| {
        let path = path(row, 1)?;
        let root: Option<Pid> = row.get(5)?;
        Ok(Target {
            place: Place {
                place: if row.get(6)? { "startup-program" } else { "file" },
                pid: None,
                path: Some(path.clone()),
                origin: row.get(0)?,
                source: path.to_string(),
            },
            through: Through::Root(root, path),
            sha256: row.get(4)?,
            file: (row.get::<_, i64>(2)?.cast_unsigned(), row.get::<_, i64>(3)?.cast_unsigned()),
        })
    })
}

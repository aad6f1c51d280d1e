//! The memory of suspects: present pages only, so that the suspect keeps its size, and never a
//! device's.

use super::Carver;
use super::place::{self, Place, path, rows};
use super::scan::{Carved, Cut, Found, Stream};
use super::yara::{Judged, Match};
use crate::evidence::{Evidence, HostPath, Memory, Pid, Unavailable, process_dir};
use crate::facts::{Error, Facts, Pieces, Status};
use rayon::prelude::*;

struct Region {
    fact: String,
    start: u64,
    end: u64,
    name: String,
}

struct Suspect {
    pid: Pid,
    exe: Option<HostPath>,
    origin: String,
    regions: Vec<Region>,
    skipped: u64,
}

struct Read {
    carved: Vec<Carved>,
    cut: Cut,
    bytes: u64,
    /// Stretches that could not be read, and the first reason.
    missed: u64,
    why: Option<Unavailable>,
    judged: Judged,
}

pub(super) fn carve(
    evidence: &dyn Evidence,
    facts: &Facts,
    carver: &Carver,
    pids: &[Pid],
) -> Result<(), Error> {
    let mut pids = pids.to_vec();
    pids.sort_unstable();
    pids.dedup();
    // Our own memory holds all that we look for.
    pids.retain(|pid| *pid != std::process::id());
    let suspects = pids.iter().map(|pid| suspect(facts, *pid)).collect::<Result<Vec<_>, _>>()?;
    let results: Vec<Result<Read, Unavailable>> =
        suspects.par_iter().map(|suspect| read(evidence, carver, suspect)).collect();
    facts.together(|facts| {
        let mut next = place::last(facts, "indicators")?;
        let mut next_match = place::last(facts, "yara_matches")?;
        for (suspect, result) in suspects.iter().zip(results) {
            let what = format!("memory of pid {}", suspect.pid);
            let read = match result {
                Ok(read) => read,
                Err(why) => {
                    // Its dump may have been carved as the archive went by.
                    let known = "SELECT 1 FROM coverage WHERE what = ?1";
                    if facts.rows(known, [&what], |_| Ok(()))?.is_empty() {
                        facts.cover(what, status(&why), why.to_string())?;
                    }
                    continue;
                }
            };
            let place = Place {
                place: "memory",
                pid: Some(suspect.pid),
                path: suspect.exe.clone(),
                origin: suspect.origin.clone(),
                source: format!("/proc/{}/mem", suspect.pid),
            };
            place.store(facts, &mut next, read.carved, |address| suspect.region(address))?;
            place.store_matches(facts, &mut next_match, read.judged.matches)?;
            let mut detail = format!("{} bytes present and read", read.bytes);
            // What of it was too large to hold was carved as the archive went by.
            let earlier = "SELECT detail FROM coverage WHERE what = ?1";
            for words in facts.rows(earlier, [&what], |row| row.get::<_, String>(0))? {
                detail += &format!("; {words}");
            }
            facts.change("DELETE FROM coverage WHERE what = ?1", [&what])?;
            if suspect.skipped > 0 {
                detail += &format!("; {} read-only mappings of files left out: carved as files, or as their package brought them", suspect.skipped);
            }
            if !read.cut.nothing() {
                detail += &format!("; {}", read.cut);
            }
            if let Some(why) = &read.why {
                detail += &format!("; {} stretches not read, as {why}", read.missed);
            }
            if let Some(problem) = &read.judged.problem {
                detail += &format!("; rules: {problem}");
            }
            let whole = read.why.is_none() && read.cut.nothing();
            let pieces =
                Pieces { read: suspect.regions.len() as u64, missed: read.missed, failed: read.missed, cut: 0 };
            let status = if whole { Status::Complete } else { Status::Partial };
            facts.cover_counted(what, status, detail, pieces)?;
        }
        cover(facts)
    })
}

/// Writes the row `memory` anew, from the rows of each process. That others were not asked for is
/// the reader's choice and no gap.
pub(super) fn cover(facts: &Facts) -> Result<(), Error> {
    let counted = "SELECT status, count(*) FROM coverage WHERE what LIKE 'memory of pid %'
        GROUP BY status ORDER BY status";
    let rows = facts.rows(counted, [], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?.cast_unsigned()))
    })?;
    let of = |words: &[&str]| -> u64 {
        rows.iter().filter(|(status, _)| words.contains(&status.as_str())).map(|(_, n)| n).sum()
    };
    let read = of(&["complete", "partial"]);
    let failed = of(&["denied", "timed-out"]);
    let missed = failed.saturating_add(of(&["not-captured"]));
    let all: Vec<u64> =
        facts.rows("SELECT count(*) FROM processes WHERE NOT kernel_thread", [], |row| {
            Ok(row.get::<_, i64>(0)?.cast_unsigned())
        })?;
    let all = all.first().copied().unwrap_or(0);
    let status = match (read, missed, failed) {
        _ if all == 0 => Status::Absent,
        (_, 0, _) => Status::Complete,
        (0, _, 0) => Status::NotCaptured,
        (0, ..) => Status::Denied,
        _ => Status::Partial,
    };
    let detail = match all {
        0 => "no processes in this evidence".to_owned(),
        // Then there is no choice to have more.
        _ if matches!(status, Status::NotCaptured) => {
            format!(
                "{missed} suspects of {all} processes, 0 read: the evidence holds none of theirs"
            )
        }
        _ => format!(
            "{} suspects of {all} processes, {read} read; others not read by choice",
            read.saturating_add(missed)
        ),
    };
    facts
        .connection()
        .execute("DELETE FROM coverage WHERE what = 'memory'", [])
        .map_err(|cause| Error::Sql { doing: "counting memory".to_owned(), cause })?;
    facts.cover_counted("memory", status, detail, Pieces { read, missed, failed, cut: 0 })
}

/// Carves one live process: its executable's bytes by offset, its memory by address, and the
/// mapping of an address. Without ptrace, and without its pages growing.
///
/// # Errors
/// Why its memory cannot be had.
pub fn carve_process(
    evidence: &dyn Evidence,
    carver: &Carver,
    pid: Pid,
) -> Result<ProcessCarved, Unavailable> {
    let dir = process_dir(evidence, pid)?;
    let mut maps = Vec::new();
    dir.read(&HostPath::from("maps"), MAPS, &mut maps)?;
    let region = |line: super::maps::Line| Region {
        fact: String::new(),
        start: line.start,
        end: line.end,
        name: line.name,
    };
    let regions = super::maps::parse(&maps).into_iter().map(region).collect();
    let suspect = Suspect { pid, exe: None, origin: String::new(), regions, skipped: 0 };
    let memory = read(evidence, carver, &suspect)?;
    let mut found = carver.found();
    let executable = dir
        .open(&HostPath::from("exe"))
        .ok()
        .and_then(|file| super::carve(file, 0, &mut found).ok());
    let regions =
        suspect.regions.into_iter().map(|region| (region.start, region.end, region.name)).collect();
    Ok(ProcessCarved {
        executable: executable.map(|_| place::finish(found).0).unwrap_or_default(),
        memory: memory.carved,
        bytes: memory.bytes,
        cut: memory.cut,
        missed: memory.why,
        matches: memory.judged.matches,
        problem: memory.judged.problem,
        regions,
    })
}

/// Bytes of /proc/PID/maps that are read.
const MAPS: usize = 64 << 20;

/// What one process gave.
#[derive(Debug)]
pub struct ProcessCarved {
    /// Of its executable, by offset in the file.
    pub executable: Vec<Carved>,
    /// Of its memory, by address.
    pub memory: Vec<Carved>,
    /// Bytes of memory present and read.
    pub bytes: u64,
    /// What was left out.
    pub cut: Cut,
    /// The first reason why a stretch could not be read.
    pub missed: Option<Unavailable>,
    /// Rules that matched in its memory.
    pub matches: Vec<Match>,
    /// Why not all of it was held against the rules.
    pub problem: Option<String>,
    regions: Vec<(u64, u64, String)>,
}

impl ProcessCarved {
    /// The mapping of an address and its permissions.
    #[must_use]
    pub fn region(&self, address: u64) -> Option<&str> {
        let at = self.regions.partition_point(|(_, end, _)| *end <= address);
        self.regions.get(at).filter(|(start, ..)| *start <= address).map(|(.., name)| name.as_str())
    }
}

fn status(why: &Unavailable) -> Status {
    use crate::evidence::Reason;
    match why.reason {
        Reason::Denied => Status::Denied,
        Reason::Absent | Reason::Vanished => Status::Absent,
        Reason::TimedOut => Status::TimedOut,
        Reason::NotCaptured => Status::NotCaptured,
        Reason::NotRegular | Reason::Damaged | Reason::TooMuch => Status::Partial,
    }
}

impl Suspect {
    fn region(&self, address: u64) -> Option<(String, String)> {
        let at = self.regions.partition_point(|region| region.end <= address);
        self.regions
            .get(at)
            .filter(|region| region.start <= address)
            .map(|region| (region.name.clone(), region.fact.clone()))
    }
}

fn suspect(facts: &Facts, pid: Pid) -> Result<Suspect, Error> {
    let process = rows(
        facts,
        &format!("SELECT fact, coalesce(exe, '') FROM processes WHERE pid = {pid}"),
        |row| Ok((row.get::<_, String>(0)?, path(row, 1)?)),
    )?;
    let (origin, exe) = process
        .into_iter()
        .next()
        .unwrap_or_else(|| (format!("processes/{pid}"), HostPath::default()));
    // A read-only mapping of a file holds the file's bytes: those of packages that are intact tell
    // nothing, and executables are carved as files.
    let query = format!(
        "SELECT m.fact, m.start, m.end, m.permissions, coalesce(m.path, ''), m.kind,
            m.kind = 'file' AND NOT m.writable AND (
                EXISTS (SELECT 1 FROM files f WHERE f.dev = m.dev AND f.inode = m.inode AND f.package_intact)
                OR EXISTS (SELECT 1 FROM elf e WHERE e.dev = m.dev AND e.inode = m.inode))
        FROM mappings m WHERE m.pid = {pid} AND m.kind <> 'device' ORDER BY m.start"
    );
    let mut skipped = 0;
    let regions = rows(facts, &query, |row| {
        let path = path(row, 4)?;
        let name =
            if path.as_bytes().is_empty() { row.get::<_, String>(5)? } else { path.to_string() };
        let region = Region {
            fact: row.get(0)?,
            start: row.get::<_, i64>(1)?.cast_unsigned(),
            end: row.get::<_, i64>(2)?.cast_unsigned(),
            name: format!("{name} {}", row.get::<_, String>(3)?),
        };
        let skip: bool = row.get::<_, Option<bool>>(6)?.unwrap_or(false);
        skipped += u64::from(skip);
        Ok((!skip).then_some(region))
    })?;
    let exe = (!exe.as_bytes().is_empty()).then_some(exe);
    Ok(Suspect { pid, exe, origin, regions: regions.into_iter().flatten().collect(), skipped })
}

fn read(evidence: &dyn Evidence, carver: &Carver, suspect: &Suspect) -> Result<Read, Unavailable> {
    let mut found = carver.found();
    let mut seen = Vec::new();
    let mut sum = Read {
        carved: Vec::new(),
        cut: Cut::default(),
        bytes: 0,
        missed: 0,
        why: None,
        judged: Judged::default(),
    };
    let kept = super::told::memory(evidence, suspect.pid, &mut found);
    let memory = match (evidence.memory(suspect.pid), kept) {
        (Ok(memory), _) => memory,
        (Err(_), Some(bytes)) => {
            sum.bytes = bytes;
            (sum.carved, sum.cut) = place::finish(found);
            return Ok(sum);
        }
        (Err(why), None) => return Err(why),
    };
    for region in &suspect.regions {
        match memory.present(region.start, region.end) {
            Ok(stretches) => {
                for (start, end) in stretches {
                    let (start, end) = (start.max(region.start), end.min(region.end));
                    seen.push((start, end));
                    stretch(&*memory, start, end, &mut found, &mut sum);
                }
            }
            Err(why) => missed(&mut sum, why),
        }
    }
    (sum.carved, sum.cut) = place::finish(found);
    if let Some(rules) = carver.rules() {
        let name = suspect.exe.as_ref().map_or_else(String::new, ToString::to_string);
        sum.judged = rules.memory(memory, seen, &name);
    }
    Ok(sum)
}

fn missed(sum: &mut Read, why: Unavailable) {
    sum.missed = sum.missed.saturating_add(1);
    sum.why.get_or_insert(why);
}

fn stretch(memory: &dyn Memory, start: u64, end: u64, found: &mut Found, sum: &mut Read) {
    let mut stream = Stream::new(found, start);
    let mut at = start;
    while at < end {
        let asked = usize::try_from(end - at).unwrap_or(super::READ).min(super::READ);
        match memory.read(at, stream.room(asked)) {
            Ok(got) if got > 0 => {
                stream.filled(asked, got);
                at = at.saturating_add(got as u64);
                sum.bytes = sum.bytes.saturating_add(got as u64);
            }
            Ok(_) => {
                stream.filled(asked, 0);
                return;
            }
            Err(why) => {
                stream.filled(asked, 0);
                missed(sum, why);
                return;
            }
        }
    }
}

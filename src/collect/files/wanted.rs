//! Which files other facts speak of.

use crate::collect::persistence::paths;
use crate::collect::roots::Root;
use crate::evidence::HostPath;
use crate::facts::{self, Facts, HostText};
use std::collections::{BTreeMap, HashMap};

/// Paths in commands of startup entries that are looked at.
const MOST_NAMED: usize = 4096;

/// A file to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    /// Index of its root.
    pub root: usize,
    pub path: HostPath,
    /// As files.why.
    pub why: &'static str,
    /// For a file that no longer lies at its path: the /proc path through which a process
    /// holds it.
    pub via: Option<HostPath>,
    /// For a neighbour: the executable beside which it lies.
    pub beside: Option<HostPath>,
}

impl Candidate {
    pub fn new(root: usize, path: HostPath, why: &'static str) -> Self {
        Self { root, path, why, via: None, beside: None }
    }
}

fn places(roots: &[Root]) -> HashMap<&str, usize> {
    roots.iter().enumerate().map(|(index, root)| (root.id.as_str(), index)).collect()
}

/// What processes run: the path, and, where the path is gone or leads to another file, what the
/// process holds.
pub(super) fn executables(facts: &Facts, roots: &[Root]) -> Result<Vec<Candidate>, facts::Error> {
    let places = places(roots);
    let sql = "SELECT root_id, exe, min(pid), \
               max(coalesce(exe_deleted, 0) OR coalesce(exe_path_now, 'same') <> 'same') \
               FROM processes WHERE exe IS NOT NULL AND exe_memfd IS NOT 1 \
               GROUP BY root_id, exe, exe_dev, exe_inode ORDER BY root_id, exe, min(pid)";
    let rows = facts.rows(sql, [], |row| {
        let path = HostPath::unescape(&row.get::<_, String>(1)?);
        Ok((row.get::<_, String>(0)?, path, row.get::<_, u32>(2)?, row.get::<_, bool>(3)?))
    })?;
    let mut all = Vec::new();
    for (root, path, pid, gone) in rows {
        let Some(root) = places.get(root.as_str()) else { continue };
        if gone {
            let via = HostPath::from(format!("/proc/{pid}/exe").as_str());
            let held = Candidate::new(*root, path.clone(), "executable");
            all.push(Candidate { via: Some(via), ..held });
        }
        all.push(Candidate::new(*root, path, "executable"));
    }
    Ok(all)
}

/// Files mapped to be run, other than the executables themselves.
pub(super) fn libraries(facts: &Facts, roots: &[Root]) -> Result<Vec<Candidate>, facts::Error> {
    let places = places(roots);
    let sql = "SELECT p.root_id, m.path, min(m.pid), m.start, m.\"end\", max(coalesce(m.deleted, 0)) \
               FROM mappings m JOIN processes p ON p.pid = m.pid \
               WHERE m.executable AND m.kind = 'file' AND m.path IS NOT NULL \
               AND m.path IS NOT p.exe \
               GROUP BY p.root_id, m.path, m.dev, m.inode ORDER BY p.root_id, m.path, min(m.pid)";
    let rows = facts.rows(sql, [], |row| {
        let path = HostPath::unescape(&row.get::<_, String>(1)?);
        let range = (row.get::<_, i64>(3)?.cast_unsigned(), row.get::<_, i64>(4)?.cast_unsigned());
        Ok((row.get::<_, String>(0)?, path, row.get::<_, u32>(2)?, range, row.get::<_, bool>(5)?))
    })?;
    let mut all = Vec::new();
    for (root, path, pid, (start, end), deleted) in rows {
        let Some(root) = places.get(root.as_str()) else { continue };
        if deleted {
            let via = format!("/proc/{pid}/map_files/{start:x}-{end:x}");
            let via = Some(HostPath::from(via.as_str()));
            all.push(Candidate { via, ..Candidate::new(*root, path.clone(), "library") });
        }
        all.push(Candidate::new(*root, path, "library"));
    }
    Ok(all)
}

/// Files from which something starts. They are of the host's own root.
pub(super) fn persistence(facts: &Facts) -> Result<Vec<Candidate>, facts::Error> {
    let sql = "SELECT DISTINCT path FROM persistence ORDER BY path";
    let rows = facts.rows(sql, [], |row| Ok(HostPath::unescape(&row.get::<_, String>(0)?)))?;
    Ok(rows.into_iter().map(|path| Candidate::new(0, path, "persistence")).collect())
}

/// What entries start, of the host's own root; only what no package owns is looked at.
pub(super) fn programs(facts: &Facts) -> Result<Vec<Candidate>, facts::Error> {
    let sql = "SELECT DISTINCT program FROM persistence WHERE program IS NOT NULL \
               AND program NOT GLOB '/proc/*' AND program NOT GLOB '/sys/*' ORDER BY program";
    let rows = facts.rows(sql, [], |row| Ok(HostPath::unescape(&row.get::<_, String>(0)?)))?;
    let virtual_file = |path: &HostPath| {
        [&b"/proc/"[..], b"/sys/"].iter().any(|folder| path.as_bytes().starts_with(folder))
    };
    let rows = rows.into_iter().filter(|path| !virtual_file(path));
    Ok(rows.map(|path| Candidate::new(0, path, "started")).collect())
}

/// What entries name beside their program, such as its configuration; only what no package owns
/// is looked at.
pub(super) fn named(facts: &Facts) -> Result<Vec<Candidate>, facts::Error> {
    let sql = "SELECT DISTINCT command FROM persistence WHERE program IS NOT NULL \
               AND kind NOT IN ('account', 'sudoers', 'ssh-key', 'sysctl', 'module') ORDER BY command";
    let rows = facts.rows(sql, [], |row| row.get::<_, String>(0))?;
    let paths = rows.iter().flat_map(|command| paths(HostText::unescape(command).as_bytes()));
    Ok(paths.take(MOST_NAMED).map(|path| Candidate::new(0, path, "named")).collect())
}

/// Each file once, for the first reason it was named for; by root and path.
pub(super) fn distinct(all: Vec<Candidate>) -> Vec<Candidate> {
    let mut kept: BTreeMap<(usize, HostPath, Option<HostPath>), Candidate> = BTreeMap::new();
    for candidate in all {
        let key = (candidate.root, candidate.path.clone(), candidate.via.clone());
        kept.entry(key).or_insert(candidate);
    }
    kept.into_values().collect()
}

//! Files that the other facts speak of: executables, libraries, persistence, and what lies in
//! temporary and hidden folders.

use super::packages::owners;
use super::roots::roots;
use super::{Collector, Host, Outcome, Run};
use crate::evidence::{HostPath, Reason};
use crate::facts::{Facts, HostText, Table, Time};
use std::collections::HashMap;

crate::table! {
    pub struct FileRow in files, "Files that processes run, map or start from, that lie in temporary folders, or beside a suspect's executable.";
    root_id: String, "", "Which root the path is in, as processes.root_id.";
    path: HostPath, "", "Path in that root.";
    why: &'static str, "", "executable, library, persistence, temporary, neighbour.";
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
    sha256: Option<String>, "", "Of its bytes; NULL where not read.";
    package: Option<HostText>, "", "Package that owns the path; NULL where none does, or no database was read.";
    package_intact: Option<bool>, "", "Its digest is the package's; NULL where not compared.";
}

pub(super) const COLLECTOR: Collector =
    Collector { name: "files", tables: &[FileRow::DEF], run: Run::Host(collect) };

/// A file that other facts speak of.
struct Candidate {
    root: usize,
    path: HostPath,
    why: &'static str,
}

fn collect(host: &Host<'_>, facts: &Facts) -> Outcome {
    let roots = roots(host, facts)?;
    let mut candidates = Vec::new();
    let place: HashMap<&str, usize> =
        roots.iter().enumerate().map(|(i, r)| (r.id.as_str(), i)).collect();
    let sql = "SELECT DISTINCT root_id, exe FROM processes WHERE exe IS NOT NULL \
               AND exe_memfd IS NOT 1 ORDER BY root_id, exe";
    let executables = facts.rows(sql, [], |row| {
        Ok((row.get::<_, String>(0)?, HostPath::unescape(&row.get::<_, String>(1)?)))
    })?;
    for (root, path) in executables {
        if let Some(root) = place.get(root.as_str()) {
            candidates.push(Candidate { root: *root, path, why: "executable" });
        }
    }
    facts.change(
        "CREATE TEMP TABLE owned (root_id TEXT, path TEXT, package TEXT, PRIMARY KEY (root_id, path)) WITHOUT ROWID",
        [],
    )?;
    for (index, root) in roots.iter().enumerate() {
        let dir = match root.open(host.evidence) {
            Ok(dir) => dir,
            Err(why) => {
                host.gaps.missed("files", &why);
                continue;
            }
        };
        let open = || root.open(host.evidence);
        let mine = || candidates.iter().filter(|c| c.root == index);
        let owners = owners(dir.as_ref(), &open, mine().map(|c| c.path.clone()), &host.gaps);
        for candidate in mine() {
            let owned = owners.of(&candidate.path);
            if let Some(owned) = owned {
                facts.change(
                    "INSERT OR IGNORE INTO owned VALUES (?, ?, ?)",
                    (&root.id, candidate.path.to_string(), owned.package.to_string()),
                )?;
            }
            let stat = match dir.stat(&candidate.path) {
                Ok(stat) => stat,
                Err(why) => {
                    if why.reason != Reason::Absent {
                        host.gaps.missed("files", &why);
                    }
                    continue;
                }
            };
            host.gaps.read("files");
            let row = FileRow {
                root_id: root.id.clone(),
                path: candidate.path.clone(),
                why: candidate.why,
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
                content: None,
                sha256: None,
                package: owned.map(|o| o.package.clone()),
                package_intact: None,
            };
            facts.insert(root.key(&candidate.path), &candidate.path.to_string(), &row)?;
        }
    }
    facts.change(
        "UPDATE processes SET exe_package = (SELECT package FROM owned \
         WHERE owned.root_id = processes.root_id AND owned.path = processes.exe)",
        [],
    )?;
    facts.change("DROP TABLE owned", [])
}

//! The file systems that a host's paths may mean: its own root, and those of containers.

use super::Host;
use crate::evidence::{Dir, Evidence, HostPath, Pid, Unavailable};
use crate::facts::{self, Facts};

/// Containers beyond this many are named in coverage and not looked into.
const MOST_ROOTS: usize = 512;

/// One root, as processes.root_id names it.
pub(super) struct Root {
    /// `/` for the host's own.
    pub id: String,
    /// A process that has it; `None` for the host's own.
    pub pid: Option<Pid>,
}

impl Root {
    /// Opens it.
    ///
    /// # Errors
    /// Why it cannot be had, as when its last process ended.
    pub fn open<'a>(&self, evidence: &'a dyn Evidence) -> Result<Box<dyn Dir + 'a>, Unavailable> {
        match self.pid {
            None => evidence.dir(&HostPath::from("/")),
            Some(pid) => evidence.root_of(pid),
        }
    }

    /// A key for a fact about a path in it, as `/usr/bin/ls` or `4026532201:5!/usr/bin/ls`.
    pub fn key(&self, path: &HostPath) -> String {
        if self.pid.is_none() { path.to_string() } else { format!("{}!{path}", self.id) }
    }
}

/// The host's own root, then every other one that a process has, by id.
///
/// # Errors
/// Where the facts cannot be asked.
pub(super) fn roots(host: &Host<'_>, facts: &Facts) -> Result<Vec<Root>, facts::Error> {
    let mut all = vec![Root { id: "/".to_owned(), pid: None }];
    let sql = "SELECT root_id, min(pid) FROM processes WHERE root_id <> '/' \
               GROUP BY root_id ORDER BY root_id";
    let others = facts.rows(sql, [], |row| Ok(Root { id: row.get(0)?, pid: Some(row.get(1)?) }))?;
    if others.len() > MOST_ROOTS {
        let path = HostPath::from("/proc");
        let detail = format!("{} roots of containers; {MOST_ROOTS} are looked into", others.len());
        let why = Unavailable::new(&path, crate::evidence::Reason::TooMuch, detail);
        host.gaps.missed("files", &why);
    }
    all.extend(others.into_iter().take(MOST_ROOTS));
    Ok(all)
}

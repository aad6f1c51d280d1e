//! What several runs left in their folders, as one.

use super::parts::{Gap, Mark, gaps, unmarked};
use super::passed::Passed;
use super::record::Record;
use super::{CASES, DONE, Status, parquet};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Results, each once, and the folder that each is in.
pub struct Merged {
    all: BTreeMap<String, (Record, PathBuf)>,
    marks: BTreeMap<PathBuf, Vec<Mark>>,
    /// Results that could not be read: what they told of is not in the fleet.
    pub unread: Vec<PathBuf>,
}

impl Merged {
    /// The results that these folders hold.
    ///
    /// # Errors
    /// Where a folder cannot be listed, by name.
    pub fn gather(folders: &[PathBuf]) -> io::Result<Self> {
        let mut all: BTreeMap<String, (Record, PathBuf)> = BTreeMap::new();
        let mut marks = BTreeMap::new();
        let mut unread = Vec::new();
        for folder in folders {
            marks.insert(folder.clone(), Mark::all(folder));
            let done = folder.join(DONE);
            let named = |e: io::Error| io::Error::new(e.kind(), format!("{}: {e}", done.display()));
            for entry in fs::read_dir(&done).map_err(named)? {
                let name = entry?.file_name();
                let Some(key) = name.to_str().and_then(|name| name.strip_suffix(".json")) else {
                    continue;
                };
                let Some(record) = Record::load(folder, key) else {
                    unread.push(done.join(&name));
                    continue;
                };
                // A second run may have done what the first put aside.
                let better = match all.get(key) {
                    None => true,
                    Some((known, _)) => {
                        known.status == Status::PutAside && record.status == Status::Done
                    }
                };
                if better {
                    all.insert(key.to_owned(), (record, folder.clone()));
                }
            }
        }
        unread.sort();
        Ok(Self { all, marks, unread })
    }

    /// Leaves the results of one set of rules, where several were used over time: these, if they
    /// are among them. Tells how many results of others were left out.
    ///
    /// # Errors
    /// Where there are several, and these are not among them; in words for the user.
    pub fn only(&mut self, rules: &str) -> Result<usize, String> {
        let mut sets: BTreeMap<String, usize> = BTreeMap::new();
        for (record, _) in self.all.values() {
            *sets.entry(record.rules().to_owned()).or_insert(0) += 1;
        }
        if sets.len() < 2 {
            return Ok(0);
        }
        if !sets.contains_key(rules) {
            let sets: Vec<String> =
                sets.iter().map(|(rules, count)| format!("{rules} ({count} results)")).collect();
            return Err(format!(
                "these folders hold results by several sets of rules, {}: merge with the davy, the \
                 playbooks and the options that made one of them; these are {rules}",
                sets.join(", ")
            ));
        }
        let before = self.all.len();
        self.all.retain(|_, (record, _)| record.rules() == rules);
        Ok(before - self.all.len())
    }

    /// What is missing of the parts that these folders are of. Of other rules than the results' own
    /// nothing counts.
    #[must_use]
    pub fn gaps(&self) -> Vec<Gap> {
        let mut gaps = gaps(&self.marks());
        let marked = |folder: &PathBuf| {
            self.marks.get(folder).is_some_and(|marks| marks.iter().any(|mark| self.ours(mark)))
        };
        let folders: BTreeSet<&PathBuf> = self.all.values().map(|(_, folder)| folder).collect();
        gaps.extend(folders.into_iter().filter(|f| !marked(f)).map(|folder| unmarked(folder)));
        gaps
    }

    fn marks(&self) -> Vec<Mark> {
        self.marks.values().flatten().filter(|mark| self.ours(mark)).cloned().collect()
    }

    /// Whether a run was by the rules of the results that are merged.
    fn ours(&self, mark: &Mark) -> bool {
        self.all.values().next().is_none_or(|(record, _)| record.rules() == mark.rules)
    }

    /// The commands that try again what was put aside, each once.
    #[must_use]
    pub fn again(&self) -> BTreeSet<String> {
        let mut commands = BTreeSet::new();
        let aside = self.all.values().filter(|(record, _)| record.status == Status::PutAside);
        for (record, folder) in aside {
            let marks = self.marks.get(folder).into_iter().flatten();
            let its = marks.filter(|mark| self.ours(mark) && mark.has(&record.sha256));
            commands.extend(its.map(|mark| mark.again.clone()).filter(|again| !again.is_empty()));
        }
        commands
    }

    /// What the runs passed over.
    #[must_use]
    pub fn passed(&self) -> Passed {
        Passed::of(&self.marks())
    }

    /// The results.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        self.all.values().map(|(record, _)| record.clone()).collect()
    }

    /// Makes `fleet.html` in this folder find the case folders: by links to where they are.
    ///
    /// # Errors
    /// Where a link cannot be made.
    pub fn link(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder.join(CASES))?;
        for (record, from) in self.all.values().filter(|(r, _)| r.status == Status::Done) {
            let place = folder.join(&record.case);
            // A link of an earlier merge may lead to where the case no longer is.
            if place.is_symlink() && !place.exists() {
                fs::remove_file(&place)?;
            }
            if let Ok(case) = from.join(&record.case).canonicalize()
                && !place.exists()
            {
                std::os::unix::fs::symlink(case, place)?;
            }
        }
        Ok(())
    }

    /// Writes the facts of all as Parquet; what could not be written of some.
    #[must_use]
    pub fn parquet(&self, folder: &Path) -> Vec<String> {
        let done = self.all.values().filter(|(record, _)| record.status == Status::Done);
        done.filter_map(|(record, from)| parquet::ensure(record, from, folder).err())
            .map(|e| e.to_string())
            .collect()
    }
}

//! What each run leaves of itself in its folder: which part of how many it was, of which archives, and
//! whether it ended; and what a merge is told by these of the parts that it lacks.

use super::passed::Passed;
use super::{Item, Shard, counted, durable, lock};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

/// Folder of these marks, one file a part and set of rules.
pub(super) const PARTS: &str = "parts";

/// All that the sources of a run name, of which a part does its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whole {
    /// How many archives of different content.
    pub archives: usize,
    /// A digest over theirs: parts of one work saw the same, wherever it was mounted.
    pub sha256: String,
    /// What else lies in the folders.
    #[serde(default)]
    pub passed: Passed,
}

impl Whole {
    /// Of the digests of all archives, in their order.
    pub(super) fn of<'a>(digests: impl Iterator<Item = &'a String>, passed: Passed) -> Self {
        let (mut hasher, mut archives) = (Sha256::new(), 0);
        for digest in digests {
            hasher.update(digest);
            archives += 1;
        }
        let sha256 = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Self { archives, sha256, passed }
    }
}

/// What there is to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// The archives of this part.
    pub items: Vec<Item>,
    /// What all parts are of.
    pub whole: Whole,
}

/// A run, as it tells of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Which part, counted from 0.
    pub index: u64,
    /// Of how many.
    pub count: u64,
    /// The digest of the rules that it judged by.
    pub rules: String,
    /// What all parts together are of.
    pub whole: Whole,
    /// Whether it came to its end: each of its archives has a record.
    pub ended: bool,
    /// The command that tries again what it put aside.
    #[serde(default)]
    pub again: String,
}

impl Mark {
    /// Of a run that begins.
    #[must_use]
    pub fn new(shard: Shard, rules: &str, whole: Whole, again: String) -> Self {
        Self {
            index: shard.index,
            count: shard.count,
            rules: rules.to_owned(),
            whole,
            ended: false,
            again,
        }
    }

    /// Says that it begins. What ended already stays so: its records are there.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn begins(&self, folder: &Path) -> io::Result<()> {
        let known = Self::load(&folder.join(PARTS).join(self.name()));
        if known.is_some_and(|known| known.ended && known.whole == self.whole) {
            return Ok(());
        }
        self.store(folder)
    }

    /// Whether the result of this digest is of this part.
    #[must_use]
    pub fn has(&self, sha256: &str) -> bool {
        Shard { index: self.index, count: self.count }.has(sha256)
    }

    /// Says that it ended.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn ends(self, folder: &Path) -> io::Result<()> {
        Self { ended: true, ..self }.store(folder)
    }

    /// A later run of the same part stands for an earlier one: of a folder of evidence that grew.
    fn name(&self) -> String {
        format!("{}-of-{}.{}.json", self.index, self.count, self.rules)
    }

    fn store(&self, folder: &Path) -> io::Result<()> {
        let below = folder.join(PARTS);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&below)?;
        let _held = lock::take(folder, PARTS)?;
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        durable(&below.join(self.name()), &bytes)
    }

    fn load(path: &Path) -> Option<Self> {
        let mark: Self = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
        (mark.index < mark.count).then_some(mark)
    }

    /// Those that a folder holds.
    pub(super) fn all(folder: &Path) -> Vec<Self> {
        let entries = fs::read_dir(folder.join(PARTS)).into_iter().flatten().filter_map(Result::ok);
        let whole = |path: &std::path::PathBuf| path.extension().is_some_and(|end| end == "json");
        let paths = entries.map(|entry| entry.path()).filter(whole);
        paths.filter_map(|path| Self::load(&path)).collect()
    }
}

/// Parts that a fleet lacks: nothing is known of their hosts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// Of how many parts; 0 where results do not say of which part they are.
    pub parts: u64,
    /// How many archives all the parts are of.
    pub archives: usize,
    /// The parts of which no run is there, as `2` and `4-7`.
    pub missing: Vec<String>,
    /// The parts whose run did not come to its end.
    pub unfinished: Vec<String>,
    /// All that in words.
    pub said: String,
}

/// What these runs leave open. A work of which every part ended leaves nothing open, whatever else was
/// begun of it: in other parts, as one.
pub(super) fn gaps(marks: &[Mark]) -> Vec<Gap> {
    let mut works: BTreeMap<&str, BTreeMap<u64, Vec<&Mark>>> = BTreeMap::new();
    for mark in marks {
        works.entry(&mark.whole.sha256).or_default().entry(mark.count).or_default().push(mark);
    }
    let mut gaps = Vec::new();
    for counts in works.into_values() {
        let open: Vec<Gap> =
            counts.iter().filter_map(|(count, marks)| gap(*count, marks)).collect();
        if open.len() == counts.len() {
            gaps.extend(open);
        }
    }
    gaps
}

fn gap(count: u64, marks: &[&Mark]) -> Option<Gap> {
    let ended: BTreeSet<u64> = marks.iter().filter(|m| m.ended).map(|m| m.index).collect();
    let begun: BTreeSet<u64> = marks.iter().map(|m| m.index).collect();
    let missing = between(&begun, count);
    let halted: Vec<u64> = begun.difference(&ended).copied().collect();
    let unfinished: Vec<String> = runs(&halted);
    if missing.is_empty() && unfinished.is_empty() {
        return None;
    }
    let archives = marks.first().map_or(0, |mark| mark.whole.archives);
    let parts = |all: &[String]| {
        let several = all.len() > 1 || all.iter().any(|one| one.contains('-'));
        format!("part{} {}", if several { "s" } else { "" }, all.join(", "))
    };
    let mut said = Vec::new();
    if !missing.is_empty() {
        said.push(format!("no run of {}", parts(&missing)));
    }
    if !unfinished.is_empty() {
        said.push(format!("{} did not come to an end", parts(&unfinished)));
    }
    let over = counted(archives, "archive");
    let said = match count {
        1 => format!("the run over {over} did not come to an end"),
        _ => format!("of {count} parts (0 to {}) over {over}: {}", count - 1, said.join("; ")),
    };
    Some(Gap { parts: count, archives, missing, unfinished, said })
}

/// Results of which no run says of which part they are.
pub(super) fn unmarked(folder: &Path) -> Gap {
    let said = format!(
        "{}: no run says which part these results are, nor whether that is all",
        folder.display()
    );
    Gap { parts: 0, archives: 0, missing: Vec::new(), unfinished: Vec::new(), said }
}

/// The numbers below `count` that are not among these.
fn between(these: &BTreeSet<u64>, count: u64) -> Vec<String> {
    let mut next = 0;
    let mut found = Vec::new();
    for one in these.iter().copied().chain([count]) {
        if next < one {
            found.push(range(next, one - 1));
        }
        next = one.saturating_add(1);
    }
    found
}

/// These numbers, those in a row as one range.
fn runs(these: &[u64]) -> Vec<String> {
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for one in these.iter().copied() {
        match ranges.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(one) => *last = one,
            _ => ranges.push((one, one)),
        }
    }
    ranges.into_iter().map(|(first, last)| range(first, last)).collect()
}

fn range(first: u64, last: u64) -> String {
    if first == last { first.to_string() } else { format!("{first}-{last}") }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    fn mark(index: u64, count: u64, of: &str, ended: bool) -> Mark {
        let whole = Whole { archives: 9, sha256: of.to_owned(), passed: Passed::default() };
        Mark { ended, ..Mark::new(Shard { index, count }, "r", whole, String::new()) }
    }

    #[test]
    fn what_is_missing_and_what_did_not_end() {
        let gaps = gaps(&[mark(1, 8, "a", true), mark(2, 8, "a", false), mark(3, 8, "a", false)]);
        assert_eq!(gaps.len(), 1);
        assert_eq!((gaps[0].parts, gaps[0].archives), (8, 9));
        assert_eq!(gaps[0].missing, ["0", "4-7"]);
        assert_eq!(gaps[0].unfinished, ["2-3"]);
        // However many parts are said.
        let gaps = super::gaps(&[mark(5, u64::MAX, "a", true)]);
        assert_eq!(gaps[0].missing, ["0-4".to_owned(), format!("6-{}", u64::MAX - 1)]);
    }

    #[test]
    fn a_work_that_is_whole_in_some_parting_is_whole() {
        assert!(gaps(&[mark(0, 1, "a", true)]).is_empty());
        assert!(gaps(&[mark(0, 2, "a", true), mark(1, 2, "a", true)]).is_empty());
        assert!(gaps(&[mark(0, 2, "a", true), mark(0, 1, "a", true)]).is_empty());
        assert_eq!(gaps(&[mark(0, 1, "a", false)])[0].unfinished, ["0"]);
        // Halves of two works are no whole.
        assert_eq!(gaps(&[mark(0, 2, "a", true), mark(1, 2, "b", true)]).len(), 2);
    }

    #[test]
    fn what_ended_stays_ended_and_another_work_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let run = mark(0, 2, "a", false);
        run.begins(folder.path()).unwrap();
        assert!(!Mark::all(folder.path())[0].ended);
        run.clone().ends(folder.path()).unwrap();
        run.begins(folder.path()).unwrap();
        assert!(Mark::all(folder.path())[0].ended);
        mark(0, 2, "b", false).begins(folder.path()).unwrap();
        assert_eq!(Mark::all(folder.path()), [mark(0, 2, "b", false)]);
    }
}

//! Files in the folders of a batch that are no archives: a host may be among them whose archive has
//! another form than it should.

use super::counted;
use super::parts::Mark;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// As many are named.
const NAMED: usize = 5;

/// How many, and the first of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passed {
    /// How many.
    pub count: usize,
    /// The first by name, as they are called below the folder that was named.
    pub names: BTreeSet<String>,
}

impl Passed {
    pub(super) fn add(&mut self, folder: &Path, file: &Path) {
        self.count += 1;
        self.name(file.strip_prefix(folder).unwrap_or(file).display().to_string());
    }

    fn name(&mut self, name: String) {
        self.names.insert(name);
        if self.names.len() > NAMED {
            self.names.pop_last();
        }
    }

    /// What the runs of several works passed over. All parts of one work saw the same.
    pub(super) fn of(marks: &[Mark]) -> Self {
        let mut works: BTreeMap<&str, &Self> = BTreeMap::new();
        for Mark { whole, .. } in marks {
            let most = works.entry(&whole.sha256).or_insert(&whole.passed);
            if (whole.passed.count, &whole.passed.names) > (most.count, &most.names) {
                *most = &whole.passed;
            }
        }
        let mut all = Self::default();
        for one in works.into_values() {
            all.count += one.count;
            one.names.iter().for_each(|name| all.name(name.clone()));
        }
        all
    }

    /// In a sentence, where there are any.
    #[must_use]
    pub fn said(&self) -> Option<String> {
        if self.count == 0 {
            return None;
        }
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        let rest = match self.count.saturating_sub(names.len()) {
            0 => String::new(),
            rest => format!(" and {rest} more"),
        };
        let are =
            if self.count == 1 { "is no archive and was" } else { "are no archives and were" };
        let files = counted(self.count, "file");
        Some(format!("{files} of the folders {are} passed over: {}{rest}", names.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_are_named_and_all_are_counted() {
        let mut passed = Passed::default();
        assert_eq!(passed.said(), None);
        for number in [4, 2, 7, 1, 3, 6, 5] {
            passed.add(Path::new("/in"), Path::new(&format!("/in/of/{number}.txt")));
        }
        assert_eq!(
            passed.said().as_deref(),
            Some(
                "7 files of the folders are no archives and were passed over: of/1.txt, of/2.txt, \
                 of/3.txt, of/4.txt, of/5.txt and 2 more"
            )
        );
    }
}

//! Which entries of a file are kept: equal ones once, and of very many the first and the last, so
//! that padding pushes none out.

use super::Found;
use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

/// Entries of one file that are kept, half of them from its end.
pub(super) const MOST_ROWS: usize = 2000;

/// What is kept of a file.
pub(super) struct Kept {
    /// Entries in order, and how often each stands in the file.
    pub entries: Vec<(Found, u32)>,
    /// Different ones that were left out.
    pub left_out: usize,
}

/// Keeps each entry once, at its first place.
pub(super) fn keep(found: Vec<Found>) -> Kept {
    // Digests under a random key in place of the entries: a megabyte of padding is 100,000 of them.
    let key = RandomState::new();
    let mut places: HashMap<u64, usize> = HashMap::with_capacity(found.len());
    let mut entries: Vec<(Found, u32)> = Vec::new();
    for entry in found {
        let digest = key.hash_one((&entry.name, &entry.user, &entry.schedule, &entry.command));
        match places.get(&digest).and_then(|place| entries.get_mut(*place)) {
            Some((_, times)) => *times = times.saturating_add(1),
            None => {
                places.insert(digest, entries.len());
                entries.push((entry, 1));
            }
        }
    }
    let left_out = entries.len().saturating_sub(MOST_ROWS);
    if left_out > 0 {
        let head = MOST_ROWS / 2;
        entries.drain(head..head + left_out);
    }
    Kept { entries, left_out }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]
    use super::*;
    use crate::facts::HostText;

    fn entry(line: u32, command: &str) -> Found {
        Found { line: Some(line), command: HostText::from(command), ..Found::default() }
    }

    #[test]
    fn padding_pushes_nothing_out() {
        let mut found: Vec<Found> = (1..=5000).map(|line| entry(line, "true")).collect();
        found.insert(2500, entry(9999, "evil"));
        let kept = keep(found);
        assert_eq!(kept.entries, [(entry(1, "true"), 5000), (entry(9999, "evil"), 1)]);
        assert_eq!(kept.left_out, 0);
    }

    #[test]
    fn of_very_many_the_first_and_the_last() {
        let kept = keep((1..=3000).map(|line| entry(line, &format!("job {line}"))).collect());
        assert_eq!((kept.entries.len(), kept.left_out), (MOST_ROWS, 1000));
        let lines: Vec<Option<u32>> = kept.entries.iter().map(|(found, _)| found.line).collect();
        assert_eq!(
            (lines[0], lines[999], lines[1000], lines[1999]),
            (Some(1), Some(1000), Some(2001), Some(3000))
        );
    }
}

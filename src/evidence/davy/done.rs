//! What of a recording is written: the rest is new.

use super::wire::Wire;
use crate::evidence::{HostPath, Unavailable};
use std::collections::{BTreeMap, BTreeSet};

/// How much of a directory's answers is written.
#[derive(Default)]
pub(super) struct Done {
    pub known: bool,
    pub lists: BTreeSet<HostPath>,
    pub links: BTreeSet<HostPath>,
    pub stats: BTreeSet<HostPath>,
    pub link_stats: BTreeSet<HostPath>,
    pub spaces: BTreeSet<HostPath>,
    pub opened: BTreeSet<HostPath>,
    /// With the bytes that were held then: more may have been read since.
    pub contents: BTreeMap<HostPath, (usize, Option<u64>)>,
}

#[derive(Default)]
pub(super) struct DoneMemory {
    pub known: bool,
    pub present: BTreeSet<(u64, u64)>,
    pub stops: BTreeSet<u64>,
    pub pieces: BTreeMap<u64, usize>,
}

/// The answers of one kind that are not written yet.
pub(super) fn fresh<T, U>(
    answers: &BTreeMap<HostPath, Result<T, Unavailable>>,
    done: &mut BTreeSet<HostPath>,
    map: impl Fn(&T) -> U,
) -> BTreeMap<String, Wire<U>> {
    if answers.len() == done.len() {
        return BTreeMap::new();
    }
    answers
        .iter()
        .filter(|(name, _)| done.insert((*name).clone()))
        .map(|(name, answer)| (name.text().escaped(), Wire::of(answer, &map)))
        .collect()
}

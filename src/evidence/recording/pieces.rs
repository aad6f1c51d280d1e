//! The parts of a file or of a memory that were read.

use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::collections::HashMap;
use std::sync::Arc;

/// Stretches of bytes by offset; they neither touch nor overlap.
#[derive(Clone, Debug, Default)]
pub(in crate::evidence) struct Pieces {
    held: BTreeMap<u64, Held>,
}

/// Bytes that lie elsewhere and are read when they are asked for.
pub(in crate::evidence) trait ReadAt: std::fmt::Debug + Send + Sync {
    /// Reads from an offset on; how much it was, nothing where it cannot be had.
    fn read_at(&self, at: u64, into: &mut [u8]) -> usize;
}

/// Bytes that may still grow, that are shared with files of equal content, or that lie elsewhere.
#[derive(Clone, Debug)]
enum Held {
    Growing(Vec<u8>),
    Shared(Arc<[u8]>),
    Away { from: Arc<dyn ReadAt>, at: u64, length: u64 },
}

impl Held {
    /// The bytes, where they are in memory.
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Growing(bytes) => bytes,
            Self::Shared(bytes) => bytes,
            Self::Away { .. } => &[],
        }
    }

    fn len(&self) -> u64 {
        match self {
            Self::Away { length, .. } => *length,
            held => held.bytes().len() as u64,
        }
    }

    fn extend(&mut self, more: &[u8]) {
        if let Self::Shared(bytes) = self {
            *self = Self::Growing(bytes.to_vec());
        }
        if let Self::Growing(bytes) = self {
            bytes.extend_from_slice(more);
        }
    }
}

impl Pieces {
    /// Keeps bytes that were read at an offset. What is held already stays: the first answer
    /// counts.
    pub(super) fn add(&mut self, offset: u64, bytes: &[u8]) {
        let (mut at, mut rest) = (offset, bytes);
        while !rest.is_empty() {
            let next = self.held.range(at.saturating_add(1)..).next().map(|(start, _)| *start);
            let before = self.held.range_mut(..=at).next_back();
            let before = before.map(|(start, held)| (start.saturating_add(held.len()), held));
            let room = next.map_or(u64::MAX, |n| n.saturating_sub(at));
            let step = match before {
                Some((end, _)) if end > at => take(rest, end.saturating_sub(at)).0,
                Some((end, held)) if end == at => {
                    let (now, _) = take(rest, room);
                    held.extend(now);
                    now
                }
                _ => {
                    let (now, _) = take(rest, room);
                    self.held.insert(at, Held::Growing(now.to_vec()));
                    now
                }
            };
            at = at.saturating_add(step.len() as u64);
            rest = rest.get(step.len()..).unwrap_or_default();
        }
    }

    /// The bytes held in memory from an offset on, up to the end of their piece.
    pub(super) fn from(&self, offset: u64) -> &[u8] {
        let Some((start, held)) = self.held.range(..=offset).next_back() else { return &[] };
        let skip = usize::try_from(offset.saturating_sub(*start)).unwrap_or(usize::MAX);
        held.bytes().get(skip..).unwrap_or_default()
    }

    /// How many bytes there are from an offset on, up to the end of their piece.
    pub(super) fn reach(&self, offset: u64) -> u64 {
        let before = self.held.range(..=offset).next_back();
        before.map_or(0, |(start, held)| start.saturating_add(held.len()).saturating_sub(offset))
    }

    /// Copies what is held from an offset on, across neighbouring pieces; how much it was.
    pub(super) fn copy(&self, offset: u64, into: &mut [u8]) -> usize {
        let mut done = 0;
        while let Some(rest) = into.get_mut(done..).filter(|r| !r.is_empty()) {
            let at = offset.saturating_add(done as u64);
            let count = self.copy_one(at, rest);
            if count == 0 {
                break;
            }
            done = done.saturating_add(count);
        }
        done
    }

    fn copy_one(&self, at: u64, into: &mut [u8]) -> usize {
        let most = usize::try_from(self.reach(at)).unwrap_or(usize::MAX).min(into.len());
        let Some(into) = into.get_mut(..most) else { return 0 };
        let before = self.held.range(..=at).next_back();
        if let Some((start, Held::Away { from, at: place, .. })) = before {
            return from.read_at(place.saturating_add(at.saturating_sub(*start)), into);
        }
        let Some(bytes) = self.from(at).get(..most) else { return 0 };
        into.copy_from_slice(bytes);
        most
    }

    /// Every stretch, by offset.
    pub(in crate::evidence) fn iter(&self) -> impl Iterator<Item = (u64, &[u8])> {
        self.held.iter().map(|(at, held)| (*at, held.bytes()))
    }

    /// The bytes of a stretch, where they are shared with equal ones.
    pub(in crate::evidence) fn shared_at(&self, at: u64) -> Option<&Arc<[u8]>> {
        match self.held.get(&at)? {
            Held::Shared(bytes) => Some(bytes),
            Held::Growing(_) | Held::Away { .. } => None,
        }
    }

    /// Puts a stretch that was held elsewhere.
    pub(in crate::evidence) fn put(&mut self, at: u64, bytes: Arc<[u8]>) {
        self.held.insert(at, Held::Shared(bytes));
    }

    /// Puts a stretch that is read again when it is asked for.
    pub(in crate::evidence) fn put_away(
        &mut self,
        offset: u64,
        from: Arc<dyn ReadAt>,
        at: u64,
        length: u64,
    ) {
        self.held.insert(offset, Held::Away { from, at, length });
    }

    /// All bytes held.
    pub(in crate::evidence) fn len(&self) -> usize {
        self.held.values().map(|h| usize::try_from(h.len()).unwrap_or(usize::MAX)).sum()
    }

    /// Lets equal contents share their bytes; how many bytes are new to the store.
    pub(super) fn share(&mut self, store: &mut Store) -> usize {
        let mut new = 0_usize;
        for held in self.held.values_mut() {
            if let Held::Growing(bytes) = held {
                let (shared, added) = store.keep(bytes);
                new = new.saturating_add(added);
                *held = Held::Shared(shared);
            }
        }
        new
    }
}

fn take(bytes: &[u8], most: u64) -> (&[u8], &[u8]) {
    let most = usize::try_from(most).unwrap_or(usize::MAX).min(bytes.len());
    bytes.split_at_checked(most).unwrap_or((bytes, &[]))
}

/// Contents by their digest.
#[derive(Debug, Default)]
pub(in crate::evidence) struct Store {
    contents: HashMap<[u8; 32], Arc<[u8]>>,
    /// Bytes of all contents.
    pub size: usize,
}

impl Store {
    /// The content, kept once, and the bytes that it adds.
    fn keep(&mut self, bytes: &[u8]) -> (Arc<[u8]>, usize) {
        let digest: [u8; 32] = Sha256::digest(bytes).into();
        if let Some(known) = self.contents.get(&digest) {
            return (known.clone(), 0);
        }
        let content: Arc<[u8]> = bytes.into();
        self.contents.insert(digest, content.clone());
        self.size = self.size.saturating_add(bytes.len());
        (content, bytes.len())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_read_first_is_what_is_held(
            reads in prop::collection::vec((0_u64..60, prop::collection::vec(any::<u8>(), 0..20)), 0..20),
            share: bool,
        ) {
            let mut pieces = Pieces::default();
            let mut store = Store::default();
            let mut truth = [None; 100];
            for (at, bytes) in &reads {
                pieces.add(*at, bytes);
                if share {
                    pieces.share(&mut store);
                }
                for (place, byte) in (*at..).zip(bytes) {
                    truth[place as usize].get_or_insert(*byte);
                }
            }
            for (place, byte) in truth.iter().enumerate() {
                prop_assert_eq!(pieces.from(place as u64).first(), byte.as_ref());
            }
            prop_assert_eq!(pieces.len(), truth.iter().flatten().count());
        }
    }
}

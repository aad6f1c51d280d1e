//! A table of packed keys with sums beside them. Nothing is moved once it is stored, so that
//! growing never needs twice the memory.

use super::super::flow::FlowSeen;
use std::hash::{BuildHasher, Hasher, RandomState};

/// A sum that is kept for each conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// How many connections.
    Connections,
    /// How many records of the log.
    Records,
    /// In how many both sides took part.
    Established,
    /// How many were refused or not answered.
    Refused,
    /// How many were not closed.
    Open,
    /// From the originator.
    OrigBytes,
    /// From the responder.
    RespBytes,
    /// From the originator.
    OrigPkts,
    /// From the responder.
    RespPkts,
    /// First packet.
    First,
    /// Last packet.
    Last,
    /// Longest duration in nanoseconds.
    Longest,
}

impl Slot {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::Connections,
        Self::Records,
        Self::Established,
        Self::Refused,
        Self::Open,
        Self::OrigBytes,
        Self::RespBytes,
        Self::OrigPkts,
        Self::RespPkts,
        Self::First,
        Self::Last,
        Self::Longest,
    ];

    /// What one connection brings.
    fn of(self, flow: &FlowSeen<'_>) -> u64 {
        match self {
            Self::Connections => 1,
            Self::Records => flow.records.into(),
            Self::Established => u64::from(flow.both() == Some(true)),
            Self::Refused => u64::from(flow.both() == Some(false)),
            Self::Open => flow.open.into(),
            Self::OrigBytes => flow.orig_bytes.unwrap_or(0),
            Self::RespBytes => flow.resp_bytes.unwrap_or(0),
            Self::OrigPkts => flow.orig_pkts.unwrap_or(0),
            Self::RespPkts => flow.resp_pkts.unwrap_or(0),
            Self::First => flow.started.map_or(u64::MAX, |time| bias(time.0)),
            Self::Last => flow.ended().map_or(0, |time| bias(time.0)),
            Self::Longest => flow.duration.and_then(|d| u64::try_from(d).ok()).unwrap_or(0),
        }
    }

    pub(super) fn joined(self, a: u64, b: u64) -> u64 {
        match self {
            Self::First => a.min(b),
            Self::Last | Self::Longest => a.max(b),
            _ => a.saturating_add(b),
        }
    }

    fn empty(self) -> u64 {
        if self == Self::First { u64::MAX } else { 0 }
    }
}

/// Times as numbers whose order is theirs; neither 0 nor the largest is a time.
fn bias(time: i64) -> u64 {
    (time.cast_unsigned() ^ (1 << 63)).clamp(1, u64::MAX - 1)
}

pub(super) fn unbias(biased: u64) -> i64 {
    (biased ^ (1 << 63)).cast_signed()
}

/// Entries of one chunk.
const CHUNK: usize = 1 << 14;
/// Bytes of one chunk of keys.
const BYTES: usize = 1 << 20;

/// Where an entry's key lies, and part of its hash.
#[derive(Clone, Copy)]
struct Place {
    hash: u32,
    chunk: u32,
    from: u32,
    length: u32,
}

/// The table.
pub(super) struct Table {
    slots: &'static [Slot],
    seed: u64,
    /// Number of an entry from 1; 0 is free. Its length is a power of two.
    index: Vec<u32>,
    places: Vec<Vec<Place>>,
    keys: Vec<Vec<u8>>,
    sums: Vec<Vec<u64>>,
    entries: u32,
}

impl Table {
    pub(super) fn new(slots: &'static [Slot]) -> Self {
        // Whoever writes to the log must not be able to choose keys that collide.
        let seed = RandomState::new().build_hasher().finish();
        Self {
            slots,
            seed,
            index: vec![0; 1 << 12],
            places: Vec::new(),
            keys: Vec::new(),
            sums: Vec::new(),
            entries: 0,
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.entries as usize
    }

    /// The entry of a key, and whether it is new.
    pub(super) fn entry(&mut self, key: &[u8]) -> (u32, bool) {
        let hash = hash(self.seed, key);
        let short = (hash >> 32) as u32;
        let mask = self.index.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            match self.index.get(at).copied().unwrap_or(0) {
                0 => break,
                number => {
                    let entry = number - 1;
                    if self.place(entry).is_some_and(|p| p.hash == short) && self.key(entry) == key
                    {
                        return (entry, false);
                    }
                }
            }
            at = (at + 1) & mask;
        }
        let entry = self.store(key, short);
        if let Some(cell) = self.index.get_mut(at) {
            *cell = entry + 1;
        }
        if self.len() * 3 > self.index.len() * 2 {
            self.grow();
        }
        (entry, true)
    }

    fn store(&mut self, key: &[u8], short: u32) -> u32 {
        let room = self.keys.last().is_some_and(|chunk| chunk.len() + key.len() <= BYTES);
        if !room {
            self.keys.push(Vec::with_capacity(BYTES));
        }
        let chunk = self.keys.len().saturating_sub(1);
        let mut from = 0;
        if let Some(bytes) = self.keys.last_mut() {
            from = bytes.len();
            bytes.extend_from_slice(key);
        }
        if self.len().is_multiple_of(CHUNK) {
            self.places.push(Vec::with_capacity(CHUNK));
            self.sums.push(Vec::with_capacity(CHUNK * self.slots.len()));
        }
        let place = Place {
            hash: short,
            chunk: u32::try_from(chunk).unwrap_or(u32::MAX),
            from: u32::try_from(from).unwrap_or(u32::MAX),
            length: u32::try_from(key.len()).unwrap_or(0),
        };
        if let (Some(places), Some(sums)) = (self.places.last_mut(), self.sums.last_mut()) {
            places.push(place);
            sums.extend(self.slots.iter().map(|slot| slot.empty()));
        }
        let entry = self.entries;
        self.entries = self.entries.saturating_add(1);
        entry
    }

    fn grow(&mut self) {
        let size = self.index.len() * 2;
        let mask = size - 1;
        let mut index = vec![0u32; size];
        for entry in 0..self.entries {
            let mut at = hash(self.seed, self.key(entry)) as usize & mask;
            while index.get(at).is_some_and(|cell| *cell != 0) {
                at = (at + 1) & mask;
            }
            if let Some(cell) = index.get_mut(at) {
                *cell = entry + 1;
            }
        }
        self.index = index;
    }

    fn place(&self, entry: u32) -> Option<&Place> {
        let entry = entry as usize;
        self.places.get(entry / CHUNK)?.get(entry % CHUNK)
    }

    pub(super) fn key(&self, entry: u32) -> &[u8] {
        let Some(place) = self.place(entry) else { return &[] };
        let from = place.from as usize;
        let chunk = self.keys.get(place.chunk as usize);
        chunk.and_then(|c| c.get(from..from + place.length as usize)).unwrap_or_default()
    }

    pub(super) fn add(&mut self, entry: u32, flow: &FlowSeen<'_>) {
        let width = self.slots.len();
        let from = entry as usize % CHUNK * width;
        let Some(chunk) = self.sums.get_mut(entry as usize / CHUNK) else { return };
        let Some(sums) = chunk.get_mut(from..from + width) else { return };
        for (sum, slot) in sums.iter_mut().zip(self.slots) {
            *sum = slot.joined(*sum, slot.of(flow));
        }
    }

    /// All entries, in order of their keys.
    pub(super) fn in_order(&self) -> Vec<u32> {
        // Most keys differ within their first bytes: those are compared without looking them up.
        let mut all: Vec<(u64, u32)> =
            (0..self.entries).map(|entry| (beginning(self.key(entry)), entry)).collect();
        all.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| self.key(a.1).cmp(self.key(b.1))));
        all.into_iter().map(|(_, entry)| entry).collect()
    }

    /// Which sums are kept.
    pub(super) const fn slots(&self) -> &'static [Slot] {
        self.slots
    }

    /// All sums of an entry.
    pub(super) fn sums(&self, entry: u32) -> &[u64] {
        let width = self.slots.len();
        let from = entry as usize % CHUNK * width;
        let chunk = self.sums.get(entry as usize / CHUNK);
        chunk.and_then(|c| c.get(from..from + width)).unwrap_or_default()
    }

    /// Bytes that it takes, about.
    pub(super) fn bytes(&self) -> usize {
        self.keys.len() * BYTES
            + self.places.len() * CHUNK * (size_of::<Place>() + 8 * self.slots.len())
            + self.index.len() * 4
    }

    /// Empties it.
    pub(super) fn clear(&mut self) {
        *self = Self::new(self.slots);
    }
}

/// The first bytes of a key as a number, whose order is theirs.
fn beginning(key: &[u8]) -> u64 {
    let mut first = [0u8; 8];
    for (to, from) in first.iter_mut().zip(key) {
        *to = *from;
    }
    u64::from_be_bytes(first)
}

/// Multiplies eight bytes at a time into both halves of a product and folds them, as wyhash does.
fn hash(seed: u64, key: &[u8]) -> u64 {
    const K: u64 = 0x9e37_79b9_7f4a_7c15;
    let fold = |a: u64, b: u64| {
        let product = u128::from(a) * u128::from(b);
        (product as u64) ^ (product >> 64) as u64
    };
    let mut state = seed ^ key.len() as u64;
    let (words, rest) = key.as_chunks::<8>();
    for word in words {
        state = fold(state ^ u64::from_le_bytes(*word), K ^ seed.rotate_left(32) | 1);
    }
    let mut last = [0u8; 8];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    fold(state ^ u64::from_le_bytes(last), seed | 1).rotate_left(17) ^ fold(state, K)
}

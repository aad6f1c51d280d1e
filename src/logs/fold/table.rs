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

/// Words of one chunk.
const CHUNK: usize = 1 << 17;
/// Words that a key may take: two addresses, a port, two names.
const LONGEST: usize = 24;

/// The table. An entry is a record of words: a head (length of the key in bytes), the key, the
/// sums. The index holds part of each hash beside the record's place, so that most looks at it end
/// there, and a hit costs one record.
pub(super) struct Table {
    slots: &'static [Slot],
    seed: u64,
    /// Hash above, the record's place from 1 below; 0 is free. Its length is a power of two.
    index: Vec<u64>,
    chunks: Vec<Vec<u64>>,
    entries: usize,
}

/// A key as words whose order is that of its bytes.
pub(super) struct Packed {
    words: [u64; LONGEST],
    bytes: usize,
}

impl Packed {
    /// Of no key yet.
    const NONE: Self = Self { words: [0; LONGEST], bytes: 0 };
}

/// A connection that waits to be added, with others.
pub(super) struct Waiting {
    pub(super) key: Packed,
    pub(super) values: [u64; Slot::ALL.len()],
    /// What was fetched for it.
    pub(super) cell: u64,
}

impl Default for Waiting {
    fn default() -> Self {
        Self { key: Packed::NONE, values: [0; Slot::ALL.len()], cell: 0 }
    }
}

impl Packed {
    /// Takes another key. What lies behind it stays as it was and is not looked at.
    pub(super) fn set(&mut self, key: &[u8]) {
        self.bytes = key.len().min(LONGEST * 8);
        let (whole, rest) = key.get(..self.bytes).unwrap_or_default().as_chunks::<8>();
        let mut places = self.words.iter_mut();
        for (word, place) in whole.iter().zip(places.by_ref()) {
            *place = u64::from_be_bytes(*word);
        }
        if let Some(place) = places.next().filter(|_| !rest.is_empty()) {
            let last = rest.iter().fold(0u64, |word, byte| word << 8 | u64::from(*byte));
            *place = last << (8 * (8 - rest.len()));
        }
    }

    fn words(&self) -> &[u64] {
        self.words.get(..self.bytes.div_ceil(8)).unwrap_or_default()
    }
}

impl Table {
    pub(super) fn new(slots: &'static [Slot]) -> Self {
        // Whoever writes to the log must not be able to choose keys that collide.
        let seed = RandomState::new().build_hasher().finish();
        Self { slots, seed, index: vec![0; 1 << 12], chunks: Vec::new(), entries: 0 }
    }

    /// Fetches what finding a key will need, and gives that cell: of several keys, all at once, so
    /// that they wait for memory together and not one after the other.
    pub(super) fn fetch(&self, key: &Packed) -> u64 {
        let hash = hash(self.seed, key);
        let mask = self.index.len() - 1;
        self.index.get((hash >> 32) as usize & mask).copied().unwrap_or(0)
    }

    /// Fetches the record that a cell names.
    pub(super) fn fetch_record(&self, cell: u64) -> u64 {
        let place = (cell as u32).wrapping_sub(1);
        self.record(place).and_then(<[u64]>::first).copied().unwrap_or(0)
    }

    /// The entry of a key, and whether it is new.
    pub(super) fn entry(&mut self, key: &Packed) -> (u32, bool) {
        let hash = hash(self.seed, key) & !u64::from(u32::MAX);
        let mask = self.index.len() - 1;
        let mut at = (hash >> 32) as usize & mask;
        loop {
            let cell = self.index.get(at).copied().unwrap_or(0);
            if cell == 0 {
                break;
            }
            let place = (cell as u32).wrapping_sub(1);
            if cell & !u64::from(u32::MAX) == hash && self.is(place, key) {
                return (place, false);
            }
            at = (at + 1) & mask;
        }
        let place = self.store(key);
        if let Some(cell) = self.index.get_mut(at) {
            *cell = hash | u64::from(place.wrapping_add(1));
        }
        self.entries += 1;
        if self.entries * 3 > self.index.len() * 2 {
            self.grow();
        }
        (place, true)
    }

    fn is(&self, place: u32, key: &Packed) -> bool {
        self.record(place).is_some_and(|record| {
            record.split_first().is_some_and(|(head, rest)| {
                let words = key.words();
                let there = rest.get(..words.len()).unwrap_or_default();
                *head == key.bytes as u64
                    && there.len() == words.len()
                    && there.iter().zip(words).all(|(a, b)| a == b)
            })
        })
    }

    /// A record and what lies behind it in its chunk.
    fn record(&self, place: u32) -> Option<&[u64]> {
        let place = place as usize;
        self.chunks.get(place / CHUNK)?.get(place % CHUNK..)
    }

    fn store(&mut self, key: &Packed) -> u32 {
        let size = 1 + key.words().len() + self.slots.len();
        if self.chunks.last().is_none_or(|chunk| chunk.len() + size > CHUNK) {
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        let number = self.chunks.len().saturating_sub(1);
        let Some(chunk) = self.chunks.last_mut() else { return 0 };
        let place = number * CHUNK + chunk.len();
        chunk.push(key.bytes as u64);
        chunk.extend_from_slice(key.words());
        chunk.extend(self.slots.iter().map(|slot| slot.empty()));
        u32::try_from(place).unwrap_or(u32::MAX)
    }

    fn grow(&mut self) {
        let mut index = vec![0u64; self.index.len() * 2];
        let mask = index.len() - 1;
        for cell in self.index.iter().filter(|cell| **cell != 0) {
            let mut at = (cell >> 32) as usize & mask;
            while index.get(at).is_some_and(|there| *there != 0) {
                at = (at + 1) & mask;
            }
            if let Some(free) = index.get_mut(at) {
                *free = *cell;
            }
        }
        self.index = index;
    }

    /// A key's bytes, into `key`.
    pub(super) fn key(&self, place: u32, key: &mut Vec<u8>) {
        key.clear();
        let Some((head, rest)) = self.record(place).and_then(<[u64]>::split_first) else { return };
        let bytes = usize::try_from(*head).unwrap_or(0);
        for word in rest.iter().take(bytes.div_ceil(8)) {
            key.extend_from_slice(&word.to_be_bytes());
        }
        key.truncate(bytes);
    }

    /// What a flow adds to each sum.
    pub(super) fn values(&self, flow: &FlowSeen<'_>) -> [u64; Slot::ALL.len()] {
        let mut values = [0; Slot::ALL.len()];
        for (value, slot) in values.iter_mut().zip(self.slots) {
            *value = slot.of(flow);
        }
        values
    }

    pub(super) fn add(&mut self, place: u32, values: &[u64]) {
        let (number, from) = (place as usize / CHUNK, place as usize % CHUNK);
        let Some(chunk) = self.chunks.get_mut(number) else { return };
        let Some((head, rest)) = chunk.get_mut(from..).and_then(<[u64]>::split_first_mut) else {
            return;
        };
        let words = usize::try_from(*head).unwrap_or(0).div_ceil(8);
        let Some(sums) = rest.get_mut(words..words + self.slots.len()) else { return };
        for ((sum, slot), value) in sums.iter_mut().zip(self.slots).zip(values) {
            *sum = slot.joined(*sum, *value);
        }
    }

    /// All entries as they were made.
    pub(super) fn places(&self) -> impl Iterator<Item = u32> + '_ {
        let width = self.slots.len();
        self.chunks.iter().enumerate().flat_map(move |(number, chunk)| {
            let mut at = 0;
            std::iter::from_fn(move || {
                let bytes = usize::try_from(*chunk.get(at)?).unwrap_or(0);
                let place = number * CHUNK + at;
                at += 1 + bytes.div_ceil(8) + width;
                u32::try_from(place).ok()
            })
        })
    }

    /// All entries, in order of their keys.
    pub(super) fn in_order(&self) -> Vec<u32> {
        // Most keys differ within their first words: those are compared without looking further.
        let word = |place: u32, n: usize| {
            self.record(place).and_then(|record| record.get(n)).copied().unwrap_or(0)
        };
        let mut all: Vec<(u64, u32)> = self.places().map(|place| (word(place, 1), place)).collect();
        all.sort_unstable_by(|a, b| {
            a.0.cmp(&b.0).then_with(|| self.words(a.1).cmp(&self.words(b.1)))
        });
        all.into_iter().map(|(_, place)| place).collect()
    }

    /// A key's words and its length: their order is that of its bytes.
    fn words(&self, place: u32) -> (&[u64], u64) {
        match self.record(place).and_then(<[u64]>::split_first) {
            Some((head, rest)) => {
                let words = usize::try_from(*head).unwrap_or(0).div_ceil(8);
                (rest.get(..words).unwrap_or_default(), *head)
            }
            None => (&[], 0),
        }
    }

    /// Which sums are kept.
    pub(super) const fn slots(&self) -> &'static [Slot] {
        self.slots
    }

    /// All sums of an entry.
    pub(super) fn sums(&self, place: u32) -> &[u64] {
        let Some((head, rest)) = self.record(place).and_then(<[u64]>::split_first) else {
            return &[];
        };
        let words = usize::try_from(*head).unwrap_or(0).div_ceil(8);
        rest.get(words..words + self.slots.len()).unwrap_or_default()
    }

    /// Bytes that it takes, about.
    pub(super) fn bytes(&self) -> usize {
        (self.chunks.len() * CHUNK + self.index.len()) * 8
    }

    /// Empties it.
    pub(super) fn clear(&mut self) {
        *self = Self::new(self.slots);
    }
}

/// Multiplies words into both halves of a product and folds them, as wyhash does.
fn hash(seed: u64, key: &Packed) -> u64 {
    const K: u64 = 0x9e37_79b9_7f4a_7c15;
    let fold = |a: u64, b: u64| {
        let product = u128::from(a) * u128::from(b);
        (product as u64) ^ (product >> 64) as u64
    };
    let state = seed ^ key.bytes as u64;
    let state = key
        .words()
        .iter()
        .fold(state, |state, word| fold(state ^ word, K ^ seed.rotate_left(32) | 1));
    fold(state, seed | 1)
}

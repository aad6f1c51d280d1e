//! Bytes for the rules, piece by piece: of a stream, or of a process's present pages.

use super::{OVERLAP, WHOLE};
use crate::evidence::Memory;
use boreal::memory::{FragmentedMemory, MemoryParams, Region, RegionDescription};
use std::fmt;
use std::io::Read;
use std::sync::Mutex;

/// Where pieces come from.
pub(super) enum Source<'a> {
    Stream(Box<dyn Read + Send + 'a>, u64),
    Memory(Box<dyn Memory + 'a>, Vec<(u64, u64)>),
}

impl<'a> Source<'a> {
    pub(super) fn of(stream: impl Read + Send + 'a) -> Self {
        Self::Stream(Box::new(stream), 0)
    }

    /// Stretches in order; those longer than a piece are cut.
    pub(super) fn memory(memory: Box<dyn Memory + 'a>, stretches: Vec<(u64, u64)>) -> Self {
        let mut pieces: Vec<(u64, u64)> = Vec::new();
        for (mut start, end) in stretches {
            while start < end {
                let to = end.min(start.saturating_add(WHOLE as u64));
                pieces.push((start, to));
                start = if to < end { to.saturating_sub(OVERLAP as u64) } else { end };
            }
        }
        pieces.reverse();
        Self::Memory(memory, pieces)
    }

    /// Reads the next piece; its first byte's offset or address.
    fn next(&mut self, into: &mut Vec<u8>) -> Option<u64> {
        match self {
            Self::Stream(stream, at) => {
                let keep = into.len().saturating_sub(OVERLAP);
                into.drain(..keep);
                let kept = into.len();
                let begin = at.saturating_sub(kept as u64);
                // What cannot be read ends the stream; whoever carved it has told why.
                let _ = stream.by_ref().take((WHOLE - kept) as u64).read_to_end(into);
                *at = begin.saturating_add(into.len() as u64);
                (into.len() > kept).then_some(begin)
            }
            Self::Memory(memory, pieces) => {
                while let Some((start, end)) = pieces.pop() {
                    into.clear();
                    into.resize(usize::try_from(end - start).unwrap_or(WHOLE), 0);
                    let mut have = 0;
                    while let Some(room) = into.get_mut(have..).filter(|room| !room.is_empty()) {
                        match memory.read(start.saturating_add(have as u64), room) {
                            Ok(got) if got > 0 => have += got,
                            _ => break,
                        }
                    }
                    into.truncate(have);
                    if have > 0 {
                        return Some(start);
                    }
                }
                None
            }
        }
    }
}

/// Pieces in order, each read once.
pub(super) struct Regions<'a> {
    source: Mutex<Source<'a>>,
    piece: Vec<u8>,
    start: usize,
}

impl<'a> Regions<'a> {
    pub(super) fn new(source: Source<'a>) -> Self {
        Self { source: Mutex::new(source), piece: Vec::new(), start: 0 }
    }
}

impl fmt::Debug for Regions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a piece at {:#x}", self.start)
    }
}

impl FragmentedMemory for Regions<'_> {
    fn next(&mut self, _: &MemoryParams) -> Option<RegionDescription> {
        let source = self.source.get_mut().ok()?;
        let start = source.next(&mut self.piece)?;
        self.start = usize::try_from(start).ok()?;
        Some(RegionDescription { start: self.start, length: self.piece.len() })
    }

    fn fetch(&mut self, _: &MemoryParams) -> Option<Region<'_>> {
        Some(Region { start: self.start, mem: &self.piece })
    }

    /// Pieces are read once: the rules are told so (`FragmentedScanMode::single_pass`).
    fn reset(&mut self) {}
}

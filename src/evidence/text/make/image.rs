//! The memory of a text host's process: stretches of bytes.

use crate::evidence::{Memory, Unavailable};

/// Bytes of a page.
pub(super) const PAGE: u64 = 4096;

/// What lies where, in order of address.
#[derive(Clone, Debug, Default)]
pub(in crate::evidence::text) struct Image {
    stretches: Vec<(u64, Vec<u8>)>,
}

impl Image {
    /// Puts bytes at an address, filled up with zeros to a whole page; later ones win.
    pub(super) fn put(&mut self, start: u64, mut bytes: Vec<u8>) {
        let whole = (bytes.len() as u64).max(1).next_multiple_of(PAGE);
        bytes.resize(usize::try_from(whole).unwrap_or(bytes.len()), 0);
        self.stretches.push((start, bytes));
        self.stretches.sort_by_key(|(start, _)| *start);
    }
}

impl Memory for &Image {
    fn present(&self, start: u64, end: u64) -> Result<Vec<(u64, u64)>, Unavailable> {
        let mut found: Vec<(u64, u64)> = Vec::new();
        for (from, bytes) in &self.stretches {
            let from_cut = (*from).max(start);
            let to = from.saturating_add(bytes.len() as u64).min(end);
            if from_cut >= to {
                continue;
            }
            match found.last_mut() {
                Some(open) if open.1 >= from_cut => open.1 = open.1.max(to),
                _ => found.push((from_cut, to)),
            }
        }
        Ok(found)
    }

    fn read(&self, address: u64, into: &mut [u8]) -> Result<usize, Unavailable> {
        let mut done = 0;
        while let Some(rest) = into.get_mut(done..).filter(|r| !r.is_empty()) {
            let here = address.saturating_add(done as u64);
            let found = self.stretches.iter().find_map(|(start, bytes)| {
                let at = usize::try_from(here.checked_sub(*start)?).ok()?;
                bytes.get(at..).filter(|b| !b.is_empty())
            });
            let Some(bytes) = found else { break };
            let count = bytes.len().min(rest.len());
            for (to, from) in rest.iter_mut().zip(bytes) {
                *to = *from;
            }
            done = done.saturating_add(count);
        }
        Ok(done)
    }
}

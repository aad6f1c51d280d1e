//! The memory of a running process, where its pages are present.

use super::DiskDir;
use crate::evidence::{HostPath, Memory, Unavailable};
use std::fs::File;
use std::os::unix::fs::FileExt;

pub(super) struct LiveMemory {
    memory: File,
    pagemap: File,
    path: HostPath,
    page: u64,
}

/// Pages asked of the pagemap at once: 8 bytes each.
const PAGEMAP_BATCH: u64 = 4096;

impl LiveMemory {
    pub(super) fn open(process: &DiskDir, page: u64) -> Result<Self, Unavailable> {
        let memory = process.open_of_proc(&HostPath::from("mem"))?;
        let pagemap = process.open_of_proc(&HostPath::from("pagemap"))?;
        Ok(Self { memory, pagemap, path: process.path(&HostPath::from("mem")), page })
    }
}

impl Memory for LiveMemory {
    /// An unprivileged reader sees no page frame numbers, yet the bits used here.
    fn present(&self, start: u64, end: u64) -> Result<Vec<(u64, u64)>, Unavailable> {
        let mut stretches: Vec<(u64, u64)> = Vec::new();
        let mut entries = vec![0_u8; 8 * PAGEMAP_BATCH as usize];
        let mut page = start / self.page;
        let last = end.div_ceil(self.page);
        while page < last {
            let count = (last - page).min(PAGEMAP_BATCH);
            let bytes = entries.get_mut(..8 * count as usize).unwrap_or_default();
            let got = self
                .pagemap
                .read_at(bytes, page.saturating_mul(8))
                .map_err(|e| Unavailable::from_io(&self.path, &e))?;
            if got < 8 {
                break;
            }
            for (entry, number) in bytes.chunks_exact(8).take(got / 8).zip(page..) {
                let word = u64::from_le_bytes(entry.try_into().unwrap_or_default());
                // Bit 63: in memory. Bit 62: in swap.
                if word >> 62 == 0 {
                    continue;
                }
                let from = number.saturating_mul(self.page);
                let to = from.saturating_add(self.page);
                match stretches.last_mut() {
                    Some(open) if open.1 == from => open.1 = to,
                    _ => stretches.push((from, to)),
                }
            }
            page += count;
        }
        Ok(stretches)
    }

    fn read(&self, address: u64, into: &mut [u8]) -> Result<usize, Unavailable> {
        self.memory.read_at(into, address).map_err(|e| Unavailable::from_io(&self.path, &e))
    }
}

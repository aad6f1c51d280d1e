//! What is told only by a program's whole bytes as they go by: the entropy of its code, and the
//! marks that compilers leave.

use memchr::memmem;
use std::ops::Range;

/// Ranges measured; a file with more hides nothing by that, since the first are the segments.
const MOST_RANGES: usize = 32;
/// Shorter ranges have low entropy or high by chance.
const LEAST_BYTES: u64 = 4096;
/// The longest mark, less one.
const OVERLAP: usize = 31;

/// The mark of Go's build information.
const GO: &[u8] = b"\xff Go buildinf:";
/// The source path of Rust's standard library, as panics name it.
const RUST: &[u8] = b"/rustc/";
/// The unwinder's entry of every Rust program that can panic.
const RUST_PERSONALITY: &[u8] = b"rust_eh_personality";

/// Watches chunks of a file in order.
pub(super) struct Sight {
    ranges: Vec<(Range<u64>, [u64; 256])>,
    before: Vec<u8>,
    pub go: bool,
    pub rust: bool,
    rust_paths: memmem::Finder<'static>,
    rust_personality: memmem::Finder<'static>,
    go_build: memmem::Finder<'static>,
}

impl Sight {
    /// Measures the entropy of these ranges of the file.
    pub fn new(ranges: &[Range<u64>]) -> Self {
        let mut distinct: Vec<Range<u64>> = Vec::new();
        for range in ranges {
            let long = range.end.saturating_sub(range.start) >= LEAST_BYTES;
            if long && !distinct.contains(range) && distinct.len() < MOST_RANGES {
                distinct.push(range.clone());
            }
        }
        Self {
            ranges: distinct.into_iter().map(|range| (range, [0; 256])).collect(),
            before: Vec::with_capacity(2 * OVERLAP),
            go: false,
            rust: false,
            rust_paths: memmem::Finder::new(RUST),
            rust_personality: memmem::Finder::new(RUST_PERSONALITY),
            go_build: memmem::Finder::new(GO),
        }
    }

    /// The next chunk, which lies at `offset`.
    pub fn see(&mut self, offset: u64, chunk: &[u8]) {
        for (range, counts) in &mut self.ranges {
            let from = range.start.saturating_sub(offset).min(chunk.len() as u64) as usize;
            let to = range.end.saturating_sub(offset).min(chunk.len() as u64) as usize;
            for byte in chunk.get(from..to).unwrap_or_default() {
                if let Some(count) = counts.get_mut(usize::from(*byte)) {
                    *count += 1;
                }
            }
        }
        // A mark may lie across two chunks.
        let mut border = std::mem::take(&mut self.before);
        border.extend(chunk.iter().take(OVERLAP));
        self.mark(&border);
        self.mark(chunk);
        border.clear();
        border.extend_from_slice(chunk.get(chunk.len().saturating_sub(OVERLAP)..).unwrap_or(chunk));
        self.before = border;
    }

    fn mark(&mut self, bytes: &[u8]) {
        self.go = self.go || self.go_build.find(bytes).is_some();
        self.rust = self.rust
            || self.rust_personality.find(bytes).is_some()
            || self.rust_paths.find_iter(bytes).any(|at| names_a_commit(bytes, at + RUST.len()));
    }

    /// The highest entropy of the ranges, in bits a byte; `None` where none was long enough.
    pub fn entropy(&self) -> Option<f64> {
        let measured = self.ranges.iter().filter_map(|(_, counts)| entropy(counts));
        measured.max_by(f64::total_cmp)
    }
}

/// Forty digits of a commit follow, as in `/rustc/90b35a623…/library`.
fn names_a_commit(bytes: &[u8], at: usize) -> bool {
    // A border holds few of them: sixteen do.
    bytes.get(at..at + 16).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
}

fn entropy(counts: &[u64; 256]) -> Option<f64> {
    let total: u64 = counts.iter().sum();
    if total < LEAST_BYTES {
        return None;
    }
    let total = total as f64;
    let bits = counts.iter().filter(|count| **count > 0).map(|count| {
        let share = *count as f64 / total;
        -share * share.log2()
    });
    // Three digits: more would differ by the order of summing.
    Some((bits.sum::<f64>() * 1000.0).round() / 1000.0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn entropy_of_the_range_alone() {
        let mut sight = Sight::new(&[0..4096, 4096..8192, 8000..8010]);
        let mut bytes = vec![0_u8; 4096];
        bytes.extend((0..4096_u32).map(|n| n.to_le_bytes()[0]));
        for (i, chunk) in bytes.chunks(1000).enumerate() {
            sight.see(i as u64 * 1000, chunk);
        }
        assert_eq!(sight.entropy(), Some(8.0));
        assert_eq!(Sight::new(std::slice::from_ref(&(0..10))).entropy(), None);
    }

    #[test]
    fn marks_across_chunks() {
        for split in 0..60 {
            let mut bytes = vec![b'x'; 20];
            bytes.extend_from_slice(b"/rustc/90b35a6239c3d8bdabc530a6a0816f7ff89a0aaf/library");
            let (one, two) = bytes.split_at(split);
            let mut sight = Sight::new(&[]);
            sight.see(0, one);
            sight.see(split as u64, two);
            assert!(sight.rust, "{split}");
            assert!(!sight.go);
        }
        let mut sight = Sight::new(&[]);
        sight.see(0, b"see /rustc/ for more of this, and of that");
        assert!(!sight.rust);
    }
}

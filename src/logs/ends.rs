//! Where a separator stands in a line, by masks of 64 bytes at once: a column is a few bytes, and a
//! search begun anew for each costs more than reading it.

/// Bytes of one mask.
const BLOCK: usize = 64;

/// The places of one byte, in order.
pub(super) struct Ends<'a> {
    line: &'a [u8],
    byte: u8,
    /// Where the block of the mask begins.
    base: usize,
    /// A bit for each place in the block that was not given out.
    mask: u64,
}

impl<'a> Ends<'a> {
    pub(super) fn of(byte: u8, line: &'a [u8]) -> Self {
        Self { line, byte, base: 0, mask: mask(byte, line, 0) }
    }

    /// How many are still to come.
    pub(super) fn rest(&mut self) -> usize {
        let mut sum = self.mask.count_ones() as usize;
        while self.base + BLOCK < self.line.len() {
            self.base += BLOCK;
            sum += mask(self.byte, self.line, self.base).count_ones() as usize;
        }
        self.mask = 0;
        sum
    }
}

impl Iterator for Ends<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        while self.mask == 0 {
            self.base += BLOCK;
            if self.base >= self.line.len() {
                return None;
            }
            self.mask = mask(self.byte, self.line, self.base);
        }
        let at = self.base + self.mask.trailing_zeros() as usize;
        self.mask &= self.mask - 1;
        Some(at)
    }
}

/// The mask of the block that begins at `base`, which may end with the line.
fn mask(byte: u8, line: &[u8], base: usize) -> u64 {
    let Some(block) = line.get(base..) else { return 0 };
    if let Some(block) = block.first_chunk::<BLOCK>() {
        return whole(byte, block);
    }
    match line.last_chunk::<BLOCK>() {
        // The line's last block overlaps the one before: what lies in that is shifted out.
        Some(last) if !block.is_empty() => whole(byte, last) >> (BLOCK - block.len()),
        _ => block
            .iter()
            .enumerate()
            .fold(0, |mask, (at, seen)| mask | u64::from(*seen == byte) << at),
    }
}

/// Eight bytes at a time in ordinary registers: a few columns a line are not worth asking which
/// vectors the processor has.
fn whole(byte: u8, block: &[u8; BLOCK]) -> u64 {
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    /// Brings the lowest bit of each byte together in the highest byte, the first byte's lowest.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let wanted = u64::from_ne_bytes([byte; 8]);
    let (words, _) = block.as_chunks::<8>();
    words.iter().rev().fold(0, |mask, word| {
        let differs = u64::from_le_bytes(*word) ^ wanted;
        // The highest bit of each byte that does not differ, and of no other.
        let same = !(((differs & LOW) + LOW) | differs | LOW);
        mask << 8 | (same >> 7).wrapping_mul(GATHER) >> 56
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn all_places_and_no_other(line in "[ab\t]{0,300}", taken in 0usize..20) {
            let wanted: Vec<usize> = memchr::memchr_iter(b'\t', line.as_bytes()).collect();
            let found: Vec<usize> = Ends::of(b'\t', line.as_bytes()).collect();
            prop_assert_eq!(&found, &wanted);
            let mut ends = Ends::of(b'\t', line.as_bytes());
            let first = ends.by_ref().take(taken).count();
            prop_assert_eq!(first + ends.rest(), wanted.len());
            prop_assert_eq!(ends.next(), None);
        }
    }
}

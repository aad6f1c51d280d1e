//! Sixty-four bytes at a time: which are printable, which are zero, and the few other classes
//! that the anchors need, as bit masks. Bit `i` speaks of byte `i`.

use wide::u8x16;

/// Bytes a block.
pub(super) const BLOCK: usize = 64;

type Quarters = [u8x16; 4];

/// A block held in vector registers, so that several classes cost one load.
#[derive(Clone, Copy)]
pub(super) struct Block(Quarters);

impl Block {
    pub(super) fn new(bytes: &[u8; BLOCK]) -> Self {
        let (quarters, _) = bytes.as_chunks::<16>();
        let mut out = [u8x16::ZERO; 4];
        for (slot, quarter) in out.iter_mut().zip(quarters) {
            *slot = u8x16::new(*quarter);
        }
        Self(out)
    }

    #[inline]
    fn mask(self, test: impl Fn(u8x16) -> u8x16) -> u64 {
        let [a, b, c, d] = self.0;
        let word = |quarter: u8x16| u64::from(test(quarter).to_bitmask());
        word(a) | word(b) << 16 | word(c) << 32 | word(d) << 48
    }

    /// ASCII that shows, and tab: what `strings` takes.
    #[inline]
    pub(super) fn printable(self) -> u64 {
        self.mask(|x| {
            let shown = (x - u8x16::splat(b' ')).simd_le(u8x16::splat(b'~' - b' '));
            shown | x.simd_eq(u8x16::splat(b'\t'))
        })
    }

    /// Whether all bytes are zero.
    #[inline]
    pub(super) fn empty(self) -> bool {
        let [a, b, c, d] = self.0;
        (a | b | c | d).simd_eq(u8x16::ZERO).to_bitmask() == 0xffff
    }

    /// Whether one of these two bytes is among them.
    #[inline]
    pub(super) fn has_either(self, one: u8, other: u8) -> bool {
        let test = |x: u8x16| x.simd_eq(u8x16::splat(one)) | x.simd_eq(u8x16::splat(other));
        let [a, b, c, d] = self.0;
        (test(a) | test(b) | test(c) | test(d)).to_bitmask() != 0
    }

    /// Whether an anchor of [`super::raw`] begins in this block: `next` and `after` are the blocks one
    /// and two bytes further on. One test for all, since they are rare and a block is not.
    #[inline]
    pub(super) fn raw(self, next: Self, after: Self) -> bool {
        let splat = u8x16::splat;
        let mut any = u8x16::ZERO;
        for ((byte, next), after) in self.0.iter().zip(next.0).zip(after.0) {
            let (first, second) = (*byte ^ next, next ^ after);
            any |= first.simd_eq(splat(b':' ^ b'/')) & second.simd_eq(u8x16::ZERO)
                | first.simd_eq(splat(b'E' ^ b'L')) & second.simd_eq(splat(b'L' ^ b'F'))
                | byte.simd_eq(splat(0x1f)) & next.simd_eq(splat(0x8b))
                | byte.simd_eq(splat(0x78))
                    & (next.simd_eq(splat(0x9c))
                        | next.simd_eq(splat(0xda))
                        | next.simd_eq(splat(0x01))
                        | next.simd_eq(splat(0x5e)));
        }
        any.to_bitmask() != 0
    }

    /// Byte by byte, by which bits this block differs from another.
    #[inline]
    pub(super) fn differs(self, other: Self) -> Self {
        let ([a, b, c, d], [e, f, g, h]) = (self.0, other.0);
        Self([a ^ e, b ^ f, c ^ g, d ^ h])
    }

    #[inline]
    pub(super) fn zero(self) -> u64 {
        self.mask(|x| x.simd_eq(u8x16::ZERO))
    }

    #[inline]
    pub(super) fn equal(self, byte: u8) -> u64 {
        self.mask(|x| x.simd_eq(u8x16::splat(byte)))
    }

    #[inline]
    pub(super) fn digit(self) -> u64 {
        self.mask(|x| (x - u8x16::splat(b'0')).simd_le(u8x16::splat(9)))
    }

    /// Letters and digits.
    #[inline]
    pub(super) fn alphanumeric(self) -> u64 {
        self.mask(|x| {
            let folded = x | u8x16::splat(0x20);
            let letter = (folded - u8x16::splat(b'a')).simd_le(u8x16::splat(25));
            letter | (x - u8x16::splat(b'0')).simd_le(u8x16::splat(9))
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn masks_agree_with_the_plain_definition(bytes in prop::collection::vec(any::<u8>(), BLOCK)) {
            let block = Block::new(bytes.as_slice().try_into().unwrap());
            for (i, &byte) in bytes.iter().enumerate() {
                let bit = |mask: u64| mask >> i & 1 == 1;
                prop_assert_eq!(bit(block.printable()), (b' '..=b'~').contains(&byte) || byte == b'\t');
                prop_assert_eq!(bit(block.zero()), byte == 0);
                prop_assert_eq!(bit(block.digit()), byte.is_ascii_digit());
                prop_assert_eq!(bit(block.alphanumeric()), byte.is_ascii_alphanumeric());
                prop_assert_eq!(bit(block.equal(b':')), byte == b':');
            }
        }
    }
}

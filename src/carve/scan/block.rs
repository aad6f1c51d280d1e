//! Sixty-four bytes at a time: what may begin or lie at each, as bit masks. Bit `i` speaks of the
//! anchor that begins with byte `i`.
//!
//! A block is held together with those one and two bytes further on, so that an anchor of three
//! bytes is one comparison wherever it lies, across a block's edge too. The vectors are as wide as
//! the processor has them: chosen when the program runs.

use fearless_simd::prelude::*;
use fearless_simd::{mask8x64, u8x16, u8x64};

/// Bytes a block.
pub(super) const BLOCK: usize = 64;

/// The second bytes of zlib streams, each at its lower four bits; elsewhere what has other lower bits.
const LEVELS: [u8; 16] = {
    let mut levels = [0xff; 16];
    (levels[0x1], levels[0xe], levels[0xc], levels[0xa]) = (0x01, 0x5e, 0x9c, 0xda);
    levels[0xf] = 0;
    levels
};

/// What each byte of a block may be; asked of every block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// ASCII that shows, and tab: what `strings` takes.
    pub(super) printable: u64,
    /// A printable byte and a zero: a letter of UTF-16LE.
    pub(super) wide: u64,
    /// Anchors that are no text, of [`super::raw`].
    pub(super) raw: u64,
}

/// What each byte may be in a block that has text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Text {
    /// Letters and digits.
    pub(super) alphanumeric: u64,
    /// The byte before an anchor: a digit after a name and a colon, two digits with a dot between
    /// them, `@` after a letter or digit. Of `://` the first byte.
    pub(super) anchor: u64,
}

/// A block and its two shifted selves.
pub(super) struct Block<S: Simd> {
    here: u8x64<S>,
    next: u8x64<S>,
    after: u8x64<S>,
    simd: S,
}

impl<S: Simd> Block<S> {
    /// The block whose bytes are all zero is `None`.
    #[inline(always)]
    pub(super) fn new(
        simd: S,
        here: &[u8; BLOCK],
        next: &[u8; BLOCK],
        after: &[u8; BLOCK],
    ) -> Option<Self> {
        let here = u8x64::from_slice(simd, here);
        if here.simd_eq(u8x64::splat(simd, 0)).all_true() {
            return None;
        }
        let next = u8x64::from_slice(simd, next);
        Some(Self { here, next, after: u8x64::from_slice(simd, after), simd })
    }

    #[inline(always)]
    fn byte(&self, byte: u8) -> u8x64<S> {
        u8x64::splat(self.simd, byte)
    }

    #[inline(always)]
    fn within(&self, x: u8x64<S>, low: u8, high: u8) -> mask8x64<S> {
        (x - self.byte(low)).simd_le(self.byte(high - low))
    }

    /// Printable bytes, wide letters, and where `://` and ELF headers may begin under any key, and
    /// compressed members: what a byte differs from the next by does not depend on the key.
    #[inline(always)]
    pub(super) fn seen(&self) -> Seen {
        let (here, next, after) = (self.here, self.next, self.after);
        let eq = |x: u8x64<S>, byte: u8| x.simd_eq(self.byte(byte));
        let printable = self.within(here, b' ', b'~') | eq(here, b'\t');
        let (first, second) = (here ^ next, next ^ after);
        let url = eq(first, b':' ^ b'/') & next.simd_eq(after);
        let elf = eq(first, b'E' ^ b'L') & eq(second, b'L' ^ b'F');
        let gzip = eq(here, 0x1f) & eq(next, 0x8b);
        // The four levels of a window of 32 KiB; their check sums to a multiple of 31.
        let level = u8x64::block_splat(u8x16::simd_from(self.simd, LEVELS))
            .swizzle_dyn_within_blocks(next & self.byte(0x0f));
        Seen {
            printable: printable.to_bitmask(),
            wide: (printable & eq(next, 0)).to_bitmask(),
            raw: (url | elf | gzip | eq(here, 0x78) & level.simd_eq(next)).to_bitmask(),
        }
    }

    #[inline(always)]
    pub(super) fn text(&self) -> Text {
        let (here, next, after) = (self.here, self.next, self.after);
        let eq = |x: u8x64<S>, byte: u8| x.simd_eq(self.byte(byte));
        let digit = |x: u8x64<S>| self.within(x, b'0', b'9');
        let folded = here | self.byte(0x20);
        let alphanumeric = self.within(folded, b'a', b'z') | digit(here);
        // With the brackets, one of which closes an IPv6 address.
        let name = self.within(folded, b'a', b'}');
        let numbers = digit(here) & eq(next, b'.') | name & eq(next, b':');
        let url = eq(here, b':') & eq(next, b'/') & eq(after, b'/');
        let anchor = numbers & digit(after) | alphanumeric & eq(next, b'@') | url;
        Text { alphanumeric: alphanumeric.to_bitmask(), anchor: anchor.to_bitmask() }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use fearless_simd::{Level, dispatch};
    use proptest::prelude::*;

    fn plain(bytes: &[u8], at: usize) -> [bool; 5] {
        let (here, next, after) = (bytes[at], bytes[at + 1], bytes[at + 2]);
        let printable = (b' '..=b'~').contains(&here) || here == b'\t';
        let anchor = match next {
            b'.' => here.is_ascii_digit() && after.is_ascii_digit(),
            b':' => (b'a'..=b'}').contains(&(here | 0x20)) && after.is_ascii_digit(),
            b'@' => here.is_ascii_alphanumeric(),
            _ => here == b':' && next == b'/' && after == b'/',
        };
        let key = here ^ b':';
        let raw = next ^ key == b'/' && after ^ key == b'/'
            || next ^ here ^ b'E' == b'L' && after ^ here ^ b'E' == b'F'
            || (here, next) == (0x1f, 0x8b)
            || here == 0x78 && matches!(next, 0x9c | 0xda | 0x01 | 0x5e);
        [printable, printable && next == 0, here.is_ascii_alphanumeric(), anchor, raw]
    }

    proptest! {
        #[test]
        fn masks_agree_with_the_plain_definition(
            bytes in prop::collection::vec(prop_oneof![
                any::<u8>(),
                prop::sample::select(b"://.@]0a5Z\0\x1f\x8b\x08\x78\x9cELFelf\x15".to_vec()),
            ], BLOCK + 2),
        ) {
            let part = |from: usize| bytes[from..from + BLOCK].try_into().unwrap();
            let seen = dispatch!(Level::new(), simd => {
                Block::new(simd, part(0), part(1), part(2)).map(|block| (block.seen(), block.text()))
            });
            let Some((seen, text)) = seen else {
                prop_assert!(bytes[..BLOCK].iter().all(|b| *b == 0));
                return Ok(());
            };
            for at in 0..BLOCK {
                let masks = [seen.printable, seen.wide, text.alphanumeric, text.anchor, seen.raw];
                prop_assert_eq!(masks.map(|mask| mask >> at & 1 == 1), plain(&bytes, at));
            }
        }
    }
}

//! Anchors that are no text: URLs and ELF headers under a single-byte XOR, compressed members.
//!
//! What a byte differs from the next by does not depend on the key, so `://` and an ELF header
//! are met under any key by one comparison a byte.

use super::block::Block;
use super::{Found, Text};
use crate::carve::kinds;
use std::ops::Range;

/// Ends of what was decoded already, so that it is not decoded again from within.
#[derive(Clone, Copy, Default)]
pub(super) struct Until {
    hidden: usize,
    member: usize,
}

/// Looks at a block that is not all zeros; `next` is the block one byte further on.
#[inline]
pub(super) fn look(
    text: &Text<'_>,
    at: usize,
    block: Block,
    next: Block,
    until: &mut Until,
    owned: &Range<usize>,
    found: &mut Found,
) {
    let differs = block.differs(next);
    // What lies beyond the block counts as there, and the grammar looks.
    let edge = 1 << 63;
    let url = differs.equal(b':' ^ b'/') & (differs.zero() >> 1 | edge);
    let elf = differs.equal(b'E' ^ b'L') & (differs.equal(b'L' ^ b'F') >> 1 | edge);
    let mut hidden = url | elf;
    while hidden != 0 {
        let here = at + hidden.trailing_zeros() as usize;
        hidden &= hidden - 1;
        if owned.contains(&here) {
            until.hidden = kinds::hidden(text, here, until.hidden, found);
        }
    }
    if block.has_either(0x1f, 0x78) {
        let mut member = (block.equal(0x1f) & next.equal(0x8b)) | block.equal(0x78);
        while member != 0 {
            let here = at + member.trailing_zeros() as usize;
            member &= member - 1;
            if here >= until.member && owned.contains(&here) {
                until.member = kinds::member(text, here, found).max(until.member);
            }
        }
    }
}

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

/// Looks at a block in which [`Block::raw`] saw something.
#[inline(never)]
pub(super) fn look(
    text: &Text<'_>,
    at: usize,
    (block, next, after): (Block, Block, Block),
    until: &mut Until,
    owned: &Range<usize>,
    found: &mut Found,
) {
    let (first, second) = (block.differs(next), next.differs(after));
    let url = first.equal(b':' ^ b'/') & second.zero();
    let elf = first.equal(b'E' ^ b'L') & second.equal(b'L' ^ b'F');
    let mut hidden = url | elf;
    while hidden != 0 {
        let here = at + hidden.trailing_zeros() as usize;
        hidden &= hidden - 1;
        if owned.contains(&here) {
            until.hidden = kinds::hidden(text, here, until.hidden, found);
        }
    }
    let mut member = (block.equal(0x1f) & next.equal(0x8b)) | block.equal(0x78);
    while member != 0 {
        let here = at + member.trailing_zeros() as usize;
        member &= member - 1;
        if here >= until.member && owned.contains(&here) {
            until.member = kinds::member(text, here, found).max(until.member);
        }
    }
}

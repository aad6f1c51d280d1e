//! Anchors that are no text: URLs and ELF headers under a single-byte XOR, compressed members.
//!
//! What a byte differs from the next by does not depend on the key, so `://` and an ELF header
//! are met under any key by one comparison a byte.

use super::closer::Until;
use super::{Found, Text};
use crate::carve::kinds;
use std::ops::Range;

/// Looks at a byte with which such an anchor may begin.
pub(super) fn look(
    text: &Text<'_>,
    here: usize,
    until: &mut Until,
    owned: &Range<usize>,
    found: &mut Found,
) {
    // Within a member that goes on nothing else begins.
    if !owned.contains(&here) || found.begun().packed(text.place(here)) {
        return;
    }
    until.hidden = kinds::hidden(text, here, until.hidden, found);
    if matches!(text.byte(here), 0x1f | 0x78) && here >= until.member {
        until.member = kinds::member(text, here, found).max(until.member);
    }
}

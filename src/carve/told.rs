//! Bytes that a collector kept in a form of its own: the strings of a program or of a process's
//! memory, and stretches of memory without their addresses.

use super::Carver;
use super::place;
use super::scan::{Carved, Cut, Found};
use crate::evidence::{Evidence, Pid, unpack};
use std::io::{Cursor, Read};
use std::sync::Arc;

/// Bytes carved of one such text, unpacked.
const MOST: u64 = 4 << 30;

/// Carves the strings of a process's program; `None` where there are none.
pub(super) fn executable(
    evidence: &dyn Evidence,
    carver: &Carver,
    pid: Pid,
) -> Option<(Vec<Carved>, Cut)> {
    let strings = evidence.told()?.strings.get(&pid)?;
    let mut found = carver.found();
    carve(strings, &mut found);
    Some(place::finish(found))
}

/// Carves what was kept of a process's memory, and tells how many bytes that was.
pub(super) fn memory(evidence: &dyn Evidence, pid: Pid, found: &mut Found) -> Option<u64> {
    let told = evidence.told()?;
    let strings = told.memory_strings.get(&pid);
    let pieces = told.memory_pieces.get(&pid);
    if strings.is_none() && pieces.is_none() {
        return None;
    }
    let mut read = strings.map_or(0, |strings| carve(strings, found));
    for piece in pieces.into_iter().flatten() {
        read = read.saturating_add(carve(piece, found));
        // Where the shift between two readers of one pipe was odd, the pairs lie the other way.
        let other: Vec<u8> = piece
            .first()
            .copied()
            .into_iter()
            .chain(
                piece
                    .get(1..)
                    .unwrap_or_default()
                    .chunks(2)
                    .flat_map(|two| two.iter().rev().copied()),
            )
            .collect();
        let _ = super::carve(Cursor::new(other), 0, found);
    }
    Some(read)
}

fn carve(bytes: &Arc<[u8]>, found: &mut Found) -> u64 {
    let (plain, _) = unpack(Box::new(Cursor::new(Arc::clone(bytes))));
    // What came out before the damage is carved.
    super::carve(plain.take(MOST), 0, found).unwrap_or(0)
}

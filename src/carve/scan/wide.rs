//! UTF-16LE: each letter followed by a zero. A run is narrowed and examined as ASCII is.

use super::begun::Begun;
use super::found::Found;
use super::{PADDING, Scanner, Step, Text, printable};
use std::ops::Range;

/// Letters a run must have to be looked at.
const SHORTEST: usize = 6;

/// Letters narrowed at once; a longer run is taken in pieces that overlap.
const LONGEST: usize = 1 << 16;

fn letter(text: &Text<'_>, at: usize) -> bool {
    printable(text.byte(at)) && text.byte(at + 1) == 0
}

/// Examines the wide run that has a letter here; returns its end.
pub(super) fn run(
    scanner: &Scanner,
    text: &Text<'_>,
    at: usize,
    owned: &Range<usize>,
    found: &mut Found,
) -> usize {
    let Some(way) = text.way.then(Step::Wide) else { return at };
    let mut start = at;
    while start >= 2 && letter(text, start - 2) {
        start -= 2;
    }
    let mut narrow = Vec::new();
    let mut end = at;
    while end + 1 < text.bytes.len() && letter(text, end) {
        end += 2;
    }
    if (end - start) / 2 < SHORTEST {
        return end;
    }
    let mut from = start;
    while from < end {
        let to = end.min(from + 2 * LONGEST);
        narrow.clear();
        // Pieces reach into each other, so that an anchor sees as far as in one piece.
        let low = from.saturating_sub(4 * super::REACH).max(start);
        let high = end.min(to + 4 * super::REACH);
        narrow.extend(text.slice(low..high).iter().step_by(2));
        let letters = narrow.len();
        narrow.resize(letters + PADDING, 0);
        let (base, step, start) = (text.offset(low), 2 * text.step, text.start + low);
        let inner = Text { bytes: &narrow, base, step, way, start };
        let narrowed = |place: usize| place.saturating_sub(low).div_ceil(2).min(letters);
        let mine = narrowed(owned.start.max(from))..narrowed(owned.end.min(to));
        if !mine.is_empty() {
            // Its places are its own.
            let outer = found.swap(Begun::default());
            scanner.scan(&inner, mine, found);
            found.swap(outer);
        }
        from = to;
    }
    end
}

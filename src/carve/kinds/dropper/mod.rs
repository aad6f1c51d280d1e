//! Messages of programs that put a file somewhere and start it. A dropper's log says in words
//! what its code hides; the path in it leads to the next thing to look at.

mod direct;
mod path;
mod put;
mod started;
mod words;

use super::Kind;
use crate::carve::scan::{Found, Text};
use std::ops::Range;
use words::{DIRECT, PUT, STARTED};

pub(super) const KIND: Kind = Kind { literals: || [PUT, STARTED, DIRECT].concat(), examine };

fn examine(text: &Text<'_>, range: Range<usize>, number: usize, found: &mut Found) {
    // Part of a longer word is another word.
    if text.before(range.start).is_ascii_alphabetic() {
        return;
    }
    if number < PUT.len() {
        put::put(text, range, found);
    } else if number < PUT.len() + STARTED.len() {
        direct::arrow(text, &range, found);
        direct::beside(text, &range, found);
        started::started(text, range, found);
    } else {
        direct::direct(text, range, found);
    }
}

/// Where the message begins: the run, without a time, level or tag in brackets before it.
fn message_start(text: &Text<'_>, at: usize) -> usize {
    let run = text.back(at, 120, crate::carve::scan::printable);
    let mut start = run;
    if let Some(close) = text.slice(run..at).iter().rposition(|b| *b == b']') {
        start = run + close + 1;
    }
    text.forward(start, 8, |b| matches!(b, b' ' | b'\t' | b':' | b'-'))
}

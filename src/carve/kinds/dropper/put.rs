//! `Payload dropped to /usr/sbin/x`: an object, a verb, a preposition, a path, in many orders.

use super::words::{EVERYBODYS, FAILED, FILLERS, OBJECTS, ORDINARY, PREPOSITIONS};
use super::{direct, message_start, path};
use crate::carve::scan::{Found, Hit, Text};
use std::ops::Range;

pub(super) fn put(text: &Text<'_>, range: Range<usize>, found: &mut Found) {
    let verb_end = text.forward(range.start, 16, |b| b.is_ascii_alphabetic());
    let Some((object_after, prepositional)) = preposition(text, verb_end) else {
        return direct::dropped(text, &range, verb_end, found);
    };
    if !object_after && !object_before(text, range.start) {
        return direct::dropped(text, &range, prepositional, found);
    }
    let at = message_start(text, range.start);
    let path_start = path::begins(text, prepositional);
    if text.byte(path_start) == b'%' {
        let message = text.slice(at..range.start + 48).to_ascii_lowercase();
        let has = |word: &str| memchr::memmem::find(&message, word.as_bytes()).is_some();
        let words = || message.split(|b| !b.is_ascii_alphanumeric());
        // Two verbs that no installer uses of files need no better object.
        let telling = text.slice(range.clone()).to_ascii_lowercase().starts_with(b"dropp")
            || words().any(|word| OBJECTS.contains(&word) && !EVERYBODYS.contains(&word));
        if telling
            && matches!(text.byte(path_start + 1), b's' | b'.' | b'v')
            && !FAILED.iter().any(|word| has(word))
        {
            let end = text.forward(at, 200, crate::carve::scan::printable);
            found.add(
                text,
                Hit::new(
                    "drop-format",
                    at,
                    text.slice(at..end).trim_ascii(),
                    "the form of a message that something was put at a path",
                ),
            );
        }
        return;
    }
    if let Some(path) = path::path(text, path_start) {
        found
            .add(text, Hit::new("drop", at, path, "a message that something was put at this path"));
    }
}

/// From the end of the verb: whether an object follows it, and where the preposition ends.
fn preposition(text: &Text<'_>, verb_end: usize) -> Option<(bool, usize)> {
    let mut at = verb_end;
    let mut object = false;
    for _ in 0..5 {
        let start = text.forward(at, 3, |b| matches!(b, b' ' | b'\t' | b'\'' | b'"'));
        // `Payload dropped: /tmp/x` needs no preposition.
        if matches!(text.byte(start), b':')
            && text.byte(start + 1) == b' '
            && matches!(text.byte(start + 2), b'/' | b'%')
        {
            // `Error writing file: %s` names what was not put.
            return (!object).then_some((false, start));
        }
        let end = text.forward(start, 24, |b| b.is_ascii_alphanumeric() || b == b'_' || b == b'%');
        let word = text.slice(start..end).to_ascii_lowercase();
        if word.is_empty() {
            return None;
        }
        if PREPOSITIONS.contains(&word.as_slice()) {
            return Some((object, end));
        }
        if ORDINARY.contains(&word.as_slice()) {
            return None;
        }
        object |= OBJECTS.contains(&word.as_slice());
        // `written 4096 bytes to`, `%s written to`.
        let number = word.iter().all(u8::is_ascii_digit) || word.starts_with(b"%");
        if !object && !number && !FILLERS.contains(&word.as_slice()) {
            return None;
        }
        at = end;
    }
    None
}

/// Whether one of the four words before the verb is an object, with no ordinary noun before it.
fn object_before(text: &Text<'_>, verb: usize) -> bool {
    let mut at = verb;
    for _ in 0..4 {
        let end = text
            .back(at, 4, |b| matches!(b, b' ' | b'\t' | b'\'' | b'"' | b']' | b')' | b':' | b'-'));
        let start = text.back(end, 24, |b| b.is_ascii_alphanumeric() || b == b'_' || b == b'%');
        if start == end {
            return false;
        }
        let word = text.slice(start..end).to_ascii_lowercase();
        if OBJECTS.contains(&word.as_slice()) {
            let noun_end = text.back(start, 2, |b| b == b' ');
            let noun_start = text.back(noun_end, 24, |b| b.is_ascii_alphanumeric());
            let noun = text.slice(noun_start..noun_end).to_ascii_lowercase();
            return !ORDINARY.contains(&noun.as_slice());
        }
        let number = word.iter().all(u8::is_ascii_digit) || word.starts_with(b"%");
        if !number && !FILLERS.contains(&word.as_slice()) {
            return false;
        }
        at = start;
    }
    false
}

//! `Payload dropped to /usr/sbin/x`: an object, a verb, a preposition, a path, in many orders.

use super::words::{EVERYBODYS, FAILED, FILLERS, ITSELF, OBJECTS, ORDINARY, PREPOSITIONS, SUSPECT};
use super::{direct, message_start, path};
use crate::carve::scan::{Found, Hit, Text, printable};
use std::ops::Range;

pub(super) fn put(text: &Text<'_>, range: Range<usize>, found: &mut Found) {
    let verb_end = text.forward(range.start, 16, |b| b.is_ascii_alphabetic());
    let (object_after, prepositional) = match after(text, verb_end) {
        After::Preposition(object, end) => (object, end),
        // `wrote payload /tmp/x`, `implant: installed /usr/lib/x`.
        After::Path(object, start) => {
            if !direct::dropped(text, &range, start, found)
                && (object || suspect_before(text, range.start))
            {
                direct::told(text, &range, start, found);
            }
            return;
        }
        After::Nothing(object) => {
            // `msg="payload dropped" path=/usr/sbin/x`
            if !direct::dropped(text, &range, verb_end, found)
                && (object || object_before(text, range.start))
            {
                direct::keyed(text, &range, found);
            }
            return;
        }
    };
    if !object_after && !object_before(text, range.start) {
        let start = path::begins(text, prepositional);
        if !direct::dropped(text, &range, prepositional, found) && suspect_before(text, range.start)
        {
            direct::told(text, &range, start, found);
        }
        return;
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
            let end = text.forward(at, 200, printable);
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
    if let Some(path) = path::path(text, path_start)
        && (direct::for_programs(path) || !manual(text, &range, prepositional))
    {
        found
            .add(text, Hit::new("drop", at, path, "a message that something was put at this path"));
    }
}

/// Whether a manual or a list of changes says so of what is everybody's: `file moved to /usr/doc`, `the client
/// is installed in /usr/sbin`.
fn manual(text: &Text<'_>, range: &Range<usize>, prepositional: usize) -> bool {
    let verb = text.slice(range.clone()).to_ascii_lowercase();
    let telling = |word: &[u8]| OBJECTS.contains(&word) && !EVERYBODYS.contains(&word);
    let message = text.slice(text.back(range.start, 64, printable)..prepositional);
    let message = message.to_ascii_lowercase();
    let mut words = message.split(|b| !b.is_ascii_alphanumeric());
    (verb.starts_with(b"install") || verb.starts_with(b"moved") || verb.starts_with(b"copied"))
        && !words.any(|word| telling(word) || SUSPECT.contains(&word) || ITSELF.contains(&word))
}

/// What follows a verb.
enum After {
    /// Whether an object, and where the preposition behind it ends.
    Preposition(bool, usize),
    /// Whether an object that is no everyday one, and where a path begins behind it.
    Path(bool, usize),
    /// Whether an object, and then something else.
    Nothing(bool),
}

fn after(text: &Text<'_>, verb_end: usize) -> After {
    let mut at = verb_end;
    let (mut object, mut telling) = (false, false);
    for _ in 0..5 {
        let start = text.forward(at, 3, |b| matches!(b, b' ' | b'\t' | b'\'' | b'"'));
        // `module written -> /tmp/m`
        if matches!(text.slice(start..start + 2), b"->" | b"=>") {
            return After::Preposition(object, start + 2);
        }
        let quoted = text.forward(start, 3, |b| matches!(b, b':' | b' ' | b'\'' | b'"' | b'('));
        if text.byte(quoted) == b'/' && quoted > at {
            // `Payload dropped: /tmp/x` needs no preposition.
            let colon = text.byte(start) == b':' && !object;
            return if colon {
                After::Preposition(false, start)
            } else {
                After::Path(telling, quoted)
            };
        }
        // `Error writing file: %s` names what was not put.
        if text.byte(start) == b':' && text.byte(quoted) == b'%' && !object {
            return After::Preposition(false, start);
        }
        let end = text.forward(start, 24, |b| b.is_ascii_alphanumeric() || b == b'_' || b == b'%');
        let word = text.slice(start..end).to_ascii_lowercase();
        if PREPOSITIONS.contains(&word.as_slice()) {
            return After::Preposition(object, end);
        }
        if word.is_empty() || ORDINARY.contains(&word.as_slice()) {
            return After::Nothing(object && word.is_empty());
        }
        // Who copies itself puts a program.
        object |= OBJECTS.contains(&word.as_slice()) || ITSELF.contains(&word.as_slice());
        telling |= OBJECTS.contains(&word.as_slice()) && !EVERYBODYS.contains(&word.as_slice());
        // `written 4096 bytes to`, `%s written to`.
        let number = word.iter().all(u8::is_ascii_digit) || word.starts_with(b"%");
        if !object && !number && !FILLERS.contains(&word.as_slice()) {
            return After::Nothing(false);
        }
        at = end;
    }
    After::Nothing(object)
}

/// Whether the message has before this a word that no installer has for itself: `implant: …`.
fn suspect_before(text: &Text<'_>, verb: usize) -> bool {
    let run = text.back(verb, 64, printable);
    let before = text.slice(run..verb).to_ascii_lowercase();
    let mut words = before.split(|b| !b.is_ascii_alphanumeric());
    words.any(|word| SUSPECT.contains(&word))
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

//! Lines of cron: when, perhaps who, and what is run.

use super::Kind;
use crate::carve::scan::{Found, Hit, Text, printable};
use std::ops::Range;

/// Lines whose last three fields are stars, and the words that stand for a time. A line with other
/// fields is told where it downloads or runs something, as any shell line is.
const LITERALS: &[&str] =
    &[" * * * ", "@reboot ", "@hourly ", "@daily ", "@midnight ", "@weekly ", "@monthly "];

pub(super) const KIND: Kind = Kind { literals: || LITERALS.to_vec(), examine };

fn examine(text: &Text<'_>, range: Range<usize>, number: usize, found: &mut Found) {
    let (start, command) = if number == 0 {
        let field =
            |b: u8| b.is_ascii_digit() || matches!(b, b'*' | b'/' | b',' | b'-' | b' ' | b'\t');
        let start = text.back(range.start + 1, 48, field);
        let skip = text.slice(start..range.start).iter().take_while(|b| matches!(b, b' ' | b'\t'));
        let start = start + skip.count();
        let Some(command) = fields(text, start) else { return };
        (start, command)
    } else {
        let at = text.forward(range.end, 8, |b| b == b' ' || b == b'\t');
        (range.start, at)
    };
    // Words before it are not cron's, but a quote or an `echo` is how it gets there.
    let before = text.before(start);
    if before.is_ascii_alphanumeric() || before == b'/' && number == 0 {
        return;
    }
    let end = text.forward(start, 400, |b| printable(b) && b != b'"');
    let rest = text.slice(command..end);
    if runs(rest) {
        let line = text.slice(start..end).trim_ascii();
        found.add(text, Hit::new("cron", start, line, "a line of cron"));
    }
}

/// Where the command begins after five fields of a time.
fn fields(text: &Text<'_>, start: usize) -> Option<usize> {
    let mut at = start;
    for _ in 0..5 {
        let end =
            text.forward(at, 24, |b| b.is_ascii_digit() || matches!(b, b'*' | b'/' | b',' | b'-'));
        let field = text.slice(at..end);
        let digit = |b: &u8| b.is_ascii_digit();
        let sound = field == b"*"
            || field.strip_prefix(b"*/").is_some_and(|n| !n.is_empty() && n.iter().all(digit))
            || field.first().is_some_and(digit) && field.last().is_some_and(digit);
        let next = text.forward(end, 8, |b| b == b' ' || b == b'\t');
        if !sound || next == end {
            return None;
        }
        at = next;
    }
    Some(at)
}

/// Whether this may be a command, after a user's name or without: a path, or a word with arguments
/// that a shell would run.
fn runs(rest: &[u8]) -> bool {
    let rest = rest.trim_ascii();
    let words: Vec<&[u8]> =
        rest.split(|b| *b == b' ' || *b == b'\t').filter(|w| !w.is_empty()).take(3).collect();
    let path = |word: &&[u8]| {
        word.first().is_some_and(|b| matches!(b, b'/' | b'~' | b'.' | b'$'))
            && word.len() > 2
            && !word.starts_with(b"..")
    };
    let named = |word: &&[u8]| {
        word.len() >= 2
            && word.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
    };
    let signs = || rest.iter().any(|b| matches!(b, b'/' | b'|' | b'>' | b';' | b'&'));
    match words.as_slice() {
        [first, ..] if path(first) => true,
        [user, second, ..] if named(user) && path(second) => true,
        [first, _, ..] if named(first) => signs(),
        [first, ..] => matches!(first.first(), Some(b'[' | b'(' | b'{')) && signs(),
        [] => false,
    }
}

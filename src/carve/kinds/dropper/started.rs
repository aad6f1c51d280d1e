//! Messages that something was started which no ordinary program has.

use super::message_start;
use crate::carve::scan::{Found, Hit, Text};
use std::ops::Range;

/// `Payload started`, `implant running, pid 4242`.
pub(super) fn started(text: &Text<'_>, range: Range<usize>, found: &mut Found) {
    let end = text.forward(range.start, 24, |b| b.is_ascii_alphanumeric());
    if starting(text, range.start) {
        tell(text, range.start, found);
        return;
    }
    let mut at = end;
    for _ in 0..3 {
        let start = text.forward(at, 3, |b| matches!(b, b' ' | b':' | b'-'));
        let end = text.forward(start, 24, |b| b.is_ascii_alphanumeric());
        let word = text.slice(start..end).to_ascii_lowercase();
        match word.as_slice() {
            b"started" | b"executed" | b"launched" | b"running" | b"spawned" | b"executing"
            | b"launching" | b"starting" | b"injected" | b"loaded"
                if start > at && !goes_on(text, end) =>
            {
                tell(text, range.start, found);
                return;
            }
            b"was" | b"is" | b"has" | b"been" | b"successfully" | b"process" | b"stage" => at = end,
            _ => return,
        }
    }
}

/// `starting payload`, `executing the implant`.
fn starting(text: &Text<'_>, at: usize) -> bool {
    let mut at = at;
    for _ in 0..2 {
        let end = text.back(at, 2, |b| b == b' ');
        let start = text.back(end, 16, |b| b.is_ascii_alphabetic());
        match text.slice(start..end).to_ascii_lowercase().as_slice() {
            b"starting" | b"executing" | b"launching" | b"spawning" | b"started" | b"executed"
            | b"launched" | b"spawned" | b"injecting"
                if end < at =>
            {
                return true;
            }
            b"the" | b"new" | b"a" => at = start,
            _ => return false,
        }
    }
    false
}

fn tell(text: &Text<'_>, at: usize, found: &mut Found) {
    let begin = message_start(text, at);
    let stop = text.forward(begin, 200, crate::carve::scan::printable);
    let message = text.slice(begin..stop).trim_ascii();
    found.add(text, Hit::new("run", begin, message, "a message that a payload was started"));
}

/// `payload started at offset 3` is about bytes, not about a program.
fn goes_on(text: &Text<'_>, end: usize) -> bool {
    let next = text.slice(end..(end + 4).min(text.bytes.len()));
    let more: [&[u8]; 5] = [b"=", b" at", b" in ", b" fro", b" to "];
    more.iter().any(|word| next.starts_with(word))
}

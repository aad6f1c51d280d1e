//! Messages that something was started which no ordinary program has.

use super::message_start;
use crate::carve::scan::{Found, Hit, Text};
use std::ops::Range;

/// `Payload started`, `implant running, pid 4242`.
pub(super) fn started(text: &Text<'_>, range: Range<usize>, found: &mut Found) {
    let end = text.forward(range.start, 24, |b| b.is_ascii_alphanumeric());
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
                let begin = message_start(text, range.start);
                let stop = text.forward(begin, 200, crate::carve::scan::printable);
                let message = text.slice(begin..stop).trim_ascii();
                found.add(
                    text,
                    Hit::new("run", begin, message, "a message that a payload was started"),
                );
                return;
            }
            b"was" | b"is" | b"has" | b"been" | b"successfully" | b"process" | b"stage" => at = end,
            _ => return,
        }
    }
}

/// `payload started at offset 3` is about bytes, not about a program.
fn goes_on(text: &Text<'_>, end: usize) -> bool {
    let next = text.slice(end..(end + 4).min(text.bytes.len()));
    let more: [&[u8]; 5] = [b"=", b" at", b" in ", b" fro", b" to "];
    more.iter().any(|word| next.starts_with(word))
}

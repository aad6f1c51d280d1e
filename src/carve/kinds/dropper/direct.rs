//! Messages without a preposition: `Dropped /usr/sbin/x`, `wrote /tmp/.x`, `payload -> /dev/shm/a`.
//! Daemons create and write files all day, so the path must be one where programs lie or hide.

use super::words::ORDINARY_ENDS;
use super::{message_start, path};
use crate::carve::scan::{Found, Hit, Text};
use std::ops::Range;

/// Folders of programs.
const PROGRAMS: &[&[u8]] = &[
    b"/bin/",
    b"/sbin/",
    b"/usr/bin/",
    b"/usr/sbin/",
    b"/usr/libexec/",
    b"/usr/local/bin/",
    b"/usr/local/sbin/",
];
/// Folders where programs hide.
const TEMPORARY: &[&[u8]] = &[b"/tmp/", b"/var/tmp/", b"/dev/shm/", b"/dev/mqueue/", b"/run/lock/"];

const WHY: &str = "a message that something was put at this path";

/// `wrote /usr/bin/x`, `created '/dev/shm/.a'`: the literal ends in the path's slash.
pub(super) fn direct(text: &Text<'_>, range: Range<usize>, found: &mut Found) {
    let verb_end = text.forward(range.start, 16, |b| b.is_ascii_alphabetic());
    let start = path::begins(text, verb_end);
    let Some(path) = path::path(text, start) else { return };
    if runnable(path) && (begins(path, PROGRAMS) || hidden(path) || path.starts_with(b"/dev/shm/"))
    {
        found.add(text, Hit::new("drop", message_start(text, range.start), path, WHY));
    }
}

/// `Dropped /tmp/x`, `dropped: '/usr/lib/x'`: no ordinary program says so of a file.
pub(super) fn dropped(text: &Text<'_>, range: &Range<usize>, after: usize, found: &mut Found) {
    if !text.slice(range.clone()).to_ascii_lowercase().starts_with(b"dropp") {
        return;
    }
    let start = path::begins(text, after);
    let Some(path) = path::path(text, start) else { return };
    if runnable(path) && (begins(path, PROGRAMS) || begins(path, TEMPORARY) || hidden(path)) {
        found.add(text, Hit::new("drop", message_start(text, range.start), path, WHY));
    }
}

/// `payload -> /usr/sbin/x`, `implant => "/tmp/a"`, `stage2 -> %s`.
pub(super) fn arrow(text: &Text<'_>, range: &Range<usize>, found: &mut Found) {
    let word = text.forward(range.start, 24, |b| b.is_ascii_alphanumeric());
    let sign = text.forward(word, 3, |b| matches!(b, b' ' | b'\t' | b'"' | b'\''));
    let end = text.forward(sign, 4, |b| matches!(b, b'-' | b'=' | b'>'));
    if end < sign + 2 || text.before(end) != b'>' {
        return;
    }
    let start = path::begins(text, end);
    let at = message_start(text, range.start);
    if text.byte(start) == b'%' && text.byte(start + 1) == b's' {
        let stop = text.forward(at, 200, crate::carve::scan::printable);
        let message = text.slice(at..stop).trim_ascii();
        let why = "the form of a message that something was put at a path";
        found.add(text, Hit::new("drop-format", at, message, why));
    } else if let Some(path) = path::path(text, start)
        && runnable(path)
    {
        found.add(text, Hit::new("drop", at, path, WHY));
    }
}

fn begins(path: &[u8], folders: &[&[u8]]) -> bool {
    folders.iter().any(|folder| path.starts_with(folder) && path.len() > folder.len())
}

fn hidden(path: &[u8]) -> bool {
    let parts = path.split(|b| *b == b'/');
    parts.into_iter().any(|part| part.len() > 1 && part.starts_with(b".") && part != b"..")
}

/// Not a folder, and not a file whose name says that it is none to be run.
fn runnable(path: &[u8]) -> bool {
    let lower = path.to_ascii_lowercase();
    !path.ends_with(b"/") && !ORDINARY_ENDS.iter().any(|end| lower.ends_with(end))
}

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
    // The literal ends in the path's slash, or in the name of a field.
    let start = match text.before(range.end) {
        b'/' => range.end - 1,
        _ => path::begins(text, range.end),
    };
    let Some(path) = path::path(text, start) else { return };
    if runnable(path) && (begins(path, PROGRAMS) || hidden(path) || path.starts_with(b"/dev/shm/"))
    {
        found.add(text, Hit::new("drop", message_start(text, range.start), path, WHY));
    }
}

/// `Dropped /tmp/x`, `dropped: '/usr/lib/x'`: no ordinary program says so of a file.
pub(super) fn dropped(
    text: &Text<'_>,
    range: &Range<usize>,
    after: usize,
    found: &mut Found,
) -> bool {
    text.slice(range.clone()).to_ascii_lowercase().starts_with(b"dropp")
        && told(text, range, path::begins(text, after), found)
}

/// A message whose words were telling, and that has a path here where programs lie or hide.
pub(super) fn told(text: &Text<'_>, range: &Range<usize>, start: usize, found: &mut Found) -> bool {
    let path = path::path(text, start).filter(|path| runnable(path) && for_programs(path));
    if let Some(path) = path {
        found.add(text, Hit::new("drop", message_start(text, range.start), path, WHY));
    }
    path.is_some()
}

/// Names of fields that hold where a file was put.
const KEYS: &[&str] = &["path", "file", "dst", "dest", "target", "location", "destination", "to"];

/// `msg="payload dropped" path=/usr/sbin/x`, `{"event":"implant installed","dst":"/tmp/x"}`: the
/// path stands in a field of the same line.
pub(super) fn keyed(text: &Text<'_>, range: &Range<usize>, found: &mut Found) {
    let end = text.forward(range.end, 160, crate::carve::scan::printable);
    let mut at = range.end;
    while let Some(slash) = memchr::memchr(b'/', text.slice(at..end)) {
        let slash = at + slash;
        let key_end =
            text.back(slash, 5, |b| matches!(b, b'"' | b'\'' | b':' | b'=' | b' ' | b'\\'));
        let key_start = text.back(key_end, 16, |b| b.is_ascii_alphabetic());
        let key = text.slice(key_start..key_end).to_ascii_lowercase();
        let assigned = text.slice(key_end..slash).iter().any(|b| matches!(b, b':' | b'='));
        if assigned && KEYS.iter().any(|known| key.ends_with(known.as_bytes())) {
            told(text, range, slash, found);
            return;
        }
        at = text.forward(slash, 200, |b| !matches!(b, b' ' | b'"' | b'\'' | b','));
    }
}

/// `payload at /usr/sbin/x`, `payload_path=/usr/sbin/x`, `executing implant /tmp/x`: no arrow, but
/// a path where programs lie or hide right behind the word.
pub(super) fn beside(text: &Text<'_>, range: &Range<usize>, found: &mut Found) {
    let mut at = text.forward(range.start, 24, |b| b.is_ascii_alphanumeric());
    for _ in 0..3 {
        let start = path::begins(text, at);
        if text.byte(start) == b'/' {
            if start > at {
                told(text, range, start, found);
            }
            return;
        }
        let skip = text.forward(start, 2, |b| matches!(b, b'_' | b'-' | b' '));
        let end = text.forward(skip, 12, |b| b.is_ascii_alphabetic());
        let word = text.slice(skip..end).to_ascii_lowercase();
        let between: [&[u8]; 7] = [b"at", b"in", b"path", b"file", b"is", b"binary", b"from"];
        if !between.contains(&word.as_slice()) {
            return;
        }
        at = end;
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

pub(super) fn for_programs(path: &[u8]) -> bool {
    let library = path.starts_with(b"/usr/lib/") || path.starts_with(b"/lib/");
    begins(path, PROGRAMS)
        || begins(path, TEMPORARY)
        || hidden(path)
        || library && memchr::memmem::find(path, b".so").is_some()
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

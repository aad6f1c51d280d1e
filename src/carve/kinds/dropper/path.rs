//! The path that a message names.

use crate::carve::scan::Text;

/// Where a path begins after a word: blanks, tabs, marks and quotes lie between.
pub(super) fn begins(text: &Text<'_>, after: usize) -> usize {
    let quotes =
        |b: u8| matches!(b, b' ' | b'\t' | b':' | b'=' | b'"' | b'\'' | b'`' | b'<' | b'[' | b'(');
    text.forward(after, 5, quotes)
}

/// The absolute path that stands here; `None` where none does, or nothing is put there to be run.
pub(super) fn path<'t>(text: &Text<'t>, path_start: usize) -> Option<&'t [u8]> {
    let path_end = text.forward(path_start, 512, |b| {
        matches!(b, b'!'..=b'~') && !matches!(b, b'"' | b'\'' | b'`' | b'<' | b'>' | b'|' | b';')
    });
    let path = text.slice(path_start..path_end);
    let path = path.strip_suffix(b".").unwrap_or(path);
    let path = path
        .strip_suffix(b",")
        .or_else(|| path.strip_suffix(b")"))
        .or_else(|| path.strip_suffix(b"]"))
        .unwrap_or(path);
    let plausible = path.first() == Some(&b'/')
        && path.len() >= 3
        && path.get(1).is_some_and(|b| *b != b'/')
        && !path.contains(&b'%')
        && !ordinary_path(path);
    plausible.then_some(path)
}

/// Places where nothing is put to be run.
fn ordinary_path(path: &[u8]) -> bool {
    let starts: [&[u8]; 4] = [b"/dev/null", b"/proc/", b"/sys/", b"/dev/std"];
    starts.iter().any(|start| path.starts_with(start))
}

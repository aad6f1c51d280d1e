//! Tells a file's format by its beginning, and a record's by itself.

use super::carried::{self, Entry};
use super::format::{FORMATS, Format, Origin, Shape};
use super::json::{Object, Piece, Splitter};
use serde_json::{Map, Value};

/// Lines of a head that are offered to every format.
const HEAD_LINES: usize = 200;

/// The format of a file, by its beginning.
pub(super) fn format_of(head: &[u8], origin: &Origin) -> Option<&'static Format> {
    let binary = FORMATS.iter().find(|format| match format.shape {
        Shape::Binary { tells, .. } => tells(head),
        _ => false,
    });
    if binary.is_some() {
        return binary;
    }
    if json_head(head) {
        let mut found = None;
        Splitter::new().push(head, &mut |_, piece| {
            if let Piece::Object(bytes) = piece
                && found.is_none()
                && let Some((map, _)) = super::mend::object(bytes)
            {
                found = any_format(&map, origin);
            }
        });
        if found.is_some() {
            return found;
        }
    }
    let lines = head.split(|b| *b == b'\n').take(HEAD_LINES);
    let mut entry = Entry::default();
    lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line)).find_map(|line| {
        let carried = entry.field(line).then(|| entry.line()).flatten();
        line_format(line, origin)
            .or_else(|| object_format(line, origin))
            .or_else(|| line_format(&carried?, origin))
    })
}

/// The format of an object, of those within it, or of the line that it carries.
fn any_format(map: &Map<String, Value>, origin: &Origin) -> Option<&'static Format> {
    json_format(Object::from(map), origin)
        .or_else(|| super::json::wrapped(map).find_map(|inner| json_format(inner, origin)))
        .or_else(|| {
            let line = carried::of_object(Object::from(map))?;
            line_format(&line, origin)
                .or_else(|| json_format(Object::from(&object_of(&line)?), origin))
        })
}

fn object_of(line: &[u8]) -> Option<Map<String, Value>> {
    line.starts_with(b"{").then(|| super::mend::object(line)).flatten().map(|(map, _)| map)
}

/// The format of an object that stands on one line, alone or behind syslog's head.
fn object_format(line: &[u8], origin: &Origin) -> Option<&'static Format> {
    any_format(&object_of(line).or_else(|| object_of(carried::behind_head(line)?))?, origin)
}

pub(super) fn json_head(head: &[u8]) -> bool {
    matches!(head.trim_ascii_start(), [b'{' | b'[', ..])
}

/// Whether the first line or most are whole objects: then each is, and a damaged one ends with its line.
pub(super) fn lines_of_json(head: &[u8]) -> bool {
    let mut lines: Vec<&[u8]> = head.split(|b| *b == b'\n').take(HEAD_LINES).collect();
    // The last goes on behind the head.
    if lines.len() > 1 {
        lines.pop();
    }
    lines.retain(|line| !line.trim_ascii().is_empty());
    let whole = |line: &&&[u8]| {
        line.trim_ascii_start().starts_with(b"{") && super::mend::object(line).is_some()
    };
    lines.first().is_some_and(|line| whole(&line))
        || lines.iter().filter(whole).count() * 2 > lines.len()
}

pub(super) fn json_format(object: Object<'_>, origin: &Origin) -> Option<&'static Format> {
    FORMATS.iter().find(|format| match format.shape {
        Shape::Json { tells, .. } => tells(object, origin),
        _ => false,
    })
}

pub(super) fn line_format(line: &[u8], origin: &Origin) -> Option<&'static Format> {
    FORMATS.iter().find(|format| match format.shape {
        Shape::Lines { tells, .. } => tells(line, origin),
        _ => false,
    })
}

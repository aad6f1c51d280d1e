//! JSON records out of a stream, however they are framed: one a line, pretty-printed one after the
//! other, in an array, or in an array within one object (`{"Findings": […]}`).

use super::damage::{Damage, of_json};
use serde_json::{Map, Value};
use std::borrow::Cow;

/// A record longer than this is skipped and counted.
const LONGEST: usize = 4 << 20;

/// Keys of outer objects whose arrays hold the records.
const WRAPPERS: &[&str] = &[
    "Findings",
    "findings",
    "Records",
    "records",
    "Events",
    "events",
    "flows",
    "results",
    "logEvents",
];

/// The records within an outer object.
pub(super) fn wrapped(outer: &Map<String, Value>) -> impl Iterator<Item = Object<'_>> {
    let lists = WRAPPERS.iter().filter_map(|key| outer.get(*key)?.as_array());
    lists.flatten().filter_map(|value| value.as_object().map(Object::from))
}

/// A record as the splitter gives it.
pub(super) enum Piece<'a> {
    /// An object's text.
    Object(&'a [u8]),
    /// An outer object, whose records were given one by one; what remains of it.
    Outer,
    /// Longer than is read: skipped.
    TooLong,
    /// What cannot be JSON: left, as far as the next record's line.
    Broken,
}

/// Finds the objects in bytes that come in any portions.
#[derive(Default)]
pub(super) struct Splitter {
    /// What of the present record was seen.
    record: Vec<u8>,
    /// Open braces and brackets, from the outermost.
    open: Vec<u8>,
    /// How many of them stand around the records.
    around: usize,
    /// Line on which the present record began, from 1.
    began: u64,
    line: u64,
    quoted: bool,
    escaped: bool,
    too_long: bool,
    /// The last string within an object that may be a wrapper.
    key: Vec<u8>,
    /// Within the array of an outer object.
    wrapper: bool,
    /// Behind that array, in what remains of the outer object.
    outer: bool,
    /// What of the present line was seen, and whether all of it was blank.
    column: usize,
    blank: bool,
    /// Column of the last record's brace; 0 where it was not the first of its line.
    indent: usize,
    /// Whether lines within the record stand further in than its brace.
    deeper: bool,
    /// The last byte that was no space and in no string.
    before: u8,
    /// Within damage: a record begins again where a line begins with its brace, no further in than
    /// the damaged one's.
    seeking: bool,
}

impl Splitter {
    pub(super) fn new() -> Self {
        Self { line: 1, blank: true, ..Self::default() }
    }

    /// Takes bytes and hands on the objects that end in them, each with its line.
    pub(super) fn push(&mut self, bytes: &[u8], give: &mut dyn FnMut(u64, Piece<'_>)) {
        for byte in bytes {
            self.next(*byte, give);
        }
    }

    fn next(&mut self, byte: u8, give: &mut dyn FnMut(u64, Piece<'_>)) {
        let (column, first) = (self.column, self.blank);
        let margin = if first { column } else { 0 };
        if byte == b'\n' {
            self.line += 1;
            (self.column, self.blank) = (0, true);
            // No string holds a line's end: one whose quote is missing costs its record alone.
            if self.quoted {
                self.broken(give);
                return;
            }
        } else {
            self.column += 1;
            self.blank &= byte.is_ascii_whitespace();
        }
        if self.seeking {
            if byte != b'{' || !first || column > self.indent {
                return;
            }
            self.seeking = false;
        }
        let inside = self.open.len() > self.around;
        // Between records there is nothing else.
        if !inside
            && !byte.is_ascii_whitespace()
            && !matches!(byte, b'{' | b'}' | b'[' | b']' | b',' | 0x1e)
        {
            self.began = self.line;
            // What has lost its brace stands further in than that did.
            self.indent = self.indent.max(margin);
            self.broken(give);
            return;
        }
        self.deeper |= first && !self.blank && inside && column > self.indent;
        // Within an object a brace follows a colon alone, and what is within a record stands further
        // in than it does: this one begins another record.
        if byte == b'{'
            && !self.quoted
            && inside
            && (self.open.last() == Some(&b'{') && self.before != b':'
                || first && self.deeper && column <= self.indent)
        {
            self.broken(give);
            if first && column <= self.indent {
                self.seeking = false;
                self.byte(byte, margin, give);
            }
            return;
        }
        self.byte(byte, margin, give);
    }

    /// Leaves the present record.
    fn broken(&mut self, give: &mut dyn FnMut(u64, Piece<'_>)) {
        give(self.began.max(1), Piece::Broken);
        self.open.truncate(self.around);
        self.record.clear();
        (self.quoted, self.escaped, self.too_long, self.seeking) = (false, false, false, true);
    }

    fn byte(&mut self, byte: u8, margin: usize, give: &mut dyn FnMut(u64, Piece<'_>)) {
        let inside = self.open.len() > self.around;
        if inside {
            self.keep(byte);
        }
        if self.quoted {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.quoted = false,
                _ if self.key.len() < 16 => self.key.push(byte),
                _ => {}
            }
            return;
        }
        match byte {
            b'"' if inside => {
                self.quoted = true;
                self.key.clear();
            }
            b'{' => {
                if !inside {
                    self.record.clear();
                    self.too_long = false;
                    self.began = self.line;
                    // The furthest in that one stood: damage may begin one where none does.
                    self.indent =
                        if self.indent == usize::MAX { margin } else { self.indent.max(margin) };
                    self.deeper = false;
                    self.open.push(byte);
                    self.keep(byte);
                } else if self.open.len() < 512 {
                    self.open.push(byte);
                }
            }
            b'[' => {
                if !inside {
                    // An array around records.
                    self.open.push(byte);
                    self.around = self.open.len();
                    // How far in its records stand is not known yet.
                    self.indent = usize::MAX;
                } else if self.open.len() == self.around + 1 && !self.wrapper && self.is_wrapper() {
                    self.wrapper = true;
                    self.open.push(byte);
                    self.around = self.open.len();
                    // How far in its records stand is not known yet.
                    self.indent = usize::MAX;
                    self.record.clear();
                } else if self.open.len() < 512 {
                    self.open.push(byte);
                }
            }
            b'}' | b']' => self.close(byte, give),
            _ => {}
        }
        if !byte.is_ascii_whitespace() {
            self.before = byte;
        }
    }

    fn close(&mut self, byte: u8, give: &mut dyn FnMut(u64, Piece<'_>)) {
        let opened = if byte == b'}' { b'{' } else { b'[' };
        // What closes nothing is damage; the next object begins anew.
        if self.open.last() != Some(&opened) {
            if self.open.len() > self.around {
                self.broken(give);
            } else {
                self.reset();
            }
            return;
        }
        self.open.pop();
        if self.open.len() < self.around {
            // The end of an array around the records.
            self.outer = std::mem::take(&mut self.wrapper);
            self.around = if self.outer { self.open.len().saturating_sub(1) } else { 0 };
            self.record.clear();
        } else if self.open.len() == self.around && byte == b'}' {
            let piece = if self.too_long {
                Piece::TooLong
            } else if std::mem::take(&mut self.outer) {
                Piece::Outer
            } else {
                Piece::Object(&self.record)
            };
            give(self.began, piece);
            self.record.clear();
            self.too_long = false;
        }
    }

    fn keep(&mut self, byte: u8) {
        if self.record.len() < LONGEST {
            self.record.push(byte);
        } else {
            self.too_long = true;
        }
    }

    fn is_wrapper(&self) -> bool {
        self.open.last() == Some(&b'{') && WRAPPERS.iter().any(|w| w.as_bytes() == self.key)
    }

    fn reset(&mut self) {
        *self = Self {
            line: self.line,
            column: self.column,
            blank: self.blank,
            indent: self.indent,
            ..Self::default()
        };
    }

    /// Whether a record was begun and not ended, and where.
    pub(super) fn unfinished(&self) -> Option<u64> {
        (self.open.len() > self.around && !self.outer).then_some(self.began)
    }
}

/// A JSON object, read leniently: keys are found whether the first letter is a capital or not, and
/// dots within keys may be nesting (`id.orig_h`, `{"id": {"orig_h"`).
#[derive(Clone, Copy)]
pub struct Object<'a> {
    pub(super) map: &'a Map<String, Value>,
    /// Where fields that are none are told; nowhere while the format is looked for.
    pub(super) damage: Option<&'a Damage>,
}

impl<'a> From<&'a Map<String, Value>> for Object<'a> {
    fn from(map: &'a Map<String, Value>) -> Self {
        Self { map, damage: None }
    }
}

impl<'a> Object<'a> {
    /// A value, not null.
    pub(super) fn get(self, key: &str) -> Option<&'a Value> {
        let found = match self.map.get(key) {
            Some(value) => Some(value),
            None => self.otherwise(key),
        };
        found.filter(|value| !value.is_null())
    }

    fn otherwise(self, key: &str) -> Option<&'a Value> {
        if let Some((outer, inner)) = key.split_once('.') {
            return self.get(outer)?.as_object().and_then(|o| Object::from(o).get(inner));
        }
        let mut chars = key.chars();
        let first = chars.next()?;
        let other: String = if first.is_ascii_lowercase() {
            first.to_ascii_uppercase()
        } else {
            first.to_ascii_lowercase()
        }
        .to_string()
            + chars.as_str();
        self.map.get(&other)
    }

    pub(super) fn object(self, key: &str) -> Option<Self> {
        self.get(key)?.as_object().map(|map| self.within(map))
    }

    pub(super) fn str(self, key: &str) -> Option<&'a str> {
        self.get(key)?.as_str().filter(|text| !text.is_empty())
    }

    /// A text, or a number as text, or a list of such with commas between.
    pub(super) fn words(self, key: &str) -> Option<Cow<'a, str>> {
        words(self.get(key)?)
    }

    /// With a place to tell of fields that are none.
    pub(super) const fn telling(self, damage: &'a Damage) -> Self {
        Self { map: self.map, damage: Some(damage) }
    }

    /// An object that was found within this one.
    pub(super) const fn within(self, map: &'a Map<String, Value>) -> Self {
        Self { map, damage: self.damage }
    }

    /// Tells that a field is none.
    #[cold]
    pub(super) fn damaged(self, key: &str, value: &Value) {
        if let Some(damage) = self.damage {
            damage.add(key, &of_json(value));
        }
    }

    /// A field as it is read; told where it is none.
    pub(super) fn field<T>(self, key: &str, read: impl Fn(&'a Value) -> Option<T>) -> Option<T> {
        let value = self.get(key)?;
        let found = read(value);
        if found.is_none() {
            self.damaged(key, value);
        }
        found
    }

    /// A whole number, also one that is written as a text or with a fraction of nothing.
    pub(super) fn count(self, key: &str) -> Option<u64> {
        self.field(key, whole)
    }

    /// The same, where it is a small one.
    pub(super) fn small(self, key: &str) -> Option<u32> {
        self.field(key, |value| u32::try_from(whole(value)?).ok())
    }

    pub(super) fn port(self, key: &str) -> Option<u16> {
        self.field(key, |value| u16::try_from(whole(value)?).ok())
    }

    pub(super) fn address(self, key: &str) -> Option<std::net::IpAddr> {
        self.field(key, |value| super::field::address(value.as_str()?.as_bytes()))
    }

    pub(super) fn bool(self, key: &str) -> Option<bool> {
        self.field(key, |value| match value {
            Value::Bool(value) => Some(*value),
            Value::String(text) => match text.as_str() {
                "true" | "T" => Some(true),
                "false" | "F" => Some(false),
                _ => None,
            },
            _ => None,
        })
    }

    /// A time as a number of seconds or as a text.
    pub(super) fn time(self, key: &str) -> Option<super::times::Read> {
        self.field(key, |value| match value {
            Value::String(text) => super::times::any(text.as_bytes()),
            Value::Number(number) => super::times::any(number.to_string().as_bytes()),
            _ => None,
        })
    }

    pub(super) fn text(self, key: &str) -> Option<crate::facts::HostText> {
        super::row::text(self.words(key)?.as_bytes())
    }

    pub(super) fn name(self, key: &str) -> Option<crate::facts::HostText> {
        super::row::name(self.words(key)?.as_bytes())
    }
}

fn whole(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64().or_else(|| {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            number.as_f64().filter(|f| (0.0..9e15).contains(f)).map(|f| f as u64)
        }),
        Value::String(text) => super::field::count(text.trim().as_bytes()),
        _ => None,
    }
}

/// A value as words: lists with commas between.
pub(super) fn words(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Bool(value) => Some(Cow::Borrowed(if *value { "true" } else { "false" })),
        Value::Array(values) => {
            let parts: Vec<Cow<'_, str>> = values.iter().filter_map(words).collect();
            (!parts.is_empty()).then(|| Cow::Owned(parts.join(",")))
        }
        Value::Null | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;

    fn split(text: &str) -> Vec<(u64, String)> {
        let mut splitter = Splitter::new();
        let mut out = Vec::new();
        splitter.push(text.as_bytes(), &mut |line, piece| {
            out.push((
                line,
                match piece {
                    Piece::Object(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                    Piece::Outer => "outer".into(),
                    Piece::TooLong => "too long".into(),
                    Piece::Broken => "broken".into(),
                },
            ));
        });
        out
    }

    #[test]
    fn finds_objects_in_every_frame() {
        let lines = "{\"a\":1}\n{\"b\":\"}{\\\"\"}\n";
        assert_eq!(split(lines), [(1, "{\"a\":1}".into()), (2, "{\"b\":\"}{\\\"\"}".into())]);
        let array = "[\n{\"a\":[{\"x\":1}]},\n {\"b\":2}\n]\n";
        assert_eq!(split(array), [(2, "{\"a\":[{\"x\":1}]}".into()), (3, "{\"b\":2}".into())]);
        let outer = "{\n \"Findings\": [\n{\"a\":1}, {\"b\":{}}], \"NextToken\": \"\"}\n{\"c\":1}";
        assert_eq!(
            split(outer),
            [
                (3, "{\"a\":1}".into()),
                (3, "{\"b\":{}}".into()),
                (3, "outer".into()),
                (4, "{\"c\":1}".into())
            ]
        );
        let damaged =
            "[\n {\"a\": \"x\n },\n {\"b\": [1\n },\n {\"c\": {\"d\": 1},\n {\"e\": 5}\n]\n";
        let broken = |line| (line, "broken".to_owned());
        assert_eq!(split(damaged), [broken(2), broken(4), broken(6), (7, "{\"e\": 5}".into())]);
        let not_outer = "{\"detail\":{\"findings\":[{\"a\":1}]}}";
        assert_eq!(split(not_outer).len(), 1);
    }

    #[test]
    fn keys_may_differ_in_their_first_letter_and_be_nested() {
        let value: Value = serde_json::from_str(
            r#"{"Service":{"Count":"57"},"id":{"orig_h":"10.0.0.1"},"x":null,"ts":1.5}"#,
        )
        .unwrap();
        let object = Object::from(value.as_object().unwrap());
        assert_eq!(object.object("service").unwrap().count("count"), Some(57));
        assert_eq!(object.address("id.orig_h").unwrap().to_string(), "10.0.0.1");
        assert!(object.get("x").is_none());
        assert_eq!(object.time("ts").unwrap().time.0, 1_500_000_000);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in r#"[\[\]{}":,a\\ \n]{0,80}"#, cut in 0usize..80) {
            let mut whole = Vec::new();
            let mut splitter = Splitter::new();
            splitter.push(text.as_bytes(), &mut |line, piece| whole.push((line, matches!(piece, Piece::Object(_)))));
            let mut parts = Vec::new();
            let mut splitter = Splitter::new();
            let (a, b) = text.as_bytes().split_at(cut.min(text.len()));
            for part in [a, b] {
                splitter.push(part, &mut |line, piece| parts.push((line, matches!(piece, Piece::Object(_)))));
            }
            prop_assert_eq!(whole, parts);
        }
    }
}

//! Single fields that are none, in rows that are otherwise read: a port beyond 65535, a count that is
//! negative. The row is kept, its field is NULL, and it is told which.

use super::field;
use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;
use std::net::IpAddr;

/// So many are named; the others are counted.
const MOST_NAMED: usize = 5;

/// A value is shown up to here.
const SHOWN: usize = 60;

/// The fields of one file that could not be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    /// All of them.
    pub lost: u64,
    /// What stands where a line would, in a file that has none.
    pub records: bool,
    /// The first: line, field, value as it is shown.
    pub first: Vec<(u64, String, String)>,
}

impl Fields {
    /// Counts one, unless its value is one of those by which logs say that there is none.
    #[cold]
    pub(super) fn add(&mut self, line: u64, name: &str, value: &[u8]) {
        if absent(value) {
            return;
        }
        self.lost += 1;
        if self.first.len() < MOST_NAMED {
            self.first.push((line, name.to_owned(), shown(value)));
        }
    }

    /// How many there are now, to come [back](Self::back) to.
    pub(super) const fn mark(&self) -> (u64, usize) {
        (self.lost, self.first.len())
    }

    /// Leaves what was counted since: the record was lost as a whole, or is another reader's.
    pub(super) fn back(&mut self, (lost, first): (u64, usize)) {
        self.lost = lost;
        self.first.truncate(first);
    }
}

impl fmt::Display for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.lost == 0 {
            return Ok(());
        }
        let unit = if self.records { "record" } else { "line" };
        write!(f, "{} fields could not be read, their rows were kept: ", self.lost)?;
        for (number, (line, name, value)) in self.first.iter().enumerate() {
            let between = if number > 0 { ", " } else { "" };
            write!(f, "{between}{unit} {line} {name} \"{value}\"")?;
        }
        if usize::try_from(self.lost).map_or(true, |lost| lost > self.first.len()) {
            f.write_str(", …")?;
        }
        Ok(())
    }
}

/// How logs write that there is nothing.
fn absent(value: &[u8]) -> bool {
    const MARKS: &[&str] =
        &["(empty)", "(null)", "(none)", "null", "none", "nil", "n/a", "unknown", "unset"];
    let value = value.trim_ascii();
    value.iter().all(|byte| matches!(byte, b'-' | b'?'))
        || MARKS.iter().any(|mark| value.eq_ignore_ascii_case(mark.as_bytes()))
}

/// A value that may be hostile and of any length.
fn shown(value: &[u8]) -> String {
    // Escaping makes longer, never shorter.
    let text = String::from_utf8_lossy(value.get(..SHOWN * 4).unwrap_or(value));
    let mut escaped = text.escape_debug();
    let mut out: String = escaped.by_ref().take(SHOWN).collect();
    if escaped.next().is_some() {
        out.push('…');
    }
    out
}

/// The fields of one record, where its reader asks for them by name.
#[derive(Default)]
pub(super) struct Damage(RefCell<Vec<(String, Vec<u8>)>>);

impl Damage {
    #[cold]
    pub(super) fn add(&self, name: &str, value: &[u8]) {
        let mut fields = self.0.borrow_mut();
        // What is asked for twice is lost once.
        if !fields.iter().any(|(known, lost)| known == name && lost == value) {
            fields.push((name.to_owned(), value.to_vec()));
        }
    }

    /// What was read of a field; told where it is none.
    pub(super) fn told<T>(&self, name: &str, value: &[u8], read: Option<T>) -> Option<T> {
        if read.is_none() {
            self.add(name, value);
        }
        read
    }

    /// `address:port`; told where it is none, and the address kept if that is one.
    pub(super) fn end(&self, name: &str, value: &[u8]) -> (Option<IpAddr>, Option<u16>) {
        match self.told(name, value, field::endpoint(value)) {
            Some((host, port)) => (Some(host), port),
            None => (field::before_port(value), None),
        }
    }

    /// Hands them on.
    pub(super) fn tell(self, out: &mut dyn super::format::Out) {
        for (name, value) in self.0.into_inner() {
            out.damaged(&name, &value);
        }
    }
}

/// A value of JSON as it is shown.
pub(super) fn of_json(value: &serde_json::Value) -> Cow<'_, [u8]> {
    match value {
        serde_json::Value::String(text) => Cow::Borrowed(text.as_bytes()),
        other => Cow::Owned(other.to_string().into_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_values_are_escaped_and_cut_and_marks_of_absence_are_no_damage() {
        let mut fields = Fields::default();
        for mark in ["", "-", " - ", "(empty)", "NULL", "N/A"] {
            fields.add(1, "port", mark.as_bytes());
        }
        assert_eq!(fields, Fields::default());
        fields.add(7, "port", b"7\x1b[2J\n\xff\xe2\x80\xae");
        fields.add(8, "count", &[b'x'; 5000]);
        let long = "x".repeat(60);
        assert_eq!(
            fields.to_string(),
            format!(
                "2 fields could not be read, their rows were kept: \
                 line 7 port \"7\\u{{1b}}[2J\\n\u{fffd}\\u{{202e}}\", line 8 count \"{long}…\""
            )
        );
        let mark = fields.mark();
        fields.add(9, "port", b"x");
        fields.back(mark);
        assert_eq!(fields.lost, 2);
    }
}

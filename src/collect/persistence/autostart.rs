//! Desktop entries that a session starts.

use super::lines::{assignment, physical};
use super::{Found, Parsed, Text};
use crate::facts::HostText;

/// The `Exec=` lines.
pub(super) fn desktop(text: &Text<'_>) -> Parsed {
    let found = physical(text.bytes).filter_map(|(number, line)| {
        let (key, value) = assignment(line)?;
        (key == b"Exec" && !value.is_empty()).then(|| Found {
            line: Some(number),
            schedule: Some(HostText::from("login")),
            command: HostText::from(value),
            ..Found::default()
        })
    });
    (found.collect(), Vec::new())
}

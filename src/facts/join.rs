//! The facts of a further source of the same host, put beside those of the first.

use super::{Error, Facts};
use rusqlite::types::{Value, ValueRef};
use std::collections::HashSet;

/// The id of a fact of the source with this number: `processes/32` of the second is
/// `processes/2:32`. The first source's ids stay as they are.
#[must_use]
pub fn numbered(fact: &str, source: u32) -> String {
    match fact.split_once('/') {
        Some((table, key)) if source > 1 => format!("{table}/{source}:{key}"),
        _ => fact.to_owned(),
    }
}

impl Facts {
    /// Takes in all rows of another store with the same tables. Their ids, and what refers to
    /// them, bear the number of the source, so that each row can be told from its like.
    ///
    /// # Errors
    /// Where SQLite refuses.
    pub fn take_in(&self, other: &Self, source: u32) -> Result<(), Error> {
        let fail = |cause| Error::Sql { doing: "joining two sources".to_owned(), cause };
        let tables: Vec<String> = other.rows(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE '%(fact TEXT NOT NULL%'
             ORDER BY name",
            [],
            |row| row.get(0),
        )?;
        let mut ids: HashSet<String> = HashSet::new();
        for table in &tables {
            ids.extend(other.rows(&format!("SELECT fact FROM \"{table}\""), [], |row| row.get(0))?);
        }
        self.together(|facts| {
            for table in &tables {
                let mut theirs = other
                    .connection()
                    .prepare(&format!("SELECT * FROM \"{table}\" ORDER BY rowid"))
                    .map_err(fail)?;
                let columns = theirs.column_count();
                let places = vec!["?"; columns].join(", ");
                let mut ours = facts
                    .connection()
                    .prepare(&format!("INSERT INTO \"{table}\" VALUES ({places})"))
                    .map_err(fail)?;
                let mut rows = theirs.query([]).map_err(fail)?;
                while let Some(row) = rows.next().map_err(fail)? {
                    for at in 0..columns {
                        let value = match row.get_ref(at).map_err(fail)? {
                            ValueRef::Text(text) => Value::Text(renamed(text, &ids, source)),
                            ValueRef::Null => Value::Null,
                            ValueRef::Integer(number) => Value::Integer(number),
                            ValueRef::Real(number) => Value::Real(number),
                            ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
                        };
                        ours.raw_bind_parameter(at.saturating_add(1), value).map_err(fail)?;
                    }
                    ours.raw_execute().map_err(fail)?;
                }
            }
            Ok(())
        })
    }
}

/// A value as it is, or the new id where it is one.
fn renamed(text: &[u8], ids: &HashSet<String>, source: u32) -> String {
    let text = String::from_utf8_lossy(text);
    if ids.contains(text.as_ref()) { numbered(&text, source) } else { text.into_owned() }
}

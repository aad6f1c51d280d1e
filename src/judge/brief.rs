//! The first rows of hunts, for a report: those playbooks of `kind: table` that ask to stand there.

use super::ask::{self, MOST_ROWS};
use super::template::quoted;
use super::{Kind, Playbook, Playbooks};
use crate::facts::{Facts, Limits};
use rusqlite::types::Value;
use serde::Serialize;
use std::collections::BTreeMap;

/// Columns of a row that a report has room for, where the playbook names none.
const COLUMNS: usize = 6;

/// The first rows of a hunt.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Brief {
    /// The playbook's id.
    pub id: String,
    /// What its rows are.
    pub title: String,
    /// The columns that a page has room for; a row has all of them.
    pub columns: Vec<String>,
    /// The first rows, by column.
    pub rows: Vec<BTreeMap<String, serde_json::Value>>,
    /// Rows in all; of those beyond ten thousand it is not known how many.
    pub count: usize,
    /// Whether there are more than `count`.
    pub at_least: bool,
    /// Why it was not answered, where it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
    /// What shows all rows.
    pub command: String,
}

/// The hunts that have rows, in the order in which a report shows them. `sources` are what the user
/// named. [`prepare`](super::prepare) comes first.
#[must_use]
pub fn briefs(facts: &Facts, playbooks: &Playbooks, sources: &[String]) -> Vec<Brief> {
    let mut wanted: Vec<&Playbook> =
        playbooks.iter().filter(|p| p.kind == Kind::Table && p.report.is_some()).collect();
    wanted.sort_by_key(|p| (p.report.as_ref().map_or(0, |r| r.place), &p.id.text));
    let named: Vec<String> = sources.iter().map(|name| quoted(name)).collect();
    wanted
        .into_iter()
        .map(|playbook| brief(facts, playbook, &named.join(" ")))
        .filter(|brief| !brief.rows.is_empty() || brief.failed.is_some())
        .collect()
}

fn brief(facts: &Facts, playbook: &Playbook, sources: &str) -> Brief {
    let report = playbook.report.clone().unwrap_or_default();
    let id = playbook.id.text.clone();
    let mut out = Brief {
        title: playbook.title.clone(),
        command: format!("davy hunt {id} {sources}"),
        id,
        ..Brief::default()
    };
    // All rows, so that it can be said how many there are.
    let mut given = BTreeMap::new();
    if playbook.params.contains_key("most") {
        given.insert("most".to_owned(), MOST_ROWS.saturating_add(1).to_string());
    }
    let found = match ask::ask(facts, playbook, &given, Limits::default(), MOST_ROWS).0 {
        Ok(found) => found,
        Err(failure) => {
            out.failed = Some(failure.to_string());
            return out;
        }
    };
    out.columns = if report.columns.is_empty() {
        found.columns.iter().take(COLUMNS).cloned().collect()
    } else {
        report.columns
    };
    out.count = found.rows.len();
    out.at_least = found.cut;
    let row = |row: &Vec<Value>| found.columns.iter().cloned().zip(row.iter().map(json)).collect();
    out.rows = found.rows.iter().take(report.rows).map(row).collect();
    out
}

/// A value of a row as JSON. Bytes that are no text are shown as far as they are.
#[must_use]
pub fn json(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Integer(number) => (*number).into(),
        Value::Real(number) => (*number).into(),
        Value::Text(text) => text.clone().into(),
        Value::Blob(bytes) => String::from_utf8_lossy(bytes).into_owned().into(),
    }
}

//! The facts that findings cite, fetched once for all findings.

use super::Evidence;
use crate::facts::{self, ColumnKind, Facts, TableDef, Time};
use rusqlite::types::ValueRef;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A cited value longer than this is cut; the facts keep all of it.
const LONGEST: usize = 8 << 10;

/// Fetches the facts of these ids. One scan a table that is cited, so that no index over every
/// mapping and descriptor must be built for the sake of a few rows.
pub(super) fn fetch(
    facts: &Facts,
    tables: &[TableDef],
    ids: &BTreeSet<String>,
) -> Result<BTreeMap<String, Evidence>, facts::Error> {
    let mut by_table: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for id in ids {
        if let Some((table, _)) = id.split_once('/') {
            by_table.entry(table).or_default().insert(id);
        }
    }
    let mut out = BTreeMap::new();
    for table in tables {
        if let Some(wanted) = by_table.get(table.name) {
            of_table(facts, table, wanted, &mut out).map_err(|cause| facts::Error::Sql {
                doing: format!("reading what was found in {}", table.name),
                cause,
            })?;
        }
    }
    Ok(out)
}

fn of_table(
    facts: &Facts,
    table: &TableDef,
    wanted: &BTreeSet<&str>,
    out: &mut BTreeMap<String, Evidence>,
) -> rusqlite::Result<()> {
    let connection = facts.connection();
    let mut rowids = Vec::new();
    let mut scan = connection.prepare(&format!("SELECT rowid, fact FROM \"{}\"", table.name))?;
    let mut rows = scan.query([])?;
    while let Some(row) = rows.next()? {
        if row.get_ref(1)?.as_str().is_ok_and(|fact| wanted.contains(fact)) {
            rowids.push(row.get::<_, i64>(0)?);
        }
    }
    let mut fetch =
        connection.prepare(&format!("SELECT * FROM \"{}\" WHERE rowid = ?", table.name))?;
    for rowid in rowids {
        let mut rows = fetch.query([rowid])?;
        let Some(row) = rows.next()? else { continue };
        let mut values = BTreeMap::new();
        for column in table.columns {
            if let Some(value) = shown(column.kind, row.get_ref(column.name)?) {
                values.insert(column.name.to_owned(), value);
            }
        }
        let fact: String = row.get("fact")?;
        let evidence = Evidence { fact: fact.clone(), source: row.get("source")?, values };
        out.entry(fact).or_insert(evidence);
    }
    Ok(())
}

/// A stored value as reports show it; [`None`] for NULL.
fn shown(kind: ColumnKind, value: ValueRef<'_>) -> Option<Value> {
    Some(match (kind, value) {
        (_, ValueRef::Null) => return None,
        (ColumnKind::Time, ValueRef::Integer(time)) => Time(time).to_string().into(),
        (ColumnKind::Bool, ValueRef::Integer(number)) => (number != 0).into(),
        (_, ValueRef::Integer(number)) => number.into(),
        (_, ValueRef::Real(number)) => number.into(),
        (_, ValueRef::Text(bytes) | ValueRef::Blob(bytes)) => cut(bytes).into(),
    })
}

fn cut(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    if text.len() <= LONGEST {
        return text.into_owned();
    }
    let end = text.floor_char_boundary(LONGEST);
    let head = text.get(..end).unwrap_or_default();
    format!("{head}… ({} bytes in all)", text.len())
}

//! The rows of an answer: a table for reading, JSON, JSON lines, CSV.

use crate::judge::Rows;
use crate::judge::json;
use crate::report;
use crate::report::escape::{visible, visible_within};
use clap::ValueEnum;
use rusqlite::types::Value;
use std::io::{self, Write};

/// How rows are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Columns for reading
    Table,
    /// An array of objects
    Json,
    /// An object a line
    Jsonl,
    /// Comma-separated, with a header
    Csv,
}

/// A cell of the table is cut there.
const WIDEST: usize = 80;

/// Prints rows; `title` stands above a table where there are several.
///
/// # Errors
/// The stream's own.
pub fn print(
    rows: &Rows,
    format: Format,
    title: Option<&str>,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        Format::Table => table(&worded(rows), title, out),
        Format::Csv => {
            if let Some(title) = title {
                writeln!(out, "# {title}")?;
            }
            csv(&worded(rows), out)
        }
        Format::Jsonl => {
            for row in &rows.rows {
                report::json::line(&object(rows, row), out)?;
            }
            Ok(())
        }
        Format::Json => {
            let all: Vec<_> = rows.rows.iter().map(|row| object(rows, row)).collect();
            report::json::pretty(&all, out)
        }
    }
}

fn object(rows: &Rows, row: &[Value]) -> serde_json::Map<String, serde_json::Value> {
    let value = |(column, value): (&String, &Value)| {
        let list = if is_list(column) { list(value) } else { None };
        let value = list.map_or_else(|| json(value), serde_json::Value::Array);
        (column.clone(), value)
    };
    rows.columns.iter().zip(row).map(value).collect()
}

/// Columns that hold a list, as `json_group_array` makes it: an array in JSON, and elsewhere its
/// items with spaces between.
fn is_list(column: &str) -> bool {
    matches!(column, "members" | "addresses")
}

fn list(value: &Value) -> Option<Vec<serde_json::Value>> {
    match value {
        Value::Text(text) => serde_json::from_str(text).ok(),
        _ => None,
    }
}

/// The same rows with lists as words.
fn worded(rows: &Rows) -> Rows {
    let mut worded = rows.clone();
    for (at, _) in rows.columns.iter().enumerate().filter(|(_, column)| is_list(column)) {
        for value in worded.rows.iter_mut().filter_map(|row| row.get_mut(at)) {
            if let Some(items) = list(value) {
                let words: Vec<&str> = items.iter().filter_map(|item| item.as_str()).collect();
                *value = Value::Text(words.join(" "));
            }
        }
    }
    worded
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => format!("{number:.3}"),
        Value::Text(text) => text.clone(),
        Value::Blob(bytes) => String::from_utf8_lossy(bytes).into_owned(),
    }
}

fn table(rows: &Rows, title: Option<&str>, out: &mut dyn Write) -> io::Result<()> {
    use unicode_width::UnicodeWidthStr;
    if let Some(title) = title {
        writeln!(out, "{title}")?;
    }
    let cell = |value: &Value| match value {
        Value::Null => "-".to_owned(),
        value => visible_within(&shown(value), WIDEST),
    };
    let cells: Vec<Vec<String>> =
        rows.rows.iter().map(|row| row.iter().map(cell).collect()).collect();
    let mut widths: Vec<usize> = rows.columns.iter().map(|name| name.width()).collect();
    for row in &cells {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    let numeric: Vec<bool> = (0..rows.columns.len())
        .map(|at| {
            rows.rows
                .iter()
                .all(|row| !matches!(row.get(at), Some(Value::Text(_) | Value::Blob(_))))
        })
        .collect();
    let line = |cells: &[String], out: &mut dyn Write| -> io::Result<()> {
        let mut text = String::new();
        for ((cell, width), right) in cells.iter().zip(&widths).zip(&numeric) {
            let pad = " ".repeat(width.saturating_sub(cell.width()));
            if *right {
                text.push_str(&pad);
                text.push_str(cell);
            } else {
                text.push_str(cell);
                text.push_str(&pad);
            }
            text.push_str("  ");
        }
        writeln!(out, "{}", text.trim_end())
    };
    line(&rows.columns, out)?;
    for row in &cells {
        line(row, out)?;
    }
    if rows.cut {
        writeln!(out, "(more rows are not shown)")?;
    }
    Ok(())
}

fn csv(rows: &Rows, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", rows.columns.join(","))?;
    for row in &rows.rows {
        let cells: Vec<String> = row.iter().map(csv_cell).collect();
        writeln!(out, "{}", cells.join(","))?;
    }
    Ok(())
}

/// A cell that a spreadsheet shows and does not run.
fn csv_cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        other => {
            let text = visible(&shown(other));
            let mark = if text.starts_with(['=', '+', '-', '@']) { "'" } else { "" };
            format!("\"{mark}{}\"", text.replace('"', "\"\""))
        }
    }
}

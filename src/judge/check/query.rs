//! The query itself: does it prepare, does it only read, what does it return.

use super::super::alike::alike;
use super::super::{Complaint, FUNCTIONS, Kind, Playbook, functions};
use super::Checker;
use crate::facts::{Asked, Limits};
use rusqlite::Error;
use std::collections::BTreeSet;

/// Tables that are made from findings.
const LATER: &[&str] = &["findings", "finding_evidence", "timeline", "edges"];

/// The names of the columns that the query returns.
pub(super) fn columns(
    checker: &Checker<'_>,
    playbook: &Playbook,
) -> Result<Vec<String>, Box<Complaint>> {
    let sql = &playbook.query.text;
    let whole = |message: String| playbook.complain(&playbook.query, 0, 1, message);
    let prepared = checker.facts.read_only(Limits::default(), |connection| {
        let statement = connection.prepare(sql)?;
        let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let parameters: Vec<Option<String>> = (1..=statement.parameter_count())
            .map(|i| statement.parameter_name(i).map(str::to_owned))
            .collect();
        Ok((columns, parameters))
    });
    let (prepared, asked) = prepared.map_err(|error| Box::new(whole(error.to_string())))?;
    let (columns, parameters) =
        prepared.map_err(|error| Box::new(refusal(checker, playbook, &error, &asked)))?;
    if let Some((table, _)) = asked.reads.iter().find(|(t, _)| LATER.contains(&t.as_str())) {
        let message = format!("{table} is made from what playbooks find");
        return Err(Box::new(point(playbook, table, message)));
    }
    held(playbook, &parameters)?;
    patterns(playbook)?;
    Ok(columns)
}

/// A finding has a subject, and no name stands for two columns.
pub(super) fn subject(playbook: &Playbook, columns: &[String], out: &mut Vec<Complaint>) {
    let mut seen = BTreeSet::new();
    for column in columns {
        if !seen.insert(column) {
            let message = format!("two columns are named `{column}`");
            out.push(point(playbook, column, message).help("name one of them with AS"));
        }
    }
    if playbook.kind == Kind::Finding && !columns.iter().any(|column| column == "fact") {
        out.push(
            playbook
                .complain(&playbook.query, 0, 6, "the query returns no column `fact`")
                .help("the subject's fact id: SELECT p.fact, …"),
        );
    }
}

/// SQLite's error at its place in the file.
fn refusal(checker: &Checker<'_>, playbook: &Playbook, error: &Error, asked: &Asked) -> Complaint {
    if let Some(refused) = &asked.refused {
        let word = refused.rsplit(' ').next().unwrap_or_default().trim_end_matches("()");
        return point(playbook, word, format!("{refused} is not allowed to a playbook"));
    }
    let sql = &playbook.query.text;
    let named = |msg: &str| msg.rsplit(": ").next().unwrap_or_default().to_owned();
    match error {
        Error::SqlInputError { msg, offset, .. } => {
            let offset = usize::try_from(*offset).unwrap_or_default();
            playbook
                .complain(&playbook.query, offset, word_at(sql, offset), msg.as_str())
                .help(help(checker, sql, msg, &named(msg)))
        }
        // Of some errors SQLite knows no place, as of a table that is not there.
        Error::SqliteFailure(_, Some(msg)) => {
            let word = named(msg);
            point(playbook, &word, msg.as_str()).help(help(checker, sql, msg, &word))
        }
        Error::MultipleStatement => {
            playbook.complain(&playbook.query, 0, 1, "more than one statement")
        }
        other => playbook.complain(&playbook.query, 0, 1, other.to_string()),
    }
}

/// Names that resemble the unknown one, the nearest first.
fn help(checker: &Checker<'_>, sql: &str, message: &str, named: &str) -> String {
    let name = named.rsplit('.').next().unwrap_or_default();
    let tables = checker.tables.iter();
    let lookups = checker.playbooks.lookups();
    let known: BTreeSet<&str> = if message.starts_with("no such column") {
        let columns = tables
            .filter(|t| sql.contains(t.name))
            .flat_map(|t| ["fact", "source"].into_iter().chain(t.columns.iter().map(|c| c.name)));
        let cells = lookups.filter(|l| sql.contains(&l.name)).flat_map(|l| &l.columns);
        columns.chain(cells.map(String::as_str)).collect()
    } else if message.starts_with("no such table") {
        tables.map(|t| t.name).chain(lookups.map(|l| l.name.as_str())).collect()
    } else if message.starts_with("no such function") || message.starts_with("wrong number") {
        let ours: Vec<String> =
            FUNCTIONS.iter().map(|f| format!("{}({})", f.name, f.arguments)).collect();
        return format!("besides SQLite's own: {}", ours.join(", "));
    } else {
        BTreeSet::new()
    };
    let alike = alike(name, known);
    if alike.is_empty() { String::new() } else { format!("there is {}", alike.join(", ")) }
}

/// Every parameter is declared, and every declared one is used.
fn held(playbook: &Playbook, parameters: &[Option<String>]) -> Result<(), Box<Complaint>> {
    let mut used = BTreeSet::new();
    for parameter in parameters {
        let name = parameter.as_deref().and_then(|p| p.strip_prefix(':'));
        match name {
            Some(name) if playbook.params.contains_key(name) => {
                used.insert(name);
            }
            Some(name) => {
                let message = format!("the parameter `:{name}` has no default");
                return Err(Box::new(
                    point(playbook, &format!(":{name}"), message).help("declare it in params:"),
                ));
            }
            None => {
                let word = parameter.as_deref().unwrap_or("?");
                let message = format!("a parameter `{word}`");
                return Err(Box::new(
                    point(playbook, word, message).help("parameters are written `:name`"),
                ));
            }
        }
    }
    match playbook.params.keys().find(|name| !used.contains(name.as_str())) {
        None => Ok(()),
        Some(name) => {
            let message = format!("the query does not use the parameter `{name}`");
            Err(Box::new(playbook.complain(&playbook.query, 0, 1, message)))
        }
    }
}

/// Patterns in the query are compiled only when a row comes, which on empty facts is never.
fn patterns(playbook: &Playbook) -> Result<(), Box<Complaint>> {
    let sql = &playbook.query.text;
    let lower = sql.to_ascii_lowercase();
    for (at, word) in lower.match_indices("regexp") {
        let after = at.saturating_add(word.len());
        let rest = sql.get(after..).unwrap_or_default();
        let inner = rest.trim_start_matches([' ', '\n', '(']);
        let Some(literal) = inner.strip_prefix('\'') else { continue };
        let Some(pattern) = quoted(literal) else { continue };
        if let Err(message) = functions::pattern(&pattern) {
            let begin = after.saturating_add(rest.len().saturating_sub(inner.len()));
            // The crate draws its own caret on lines of its own; its last line is the reason.
            let reason = message.lines().last().unwrap_or_default().trim();
            let reason = reason.strip_prefix("error: ").unwrap_or(reason);
            return Err(Box::new(playbook.complain(
                &playbook.query,
                begin,
                pattern.len().saturating_add(2),
                format!("regular expression: {reason}"),
            )));
        }
    }
    Ok(())
}

/// An SQL text after its opening quote, up to its end.
fn quoted(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\'' {
            if chars.peek() != Some(&'\'') {
                return Some(out);
            }
            chars.next();
        }
        out.push(c);
    }
    None
}

/// A complaint at the first place where the query has this word; else at its beginning.
fn point(playbook: &Playbook, word: &str, message: impl Into<String>) -> Complaint {
    let sql = &playbook.query.text;
    let part = |c: char| c.is_alphanumeric() || c == '_';
    let place = sql.match_indices(word).find(|(at, _)| {
        let end = at.saturating_add(word.len());
        !sql.get(..*at).is_some_and(|head| head.ends_with(part))
            && !sql.get(end..).is_some_and(|tail| tail.starts_with(part))
    });
    match place {
        Some((at, _)) if !word.is_empty() => {
            playbook.complain(&playbook.query, at, word.len(), message)
        }
        _ => playbook.complain(&playbook.query, 0, 1, message),
    }
}

/// Length of the name that begins there, with its table's.
fn word_at(sql: &str, offset: usize) -> usize {
    let rest = sql.get(offset..).unwrap_or_default();
    rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.')))
        .unwrap_or(rest.len())
        .max(1)
}

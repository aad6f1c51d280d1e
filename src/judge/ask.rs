//! A playbook's query, run within limits.

use super::{Kind, Level, Parameter, Playbook};
use crate::facts::{self, Asked, Facts, Limits, Stopped};
use rusqlite::types::Value;
use rusqlite::{Connection, Statement};
use std::collections::BTreeMap;
use std::time::Duration;

/// Rows of one query beyond this are not read.
pub(super) const MOST_ROWS: usize = 10_000;

/// Rows of an answer beyond this are not read.
const MOST_ANSWERED: usize = 1_000_000;

/// What a query gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// As many values a row as there are columns.
    pub rows: Vec<Vec<Value>>,
    /// Whether there were more rows than are kept.
    pub cut: bool,
    /// Whether those kept are the gravest.
    pub worst: bool,
}

/// Why a query gave nothing.
#[derive(Debug)]
pub enum Failure {
    /// It is wrong, or it was refused what it wanted.
    Query(rusqlite::Error, Option<String>),
    /// It took too long or too much memory.
    Stopped(Stopped, Limits),
    /// A parameter that the playbook does not have, or a value of the wrong type.
    Parameter(String),
    /// The store itself failed.
    Store(facts::Error),
}

impl std::error::Error for Failure {}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Query(_, Some(refused)) => {
                write!(f, "{refused} is not allowed: a query may read, and nothing else")
            }
            Self::Query(cause, None) if cause.to_string().contains("integer overflow") => f
                .write_str(
                    "a log holds numbers whose sum is greater than an integer: total() in place of \
                     sum() adds them up all the same",
                ),
            Self::Query(rusqlite::Error::SqlInputError { msg, .. }, None) => f.write_str(msg),
            Self::Query(cause, None) => write!(f, "{cause}"),
            Self::Stopped(Stopped::Time, limits) => {
                write!(f, "timed out after {} s", limits.time.as_secs_f64())
            }
            Self::Stopped(Stopped::Memory, limits) => {
                write!(f, "stopped: it took more than {} MiB of memory", limits.memory >> 20)
            }
            Self::Parameter(message) => f.write_str(message),
            Self::Store(cause) => write!(f, "{cause}"),
        }
    }
}

/// Runs a playbook's query with these parameters, the others at their defaults.
pub(super) fn ask(
    facts: &Facts,
    playbook: &Playbook,
    given: &BTreeMap<String, String>,
    limits: Limits,
    most: usize,
) -> (Result<Rows, Failure>, Asked) {
    let values = match parameters(playbook, given) {
        Ok(values) => values,
        Err(message) => return (Err(Failure::Parameter(message)), Asked::default()),
    };
    let sql = &playbook.query.text;
    let asked = facts.read_only(limits, |connection| {
        let mut found = rows(connection, sql, &values, most)?;
        let graded = found.columns.iter().any(|column| column == "level");
        if found.cut && graded {
            found = rows(connection, &worst_first(sql, playbook.level), &values, most)?;
            found.worst = true;
        }
        Ok(found)
    });
    let (answer, asked) = match asked {
        Ok(asked) => asked,
        Err(cause) => return (Err(Failure::Store(cause)), Asked::default()),
    };
    let answer = answer.map_err(|cause| match asked.stopped {
        Some(why) => Failure::Stopped(why, limits),
        None => Failure::Query(cause, asked.refused.clone()),
    });
    (answer, asked)
}

fn rows(
    connection: &Connection,
    sql: &str,
    values: &BTreeMap<String, Value>,
    most: usize,
) -> rusqlite::Result<Rows> {
    let mut statement = connection.prepare(sql)?;
    bind(&mut statement, values)?;
    let mut out =
        Rows { columns: statement.column_names().map(str::to_owned).collect(), ..Rows::default() };
    let width = out.columns.len();
    let mut found = statement.raw_query();
    while let Some(row) = found.next()? {
        if out.rows.len() >= most {
            out.cut = true;
            break;
        }
        out.rows.push((0..width).map(|i| row.get(i)).collect::<rusqlite::Result<_>>()?);
    }
    Ok(out)
}

/// The same query with its gravest rows first, so that what is cut is what says least. Whoever
/// floods a playbook with harmless rows would else push the others out.
fn worst_first(sql: &str, usual: Level) -> String {
    let ranks: Vec<String> = Level::ALL
        .iter()
        .map(|level| format!("WHEN '{}' THEN {}", level.word(), *level as u8))
        .collect();
    let sql = sql.trim_end().trim_end_matches(';');
    format!(
        "SELECT * FROM (\n{sql}\n) ORDER BY CASE level {} ELSE {} END DESC",
        ranks.join(" "),
        usual as u8
    )
}

/// Binds `:name` parameters; one that the playbook does not declare stays NULL, and
/// [`check`](super::check) refuses it.
pub(super) fn bind(
    statement: &mut Statement<'_>,
    values: &BTreeMap<String, Value>,
) -> rusqlite::Result<()> {
    for (name, value) in values {
        if let Some(place) = statement.parameter_index(&format!(":{name}"))? {
            statement.raw_bind_parameter(place, value)?;
        }
    }
    Ok(())
}

/// The defaults, with what was given in their place.
fn parameters(
    playbook: &Playbook,
    given: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, Value>, String> {
    let id = &playbook.id.text;
    if let Some(name) = given.keys().find(|name| !playbook.params.contains_key(*name)) {
        let known: Vec<&str> = playbook.params.keys().map(String::as_str).collect();
        return Err(if known.is_empty() {
            format!("{id} has no parameters")
        } else {
            format!("{id} has no parameter {name}; it has {}", known.join(", "))
        });
    }
    let mut values = BTreeMap::new();
    for (name, default) in &playbook.params {
        let value = match (given.get(name), default) {
            (None, default) => default.value(),
            (Some(text), Parameter::Text(_)) => Value::Text(text.clone()),
            (Some(text), Parameter::Integer(_)) => text
                .parse()
                .map(Value::Integer)
                .map_err(|_| format!("{name}={text}: a whole number is wanted"))?,
            (Some(text), Parameter::Real(_)) => text
                .parse()
                .map(Value::Real)
                .map_err(|_| format!("{name}={text}: a number is wanted"))?,
            (Some(text), Parameter::Bool(_)) => match text.as_str() {
                "true" | "1" | "yes" => Value::Integer(1),
                "false" | "0" | "no" => Value::Integer(0),
                _ => return Err(format!("{name}={text}: true or false is wanted")),
            },
        };
        values.insert(name.clone(), value);
    }
    Ok(values)
}

impl Parameter {
    /// As SQLite has it.
    #[must_use]
    pub fn value(&self) -> Value {
        match self {
            Self::Bool(value) => Value::Integer((*value).into()),
            Self::Integer(value) => Value::Integer(*value),
            Self::Real(value) => Value::Real(*value),
            Self::Text(value) => Value::Text(value.clone()),
        }
    }
}

/// The rows of a playbook, most often one of `kind: table`, with these parameters.
/// [`prepare`](super::prepare) comes first.
///
/// # Errors
/// Where a parameter is wrong, or the query fails or is stopped.
pub fn table(
    facts: &Facts,
    playbook: &Playbook,
    params: &BTreeMap<String, String>,
) -> Result<Rows, Failure> {
    // Whoever asks waits for the answer: logs of a year take longer than a playbook of a triage may.
    let patient = Limits { time: Duration::from_secs(600), memory: 2 << 30 };
    let (limits, most) = match playbook.kind {
        Kind::Finding => (Limits::default(), MOST_ROWS),
        Kind::Table => (patient, MOST_ANSWERED),
    };
    ask(facts, playbook, params, limits, most).0
}

/// The rows of a question of the user's own, within these limits. It may only read.
///
/// # Errors
/// Where the query fails or is stopped.
pub fn query(facts: &Facts, sql: &str, limits: Limits) -> Result<Rows, Failure> {
    ask(facts, &question(sql), &BTreeMap::new(), limits, MOST_ANSWERED).0
}

/// How many rows a query has in all, or a playbook's without its limit `most`; [`None`] where
/// counting them fails or takes longer than it is worth.
#[must_use]
pub fn count(facts: &Facts, playbook: &Playbook, params: &BTreeMap<String, String>) -> Option<u64> {
    let sql = playbook.query.text.trim_end().trim_end_matches(';');
    let mut all = playbook.clone();
    all.query.text = format!("SELECT count(*) FROM (\n{sql}\n)");
    let mut params = params.clone();
    if all.params.contains_key("most") {
        params.insert("most".to_owned(), "-1".to_owned());
    }
    let found = ask(facts, &all, &params, Limits::default(), 1).0.ok()?;
    match found.rows.first()?.first()? {
        Value::Integer(count) => u64::try_from(*count).ok(),
        _ => None,
    }
}

/// What the user typed, as a playbook without a name.
#[must_use]
pub fn question(sql: &str) -> Playbook {
    Playbook {
        query: super::Placed { text: sql.to_owned(), line: 1, column: 1 },
        kind: Kind::Table,
        ..Playbook::default()
    }
}

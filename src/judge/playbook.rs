//! A playbook: one detection or one question, as YAML with SQL in it.

use super::{Complaint, Level};
use serde::{Deserialize, Serialize};
use serde_saphyr::Spanned;
use std::collections::BTreeMap;

/// Files longer than this are no playbooks.
const LONGEST: usize = 1 << 20;

/// What a playbook's rows are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Each row is a finding.
    #[default]
    Finding,
    /// The rows are an answer.
    Table,
}

/// A text and where it stands in the file, so that an error can point at it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placed {
    /// The text.
    pub text: String,
    /// Line of its first character, from 1.
    pub line: usize,
    /// Column of it in characters, from 1.
    pub column: usize,
}

/// A parameter's default, which also is its type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Parameter {
    /// true or false.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A number.
    Real(f64),
    /// A text.
    Text(String),
}

/// The hosts on which a playbook must and must not fire, as `hosts/fake-crond`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tests {
    /// Here it fires.
    pub fires: Vec<Placed>,
    /// Here it stays quiet.
    pub quiet: Vec<Placed>,
}

/// What an answer needs of logs, so that no more than that is kept of large ones. The query gives
/// the same rows with and without it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Folding {
    /// The columns of `conversations` by which it asks; their sums are over all others.
    #[serde(default)]
    pub conversations: Vec<String>,
    /// The column of `conversations` whose largest values it shows: as many as `:most` says.
    pub top: Option<String>,
    /// Of `flows` the heaviest, as many as `:most` says: by bytes, packets or seconds.
    pub flows: Option<String>,
}

/// That a report shows the first rows of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shown {
    /// How many.
    pub rows: usize,
    /// Its columns; the first ones where it names none.
    #[serde(default)]
    pub columns: Vec<String>,
    /// Answers with a lower place stand before others.
    #[serde(default)]
    pub place: u32,
}

/// A playbook.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Playbook {
    /// The file it was read from, for errors.
    pub file: String,
    /// The file's text.
    #[serde(skip)]
    pub source: String,
    /// Lower case words with hyphens; the first part of its findings' ids.
    pub id: Placed,
    /// One line.
    pub title: String,
    /// Its findings' level, where a row does not give its own.
    pub level: Level,
    /// Tags as in Sigma: `attack.t1036.005`.
    pub tags: Vec<Placed>,
    /// What it looks for and why that matters.
    pub description: String,
    /// What its rows are.
    pub kind: Kind,
    /// Parameters that the query names `:name`, with their defaults.
    pub params: BTreeMap<String, Parameter>,
    /// What it needs of logs; [`None`] where it needs their rows.
    pub fold: Option<Folding>,
    /// What of it a report over logs shows; [`None`] where nothing.
    pub report: Option<Shown>,
    /// What must have been read besides the tables in the query, as coverage names it.
    pub needs: Vec<Placed>,
    /// The SQL.
    pub query: Placed,
    /// Why, with `{column}` from the row.
    pub because: Placed,
    /// What to do next, with `{column}` from the row.
    pub next: Vec<Placed>,
    /// When it would be harmless.
    pub false_positives: String,
    /// Where to read more.
    pub references: Vec<String>,
    /// Who wrote it.
    pub author: String,
    /// Under which licence.
    pub license: String,
    /// Hosts that prove it; [`None`] where the section is missing.
    pub test: Option<Tests>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    id: Spanned<String>,
    title: String,
    level: Option<Spanned<String>>,
    #[serde(default)]
    tags: Vec<Spanned<String>>,
    description: String,
    #[serde(default)]
    kind: Kind,
    #[serde(default)]
    params: BTreeMap<String, Parameter>,
    fold: Option<Folding>,
    report: Option<Shown>,
    #[serde(default)]
    needs: Vec<Spanned<String>>,
    query: Spanned<String>,
    because: Option<Spanned<String>>,
    #[serde(default)]
    next: Vec<Spanned<String>>,
    false_positives: Option<String>,
    #[serde(default)]
    references: Vec<String>,
    #[serde(default)]
    author: String,
    #[serde(default)]
    license: String,
    test: Option<WrittenTests>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenTests {
    #[serde(default)]
    fires: Vec<Spanned<String>>,
    #[serde(default)]
    quiet: Vec<Spanned<String>>,
}

fn number(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

fn place(written: Spanned<String>) -> Placed {
    Placed {
        text: written.value,
        line: number(written.defined.line()),
        column: number(written.defined.column()),
    }
}

fn places(written: Vec<Spanned<String>>) -> Vec<Placed> {
    written.into_iter().map(place).collect()
}

impl Playbook {
    /// Reads a playbook's text. Only its form is examined; [`check`](super::check) does the rest.
    ///
    /// # Errors
    /// Where it is not the YAML of a playbook: a key unknown, missing or twice, a wrong level.
    pub fn parse(file: &str, source: &str) -> Result<Self, Complaint> {
        if source.len() > LONGEST {
            return Err(Complaint::of_file(file, "longer than 1 MiB"));
        }
        let written: Written =
            serde_saphyr::from_str(source).map_err(|error| complaint(file, source, &error))?;
        let mut playbook = Self {
            file: file.to_owned(),
            source: source.to_owned(),
            id: place(written.id),
            title: written.title,
            level: Level::default(),
            tags: places(written.tags),
            description: written.description.trim_end().to_owned(),
            kind: written.kind,
            params: written.params,
            fold: written.fold,
            report: written.report,
            needs: places(written.needs),
            query: place(written.query),
            because: written.because.map(place).unwrap_or_default(),
            next: places(written.next),
            false_positives: written.false_positives.unwrap_or_default().trim_end().to_owned(),
            references: written.references,
            author: written.author,
            license: written.license,
            test: written.test.map(|t| Tests { fires: places(t.fires), quiet: places(t.quiet) }),
        };
        let level = written.level.map(place);
        match &level {
            Some(word) => {
                playbook.level = Level::from_word(&word.text).ok_or_else(|| {
                    playbook
                        .complain(word, 0, word.text.len(), format!("no level `{}`", word.text))
                        .help("informational, low, medium, high or critical, as in Sigma")
                })?;
            }
            None if playbook.kind == Kind::Finding => {
                return Err(playbook.lacks("level"));
            }
            None => {}
        }
        if playbook.kind == Kind::Finding && playbook.because.text.is_empty() {
            return Err(playbook.lacks("because"));
        }
        let id = &playbook.id;
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if id.text.is_empty() || id.text.len() > 64 || !id.text.chars().all(fits) {
            return Err(playbook
                .complain(id, 0, id.text.len(), format!("`{}` is not an id", id.text))
                .help("lower case letters, digits and hyphens, at most 64"));
        }
        Ok(playbook)
    }

    /// The ATT&CK techniques among its tags, as `T1036.005`.
    #[must_use]
    pub fn techniques(&self) -> Vec<String> {
        self.tags
            .iter()
            .filter_map(|tag| tag.text.strip_prefix("attack."))
            .filter(|tag| {
                let mut chars = tag.chars();
                chars.next() == Some('t') && chars.next().is_some_and(|c| c.is_ascii_digit())
            })
            .map(str::to_ascii_uppercase)
            .collect()
    }

    /// A complaint that a key is missing, at the file's first line.
    pub(super) fn lacks(&self, key: &str) -> Complaint {
        Complaint::at(&self.file, &self.source, (1, 1, 1), format!("missing field `{key}`"))
    }

    /// A complaint about `length` bytes at byte `offset` of a placed text.
    pub(super) fn complain(
        &self,
        placed: &Placed,
        offset: usize,
        length: usize,
        message: impl Into<String>,
    ) -> Complaint {
        let head = placed.text.get(..offset).unwrap_or_default();
        let row = head.matches('\n').count();
        let inside = head.rsplit('\n').next().unwrap_or_default().chars().count();
        let meant = placed.text.get(offset..).unwrap_or_default();
        let length = meant.get(..length).unwrap_or(meant).chars().count();
        let line = placed.line.saturating_add(row);
        let here = self.source.lines().nth(line.saturating_sub(1)).unwrap_or_default();
        let written = placed.text.lines().nth(row).unwrap_or_default();
        let indented: String = here.chars().skip(placed.column.saturating_sub(1)).collect();
        // A quoted text begins after its quote; a folded one cannot be followed, so that the
        // complaint stands at its beginning.
        let (line, column, length) = if indented.starts_with(written) {
            (line, placed.column.saturating_add(inside), length)
        } else if indented.get(1..).is_some_and(|rest| rest.starts_with(written)) {
            (line, placed.column.saturating_add(inside).saturating_add(1), length)
        } else {
            (placed.line, placed.column, 1)
        };
        Complaint::at(&self.file, &self.source, (line, column, length), message)
    }
}

fn complaint(file: &str, source: &str, error: &serde_saphyr::Error) -> Complaint {
    let message = error.without_snippet().to_string();
    // The place is given before the message, so the parser's own mention of it is cut off.
    let message = match message.rsplit_once(" at line ") {
        Some((message, _)) => message.to_owned(),
        None => message,
    };
    let (message, help) = match message.split_once(", expected one of ") {
        Some((message, keys)) => (message.to_owned(), format!("known are {keys}")),
        None => (message, String::new()),
    };
    match error.location() {
        Some(place) if place.line() > 0 => {
            let (line, column) = (number(place.line()), number(place.column()));
            let text = source.lines().nth(line.saturating_sub(1)).unwrap_or_default();
            let word = text
                .chars()
                .skip(column.saturating_sub(1))
                .take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
                .count();
            Complaint::at(file, source, (line, column, word), message).help(help)
        }
        _ => Complaint::of_file(file, message).help(help),
    }
}

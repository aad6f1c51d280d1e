//! Runs every playbook over the facts: rows become findings, silence becomes an answer.

use super::answer::{Gap, Known};
use super::ask::{self, Failure, Rows};
use super::before::Before;
use super::finding::{FindingEvidenceRow, FindingRow};
use super::round::round;
use super::{
    Answer, Evidence, Finding, Judgement, Kind, Level, Outcome, Playbook, Playbooks, Subject,
};
use super::{evidence, functions, template};
use crate::facts::{self, Asked, Facts, Limits, Status, TableDef};
use rusqlite::types::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Facts that one finding cites beyond this are counted and not shown.
const MOST_EVIDENCE: usize = 50;

/// How coverage names what was wrong with a playbook's rows, before its id.
const PROBLEMS: &str = "playbook ";

/// How a step begins that stops a process, changes the host or cuts a connection.
const INTERVENTIONS: &[&str] = &[
    "kill ",
    "gcore ",
    "chmod ",
    "systemctl stop ",
    "systemctl disable ",
    "systemctl mask ",
    "Disable ",
    "Block ",
];

/// What playbooks join by, where an index is worth its making. Rows come in order of their pids,
/// which makes those cheap; paths of 50,000 mappings would cost more than they save.
const INDEXES: &[(&str, &str)] = &[
    ("processes", "pid"),
    ("processes", "ppid"),
    ("processes", "fact"),
    ("processes", "exe_file"),
    ("processes", "environment_pid"),
    ("environment", "pid"),
    ("open_files", "pid"),
    ("mappings", "pid"),
    ("sockets", "pid"),
    ("sockets", "inode"),
    ("elf", "fact"),
    ("files", "fact"),
    ("files", "path"),
    ("indicators", "fact"),
    ("indicators", "pid"),
    ("indicators", "origin"),
    ("sockets", "remote_address"),
    ("flows", "fact"),
    ("flows", "responder"),
    ("conversations", "fact"),
    ("endpoints", "fact"),
    ("endpoints", "address"),
    ("dns", "fact"),
    ("http", "fact"),
    ("tls", "fact"),
    ("alerts", "fact"),
    ("events", "fact"),
];

/// Makes the store ready for questions: functions, lookups, indexes. Again does no harm.
///
/// # Errors
/// Where SQLite refuses.
pub fn prepare(
    facts: &Facts,
    playbooks: &Playbooks,
    tables: &[TableDef],
) -> Result<(), facts::Error> {
    let connection = facts.connection();
    let work = || -> rusqlite::Result<()> {
        functions::register(connection)?;
        connection.execute_batch("CREATE TEMP TABLE IF NOT EXISTS prepared_for (sha256 TEXT)")?;
        let same = connection
            .prepare("SELECT 1 FROM temp.prepared_for WHERE sha256 = ?")?
            .exists([playbooks.sha256()])?;
        if same {
            return Ok(());
        }
        for lookup in playbooks.lookups() {
            lookup.load(connection)?;
        }
        for (table, column) in INDEXES {
            let there = tables.iter().filter(|t| t.name == *table);
            if there.flat_map(|t| t.columns).any(|c| c.name == *column) {
                connection.execute_batch(&format!(
                    "CREATE INDEX IF NOT EXISTS \"{table}_{column}\" ON \"{table}\" (\"{column}\")"
                ))?;
            }
        }
        // Without its statistics SQLite takes every table for a large one and joins in bad order.
        connection.execute_batch("PRAGMA analysis_limit = 400; ANALYZE;")?;
        connection.execute_batch("DELETE FROM temp.prepared_for")?;
        connection
            .execute("INSERT INTO temp.prepared_for VALUES (?)", [playbooks.sha256()])
            .map(drop)
    };
    // A lookup of 10,000 rows in as many transactions would be slow.
    facts.together(|_| {
        work().map_err(|cause| facts::Error::Sql {
            doing: "preparing for the playbooks".to_owned(),
            cause,
        })
    })
}

/// Judges: findings worst first, an answer of each playbook, both stored in the facts in place
/// of those of an earlier call.
///
/// # Errors
/// Where the facts cannot be read or stored. A playbook that fails answers *could not check*.
pub fn judge(
    facts: &Facts,
    playbooks: &Playbooks,
    tables: &[TableDef],
) -> Result<Judgement, facts::Error> {
    judge_again(facts, playbooks, tables, &mut Before::default())
}

/// The same, once more over facts that have grown since: what cannot have changed is not asked
/// again, and all is weighed anew.
///
/// # Errors
/// As [`judge`].
pub fn judge_again(
    facts: &Facts,
    playbooks: &Playbooks,
    tables: &[TableDef],
    before: &mut Before,
) -> Result<Judgement, facts::Error> {
    judge_within(facts, playbooks, tables, Limits::default(), before)
}

pub(super) fn judge_within(
    facts: &Facts,
    playbooks: &Playbooks,
    tables: &[TableDef],
    limits: Limits,
    before: &mut Before,
) -> Result<Judgement, facts::Error> {
    // What an earlier call found must not be read by this one.
    facts.together(clear)?;
    prepare(facts, playbooks, tables)?;
    let known = Known::read(facts, tables)?;
    let elsewhere = elsewhere(facts, tables)?;
    let as_root = "SELECT coalesce(max(reader_uid = 0), 0) FROM host";
    let as_root = facts.connection().query_row(as_root, [], |row| row.get(0)).unwrap_or(false);
    let mut judgement = Judgement { looked: known.looked(), as_root, ..Judgement::default() };
    let mut drafts = Vec::new();
    let asked: Vec<&Playbook> = playbooks.iter().filter(|p| p.kind == Kind::Finding).collect();
    before.forget(facts, tables)?;
    let open: Vec<&Playbook> = asked.iter().copied().filter(|p| before.get(p).is_none()).collect();
    for (playbook, answered) in open.iter().zip(round(facts, playbooks, &open, limits)?) {
        before.put(playbook, answered);
    }
    for playbook in asked {
        let Some((rows, reads)) = before.get(playbook) else { continue };
        let Some((answer, found, problems)) = weigh(playbook, rows, reads, &known, &elsewhere)
        else {
            continue;
        };
        if !problems.is_empty() {
            // An answer's detail is in report.json; a gap stands in every report.
            let what = format!("{PROBLEMS}{}", answer.id);
            facts.cover(what, Status::Partial, problems.join("; "))?;
        }
        judgement.answers.push(answer);
        drafts.extend(found);
    }
    for (id, complaint) in playbooks.broken() {
        judgement.answers.push(Answer {
            id: id.clone(),
            answer: Outcome::CouldNotCheck,
            detail: complaint.to_string().lines().next().unwrap_or_default().to_owned(),
        });
    }
    judgement.answers.sort_by(|a, b| a.id.cmp(&b.id));
    let cited: BTreeSet<String> = drafts.iter().flat_map(|d| d.cited.iter().cloned()).collect();
    let evidence = evidence::fetch(facts, tables, &cited)?;
    judgement.findings = drafts.into_iter().map(|draft| draft.finish(&evidence)).collect();
    judgement.findings.sort_by(|a, b| b.level.cmp(&a.level).then_with(|| a.id.cmp(&b.id)));
    facts.together(|facts| store(facts, &judgement.findings))?;
    Ok(judgement)
}

/// The processes worth a look into their memory: those with a finding of medium or above.
#[must_use]
pub fn suspects(judgement: &Judgement) -> Vec<u32> {
    let pids: BTreeSet<u32> = judgement
        .findings
        .iter()
        .filter(|finding| finding.level >= Level::Medium)
        .filter_map(|finding| finding.subject.pid)
        .collect();
    pids.into_iter().collect()
}

/// Tables of the store that are not among those asked of: they are of a kind of evidence that was
/// not given, as logs beside a host alone.
fn elsewhere(facts: &Facts, tables: &[TableDef]) -> Result<BTreeSet<String>, facts::Error> {
    let all = facts.rows(
        "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'
           AND name NOT IN ('sources', 'coverage')",
        [],
        |row| row.get::<_, String>(0),
    )?;
    Ok(all.into_iter().filter(|name| !tables.iter().any(|table| table.name == name)).collect())
}

/// What a playbook comes to: its answer, its findings, and what was wrong with its rows.
type Ran<'p> = (Answer, Vec<Draft<'p>>, Vec<String>);

/// Weighs what one was answered; [`None`] where it asks of evidence that was not given.
fn weigh<'p>(
    playbook: &'p Playbook,
    rows: &Result<Rows, Failure>,
    asked: &Asked,
    known: &Known<'_>,
    elsewhere: &BTreeSet<String>,
) -> Option<Ran<'p>> {
    let answer = |answer, detail: String| Answer { id: playbook.id.text.clone(), answer, detail };
    if asked.reads.iter().any(|(table, _)| elsewhere.contains(table)) {
        return None;
    }
    let rows = match rows {
        Ok(rows) => rows,
        Err(failure) => {
            let failed = answer(Outcome::CouldNotCheck, failure.to_string());
            return Some((failed, Vec::new(), Vec::new()));
        }
    };
    let needs = playbook.needs.iter().map(|need| need.text.as_str());
    let gap = known.gap(&asked.reads, &playbook.query.text, needs);
    let (drafts, mut problems) = merge(playbook, rows);
    if rows.cut {
        let kept = if rows.worst { "the gravest were kept" } else { "the rest was not read" };
        problems.push(format!("more than {} rows; {kept}", ask::MOST_ROWS));
    }
    let mut details = problems.clone();
    let outcome = match (drafts.is_empty(), gap) {
        (false, Gap::None) => Outcome::Fired,
        (false, Gap::Partial(detail) | Gap::Missing(detail)) => {
            details.push(detail);
            Outcome::Fired
        }
        (true, Gap::None) => Outcome::Quiet,
        (true, Gap::Partial(detail)) => {
            details.push(format!("in part: {detail}"));
            Outcome::Quiet
        }
        (true, Gap::Missing(detail)) => {
            details.push(detail);
            Outcome::CouldNotCheck
        }
    };
    Some((answer(outcome, details.join("; ")), drafts, problems))
}

/// A finding whose evidence is not yet fetched.
struct Draft<'p> {
    playbook: &'p Playbook,
    level: Level,
    fact: String,
    pid: Option<u32>,
    path: Option<String>,
    because: String,
    next: Vec<String>,
    cited: Vec<String>,
    rows: usize,
}

/// One finding for each fact: its rows' evidence joined, the words of the first of the gravest.
fn merge<'p>(playbook: &'p Playbook, rows: &Rows) -> (Vec<Draft<'p>>, Vec<String>) {
    let mut drafts: Vec<Draft<'p>> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut details = BTreeSet::new();
    for row in &rows.rows {
        let value = |name: &str| {
            let place = rows.columns.iter().position(|column| column == name)?;
            template::words(row.get(place)?)
        };
        let Some(fact) = value("fact") else {
            details.insert("a row without a fact was left out".to_owned());
            continue;
        };
        let level = match value("level") {
            None => playbook.level,
            Some(word) => Level::from_word(&word).unwrap_or_else(|| {
                details.insert(format!("a row's level `{word}` is none"));
                playbook.level
            }),
        };
        let draft = Draft {
            playbook,
            level,
            pid: value("pid").and_then(|pid| pid.parse().ok()),
            path: ["subject_path", "exe", "target", "path"].into_iter().find_map(value),
            because: template::sentence(&playbook.because.text, value).trim_end().to_owned(),
            next: playbook
                .next
                .iter()
                .filter(|step| level >= Level::Medium || !intervenes(&step.text))
                .filter_map(|step| template::command(&step.text, value))
                .collect(),
            cited: cited(rows, row, &fact),
            rows: 1,
            fact: fact.clone(),
        };
        match places.get(&fact).and_then(|place| drafts.get_mut(*place)) {
            None => {
                places.insert(fact, drafts.len());
                drafts.push(draft);
            }
            Some(first) => first.join(draft),
        }
    }
    (drafts, details.into_iter().collect())
}

/// Whether a step stops or changes something. Below medium the process is most likely harmless and
/// in production: there one only looks.
fn intervenes(step: &str) -> bool {
    INTERVENTIONS.iter().any(|word| step.starts_with(word))
}

fn cited(rows: &Rows, row: &[Value], fact: &str) -> Vec<String> {
    let mut out = vec![fact.to_owned()];
    for (column, value) in rows.columns.iter().zip(row) {
        if column.ends_with("_fact")
            && let Value::Text(ids) = value
        {
            // Several ids may stand with spaces between; one id may hold spaces, too. What is no
            // fact is not found and falls away.
            let parts = ids.split(' ').filter(|part| part.contains('/') && part.len() < ids.len());
            for id in std::iter::once(ids.as_str()).chain(parts) {
                if !out.iter().any(|known| known == id) {
                    out.push(id.to_owned());
                }
            }
        }
    }
    out
}

impl Draft<'_> {
    fn join(&mut self, other: Self) {
        let rows = self.rows.saturating_add(1);
        let known: BTreeSet<&String> = self.cited.iter().collect();
        let more: Vec<String> =
            other.cited.iter().filter(|id| !known.contains(id)).cloned().collect();
        let mut cited = std::mem::take(&mut self.cited);
        cited.extend(more);
        if other.level > self.level {
            *self = other;
        }
        self.cited = cited;
        self.rows = rows;
    }

    fn finish(self, facts: &BTreeMap<String, Evidence>) -> Finding {
        let subject = facts.get(&self.fact);
        let of_subject = |name: &str| subject.and_then(|s| s.values.get(name));
        let path = self.path.or_else(|| {
            ["exe", "target", "path"].into_iter().find_map(of_subject)?.as_str().map(str::to_owned)
        });
        let pid = self.pid.or_else(|| of_subject("pid")?.as_u64()?.try_into().ok());
        let mut because = self.because;
        if self.rows > 1 {
            because.push_str(&format!(" (and {} more such)", self.rows - 1));
        }
        Finding {
            id: format!("{}/{}", self.playbook.id.text, self.fact),
            playbook: self.playbook.id.text.clone(),
            title: self.playbook.title.clone(),
            level: self.level,
            attack: self.playbook.techniques(),
            subject: Subject { kind: kind(&self.fact).to_owned(), pid, path, fact: self.fact },
            because,
            evidence: self
                .cited
                .iter()
                .filter_map(|id| facts.get(id).cloned())
                .take(MOST_EVIDENCE)
                .collect(),
            next: self.next,
            false_positives: self.playbook.false_positives.clone(),
        }
    }
}

/// What kind of thing a fact is, by its table.
fn kind(fact: &str) -> &str {
    let table = fact.split('/').next().unwrap_or_default();
    match table {
        "processes" | "environment" | "mappings" => "process",
        "files" | "open_files" | "elf" => "file",
        "addresses" => "address",
        other => other.strip_suffix('s').unwrap_or(other),
    }
}

fn clear(facts: &Facts) -> Result<(), facts::Error> {
    facts
        .connection()
        .execute_batch(&format!(
            "DELETE FROM findings; DELETE FROM finding_evidence; \
             DELETE FROM coverage WHERE what GLOB '{PROBLEMS}*';"
        ))
        .map_err(|cause| facts::Error::Sql { doing: "clearing findings".to_owned(), cause })
}

fn store(facts: &Facts, findings: &[Finding]) -> Result<(), facts::Error> {
    for finding in findings {
        let row = FindingRow {
            playbook: finding.playbook.clone(),
            title: finding.title.clone(),
            level: finding.level.word(),
            attack: finding.attack.join(" "),
            subject: finding.subject.fact.clone(),
            pid: finding.subject.pid,
            path: finding.subject.path.clone(),
            because: finding.because.clone(),
        };
        facts.insert(&finding.id, "davy", &row)?;
        for (position, evidence) in (0u32..).zip(&finding.evidence) {
            let row = FindingEvidenceRow {
                finding: finding.id.clone(),
                cited: evidence.fact.clone(),
                position,
            };
            facts.insert(format!("{}/{position}", finding.id), "davy", &row)?;
        }
    }
    Ok(())
}

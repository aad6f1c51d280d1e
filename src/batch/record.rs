//! What is kept of one archive's result for the fleet: a small file, whole or not there.

use super::share::{self, Shared};
use super::{CASES, DONE, durable};
use crate::facts::BEYOND;
use crate::report::banner;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fs;
use std::io;
use std::path::Path;

/// Bytes of a record; one with a thousand findings has one million.
const LONGEST: u64 = 64 << 20;

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Triaged.
    Done,
    /// Not an archive, or one that crashed, hung or took too much memory.
    PutAside,
}

/// A finding, in short.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Found {
    /// The playbook's id.
    pub playbook: String,
    /// How grave.
    pub level: String,
    /// Its title.
    pub title: String,
    /// Why.
    pub because: String,
    /// What it is about, without what differs from host to host.
    pub subject: String,
}

/// A result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The name of the result: digests of archive and rules.
    pub key: String,
    /// The archive's file name.
    pub archive: String,
    /// Its digest.
    pub sha256: String,
    /// How it went.
    pub status: Status,
    /// Why it was put aside; else empty.
    pub reason: String,
    /// The host's name; empty where not known.
    pub host: String,
    /// Its machine-id, which tells hosts of one name apart; empty where not known.
    pub machine_id: String,
    /// When the evidence was taken.
    pub taken: String,
    /// What the host's own report has at its top: the verdict's level, `not determined` where too
    /// little could be looked at, `no findings`.
    pub level: String,
    /// The verdict's sentence.
    pub summary: String,
    /// Where the archive is cut off or damaged; empty where it is whole.
    pub damage: String,
    /// What was there and beyond davy's limits; empty where nothing was.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub beyond: String,
    /// Whether some of the evidence could not be read, by the triage's exit code.
    #[serde(default)]
    pub partial: bool,
    /// The case folder, below the batch's own.
    pub case: String,
    /// Findings, worst first.
    pub findings: Vec<Found>,
    /// What other hosts may have as well.
    pub shared: Vec<Shared>,
}

/// The first digits of both digests: other rules make another result of the same archive, which
/// stands beside this one.
fn short(key: &str) -> String {
    let (archive, rules) = key.split_once('.').unwrap_or((key, ""));
    format!("{}-{}", archive.get(..12).unwrap_or(archive), rules.get(..4).unwrap_or(rules))
}

/// The name of a result.
pub(super) fn key(sha256: &str, rules: &str) -> String {
    format!("{sha256}.{rules}")
}

pub(super) fn text(value: &Value, path: &[&str]) -> String {
    let found = path.iter().try_fold(value, |value, key| value.get(key));
    found.and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A folder name of a host's name.
pub(super) fn safe(host: &str) -> String {
    let safe: String = host.chars().take(60).map(|c| if is_plain(c) { c } else { '_' }).collect();
    if safe.is_empty() { "unknown".to_owned() } else { safe }
}

const fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_')
}

impl Record {
    /// One that could not be triaged.
    #[must_use]
    pub fn put_aside(key: &str, archive: &str, sha256: &str, reason: String) -> Self {
        Self {
            key: key.to_owned(),
            archive: archive.to_owned(),
            sha256: sha256.to_owned(),
            status: Status::PutAside,
            reason,
            host: String::new(),
            machine_id: String::new(),
            taken: String::new(),
            level: String::new(),
            summary: String::new(),
            damage: String::new(),
            beyond: String::new(),
            partial: false,
            case: String::new(),
            findings: Vec::new(),
            shared: Vec::new(),
        }
    }

    /// From the report of a triage.
    #[must_use]
    pub fn of_report(key: &str, archive: &str, sha256: &str, report: &Value) -> Self {
        let host = text(report, &["host", "hostname"]);
        let case = format!("{CASES}/{}-{}", safe(&host), short(key));
        let none = Vec::new();
        let findings = report.get("findings").and_then(Value::as_array).unwrap_or(&none);
        Self {
            key: key.to_owned(),
            archive: archive.to_owned(),
            sha256: sha256.to_owned(),
            status: Status::Done,
            reason: String::new(),
            taken: text(report, &["host", "taken"]),
            level: standing(report),
            summary: text(report, &["verdict", "summary"]),
            damage: damage(report),
            beyond: beyond(report),
            partial: false,
            case,
            findings: findings.iter().map(found).collect(),
            shared: share::shared(findings),
            machine_id: text(report, &["host", "machine_id"]),
            host,
        }
    }

    /// The digest of the rules that it is the result of.
    #[must_use]
    pub fn rules(&self) -> &str {
        self.key.split_once('.').map_or("", |(_, rules)| rules)
    }

    /// What tells this result from others of its host.
    #[must_use]
    pub fn short(&self) -> String {
        short(&self.key)
    }

    /// Keeps it.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub(super) fn store(&self, folder: &Path) -> io::Result<()> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        durable(&folder.join(DONE).join(format!("{}.json", self.key)), &bytes)
    }

    /// One that was kept, where it was and is whole.
    #[must_use]
    pub(super) fn load(folder: &Path, key: &str) -> Option<Self> {
        let path = folder.join(DONE).join(format!("{key}.json"));
        // A FIFO would hold us for ever, a device or a huge file fill the memory.
        let about = fs::symlink_metadata(&path).ok()?;
        if !about.is_file() || about.len() > LONGEST {
            return None;
        }
        let bytes = fs::read(path).ok()?;
        let mut record: Self = serde_json::from_slice(&bytes).ok()?;
        // An earlier davy kept the bare level, by which nothing known is nothing bad.
        if record.status == Status::Done && record.level != "not determined" {
            let found = !record.findings.is_empty();
            record.level = banner(&record.level, found, &record.summary, false).to_owned();
        }
        // Another's folder may be merged: no record leads out of the folder that it is in.
        let case = record.case.strip_prefix(CASES).and_then(|case| case.strip_prefix('/'));
        let inside = match record.status {
            Status::Done => case.is_some_and(|case| !case.is_empty() && case.chars().all(is_plain)),
            Status::PutAside => record.case.is_empty(),
        };
        (record.key == key && inside).then_some(record)
    }
}

/// What stands at the top of a triage's report.
fn standing(report: &Value) -> String {
    let none = Vec::new();
    let all = |key: &str| report.get(key).and_then(Value::as_array).unwrap_or(&none);
    let answers = all("playbooks");
    let blind = |answer: &Value| text(answer, &["answer"]) == "could-not-check";
    let level = text(report, &["verdict", "level"]);
    let summary = text(report, &["verdict", "summary"]);
    let blind = !answers.is_empty() && answers.iter().all(blind);
    banner(&level, !all("findings").is_empty(), &summary, blind).to_owned()
}

/// What coverage says of an archive that is not whole.
fn damage(report: &Value) -> String {
    let none = Vec::new();
    let rows = report.get("coverage").and_then(Value::as_array).unwrap_or(&none);
    rows.iter()
        .find(|row| text(row, &["what"]) == "archive whole")
        .map(|row| text(row, &["detail"]))
        .unwrap_or_default()
}

/// What was beyond davy's limits.
fn beyond(report: &Value) -> String {
    let none = Vec::new();
    let rows = report.get("coverage").and_then(Value::as_array).unwrap_or(&none).iter();
    let mut cut = rows.filter(|row| text(row, &["detail"]).contains(BEYOND));
    cut.next().map_or_else(String::new, |row| {
        format!("{}: {}", text(row, &["what"]), text(row, &["detail"]))
    })
}

fn found(finding: &Value) -> Found {
    Found {
        playbook: text(finding, &["playbook"]),
        level: text(finding, &["level"]),
        title: text(finding, &["title"]),
        because: text(finding, &["because"]),
        subject: text(finding, &["subject", "path"]),
    }
}

//! Findings, and what each playbook answered.

use super::Level;
use crate::facts::Pieces;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// A judgement on one subject, with what it rests on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// `playbook/fact`: the same for the same evidence, run after run.
    pub id: String,
    /// The playbook's id.
    pub playbook: String,
    /// The playbook's title.
    pub title: String,
    /// How grave.
    pub level: Level,
    /// ATT&CK technique ids, as `T1036.005`.
    pub attack: Vec<String>,
    /// What it is about.
    pub subject: Subject,
    /// Why, in one sentence that names the facts.
    pub because: String,
    /// The facts it rests on; the subject's first.
    pub evidence: Vec<Evidence>,
    /// What to do next: commands or sentences.
    pub next: Vec<String>,
    /// When it would be harmless.
    pub false_positives: String,
}

/// What findings are put together by: a person asks about a process, not a playbook.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum About {
    /// A process.
    Process(u32),
    /// A file, where no process is known.
    Path(String),
    /// Neither.
    Host,
}

impl Finding {
    /// What it is put together with others by.
    #[must_use]
    pub fn about(&self) -> About {
        match (self.subject.pid, &self.subject.path) {
            (Some(pid), _) => About::Process(pid),
            (None, Some(path)) => About::Path(path.clone()),
            (None, None) => About::Host,
        }
    }
}

/// What a finding is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Subject {
    /// process, file, socket, indicator, persistence, host.
    pub kind: String,
    /// The process, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// The path, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The fact it is.
    pub fact: String,
}

/// A fact that a finding cites: enough to check it by hand.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evidence {
    /// `processes/2584`.
    pub fact: String,
    /// Where it was read.
    pub source: String,
    /// Its columns that are not NULL; times as RFC 3339.
    pub values: BTreeMap<String, Value>,
}

/// What a playbook answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// The playbook's id.
    pub id: String,
    /// fired, quiet or could-not-check.
    pub answer: Outcome,
    /// For could-not-check, what is missing; for quiet, what was read only in part.
    pub detail: String,
}

/// The three answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It found something.
    Fired,
    /// It looked and found nothing.
    Quiet,
    /// It could not look.
    CouldNotCheck,
}

/// All that the playbooks said: findings worst first, answers in order of id.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Judgement {
    /// Worst first, then by id.
    pub findings: Vec<Finding>,
    /// By id.
    pub answers: Vec<Answer>,
    /// Where so many processes could not be looked at that finding nothing means little.
    pub looked: Option<Pieces>,
    /// Whether root read the host: what was denied all the same, no other user can read.
    pub as_root: bool,
}

crate::table! {
    pub struct FindingRow in findings, "What the playbooks found.";
    playbook: String, "", "The playbook's id.";
    title: String, "", "Its title.";
    level: &'static str, "", "informational, low, medium, high or critical.";
    attack: String, "", "ATT&CK technique ids, separated by spaces.";
    subject: String, "", "Fact id of what it is about.";
    pid: Option<u32>, "", "The process, where there is one.";
    path: Option<String>, "", "The path, where there is one.";
    because: String, "", "Why.";
}

crate::table! {
    pub struct FindingEvidenceRow in finding_evidence, "The facts that findings rest on.";
    finding: String, "", "The finding's id.";
    cited: String, "", "The cited fact's id.";
    position: u32, "", "Order in the finding, from 0.";
}

//! The one line that a responder reads first. It never says clean: nothing found is what it says.

use super::{About, Finding, Judgement, Level, Outcome};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Is it compromised, how sure, by what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The worst finding's level; informational where there is none.
    pub level: Level,
    /// A sentence or two.
    pub summary: String,
}

impl Verdict {
    /// From all that was judged. One critical finding, or two playbooks that see something high
    /// in one process, is a compromise; a lone high finding very likely is.
    #[must_use]
    pub fn of(judgement: &Judgement) -> Self {
        let Some(level) = judgement.findings.iter().map(|finding| finding.level).max() else {
            return Self { level: Level::Informational, summary: nothing(judgement) };
        };
        let word = match level {
            Level::Critical => "Compromised",
            Level::High if agree(judgement) => "Compromised",
            Level::High => "Very likely compromised",
            Level::Medium => "Suspicious",
            Level::Low | Level::Informational => {
                let count = count(judgement.findings.len(), "finding");
                let opening = if little(judgement) {
                    "Not determined"
                } else {
                    "Nothing that points to a compromise"
                };
                let summary = format!(
                    "{opening}: {count}, none above {}{}",
                    level.word(),
                    unchecked(judgement)
                );
                return Self { level, summary };
            }
        };
        let headline = headline(judgement).map(said).unwrap_or_default();
        let summary =
            format!("{word}: {headline}; {}{}", counted(judgement, level), unchecked(judgement));
        Self { level, summary }
    }
}

/// What a finding is about, for counting what agrees: its process, else itself.
fn about(finding: &Finding) -> String {
    match finding.subject.pid {
        Some(pid) => format!("processes/{pid}"),
        None => finding.subject.fact.clone(),
    }
}

/// Whether two playbooks see something high in one thing.
fn agree(judgement: &Judgement) -> bool {
    let mut seen: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for finding in judgement.findings.iter().filter(|finding| finding.level >= Level::High) {
        seen.entry(about(finding)).or_default().insert(&finding.playbook);
    }
    seen.values().any(|playbooks| playbooks.len() > 1)
}

/// The finding that a report shows first: of the worst subject, and of those the one with most
/// findings against it, the worst.
fn headline(judgement: &Judgement) -> Option<&Finding> {
    let mut subjects: BTreeMap<About, (Level, usize)> = BTreeMap::new();
    for finding in &judgement.findings {
        let (worst, count) = subjects.entry(finding.about()).or_default();
        *worst = finding.level.max(*worst);
        *count = count.saturating_add(1);
    }
    let first = subjects.into_iter().min_by_key(|(_, rank)| std::cmp::Reverse(*rank))?.0;
    let own = judgement.findings.iter().filter(|finding| finding.about() == first);
    own.min_by(|a, b| b.level.cmp(&a.level).then_with(|| a.id.cmp(&b.id)))
}

/// `a process runs a deleted executable (rsyslogd-worker, pid 2591)`.
fn said(finding: &Finding) -> String {
    let title = finding.title.trim_end_matches('.');
    let mut chars = title.chars();
    let title = match (chars.next(), chars.next()) {
        // Not `lD_PRELOAD`.
        (Some(first), Some(second)) if !second.is_uppercase() => {
            format!("{}{}", first.to_lowercase(), title.get(first.len_utf8()..).unwrap_or_default())
        }
        _ => title.to_owned(),
    };
    let comm = finding.evidence.iter().find_map(|evidence| {
        let pid = evidence.values.get("pid").and_then(serde_json::Value::as_u64);
        let same = pid.is_some() && pid == finding.subject.pid.map(u64::from);
        evidence.values.get("comm").filter(|_| same)?.as_str()
    });
    match (comm, finding.subject.pid, &finding.subject.path) {
        (Some(comm), Some(pid), _) => format!("{title} ({comm}, pid {pid})"),
        (None, Some(pid), Some(path)) => format!("{title} ({path}, pid {pid})"),
        (None, Some(pid), None) => format!("{title} (pid {pid})"),
        (_, None, Some(path)) => format!("{title} ({path})"),
        (_, None, None) => title,
    }
}

fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// `11 findings, 4 critical`.
fn counted(judgement: &Judgement, level: Level) -> String {
    let all = judgement.findings.len();
    let worst = judgement.findings.iter().filter(|finding| finding.level == level).count();
    if all == 1 {
        return format!("1 finding, {}", level.word());
    }
    format!("{all} findings, {worst} {}", level.word())
}

/// How many playbooks could not check.
fn open(judgement: &Judgement) -> usize {
    judgement.answers.iter().filter(|answer| answer.answer == Outcome::CouldNotCheck).count()
}

/// Whether so little could be looked at that nothing found must not sound like good news.
fn little(judgement: &Judgement) -> bool {
    judgement.looked.is_some() || open(judgement) > judgement.answers.len() / 2
}

/// Whether another user could read more.
fn denied(judgement: &Judgement) -> bool {
    !judgement.as_root && judgement.answers.iter().any(|answer| answer.detail.contains("denied"))
}

/// `; davy could look at only 1 of 6 processes: run it as root; 4 playbooks could not check.`
fn unchecked(judgement: &Judgement) -> String {
    let mut out = String::new();
    // What was read in part for want of privilege counts, too; what is absent no root can read.
    let denied = denied(judgement);
    if let Some(only) = only(judgement, denied) {
        out.push_str(&format!("; {only}"));
    }
    let open = open(judgement);
    if open > 0 {
        let why =
            if denied && judgement.looked.is_none() { " (run as root to see more)" } else { "" };
        out.push_str(&format!("; {} could not check{why}", count(open, "playbook")));
    }
    out + "."
}

/// `davy could look at only 1 of 6 processes: run it as root`.
fn only(judgement: &Judgement, denied: bool) -> Option<String> {
    let looked = judgement.looked?;
    let advice = if denied { ": run it as root" } else { "" };
    let read = match looked.read {
        0 => "none".to_owned(),
        read => format!("only {read}"),
    };
    Some(format!("davy could look at {read} of {} processes{advice}", looked.all()))
}

fn nothing(judgement: &Judgement) -> String {
    let quiet = judgement.answers.iter().filter(|answer| answer.answer == Outcome::Quiet).count();
    let denied = denied(judgement);
    if quiet == 0 {
        let why = match only(judgement, denied) {
            Some(only) => format!("; {only}"),
            None if denied => " (run as root to see more)".to_owned(),
            None => String::new(),
        };
        return format!("Not determined: no playbook could look{why}.");
    }
    if let Some(only) = only(judgement, denied) {
        return format!(
            "Nothing found, but {only}; {} of {} playbooks could look.",
            quiet,
            judgement.answers.len()
        );
    }
    if little(judgement) {
        return format!(
            "Not determined: nothing found by the {} that could look{}",
            count(quiet, "playbook"),
            unchecked(judgement)
        );
    }
    format!("Nothing found by {}{}", count(quiet, "playbook"), unchecked(judgement))
}

//! The case as every report shows it; serialised, it is `davy.report/1`.

use crate::graph::Step;
use crate::judge::{Answer, Brief, Finding, Outcome, Verdict};
use serde::Serialize;

/// All that a run found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Case {
    /// `davy.report/1`.
    pub schema: &'static str,
    /// What made it.
    pub tool: Tool,
    /// What was read.
    pub sources: Vec<SourceLine>,
    /// Which host it is.
    pub host: HostSummary,
    /// The line to read first.
    pub verdict: Verdict,
    /// Worst first.
    pub findings: Vec<Finding>,
    /// How the pieces hang together, in time order.
    pub story: Vec<Step>,
    /// What the lead was, where one was given, and whether it was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lead: Option<String>,
    /// What the story leaves out, where it is cut.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub story_note: Option<String>,
    /// The processes that findings or the story speak of, by pid.
    pub processes: Vec<ProcessLine>,
    /// In order of time: every event that a finding speaks of, the boot, the collection, and
    /// the others nearest to them.
    pub timeline: Vec<TimelineLine>,
    /// What the timeline leaves out, where it is cut.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeline_note: Option<String>,
    /// Where logs were given, the first rows of the hunts over them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hunts: Vec<Brief>,
    /// What was read and how completely.
    pub coverage: Vec<CoverageLine>,
    /// What each playbook answered.
    pub playbooks: Vec<Answer>,
}

impl Case {
    /// Whether logs were read and no host.
    #[must_use]
    pub fn logs_alone(&self) -> bool {
        !self.sources.is_empty() && self.sources.iter().all(|source| source.kind == "log")
    }

    /// The one archive that all of it comes from: then its name need not stand at each line.
    #[must_use]
    pub fn only_archive(&self) -> Option<&str> {
        match self.sources.as_slice() {
            [source] if source.kind == "archive" => Some(&source.name),
            _ => None,
        }
    }

    /// Where the steps are to be taken, if it is not the machine that davy runs on.
    #[must_use]
    pub fn elsewhere(&self) -> Option<String> {
        let seen = ["archive", "recording", "directory"];
        if !self.sources.iter().any(|source| seen.contains(&source.kind.as_str())) {
            return None;
        }
        let host = match self.host.hostname.as_str() {
            "" => "the host",
            name => name,
        };
        let taken = self.host.taken.get(..16).unwrap_or_default().replace('T', " ");
        let read = ["complete", "partial"];
        let ran = self
            .coverage
            .iter()
            .any(|line| line.what == "processes" && read.contains(&line.status.as_str()));
        Some(if ran {
            format!(
                "Steps are for {host}, not for this machine; since {taken} UTC its processes \
                 may have ended, and others may have their numbers."
            )
        } else {
            format!(
                "Of {host} this is what lay on its disk, and nothing of what ran. Steps are for \
                 {host} itself; where only its disk is left, paths are those within it."
            )
        })
    }

    /// Whose case it is, in a few words.
    #[must_use]
    pub fn who(&self) -> &str {
        match self.host.hostname.as_str() {
            "" if self.logs_alone() => "network and cloud logs, no host beside them",
            "" => "(host unknown)",
            name => name,
        }
    }

    /// The one word or two at the top: the verdict's level; without findings, whether that means
    /// anything.
    #[must_use]
    pub fn banner(&self) -> &'static str {
        let asked = !self.playbooks.is_empty();
        let blind = self.playbooks.iter().all(|a| a.answer == Outcome::CouldNotCheck);
        let found = !self.findings.is_empty();
        banner(self.verdict.level.word(), found, &self.verdict.summary, asked && blind)
    }
}

/// What stands at the top of a case with a verdict of this level and summary: with findings or without,
/// and where no playbook could look at anything. The same words for one host and for a fleet.
#[must_use]
pub fn banner<'a>(level: &'a str, found: bool, summary: &str, blind: bool) -> &'a str {
    let said = summary.to_lowercase();
    if found && !said.starts_with("not determined") {
        return level;
    }
    let open = [
        "not determined",
        "cannot be determined",
        "could not be determined",
        "nothing found, but davy could look at",
    ];
    if blind || open.iter().any(|words| said.contains(words)) {
        "not determined"
    } else {
        "no findings"
    }
}

/// Which davy, with which playbooks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tool {
    /// davy.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// SHA-256 of the program that ran; empty where it could not be read.
    pub sha256: String,
    /// SHA-256 over the playbooks and lookups it judged with.
    pub playbooks_sha256: String,
}

/// One source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SourceLine {
    /// live, directory, recording, text.
    pub kind: String,
    /// Host name or path.
    pub name: String,
}

/// The host in a few words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct HostSummary {
    /// Node name.
    pub hostname: String,
    /// /etc/machine-id.
    pub machine_id: String,
    /// Kernel release.
    pub kernel: String,
    /// Distribution.
    pub os: String,
    /// RFC 3339.
    pub boot_time: String,
    /// RFC 3339.
    pub taken: String,
    /// Addresses that are not loopback.
    pub addresses: Vec<String>,
}

/// A process that the report names, in a few words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ProcessLine {
    /// Its id.
    pub pid: u32,
    /// Its parent's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ppid: Option<u32>,
    /// The name it bears.
    pub comm: String,
    /// What it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exe: Option<String>,
    /// Its arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cmdline: Option<String>,
    /// Real user id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started: Option<String>,
    /// Container id, from the control group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// The root that its paths are in, where that is not the host's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root_id: Option<String>,
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TimelineLine {
    /// RFC 3339.
    pub time: String,
    /// RFC 3339.
    pub earliest: String,
    /// RFC 3339.
    pub latest: String,
    /// Kind of event.
    pub kind: String,
    /// What happened.
    pub message: String,
    /// Where that was read.
    pub source: String,
    /// Fact it was taken from.
    pub fact: String,
    /// Findings on that fact.
    pub findings: Vec<String>,
}

/// How completely one thing was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CoverageLine {
    /// Table, column or artefact.
    pub what: String,
    /// complete, partial, absent, denied, timed-out, not-captured.
    pub status: String,
    /// What is missing.
    pub detail: String,
}

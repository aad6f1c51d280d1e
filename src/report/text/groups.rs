//! Findings by what they are about, worst first: a person asks about a process, not a playbook.

use crate::judge::{About, Finding, Level};
use crate::report::{Case, ProcessLine};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// A subject and all that was found on it.
pub(in crate::report) struct Group<'a> {
    /// `crond (pid 2584)`.
    pub(in crate::report) label: String,
    /// The process, where it is one.
    pub(in crate::report) process: Option<&'a ProcessLine>,
    /// The other processes that run the same and on which the same was found.
    pub(in crate::report) others: Vec<u32>,
    /// Worst first.
    pub(in crate::report) findings: Vec<&'a Finding>,
    /// Steps that no group before names.
    pub(in crate::report) next: Vec<&'a str>,
}

/// Findings of a subject that a page shows before what to do; more are folded away.
const SHOWN: usize = 4;

impl Group<'_> {
    pub(in crate::report) fn worst(&self) -> Level {
        self.findings.iter().map(|finding| finding.level).max().unwrap_or_default()
    }

    /// How many findings a page shows before the steps.
    pub(in crate::report) fn shown(&self) -> usize {
        // One alone is not worth folding.
        if self.findings.len() > SHOWN.saturating_add(1) { SHOWN } else { self.findings.len() }
    }

    /// `3 findings`.
    pub(in crate::report) fn count(&self) -> String {
        let each = if self.others.is_empty() { "" } else { " each" };
        match self.findings.len() {
            1 => format!("1 finding{each}"),
            many => format!("{many} findings{each}"),
        }
    }

    /// What the process is, in a line.
    pub(in crate::report) fn about(&self) -> Option<String> {
        let process = self.process?;
        let first = (!self.others.is_empty())
            .then(|| format!("what follows is of {} (pid {})", process.comm, process.pid));
        // A path in another root is no path here: where it can be reached from is said, too.
        let exe = process.exe.as_deref().map(|exe| match &process.root_id {
            Some(_) => {
                format!("runs {exe} (inside the container: /proc/{}/root{exe})", process.pid)
            }
            None => format!("runs {exe}"),
        });
        let container = match (&process.container, &process.root_id) {
            (Some(id), _) => Some(format!("in container {}", id.get(..12).unwrap_or(id))),
            (None, Some(root)) => Some(format!("in a root of its own ({root})")),
            (None, None) => None,
        };
        let cmdline = process
            .cmdline
            .as_deref()
            .filter(|line| Some(*line) != process.exe.as_deref())
            .map(|line| format!("as {}", shortened(line)));
        let uid = process.uid.map(|uid| match uid {
            0 => "as root".to_owned(),
            uid => format!("as uid {uid}"),
        });
        let started = process.started.as_deref().map(|s| format!("since {}", clock(s)));
        Some(
            [first, container, exe, cmdline, uid, started]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(" · "),
        )
    }
}

/// The groups of a case: worst first, then those with most findings.
pub(in crate::report) fn groups(case: &Case) -> Vec<Group<'_>> {
    let mut by_key: BTreeMap<About, Vec<&Finding>> = BTreeMap::new();
    for finding in &case.findings {
        by_key.entry(finding.about()).or_default().push(finding);
    }
    let mut groups: Vec<Group<'_>> = by_key
        .into_iter()
        .map(|(key, mut findings)| {
            findings.sort_by(|a, b| b.level.cmp(&a.level).then_with(|| a.id.cmp(&b.id)));
            let (label, process) = match key {
                About::Process(pid) => {
                    let process = case.processes.iter().find(|process| process.pid == pid);
                    match process {
                        Some(process) => (format!("{} (pid {pid})", process.comm), Some(process)),
                        None => (format!("pid {pid}"), None),
                    }
                }
                About::Path(path) => (path, None),
                About::Host => ("the host".to_owned(), None),
            };
            Group { label, process, others: Vec::new(), findings, next: Vec::new() }
        })
        .collect();
    groups.sort_by_key(|group| (Reverse(group.worst()), Reverse(group.findings.len())));
    let mut groups = together(groups);
    let mut told = std::collections::BTreeSet::new();
    for group in &mut groups {
        let mut steps: Vec<&str> =
            group.findings.iter().flat_map(|finding| &finding.next).map(String::as_str).collect();
        steps.retain(|step| !step.starts_with(WARNING));
        steps.sort_by_key(|step| rank(step));
        for step in steps {
            // The same command for another reason is the same command.
            let command = if is_command(step) { step.split('#').next() } else { None };
            if told.insert(command.unwrap_or(step).trim_end()) {
                group.next.push(step);
            }
        }
        // `kill -STOP 12` beside `kill -STOP 12; kill -STOP 10`.
        let all = group.next.clone();
        group.next.retain(|step| {
            let own = format!("{};", step.split('#').next().unwrap_or(step).trim_end());
            !all.iter().any(|other| other.starts_with(&own))
        });
    }
    groups
}

/// How a step begins that warns of the other steps: it stands above all of them.
const WARNING: &str = "Do not trust ";

/// What is said above all findings, since the steps below rest on it, and since finding nothing in half
/// an archive means little.
pub(in crate::report) fn warnings(case: &Case) -> Vec<&str> {
    let cut = case.coverage.iter().filter(|line| line.what == "archive whole");
    let mut found: Vec<&str> = cut.map(|line| line.detail.as_str()).collect();
    for step in case.findings.iter().flat_map(|finding| &finding.next) {
        if step.starts_with(WARNING) && !found.contains(&step.as_str()) {
            found.push(step);
        }
    }
    found
}

/// Where a step stands among those of several playbooks: what exists only once is copied first,
/// then one looks; what holds a process up or changes the host comes late, what the other side
/// notices last.
fn rank(step: &str) -> u8 {
    let starts = |words: &[&str]| words.iter().any(|word| step.starts_with(word));
    if step.starts_with("cp /proc/") {
        0
    } else if step.contains("cp -p ") {
        1
    } else if starts(&["timeout ", "tcpdump "]) {
        3
    } else if step.starts_with("gcore ") {
        4
    } else if starts(&["kill ", "chmod ", "unshare "]) {
        5
    } else if starts(&["systemctl stop", "systemctl disable", "systemctl mask", "Restart "]) {
        6
    } else if starts(&["Disable ", "Block "]) {
        8
    } else if is_command(step) {
        2
    } else {
        7
    }
}

/// Processes that run one program and of which the same was found, as one group.
fn together(groups: Vec<Group<'_>>) -> Vec<Group<'_>> {
    let mut kept: Vec<Group<'_>> = Vec::new();
    let mut places: BTreeMap<(&str, Vec<String>), usize> = BTreeMap::new();
    for group in groups {
        let Some((process, exe)) = group.process.and_then(|p| Some((p, p.exe.as_deref()?))) else {
            kept.push(group);
            continue;
        };
        let number = process.pid.to_string();
        let said = |finding: &&Finding| {
            let because = anywhere(&finding.because, &number);
            format!("{} {} {because}", finding.playbook, finding.level.word())
        };
        let mut all: Vec<String> = group.findings.iter().map(said).collect();
        all.sort_unstable();
        let place = *places.entry((exe, all)).or_insert(kept.len());
        match kept.get_mut(place) {
            Some(first) => first.others.push(process.pid),
            None => kept.push(group),
        }
    }
    for group in kept.iter_mut().filter(|group| !group.others.is_empty()) {
        let Some(process) = group.process else { continue };
        let mut pids: Vec<u32> = group.others.iter().copied().chain([process.pid]).collect();
        pids.sort_unstable();
        let named: Vec<String> = pids.iter().map(u32::to_string).collect();
        let exe = process.exe.as_deref().unwrap_or_default();
        group.label = format!("{} processes run {exe} (pids {})", pids.len(), named.join(", "));
    }
    kept
}

/// A sentence without the number that tells one process from the next.
fn anywhere(text: &str, number: &str) -> String {
    let words = text.split_inclusive(|c: char| !c.is_ascii_digit());
    words
        .map(|word| {
            let digits = word.trim_end_matches(|c: char| !c.is_ascii_digit());
            if digits == number { word.replacen(number, "#", 1) } else { word.to_owned() }
        })
        .collect()
}

/// A command line as far as it tells processes apart: some are pages long.
fn shortened(line: &str) -> String {
    match line.char_indices().nth(160) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line.to_owned(),
    }
}

/// Whether a step is to be typed (and must not be wrapped) or is a sentence.
pub(in crate::report) fn is_command(step: &str) -> bool {
    step.chars().next().is_some_and(|c| c.is_ascii_lowercase() || c == '/' || c == '#')
        // `cp -p /x .` ends in a folder, not in a full stop.
        && (!step.ends_with('.') || step.ends_with(" ."))
}

/// A time to the second, for a column that is read: `2026-11-20 06:24:17`. Always UTC.
pub(in crate::report) fn clock(time: &str) -> String {
    match time.parse::<jiff::Timestamp>() {
        Ok(stamp) => stamp.strftime("%Y-%m-%d %H:%M:%S").to_string(),
        Err(_) => time.to_owned(),
    }
}

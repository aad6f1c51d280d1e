//! The cases of several sources of one host as one case: what several tell is told once, and
//! everything says which source it is from.

use super::{Case, CoverageLine, TimelineLine};
use crate::facts::numbered;
use crate::graph::Step;
use crate::judge::{Answer, Finding, Outcome};
use std::collections::BTreeMap;

impl Case {
    /// Takes in the case of a further source of the same host; `number` is the source's, from 2.
    /// The verdict stays as it was: judge again over [`findings`](Self::findings).
    #[must_use]
    pub fn beside(mut self, other: Self, number: u32) -> Self {
        let ours = self.sources.first().map(|s| s.name.clone()).unwrap_or_default();
        let theirs = other.sources.first().map(|s| s.name.clone()).unwrap_or_default();
        self.sources.extend(other.sources);
        let renamed = self.fold(other.findings, number);
        self.follow(other.story, number);
        let leads = |steps: &[Step]| steps.iter().any(|step| step.edge == "concerns");
        if !leads(&self.story) || self.lead.is_none() {
            self.lead = other.lead.or(self.lead);
        }
        self.story_note = self.story_note.or(other.story_note);
        for process in other.processes {
            match self.processes.iter_mut().find(|known| known.pid == process.pid) {
                Some(known) if known.comm == process.comm => {
                    known.started = known.started.take().or(process.started);
                    known.exe = known.exe.take().or(process.exe);
                    known.cmdline = known.cmdline.take().or(process.cmdline);
                    known.container = known.container.take().or(process.container);
                }
                Some(_) => {}
                None => self.processes.push(process),
            }
        }
        self.processes.sort_by_key(|process| process.pid);
        self.events(other.timeline, &renamed, number);
        self.timeline_note = self.timeline_note.or(other.timeline_note);
        self.cover(other.coverage, &ours, &theirs, number);
        answers(&mut self.playbooks, other.playbooks, &theirs);
        let host = &mut self.host;
        let blank = |own: &mut String, other: String| {
            if own.is_empty() {
                *own = other;
            }
        };
        blank(&mut host.machine_id, other.host.machine_id);
        blank(&mut host.kernel, other.host.kernel);
        blank(&mut host.os, other.host.os);
        blank(&mut host.boot_time, other.host.boot_time);
        if host.addresses.is_empty() {
            host.addresses = other.host.addresses;
        }
        self
    }

    /// One finding where both sources give the same; what became of the other's ids.
    fn fold(&mut self, findings: Vec<Finding>, number: u32) -> BTreeMap<String, String> {
        let mut ids = BTreeMap::new();
        for mut finding in findings {
            for evidence in &mut finding.evidence {
                evidence.fact = numbered(&evidence.fact, number);
            }
            if let Some(known) = self.findings.iter_mut().find(|known| alike(known, &finding)) {
                ids.insert(finding.id, known.id.clone());
                if finding.level > known.level {
                    known.level = finding.level;
                    known.because = finding.because;
                }
                known.evidence.extend(finding.evidence);
                let new = finding.next.into_iter().filter(|step| !known.next.contains(step));
                let new: Vec<String> = new.collect();
                known.next.extend(new);
                continue;
            }
            finding.subject.fact = numbered(&finding.subject.fact, number);
            let id = format!("{}/{}", finding.playbook, finding.subject.fact);
            ids.insert(std::mem::replace(&mut finding.id, id.clone()), id);
            self.findings.push(finding);
        }
        self.findings.sort_by(|a, b| b.level.cmp(&a.level).then_with(|| a.id.cmp(&b.id)));
        ids
    }

    /// Steps that the story has not yet, each to the incident with which it shares a node.
    fn follow(&mut self, steps: Vec<Step>, number: u32) {
        let mut incidents: BTreeMap<usize, usize> = BTreeMap::new();
        let mut last = self.story.iter().map(|step| step.incident).max().unwrap_or(0);
        for step in &steps {
            let shares = |known: &&Step| {
                [&known.from_node, &known.to_node]
                    .iter()
                    .any(|node| **node == step.from_node || **node == step.to_node)
            };
            if let Some(known) = self.story.iter().find(shares) {
                incidents.entry(step.incident).or_insert(known.incident);
            }
        }
        for mut step in steps {
            let same = |known: &Step| {
                (&known.from_node, &known.edge, &known.to_node)
                    == (&step.from_node, &step.edge, &step.to_node)
            };
            if self.story.iter().any(same) {
                continue;
            }
            let incident = *incidents.entry(step.incident).or_insert_with(|| {
                last += 1;
                last
            });
            step.incident = incident;
            step.fact = numbered(&step.fact, number);
            self.story.push(step);
        }
        self.story.sort_by_key(|step| step.incident);
    }

    fn events(
        &mut self,
        lines: Vec<TimelineLine>,
        renamed: &BTreeMap<String, String>,
        number: u32,
    ) {
        for mut line in lines {
            line.findings.iter_mut().for_each(|id| {
                if let Some(new) = renamed.get(id) {
                    id.clone_from(new);
                }
            });
            let same = |known: &&mut TimelineLine| {
                (&known.time, &known.kind, &known.message)
                    == (&line.time, &line.kind, &line.message)
            };
            if let Some(known) = self.timeline.iter_mut().find(same) {
                let new: Vec<String> =
                    line.findings.into_iter().filter(|id| !known.findings.contains(id)).collect();
                known.findings.extend(new);
                continue;
            }
            line.fact = numbered(&line.fact, number);
            self.timeline.push(line);
        }
        // RFC 3339 in UTC with a fixed width sorts as time does.
        self.timeline.sort_by(|a, b| a.time.cmp(&b.time));
    }

    /// What one source lacks and another has is no gap of the case; it is told all the same.
    fn cover(&mut self, lines: Vec<CoverageLine>, ours: &str, theirs: &str, number: u32) {
        let said = |detail: &str, name: &str| {
            if detail.is_empty() || detail.starts_with(name) {
                detail.to_owned()
            } else {
                format!("{name}: {detail}")
            }
        };
        if number == 2 {
            self.coverage.iter_mut().for_each(|line| line.detail = said(&line.detail, ours));
        }
        let whole = |lines: &[CoverageLine]| -> Vec<String> {
            let complete = lines.iter().filter(|line| line.status == "complete");
            complete.map(|line| line.what.clone()).collect()
        };
        let (had, has) = (whole(&self.coverage), whole(&lines));
        let settled = |line: &mut CoverageLine, by: &str| {
            line.detail = format!("whole in {by}; {}: {}", line.status, line.detail);
            "complete".clone_into(&mut line.status);
        };
        for line in &mut self.coverage {
            if line.status != "complete" && has.contains(&line.what) && !had.contains(&line.what) {
                settled(line, theirs);
            }
        }
        for mut line in lines {
            line.detail = said(&line.detail, theirs);
            if line.status != "complete" && had.contains(&line.what) && !has.contains(&line.what) {
                settled(&mut line, ours);
            }
            if !self.coverage.contains(&line) {
                self.coverage.push(line);
            }
        }
        self.coverage
            .sort_by(|a, b| (&a.what, &a.status, &a.detail).cmp(&(&b.what, &b.status, &b.detail)));
    }
}

/// Whether two sources say the same of the same thing. A pid alone is not enough: minutes lie
/// between them.
fn alike(one: &Finding, other: &Finding) -> bool {
    let (a, b) = (&one.subject, &other.subject);
    let same = match (a.pid, b.pid) {
        (Some(a_pid), Some(b_pid)) => {
            a_pid == b_pid && a.path == b.path && (a.kind == "process" || a.fact == b.fact)
        }
        (None, None) => a.kind == b.kind && a.fact == b.fact,
        _ => false,
    };
    one.playbook == other.playbook && same
}

/// What fired in one fired; what one could look at was looked at.
fn answers(ours: &mut [Answer], theirs: Vec<Answer>, name: &str) {
    let rank = |answer: Outcome| match answer {
        Outcome::Fired => 0,
        Outcome::Quiet => 1,
        Outcome::CouldNotCheck => 2,
    };
    for other in theirs {
        let Some(own) = ours.iter_mut().find(|own| own.id == other.id) else { continue };
        if rank(other.answer) < rank(own.answer) {
            own.answer = other.answer;
            own.detail = if other.detail.is_empty() {
                format!("by {name}")
            } else {
                format!("{name}: {}", other.detail)
            };
        }
    }
}

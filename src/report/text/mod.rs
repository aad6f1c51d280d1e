//! For a terminal, and for a tired person: the verdict first, then why, then what to do.

mod gaps;
pub(super) mod groups;
pub(super) mod hunts;
mod page;

use super::{Case, CoverageLine, Report, TimelineLine};
use crate::facts::BEYOND;
use crate::judge::{Answer, Brief, Level, Outcome};
use groups::{Group, clock, groups, is_command, warnings};
use page::{Page, Style};
use std::collections::{BTreeMap, BTreeSet};
use std::io;

/// Lines of each list; the rest is counted and stands in report.json.
const MOST: usize = 40;

/// The case as text.
#[derive(Clone, Debug)]
pub struct Text {
    /// Columns to wrap at.
    pub width: usize,
    /// Whether to colour it: only for a terminal.
    pub color: bool,
    /// The case folder.
    pub folder: CaseFolder,
}

/// What became of the case folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CaseFolder {
    /// None was asked for.
    Unasked,
    /// It is written there.
    At(String),
    /// It was asked for and could not be made: why.
    Failed(String),
}

impl Report for Text {
    fn name(&self) -> (&'static str, &'static str) {
        ("text", "report.txt")
    }

    fn write(&self, case: &Case, out: &mut dyn io::Write) -> io::Result<()> {
        let page = &mut Page::new(out, self.width, self.color);
        verdict(case, page)?;
        findings(case, page)?;
        story(case, page)?;
        timeline(case, page)?;
        hunts::hunts(case, page)?;
        unchecked(case, page)?;
        self.footer(case, page)
    }
}

const fn style(level: Level) -> Style {
    match level {
        Level::Critical => Style::Critical,
        Level::High => Style::High,
        Level::Medium => Style::Medium,
        Level::Low => Style::Low,
        Level::Informational => Style::Dim,
    }
}

fn verdict(case: &Case, page: &mut Page<'_>) -> io::Result<()> {
    let style = style(case.verdict.level);
    let rule = if style == Style::Critical { Style::High } else { style };
    page.rule(rule)?;
    let word = case.banner().to_uppercase();
    page.labelled("", (&format!(" {word} "), style), &format!("  {}", case.who()), Style::Bold)?;
    page.blank()?;
    page.paragraph(" ", "", &case.verdict.summary, Style::Bold)?;
    if let Some(lead) = &case.lead {
        page.paragraph(" ", "Lead: ", lead, Style::Plain)?;
    }
    for warning in warnings(case) {
        page.paragraph(" ", "", warning, Style::High)?;
    }
    page.blank()?;
    page.paragraph(" ", "", &tally(case), Style::Dim)?;
    page.rule(rule)
}

/// How many findings of each level, and how many questions stay open.
fn tally(case: &Case) -> String {
    let mut parts: Vec<String> = Level::ALL
        .into_iter()
        .rev()
        .filter_map(|level| {
            let count = case.findings.iter().filter(|finding| finding.level == level).count();
            (count > 0).then(|| format!("{count} {}", level.word()))
        })
        .collect();
    if parts.is_empty() {
        parts.push("no findings".to_owned());
    }
    let asked = case.playbooks.len();
    let open = case.playbooks.iter().filter(|a| a.answer == Outcome::CouldNotCheck).count();
    if asked > 0 {
        parts.push(format!("{} of {asked} playbooks could look", asked.saturating_sub(open)));
    }
    parts.join(" · ")
}

fn findings(case: &Case, page: &mut Page<'_>) -> io::Result<()> {
    if case.findings.is_empty() {
        return Ok(());
    }
    page.heading("FINDINGS, worst first")?;
    if let Some(elsewhere) = case.elsewhere() {
        let members = case.only_archive().map_or_else(String::new, |name| {
            format!("Files named after `seen in` are members of {name}. ")
        });
        let elsewhere = members + &elsewhere;
        page.paragraph("", "", &elsewhere, Style::Dim)?;
        page.blank()?;
    }
    let groups = groups(case);
    let archive = case.only_archive().map(|name| format!("{name}:")).unwrap_or_default();
    let mut told = BTreeSet::new();
    for group in groups.iter().take(MOST) {
        subject(group, &archive, &mut told, page)?;
    }
    more(groups.len(), "subjects with findings", page)
}

/// `told` are the playbooks of which was said when they are harmless: once is enough. `archive` stands
/// before every source, and is told once.
fn subject<'c>(
    group: &Group<'c>,
    archive: &str,
    told: &mut BTreeSet<&'c str>,
    page: &mut Page<'_>,
) -> io::Result<()> {
    let title = format!("{} — {}", group.label, group.count());
    page.labelled("", ("▌ ", style(group.worst())), &title, Style::Bold)?;
    if let Some(about) = group.about() {
        page.paragraph("  ", "", &about, Style::Dim)?;
    }
    for finding in &group.findings {
        let label = format!("{:<8} ", finding.level.word().to_uppercase());
        if finding.level < Level::Medium {
            page.labelled("  ", (&label, style(finding.level)), &finding.because, Style::Plain)?;
            continue;
        }
        page.blank()?;
        page.labelled("  ", (&label, style(finding.level)), &finding.title, Style::Bold)?;
        page.paragraph("           ", "", &finding.because, Style::Plain)?;
        let within = |source: &'c str| source.strip_prefix(archive).unwrap_or(source);
        let mut sources: Vec<&str> = finding.evidence.iter().map(|e| within(&e.source)).collect();
        sources.sort_unstable();
        sources.dedup();
        let attack = finding.attack.iter().map(String::as_str);
        let seen = format!("seen in {}", sources.join(", "));
        let notes: Vec<&str> = (!sources.is_empty())
            .then_some(seen.as_str())
            .into_iter()
            .chain(attack)
            .chain([finding.playbook.as_str()])
            .collect();
        page.paragraph("           ", "", &notes.join(" · "), Style::Dim)?;
        if !finding.false_positives.is_empty() && told.insert(&finding.playbook) {
            let text = finding.false_positives.trim_end();
            page.paragraph("           ", "When harmless: ", text, Style::Dim)?;
        }
    }
    if !group.next.is_empty() {
        page.blank()?;
        page.paragraph("  ", "", "Next:", Style::Bold)?;
        for step in &group.next {
            if is_command(step) {
                page.command("    ", step)?;
            } else {
                page.paragraph("    ", "- ", step, Style::Plain)?;
            }
        }
    }
    page.blank()
}

fn story(case: &Case, page: &mut Page<'_>) -> io::Result<()> {
    if case.story.is_empty() {
        return Ok(());
    }
    page.heading("HOW IT HANGS TOGETHER, in order of time (UTC)")?;
    // The nodes from a top line down to the last step: a step stands under the node it leaves, if
    // that is among them, else on a line of its own.
    let mut chain: Vec<&str> = Vec::new();
    let mut also = false;
    let mut incident = 1;
    let mut day = String::new();
    for step in &case.story {
        if step.incident != incident {
            incident = step.incident;
            chain.clear();
            also = false;
            page.blank()?;
            page.paragraph(
                "  ",
                "",
                &format!("Apart from that (incident {incident}):"),
                Style::Dim,
            )?;
        }
        let (from, to) = (step.from_node.as_str(), step.to_node.as_str());
        if step.bystander && !also {
            also = true;
            let text = "Also touching what this is about, with nothing else against them:";
            page.paragraph("  ", "", text, Style::Dim)?;
        }
        let depth = chain.iter().position(|node| *node == from).unwrap_or(0);
        chain.truncate(if chain.contains(&from) { depth.saturating_add(1) } else { 0 });
        if chain.is_empty() {
            chain.push(from);
        }
        if !chain.contains(&to) {
            chain.push(to);
        }
        let indent = "  ".repeat(depth.min(6));
        if step.edge == "concerns" {
            let text = format!("{} concerns {}", step.from, step.to);
            page.labelled("  ", ("▶ ", Style::Bold), &text, Style::Bold)?;
            continue;
        }
        let time = step.time.as_deref().map(clock).unwrap_or_default();
        let (date, hour) = time.split_once(' ').unwrap_or_default();
        if !date.is_empty() && date != day {
            date.clone_into(&mut day);
            page.paragraph("  ", "", date, Style::Bold)?;
        }
        let label = format!("{hour:<8}  {indent}→ ");
        page.labelled("  ", (&label, Style::Dim), &step.because, Style::Plain)?;
    }
    if let Some(note) = &case.story_note {
        page.paragraph("  ", "", note, Style::Dim)?;
    }
    Ok(())
}

fn timeline(case: &Case, page: &mut Page<'_>) -> io::Result<()> {
    let matters = |event: &&TimelineLine| !event.findings.is_empty();
    if !case.timeline.iter().any(|event| matters(&event)) {
        return Ok(());
    }
    page.heading("TIMELINE of what findings speak of (UTC)")?;
    let frame =
        |event: &&TimelineLine| matters(event) || event.kind == "boot" || event.kind == "collected";
    let events: Vec<&TimelineLine> = case.timeline.iter().filter(frame).collect();
    for event in events.iter().take(MOST) {
        // A source that knows only "not after" is shown as that.
        let bound =
            if event.time == event.latest && event.earliest != event.time { "≤" } else { " " };
        let label = format!("{bound}{:<19}  ", clock(&event.time));
        page.labelled(" ", (&label, Style::Dim), &event.message, Style::Plain)?;
    }
    more(events.len(), "events", page)
}

fn unchecked(case: &Case, page: &mut Page<'_>) -> io::Result<()> {
    page.heading("WHAT COULD NOT BE CHECKED")?;
    let mut gaps: Vec<_> = case
        .coverage
        .iter()
        .filter(|line| line.status != "complete" && line.status != "absent")
        .filter(|line| line.what != "memory" || !line.detail.contains("by choice"))
        .collect();
    // What somebody may have filled to hide behind it comes first; it would stand among a hundred lines.
    gaps.sort_by_key(|line| !is_cut(line));
    let open: Vec<_> =
        case.playbooks.iter().filter(|a| a.answer == Outcome::CouldNotCheck).collect();
    if gaps.is_empty() && open.is_empty() {
        page.paragraph("  ", "", "Everything that davy looks at could be read. Of shells' histories it keeps only lines that fetch and run, mine, or dig in.", Style::Plain)?;
    }
    // Not a gap, but what a miner without a file has may be there alone.
    let chosen = |line: &&CoverageLine| line.what == "memory" && line.detail.contains("by choice");
    for line in case.coverage.iter().filter(chosen) {
        let text = format!("memory: {}; --memory all reads it all", line.detail);
        page.paragraph("  ", "- ", &text, Style::Plain)?;
    }
    let mut unasked = unasked(&open);
    let lines = gaps::together(&gaps);
    for (names, line) in lines.iter().take(MOST) {
        let mut text = format!("{} ({})", names.join(", "), line.status);
        if !line.detail.is_empty() {
            text = format!("{text}: {}", line.detail);
        }
        let reasons = names.iter().filter_map(|name| unasked.remove(name));
        let ids: BTreeSet<&str> = reasons.flat_map(BTreeMap::into_values).flatten().collect();
        if !ids.is_empty() {
            text = format!("{text}; {}", blind(&ids));
        }
        page.paragraph("  ", "- ", &text, Style::Plain)?;
    }
    more(lines.len(), "things", page)?;
    let rest: Vec<(&str, BTreeSet<&str>)> = unasked.into_values().flatten().collect();
    for (reason, ids) in rest.iter().take(MOST) {
        let text = format!("{reason}: {}", blind(ids));
        page.paragraph("  ", "- ", &text, Style::Plain)?;
    }
    more(rest.len(), "reasons", page)?;
    let absent: Vec<&str> = case
        .coverage
        .iter()
        .filter(|line| line.status == "absent")
        .map(|line| line.what.as_str())
        .collect();
    if !absent.is_empty() {
        let place =
            if case.logs_alone() { "Not in what was given: " } else { "Not on this host: " };
        page.paragraph("  ", place, &absent.join(", "), Style::Dim)?;
    }
    Ok(())
}

/// Whether a source is cut off, or was cut off by davy's own limits.
fn is_cut(line: &CoverageLine) -> bool {
    line.what == "archive whole" || line.detail.contains(BEYOND)
}

/// Playbooks that could not look, by the table or column that was missing and by the reason: one
/// denied column can blind forty of them.
fn unasked<'a>(open: &[&'a Answer]) -> BTreeMap<&'a str, BTreeMap<&'a str, BTreeSet<&'a str>>> {
    let mut found: BTreeMap<&str, BTreeMap<&str, BTreeSet<&str>>> = BTreeMap::new();
    for answer in open {
        for reason in reasons(&answer.detail) {
            // `looked at 1 of 38: processes.exe (…)` and `processes.exe: denied (…)`.
            let named = match reason.strip_prefix("looked at ").and_then(|r| r.split_once(": ")) {
                Some((_, rest)) => rest.split(" (").next().unwrap_or(rest),
                None => reason,
            };
            let what = named.split_once(": ").map_or(named, |(what, _)| what);
            found.entry(what).or_default().entry(reason).or_default().insert(&answer.id);
        }
    }
    found
}

/// The reasons that an answer joins with semicolons. One reason's own stand in parentheses.
fn reasons(detail: &str) -> Vec<&str> {
    let (mut depth, mut start, mut found) = (0_i32, 0, Vec::new());
    for (at, c) in detail.char_indices() {
        match c {
            '(' => depth = depth.saturating_add(1),
            ')' => depth = depth.saturating_sub(1),
            ';' if depth <= 0 => {
                found.extend(detail.get(start..at));
                start = at.saturating_add(1);
            }
            _ => {}
        }
    }
    found.extend(detail.get(start..));
    found.into_iter().map(str::trim).collect()
}

/// `48 playbooks could not look: a, b, c and 45 more`.
fn blind(ids: &BTreeSet<&str>) -> String {
    const NAMED: usize = 3;
    let named: Vec<&str> = ids.iter().take(NAMED).copied().collect();
    let rest = match ids.len().saturating_sub(NAMED) {
        0 => String::new(),
        rest => format!(" and {rest} more, in report.json"),
    };
    let noun =
        if ids.len() == 1 { "1 playbook".to_owned() } else { format!("{} playbooks", ids.len()) };
    format!("{noun} could not look: {}{rest}", named.join(", "))
}

fn more(all: usize, what: &str, page: &mut Page<'_>) -> io::Result<()> {
    let rest = all.saturating_sub(MOST);
    if rest == 0 {
        return Ok(());
    }
    page.paragraph("  ", "", &format!("and {rest} more {what}, in report.json"), Style::Dim)
}

/// How many rows of a hunt are not shown; [`None`] where all are.
pub(super) fn more_of(hunt: &Brief) -> Option<String> {
    let rest = hunt.count.saturating_sub(hunt.rows.len());
    let more = if hunt.at_least { " at least" } else { "" };
    (rest > 0).then(|| format!("{} rows, and{more} {rest} more", hunt.rows.len()))
}

impl Text {
    fn footer(&self, case: &Case, page: &mut Page<'_>) -> io::Result<()> {
        page.blank()?;
        page.rule(Style::Dim)?;
        let host = &case.host;
        let mut parts = vec![host.hostname.clone(), host.os.clone(), host.kernel.clone()];
        parts.extend(host.addresses.iter().take(4).cloned());
        if !host.taken.is_empty() {
            parts.push(format!("read {} UTC", clock(&host.taken)));
        }
        parts.push(format!("{} {}", case.tool.name, case.tool.version));
        parts.retain(|part| !part.is_empty());
        page.paragraph("", "", &parts.join(" · "), Style::Dim)?;
        match &self.folder {
            CaseFolder::At(folder) => page.paragraph(
                "",
                "Case folder: ",
                &format!("{folder} (report.html to read, facts.db to ask, manifest.json to verify)"),
                Style::Plain,
            ),
            CaseFolder::Failed(why) => page.paragraph(
                "",
                "No case folder: ",
                &format!("{why}. Nothing was kept; run again with another -o, or save this report."),
                Style::High,
            ),
            CaseFolder::Unasked => page.paragraph(
                "",
                "",
                "Nothing was written. With -o CASE davy keeps the report, the facts and the recovered files.",
                Style::Dim,
            ),
        }
    }
}

//! One page that opens from disk with no network: no script, no font, no image from elsewhere.

mod chain;
mod strip;

use super::text::groups::{Group, clock, groups, is_command, warnings};
use super::text::hunts::shown;
use super::text::more_of;
use super::{Case, CoverageLine, Report, TimelineLine, escape::visible_within};
use crate::judge::{Answer, Brief, Outcome};
use askama::Template;
use chain::Chain;
use std::fmt;
use std::io;
use strip::Strip;

/// Longer values are cut in the page, with their length told; report.json has them whole.
const LONGEST: usize = 2_000;

/// The case as a page.
pub struct Html;

/// Text of the host on its way into the page: what acts or hides is made visible here, what is
/// markup is escaped by the template.
struct Seen<'a>(&'a str);

impl fmt::Display for Seen<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&visible_within(self.0, LONGEST))
    }
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    case: &'a Case,
    warnings: Vec<&'a str>,
    groups: Vec<Group<'a>>,
    chains: Vec<Chain>,
    strip: Strip,
    events: Vec<&'a TimelineLine>,
    others: Vec<&'a TimelineLine>,
    gaps: Vec<&'a CoverageLine>,
    complete: Vec<&'a CoverageLine>,
    answered: Vec<&'a Answer>,
    quiet: Vec<&'a Answer>,
}

impl Page<'_> {
    fn see<'a>(&self, text: &'a str) -> Seen<'a> {
        Seen(text)
    }
    fn clock(&self, time: &str) -> String {
        visible_within(&clock(time), LONGEST)
    }
    fn command(&self, step: &str) -> bool {
        is_command(step)
    }
    fn values(&self, values: &std::collections::BTreeMap<String, serde_json::Value>) -> String {
        let pairs: Vec<String> = values
            .iter()
            .map(|(name, value)| match value {
                serde_json::Value::String(text) => format!("{name}={text}"),
                other => format!("{name}={other}"),
            })
            .collect();
        visible_within(&pairs.join("  "), LONGEST)
    }
    /// What a time's source allows: nothing where it is exact.
    fn bounds(&self, event: &TimelineLine) -> String {
        if event.earliest == event.latest {
            String::new()
        } else if event.latest == event.time {
            format!("not after; not before {}", self.clock(&event.earliest))
        } else {
            "± one clock tick".to_owned()
        }
    }
    fn word_of(&self, answer: &Answer) -> &'static str {
        match answer.answer {
            Outcome::Fired => "fired",
            Outcome::Quiet => "quiet",
            Outcome::CouldNotCheck => "could not check",
        }
    }
    fn cell(
        &self,
        row: &std::collections::BTreeMap<String, serde_json::Value>,
        name: &str,
    ) -> String {
        visible_within(&shown(row.get(name)), LONGEST)
    }
    fn rest(&self, hunt: &Brief) -> String {
        more_of(hunt).unwrap_or_default()
    }
    fn unread(&self) -> usize {
        let open = |answer: &&&Answer| answer.answer == Outcome::CouldNotCheck;
        self.gaps.len().saturating_add(self.answered.iter().filter(open).count())
    }
}

impl Report for Html {
    fn name(&self) -> (&'static str, &'static str) {
        ("html", "report.html")
    }

    fn write(&self, case: &Case, out: &mut dyn io::Write) -> io::Result<()> {
        let frame = |event: &&TimelineLine| {
            !event.findings.is_empty() || event.kind == "boot" || event.kind == "collected"
        };
        let (events, others): (Vec<_>, Vec<_>) = case.timeline.iter().partition(frame);
        let (complete, mut gaps): (Vec<_>, Vec<_>) =
            case.coverage.iter().partition(|line| line.status == "complete");
        gaps.sort_by_key(|line| line.status == "absent");
        let (quiet, mut answered): (Vec<_>, Vec<_>) =
            case.playbooks.iter().partition(|answer| answer.answer == Outcome::Quiet);
        answered.sort_by_key(|answer| answer.answer == Outcome::Fired);
        let page = Page {
            warnings: warnings(case),
            groups: groups(case),
            chains: chain::chains(&case.story),
            strip: strip::strip(&events),
            case,
            events,
            others,
            gaps,
            complete,
            answered,
            quiet,
        };
        page.write_into(&mut Utf8(out)).map_err(io::Error::other)
    }
}

/// A stream of bytes as the stream of text that a template writes to.
struct Utf8<'a>(&'a mut dyn io::Write);

impl io::Write for Utf8<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

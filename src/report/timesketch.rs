//! The timeline for Timesketch: one JSON object a line.

use super::{Case, Report, TimelineLine, escape};
use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter};
use std::io;

/// Timesketch's store cuts a field at 32,766 bytes without a word; stay below and say so.
const FIELD_LIMIT: usize = 32_000;

/// The events as `timeline.jsonl`.
pub struct Timesketch;

#[derive(Serialize)]
struct Line<'a> {
    message: String,
    datetime: String,
    timestamp: i64,
    timestamp_desc: &'static str,
    data_type: String,
    hostname: String,
    tag: Vec<&'static str>,
    earliest: &'a str,
    latest: &'a str,
    source: String,
    fact: String,
    findings: String,
}

impl Report for Timesketch {
    fn name(&self) -> (&'static str, &'static str) {
        ("timesketch", "timeline.jsonl")
    }

    fn write(&self, case: &Case, out: &mut dyn io::Write) -> io::Result<()> {
        for event in &case.timeline {
            let Ok(stamp) = event.time.parse::<jiff::Timestamp>() else { continue };
            let line = Line {
                message: field(&escape::visible(&event.message)),
                // Six digits and an offset: what Timesketch's importer reads without guessing.
                datetime: stamp.strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00").to_string(),
                timestamp: stamp.as_microsecond(),
                timestamp_desc: description(&event.kind),
                data_type: format!("davy:{}", event.kind),
                hostname: field(&escape::visible(&case.host.hostname)),
                tag: tags(event),
                earliest: &event.earliest,
                latest: &event.latest,
                source: field(&escape::visible(&event.source)),
                fact: field(&escape::visible(&event.fact)),
                findings: field(&event.findings.join(" ")),
            };
            line.serialize(&mut serde_json::Serializer::with_formatter(
                &mut *out,
                Safe(CompactFormatter),
            ))?;
            out.write_all(b"\n")?;
        }
        Ok(())
    }
}

fn description(kind: &str) -> &'static str {
    match kind {
        "boot" => "System Boot",
        "process-start" => "Process Start",
        "file-made" => "Creation Time",
        "file-changed" => "Content Modification Time",
        "file-deleted" => "Deletion Time (not after)",
        "persistence-changed" => "Metadata Modification Time",
        "package-installed" => "Installation Time",
        "connection-seen" => "Connection Seen (not after)",
        "alert-raised" => "Alert Time",
        "login" | "login-failed" => "Logon Time",
        "flow-seen" => "Connection Start",
        "name-asked" | "request-sent" => "Request Time",
        "logged" => "Log Time",
        "collected" => "Collection Time",
        _ => "Event Time",
    }
}

fn tags(event: &TimelineLine) -> Vec<&'static str> {
    let mut tags = vec!["davy"];
    if !event.findings.is_empty() {
        tags.push("davy-finding");
    }
    if event.earliest != event.latest {
        tags.push("davy-time-bounded");
    }
    tags
}

fn field(text: &str) -> String {
    const MARK: &str = "… [truncated]";
    if text.len() <= FIELD_LIMIT {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(FIELD_LIMIT.saturating_sub(MARK.len()));
    format!("{}{MARK}", text.get(..end).unwrap_or_default())
}

struct Safe(CompactFormatter);

impl Formatter for Safe {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        escape::write_json(fragment, out)
    }
}

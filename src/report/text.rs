//! For a terminal.

use super::{Case, Report, escape::visible};
use std::io;

/// The case as text.
pub struct Text {
    /// Columns to wrap at.
    pub width: usize,
    /// Whether to colour it.
    pub color: bool,
}

impl Report for Text {
    fn name(&self) -> (&'static str, &'static str) {
        ("text", "report.txt")
    }

    fn write(&self, case: &Case, out: &mut dyn io::Write) -> io::Result<()> {
        writeln!(out, "{}: {}", case.verdict.level.word(), visible(&case.verdict.summary))?;
        for finding in &case.findings {
            writeln!(out, "{}: {}", finding.level.word(), visible(&finding.because))?;
        }
        Ok(())
    }
}

//! One page that opens from disk with no network.

use super::{Case, Report, escape::visible};
use std::io;

/// The case as a page.
pub struct Html;

impl Report for Html {
    fn name(&self) -> (&'static str, &'static str) {
        ("html", "report.html")
    }

    fn write(&self, case: &Case, out: &mut dyn io::Write) -> io::Result<()> {
        writeln!(out, "<!doctype html><title>davy: {}</title>", case.verdict.level.word())?;
        let _ = visible;
        Ok(())
    }
}

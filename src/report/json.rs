//! `davy.report/1`: for programs.

use super::{Case, Report, escape};
use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter};
use std::io;

/// The case as pretty JSON in a fixed order, with one newline at the end.
pub struct Json;

impl Report for Json {
    fn name(&self) -> (&'static str, &'static str) {
        ("json", "report.json")
    }

    fn write(&self, case: &Case, out: &mut dyn io::Write) -> io::Result<()> {
        pretty(case, out)
    }
}

/// Anything as pretty JSON that is harmless to look at, with one newline at the end.
///
/// # Errors
/// The stream's own.
pub fn pretty(what: &impl Serialize, out: &mut dyn io::Write) -> io::Result<()> {
    let formatter = Safe(PrettyFormatter::new());
    what.serialize(&mut serde_json::Serializer::with_formatter(&mut *out, formatter))?;
    out.write_all(b"\n")
}

/// Anything as JSON on one line that is harmless to look at, with a newline at its end.
///
/// # Errors
/// The stream's own.
pub fn line(what: &impl Serialize, out: &mut dyn io::Write) -> io::Result<()> {
    // Without spaces between, whatever acts or hides stands within a string.
    escape::write_json(&serde_json::to_string(what)?, out)?;
    out.write_all(b"\n")
}

/// Writes what a terminal or an editor would act on or hide as `\uNNNN`: JSON demands that only
/// of control characters below space, but reports are looked at with `less` and `cat` too.
struct Safe<'a>(PrettyFormatter<'a>);

impl Formatter for Safe<'_> {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        escape::write_json(fragment, out)
    }
    fn begin_array<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_array(out)
    }
    fn end_array<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array(out)
    }
    fn begin_array_value<W: ?Sized + io::Write>(
        &mut self,
        out: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.0.begin_array_value(out, first)
    }
    fn end_array_value<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array_value(out)
    }
    fn begin_object<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object(out)
    }
    fn end_object<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object(out)
    }
    fn begin_object_key<W: ?Sized + io::Write>(
        &mut self,
        out: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.0.begin_object_key(out, first)
    }
    fn begin_object_value<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object_value(out)
    }
    fn end_object_value<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object_value(out)
    }
}

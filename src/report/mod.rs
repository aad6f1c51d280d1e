//! The case, for people and for programs: one trait, one file a format.

mod case;
pub mod escape;
pub mod folder;
mod gather;
pub mod graph;
mod html;
mod join;
pub mod json;
mod text;
mod timesketch;

pub use case::{
    Case, CoverageLine, HostSummary, ProcessLine, SourceLine, TimelineLine, Tool, banner,
};
pub use html::Html;
pub use json::Json;
pub use text::{CaseFolder, Text};
pub use timesketch::Timesketch;

use std::io;

/// A report format.
pub trait Report: Sync {
    /// The name for `--format` and the file it makes in a case folder, as `report.json`.
    fn name(&self) -> (&'static str, &'static str);
    /// Writes the whole case.
    ///
    /// # Errors
    /// The stream's own.
    fn write(&self, case: &Case, out: &mut dyn io::Write) -> io::Result<()>;
}

/// Every format. The text one here is for a file: no colour, 100 columns.
pub const FORMATS: &[&dyn Report] =
    &[&Text { width: 100, color: false, folder: CaseFolder::Unasked }, &Json, &Html, &Timesketch];

//! The case, for people and for programs: one trait, one file a format.

mod case;

pub use case::{Case, CoverageLine, HostSummary, SourceLine, TimelineLine, Tool};

use std::io;

/// A report format.
pub trait Report {
    /// The name for `--format` and the file it makes in a case folder, as `report.json`.
    fn name(&self) -> (&'static str, &'static str);
    /// Writes the whole case.
    ///
    /// # Errors
    /// The stream's own.
    fn write(&self, case: &Case, out: &mut dyn io::Write) -> io::Result<()>;
}

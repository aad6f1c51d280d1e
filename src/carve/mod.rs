//! Bytes in, indicators out: the strings that a dropper or miner cannot do without, wherever
//! they lie: an executable, a deleted file, the memory of a suspect.

mod indicator;

pub use indicator::Indicator;

use crate::evidence::{Evidence, Pid};
use crate::facts::{self, Facts, Table, TableDef};

/// The tables that carving fills.
pub const TABLES: &[TableDef] = &[Indicator::DEF];

/// Carves what every triage looks at: each distinct executable, each deleted open file or memfd,
/// each deleted mapped library, and small files beside suspects' executables.
///
/// # Errors
/// Where facts cannot be stored. What cannot be read is coverage.
pub fn carve_files(
    _evidence: &dyn Evidence,
    _facts: &Facts,
    _progress: &dyn Fn(&str),
) -> Result<(), facts::Error> {
    Ok(())
}

/// Carves the memory of these processes: present pages only, never a device's.
///
/// # Errors
/// Where facts cannot be stored. What cannot be read is coverage.
pub fn carve_memory(
    _evidence: &dyn Evidence,
    _facts: &Facts,
    _pids: &[Pid],
    _progress: &dyn Fn(&str),
) -> Result<(), facts::Error> {
    Ok(())
}

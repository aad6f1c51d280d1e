//! Judgement: playbooks over facts give findings, answers and a verdict.
//!
//! A playbook is YAML with SQL in it. No judgement is made anywhere else.

mod finding;
mod level;
mod verdict;

pub use finding::{Answer, Evidence, Finding, Judgement, Outcome, Subject};
pub use level::Level;
pub use verdict::Verdict;

use crate::facts::TableDef;
use finding::{FindingEvidenceRow, FindingRow};

/// The tables that judging fills.
pub const TABLES: &[TableDef] =
    &[<FindingRow as crate::facts::Table>::DEF, <FindingEvidenceRow as crate::facts::Table>::DEF];

//! Judgement: playbooks over facts give findings, answers and a verdict.
//!
//! A playbook is YAML with SQL in it. No judgement is made anywhere else.

mod alike;
mod answer;
mod ask;
mod attack;
mod before;
mod brief;
mod check;
mod complaint;
mod engine;
mod evidence;
mod finding;
mod functions;
mod level;
mod library;
mod lookup;
mod playbook;
mod ranges_list;
mod reading;
mod reputation;
mod round;
mod template;
#[cfg(test)]
mod tests;
mod verdict;

pub use ask::{Failure, Rows, count, query, question, table};
pub use attack::technique;
pub use before::Before;
pub use brief::{Brief, briefs, json};
pub use check::Checker;
pub use complaint::Complaint;
pub use engine::{judge, judge_again, prepare, suspects};
pub use finding::{About, Answer, Evidence, Finding, Judgement, Outcome, Subject};
pub use functions::{FUNCTIONS, Function, Ranges, is_public};
pub use level::Level;
pub use library::Playbooks;
pub use lookup::{Lookup, is_number};
pub use playbook::{Folding, Kind, Parameter, Placed, Playbook, Shown, Tests};
pub use reading::worth_reading;
pub use verdict::Verdict;

use crate::facts::TableDef;
use finding::{FindingEvidenceRow, FindingRow};

/// The tables that judging fills.
pub const TABLES: &[TableDef] =
    &[<FindingRow as crate::facts::Table>::DEF, <FindingEvidenceRow as crate::facts::Table>::DEF];

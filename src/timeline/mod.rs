//! Facts with times, in order, each with the bounds that its source allows.

mod build;
mod event;

pub use build::build;
pub use event::{Dated, Event};

use crate::facts::{Table, TableDef};

/// The tables that the timeline fills.
pub const TABLES: &[TableDef] = &[Event::DEF];

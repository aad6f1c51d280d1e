//! Facts with times, in order, each with the bounds that its source allows.

mod event;

pub use event::Event;

use crate::facts::{Table, TableDef};

/// The tables that the timeline fills.
pub const TABLES: &[TableDef] = &[Event::DEF];

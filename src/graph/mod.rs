//! Facts and findings as nodes and edges, and the story as a path through them.

mod edge;
mod story;

pub use edge::Edge;
pub use story::Step;

use crate::facts::{Table, TableDef};

/// The tables that the graph fills.
pub const TABLES: &[TableDef] = &[Edge::DEF];

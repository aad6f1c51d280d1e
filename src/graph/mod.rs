//! Facts and findings as nodes and edges, and the story as a path through them.

mod build;
mod chosen;
mod edge;
mod heat;
mod kinds;
pub mod layout;
mod lead;
pub mod network;
mod order;
mod story;

pub use build::build;
pub use edge::Edge;
pub use kinds::word;
pub use story::{Step, Story, story};

use crate::facts::{Table, TableDef};

/// The tables that the graph fills.
pub const TABLES: &[TableDef] = &[Edge::DEF];

//! Facts and findings as nodes and edges, and the story as a path through them.

mod build;
pub mod campaign;
mod chosen;
mod edge;
mod heat;
mod kinds;
pub mod layout;
mod lead;
mod louvain;
mod made;
pub mod network;
mod order;
mod reach;
mod shared;
mod story;

pub use build::build;
pub use edge::Edge;
pub use kinds::word;
pub use louvain::louvain;
pub use made::make;
pub use story::{Step, Story, story};

use crate::facts::{Table, TableDef};

/// The tables that the graph fills.
pub const TABLES: &[TableDef] = &[
    Edge::DEF,
    campaign::ActorRow::DEF,
    campaign::CampaignRow::DEF,
    campaign::CampaignMemberRow::DEF,
    reach::Reach::DEF,
    reach::PathRow::DEF,
];

//! What was seen: rows of tables in SQLite, where each came from, and what could not be read.
//!
//! A table is declared with [`table!`](crate::table) beside the struct that fills it. Every table
//! has two columns more: `fact`, a stable id such as `processes/2584`, and `source`, the path or
//! archive member the row was read from. This module knows nothing of hosts; it stores.

mod column;
mod coverage;
mod guard;
mod join;
mod store;
mod table;
mod text;

pub use column::{Column, ColumnKind, Time};
pub use coverage::{BEYOND, Coverage, Pieces, Status};
pub use guard::{Asked, Limits, Stopped};
pub use join::numbered;
pub use store::{Error, Facts, Inserter, Origin, Source};
pub use table::{ColumnDef, Table, TableDef};
pub use text::HostText;

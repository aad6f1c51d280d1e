//! The one line that a responder reads first.

use super::Level;
use serde::Serialize;

/// Is it compromised, how sure, by what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The worst finding's level; informational where there is none.
    pub level: Level,
    /// A sentence or two.
    pub summary: String,
}

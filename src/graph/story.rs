//! The chain in time order, from the lead or from the worst finding.

use serde::Serialize;

/// One step of the story.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Label of the node it leaves.
    pub from: String,
    /// The edge's word.
    pub edge: String,
    /// Label of the node it enters.
    pub to: String,
    /// The observation in a sentence.
    pub because: String,
    /// When, RFC 3339, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// The fact it rests on.
    pub fact: String,
}

//! The chain in time order, from the lead or from the worst finding.

use crate::facts::{Error, Facts};
use crate::judge::Judgement;
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
    /// Node it leaves, as in the table `edges`.
    pub from_node: String,
    /// Node it enters.
    pub to_node: String,
    /// Which incident it belongs to, from 1: incidents share no node.
    pub incident: usize,
}

/// The story, and what has to be said about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Story {
    /// Incident after incident, worst first, each in order of time.
    pub steps: Vec<Step>,
    /// What became of the lead, where one was given.
    pub lead: Option<String>,
    /// What was left out, where something was.
    pub note: Option<String>,
}

/// Tells the story out of the edges that [`build`](super::build) stored.
///
/// # Errors
/// Where SQLite fails.
pub fn story(_facts: &Facts, _judgement: &Judgement, _lead: Option<&str>) -> Result<Story, Error> {
    Ok(Story::default())
}

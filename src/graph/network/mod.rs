//! The network: who and what there is, and what ties them, whatever it was made of.
//!
//! Alerts and conversations, an incident's edges, and a fleet all become the same [`Network`], and
//! exporters and pictures know nothing else. What holds of every network:
//!
//! - **Nodes** are in order of their ids, each id once; **edges** name nodes by their place in
//!   [`Network::nodes`] and are in order of (from, to, kind, label), each of these four once: two
//!   nodes have several edges where several signatures, ports or kinds of tie join them
//!   ([`Network::simple`] makes them one). Edges to the node itself are kept. The same facts make
//!   the same network, byte for byte.
//! - **Labels are hostile.** They come from logs and hosts as they are, newlines, quotes and markup
//!   included; whoever writes them escapes them for what he writes.
//! - **Communities** partition the nodes: each node names at most one ([`Node::community`], the
//!   place in [`Network::communities`]), and a node without one belongs to nothing larger. Incidents
//!   first, then the largest. A community that is a campaign (sources that act alike) says so in its kind, with the
//!   signatures that define it.
//! - **A large network is looked at collapsed**: [`Network::collapsed`] gives a network in which
//!   each community that is not opened is one node of kind `community`, and edges are summed. Nodes
//!   keep their ids and a collapsed community is `community/N`, so that a page can open one after
//!   the other. Of the 50,000 sources of a botnet one sees one node, and what it does to whom.

mod block;
mod builder;
mod collapse;
mod divide;
mod fleet;
mod incident;
mod spread;
mod traffic;

pub use builder::Builder;
pub(super) use traffic::{each, graded};

use super::campaign::{Actors, campaigns};

use crate::facts::{Facts, Time};
use crate::judge::Level;
use std::sync::Arc;

/// What is known of how often, when, and how grave: of a node, an edge, a community.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// How many alerts, connections or observations it stands for.
    pub count: u64,
    /// The first of them; [`None`] where none has a time.
    pub first: Option<Time>,
    /// The last.
    pub last: Option<Time>,
    /// The gravest; [`None`] where nothing graded them.
    pub severity: Option<Level>,
}

impl Seen {
    /// Both together.
    pub fn add(&mut self, other: Self) {
        self.count = self.count.saturating_add(other.count);
        self.first = match (self.first, other.first) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        self.last = self.last.max(other.last);
        self.severity = self.severity.max(other.severity);
    }
}

/// A thing: an address, a process, a file …
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// `address/203.0.113.9`, `process/2584`, `community/3`: its kind, a slash, and what it is.
    pub id: String,
    /// The word before the slash, one of [`KINDS`].
    pub kind: &'static str,
    /// How to name it to a reader.
    pub label: String,
    /// For an address or host, whether it is one of ours (`internal_ranges`); [`None`] for others.
    pub internal: Option<bool>,
    /// What its edges say of it, in both directions.
    pub seen: Seen,
    /// Alerts of which it is the source.
    pub caused: u64,
    /// Of alerts that it is the source of, the gravest; of an incident's node, its findings'.
    pub severity: Option<Level>,
    /// How much of the network hangs on it: its distinct neighbours; of a community, its members.
    pub weight: u64,
    /// Its place in [`Network::communities`].
    pub community: Option<u32>,
    /// Which incident's story it stands in, from 1.
    pub incident: Option<u32>,
    /// Of an address or name, why it should be blocked; [`None`] where it should not or must not
    /// be: an internal, reserved or allowed one never.
    pub block: Option<String>,
}

/// What ties two nodes, in one direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// Place of the node it leaves.
    pub from: u32,
    /// Place of the node it enters.
    pub to: u32,
    /// `alert`, `flow`, or the story's word, as `parent of`, `dropped`, `connects to`.
    pub kind: &'static str,
    /// The signature; the port and service; the observation in a sentence.
    pub label: Arc<str>,
    /// How often, when, how grave.
    pub seen: Seen,
    /// Its place in the story, from 1: the chain of an incident is its edges in this order.
    pub step: Option<u32>,
}

/// A set of nodes that belong together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Community {
    /// `campaign` (sources that act alike), `incident` (one chain of events) or `community`
    /// (nodes with more ties among them than outward).
    pub kind: &'static str,
    /// Its name to a reader: what defines it, in a few words.
    pub label: String,
    /// Why these belong together, in a sentence.
    pub why: String,
    /// Places of its nodes, in order.
    pub members: Vec<u32>,
    /// How often, when, how grave.
    pub seen: Seen,
}

/// Nodes, edges and communities.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// In order of their ids.
    pub nodes: Vec<Node>,
    /// In order of from, to, kind and label.
    pub edges: Vec<Edge>,
    /// Incidents first, then the largest.
    pub communities: Vec<Community>,
    /// What a reader must know of it, as what was left out.
    pub notes: Vec<String>,
}

/// Kinds of nodes: the word in ids and reports, and what it is.
pub const KINDS: &[(&str, &str)] = &[
    ("account", "an account of a host"),
    ("address", "an address of the network"),
    ("alert", "an alert that names no address"),
    ("community", "a set of nodes, collapsed into one"),
    ("file", "a file"),
    ("host", "a host"),
    ("key", "an SSH key"),
    ("lead", "what the investigation started from"),
    ("name", "a name of the DNS"),
    ("persistence", "what starts a program again"),
    ("process", "a process"),
    ("shared", "what several hosts have in common"),
    ("url", "a URL"),
    ("wallet", "a wallet"),
];

/// The kind that an id begins with; `shared` where it begins with none.
#[must_use]
pub fn kind_of(id: &str) -> &'static str {
    let word = id.split('/').next().unwrap_or_default();
    KINDS.iter().map(|(kind, _)| *kind).find(|kind| *kind == word).unwrap_or("shared")
}

impl Network {
    /// The network of all that these facts hold: alerts, conversations, and, where
    /// [`build`](super::build) ran before, the incident and the chain of its story. [`crate::judge::prepare`] must have run.
    ///
    /// # Errors
    /// Where SQLite fails.
    pub fn of(facts: &Facts, story: Option<&super::Story>) -> Result<Self, crate::facts::Error> {
        let mut builder = Builder::new(facts)?;
        builder.incident(facts, None)?;
        if let Some(story) = story {
            builder.story(story, None);
        }
        Self::with_traffic(builder, facts)
    }

    /// What is in the builder already, as the incidents of several hosts, with these alerts and
    /// conversations.
    ///
    /// # Errors
    /// Where SQLite fails.
    pub fn with_traffic(mut builder: Builder, facts: &Facts) -> Result<Self, crate::facts::Error> {
        traffic::add(facts, &mut builder)?;
        let mut network = builder.finish();
        let actors = Actors::of(facts)?;
        network.mark_blocked(facts, &actors)?;
        network.find_communities(&actors, &campaigns(&actors));
        Ok(network)
    }

    /// A node by its place.
    #[must_use]
    pub fn node(&self, place: u32) -> Option<&Node> {
        self.nodes.get(place as usize)
    }
}

//! Nodes and edges as they come, folded and put in order.

use super::{Community, Edge, Network, Node, Seen, kind_of};
use crate::facts::{Error, Facts};
use crate::judge::{Level, Ranges};
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

/// Edges of a network beyond this are not kept, and that is said: some hundred megabytes.
const MOST_EDGES: usize = 1_500_000;

/// Takes nodes and edges in any order.
pub struct Builder {
    internal: Ranges,
    places: HashMap<String, u32>,
    nodes: Vec<Node>,
    labels: HashMap<Arc<str>, u32>,
    texts: Vec<Arc<str>>,
    edges: HashMap<(u32, u32, &'static str, u32), Seen>,
    /// Of pairs of nodes, the kind of tie that is a step of a story, and which.
    steps: HashMap<(u32, u32), Vec<(String, u32)>>,
    left: u64,
    notes: Vec<String>,
}

impl Builder {
    /// With nothing yet; asks the facts for the ranges that are ours.
    ///
    /// # Errors
    /// Where SQLite fails.
    pub fn new(facts: &Facts) -> Result<Self, Error> {
        Ok(Self::within(Ranges::internal(facts)?))
    }

    /// With nothing yet, and these ranges as ours.
    #[must_use]
    pub fn within(internal: Ranges) -> Self {
        Self {
            internal,
            places: HashMap::new(),
            nodes: Vec::new(),
            labels: HashMap::new(),
            texts: Vec::new(),
            edges: HashMap::new(),
            steps: HashMap::new(),
            left: 0,
            notes: Vec::new(),
        }
    }

    /// An address, as the logs write it.
    pub fn address(&mut self, text: &str) -> u32 {
        if let Some(place) = self.places.get(text) {
            return *place;
        }
        let id = format!("address/{text}");
        let place = self.node(&id, text);
        // Found again by the bare text: a million edges name it.
        self.places.insert(text.to_owned(), place);
        place
    }

    /// A node by its id. The first label that is not empty stays.
    pub fn node(&mut self, id: &str, label: &str) -> u32 {
        if let Some(place) = self.places.get(id) {
            let place = *place;
            if let Some(node) = self.nodes.get_mut(place as usize)
                && node.label.is_empty()
            {
                label.clone_into(&mut node.label);
            }
            return place;
        }
        let place = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        let kind = kind_of(id);
        let address: Option<IpAddr> =
            id.strip_prefix("address/").and_then(|text| text.parse().ok());
        self.nodes.push(Node {
            id: id.to_owned(),
            kind,
            label: label.to_owned(),
            internal: address
                .map(|address| self.internal.contains(address))
                .or((kind == "host").then_some(true)),
            seen: Seen::default(),
            caused: 0,
            severity: None,
            weight: 0,
            community: None,
            incident: None,
            block: None,
        });
        self.places.insert(id.to_owned(), place);
        place
    }

    /// A node that is there already.
    #[must_use]
    pub fn known(&self, id: &str) -> Option<u32> {
        self.places.get(id).copied()
    }

    /// An edge, or more of one that is there.
    pub fn edge(&mut self, from: u32, to: u32, kind: &'static str, label: &str, seen: Seen) {
        let text = match self.labels.get(label) {
            Some(text) => *text,
            None => {
                let text = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
                let shared: Arc<str> = label.into();
                self.texts.push(Arc::clone(&shared));
                self.labels.insert(shared, text);
                text
            }
        };
        let full = self.edges.len() >= MOST_EDGES;
        match self.edges.entry((from, to, kind, text)) {
            std::collections::hash_map::Entry::Occupied(mut there) => there.get_mut().add(seen),
            std::collections::hash_map::Entry::Vacant(_) if full => self.left += 1,
            std::collections::hash_map::Entry::Vacant(new) => {
                new.insert(seen);
            }
        }
        let mut side = |place: u32| {
            if let Some(node) = self.nodes.get_mut(place as usize) {
                node.seen.add(seen);
            }
        };
        side(from);
        if to != from {
            side(to);
        }
    }

    /// That a node is the source of so many alerts, or the subject of findings, as grave as that.
    pub fn blame(&mut self, place: u32, alerts: u64, severity: Option<Level>) {
        if let Some(node) = self.nodes.get_mut(place as usize) {
            node.caused = node.caused.saturating_add(alerts);
            node.severity = node.severity.max(severity);
        }
    }

    /// The processes that findings are about; of several hosts, those of one.
    pub(super) fn suspects(&self, of: Option<&str>) -> Vec<u32> {
        let prefix = of.map_or_else(|| "process/".to_owned(), |host| format!("process/{host}/"));
        let suspect = |node: &Node| node.severity.is_some() && node.id.starts_with(&prefix);
        (0..).zip(&self.nodes).filter(|(_, node)| suspect(node)).map(|(place, _)| place).collect()
    }

    /// The accounts that there are; of several hosts, those of one.
    pub(super) fn accounts(&self, of: Option<&str>) -> Vec<u32> {
        let prefix = of.map_or_else(|| "account/".to_owned(), |host| format!("account/{host}/"));
        let is = |node: &Node| node.id.starts_with(&prefix);
        (0..).zip(&self.nodes).filter(|(_, node)| is(node)).map(|(place, _)| place).collect()
    }

    /// That a tie of this kind is a step of the story of an incident, both from 1.
    pub(super) fn step(&mut self, from: u32, to: u32, kind: &str, step: u32, incident: u32) {
        self.steps.entry((from, to)).or_default().push((kind.to_owned(), step));
        for place in [from, to] {
            if let Some(node) = self.nodes.get_mut(place as usize) {
                node.incident.get_or_insert(incident);
            }
        }
    }

    /// What a reader must know.
    pub fn note(&mut self, words: impl Into<String>) {
        self.notes.push(words.into());
    }

    /// All in order; no communities yet.
    #[must_use]
    pub fn finish(mut self) -> Network {
        if self.left > 0 {
            let left = self.left;
            self.notes.push(format!("{left} further ties, beyond {MOST_EDGES}, are left out"));
        }
        drop(self.places);
        let mut order: Vec<u32> = (0..).take(self.nodes.len()).collect();
        order.sort_by(|a, b| {
            let id = |place: u32| self.nodes.get(place as usize).map(|node| node.id.as_str());
            id(*a).cmp(&id(*b))
        });
        let mut moved = vec![0_u32; order.len()];
        for (new, old) in (0_u32..).zip(&order) {
            if let Some(place) = moved.get_mut(*old as usize) {
                *place = new;
            }
        }
        let to = |old: u32| moved.get(old as usize).copied().unwrap_or(old);
        let mut edges: Vec<Edge> = self
            .edges
            .into_iter()
            .map(|((from, into, kind, text), seen)| Edge {
                step: self.steps.get(&(from, into)).and_then(|steps| {
                    steps.iter().find(|(word, _)| word == kind).map(|(_, step)| *step)
                }),
                from: to(from),
                to: to(into),
                kind,
                label: self.texts.get(text as usize).cloned().unwrap_or_else(|| "".into()),
                seen,
            })
            .collect();
        edges.sort_unstable_by(|a, b| {
            (a.from, a.to, a.kind, &a.label).cmp(&(b.from, b.to, b.kind, &b.label))
        });
        let mut nodes: Vec<(u32, Node)> =
            self.nodes.into_iter().zip(&moved).map(|(n, p)| (*p, n)).collect();
        nodes.sort_unstable_by_key(|(place, _)| *place);
        let mut network = Network {
            nodes: nodes.into_iter().map(|(_, node)| node).collect(),
            edges,
            communities: Vec::new(),
            notes: self.notes,
        };
        network.weigh();
        network
    }
}

impl Network {
    /// Counts the distinct neighbours of each node.
    fn weigh(&mut self) {
        let mut pairs: HashSet<(u32, u32)> = HashSet::new();
        for edge in self.edges.iter().filter(|edge| edge.from != edge.to) {
            pairs.insert((edge.from.min(edge.to), edge.from.max(edge.to)));
        }
        for node in &mut self.nodes {
            node.weight = 0;
        }
        for (a, b) in pairs {
            for place in [a, b] {
                if let Some(node) = self.nodes.get_mut(place as usize) {
                    node.weight += 1;
                }
            }
        }
    }

    /// Divides the nodes into these communities, incidents first, then largest first; sets of fewer than two, and nodes
    /// that a set before has, are left out.
    pub fn divide(&mut self, mut communities: Vec<Community>) {
        for node in &mut self.nodes {
            node.community = None;
        }
        let mut taken = HashSet::new();
        for community in &mut communities {
            community.members.retain(|place| taken.insert(*place));
            community.members.sort_unstable();
        }
        communities.retain(|community| community.members.len() > 1);
        communities.sort_by(|a, b| {
            let rank = |one: &Community| (one.kind != "incident", Reverse(one.members.len()));
            rank(a).cmp(&rank(b)).then_with(|| a.members.cmp(&b.members))
        });
        for (number, community) in (0_u32..).zip(&communities) {
            for place in &community.members {
                if let Some(node) = self.nodes.get_mut(*place as usize) {
                    node.community = Some(number);
                }
            }
        }
        self.communities = communities;
    }
}

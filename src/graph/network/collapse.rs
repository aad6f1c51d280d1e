//! A smaller network out of a larger one: one edge a pair, one node a community.

use super::{Edge, Network, Node, Seen};
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What tells edges apart: from, to, kind and label.
type Key = (u32, u32, &'static str, Arc<str>);

impl Network {
    /// One edge for each ordered pair of nodes: kinds and labels are those that count most, and how
    /// many there are besides is told.
    #[must_use]
    pub fn simple(&self) -> Self {
        let edges = self.edges.chunk_by(|a, b| (a.from, a.to) == (b.from, b.to)).filter_map(merged);
        Self { edges: edges.collect(), ..self.clone() }
    }

    /// Each community is one node, but for those in `open`; what ties two nodes becomes one edge.
    /// Nodes of no community stay. Ties within a collapsed community are its `seen.count` alone.
    #[must_use]
    pub fn collapsed(&self, open: &BTreeSet<u32>) -> Self {
        // By id, so that the order of nodes is that of every network.
        let id = |node: &Node| match node.community {
            Some(number) if !open.contains(&number) => format!("community/{number}"),
            _ => node.id.clone(),
        };
        let ids: Vec<String> = self.nodes.iter().map(id).collect();
        let mut nodes: BTreeMap<&str, Node> = BTreeMap::new();
        for (node, id) in self.nodes.iter().zip(&ids) {
            let collapsed = node.community.filter(|number| !open.contains(number));
            let community = collapsed.and_then(|number| self.communities.get(number as usize));
            let Some(community) = community else {
                nodes.insert(id, node.clone());
                continue;
            };
            let all = nodes.entry(id).or_insert_with(|| Node {
                id: id.clone(),
                kind: "community",
                label: community.label.clone(),
                internal: node.internal,
                seen: community.seen,
                caused: 0,
                severity: None,
                weight: community.members.len() as u64,
                community: node.community,
                incident: node.incident,
                block: None,
            });
            all.caused = all.caused.saturating_add(node.caused);
            all.severity = all.severity.max(node.severity);
            if all.internal != node.internal {
                all.internal = None;
            }
        }
        let places: BTreeMap<&str, u32> = nodes.keys().copied().zip(0..).collect();
        let to: Vec<u32> =
            ids.iter().map(|id| places.get(id.as_str()).copied().unwrap_or_default()).collect();
        let mut sums: BTreeMap<Key, (Seen, Option<u32>)> = BTreeMap::new();
        for edge in &self.edges {
            let (Some(from), Some(into)) = (to.get(edge.from as usize), to.get(edge.to as usize))
            else {
                continue;
            };
            if from == into && edge.from != edge.to {
                continue;
            }
            let sum = sums.entry((*from, *into, edge.kind, Arc::clone(&edge.label))).or_default();
            sum.0.add(edge.seen);
            sum.1 = sum.1.into_iter().chain(edge.step).min();
        }
        let edges: Vec<Edge> = sums
            .into_iter()
            .map(|((from, to, kind, label), (seen, step))| Edge {
                from,
                to,
                kind,
                label,
                seen,
                step,
            })
            .collect();
        let edges =
            edges.chunk_by(|a, b| (a.from, a.to) == (b.from, b.to)).filter_map(merged).collect();
        Self {
            nodes: nodes.into_values().collect(),
            edges,
            communities: self.communities.clone(),
            notes: self.notes.clone(),
        }
    }
}

/// Edges of one pair as one.
fn merged(edges: &[Edge]) -> Option<Edge> {
    let most = edges.iter().max_by(|a, b| {
        (a.step.is_some(), a.seen.severity, a.seen.count)
            .cmp(&(b.step.is_some(), b.seen.severity, b.seen.count))
            .then(b.label.cmp(&a.label))
    })?;
    let mut one = most.clone();
    one.seen = Seen::default();
    one.step = edges.iter().filter_map(|edge| edge.step).min();
    for edge in edges {
        one.seen.add(edge.seen);
    }
    if edges.len() > 1 {
        one.label = format!("{} and {} more", most.label, edges.len() - 1).into();
    }
    Some(one)
}

//! Communities of a graph: Louvain's method on whole numbers.
//!
//! Crates that do this draw random numbers or are not kept (see docs/ARCHITECTURE.md); davy's
//! output must be the same for the same input. So: nodes are visited in their order, a node moves
//! where modularity grows most (of equals to the lowest community), weights are integers, and what
//! is compared is exact. `tests/graph_readers.rs` holds it against networkx.

use std::collections::BTreeMap;

/// Passes over all nodes on one level; each but the last betters modularity.
const PASSES: usize = 32;
/// Levels; each at least merges two communities.
const LEVELS: usize = 32;

/// Neighbours and weights of each node, without the node itself, and the weight of its own loop.
struct Weighted {
    near: Vec<Vec<(u32, i64)>>,
    own: Vec<i64>,
}

/// The community of each node, numbered by their first nodes. Edges have no direction; those of
/// one pair are summed, weights below 1 are left out, and so are ends beyond `nodes`.
#[must_use]
pub fn louvain(nodes: usize, edges: impl IntoIterator<Item = (u32, u32, i64)>) -> Vec<u32> {
    let mut of: Vec<u32> = (0..).take(nodes).collect();
    let mut graph = weighted(nodes, edges);
    for _ in 0..LEVELS {
        let (moved, better) = pass(&graph);
        if !better {
            break;
        }
        let (numbers, count) = numbered(&moved);
        for node in &mut of {
            *node = numbers.get(*node as usize).copied().unwrap_or_default();
        }
        graph = folded(&graph, &numbers, count);
    }
    numbered(&of).0
}

fn weighted(nodes: usize, edges: impl IntoIterator<Item = (u32, u32, i64)>) -> Weighted {
    let mut sums: Vec<(u32, u32, i64)> = edges
        .into_iter()
        .filter(|(a, b, weight)| *weight > 0 && (*a.max(b) as usize) < nodes)
        // No sum of as many edges as memory holds overflows.
        .map(|(a, b, weight)| (a.min(b), a.max(b), weight.min(1 << 40)))
        .collect();
    sums.sort_unstable();
    let mut graph = Weighted { near: vec![Vec::new(); nodes], own: vec![0; nodes] };
    for pair in sums.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
        let Some((a, b, _)) = pair.first().copied() else { continue };
        let weight = pair.iter().fold(0_i64, |sum, (.., weight)| sum.saturating_add(*weight));
        graph.add(a, b, weight);
    }
    graph
}

impl Weighted {
    fn add(&mut self, a: u32, b: u32, weight: i64) {
        if a == b {
            if let Some(own) = self.own.get_mut(a as usize) {
                *own = own.saturating_add(weight);
            }
            return;
        }
        for (from, to) in [(a, b), (b, a)] {
            if let Some(near) = self.near.get_mut(from as usize) {
                near.push((to, weight));
            }
        }
    }

    /// Twice a node's loop and the weights of its edges.
    fn degree(&self, node: usize) -> i64 {
        let near = self.near.get(node).into_iter().flatten();
        let sum = near.fold(0_i64, |sum, (_, weight)| sum.saturating_add(*weight));
        sum.saturating_add(self.own.get(node).copied().unwrap_or(0).saturating_mul(2))
    }
}

/// Moves nodes until no move betters modularity.
fn pass(graph: &Weighted) -> (Vec<u32>, bool) {
    let nodes = graph.near.len();
    let mut of: Vec<u32> = (0..).take(nodes).collect();
    let degrees: Vec<i64> = (0..nodes).map(|node| graph.degree(node)).collect();
    let all: i128 = degrees.iter().map(|degree| i128::from(*degree)).sum();
    // Degrees of each community together.
    let mut weight: Vec<i64> = degrees.clone();
    let mut into: Vec<i64> = vec![0; nodes];
    let mut touched: Vec<u32> = Vec::new();
    let mut better = false;
    for _ in 0..PASSES {
        let mut moves = 0;
        for node in 0..nodes {
            let (Some(home), Some(degree)) = (of.get(node).copied(), degrees.get(node).copied())
            else {
                continue;
            };
            touched.push(home);
            for (other, tie) in graph.near.get(node).into_iter().flatten() {
                let Some(there) = of.get(*other as usize).copied() else { continue };
                if let Some(sum) = into.get_mut(there as usize) {
                    if *sum == 0 {
                        touched.push(there);
                    }
                    *sum = sum.saturating_add(*tie);
                }
            }
            if let Some(own) = weight.get_mut(home as usize) {
                *own -= degree;
            }
            // What modularity gains, times all² / 2: exact in whole numbers.
            let gain = |community: u32| {
                let tie = into.get(community as usize).copied().unwrap_or(0);
                let with = weight.get(community as usize).copied().unwrap_or(0);
                i128::from(tie) * all - i128::from(degree) * i128::from(with)
            };
            touched.sort_unstable();
            touched.dedup();
            let stay = gain(home);
            let best = touched
                .iter()
                .map(|community| (gain(*community), *community))
                .reduce(|best, one| if one.0 > best.0 { one } else { best })
                .filter(|(gain, _)| *gain > stay)
                .map_or(home, |(_, community)| community);
            if let Some(there) = weight.get_mut(best as usize) {
                *there += degree;
            }
            if best != home
                && let Some(place) = of.get_mut(node)
            {
                *place = best;
                moves += 1;
            }
            for community in touched.drain(..) {
                if let Some(sum) = into.get_mut(community as usize) {
                    *sum = 0;
                }
            }
        }
        better |= moves > 0;
        if moves == 0 {
            break;
        }
    }
    (of, better)
}

/// Communities numbered in the order of their first nodes, and how many there are.
fn numbered(of: &[u32]) -> (Vec<u32>, usize) {
    let mut numbers: BTreeMap<u32, u32> = BTreeMap::new();
    let mut next = 0_u32;
    let numbered = of
        .iter()
        .map(|community| {
            *numbers.entry(*community).or_insert_with(|| {
                next += 1;
                next - 1
            })
        })
        .collect();
    (numbered, next as usize)
}

/// Each community as one node.
fn folded(graph: &Weighted, numbers: &[u32], count: usize) -> Weighted {
    let number = |node: usize| numbers.get(node).copied().unwrap_or_default();
    let mut edges: Vec<(u32, u32, i64)> = Vec::new();
    for (node, near) in graph.near.iter().enumerate() {
        if let Some(own) = graph.own.get(node).filter(|own| **own > 0) {
            edges.push((number(node), number(node), *own));
        }
        for (other, weight) in near.iter().filter(|(other, _)| node < *other as usize) {
            edges.push((number(node), number(*other as usize), *weight));
        }
    }
    weighted(count, edges)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_cliques_with_a_bridge_are_two() {
        let clique = |from: u32| {
            (from..from + 4).flat_map(move |a| (a + 1..from + 4).map(move |b| (a, b, 3)))
        };
        let edges: Vec<_> = clique(0).chain(clique(4)).chain([(3, 4, 1)]).collect();
        assert_eq!(louvain(8, edges), [0, 0, 0, 0, 1, 1, 1, 1]);
    }

    #[test]
    fn loops_stars_and_nothing() {
        assert_eq!(louvain(0, []), Vec::<u32>::new());
        assert_eq!(louvain(1, [(0, 0, 5)]), [0]);
        assert_eq!(louvain(3, []), [0, 1, 2], "who is tied to nobody is alone");
        assert_eq!(louvain(2, [(0, 9, 1), (1, 0, -3)]), [0, 1], "ends and weights that are none");
        let star = louvain(100_001, (1..=100_000).map(|leaf| (0, leaf, 1)));
        assert!(star.iter().all(|community| *community == 0));
        let huge = louvain(3, [(0, 1, i64::MAX), (1, 2, i64::MAX)]);
        assert_eq!(huge.len(), 3);
    }
}

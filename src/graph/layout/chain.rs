//! An incident as boxes in columns.
//!
//! Two things make it a path that can be followed. A file stands before the process that it became:
//! *crond dropped rsyslogd-worker, which runs as pid 12*. And what a process names in its memory
//! because a file that it runs or holds names it is drawn from the file alone.

use super::super::network::Network;
use super::layers::layers;
use std::collections::{BTreeMap, BTreeSet};

/// Width and height of a box.
pub const BOX: (f64, f64) = (184.0, 66.0);
/// Between two columns: the arrow's word must fit.
const ACROSS: f64 = 108.0;
const DOWN: f64 = 26.0;

/// Boxes in columns, and the arrows between them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chain {
    /// The community that it draws.
    pub community: Option<u32>,
    /// Left edge.
    pub x: f64,
    /// Upper edge.
    pub y: f64,
    /// Of the whole chain.
    pub width: f64,
    /// Of the whole chain.
    pub height: f64,
    /// Its nodes.
    pub boxes: Vec<Boxed>,
    /// What joins them.
    pub ways: Vec<Way>,
}

/// A box.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Boxed {
    /// Place of the node in the network.
    pub node: u32,
    /// Left edge.
    pub x: f64,
    /// Upper edge.
    pub y: f64,
}

/// An arrow: one a pair of nodes and direction.
#[derive(Clone, Debug, PartialEq)]
pub struct Way {
    /// The network's edges that it stands for, by their places.
    pub edges: Vec<u32>,
    /// From the edge of a box, through the room kept for it, to the edge of the other.
    pub points: Vec<(f64, f64)>,
}

impl Chain {
    /// Moves all of it.
    pub fn shift(&mut self, x: f64, y: f64) {
        self.x += x;
        self.y += y;
        for one in &mut self.boxes {
            one.x += x;
            one.y += y;
        }
        for point in self.ways.iter_mut().flat_map(|way| &mut way.points) {
            point.0 += x;
            point.1 += y;
        }
    }
}

/// The kind of edge that is drawn against its direction.
const RUNS: &str = "runs";

/// What a process has to do with what a file names: it runs, holds or maps that file.
fn from_files(network: &Network, members: &BTreeMap<u32, usize>) -> BTreeSet<(u32, u32)> {
    let mut named: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for edge in network.edges.iter().filter(|edge| edge.kind == "names in file") {
        if members.contains_key(&edge.from) {
            named.entry(edge.from).or_default().push(edge.to);
        }
    }
    let has = |kind: &str| matches!(kind, RUNS | "holds open" | "maps" | "preloads");
    let held = network.edges.iter().filter(|edge| has(edge.kind));
    held.flat_map(|edge| named.get(&edge.to).into_iter().flatten().map(|what| (edge.from, *what)))
        .collect()
}

/// Draws these nodes of a network, and the edges among them, from the corner (0, 0).
#[must_use]
pub fn chain(network: &Network, community: Option<u32>, members: &[u32]) -> Chain {
    let numbers: BTreeMap<u32, usize> = members.iter().copied().zip(0..).collect();
    let from_files = from_files(network, &numbers);
    let mut pairs: BTreeMap<(usize, usize), Vec<u32>> = BTreeMap::new();
    for (place, edge) in (0..).zip(&network.edges) {
        if let (Some(from), Some(to)) = (numbers.get(&edge.from), numbers.get(&edge.to))
            && from != to
            && !(edge.kind == "names in memory" && from_files.contains(&(edge.from, edge.to)))
        {
            let pair = if edge.kind == RUNS { (*to, *from) } else { (*from, *to) };
            pairs.entry(pair).or_default().push(place);
        }
    }
    let directed: Vec<(usize, usize)> = pairs.keys().copied().collect();
    let drawn = layers(members.len(), &directed, BOX.1, DOWN);
    let left =
        |column: usize| f64::from(u32::try_from(column).unwrap_or(u32::MAX)) * (BOX.0 + ACROSS);
    let boxes: Vec<Boxed> = members
        .iter()
        .zip(&drawn.spots)
        .map(|(node, spot)| Boxed { node: *node, x: left(spot.column), y: spot.y - BOX.1 / 2.0 })
        .collect();
    let ways: Vec<Way> = directed
        .iter()
        .zip(pairs.into_values())
        .zip(&drawn.ways)
        .filter_map(|(((from, to), edges), between)| {
            let (a, b) = (drawn.spots.get(*from)?, drawn.spots.get(*to)?);
            let forward = a.column <= b.column;
            let (first, last) = if forward { (a, b) } else { (b, a) };
            let mut points = vec![(left(first.column) + BOX.0, first.y)];
            for spot in between {
                points.push((left(spot.column), spot.y));
                points.push((left(spot.column) + BOX.0, spot.y));
            }
            // Two boxes of one column are joined on their right.
            let in_column = if first.column == last.column { BOX.0 } else { 0.0 };
            points.push((left(last.column) + in_column, last.y));
            if !forward {
                points.reverse();
            }
            Some(Way { edges, points })
        })
        .collect();
    let lowest = ways.iter().flat_map(|way| &way.points).map(|point| point.1 + DOWN);
    let width = boxes.iter().map(|b| b.x + BOX.0).fold(0.0, f64::max);
    let height = boxes.iter().map(|b| b.y + BOX.1).chain(lowest).fold(0.0, f64::max);
    Chain { community, x: 0.0, y: 0.0, width, height, boxes, ways }
}

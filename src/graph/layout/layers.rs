//! Boxes in columns from left to right, each to the right of what led to it: an incident's chain.
//!
//! Layers by the longest way from a beginning; ties across several columns pass through room that
//! is kept for them; order within a column by the middle of the neighbours, swept to and fro.
//! A crate for this (rust-sugiyama 0.4) was tried and did not end on some graphs of sixty nodes.

use std::collections::BTreeMap;

/// A box's middle, in columns and pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spot {
    /// Column, from the left.
    pub(super) column: usize,
    /// Middle, in pixels from the top.
    pub(super) y: f64,
}

/// What [`layers`] gives: a spot a node, and for each edge the heights it passes between columns.
pub(super) struct Layers {
    pub(super) spots: Vec<Spot>,
    /// For each edge, the spots between its ends, in order from its left end.
    pub(super) ways: Vec<Vec<Spot>>,
}

/// Turns of ordering.
const SWEEPS: usize = 12;

/// Places `count` nodes, each `height` high with `gap` between, by their directed edges.
pub(super) fn layers(count: usize, edges: &[(usize, usize)], height: f64, gap: f64) -> Layers {
    let columns = columns(count, edges);
    let mut graph = Graph::new(&columns, edges);
    for sweep in 0..SWEEPS {
        graph.order(sweep % 2 == 0);
    }
    graph.heights(height, gap);
    let spot = |node: usize| Spot {
        column: graph.column.get(node).copied().unwrap_or_default(),
        y: graph.y.get(node).copied().unwrap_or_default(),
    };
    Layers {
        spots: (0..count).map(spot).collect(),
        ways: graph.ways.iter().map(|way| way.iter().map(|node| spot(*node)).collect()).collect(),
    }
}

/// Each node's column: one more than the furthest of those that lead to it. Where all that is left
/// leads in circles, the first of the rest begins.
fn columns(count: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let mut column = vec![0_usize; count];
    let mut waits = vec![0_usize; count];
    let mut leads: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (from, to) in edges.iter().filter(|(from, to)| from != to) {
        if let (Some(waits), Some(leads)) = (waits.get_mut(*to), leads.get_mut(*from)) {
            *waits += 1;
            leads.push(*to);
        }
    }
    let mut done = vec![false; count];
    let mut ready: Vec<usize> = (0..count).rev().filter(|n| waits.get(*n) == Some(&0)).collect();
    for _ in 0..count {
        let free = |n: &usize| done.get(*n) == Some(&false);
        let next = ready.pop().or_else(|| {
            (0..count).filter(free).min_by_key(|n| waits.get(*n).copied().unwrap_or_default())
        });
        let Some(node) = next else { break };
        if let Some(done) = done.get_mut(node) {
            *done = true;
        }
        let after = column.get(node).copied().unwrap_or_default() + 1;
        for to in leads.get(node).into_iter().flatten() {
            if done.get(*to) != Some(&false) {
                continue;
            }
            if let Some(column) = column.get_mut(*to) {
                *column = (*column).max(after);
            }
            if let Some(waits) = waits.get_mut(*to) {
                *waits -= 1;
                if *waits == 0 {
                    ready.push(*to);
                }
            }
        }
    }
    // A beginning stands just before the first it leads to, not at the far left.
    for node in 0..count {
        let led_to = edges.iter().any(|(from, to)| *to == node && from != to);
        let nearest = leads.get(node).into_iter().flatten().filter_map(|to| column.get(*to)).min();
        if let (false, Some(nearest)) = (led_to, nearest.copied())
            && let Some(column) = column.get_mut(node)
        {
            *column = (*column).max(nearest.saturating_sub(1));
        }
    }
    column
}

/// Nodes and the stand-ins that keep room for long edges.
struct Graph {
    column: Vec<usize>,
    /// Height of the middle.
    y: Vec<f64>,
    /// Nodes of each column, top first.
    rows: Vec<Vec<usize>>,
    /// Neighbours in the column before, and in the one behind.
    before: BTreeMap<usize, Vec<usize>>,
    behind: BTreeMap<usize, Vec<usize>>,
    ways: Vec<Vec<usize>>,
}

impl Graph {
    fn new(columns: &[usize], edges: &[(usize, usize)]) -> Self {
        let mut graph = Self {
            column: columns.to_vec(),
            y: Vec::new(),
            rows: Vec::new(),
            before: BTreeMap::new(),
            behind: BTreeMap::new(),
            ways: Vec::new(),
        };
        for (from, to) in edges {
            let (Some(a), Some(b)) = (columns.get(*from), columns.get(*to)) else {
                graph.ways.push(Vec::new());
                continue;
            };
            let (left, right) = if a <= b { (*from, *to) } else { (*to, *from) };
            let mut way = Vec::new();
            let mut last = left;
            for column in a.min(b) + 1..*a.max(b) {
                let stand_in = graph.column.len();
                graph.column.push(column);
                graph.join(last, stand_in);
                way.push(stand_in);
                last = stand_in;
            }
            if a != b {
                graph.join(last, right);
            }
            graph.ways.push(way);
        }
        let most = graph.column.iter().copied().max().map_or(0, |column| column + 1);
        graph.rows = vec![Vec::new(); most];
        for (node, column) in graph.column.iter().enumerate() {
            if let Some(row) = graph.rows.get_mut(*column) {
                row.push(node);
            }
        }
        graph.y = vec![0.0; graph.column.len()];
        graph.number();
        graph
    }

    fn join(&mut self, left: usize, right: usize) {
        self.behind.entry(left).or_default().push(right);
        self.before.entry(right).or_default().push(left);
    }

    /// Heights are the place in the column while the order is looked for.
    fn number(&mut self) {
        for row in &self.rows {
            for (at, node) in row.iter().enumerate() {
                if let Some(y) = self.y.get_mut(*node) {
                    *y = f64::from(u32::try_from(at).unwrap_or(u32::MAX));
                }
            }
        }
    }

    fn middle(&self, node: usize, of: &BTreeMap<usize, Vec<usize>>) -> Option<f64> {
        let of = of.get(&node)?;
        let sum: f64 = of.iter().filter_map(|other| self.y.get(*other)).sum();
        Some(sum / f64::from(u32::try_from(of.len()).unwrap_or(u32::MAX)))
    }

    fn order(&mut self, forward: bool) {
        let mut turn: Vec<usize> = (0..self.rows.len()).collect();
        if !forward {
            turn.reverse();
        }
        for at in turn {
            let side = if forward { &self.before } else { &self.behind };
            let mut row = self.rows.get(at).cloned().unwrap_or_default();
            let own = |node: usize| self.y.get(node).copied().unwrap_or_default();
            row.sort_by(|a, b| {
                let key = |n: usize| self.middle(n, side).unwrap_or_else(|| own(n));
                key(*a).total_cmp(&key(*b)).then(own(*a).total_cmp(&own(*b)))
            });
            if let Some(place) = self.rows.get_mut(at) {
                *place = row;
            }
            self.number();
        }
    }

    /// From places in columns to pixels: each as near to the middle of its neighbours as those
    /// above and below it let it be.
    fn heights(&mut self, height: f64, gap: f64) {
        let pitch = height + gap;
        for y in &mut self.y {
            *y *= pitch;
        }
        for sweep in 0..SWEEPS * 2 {
            for at in 0..self.rows.len() {
                let at = if sweep % 2 == 0 { at } else { self.rows.len() - 1 - at };
                let row = self.rows.get(at).cloned().unwrap_or_default();
                let wish: Vec<f64> = row
                    .iter()
                    .map(|node| {
                        let sides =
                            [self.middle(*node, &self.before), self.middle(*node, &self.behind)];
                        let known: Vec<f64> = sides.into_iter().flatten().collect();
                        let own = self.y.get(*node).copied().unwrap_or_default();
                        match known.as_slice() {
                            [] => own,
                            [one] => *one,
                            many => many.iter().sum::<f64>() / 2.0,
                        }
                    })
                    .collect();
                for (node, y) in row.iter().zip(stacked(&wish, pitch)) {
                    if let Some(place) = self.y.get_mut(*node) {
                        *place = y;
                    }
                }
            }
        }
        let top = self.y.iter().copied().fold(f64::MAX, f64::min);
        for y in &mut self.y {
            *y += height / 2.0 - top;
        }
    }
}

/// As near to what each wishes as `pitch` between two allows, their order kept: runs of those that
/// press on each other move as one block to the mean of what its members wish.
fn stacked(wish: &[f64], pitch: f64) -> Vec<f64> {
    // Each block: first wish less its offset, summed; how many.
    let mut blocks: Vec<(f64, f64)> = Vec::new();
    for (at, y) in wish.iter().enumerate() {
        let offset = f64::from(u32::try_from(at).unwrap_or(u32::MAX)) * pitch;
        blocks.push((y - offset, 1.0));
        while let [.., (a, n), (b, m)] = blocks.as_slice() {
            if a / n <= b / m {
                break;
            }
            let joined = (a + b, n + m);
            blocks.pop();
            if let Some(last) = blocks.last_mut() {
                *last = joined;
            }
        }
    }
    let mut out = Vec::with_capacity(wish.len());
    for (sum, many) in blocks {
        let mut left = many;
        while left > 0.5 {
            let offset = f64::from(u32::try_from(out.len()).unwrap_or(u32::MAX)) * pitch;
            out.push(sum / many + offset);
            left -= 1.0;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_graph_ends_with_no_box_on_another(
            count in 1_usize..40,
            edges in proptest::collection::vec((0_usize..40, 0_usize..40), 0..90),
        ) {
            let edges: Vec<_> = edges.into_iter().filter(|(a, b)| *a < count && *b < count).collect();
            let drawn = layers(count, &edges, 60.0, 20.0);
            prop_assert_eq!(drawn.spots.len(), count);
            prop_assert_eq!(drawn.ways.len(), edges.len());
            for (at, a) in drawn.spots.iter().enumerate() {
                for b in drawn.spots.iter().skip(at + 1).filter(|b| b.column == a.column) {
                    prop_assert!((a.y - b.y).abs() >= 79.9, "{:?}", drawn.spots);
                }
            }
        }
    }

    #[test]
    fn a_chain_is_a_straight_line_and_a_branch_stands_beside_it() {
        let drawn = layers(4, &[(0, 1), (1, 2), (0, 3)], 60.0, 20.0);
        let columns: Vec<usize> = drawn.spots.iter().map(|spot| spot.column).collect();
        assert_eq!(columns, [0, 1, 2, 1]);
        let chain = layers(3, &[(0, 1), (1, 2)], 60.0, 20.0);
        assert!(chain.spots.iter().all(|spot| (spot.y - 30.0).abs() < 0.01));
    }

    #[test]
    fn circles_end() {
        let drawn = layers(3, &[(0, 1), (1, 2), (2, 0), (1, 1)], 60.0, 20.0);
        let columns: Vec<usize> = drawn.spots.iter().map(|spot| spot.column).collect();
        assert_eq!(columns, [0, 1, 2]);
    }
}

//! An incident's chain as boxes and arrows: in the picture, and in the case's page.

pub(in crate::report) use super::drawing::Px;
use super::label::{Room, Taken, broken};
use super::words;
use crate::graph::layout::{BOX, Chain, Way};
use crate::graph::network::Network;

/// Letters of a label's line that fit into a box, and lines.
const LETTERS: (usize, usize) = (21, 3);
/// Width of a letter of an arrow's word, and the height of its line.
const WORD: (f64, f64) = (6.7, 13.0);

/// A box of a chain.
pub(in crate::report) struct Boxed {
    pub(in crate::report) x: Px,
    pub(in crate::report) y: Px,
    pub(in crate::report) kind: &'static str,
    pub(in crate::report) class: String,
    pub(in crate::report) lines: Vec<Text>,
    pub(in crate::report) kind_at: (Px, Px),
    pub(in crate::report) title: String,
}

/// An arrow of a chain, with its word.
pub(in crate::report) struct Arrow {
    pub(in crate::report) path: String,
    pub(in crate::report) word: Text,
    pub(in crate::report) title: String,
}

/// A line of text.
pub(in crate::report) struct Text {
    pub(in crate::report) x: Px,
    pub(in crate::report) y: Px,
    pub(in crate::report) class: &'static str,
    pub(in crate::report) text: String,
}

/// The boxes of a chain, and the arrows between them.
pub(in crate::report) fn boxes(network: &Network, chain: &Chain) -> (Vec<Boxed>, Vec<Arrow>) {
    let mut taken = Taken::default();
    for one in &chain.boxes {
        taken.take((one.x, one.y, one.x + BOX.0, one.y + BOX.1));
    }
    let arrows = chain.ways.iter().map(|way| arrow(network, way, &mut taken)).collect();
    let boxed = chain.boxes.iter().filter_map(|one| {
        let node = network.node(one.node)?;
        let line = |(number, text): (usize, String)| {
            let down = 33.0 + 14.0 * f64::from(u8::try_from(number).unwrap_or_default());
            Text { x: Px(one.x + 9.0), y: Px(one.y + down), class: "in", text }
        };
        let lines = broken(&node.label, LETTERS.0, LETTERS.1);
        Some(Boxed {
            x: Px(one.x),
            y: Px(one.y),
            kind: node.kind,
            class: format!("k-{} {}", node.kind, node.severity.map_or("", |level| level.word())),
            lines: lines.into_iter().enumerate().map(line).collect(),
            kind_at: (Px(one.x + 9.0), Px(one.y + 17.0)),
            title: words::node(node),
        })
    });
    (boxed.collect(), arrows)
}

fn arrow(network: &Network, way: &Way, taken: &mut Taken) -> Arrow {
    let edges = way.edges.iter().filter_map(|edge| network.edges.get(*edge as usize));
    let (kinds, sentences): (Vec<&str>, Vec<String>) =
        edges.map(|edge| (drawn(edge.kind), words::edge(&edge.label))).unzip();
    let mut kinds = once(kinds);
    // Who speaks to an address has its name in memory, too.
    if kinds.contains(&"connects to") {
        kinds.retain(|kind| !kind.starts_with("names in"));
    }
    let text = kinds.join(", ");
    let half = f64::from(u16::try_from(text.chars().count()).unwrap_or(u16::MAX)) * WORD.0 / 2.0;
    let (path, spots) = curve(&way.points);
    let rooms: Vec<Room> =
        spots.iter().map(|(x, y)| (x - half, y - 4.0 - WORD.1, x + half, y - 4.0)).collect();
    let at = taken.first_free(&rooms).unwrap_or_default();
    let (x, y) = spots.get(at).copied().unwrap_or_default();
    let word = Text { x: Px(x), y: Px(y - 7.0), class: "word", text };
    Arrow { path, word, title: once(sentences).join("\n") }
}

/// The word on an arrow. A program's file stands before its process, and its arrow runs that way.
fn drawn(kind: &'static str) -> &'static str {
    if kind == "runs" { "runs as" } else { kind }
}

fn once<T: PartialEq>(mut all: Vec<T>) -> Vec<T> {
    all.dedup();
    all
}

/// A path through points, level at each of them, and where on it a word may stand, best first.
fn curve(points: &[(f64, f64)]) -> (String, Vec<(f64, f64)>) {
    use std::fmt::Write;
    let mut path = String::new();
    let mut spots = Vec::new();
    for (at, pair) in points.windows(2).enumerate() {
        let [(ax, ay), (bx, by)] = *pair else { continue };
        if at == 0 {
            let _ = write!(path, "M{},{}", Px(ax), Px(ay));
        }
        let half = (bx - ax) / 2.0;
        // In one column: out to the right and back.
        let (c, d) = if half.abs() < 1.0 { (ax + 52.0, bx + 52.0) } else { (ax + half, bx - half) };
        let _ = write!(path, " C{},{} {},{} {},{}", Px(c), Px(ay), Px(d), Px(by), Px(bx), Px(by));
        // Nearer to its end first, where arrows of one box have parted.
        spots.extend([0.62, 0.74, 0.5, 0.86, 0.38, 0.26, 0.14].map(|t: f64| {
            let s = 1.0 - t;
            let weights = (s * s * s, 3.0 * s * s * t, 3.0 * s * t * t, t * t * t);
            let x = weights.0 * ax + weights.1 * c + weights.2 * d + weights.3 * bx;
            (x, (weights.0 + weights.1) * ay + (weights.2 + weights.3) * by)
        }));
    }
    (path, spots)
}

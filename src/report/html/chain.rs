//! The story as a drawing: a tree from left to right, each incident its own.

use super::super::escape::visible;
use crate::graph::Step;
use std::collections::BTreeMap;

const WIDTH: i32 = 176;
const HEIGHT: i32 = 66;
const GAP: i32 = 106;
const LINE: i32 = 22;
/// Characters of the label's font that fit into a box.
const LETTERS: usize = 21;
const LABEL_LINES: usize = 3;

/// An incident, drawn.
pub(super) struct Chain {
    pub(super) number: usize,
    pub(super) width: i32,
    pub(super) height: i32,
    pub(super) boxes: Vec<Node>,
    pub(super) arrows: Vec<Arrow>,
}

/// A box.
pub(super) struct Node {
    pub(super) kind: String,
    pub(super) full: String,
    pub(super) lines: Vec<(i32, String)>,
    pub(super) x: i32,
    pub(super) y: i32,
    pub(super) text_x: i32,
    pub(super) kind_y: i32,
}

/// An arrow between boxes.
pub(super) struct Arrow {
    pub(super) path: String,
    pub(super) word: String,
    pub(super) x: i32,
    pub(super) y: i32,
    /// It joins what the tree has placed already.
    pub(super) across: bool,
}

#[derive(Default)]
struct Tree<'a> {
    /// In order of appearance.
    nodes: Vec<&'a str>,
    labels: BTreeMap<&'a str, &'a str>,
    children: BTreeMap<&'a str, Vec<&'a str>>,
    roots: Vec<&'a str>,
    /// From, to, words, whether it crosses the tree.
    arrows: Vec<(&'a str, &'a str, Vec<&'a str>, bool)>,
}

impl<'a> Tree<'a> {
    fn add(&mut self, step: &'a Step) {
        let (from, to) = (step.from_node.as_str(), step.to_node.as_str());
        let word = step.edge.as_str();
        if let Some(arrow) = self.arrows.iter_mut().find(|a| a.0 == from && a.1 == to) {
            if !arrow.2.contains(&word) {
                arrow.2.push(word);
            }
            return;
        }
        let (known_from, known_to) = (self.labels.contains_key(from), self.labels.contains_key(to));
        if !known_from {
            self.labels.insert(from, &step.from);
            self.nodes.push(from);
        }
        if !self.labels.contains_key(to) {
            self.labels.insert(to, &step.to);
            self.nodes.push(to);
        }
        match (known_from, known_to) {
            (false, true) => self.children.entry(to).or_default().push(from),
            (true, false) => self.children.entry(from).or_default().push(to),
            (false, false) => {
                self.roots.push(from);
                if from != to {
                    self.children.entry(from).or_default().push(to);
                }
            }
            (true, true) => {}
        }
        self.arrows.push((from, to, vec![word], known_from && known_to));
    }

    /// Column and row of every node: children to the right, the first on its parent's row.
    fn places(&self) -> BTreeMap<&'a str, (i32, i32)> {
        let mut places = BTreeMap::new();
        let mut row = 0;
        for root in &self.roots {
            // Depth first without recursion: a story can be a long chain.
            let mut waiting = vec![(*root, 0, true)];
            while let Some((node, column, first)) = waiting.pop() {
                if !first {
                    row += 1;
                }
                places.insert(node, (column, row));
                let below = self.children.get(node).map_or(&[][..], Vec::as_slice);
                let below = below.iter().enumerate().rev();
                waiting.extend(below.map(|(number, child)| (*child, column + 1, number == 0)));
            }
            row += 1;
        }
        places
    }
}

/// Draws each incident of a story.
pub(super) fn chains(story: &[Step]) -> Vec<Chain> {
    let mut by_incident: BTreeMap<usize, Vec<&Step>> = BTreeMap::new();
    for step in story {
        by_incident.entry(step.incident).or_default().push(step);
    }
    by_incident.into_iter().map(|(number, steps)| draw(number, &steps)).collect()
}

/// Room on the right for arrows between boxes of the last column, which bend outwards.
const MARGIN: i32 = 60;

fn draw(number: usize, steps: &[&Step]) -> Chain {
    let mut tree = Tree::default();
    // The lead hangs on what it concerns, which the story places.
    for step in steps.iter().filter(|step| step.edge != "concerns") {
        tree.add(step);
    }
    for step in steps.iter().filter(|step| step.edge == "concerns") {
        tree.add(step);
    }
    let places = tree.places();
    let corner = |node: &str| {
        let (column, row) = places.get(node).copied().unwrap_or_default();
        (column * (WIDTH + GAP) + 2, row * (HEIGHT + LINE) + 2)
    };
    let boxes: Vec<Node> = tree
        .nodes
        .iter()
        .map(|node| {
            let (x, y) = corner(node);
            let label = tree.labels.get(node).copied().unwrap_or_default();
            boxed(node, label, x, y)
        })
        .collect();
    let arrows = tree
        .arrows
        .iter()
        .map(|(from, to, words, across)| arrow(corner(from), corner(to), words, *across))
        .collect();
    let right = boxes.iter().map(|node| node.x).max().unwrap_or(0);
    let bottom = boxes.iter().map(|node| node.y).max().unwrap_or(0);
    Chain { number, width: right + WIDTH + MARGIN, height: bottom + HEIGHT + 4, boxes, arrows }
}

fn boxed(node: &str, label: &str, x: i32, y: i32) -> Node {
    let kind = node.split('/').next().unwrap_or_default();
    const KINDS: [&str; 8] =
        ["process", "file", "address", "name", "url", "wallet", "persistence", "lead"];
    let kind = KINDS.iter().find(|known| **known == kind).copied().unwrap_or("other");
    // One address may be reached at several ports; the arrows and the list below name them.
    let label = node.strip_prefix("address/").unwrap_or(label);
    let full = visible(label);
    let mut lines = Vec::new();
    let mut at = y + 33;
    for line in broken(&full) {
        lines.push((at, line));
        at += 14;
    }
    Node {
        kind: kind.to_owned(),
        full: super::super::escape::visible_within(label, 400),
        lines,
        x,
        y,
        text_x: x + 9,
        kind_y: y + 17,
    }
}

/// A label in lines that fit: broken after `/` or a space where that is near, cut with `…`.
fn broken(label: &str) -> Vec<String> {
    let mut rest: Vec<char> = label.chars().collect();
    let mut lines = Vec::new();
    while !rest.is_empty() && lines.len() < LABEL_LINES {
        let last = lines.len() + 1 == LABEL_LINES;
        let take = if rest.len() <= LETTERS {
            rest.len()
        } else if last {
            LETTERS.saturating_sub(1)
        } else {
            let near = rest.iter().take(LETTERS).rposition(|c| matches!(c, '/' | ' ' | '-' | '.'));
            near.filter(|at| *at > LETTERS / 2).map_or(LETTERS, |at| at.saturating_add(1))
        };
        let tail = rest.split_off(take.min(rest.len()));
        let mut line: String = rest.iter().collect();
        if last && !tail.is_empty() {
            line.push('…');
        }
        lines.push(line);
        rest = tail;
    }
    lines
}

fn arrow(from: (i32, i32), to: (i32, i32), words: &[&str], across: bool) -> Arrow {
    let middle = HEIGHT / 2;
    let (fy, ty) = (from.1 + middle, to.1 + middle);
    let (start, end, bend) = if from.0 < to.0 {
        (from.0 + WIDTH, to.0 - 3, GAP / 2)
    } else if from.0 > to.0 {
        (from.0, to.0 + WIDTH + 3, -GAP / 2)
    } else {
        // In one column: out to the right and back.
        (from.0 + WIDTH, to.0 + WIDTH + 3, GAP / 2)
    };
    let out = if from.0 == to.0 { end + bend } else { end - bend };
    let path = format!("M{start},{fy} C{},{fy} {out},{ty} {end},{ty}", start + bend);
    // Beside the box that has the row to itself, so that words of one parent do not meet.
    let x = if from.0 == to.0 {
        start + bend
    } else if from.0 < to.0 {
        to.0 - GAP / 2
    } else {
        from.0 - GAP / 2
    };
    let y = if from.0 > to.0 { fy } else { ty };
    // A crossing one has its word near its end, clear of the tree's own.
    let y = if across { ty + (fy - ty) / 4 } else { y };
    Arrow { path, word: visible(&words.join(", ")), x, y: y - 7, across }
}

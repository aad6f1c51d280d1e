//! The story as a drawing: each incident its own chain of boxes, from left to right.

use super::super::graph::boxes::{Arrow, Boxed, Px, boxes};
use crate::graph::layout::chain;
use crate::graph::network::{Builder, Seen};
use crate::graph::{Step, word};
use crate::judge::Ranges;
use std::collections::{BTreeMap, BTreeSet};

/// An incident, drawn.
pub(super) struct Chain {
    pub(super) number: usize,
    pub(super) width: Px,
    pub(super) height: Px,
    /// In a narrower window than this it is not made smaller still: one pans.
    pub(super) least: Px,
    pub(super) boxes: Vec<Boxed>,
    pub(super) arrows: Vec<Arrow>,
}

/// Room around it, for words beside boxes.
const MARGIN: f64 = 20.0;

/// Draws each incident of a story.
pub(super) fn chains(story: &[Step]) -> Vec<Chain> {
    let mut by_incident: BTreeMap<usize, Vec<&Step>> = BTreeMap::new();
    for step in story {
        by_incident.entry(step.incident).or_default().push(step);
    }
    by_incident.into_iter().map(|(number, steps)| draw(number, &steps)).collect()
}

fn draw(number: usize, steps: &[&Step]) -> Chain {
    let mut builder = Builder::within(Ranges::default());
    let mut order: Vec<&str> = Vec::new();
    let mut known = BTreeSet::new();
    for step in steps {
        let mut end = |id, label| {
            if known.insert(id) {
                order.push(id);
            }
            builder.node(id, named(id, label))
        };
        let (from, to) = (end(&step.from_node, &step.from), end(&step.to_node, &step.to));
        builder.edge(from, to, word(&step.edge), &step.because, Seen::default());
    }
    let network = builder.finish();
    // In the order of the story, so that what came first stands above.
    let place = |id: &&str| network.nodes.binary_search_by(|node| node.id.as_str().cmp(id)).ok();
    let members: Vec<u32> =
        order.iter().filter_map(place).filter_map(|at| u32::try_from(at).ok()).collect();
    let mut drawn = chain(&network, None, &members);
    drawn.shift(MARGIN, MARGIN);
    let (boxes, arrows) = boxes(&network, &drawn);
    let (width, height) = (drawn.width + 2.0 * MARGIN, drawn.height + 2.0 * MARGIN);
    let (height, least) = (Px(height), Px(width * 0.6));
    Chain { number, width: Px(width), height, least, boxes, arrows }
}

/// One address may be reached at several ports; the arrows and the list below name them.
fn named<'a>(id: &'a str, label: &'a str) -> &'a str {
    id.strip_prefix("address/").unwrap_or(label)
}

//! Where everything of a network stands in a picture of it, in pixels.
//!
//! An incident is a [`Chain`]: boxes in columns, each to the right of what led to it. All else are
//! [`Disk`]s: each community fills one, whose area is as its members are many, whether it is drawn
//! collapsed or open; so opening one moves nothing. Tied disks are near to each other, and none is
//! on another. What belongs to no community stands on its own where there is little of it, and is
//! one disk more where there is much.

mod chain;
mod disk;
mod force;
mod layers;

pub use chain::{BOX, Boxed, Chain, Way, chain};
pub use disk::{Disk, Spot};

use super::network::Network;

/// Nodes that are drawn at once; with more, communities are drawn collapsed.
pub const OPEN_AT_ONCE: usize = 300;
/// Nodes that a picture holds at all; the least tied beyond that are left out, and that is said.
pub const MOST: usize = 50_000;
/// Nodes of one community that are drawn when it is opened: those of most ties.
pub const OPENED: usize = 3_000;
/// An incident of more is a disk, since a chain of so many boxes is no help.
const LONGEST_CHAIN: usize = 80;

/// Room between an incident and what is below it.
const ROW: f64 = 64.0;
/// Room around the whole, titles included.
const MARGIN: f64 = 48.0;

/// Where everything stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Picture {
    /// Width of the whole.
    pub width: f64,
    /// Height of the whole.
    pub height: f64,
    /// How much larger than usual writing must be to be read when all is seen at once.
    pub unit: f64,
    /// Incidents, at the top.
    pub chains: Vec<Chain>,
    /// Communities and single nodes, below.
    pub disks: Vec<Disk>,
    /// Nodes that are not in the picture: there are too many.
    pub left_out: usize,
    /// Nodes that are not in the picture: they are no part of what happened.
    pub beside: usize,
}

/// Places a network.
#[must_use]
pub fn place(network: &Network) -> Picture {
    placed(network, &|_| true)
}

/// Places what a reader must see of a network on paper, where nothing can be opened: where there
/// is an incident, it and the campaigns alone, and not the rest of its host.
#[must_use]
pub fn gist(network: &Network) -> Picture {
    if !network.communities.iter().any(|community| community.kind == "incident") {
        return place(network);
    }
    let matters = |node: u32| {
        let community = network.node(node).and_then(|node| node.community);
        let kind = community.and_then(|number| network.communities.get(number as usize));
        kind.is_some_and(|community| matches!(community.kind, "incident" | "campaign"))
    };
    let mut picture = placed(network, &matters);
    picture.beside = (0..).zip(&network.nodes).filter(|(node, _)| !matters(*node)).count();
    picture
}

/// The room of a picture of a single node: narrower, and its writing would fill a page.
const NARROWEST: f64 = 420.0;

fn placed(network: &Network, matters: &dyn Fn(u32) -> bool) -> Picture {
    let mut picture = Picture { unit: 1.0, ..Picture::default() };
    let mut drawn: Vec<bool> = (0..).zip(&network.nodes).map(|(node, _)| !matters(node)).collect();
    for (number, community) in (0..).zip(&network.communities) {
        if community.kind != "incident" || community.members.len() > LONGEST_CHAIN {
            continue;
        }
        let mut chain = chain(network, Some(number), &community.members);
        chain.shift(MARGIN, picture.height + MARGIN);
        picture.width = picture.width.max(chain.x + chain.width + MARGIN);
        picture.height = chain.y + chain.height + ROW - MARGIN;
        for place in &community.members {
            if let Some(drawn) = drawn.get_mut(*place as usize) {
                *drawn = true;
            }
        }
        picture.chains.push(chain);
    }
    let (mut disks, left_out) = disk::disks(network, &drawn);
    picture.left_out = left_out;
    if disks.is_empty() {
        picture.height += MARGIN;
    } else {
        let (left, top, right, bottom) = bounds(&disks);
        let down = picture.height + MARGIN;
        for disk in &mut disks {
            disk.shift(MARGIN - left, down - top);
        }
        picture.width = picture.width.max(right - left + 2.0 * MARGIN);
        picture.height = down + bottom - top + MARGIN;
    }
    // A picture of a few nodes stands in the middle of its room, not at its edge.
    let spare = NARROWEST - picture.width;
    if spare > 0.0 {
        disks.iter_mut().for_each(|disk| disk.shift(spare / 2.0, 0.0));
        picture.chains.iter_mut().for_each(|chain| chain.shift(spare / 2.0, 0.0));
        picture.width = NARROWEST;
    }
    picture.height = picture.height.max(200.0);
    picture.unit = (picture.width / 1_400.0).max(picture.height / 1_000.0).clamp(1.0, 12.0);
    picture.disks = disks;
    picture
}

/// Left, upper, right and lower edge of all disks.
fn bounds(disks: &[Disk]) -> (f64, f64, f64, f64) {
    disks.iter().fold(
        (f64::MAX, f64::MAX, f64::MIN, f64::MIN),
        |(left, top, right, bottom), disk| {
            (
                left.min(disk.x - disk.r),
                top.min(disk.y - disk.r),
                right.max(disk.x + disk.r),
                bottom.max(disk.y + disk.r),
            )
        },
    )
}

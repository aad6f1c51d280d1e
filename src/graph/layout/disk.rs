//! Communities as disks, and their members within.

use super::super::network::Network;
use super::force::{self, Tie, settle, spiral};
use super::{MOST, OPENED};
use std::collections::{BTreeMap, HashMap};

/// Single nodes that are drawn on their own where there are no more than that.
const MOST_ALONE: usize = 60;
/// Of more, the gravest and best tied; the rest are two disks, ours and the others.
const FEW_ALONE: usize = 12;
/// Disks that are placed by what ties them; the rest stands in rows below.
const MOST_PLACED: usize = 350;
/// Between members in a disk of many.
const STEP: f64 = 13.0;
/// A disk's edge lies so far beyond its members.
const RIM: f64 = 16.0;
/// A community's title must find room.
const LEAST: f64 = 44.0;
/// And stand above it, clear of its neighbours.
const TITLE: f64 = 16.0;
/// Of the whole picture: width by height.
const WIDE: f64 = 1.5;

/// A community, or a single node.
#[derive(Clone, Debug, PartialEq)]
pub struct Disk {
    /// The community it draws; [`None`] for a single node, and for the rest of the single ones.
    pub community: Option<u32>,
    /// Middle.
    pub x: f64,
    /// Middle.
    pub y: f64,
    /// To its edge.
    pub r: f64,
    /// Its nodes, those of most ties first.
    pub members: Vec<Spot>,
}

/// A node's place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spot {
    /// Place of the node in the network.
    pub node: u32,
    /// Middle.
    pub x: f64,
    /// Middle.
    pub y: f64,
    /// Radius.
    pub r: f64,
}

impl Disk {
    /// Moves it with all its members.
    pub fn shift(&mut self, x: f64, y: f64) {
        self.x += x;
        self.y += y;
        for spot in &mut self.members {
            spot.x += x;
            spot.y += y;
        }
    }

    /// A node that stands for itself.
    #[must_use]
    pub fn alone(&self) -> bool {
        self.community.is_none() && self.members.len() == 1
    }
}

/// The disks of all nodes that are not drawn yet, around (0, 0), and how many nodes were left out.
pub(super) fn disks(network: &Network, drawn: &[bool]) -> (Vec<Disk>, usize) {
    let mut kept: Vec<u32> =
        (0..).zip(drawn).filter(|(_, drawn)| !**drawn).map(|(place, _)| place).collect();
    let weight = |place: &u32| network.node(*place).map_or(0, |node| node.weight);
    kept.sort_by(|a, b| weight(b).cmp(&weight(a)).then(a.cmp(b)));
    let left_out = kept.len().saturating_sub(MOST);
    kept.truncate(MOST);
    let mut groups: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    let mut single = Vec::new();
    for place in kept {
        match network.node(place).and_then(|node| node.community) {
            Some(community) => groups.entry(community).or_default().push(place),
            None => single.push(place),
        }
    }
    let mut rest = Vec::new();
    if single.len() > MOST_ALONE {
        let grade = |place: &u32| network.node(*place).and_then(|node| node.severity);
        single.sort_by_key(|place| std::cmp::Reverse((grade(place), weight(place))));
        rest = single.split_off(FEW_ALONE);
        rest.sort_by_key(|place| std::cmp::Reverse(weight(place)));
    }
    let ties = inner_ties(network, &groups);
    let no_ties = Vec::new();
    let mut disks: Vec<Disk> = groups
        .iter()
        .map(|(community, members)| {
            filled(network, Some(*community), members, ties.get(community).unwrap_or(&no_ties))
        })
        .collect();
    disks.extend(single.iter().map(|place| filled(network, None, &[*place], &[])));
    let is_ours = |place: &u32| network.node(*place).and_then(|node| node.internal) == Some(true);
    let (ours, others): (Vec<u32>, Vec<u32>) = rest.into_iter().partition(is_ours);
    for rest in [ours, others] {
        if !rest.is_empty() {
            disks.push(filled(network, None, &rest, &[]));
        }
    }
    arrange(network, &mut disks);
    (disks, left_out)
}

/// How large a node is drawn: by its ties, slowly.
fn radius(network: &Network, place: u32, many: bool) -> f64 {
    let ties = network.node(place).map_or(0, |node| node.weight);
    let size = f64::from(u32::try_from(ties).unwrap_or(u32::MAX)).ln_1p();
    if many { (3.4 + size * 0.5).min(STEP / 2.0 - 0.5) } else { (6.5 + 2.2 * size).min(22.0) }
}

/// Ties among the members of each community small enough to be settled by force.
fn inner_ties(network: &Network, groups: &BTreeMap<u32, Vec<u32>>) -> BTreeMap<u32, Vec<Tie>> {
    let mut number: HashMap<u32, (u32, usize)> = HashMap::new();
    for (community, members) in groups.iter().filter(|(_, members)| members.len() <= force::MOST) {
        number.extend(members.iter().zip(0..).map(|(place, at)| (*place, (*community, at))));
    }
    let mut ties: BTreeMap<u32, BTreeMap<(usize, usize), f64>> = BTreeMap::new();
    for edge in &network.edges {
        let (Some((a, from)), Some((b, to))) = (number.get(&edge.from), number.get(&edge.to))
        else {
            continue;
        };
        if a == b && from != to {
            ties.entry(*a).or_default().insert(((*from).min(*to), (*from).max(*to)), 1.0);
        }
    }
    ties.into_iter()
        .map(|(community, ties)| {
            (community, ties.into_iter().map(|((a, b), w)| (a, b, w)).collect())
        })
        .collect()
}

fn filled(network: &Network, community: Option<u32>, members: &[u32], ties: &[Tie]) -> Disk {
    let many = members.len() > force::MOST;
    // Those that are never drawn stand behind the others, in the middle.
    let (shown, behind) = members.split_at(members.len().min(OPENED));
    let radii: Vec<f64> = members.iter().map(|place| radius(network, *place, many)).collect();
    let points: Vec<_> = if many || (ties.is_empty() && members.len() > 12) {
        let step = radii.iter().copied().fold(STEP / 2.0, f64::max) * 2.0;
        (0..shown.len()).map(|at| spiral(at, step.max(STEP) * 1.45)).collect()
    } else {
        settle(&radii, ties, 1.0)
    };
    let spots: Vec<Spot> = members
        .iter()
        .zip(points.into_iter().chain(behind.iter().map(|_| (0.0, 0.0))))
        .zip(&radii)
        .map(|((node, (x, y)), r)| Spot { node: *node, x, y, r: *r })
        .collect();
    // Around the middle of what is there, so that the disk is no larger than it must be.
    let span = |of: fn(&Spot) -> f64| {
        let (least, most) = spots
            .iter()
            .map(of)
            .fold((f64::MAX, f64::MIN), |far, at| (far.0.min(at), far.1.max(at)));
        (least + most) / 2.0
    };
    let (x, y) = if spots.is_empty() { (0.0, 0.0) } else { (span(|s| s.x), span(|s| s.y)) };
    let far = spots.iter().map(|s| (s.x - x).hypot(s.y - y) + s.r).fold(0.0, f64::max);
    let alone = community.is_none() && members.len() == 1;
    // A crowd of which not all is drawn still looks larger than one of which all is.
    let crowd = f64::from(u32::try_from(members.len() / OPENED).unwrap_or(u32::MAX));
    let r = if alone { far } else { (far + RIM).max(LEAST) * (1.0 + 0.2 * crowd.ln_1p()) };
    let mut disk = Disk { community, x, y, r, members: spots };
    disk.shift(-x, -y);
    disk
}

/// Places the disks to each other.
fn arrange(network: &Network, disks: &mut [Disk]) {
    let mut order: Vec<usize> = (0..disks.len()).collect();
    let r = |at: &usize| disks.get(*at).map_or(0.0, |disk| disk.r);
    order.sort_by(|a, b| r(b).total_cmp(&r(a)).then(a.cmp(b)));
    let rest = order.split_off(order.len().min(MOST_PLACED));
    let number: HashMap<usize, usize> = order.iter().copied().zip(0..).collect();
    let titled = |at: &usize| disks.get(*at).is_some_and(|disk| !disk.alone());
    let radii: Vec<f64> =
        order.iter().map(|at| r(at) + if titled(at) { TITLE } else { 0.0 }).collect();
    let ties = outer_ties(network, disks, &number);
    let points = settle(&radii, &ties, WIDE);
    for (at, (x, y)) in order.iter().zip(points) {
        if let Some(disk) = disks.get_mut(*at) {
            disk.shift(x, y);
        }
    }
    in_rows(disks, &order, &rest);
}

/// How many edges tie two disks, as a share of the most that any two have.
fn outer_ties(network: &Network, disks: &[Disk], number: &HashMap<usize, usize>) -> Vec<Tie> {
    let mut home: Vec<Option<usize>> = vec![None; network.nodes.len()];
    for (at, disk) in disks.iter().enumerate() {
        for spot in &disk.members {
            if let Some(home) = home.get_mut(spot.node as usize) {
                *home = number.get(&at).copied();
            }
        }
    }
    let mut ties: BTreeMap<(usize, usize), f64> = BTreeMap::new();
    for edge in &network.edges {
        let of = |place: u32| home.get(place as usize).copied().flatten();
        if let (Some(a), Some(b)) = (of(edge.from), of(edge.to))
            && a != b
        {
            *ties.entry((a.min(b), a.max(b))).or_default() += 1.0;
        }
    }
    ties.into_iter().map(|((a, b), many)| (a, b, 0.35 + 0.65 * (many / 20.0).min(1.0))).collect()
}

/// The small ones that are too many to be placed by force: rows below the others.
fn in_rows(disks: &mut [Disk], placed: &[usize], rest: &[usize]) {
    let edges = placed.iter().filter_map(|at| disks.get(*at)).fold(
        (f64::MAX, f64::MIN, f64::MIN),
        |far, disk| {
            (far.0.min(disk.x - disk.r), far.1.max(disk.x + disk.r), far.2.max(disk.y + disk.r))
        },
    );
    let (left, right, mut y) = (edges.0, edges.1, edges.2 + RIM);
    let (mut x, mut row) = (left, 0.0_f64);
    for at in rest {
        let Some(disk) = disks.get_mut(*at) else { continue };
        if x > left && x + disk.r * 2.0 > right {
            (x, y) = (left, y + row + RIM);
            row = 0.0;
        }
        disk.shift(x + disk.r, y + disk.r);
        x += disk.r * 2.0 + RIM;
        row = row.max(disk.r * 2.0);
    }
}

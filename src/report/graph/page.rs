//! The picture as one page to look around in: it opens from disk, with no network.

use super::drawing::{Px, open_at_once};
use super::svg::{Plain, Svg};
use super::words;
use super::{Exporter, Shape};
use crate::facts::Time;
use crate::graph::layout::{BOX, Chain, Disk, OPENED, Picture, place};
use crate::graph::network::{Network, Node, Seen};
use crate::judge::Level;
use crate::report::escape::visible_within;
use askama::Template;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};
use std::sync::Arc;

/// Ties that a page holds; of more, the gravest and most frequent: some 20 MB.
const MOST_TIES: usize = 200_000;
/// Longer labels are cut in the page.
const LONGEST: usize = 200;
/// Sets that are listed where no script runs.
const MOST_SETS: usize = 60;

/// Writes a page.
pub(super) const EXPORTER: Exporter = Exporter {
    name: "html",
    extension: "html",
    doc: "a page to look around in: pan, zoom, search, filter, open and collapse; needs no network",
    shape: Shape::File(write),
};

#[derive(Template)]
#[template(path = "picture.html")]
struct Page {
    svg: Svg,
    data: String,
    /// Lets this page's own script run, and nothing that a label might bring.
    nonce: String,
    /// For a reader without scripts: name, why, and how many.
    sets: Vec<(String, String, String)>,
}

/// What the script draws from. Rows are arrays, named in `picture.js`: a large page has many.
#[derive(Serialize)]
struct Data {
    unit: f64,
    open: bool,
    /// How many nodes of a group are drawn at most.
    most: usize,
    notes: Vec<String>,
    kinds: Vec<&'static str>,
    words: Vec<&'static str>,
    labels: Vec<String>,
    groups: Vec<Group>,
    chains: Vec<Group>,
    nodes: Vec<NodeRow>,
    edges: Vec<EdgeRow>,
}

/// x, y, r, group or -1, label, kind, neighbours, alerts, severity, ours (1, 0, or -1), count, first, last.
type NodeRow = (f64, f64, f64, i64, String, usize, u64, u64, u8, i8, u64, Option<i64>, Option<i64>);
/// from, to, word, label, count, first, last, severity.
type EdgeRow = (usize, usize, usize, usize, u64, Option<i64>, Option<i64>, u8);

#[derive(Default, Serialize)]
struct Group {
    /// A community, and not what belongs to none.
    set: bool,
    alone: bool,
    /// Class of its colour.
    c: String,
    t: String,
    lines: Vec<String>,
    n: String,
    why: String,
    about: String,
    x: f64,
    y: f64,
    r: f64,
    severity: u8,
    first: Option<i64>,
    last: Option<i64>,
}

fn write(network: &Network, out: &mut dyn Write) -> io::Result<()> {
    let picture = place(network);
    let svg = Svg::of(network, &picture, true);
    let data = data(network, &picture, &svg)?;
    let nonce: String = Sha256::digest(&data).iter().take(16).map(|b| format!("{b:02x}")).collect();
    let sets = network.communities.iter().take(MOST_SETS).map(|community| {
        let title = visible_within(&community.label, LONGEST);
        let why = visible_within(&community.why, LONGEST * 4);
        (title, why, words::members(community.members.len()))
    });
    let page = Page { sets: sets.collect(), svg, data, nonce };
    page.write_into(&mut Plain(out)).map_err(io::Error::other)
}

fn data(network: &Network, picture: &Picture, svg: &Svg) -> io::Result<String> {
    let mut numbers: HashMap<u32, usize> = HashMap::new();
    let mut kinds = Numbered::default();
    let mut nodes = Vec::new();
    let mut add = |place: u32, (x, y, r): (f64, f64, f64), group: i64| {
        if let Some(node) = network.node(place) {
            numbers.insert(place, nodes.len());
            let kind = kinds.of(node.kind);
            nodes.push(row(node, (tenth(x), tenth(y), tenth(r)), group, kind));
        }
    };
    for one in picture.chains.iter().flat_map(|chain| &chain.boxes) {
        add(one.node, (one.x + BOX.0 / 2.0, one.y + BOX.1 / 2.0, BOX.1 / 2.0), -1);
    }
    for (group, disk) in (0..).zip(&picture.disks) {
        for spot in &disk.members {
            add(spot.node, (spot.x, spot.y, spot.r), group);
        }
    }
    let mut held: Vec<_> = network
        .edges
        .iter()
        .filter_map(|e| Some((e, *numbers.get(&e.from)?, *numbers.get(&e.to)?)))
        .collect();
    held.sort_by(|(a, ..), (b, ..)| {
        (b.seen.severity, b.seen.count).cmp(&(a.seen.severity, a.seen.count))
    });
    let left = held.len().saturating_sub(MOST_TIES);
    held.truncate(MOST_TIES);
    let (mut words, mut labels) = (Numbered::default(), Numbered::default());
    let edges = held
        .into_iter()
        .map(|(edge, from, to)| {
            let (first, last) = times(&edge.seen);
            let label = labels.of(Arc::clone(&edge.label));
            let grade = grade(edge.seen.severity);
            (from, to, words.of(edge.kind), label, edge.seen.count, first, last, grade)
        })
        .collect();
    let mut notes = super::svg::notes(network, picture, &svg.drawing);
    if left > 0 {
        notes.push(format!(
            "{} ties, the least frequent, are not in this page.",
            words::grouped(left as u64)
        ));
    }
    let data = Data {
        unit: tenth(picture.unit),
        open: open_at_once(picture),
        most: OPENED,
        notes,
        kinds: kinds.in_order(),
        words: words.in_order(),
        labels: labels.in_order().iter().map(|label| visible_within(label, LONGEST)).collect(),
        groups: picture.disks.iter().map(|disk| group(network, disk)).collect(),
        chains: picture.chains.iter().map(|one| chain(network, one)).collect(),
        nodes,
        edges,
    };
    // `<` would end the script's element or begin a comment in it.
    Ok(serde_json::to_string(&data)?.replace('<', "\\u003c"))
}

fn row(node: &Node, (x, y, r): (f64, f64, f64), group: i64, kind: usize) -> NodeRow {
    let (first, last) = times(&node.seen);
    // Hosts of a case are ours whatever their addresses are.
    let ours = match (node.internal, node.kind) {
        (Some(true), _) | (_, "host") => 1,
        (Some(false), _) => 0,
        (None, _) => -1,
    };
    let label = visible_within(&node.label, LONGEST);
    let severity = grade(node.severity);
    (
        x,
        y,
        r,
        group,
        label,
        kind,
        node.weight,
        node.caused,
        severity,
        ours,
        node.seen.count,
        first,
        last,
    )
}

fn group(network: &Network, disk: &Disk) -> Group {
    let title = words::title(network, disk);
    let mut group = set(network, disk.community, title, disk.members.len());
    group.about = words::disk(network, disk);
    group.alone = disk.alone();
    (group.x, group.y, group.r) = (tenth(disk.x), tenth(disk.y), tenth(disk.r));
    group
}

fn chain(network: &Network, chain: &Chain) -> Group {
    let title = words::chain(network, chain);
    let mut group = set(network, chain.community, title, chain.boxes.len());
    (group.x, group.y) = (tenth(chain.x + chain.width / 2.0), tenth(chain.y + chain.height / 2.0));
    group.r = tenth(chain.width.max(chain.height) / 2.0);
    group
}

fn set(network: &Network, community: Option<u32>, title: String, members: usize) -> Group {
    let of = community.and_then(|number| network.communities.get(number as usize));
    let (first, last) = of.map_or((None, None), |community| times(&community.seen));
    Group {
        set: of.is_some(),
        c: super::drawing::colour_number(community),
        lines: super::label::broken(&title, 22, 3),
        t: visible_within(&title, LONGEST),
        n: words::members(members),
        why: of.map_or_else(String::new, |c| visible_within(&c.why, LONGEST * 4)),
        severity: of.map_or(0, |community| grade(community.seen.severity)),
        first,
        last,
        ..Group::default()
    }
}

fn tenth(length: f64) -> f64 {
    Px(length).tenth()
}

/// First and last, in seconds.
fn times(seen: &Seen) -> (Option<i64>, Option<i64>) {
    (seen.first.map(Time::seconds), seen.last.map(Time::seconds))
}

/// Levels as numbers, none being 0.
fn grade(level: Option<Level>) -> u8 {
    let at = level.and_then(|level| Level::ALL.iter().position(|one| *one == level));
    at.and_then(|at| u8::try_from(at + 1).ok()).unwrap_or(0)
}

/// Texts that are named by number.
struct Numbered<T>(BTreeMap<T, usize>);

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T: Ord> Numbered<T> {
    fn of(&mut self, text: T) -> usize {
        let next = self.0.len();
        *self.0.entry(text).or_insert(next)
    }

    fn in_order(self) -> Vec<T> {
        let mut all: Vec<(T, usize)> = self.0.into_iter().collect();
        all.sort_by_key(|(_, number)| *number);
        all.into_iter().map(|(text, _)| text).collect()
    }
}

//! A network as shapes: what the SVG file shows, and the page before anything is opened.

use super::boxes::{Arrow, Boxed, Text, boxes};
use super::label::{Room, Taken, broken};
use super::words;
use crate::graph::layout::{BOX, Disk, OPEN_AT_ONCE, Picture, Spot};
use crate::graph::network::{Network, Node, Seen};
use std::collections::BTreeMap;
use std::fmt;

/// Lines that are drawn; of more, the gravest and most frequent.
const MOST_LINES: usize = 600;
/// With more lines than that, arrow heads would hide what they point at.
const MOST_HEADS: usize = 220;
/// Names beside nodes, at most.
const MOST_NAMES: usize = 60;
/// Titles of communities, at most: the largest.
const MOST_TITLES: usize = 40;
/// Colours of communities in the style sheet.
const COLOURS: u32 = 8;

/// A length on the paper, to a tenth of a pixel.
#[derive(Clone, Copy)]
pub(in crate::report) struct Px(pub(in crate::report) f64);

impl fmt::Display for Px {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.tenth())
    }
}

impl Px {
    /// Rounded; never `-0`, which would be the same place in other bytes.
    pub(super) fn tenth(self) -> f64 {
        (self.0 * 10.0).round() / 10.0 + 0.0
    }
}

/// A straight tie.
pub(super) struct Line {
    pub(super) from: (Px, Px),
    pub(super) to: (Px, Px),
    pub(super) width: Px,
    pub(super) class: String,
    pub(super) title: String,
}

/// A node, or a community that is collapsed or open.
pub(super) struct Dot {
    pub(super) x: Px,
    pub(super) y: Px,
    pub(super) r: Px,
    /// Corner and side, where it is drawn as a square.
    pub(super) square: Option<(Px, Px, Px)>,
    pub(super) class: String,
    pub(super) title: String,
}

/// All shapes of a picture, those behind first.
#[derive(Default)]
pub(super) struct Drawing {
    pub(super) rims: Vec<Dot>,
    pub(super) lines: Vec<Line>,
    pub(super) dots: Vec<Dot>,
    pub(super) arrows: Vec<Arrow>,
    pub(super) boxes: Vec<Boxed>,
    pub(super) texts: Vec<Text>,
    /// Lines beyond the most.
    pub(super) lines_left: usize,
    /// Whether lines have arrow heads.
    pub(super) heads: bool,
    /// What all of it takes: left, top, right, bottom.
    pub(super) room: Room,
}

/// What stands for a node: itself, or the disk that is drawn collapsed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stand {
    Node(u32),
    Disk(usize),
}

/// Draws a network whose nodes are placed.
pub(super) fn draw(network: &Network, picture: &Picture) -> Drawing {
    let room = (0.0, 0.0, picture.width, picture.height);
    let mut drawing = Drawing { room, ..Drawing::default() };
    let all_open = open_at_once(picture);
    let mut stands: BTreeMap<u32, (Stand, Spot)> = BTreeMap::new();
    for (number, disk) in picture.disks.iter().enumerate() {
        let open = all_open || disk.alone();
        let whole = Spot { node: 0, x: disk.x, y: disk.y, r: disk.r };
        for spot in &disk.members {
            let stand =
                if open { (Stand::Node(spot.node), *spot) } else { (Stand::Disk(number), whole) };
            stands.insert(spot.node, stand);
        }
        if !disk.alone() {
            drawing.rims.push(rim(network, disk, open));
        }
        if open {
            drawing.dots.extend(disk.members.iter().filter_map(|spot| dot(network, spot)));
        }
    }
    for chain in &picture.chains {
        for one in &chain.boxes {
            let (x, y) = (one.x + BOX.0 / 2.0, one.y + BOX.1 / 2.0);
            let spot = Spot { node: one.node, x, y, r: BOX.1 / 2.0 };
            stands.insert(one.node, (Stand::Node(one.node), spot));
        }
        let (boxed, arrows) = boxes(network, chain);
        drawing.boxes.extend(boxed);
        drawing.arrows.extend(arrows);
    }
    lines(network, picture, &stands, &mut drawing);
    names(network, picture, all_open, &mut drawing);
    drawing
}

/// Whether every community is drawn open.
pub(super) fn open_at_once(picture: &Picture) -> bool {
    picture.disks.iter().map(|disk| disk.members.len()).sum::<usize>() <= OPEN_AT_ONCE
}

fn colour(community: Option<u32>) -> String {
    format!("c{}", colour_number(community))
}

/// What follows `c` in the class that colours a community; `n` for what belongs to none.
pub(super) fn colour_number(community: Option<u32>) -> String {
    community.map_or_else(|| "n".to_owned(), |number| (number % COLOURS).to_string())
}

fn rim(network: &Network, disk: &Disk, open: bool) -> Dot {
    let state = if open { "open" } else { "closed" };
    Dot {
        x: Px(disk.x),
        y: Px(disk.y),
        r: Px(disk.r),
        square: None,
        class: format!("rim {state} {}", colour(disk.community)),
        title: words::disk(network, disk),
    }
}

fn dot(network: &Network, spot: &Spot) -> Option<Dot> {
    let node = network.node(spot.node)?;
    // Ours are squares: the eye finds them among a thousand others.
    let square = (node.internal == Some(true) || node.kind == "host").then_some((
        Px(spot.x - spot.r),
        Px(spot.y - spot.r),
        Px(spot.r * 2.0),
    ));
    let severity = node.severity.map_or("", |level| level.word());
    Some(Dot {
        x: Px(spot.x),
        y: Px(spot.y),
        r: Px(spot.r),
        square,
        class: format!("dot {} k-{} {severity}", colour(node.community), node.kind),
        title: words::node(node),
    })
}

/// What is drawn as one line: from where to where, what was seen, and the community it leaves.
type Sum = (Spot, Spot, Seen, Option<u32>);

fn lines(
    network: &Network,
    picture: &Picture,
    stands: &BTreeMap<u32, (Stand, Spot)>,
    drawing: &mut Drawing,
) {
    let chained: BTreeMap<u32, usize> = picture
        .chains
        .iter()
        .enumerate()
        .flat_map(|(number, chain)| chain.boxes.iter().map(move |one| (one.node, number)))
        .collect();
    let mut sums: BTreeMap<(Stand, Stand), Sum> = BTreeMap::new();
    for edge in &network.edges {
        let (Some((a, from)), Some((b, to))) = (stands.get(&edge.from), stands.get(&edge.to))
        else {
            continue;
        };
        let chain = chained.get(&edge.from);
        if a == b || (chain.is_some() && chain == chained.get(&edge.to)) {
            continue;
        }
        let colour = network.node(edge.from).and_then(|node| node.community);
        let sum = sums.entry((*a, *b)).or_insert((*from, *to, Seen::default(), colour));
        sum.2.add(edge.seen);
    }
    let mut sums: Vec<_> = sums.into_values().collect();
    sums.sort_by_key(|sum| std::cmp::Reverse((sum.2.severity, sum.2.count)));
    drawing.lines_left = sums.len().saturating_sub(MOST_LINES);
    sums.truncate(MOST_LINES);
    drawing.heads = sums.len() <= MOST_HEADS;
    drawing.lines.extend(sums.into_iter().filter_map(|(from, to, seen, community)| {
        let (x, y) = (to.x - from.x, to.y - from.y);
        let length = x.hypot(y);
        if length <= from.r + to.r {
            return None;
        }
        let (x, y) = (x / length, y / length);
        let often = f64::from(u32::try_from(seen.count).unwrap_or(u32::MAX)).max(1.0).log10();
        let severity = seen.severity.map_or("", |level| level.word());
        Some(Line {
            from: (Px(from.x + x * from.r), Px(from.y + y * from.r)),
            to: (Px(to.x - x * (to.r + 3.0)), Px(to.y - y * (to.r + 3.0))),
            width: Px((0.9 + 0.7 * often).min(5.0) * picture.unit.sqrt()),
            class: format!("tie {} {severity}", colour(community)),
            title: words::seen(&seen),
        })
    }));
}

/// Titles of communities, then names of nodes where there is room.
fn names(network: &Network, picture: &Picture, all_open: bool, drawing: &mut Drawing) {
    let unit = picture.unit;
    let mut taken = Taken::default();
    let mut titled: Vec<&Disk> = picture.disks.iter().filter(|disk| !disk.alone()).collect();
    titled
        .sort_by(|a, b| b.members.len().cmp(&a.members.len()).then(a.community.cmp(&b.community)));
    for disk in titled.into_iter().take(MOST_TITLES) {
        let letters = if all_open { 30 } else { 20 };
        let mut lines = broken(&words::title(network, disk), letters, 3);
        lines.push(words::members(disk.members.len()));
        let place = (unit, picture.height / 2.0);
        title(disk, &lines, all_open, place, &mut taken, &mut drawing.texts);
    }
    let mut spots: Vec<(&Node, &Spot)> = picture
        .disks
        .iter()
        .filter(|disk| all_open || disk.alone())
        .flat_map(|disk| &disk.members)
        .filter_map(|spot| Some((network.node(spot.node)?, spot)))
        .collect();
    for (_, spot) in &spots {
        taken.take((spot.x - spot.r, spot.y - spot.r, spot.x + spot.r, spot.y + spot.r));
    }
    spots.sort_by_key(|(node, spot)| (std::cmp::Reverse((node.severity, node.weight)), spot.node));
    for (node, spot) in spots.into_iter().take(MOST_NAMES) {
        let [text] = broken(&node.label, 30, 1).try_into().unwrap_or_default();
        if let Some(text) = beside(text, spot, unit, &mut taken) {
            drawing.texts.push(text);
        }
    }
    drawing.room = taken.around(drawing.room);
}

fn title(
    disk: &Disk,
    lines: &[String],
    open: bool,
    (unit, middle): (f64, f64),
    taken: &mut Taken,
    texts: &mut Vec<Text>,
) {
    let step = 15.0 * unit;
    let many = f64::from(u8::try_from(lines.len()).unwrap_or(u8::MAX));
    // Of a collapsed one in its middle; of an open one outside, away from the middle of the whole.
    let mut y = match (open, disk.y > middle) {
        (false, _) => disk.y - step * (many / 2.0 - 0.8),
        (true, false) => disk.y - disk.r - 8.0 - step * (many - 1.0),
        (true, true) => disk.y + disk.r + step,
    };
    let wide = lines.iter().map(|line| width(line, 7.8 * unit)).fold(0.0, f64::max);
    let room = (disk.x - wide / 2.0, y - step, disk.x + wide / 2.0, y + step * (many - 1.0));
    if taken.first_free(&[room]).is_none() {
        return;
    }
    for (number, line) in lines.iter().enumerate() {
        let class = if number + 1 == lines.len() { "title few" } else { "title" };
        texts.push(Text { x: Px(disk.x), y: Px(y), class, text: line.clone() });
        y += step;
    }
}

/// How wide a text is drawn, a letter being as wide as that.
fn width(text: &str, letter: f64) -> f64 {
    f64::from(u16::try_from(unicode_width::UnicodeWidthStr::width(text)).unwrap_or(u16::MAX))
        * letter
}

/// A name to the right of its node, to the left, below or above: where there is room.
fn beside(text: String, spot: &Spot, unit: f64, taken: &mut Taken) -> Option<Text> {
    let (wide, high) = (width(&text, 6.7 * unit), 12.0 * unit);
    let (right, left) = (spot.x + spot.r + 3.0, spot.x - spot.r - 3.0);
    let middle = |x: f64, y: f64| (x - wide / 2.0, y, x + wide / 2.0, y + high);
    let rooms: [Room; 4] = [
        (right, spot.y - high / 2.0, right + wide, spot.y + high / 2.0),
        (left - wide, spot.y - high / 2.0, left, spot.y + high / 2.0),
        middle(spot.x, spot.y + spot.r + 2.0),
        middle(spot.x, spot.y - spot.r - 2.0 - high),
    ];
    let at = taken.first_free(&rooms)?;
    let room = rooms.get(at)?;
    let (x, class) = match at {
        0 => (room.0, "name"),
        1 => (room.2, "name end"),
        _ => (spot.x, "name mid"),
    };
    Some(Text { x: Px(x), y: Px(room.3 - 2.5 * unit), class, text })
}

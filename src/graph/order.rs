//! Incidents, and the steps of each in order of time.

use super::Edge;
use super::chosen::Chosen;
use super::heat::Heat;
use super::lead::Found;
use super::shared::Shared;
use crate::facts::Time;
use crate::judge::Level;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// Where an edge stands: the time, the process it belongs to, the kind's place in a process's
/// life, the edge's number.
type Place = (Time, u32, u8, usize);

/// The chosen edges as incidents that share no node but shells and the like: the lead's first, then the worst, each in
/// order of time.
pub(super) fn incidents(
    edges: &[Edge],
    started: &BTreeMap<String, Time>,
    heat: &Heat,
    found: &[Found],
    shared: &Shared,
    chosen: Vec<Chosen>,
) -> Vec<Vec<Chosen>> {
    let places = places(edges, started, &chosen);
    let place = |chosen: &Chosen| places.get(&chosen.edge).copied();
    let mut incidents: Vec<Vec<Chosen>> =
        components(edges, chosen, &|node| shared.joins_nothing(node) && heat.node(node).is_none());
    for incident in &mut incidents {
        incident.sort_by_key(|chosen| (chosen.bystander, place(chosen)));
    }
    let rank = |incident: &Vec<Chosen>| {
        let nodes: BTreeSet<&str> = nodes(edges, incident).collect();
        let led = found.iter().any(|found| nodes.contains(found.node.as_str()));
        let cited = incident.iter().filter_map(|chosen| heat.fact(&edges.get(chosen.edge)?.cited));
        let worst: Option<Level> =
            nodes.iter().filter_map(|node| heat.node(node)).chain(cited).max();
        (Reverse(led), Reverse(worst), Reverse(incident.len()), incident.first().and_then(place))
    };
    incidents.sort_by_cached_key(rank);
    incidents
}

/// As many steps as there is room for: the first of the incident's kinds that matter most, still
/// in order of time; and how many were left out.
pub(super) fn fit(edges: &[Edge], incident: Vec<Chosen>, room: usize) -> (Vec<Chosen>, usize) {
    let left_out = incident.len().saturating_sub(room);
    if left_out == 0 {
        return (incident, 0);
    }
    let mut ranked: Vec<usize> = (0..incident.len()).collect();
    ranked.sort_by_key(|at| {
        let chosen = incident.get(*at);
        let word = chosen.and_then(|c| edges.get(c.edge)).map_or("", |e| e.edge);
        let weight = match word {
            _ if chosen.is_some_and(|chosen| chosen.bystander) => 4,
            "dropped" | "persists" => 0,
            "runs" | "connects to" | "holds open" | "traces" | "preloads" | "logged in as" => 1,
            "parent of" => 3,
            _ => 2,
        };
        (weight, *at)
    });
    let kept: BTreeSet<usize> = ranked.into_iter().take(room).collect();
    let kept = incident.into_iter().enumerate().filter(|(at, _)| kept.contains(at));
    (kept.map(|(_, chosen)| chosen).collect(), left_out)
}

fn nodes<'a>(edges: &'a [Edge], chosen: &'a [Chosen]) -> impl Iterator<Item = &'a str> {
    chosen
        .iter()
        .filter_map(|chosen| edges.get(chosen.edge))
        .flat_map(|edge| [edge.origin.as_str(), edge.target.as_str()])
}

/// Groups edges that hang together, other than by a node that joins nothing.
fn components(
    edges: &[Edge],
    chosen: Vec<Chosen>,
    joins_nothing: &dyn Fn(&str) -> bool,
) -> Vec<Vec<Chosen>> {
    let mut neighbours: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for edge in chosen.iter().filter_map(|chosen| edges.get(chosen.edge)) {
        let (origin, target) = (edge.origin.as_str(), edge.target.as_str());
        // Such an edge hangs on its other end alone.
        let (from, to) = match (joins_nothing(origin), joins_nothing(target)) {
            (false, true) => (origin, origin),
            (true, false) => (target, target),
            _ => (origin, target),
        };
        neighbours.entry(from).or_default().insert(to);
        neighbours.entry(to).or_default().insert(from);
    }
    let mut group: BTreeMap<&str, usize> = BTreeMap::new();
    let mut groups = 0;
    for start in neighbours.keys() {
        if group.contains_key(start) {
            continue;
        }
        let mut waiting = vec![*start];
        while let Some(node) = waiting.pop() {
            if group.insert(node, groups).is_none() {
                waiting.extend(neighbours.get(node).into_iter().flatten());
            }
        }
        groups += 1;
    }
    let mut incidents: BTreeMap<usize, Vec<Chosen>> = BTreeMap::new();
    for chosen in chosen {
        let number = edges.get(chosen.edge).and_then(|edge| {
            let own = if joins_nothing(&edge.origin) && !joins_nothing(&edge.target) {
                &edge.target
            } else {
                &edge.origin
            };
            group.get(own.as_str())
        });
        incidents.entry(number.copied().unwrap_or(usize::MAX)).or_default().push(chosen);
    }
    incidents.into_values().collect()
}

/// Where each edge stands. What has no time of its own (a name in a file, a connection) stands
/// with the process or file it belongs to, after that was introduced.
fn places(
    edges: &[Edge],
    started: &BTreeMap<String, Time>,
    chosen: &[Chosen],
) -> BTreeMap<usize, Place> {
    const END: (Time, u32) = (Time(i64::MAX), u32::MAX);
    // When a node first appears, and with which process.
    let mut shown: BTreeMap<&str, (Time, u32)> = BTreeMap::new();
    for node in nodes(edges, chosen).filter(|node| node.starts_with("process/")) {
        if let Some(pid) = pid(node) {
            let start = started.get(node).copied().unwrap_or(END.0);
            shown.insert(node, (start, pid));
        }
    }
    // When a process last opened a file that it holds.
    let mut opened: BTreeMap<&str, (Time, u32)> = BTreeMap::new();
    let mut places: BTreeMap<usize, Place> = BTreeMap::new();
    // Three rounds: processes and what they touch; what those name; what names lead to.
    for _ in 0..3 {
        for chosen in chosen {
            let Some(edge) = edges.get(chosen.edge) else { continue };
            let (own, rank) = (edge.time, life(edge.edge));
            let at = |node: &str| shown.get(node).copied();
            let (origin, target) = (at(&edge.origin), at(&edge.target));
            let (time, pid) = match edge.edge {
                "parent of" => target.or(origin).unwrap_or(END),
                // Not after the program that was dropped was started.
                "dropped" => {
                    let (start, pid) = origin.unwrap_or(END);
                    let ran = target.map(|(time, _)| time);
                    // Nor before the dropper was: starts are told to a tick, files to a nanosecond.
                    (own.into_iter().chain(ran).min().unwrap_or(start).max(start), pid)
                }
                "persists" => {
                    (own.or(target.map(|t| t.0)).unwrap_or(END.0), target.map_or(END.1, |t| t.1))
                }
                "holds open" => {
                    let (start, pid) = origin.unwrap_or(END);
                    let held = (own.map_or(start, |own| own.max(start)), pid);
                    let last = opened.entry(&edge.origin).or_insert(held);
                    *last = held.max(*last);
                    held
                }
                "logged in as" | "used key" | "opens" => {
                    (own.unwrap_or(END.0), target.map_or(END.1, |t| t.1))
                }
                // It has no time; what it was told by (a configuration held open) goes before.
                "connects to" => {
                    opened.get(edge.origin.as_str()).copied().or(origin).unwrap_or(END)
                }
                _ => origin.unwrap_or(END),
            };
            places.insert(chosen.edge, (time, pid, rank, chosen.edge));
            for node in [&edge.origin, &edge.target] {
                let first = shown.entry(node).or_insert((time, pid));
                if edge.edge != "dropped" && !node.starts_with("process/") {
                    *first = (*first).min((time, pid));
                }
            }
        }
    }
    places
}

fn pid(node: &str) -> Option<u32> {
    node.strip_prefix("process/")?.parse().ok()
}

/// The order in which things happen in a process's life.
fn life(word: &str) -> u8 {
    match word {
        "persists" | "logged in as" | "used key" | "opens" => 0,
        "parent of" | "started" => 1,
        "runs" => 2,
        "maps" | "preloads" | "lies beside" => 3,
        "traces" => 7,
        "names in file" => 4,
        "names in memory" => 5,
        "served by" => 6,
        "runs script" | "same as" => 3,
        "holds open" => 4,
        "connects to" => 7,
        "probably is" => 8,
        "dropped" => 9,
        _ => 10,
    }
}

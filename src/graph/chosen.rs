//! Which edges belong to the story: those between things that are suspicious, and from them on
//! to what they dropped, ran, held, named and spoke to.

use super::Edge;
use super::heat::Heat;
use super::lead::Found;
use super::shared::Shared;
use std::collections::{BTreeMap, BTreeSet};

/// Edges of one kind from one node that no finding cites: a browser has a thousand connections.
const UNCITED: usize = 3;
/// And those that findings cite.
const CITED: usize = 6;
/// Processes that share an address with the lead, and nothing else.
const BYSTANDERS: usize = 3;
/// From a suspect up to what it was started by.
const ANCESTORS: usize = 5;

/// An edge of the story.
#[derive(Clone, Debug)]
pub(super) struct Chosen {
    /// Its place among all edges.
    pub(super) edge: usize,
    /// So many of its kind from the same node were left out.
    pub(super) more: usize,
    /// It joins the story only through an address that it shares.
    pub(super) bystander: bool,
}

/// What is known to belong so far.
#[derive(Default)]
struct Known<'a> {
    /// Everything an edge of the story touches.
    nodes: BTreeSet<&'a str>,
    /// What is suspicious in itself: subjects of findings, what they dropped, who runs that.
    hot: BTreeSet<&'a str>,
    /// Deleted files and files in memory that suspects hold: whatever these name counts.
    held: BTreeSet<&'a str>,
    edges: BTreeSet<usize>,
    /// Connections that the lead is about, not only its address.
    meant: BTreeSet<usize>,
    /// No finding is there to say which files matter.
    cold: bool,
    /// Hosts outside that at least two things of the story name.
    met: BTreeSet<&'a str>,
    /// What everybody starts is not suspicious for being started.
    innocent: BTreeSet<&'a str>,
}

/// The edges of the story, in their order in the table.
pub(super) fn choose(
    edges: &[Edge],
    heat: &Heat,
    found: &[Found],
    shared: &Shared,
    lead: Option<&str>,
) -> Vec<Chosen> {
    let mut known = Known {
        meant: meant(edges, heat, found, lead),
        cold: heat.nodes().next().is_none(),
        innocent: innocent(edges, heat, found, shared),
        ..Known::default()
    };
    known.hot.extend(heat.nodes().map(String::as_str));
    known.hot.extend(found.iter().map(|found| found.node.as_str()));
    // Each round takes at least one edge more or is the last.
    loop {
        let before = known.edges.len();
        known.met = met(edges, shared, &known);
        for (number, edge) in edges.iter().enumerate() {
            if !known.edges.contains(&number) && belongs(edge, heat, &known) {
                known.take(number, edge);
            }
        }
        if known.edges.len() == before {
            break;
        }
    }
    ancestors(edges, &mut known);
    thin(edges, heat, found, &known)
}

/// Programs that everybody starts and that neither a finding nor the lead is about.
fn innocent<'a>(
    edges: &'a [Edge],
    heat: &Heat,
    found: &[Found],
    shared: &Shared,
) -> BTreeSet<&'a str> {
    let nodes = edges.iter().flat_map(|edge| [edge.origin.as_str(), edge.target.as_str()]);
    nodes
        .filter(|node| {
            shared.joins_nothing(node)
                && heat.node(node).is_none()
                && found.iter().all(|found| found.node != *node)
        })
        .collect()
}

/// Hosts outside that two or more things of the story name: what fetches from one address is of
/// one hand.
fn met<'a>(edges: &'a [Edge], shared: &Shared, known: &Known<'a>) -> BTreeSet<&'a str> {
    let mut named: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for edge in edges.iter().filter(|edge| matches!(edge.edge, "served by" | "names")) {
        let within = known.nodes.contains(edge.origin.as_str());
        if (within || edge.edge == "names" && known.hot.contains(edge.origin.as_str()))
            && shared.joins(&edge.target)
        {
            named.entry(&edge.target).or_default().insert(&edge.origin);
        }
    }
    named.into_iter().filter(|(_, by)| by.len() > 1).map(|(host, _)| host).collect()
}

/// The connections that the lead is about: those to its port where it has one that is spoken to;
/// else those of processes that findings speak of, if there are any.
fn meant(edges: &[Edge], heat: &Heat, found: &[Found], lead: Option<&str>) -> BTreeSet<usize> {
    let all = || {
        edges.iter().enumerate().filter(|(_, edge)| {
            edge.edge == "connects to" && found.iter().any(|found| found.node == edge.target)
        })
    };
    let port = lead.and_then(|lead| super::build::split_port(lead.trim()).1);
    let ending = port.map(|port| format!(":{port}"));
    let at_port = |edge: &Edge| {
        ending.as_ref().is_some_and(|ending| edge.target_label.ends_with(ending.as_str()))
    };
    let suspect = |edge: &Edge| heat.node(&edge.origin).is_some();
    let numbers = |wanted: &dyn Fn(&Edge) -> bool| -> BTreeSet<usize> {
        all().filter(|(_, edge)| wanted(edge)).map(|(number, _)| number).collect()
    };
    let ways: [&dyn Fn(&Edge) -> bool; 3] = [&at_port, &suspect, &|_| true];
    ways.into_iter().map(numbers).find(|found| !found.is_empty()).unwrap_or_default()
}

impl<'a> Known<'a> {
    fn take(&mut self, number: usize, edge: &'a Edge) {
        self.edges.insert(number);
        self.nodes.extend([edge.origin.as_str(), edge.target.as_str()]);
        match edge.edge {
            "dropped" | "persists" => {
                self.hot.insert(&edge.origin);
                if !self.innocent.contains(edge.target.as_str()) {
                    self.hot.insert(&edge.target);
                }
            }
            "same as" | "runs script" => {
                self.hot.extend([edge.origin.as_str(), edge.target.as_str()]);
            }
            "runs" if self.hot.contains(edge.target.as_str()) => {
                self.hot.insert(&edge.origin);
            }
            "connects to" if self.meant.contains(&number) => {
                self.hot.insert(&edge.origin);
            }
            "holds open" | "maps" | "lies beside" => {
                self.held.insert(&edge.target);
            }
            _ => {}
        }
    }
}

fn belongs(edge: &Edge, heat: &Heat, known: &Known<'_>) -> bool {
    let (origin, target) = (edge.origin.as_str(), edge.target.as_str());
    let cited = heat.fact(&edge.cited).is_some();
    let hot = |node: &str| known.hot.contains(node);
    let within = |node: &str| known.nodes.contains(node) || known.hot.contains(node);
    match edge.edge {
        "parent of" => hot(origin) && hot(target),
        "runs" => hot(origin) || hot(target),
        // A message alone proves little: a finding cites it, or the file is there.
        "dropped" => within(target) || cited || (hot(origin) && edge.time.is_some()),
        "traces" | "preloads" => hot(origin) || hot(target) || cited,
        "lies beside" | "holds open" | "connects to" => hot(origin) || hot(target) || cited,
        "maps" => cited || (hot(origin) && hot(target)),
        // That it names the lead's address makes no suspect of what nothing else speaks against.
        "names in memory" => {
            cited || (hot(target) && known.cold) || (within(origin) && within(target))
        }
        "names in file" => {
            cited
                || (hot(target) && known.cold)
                || known.held.contains(origin)
                || (within(origin) && (within(target) || numeric(target)))
        }
        "served by" => within(origin) && (within(target) || known.met.contains(target)),
        "names" => within(origin) && (within(target) || cited || known.met.contains(target)),
        "probably is" => within(origin) && within(target),
        "same as" => hot(origin) || hot(target),
        "runs script" => hot(target),
        "persists" => cited || hot(target) || hot(origin),
        // That an administrator logged in is no part of it; that the miner's server did, is.
        "logged in as" | "used key" => cited || within(origin),
        "opens" => cited || known.nodes.contains(origin),
        "started" => known.nodes.contains(origin) && within(target),
        _ => false,
    }
}

/// A wallet, or a host given by its number: what programs seldom name without a reason.
fn numeric(node: &str) -> bool {
    node.starts_with("wallet/")
        || node.starts_with("address/")
        || node
            .strip_prefix("url/")
            .and_then(super::build::url_host)
            .is_some_and(|host| super::build::host_node(host).starts_with("address/"))
}

/// Who started the suspects, and who started those: how it got in. Up to init, which starts all.
fn ancestors<'a>(edges: &'a [Edge], known: &mut Known<'a>) {
    let parents: BTreeMap<&str, (usize, &Edge)> = edges
        .iter()
        .enumerate()
        .filter(|(_, edge)| edge.edge == "parent of" && edge.origin != "process/1")
        .map(|(number, edge)| (edge.target.as_str(), (number, edge)))
        .collect();
    let mut below: Vec<&str> =
        known.hot.iter().copied().filter(|node| node.starts_with("process/")).collect();
    for _ in 0..ANCESTORS {
        let above: Vec<_> = below.iter().filter_map(|node| parents.get(node)).collect();
        below = above.iter().map(|(_, edge)| edge.origin.as_str()).collect();
        for (number, edge) in above {
            known.take(*number, edge);
        }
    }
}

/// Keeps a few edges of each kind from each node, and counts the rest.
fn thin(edges: &[Edge], heat: &Heat, found: &[Found], known: &Known<'_>) -> Vec<Chosen> {
    let mut groups: BTreeMap<(&str, &str), Vec<(bool, usize)>> = BTreeMap::new();
    let mut degree: BTreeMap<&str, usize> = BTreeMap::new();
    for number in &known.edges {
        let Some(edge) = edges.get(*number) else { continue };
        for node in [edge.origin.as_str(), edge.target.as_str()] {
            *degree.entry(node).or_default() += 1;
        }
        let cited = heat.fact(&edge.cited).is_some()
            || found.iter().any(|found| found.node == edge.target || found.node == edge.origin);
        // That each of many names may be one address, or many load one library, is one statement.
        let many = matches!(edge.edge, "probably is" | "preloads");
        let whose = if many { &edge.target } else { &edge.origin };
        groups.entry((whose, edge.edge)).or_default().push((!cited, *number));
    }
    let bystander = |number: usize| {
        edges.get(number).is_some_and(|edge| {
            edge.edge == "connects to"
                && !known.hot.contains(edge.origin.as_str())
                && heat.fact(&edge.cited).is_none()
        })
    };
    let mut bystanders: BTreeMap<&str, usize> = BTreeMap::new();
    let mut chosen = Vec::new();
    for ((_, word), group) in &mut groups {
        // Cited ones first, then those whose other end leads on, then as they come.
        group.sort_by_key(|(uncited, number)| {
            let leads_on = edges
                .get(*number)
                .and_then(|edge| degree.get(edge.target.as_str()))
                .is_some_and(|degree| *degree > 1);
            (*uncited, !leads_on, *number)
        });
        let cited = group.iter().filter(|(uncited, _)| !uncited).count();
        let keep = match *word {
            "probably is" => 1,
            _ => cited.min(CITED) + group.len().saturating_sub(cited).min(UNCITED),
        };
        let more = group.len().saturating_sub(keep);
        for (place, (_, number)) in group.iter().take(keep).enumerate() {
            let last = place.saturating_add(1) == keep;
            let bystander = bystander(*number);
            if bystander {
                let target = edges.get(*number).map_or("", |edge| edge.target.as_str());
                let count = bystanders.entry(target).or_default();
                *count = count.saturating_add(1);
                if *count > BYSTANDERS {
                    continue;
                }
            }
            chosen.push(Chosen { edge: *number, more: if last { more } else { 0 }, bystander });
        }
    }
    chosen.sort_by_key(|chosen| chosen.edge);
    chosen
}

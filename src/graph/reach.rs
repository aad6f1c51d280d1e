//! What an address could have come to: paths through alerts and connections that respect time.
//!
//! An attack cannot flow backwards in time. A tie is seen from its first to its last time; it can
//! be taken by whoever has arrived before its last, and arrives no earlier than its first. Ties
//! without a time can be taken at any time, and that is said.

use super::network::{each, graded};
use crate::facts::{Error, Facts, Table, Time};
use crate::judge::{Level, Ranges};
use std::collections::{BTreeMap, HashMap, VecDeque};

/// Paths beyond this are not told; the systems that are reached all are.
const MOST_PATHS: usize = 10_000;

/// The depth where none is asked for.
const DEPTH: u32 = 4;
/// Nothing further is looked for.
const DEEPEST: u32 = 32;

crate::table! {
    pub struct Reach in reach, "The systems that one address could have come to, respecting time. Filled for a hunt that asks for it: `--set ip=ADDRESS --set depth=4`.";
    origin: String, "", "The address that was asked about.";
    address: String, "", "The system.";
    internal: bool, "", "Whether it is one of ours.";
    depth: u32, "", "Steps of the shortest path.";
    arrived: Option<Time>, "", "The earliest time at which a path arrives; NULL where no tie on it has a time.";
    path: String, "", "The path that arrives first, its addresses with -> between.";
    how: String, "", "Its last step: signature, or service and port.";
    answered: bool, "", "Whether the last step was a connection in which both sides took part.";
    severity: Option<&'static str>, "", "The gravest alert of the last step.";
    acted: u64, "", "Alerts that it was itself the source of after that time.";
    grade: &'static str, "", "strong: it raised alerts itself afterwards, or answered an attack; possible: it answered, or the alert is graded high; weak: an attempt is all that is known.";
}

crate::table! {
    pub struct PathRow in paths, "All paths from one address that visit nothing twice and respect time, shortest first, at most 10,000. Filled with `reach`.";
    origin: String, "", "The address that was asked about.";
    address: String, "", "Where the path ends.";
    depth: u32, "", "Its steps.";
    arrived: Option<Time>, "", "When it arrives at the earliest.";
    path: String, "", "Its addresses with -> between.";
}

/// A tie from one address to another, of all alerts or connections of one kind.
#[derive(Clone, Debug)]
struct Tie {
    to: u32,
    first: Option<i64>,
    last: Option<i64>,
    how: u32,
    answered: bool,
    severity: Option<Level>,
    count: u64,
}

#[derive(Default)]
struct Ties {
    names: Vec<String>,
    by: HashMap<String, u32>,
    labels: Vec<String>,
    label_by: HashMap<String, u32>,
    out: Vec<BTreeMap<(u32, u32), Tie>>,
}

impl Ties {
    fn number(&mut self, text: &str) -> u32 {
        if let Some(number) = self.by.get(text) {
            return *number;
        }
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.push(text.to_owned());
        self.by.insert(text.to_owned(), number);
        self.out.push(BTreeMap::new());
        number
    }

    /// The number of what a tie is called.
    fn label(&mut self, text: &str) -> u32 {
        if let Some(number) = self.label_by.get(text) {
            return *number;
        }
        let number = u32::try_from(self.labels.len()).unwrap_or(u32::MAX);
        self.labels.push(text.to_owned());
        self.label_by.insert(text.to_owned(), number);
        number
    }

    fn add(&mut self, from: &str, to: &str, tie: Tie) {
        if from == to {
            return;
        }
        let (from, to) = (self.number(from), self.number(to));
        let Some(out) = self.out.get_mut(from as usize) else { return };
        match out.get_mut(&(to, tie.how)) {
            Some(there) => {
                there.first = match (there.first, tie.first) {
                    (Some(a), Some(b)) => Some(a.min(b)),
                    (a, b) => a.or(b),
                };
                there.last = there.last.max(tie.last);
                there.severity = there.severity.max(tie.severity);
                there.answered |= tie.answered;
                there.count += tie.count;
            }
            None => {
                out.insert((to, tie.how), Tie { to, ..tie });
            }
        }
    }

    fn of(facts: &Facts) -> Result<Self, Error> {
        let mut ties = Self::default();
        each(
            facts,
            "SELECT client, server, coalesce(signature, signature_id, category, 'an alert without a name'),
               kind, severity, coalesce(count, 1), time, coalesce(last, time)
             FROM alerts WHERE NOT sample AND NOT repeated AND client IS NOT NULL AND server IS NOT NULL",
            |row| {
                let text = |at: usize| row.get_ref(at).ok().and_then(|v| v.as_str().ok()).unwrap_or_default();
                let tie = Tie {
                    to: 0,
                    first: row.get(6)?,
                    last: row.get(7)?,
                    how: ties.label(text(2)),
                    answered: false,
                    severity: graded(text(3), row.get(4)?),
                    count: row.get::<_, i64>(5)?.cast_unsigned(),
                };
                ties.add(text(0), text(1), tie);
                Ok(())
            },
        )?;
        each(
            facts,
            "SELECT originator, responder, responder_port, coalesce(service, protocol, '?'), first, last
             FROM conversations
             WHERE established > 0 AND originator IS NOT NULL AND responder IS NOT NULL",
            |row| {
                let text = |at: usize| row.get_ref(at).ok().and_then(|v| v.as_str().ok()).unwrap_or_default();
                let how = match row.get::<_, Option<i64>>(2)? {
                    Some(port) => format!("{} port {port}", text(3)),
                    None => text(3).to_owned(),
                };
                let tie = Tie {
                    to: 0,
                    first: row.get(4)?,
                    last: row.get(5)?,
                    how: ties.label(&how),
                    answered: true,
                    severity: None,
                    count: 0,
                };
                ties.add(text(0), text(1), tie);
                Ok(())
            },
        )?;
        Ok(ties)
    }

    fn ties(&self, of: u32) -> impl Iterator<Item = &Tie> {
        self.out.get(of as usize).into_iter().flat_map(BTreeMap::values)
    }

    fn name(&self, of: u32) -> &str {
        self.names.get(of as usize).map_or("", String::as_str)
    }
}

/// When a tie arrives for who is there at `now`; [`None`] where it was over by then.
fn arrives(tie: &Tie, now: Option<i64>) -> Option<Option<i64>> {
    match (now, tie.last) {
        (Some(now), Some(last)) if last < now => None,
        _ => Some(now.max(tie.first)),
    }
}

/// The earliest known arrival at a node, and from where.
#[derive(Clone, Copy)]
struct Came {
    arrived: Option<i64>,
    /// The step before, in the list of all steps.
    before: Option<usize>,
    node: u32,
}

/// Every system that is reached within so many steps: for each, the first step that arrived there
/// by the fewest steps, and the earliest arrival of all.
fn reached(ties: &Ties, start: u32, depth: u32) -> (Vec<Came>, BTreeMap<u32, (usize, u32)>) {
    let mut steps = vec![Came { arrived: None, before: None, node: start }];
    // For each node the best step so far, and the depth of the first.
    let mut best: BTreeMap<u32, (usize, u32)> = BTreeMap::from([(start, (0, 0))]);
    let mut layer = vec![0_usize];
    for level in 1..=depth {
        let mut next: BTreeMap<u32, usize> = BTreeMap::new();
        for at in layer {
            let Some(here) = steps.get(at).copied() else { continue };
            for tie in ties.ties(here.node).filter(|tie| tie.to != start) {
                let Some(arrived) = arrives(tie, here.arrived) else { continue };
                let known =
                    next.get(&tie.to).copied().or_else(|| best.get(&tie.to).map(|(step, _)| *step));
                let earlier = known.and_then(|step| steps.get(step)).is_none_or(|known| {
                    matches!((arrived, known.arrived), (Some(now), Some(then)) if now < then)
                        || (arrived.is_none() && known.arrived.is_some())
                });
                if earlier {
                    next.insert(tie.to, steps.len());
                    steps.push(Came { arrived, before: Some(at), node: tie.to });
                }
            }
        }
        if next.is_empty() {
            break;
        }
        for (node, step) in &next {
            let first = best.get(node).map_or(level, |(_, depth)| *depth);
            best.insert(*node, (*step, first));
        }
        layer = next.into_values().collect();
    }
    best.remove(&start);
    (steps, best)
}

fn route(steps: &[Came], at: usize) -> Vec<u32> {
    let mut nodes = Vec::new();
    let mut here = Some(at);
    while let Some(step) = here.and_then(|at| steps.get(at)) {
        nodes.push(step.node);
        here = step.before;
    }
    nodes.reverse();
    nodes
}

/// Fills `reach` and `paths` for the parameters `ip` and `depth`. Again does no harm.
///
/// # Errors
/// Where SQLite fails.
pub fn fill(facts: &Facts, params: &BTreeMap<String, String>) -> Result<(), Error> {
    for table in [Reach::DEF, PathRow::DEF] {
        facts.change(&format!("DELETE FROM {}", table.name), [])?;
    }
    let Some(origin) = params.get("ip").filter(|ip| !ip.is_empty()) else { return Ok(()) };
    let depth = params.get("depth").and_then(|depth| depth.parse().ok()).unwrap_or(DEPTH);
    let depth = depth.clamp(1, DEEPEST);
    let ties = Ties::of(facts)?;
    let Some(start) = ties.by.get(origin).copied() else { return Ok(()) };
    let internal = Ranges::internal(facts)?;
    let (steps, best) = reached(&ties, start, depth);
    facts.together(|facts| {
        let mut rows = facts.inserter::<Reach>()?;
        for (node, (step, first)) in best {
            let Some(came) = steps.get(step) else { continue };
            let row = row(&ties, &steps, origin, (node, step, first), came, &internal);
            rows.insert(&row.address, "alerts and conversations, in order of time", &row)?;
        }
        drop(rows);
        paths(facts, &ties, start, origin, depth)
    })
}

fn row(
    ties: &Ties,
    steps: &[Came],
    origin: &str,
    (node, step, first): (u32, usize, u32),
    came: &Came,
    internal: &Ranges,
) -> Reach {
    let address = ties.name(node).to_owned();
    let before = came.before.and_then(|at| steps.get(at));
    let into = before.into_iter().flat_map(|before| {
        ties.ties(before.node)
            .filter(|tie| tie.to == node && arrives(tie, before.arrived).is_some())
    });
    let (mut answered, mut attacked, mut severity, mut how) = (false, false, None, None);
    for tie in into {
        answered |= tie.answered;
        attacked |= tie.count > 0;
        if tie.severity > severity || how.is_none() {
            how = ties.labels.get(tie.how as usize).cloned();
        }
        severity = severity.max(tie.severity);
    }
    let later = |tie: &&Tie| arrives(tie, came.arrived).is_some();
    let acted = ties.ties(node).filter(later).map(|tie| tie.count).sum();
    let grade = if acted > 0 || answered && attacked {
        "strong"
    } else if answered || severity >= Some(Level::High) {
        "possible"
    } else {
        "weak"
    };
    let names: Vec<&str> = route(steps, step).into_iter().map(|node| ties.name(node)).collect();
    Reach {
        origin: origin.to_owned(),
        internal: address.parse().is_ok_and(|address| internal.contains(address)),
        address,
        depth: first,
        arrived: came.arrived.map(Time),
        path: names.join(" -> "),
        how: how.unwrap_or_default(),
        answered,
        severity: severity.map(Level::word),
        acted,
        grade,
    }
}

/// A path that is being followed.
struct Path {
    nodes: Vec<u32>,
    arrived: Option<i64>,
}

fn paths(facts: &Facts, ties: &Ties, start: u32, origin: &str, depth: u32) -> Result<(), Error> {
    let mut rows = facts.inserter::<PathRow>()?;
    let mut wait = VecDeque::from([Path { nodes: vec![start], arrived: None }]);
    let mut told = 0_usize;
    while let Some(path) = wait.pop_front() {
        let Some(last) = path.nodes.last().copied() else { continue };
        if path.nodes.len() > depth as usize {
            continue;
        }
        // Of several ties to the same node the earliest arrival serves.
        let mut next: BTreeMap<u32, Option<i64>> = BTreeMap::new();
        for tie in ties.ties(last).filter(|tie| !path.nodes.contains(&tie.to)) {
            if let Some(arrived) = arrives(tie, path.arrived) {
                let there = next.entry(tie.to).or_insert(arrived);
                *there = (*there).min(arrived);
            }
        }
        for (node, arrived) in next {
            if told >= MOST_PATHS {
                return Ok(());
            }
            let mut nodes = path.nodes.clone();
            nodes.push(node);
            let names: Vec<&str> = nodes.iter().map(|node| ties.name(*node)).collect();
            let row = PathRow {
                origin: origin.to_owned(),
                address: ties.name(node).to_owned(),
                depth: u32::try_from(nodes.len().saturating_sub(1)).unwrap_or(u32::MAX),
                arrived: arrived.map(Time),
                path: names.join(" -> "),
            };
            told += 1;
            rows.insert(told, "alerts and conversations, in order of time", &row)?;
            wait.push_back(Path { nodes, arrived });
        }
    }
    Ok(())
}

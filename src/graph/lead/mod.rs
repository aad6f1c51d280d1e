//! What the SOC already knows, found among the facts.

mod rows;

use super::Edge;
use super::build::{host_node, split_port, url_host};
use super::heat::Heat;
use crate::facts::Facts;
use rows::{by_carved_text, by_command, by_digest, by_file, by_process, by_socket};
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// Places a lead may lead to; more say no more.
const MOST: u32 = 6;

/// A node that the lead is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) node: String,
    pub(super) label: String,
    pub(super) because: String,
    pub(super) fact: String,
}

/// Finds what a lead is about: what findings are gravest on comes first.
pub(super) fn find(
    facts: &Facts,
    edges: &[Edge],
    heat: &Heat,
    lead: &str,
) -> rusqlite::Result<Vec<Found>> {
    let lead = lead.trim();
    // The connection first: it is what the alert was about.
    let mut found = by_port(edges, heat, lead);
    found.extend(by_node(edges, heat, lead));
    found.extend(by_socket(facts, lead)?);
    if found.is_empty() {
        found = by_process(facts, lead)?;
    }
    if found.is_empty() {
        found = by_digest(facts, lead)?;
    }
    if found.is_empty() {
        found = by_file(facts, lead)?;
    }
    if found.is_empty() && lead.len() > 3 {
        found = by_command(facts, lead)?;
        found.extend(by_carved_text(facts, lead)?);
        found.sort_by_key(|found| Reverse(heat.node(&found.node)));
    }
    let mut seen = BTreeSet::new();
    found.retain(|found| seen.insert(found.node.clone()));
    found.truncate(MOST as usize);
    Ok(found)
}

/// The sentence that the report says about it. `gaps` are what could not be read of the tables
/// that it was looked for in, `searched` is where it was looked for; `told` is whether there is a
/// story all the same.
pub(super) fn sentence(
    lead: &str,
    found: &[Found],
    gaps: &[String],
    searched: &str,
    told: bool,
) -> String {
    let start = if told { " The story starts from the worst finding." } else { "" };
    match found {
        [] if gaps.is_empty() => {
            format!("{lead}: not found on this host. Looked for in {searched}.{start}")
        }
        [] => format!(
            "{lead}: could not be looked for in full ({}); it is not among what could be read: {searched}.{start}",
            gaps.join(", ")
        ),
        [one] => format!("{lead}: found. {}.", one.because),
        [first, rest @ ..] => {
            let also: Vec<&str> = rest.iter().map(|found| found.label.as_str()).collect();
            format!(
                "{lead}: found in {} places. {}. Also: {}.",
                rest.len().saturating_add(1),
                first.because,
                also.join(", ")
            )
        }
    }
}

/// Where a lead is looked for, with how much of it was read.
pub(super) fn searched(facts: &Facts) -> rusqlite::Result<String> {
    let count = |sql: &str| facts.connection().query_row(sql, [], |row| row.get::<_, i64>(0));
    let all = count("SELECT count(*) FROM processes WHERE NOT ifnull(kernel_thread, 0)")?;
    let read = count(
        "SELECT count(*) FROM coverage WHERE what LIKE 'memory of pid %' AND status IN ('complete', 'partial')",
    )?;
    let files: Option<String> = facts
        .connection()
        .prepare("SELECT detail FROM coverage WHERE what = 'indicators' AND detail LIKE '% files carved%' LIMIT 1")?
        .query_map([], |row| row.get(0))?
        .next()
        .transpose()?;
    let files = files.as_deref().and_then(|detail| detail.split(" files carved").next());
    let files = match files {
        Some(number) => format!(
            ", {number} files (what runs, was deleted and is held, starts by itself or lies beside these)"
        ),
        None => String::new(),
    };
    let memory = match all {
        0 => String::new(),
        all if read < all => {
            format!(", the memory of {read} of {all} processes (--memory all reads the rest)")
        }
        all => format!(", the memory of all {all} processes"),
    };
    Ok(format!("connections, processes, startup entries{files}{memory}"))
}

/// What of connections, open files and processes was read in part or not at all.
pub(super) fn gaps(facts: &Facts) -> rusqlite::Result<Vec<String>> {
    facts
        .connection()
        .prepare(
            "SELECT DISTINCT what || ' ' || status FROM coverage
             WHERE status IN ('denied', 'partial', 'timed-out', 'not-captured')
               AND (what IN ('sockets', 'open_files', 'processes', 'processes.exe')
                 OR what LIKE 'sockets.%' OR what LIKE 'open_files.%')
             ORDER BY what, status LIMIT ?1",
        )?
        .query_map([MOST], |row| row.get(0))?
        .collect()
}

/// The lead names a node: an address, a name, a URL, a path, a wallet, a pid.
fn by_node(edges: &[Edge], heat: &Heat, lead: &str) -> Vec<Found> {
    let (host, port) = split_port(lead);
    let mut nodes = vec![
        format!("url/{lead}"),
        format!("file/{lead}"),
        format!("persistence/{lead}"),
        format!("wallet/{lead}"),
    ];
    match url_host(lead) {
        Some(host) => nodes.push(host_node(host)),
        None => nodes.push(host_node(host)),
    }
    let mut found: Vec<Found> = Vec::new();
    for node in nodes {
        let touching = || edges.iter().filter(|edge| edge.target == node || edge.origin == node);
        let with_port = |edge: &&Edge| {
            port.is_some_and(|port| edge.target_label.ends_with(&format!(":{port}")))
        };
        let mut told: Vec<&Edge> = touching().filter(with_port).collect();
        if told.is_empty() {
            told = touching().collect();
        }
        if let Some(edge) = worst_first(&mut told, heat) {
            let label = if edge.target == node { &edge.target_label } else { &edge.origin_label };
            found.push(Found {
                label: label.clone(),
                because: format!("{}{}", edge.because, others(&told, edge)),
                fact: edge.cited.clone(),
                node,
            });
            break;
        }
    }
    found
}

/// Sorts edges by how grave that which they leave is, and gives the first.
fn worst_first<'e>(edges: &mut [&'e Edge], heat: &Heat) -> Option<&'e Edge> {
    edges.sort_by_key(|edge| Reverse(heat.node(&edge.origin)));
    edges.first().copied()
}

/// `; the same is true of sh (pid 12) and java (pid 14)`: who else has an edge of this kind to it.
fn others(edges: &[&Edge], first: &Edge) -> String {
    let mut labels: Vec<&str> = Vec::new();
    for edge in edges {
        let same = edge.edge == first.edge && edge.target == first.target;
        let label = edge.origin_label.as_str();
        if same && edge.origin != first.origin && !labels.contains(&label) {
            labels.push(label);
        }
    }
    let more = labels.len().saturating_sub(MOST as usize);
    labels.truncate(MOST as usize);
    match (labels.is_empty(), more) {
        (true, _) => String::new(),
        (_, 0) => format!("; the same is true of {}", labels.join(", ")),
        (_, more) => format!("; the same is true of {} and {more} more", labels.join(", ")),
    }
}

/// The lead has a name, which davy does not resolve, and a port, which is spoken to.
fn by_port(edges: &[Edge], heat: &Heat, lead: &str) -> Vec<Found> {
    let (host, Some(port)) = split_port(lead) else { return Vec::new() };
    if !host_node(host).starts_with("name/") {
        return Vec::new();
    }
    let ending = format!(":{port}");
    let at_port = |edge: &&Edge| edge.edge == "connects to" && edge.target_label.ends_with(&ending);
    let mut told: Vec<&Edge> = edges.iter().filter(at_port).collect();
    worst_first(&mut told, heat);
    told.iter()
        .map(|edge| Found {
            node: edge.target.clone(),
            label: edge.target_label.clone(),
            because: format!(
                "{}{}; the port is the alert's (davy resolves no names, so whether {host} is that address is for you to check)",
                edge.because,
                others(&told, edge)
            ),
            fact: edge.cited.clone(),
        })
        .collect()
}

//! What the SOC already knows, found among the facts.

use super::Edge;
use super::build::{host_node, split_port, url_host};
use crate::facts::Facts;
use rusqlite::params;
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

/// Finds what a lead is about.
pub(super) fn find(facts: &Facts, edges: &[Edge], lead: &str) -> rusqlite::Result<Vec<Found>> {
    let lead = lead.trim();
    // The connection first: it is what the alert was about.
    let mut found = by_port(edges, lead);
    found.extend(by_node(edges, lead));
    found.extend(by_socket(facts, lead)?);
    if found.is_empty() {
        found = by_process(facts, lead)?;
    }
    if found.is_empty() {
        found = by_digest(facts, lead)?;
    }
    if found.is_empty() && lead.len() > 3 {
        found = by_carved_text(facts, lead)?;
    }
    let mut seen = BTreeSet::new();
    found.retain(|found| seen.insert(found.node.clone()));
    found.truncate(MOST as usize);
    Ok(found)
}

/// The sentence that the report says about it. `gaps` are what could not be read of the tables
/// that it was looked for in; `told` is whether there is a story all the same.
pub(super) fn sentence(lead: &str, found: &[Found], gaps: &[String], told: bool) -> String {
    let start = if told { " The story starts from the worst finding." } else { "" };
    match found {
        [] if gaps.is_empty() => format!(
            "{lead}: not found on this host, neither among its connections, files and processes nor in what was carved.{start}"
        ),
        [] => format!(
            "{lead}: could not be looked for in full ({}); it is not among what could be read.{start}",
            gaps.join(", ")
        ),
        [one] => format!("{lead}: found. {}.", one.because),
        [first, rest @ ..] => {
            format!("{lead}: found in {} places. {}.", rest.len().saturating_add(1), first.because)
        }
    }
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

/// Sockets that no edge tells of: those without an owner that could be read, and those of
/// connections that are being closed.
fn by_socket(facts: &Facts, lead: &str) -> rusqlite::Result<Vec<Found>> {
    let (host, port) = split_port(lead);
    let node = host_node(host);
    let address = node.strip_prefix("address/");
    if address.is_none() && port.is_none() {
        return Ok(Vec::new());
    }
    let told = if address.is_some() {
        String::new()
    } else {
        format!(
            "; the port is the alert's (davy resolves no names, so whether {host} is that address is for you to check)"
        )
    };
    facts
        .connection()
        .prepare(
            "SELECT s.remote_address, s.remote_port, s.state, s.uid, s.inode, s.fact, p.pid, p.comm
             FROM sockets s LEFT JOIN processes p ON p.pid = s.pid
             WHERE s.remote_address IS NOT NULL AND (?1 IS NULL OR s.remote_address = ?1)
               AND (?2 IS NULL OR s.remote_port = ?2)
               AND (p.pid IS NULL OR ifnull(s.state, '') NOT IN ('ESTABLISHED', 'SYN_SENT'))
               AND s.protocol NOT IN ('unix', 'packet')
             ORDER BY ifnull(s.state, '') <> 'ESTABLISHED', s.fact LIMIT ?3",
        )?
        .query_map(params![address, port, MOST], |row| {
            let remote: String = row.get(0)?;
            let port: Option<u16> = row.get(1)?;
            let state: Option<String> = row.get(2)?;
            let uid: Option<u32> = row.get(3)?;
            let (inode, pid): (i64, Option<u32>) = (row.get(4)?, row.get(6)?);
            let port = port.unwrap_or_default();
            let marks: Vec<String> =
                state.into_iter().chain(uid.map(|uid| format!("uid {uid}"))).collect();
            let marks = match marks.is_empty() {
                true => String::new(),
                false => format!(" ({})", marks.join(", ")),
            };
            let comm = row.get::<_, Option<String>>(7)?.unwrap_or_default();
            let whose = match pid {
                Some(pid) => format!(" belongs to {comm} (pid {pid})"),
                None if inode == 0 => "; no process holds it any more".to_owned(),
                None => "; whose it is could not be read".to_owned(),
            };
            Ok(Found {
                node: match pid {
                    Some(pid) => format!("process/{pid}"),
                    None => host_node(&remote),
                },
                label: match pid {
                    Some(pid) => format!("{comm} (pid {pid})"),
                    None if remote.contains(':') => format!("[{remote}]:{port}"),
                    None => format!("{remote}:{port}"),
                },
                because: format!("a connection to {remote} port {port}{marks}{whose}{told}"),
                fact: row.get(5)?,
            })
        })?
        .collect()
}

/// The lead names a node: an address, a name, a URL, a path, a wallet, a pid.
fn by_node(edges: &[Edge], lead: &str) -> Vec<Found> {
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
        if let Some(edge) = touching().find(with_port).or_else(|| touching().next()) {
            let label = if edge.target == node { &edge.target_label } else { &edge.origin_label };
            found.push(Found {
                label: label.clone(),
                because: edge.because.clone(),
                fact: edge.cited.clone(),
                node,
            });
            break;
        }
    }
    found
}

/// The lead has a name, which davy does not resolve, and a port, which is spoken to.
fn by_port(edges: &[Edge], lead: &str) -> Vec<Found> {
    let (host, Some(port)) = split_port(lead) else { return Vec::new() };
    if !host_node(host).starts_with("name/") {
        return Vec::new();
    }
    edges
        .iter()
        .filter(|edge| {
            edge.edge == "connects to" && edge.target_label.ends_with(&format!(":{port}"))
        })
        .map(|edge| Found {
            node: edge.target.clone(),
            label: edge.target_label.clone(),
            because: format!(
                "{}; the port is the alert's (davy resolves no names, so whether {host} is that address is for you to check)",
                edge.because
            ),
            fact: edge.cited.clone(),
        })
        .collect()
}

fn by_process(facts: &Facts, lead: &str) -> rusqlite::Result<Vec<Found>> {
    let pid = lead.strip_prefix("pid:").unwrap_or(lead).parse::<u32>().ok();
    facts
        .connection()
        .prepare(
            "SELECT pid, comm, fact FROM processes WHERE pid = ?1 OR comm = ?2 ORDER BY pid LIMIT ?3",
        )?
        .query_map(params![pid, lead, MOST], |row| {
            let (pid, comm): (u32, String) = (row.get(0)?, row.get(1)?);
            Ok(Found {
                node: format!("process/{pid}"),
                because: format!("{comm} (pid {pid}) is running"),
                label: format!("{comm} (pid {pid})"),
                fact: row.get(2)?,
            })
        })?
        .collect()
}

fn by_digest(facts: &Facts, lead: &str) -> rusqlite::Result<Vec<Found>> {
    if lead.len() != 64 || !lead.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(Vec::new());
    }
    facts
        .connection()
        .prepare(
            "SELECT path, fact FROM (
               SELECT path, fact, sha256 FROM elf
               UNION ALL SELECT path, fact, sha256 FROM files
               UNION ALL SELECT target, fact, sha256 FROM open_files WHERE sha256 IS NOT NULL)
             WHERE sha256 = lower(?1) ORDER BY path, fact LIMIT ?2",
        )?
        .query_map(params![lead, MOST], |row| {
            let path: String = row.get(0)?;
            Ok(Found {
                node: format!("file/{path}"),
                because: format!("{path} has this SHA-256"),
                label: path,
                fact: row.get(1)?,
            })
        })?
        .collect()
}

fn by_carved_text(facts: &Facts, lead: &str) -> rusqlite::Result<Vec<Found>> {
    facts
        .connection()
        .prepare(
            "SELECT pid, path, place, value, fact FROM indicators
             WHERE instr(lower(value), lower(?1)) OR instr(lower(context), lower(?1))
             ORDER BY place = 'memory', fact LIMIT ?2",
        )?
        .query_map(params![lead, MOST], |row| {
            let (pid, path): (Option<u32>, Option<String>) = (row.get(0)?, row.get(1)?);
            let (place, value): (String, String) = (row.get(2)?, row.get(3)?);
            let (node, label) = match (pid, path) {
                (Some(pid), path) if place == "memory" || path.is_none() => {
                    (format!("process/{pid}"), format!("pid {pid}"))
                }
                (_, Some(path)) => (format!("file/{path}"), path),
                (_, None) => (String::new(), String::new()),
            };
            Ok(Found {
                node,
                because: format!("it stands in the {place} of {label}: {value}"),
                label,
                fact: row.get(4)?,
            })
        })?
        .collect()
}

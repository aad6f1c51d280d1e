//! Holds the user's list against every text in the facts.

use super::{Form, Ioc, Iocs};
use crate::facts::{Error, Facts};
use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use std::net::IpAddr;

/// Matches kept; more than a reader can look at.
const MOST: usize = 10_000;

/// Tables that are no evidence: what davy itself wrote of it.
const OURS: &[&str] = &[
    "iocs",
    "ioc_matches",
    "sources",
    "coverage",
    "findings",
    "finding_evidence",
    "timeline",
    "edges",
    "nodes",
    "events",
];

crate::table! {
    pub struct IocMatch in ioc_matches, "Where a listed indicator stands in the facts: one row for each fact and entry.";
    ioc: String, "", "Fact id of the entry in iocs.";
    kind: &'static str, "", "As in iocs.";
    value: String, "", "The entry's value, with its port.";
    label: String, "", "What the list says of it.";
    matched: String, "", "The fact in which it stands.";
    place: String, "", "Table and column in which it stands: sockets.remote_address.";
    text: String, "", "What stands there, at most 200 letters around it.";
    pid: Option<u32>, "", "The process that the fact belongs to.";
}

struct Column {
    table: String,
    name: String,
    pid: bool,
}

/// Looks for all entries in all texts, and leaves the table `ioc_matches` anew.
///
/// # Errors
/// Where facts cannot be read or stored.
pub fn hold(iocs: &Iocs, facts: &Facts) -> Result<(), Error> {
    facts.change("DELETE FROM ioc_matches", [])?;
    if iocs.entries().is_empty() {
        return Ok(());
    }
    let searched: Vec<(usize, &Ioc)> =
        iocs.entries().iter().enumerate().filter(|(_, ioc)| ioc.form != Form::Range).collect();
    let ranges: Vec<(usize, &Ioc)> =
        iocs.entries().iter().enumerate().filter(|(_, ioc)| ioc.form == Form::Range).collect();
    let Ok(automaton) = AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .match_kind(MatchKind::Standard)
        .kind(Some(AhoCorasickKind::ContiguousNFA))
        .build(searched.iter().map(|(_, ioc)| ioc.literal()))
    else {
        return facts.cover(
            "ioc_matches",
            crate::facts::Status::Partial,
            "too many entries to look for at once",
        );
    };
    let mut matches: Vec<(usize, IocMatch)> = Vec::new();
    let mut cut = 0_u64;
    for column in columns(facts)? {
        let pid = if column.pid { "pid" } else { "NULL" };
        let (table, name) = (&column.table, &column.name);
        let query =
            format!("SELECT fact, \"{name}\", {pid} FROM \"{table}\" WHERE \"{name}\" IS NOT NULL");
        let place = format!("{table}.{name}");
        let rows = facts.rows(&query, [], |row| {
            let text: String = row.get(1)?;
            let hits = hits(&text, &automaton, &searched, &ranges);
            Ok((row.get::<_, String>(0)?, row.get::<_, Option<u32>>(2)?, shown(&text, &hits), hits))
        })?;
        for (matched, pid, text, hits) in rows {
            for (entry, _) in hits {
                if matches.len() >= MOST {
                    cut += 1;
                    continue;
                }
                let Some(ioc) = iocs.entries().get(entry) else { continue };
                matches.push((entry, row(entry, ioc, &matched, &place, &text, pid)));
            }
        }
    }
    with_ports(iocs, facts, &mut matches)?;
    matches.sort_by(|a, b| (a.0, &a.1.matched, &a.1.place).cmp(&(b.0, &b.1.matched, &b.1.place)));
    matches.dedup_by(|a, b| (a.0, &a.1.matched) == (b.0, &b.1.matched));
    facts.together(|facts| {
        for (number, (_, row)) in matches.iter().enumerate() {
            facts.insert(number + 1, &row.matched, row)?;
        }
        Ok::<(), Error>(())
    })?;
    if cut > 0 {
        let detail = format!("{cut} matches beyond {MOST} left out");
        return facts.cover("ioc_matches", crate::facts::Status::Partial, detail);
    }
    Ok(())
}

fn row(
    entry: usize,
    ioc: &Ioc,
    matched: &str,
    place: &str,
    text: &str,
    pid: Option<u32>,
) -> IocMatch {
    IocMatch {
        ioc: format!("iocs/{}", entry + 1),
        kind: ioc.form.word(),
        value: ioc.literal(),
        label: ioc.label.clone(),
        matched: matched.to_owned(),
        place: place.to_owned(),
        text: text.to_owned(),
        pid,
    }
}

/// Every column of text in every table of evidence.
fn columns(facts: &Facts) -> Result<Vec<Column>, Error> {
    let all = facts.rows(
        "SELECT m.name, c.name, EXISTS (SELECT 1 FROM pragma_table_info(m.name) p WHERE p.name = 'pid')
         FROM sqlite_schema m JOIN pragma_table_info(m.name) c
         WHERE m.type = 'table' AND c.type = 'TEXT' AND c.name <> 'fact' ORDER BY m.name, c.cid",
        [],
        |row| Ok(Column { table: row.get(0)?, name: row.get(1)?, pid: row.get(2)? }),
    )?;
    let ours = |column: &Column| {
        OURS.contains(&column.table.as_str()) || column.name == "source" || column.name == "why"
    };
    Ok(all.into_iter().filter(|column| !ours(column)).collect())
}

/// The entries that stand in a text, and where.
fn hits(
    text: &str,
    automaton: &AhoCorasick,
    searched: &[(usize, &Ioc)],
    ranges: &[(usize, &Ioc)],
) -> Vec<(usize, usize)> {
    let bytes = text.as_bytes();
    let mut hits: Vec<(usize, usize)> = automaton
        .find_overlapping_iter(bytes)
        .filter_map(|hit| {
            let (entry, ioc) = searched.get(hit.pattern().as_usize())?;
            let at = |place: usize| bytes.get(place).copied().unwrap_or(0);
            let before = hit.start().checked_sub(1).map_or(0, at);
            let found = bytes.get(hit.range())?;
            ioc.stands(before, found, at(hit.end()), at(hit.end() + 1))
                .then_some((*entry, hit.start()))
        })
        .collect();
    if !ranges.is_empty()
        && text.len() <= 45
        && let Ok(address) = text.parse::<IpAddr>()
    {
        hits.extend(
            ranges.iter().filter(|(_, ioc)| ioc.holds(address)).map(|(entry, _)| (*entry, 0)),
        );
    }
    hits.sort_unstable();
    hits.dedup_by_key(|(entry, _)| *entry);
    hits
}

/// At most 200 letters around the first hit.
fn shown(text: &str, hits: &[(usize, usize)]) -> String {
    let Some((_, at)) = hits.first() else { return String::new() };
    let from = text.get(..*at).map_or(0, |before| before.chars().count().saturating_sub(60));
    text.chars().skip(from).take(200).collect()
}

/// Addresses and names with a port, in tables that keep the two apart.
fn with_ports(
    iocs: &Iocs,
    facts: &Facts,
    matches: &mut Vec<(usize, IocMatch)>,
) -> Result<(), Error> {
    let with_port = iocs.entries().iter().enumerate().filter(|(_, ioc)| ioc.port.is_some());
    for (entry, ioc) in with_port.take(MOST) {
        for (table, host, port) in
            [("sockets", "remote_address", "remote_port"), ("indicators", "host", "port")]
        {
            let query = format!(
                "SELECT fact, pid FROM {table} WHERE {host} = ?1 COLLATE NOCASE AND {port} = ?2"
            );
            let rows = facts.rows(&query, (&ioc.value, ioc.port), |row| {
                Ok((row.get::<_, String>(0)?, row.get::<_, Option<u32>>(1)?))
            })?;
            let place = format!("{table}.{host}");
            for (matched, pid) in rows {
                matches.push((entry, row(entry, ioc, &matched, &place, &ioc.literal(), pid)));
            }
        }
    }
    Ok(())
}

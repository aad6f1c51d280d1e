//! A place that was carved, and its rows.

use super::Indicator;
use super::scan::{Carved, Cut, Found};
use super::yara::Match;
use crate::evidence::{HostPath, Pid};
use crate::facts::{Error, Facts, HostText};
use std::collections::BTreeMap;

/// Where bytes were carved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// As in `indicators.place`.
    pub place: &'static str,
    /// The process that it belongs to.
    pub pid: Option<Pid>,
    /// The file, or the process's executable.
    pub path: Option<HostPath>,
    /// Fact id of what was carved.
    pub origin: String,
    /// What was read, for the column `source`.
    pub source: String,
}

/// Leaves in the facts what a place gave that was carved elsewhere, as a core dump: `region` names
/// the mapping and the fact of an offset.
///
/// # Errors
/// Where facts cannot be stored.
pub fn leave(
    place: &Place,
    facts: &Facts,
    carved: Vec<Carved>,
    matches: Vec<Match>,
    region: impl Fn(u64) -> Option<(String, String)>,
) -> Result<(), Error> {
    place.store(facts, &mut last(facts, "indicators")?, carved, region)?;
    place.store_matches(facts, &mut last(facts, "yara_matches")?, matches)
}

/// Known pools in one place from which on it is a list of pools and no miner: a blocklist, a
/// security agent, davy itself.
const LIST: usize = 40;

/// What was found in a place, by offset, and what was left out. A list of pools
/// becomes one indicator: who names forty pools does not mine at all of them.
#[must_use]
pub fn finish(found: Found) -> (Vec<Carved>, Cut) {
    let (mut all, cut) = found.finish();
    torn(&mut all);
    let named =
        |carved: &Carved| matches!(carved.kind, "domain" | "pool") && carved.detail.is_some();
    let pools = all.iter().filter(|carved| named(carved)).count();
    // Who logs in at one of them with a wallet mines, however many others he names beside.
    let logs_in = all.iter().any(|carved| carved.kind == "wallet")
        && all.iter().any(|carved| carved.kind == "stratum" && carved.why.starts_with("a "));
    if pools >= LIST
        && !logs_in
        && let Some(first) = all.iter().find(|carved| named(carved)).cloned()
    {
        let words = |carved: &Carved| {
            matches!(carved.kind, "stratum" | "miner-option" | "miner-config" | "domain" | "pool")
        };
        all.retain(|carved| !words(carved));
        all.push(Carved {
            kind: "pool-list",
            value: format!("{pools} known pools").into_bytes(),
            detail: None,
            host: None,
            port: None,
            why: "a list of mining pools, as blocklists and security agents carry; its words count for little".to_owned(),
            count: pools as u64,
            ..first
        });
        all.sort_by(|a, b| (a.offset, a.kind, &a.value).cmp(&(b.offset, b.kind, &b.value)));
    }
    (all, cut)
}

/// Drops pools whose name another string in memory cut or ran into: `ol.example.org` and
/// `apool.example.org` beside `pool.example.org`, which is there more often.
fn torn(all: &mut Vec<Carved>) {
    let pool = |carved: &Carved| matches!(carved.kind, "domain" | "pool");
    let mut counts: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
    for carved in all.iter().filter(|carved| pool(carved)) {
        let count = counts.entry(host(carved)).or_default();
        *count = count.saturating_add(carved.count);
    }
    let cut = |long: &[u8], short: &[u8]| {
        let rest = long.strip_suffix(short);
        rest.and_then(<[u8]>::last).is_some_and(u8::is_ascii_alphanumeric)
    };
    let rare: Vec<Vec<u8>> = counts
        .iter()
        .filter(|(name, count)| {
            counts.iter().any(|(other, more)| {
                more > *count && (cut(other, name.as_slice()) || cut(name, other.as_slice()))
            })
        })
        .map(|(name, _)| name.clone())
        .collect();
    if !rare.is_empty() {
        all.retain(|carved| !pool(carved) || !rare.contains(&host(carved)));
    }
}

/// Of `host:port`, the host.
fn host(carved: &Carved) -> Vec<u8> {
    let value = carved.value.split(|b| *b == b':').next();
    value.unwrap_or_default().to_ascii_lowercase()
}

impl Place {
    /// The path it had, or where it was read: what rules know as the file's name.
    pub(super) fn shown(&self) -> String {
        self.path.as_ref().map_or_else(|| self.source.clone(), ToString::to_string)
    }

    /// Adds the rows; `region` names the mapping and the fact of an address.
    pub(super) fn store(
        &self,
        facts: &Facts,
        next: &mut u64,
        carved: Vec<Carved>,
        region: impl Fn(u64) -> Option<(String, String)>,
    ) -> Result<(), Error> {
        for one in carved {
            let (region, origin) = match region(one.offset) {
                Some((region, origin)) => (Some(HostText::from(region.as_str())), origin),
                None => (None, self.origin.clone()),
            };
            let row = Indicator {
                kind: one.kind,
                value: one.value.into(),
                detail: one.detail.map(|text| HostText::from(text.as_str())),
                host: one.host.map(HostText::from),
                port: one.port,
                offset: one.offset,
                region,
                encoding: one.way.to_string(),
                context: one.context.into(),
                count: one.count,
                why: one.why,
                place: self.place,
                pid: self.pid,
                path: self.path.clone(),
                origin,
            };
            *next = next.saturating_add(1);
            facts.insert(*next, &format!("{}+{:#x}", self.source, row.offset), &row)?;
        }
        Ok(())
    }
}

/// The number of the last row stored in a table that this module fills.
pub(super) fn last(facts: &Facts, table: &str) -> Result<u64, Error> {
    let doing = format!("counting {table}");
    facts
        .connection()
        .query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get::<_, i64>(0))
        .map(i64::cast_unsigned)
        .map_err(|cause| Error::Sql { doing, cause })
}

/// Runs a query of ours and maps its rows.
pub(super) fn rows<T>(
    facts: &Facts,
    query: &str,
    map: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, Error> {
    let fail = |cause| Error::Sql { doing: format!("asking what to carve ({query})"), cause };
    let mut statement = facts.connection().prepare(query).map_err(fail)?;
    let rows = statement.query_map([], map).map_err(fail)?;
    rows.collect::<Result<Vec<T>, _>>().map_err(fail)
}

/// A path as it was stored.
pub(super) fn path(row: &rusqlite::Row<'_>, index: usize) -> rusqlite::Result<HostPath> {
    let text: String = row.get(index)?;
    Ok(HostPath::new(HostText::unescape(&text).0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::carve::Stream;

    #[test]
    fn a_torn_name_beside_the_whole_one_is_none() {
        let mut found = Found::default();
        let text = "x pool.supportxmr.com:3333 y pool.supportxmr.com:3333 z\0apool.supportxmr.com:3333\0ol.supportxmr.com:3333\0eu-pool.supportxmr.com:3333 ";
        Stream::new(&mut found, 0).feed(text.as_bytes());
        let names: Vec<String> = finish(found)
            .0
            .into_iter()
            .filter(|carved| carved.kind == "pool")
            .map(|carved| String::from_utf8_lossy(&carved.value).into_owned())
            .collect();
        assert_eq!(names, ["pool.supportxmr.com:3333", "eu-pool.supportxmr.com:3333"]);
    }
}

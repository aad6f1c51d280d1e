//! Alerts that one sensor wrote into two logs, as Suricata does into eve.json and fast.log, and
//! findings that GuardDuty exported again: they are marked in the one that says less, and nobody
//! counts them again.

use crate::facts::{self, Facts, Status};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Formats that say all of an alert, and those in which the same sensor says less.
const TWINS: &[(&str, &str)] = &[("suricata", "suricata-fast"), ("snort3", "snort")];
/// Zones differ by multiples of so much: logs without a zone are read as UTC, and may be local.
const QUARTER: i64 = 900_000_000_000;
/// No zone is further from UTC.
const FURTHEST: i64 = 14 * 4 * QUARTER;

/// Marks them, and tells how many there are.
///
/// # Errors
/// The store's.
pub(super) fn mark(facts: &Facts) -> Result<(), facts::Error> {
    let kinds =
        facts.rows("SELECT DISTINCT kind FROM alerts", [], |row| row.get::<_, String>(0))?;
    let there = |kind: &str| kinds.iter().any(|known| known == kind);
    for (full, short) in TWINS {
        if there(full) && there(short) {
            let marked = pair(facts, full, short)?;
            if marked > 0 {
                let detail = format!(
                    "{marked} alerts of {short} stand in {full}, too, with the same time, ends and \
                     signature: they are counted once"
                );
                facts.cover(format!("alerts told twice ({short})"), Status::Complete, detail)?;
            }
        }
    }
    copied(facts)?;
    if there("guardduty") { again(facts) } else { Ok(()) }
}

/// The same alert in two files, as a log beside its rotated copy: time, ends and signature agree.
/// What one file has twice happened twice.
fn copied(facts: &Facts) -> Result<(), facts::Error> {
    let files = facts.rows(
        "SELECT count(DISTINCT rtrim(rtrim(source, '0123456789'), ':')) FROM alerts",
        [],
        |row| row.get::<_, i64>(0),
    )?;
    if files.first().is_none_or(|files| *files < 2) {
        return Ok(());
    }
    facts.change(
        "UPDATE alerts SET repeated = 1 WHERE rowid IN (
           SELECT rowid FROM (
             SELECT rowid, row_number() OVER (PARTITION BY kind, at, client, client_port, server, server_port, what, said, turn ORDER BY rowid) AS copy
             FROM (
               SELECT rowid, kind, (time + 500) / 1000 AS at, client, client_port, server, server_port,
                 coalesce(signature_id, signature) AS what, CASE WHEN client IS NULL THEN detail END AS said,
                 row_number() OVER (PARTITION BY kind, (time + 500) / 1000, client, client_port, server, server_port,
                   coalesce(signature_id, signature), CASE WHEN client IS NULL THEN detail END,
                   rtrim(rtrim(source, '0123456789'), ':') ORDER BY rowid) AS turn
               FROM alerts
               WHERE NOT repeated AND time IS NOT NULL AND coalesce(signature_id, signature) IS NOT NULL AND kind <> 'guardduty'
             )
           ) WHERE copy > 1)",
        [],
    )?;
    let marked = facts.connection().changes();
    if marked == 0 {
        return Ok(());
    }
    let detail = format!(
        "{marked} stand in a second file with the same time, ends and signature: they are counted once"
    );
    facts.cover("alerts told twice (copies)", Status::Complete, detail)
}

/// GuardDuty exports a finding anew whenever it has seen more of it: the last counts.
fn again(facts: &Facts) -> Result<(), facts::Error> {
    facts.change(
        "UPDATE alerts SET repeated = 1 WHERE rowid IN (
           SELECT rowid FROM (
             SELECT rowid, row_number() OVER (PARTITION BY signature_id ORDER BY last DESC, count DESC, fact) AS copy
             FROM alerts WHERE kind = 'guardduty' AND signature_id IS NOT NULL
           ) WHERE copy > 1)",
        [],
    )?;
    let marked = facts.rows(
        "SELECT count(*) FROM alerts WHERE kind = 'guardduty' AND repeated",
        [],
        |row| row.get::<_, i64>(0),
    )?;
    match marked.first() {
        Some(marked @ 1..) => {
            let detail = format!("{marked} were exported again with more counted: the last counts");
            facts.cover("findings exported again (guardduty)", Status::Complete, detail)
        }
        _ => Ok(()),
    }
}

/// An alert without what its log may leave out: the same in both.
fn print(row: &rusqlite::Row<'_>) -> rusqlite::Result<Option<(u64, i64)>> {
    let Some(time) = row.get::<_, Option<i64>>(1)? else { return Ok(None) };
    let end = |at: usize| -> rusqlite::Result<(Option<String>, Option<u16>)> {
        Ok((row.get(at)?, row.get(at + 1)?))
    };
    // One log names the packet's source first, the other who began the connection.
    let (a, b) = (end(2)?, end(4)?);
    let id: Option<String> = row.get(6)?;
    if id.is_none() || a.0.is_none() || b.0.is_none() {
        return Ok(None);
    }
    let mut hasher = DefaultHasher::new();
    // Microseconds are all that either writes.
    (time.rem_euclid(QUARTER) / 1_000, id).hash(&mut hasher);
    if a < b {
        (a, b).hash(&mut hasher)
    } else {
        (b, a).hash(&mut hasher)
    }
    Ok(Some((hasher.finish(), time)))
}

/// fast.log writes the type and code of ICMP where ports stand.
const WHAT: &str =
    "SELECT rowid, time, client, CASE WHEN protocol LIKE '%icmp%' THEN NULL ELSE client_port END,
      server, CASE WHEN protocol LIKE '%icmp%' THEN NULL ELSE server_port END, signature_id
    FROM alerts WHERE kind = ?1 ORDER BY rowid";

fn pair(facts: &Facts, full: &str, short: &str) -> Result<u64, facts::Error> {
    let fail = |cause| facts::Error::Sql { doing: "alerts told twice".to_owned(), cause };
    let mut known: HashMap<u64, Vec<i64>> = HashMap::new();
    let mut twice = Vec::new();
    let mut read = || -> rusqlite::Result<()> {
        let mut statement = facts.connection().prepare(WHAT)?;
        let mut rows = statement.query([full])?;
        while let Some(row) = rows.next()? {
            if let Some((print, time)) = print(row)? {
                known.entry(print).or_default().push(time);
            }
        }
        drop(rows);
        let mut rows = statement.query([short])?;
        while let Some(row) = rows.next()? {
            let Some((print, time)) = print(row)? else { continue };
            let Some(times) = known.get_mut(&print) else { continue };
            // Each of the one is at most one of the other.
            if let Some(at) = times.iter().position(|own| (own - time).abs() <= FURTHEST) {
                times.swap_remove(at);
                twice.push(row.get::<_, i64>(0)?);
            }
        }
        Ok(())
    };
    read().map_err(fail)?;
    let mut update = facts
        .connection()
        .prepare("UPDATE alerts SET repeated = 1 WHERE rowid = ?1")
        .map_err(fail)?;
    for row in &twice {
        update.execute([row]).map_err(fail)?;
    }
    Ok(twice.len() as u64)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::facts::{HostText, Table, Time};
    use crate::logs::Alert;

    fn alert(kind: &'static str, time: i64, from: (&str, u16), to: (&str, u16), id: &str) -> Alert {
        Alert {
            time: Some(Time(time)),
            client: from.0.parse().ok(),
            client_port: Some(from.1),
            server: to.0.parse().ok(),
            server_port: Some(to.1),
            signature_id: Some(HostText::from(id)),
            ..Alert::new(kind)
        }
    }

    #[test]
    fn only_the_same_alert_in_another_log_is_one() {
        let facts = Facts::in_memory(&[Alert::DEF]).unwrap();
        let (a, b) = (("203.0.113.9", 4000), ("10.0.0.5", 22));
        let at = 1_795_328_657_123_456_000;
        for (number, row) in [
            alert("suricata", at, a, b, "1:7:1"),
            // In local time, and by the packet's direction: told twice.
            alert("suricata-fast", at + 8 * QUARTER, b, a, "1:7:1"),
            // Again within the same microsecond: eve.json has it once.
            alert("suricata-fast", at, a, b, "1:7:1"),
            alert("suricata-fast", at, a, b, "1:8:1"),
            alert("suricata-fast", at + 1_000, a, b, "1:7:1"),
            alert("suricata-fast", at, ("203.0.113.9", 4001), b, "1:7:1"),
            // Another sensor's.
            alert("snort", at, a, b, "1:7:1"),
        ]
        .iter()
        .enumerate()
        {
            facts.insert(number, "x", row).unwrap();
        }
        mark(&facts).unwrap();
        let marked: Vec<i64> = facts
            .rows("SELECT rowid FROM alerts WHERE repeated ORDER BY 1", [], |row| row.get(0))
            .unwrap();
        assert_eq!(marked, [2]);
        let told: String =
            facts.rows("SELECT detail FROM coverage", [], |row| row.get(0)).unwrap().remove(0);
        assert!(told.starts_with("1 alerts of suricata-fast stand in suricata"), "{told}");
    }
}

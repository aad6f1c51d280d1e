//! Alerts and conversations as edges between addresses.

use super::block::listed;
use super::{Builder, Seen};
use crate::facts::{Error, Facts, Time};
use crate::graph::campaign::accused::Said;
use crate::judge::Level;
use std::collections::BTreeSet;

/// How grave an alert is, out of what its sensor counts: Suricata and Snort 1 is worst, GuardDuty
/// 9 and above is critical. [`None`] where the sensor did not grade it.
pub(in crate::graph) fn graded(kind: &str, severity: Option<f64>) -> Option<Level> {
    let severity = severity?;
    if kind == "guardduty" {
        return Some(match severity {
            s if s >= 9.0 => Level::Critical,
            s if s >= 7.0 => Level::High,
            s if s >= 4.0 => Level::Medium,
            _ => Level::Low,
        });
    }
    Some(match severity {
        s if s < 1.5 => Level::High,
        s if s < 2.5 => Level::Medium,
        s if s < 3.5 => Level::Low,
        _ => Level::Informational,
    })
}

/// Adds them. What has no address is told, not drawn as something it is not.
pub(super) fn add(facts: &Facts, builder: &mut Builder) -> Result<(), Error> {
    alerts(facts, builder)?;
    pool_names(facts, builder)?;
    conversations(facts, builder)
}

fn alerts(facts: &Facts, builder: &mut Builder) -> Result<(), Error> {
    let mut nowhere = 0_u64;
    each(
        facts,
        "SELECT client, server, coalesce(signature, signature_id, category, 'an alert without a name'),
           kind, severity, CASE kind WHEN 'guardduty' THEN 1 ELSE coalesce(count, 1) END,
           time, coalesce(last, time), domain, instance, category, app_proto, server_port
         FROM alerts WHERE NOT sample AND NOT repeated",
        |row| {
            let text = |at: usize| row.get_ref(at).ok().and_then(|v| v.as_str().ok());
            let severity = graded(text(3).unwrap_or_default(), row.get(4)?);
            let seen = Seen {
                count: row.get::<_, i64>(5)?.cast_unsigned(),
                first: row.get::<_, Option<i64>>(6)?.map(Time),
                last: row.get::<_, Option<i64>>(7)?.map(Time),
                severity,
            };
            let signature = text(2).unwrap_or_default();
            let from = match (text(0), text(9)) {
                (Some(client), _) => Some(builder.address(client)),
                (None, Some(instance)) => {
                    Some(builder.node(&format!("host/{instance}"), instance))
                }
                _ => None,
            };
            let to = match (text(1), text(8)) {
                (Some(server), _) => Some(builder.address(server)),
                (None, Some(name)) => Some(builder.node(&format!("name/{name}"), name)),
                _ => None,
            };
            let named = |builder: &mut Builder| {
                builder.node(&format!("alert/{signature}"), signature)
            };
            let (from, to) = match (from, to) {
                (Some(from), Some(to)) => (from, to),
                (Some(from), None) => (from, named(builder)),
                (None, Some(to)) => (named(builder), to),
                (None, None) => {
                    nowhere += 1;
                    let alone = named(builder);
                    (alone, alone)
                }
            };
            builder.edge(from, to, "alert", signature, seen);
            // The name that was asked for, or called, beside the address that stands for it.
            if let (Some(_), Some(name)) = (text(1), text(8)) {
                let said = Said {
                    signature,
                    category: text(10).unwrap_or_default(),
                    severity,
                    client_port: None,
                    server_port: row.get(12)?,
                    attacker: "",
                };
                if said.names_it(text(11).unwrap_or_default()) {
                    let name = builder.node(&format!("name/{name}"), name);
                    builder.edge(from, name, "alert", signature, seen);
                }
            }
            builder.blame(from, seen.count, severity);
            Ok(())
        },
    )?;
    let twice =
        facts.rows("SELECT count(*) FROM alerts WHERE repeated", [], |row| row.get::<_, i64>(0))?;
    if let Some(twice) = twice.first().filter(|twice| **twice > 0) {
        builder
            .note(format!("{twice} alerts stand in two logs of one sensor and are counted once"));
    }
    if nowhere > 0 {
        builder.note(format!("{nowhere} alerts name no address: each signature of them is a node"));
    }
    Ok(())
}

/// Names of mining pools that were asked for or called.
fn pool_names(facts: &Facts, builder: &mut Builder) -> Result<(), Error> {
    let pools: BTreeSet<String> = facts
        .rows("SELECT lower(domain) FROM pools WHERE domain IS NOT NULL", [], |row| row.get(0))?
        .into_iter()
        .collect();
    for (table, column) in [("dns", "query"), ("tls", "server_name"), ("http", "host")] {
        let query = format!(
            "SELECT client, lower({column}), count(*), min(time), max(time) FROM {table}
             WHERE {column} IS NOT NULL AND client IS NOT NULL GROUP BY 1, 2"
        );
        each(facts, &query, |row| {
            let text = |at: usize| row.get_ref(at).ok().and_then(|v| v.as_str().ok());
            if let (Some(client), Some(name)) = (text(0), text(1))
                && listed(name, &pools)
            {
                let seen = Seen {
                    count: row.get::<_, i64>(2)?.cast_unsigned(),
                    first: row.get::<_, Option<i64>>(3)?.map(Time),
                    last: row.get::<_, Option<i64>>(4)?.map(Time),
                    severity: None,
                };
                let from = builder.address(client);
                let to = builder.node(&format!("name/{name}"), name);
                builder.edge(from, to, "flow", &format!("{table}, a mining pool's name"), seen);
            }
            Ok(())
        })?;
    }
    Ok(())
}

fn conversations(facts: &Facts, builder: &mut Builder) -> Result<(), Error> {
    let mut nowhere = 0_u64;
    each(
        facts,
        "SELECT originator, responder, responder_port, coalesce(service, protocol), connections,
           first, last, established
         FROM conversations",
        |row| {
            let text = |at: usize| row.get_ref(at).ok().and_then(|v| v.as_str().ok());
            let (Some(from), Some(to)) = (text(0), text(1)) else {
                nowhere += 1;
                return Ok(());
            };
            let (from, to) = (builder.address(from), builder.address(to));
            let port = row.get::<_, Option<i64>>(2)?;
            let service = text(3).unwrap_or("?");
            let answered = row.get::<_, i64>(7)? > 0;
            let label = match (port, answered) {
                (Some(port), true) => format!("{service} port {port}"),
                (Some(port), false) => format!("{service} port {port}, not answered"),
                (None, true) => service.to_owned(),
                (None, false) => format!("{service}, not answered"),
            };
            let seen = Seen {
                count: row.get::<_, i64>(4)?.cast_unsigned(),
                first: row.get::<_, Option<i64>>(5)?.map(Time),
                last: row.get::<_, Option<i64>>(6)?.map(Time),
                severity: None,
            };
            builder.edge(from, to, "flow", &label, seen);
            Ok(())
        },
    )?;
    if nowhere > 0 {
        builder.note(format!("{nowhere} conversations name no address and are not shown"));
    }
    Ok(())
}

/// Every row of a query, one after the other: there may be millions.
pub(in crate::graph) fn each(
    facts: &Facts,
    query: &str,
    mut row: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<()>,
) -> Result<(), Error> {
    let mut work = || -> rusqlite::Result<()> {
        let mut statement = facts.connection().prepare(query)?;
        let mut rows = statement.query([])?;
        while let Some(found) = rows.next()? {
            row(found)?;
        }
        Ok(())
    };
    work().map_err(|cause| Error::Sql { doing: "the network: reading".to_owned(), cause })
}

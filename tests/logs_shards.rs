//! A log in two parts: read one after the other, or each by a run of its own whose sums are added
//! up, it gives what one run over the whole gives, to the last byte.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use davy::facts::{Facts, HostText, Time};
use davy::logs::{By, Fold, Logs, Origin, Slot, Wanted};
use std::path::Path;

/// The header of a conn.log and its rows.
fn log() -> (Vec<u8>, Vec<Vec<u8>>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/logs/office-day/conn.log");
    let bytes = std::fs::read(path).unwrap();
    let lines = bytes.split_inclusive(|b| *b == b'\n').map(<[u8]>::to_vec);
    let (head, rows): (Vec<_>, Vec<_>) = lines.partition(|line| line[0] == b'#');
    (head.concat(), rows)
}

fn facts(parts: &[Vec<u8>]) -> Facts {
    let facts = Facts::in_memory(davy::logs::TABLES).unwrap();
    let mut logs = Logs::new(vec![(&facts, Wanted::ALL)]);
    for part in parts {
        let origin = Origin { name: "conn.log".into(), modified: None };
        logs.read(&origin, &mut part.as_slice()).unwrap();
    }
    logs.finish().unwrap();
    facts
}

const COLUMNS: &str = "originator, responder, responder_port, protocol, service";

/// Rows as texts: what each column holds.
fn rows(facts: &Facts, sql: &str) -> Vec<String> {
    facts
        .rows(sql, [], |row| {
            let count = row.as_ref().column_count();
            (0..count).map(|at| row.get_ref(at).map(|v| format!("{v:?} "))).collect()
        })
        .unwrap()
}

#[test]
fn two_shards_merged_equal_one_run() {
    let (head, lines) = log();
    assert!(lines.len() > 200);
    let whole = facts(&[[head.clone(), lines.concat()].concat()]);
    let all = format!("SELECT * FROM conversations ORDER BY {COLUMNS}");
    let wanted = rows(&whole, &all);
    let sums = "sum(connections), sum(records), sum(established), sum(refused), sum(open), \
        sum(orig_bytes), sum(resp_bytes), sum(orig_pkts), sum(resp_pkts), min(first), max(last), max(longest)";
    let added = |table: &str| {
        format!("SELECT {COLUMNS}, {sums} FROM {table} GROUP BY {COLUMNS} ORDER BY {COLUMNS}")
    };
    let wanted_sums = rows(&whole, &added("conversations"));
    for cut in [1, 7, lines.len() / 2, lines.len() - 1] {
        let part = |lines: &[Vec<u8>]| [head.clone(), lines.concat()].concat();
        let parts = [part(&lines[..cut]), part(&lines[cut..])];
        // One after the other, in either order.
        assert_eq!(rows(&facts(&parts), &all), wanted, "cut at {cut}");
        let [a, b] = parts.clone();
        assert_eq!(rows(&facts(&[b.clone(), a.clone()]), &all), wanted, "cut at {cut}, turned");
        // Each by a run of its own, and their rows in one table.
        let (first, second) = (facts(&[a]), facts(&[b]));
        first.take_in(&second, 1).unwrap();
        assert_eq!(rows(&first, &added("conversations")), wanted_sums, "merged at {cut}");
    }
}

/// The same of two folds that both put sorted runs aside.
#[test]
fn two_folds_that_put_runs_aside_add_up_to_one() {
    let flows = || {
        let mut state = 0x9e37_79b9_u64;
        (0..60_000u32).map(move |number| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let address =
                |n: u64| std::net::Ipv4Addr::from(u32::try_from(n % 0xffff_ffff).unwrap());
            davy::logs::FlowSeen {
                originator: Some(address(state % 3000 + (10 << 24)).into()),
                responder: Some(address(state >> 20).into()),
                responder_port: Some((state % 7) as u16 + 3333),
                orig_bytes: Some(state % 1000),
                resp_bytes: Some(u64::from(number)),
                started: Some(Time(i64::from(number) * 1_000_000_000)),
                ..davy::logs::FlowSeen::new("zeek-conn")
            }
        })
    };
    let fold = |part: &dyn Fn(usize) -> bool, budget| {
        let mut fold = Fold::new(By::ALL, Slot::ALL, false).spilling(budget);
        flows().enumerate().filter(|(n, _)| part(*n)).for_each(|(_, flow)| fold.add(&flow));
        let mut rows = std::collections::BTreeMap::new();
        fold.each::<std::io::Error>(|row| {
            let service = row.service.as_ref().map(HostText::escaped);
            let key = (row.originator, row.responder, row.responder_port, service);
            rows.insert(
                key,
                (row.connections, row.orig_bytes, row.resp_bytes, row.first, row.last),
            );
            Ok(())
        })
        .unwrap();
        rows
    };
    let whole = fold(&|_| true, usize::MAX);
    let mut merged = fold(&|n| n % 2 == 0, 1 << 20);
    for (key, row) in fold(&|n| n % 2 == 1, 1 << 20) {
        let sum = merged.entry(key).or_insert((0, 0, 0, None, None));
        let earliest = sum.3.into_iter().chain(row.3).min();
        *sum = (sum.0 + row.0, sum.1 + row.1, sum.2 + row.2, earliest, sum.4.max(row.4));
    }
    assert!(whole.len() > 50_000);
    assert_eq!(merged, whole);
}

//! An archive that `davy collect` makes of a lab host tells what the host itself tells.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod laboratory;

use laboratory::lab;
use rusqlite::Connection;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

/// The host, then its archive through a pipe, then the archive as a file.
const SCRIPT: &str = "davy triage -q --format json -o /mnt/live > /mnt/live.json
davy collect -q -o - 2> /mnt/said > /mnt/host.tar.zst
davy triage -q --format json -o /mnt/piped - < /mnt/host.tar.zst > /mnt/piped.json
davy verify /mnt/host.tar.zst --root \"$(sed -n 's/.*root sha256:\\([0-9a-f]*\\).*/\\1/p' /mnt/said)\"";

/// What each table tells, without what moves from one moment to the next: when a process started is
/// reckoned from the clock, and differs by some nanoseconds each time.
const TABLES: &[(&str, &str)] = &[
    ("processes", "pid, ppid, comm, exe, cmdline, uid, exe_deleted"),
    ("open_files", "pid, fd, target, kind, deleted, sha256"),
    ("sockets", "protocol, local_address, local_port, remote_address, remote_port, pid"),
    ("persistence", "kind, path, command"),
    ("files", "path, kind, mode, size, sha256, package"),
    ("elf", "pid, path, sha256"),
    ("mappings", "pid, start, end, path"),
];

fn rows(case: &Path, table: &str, columns: &str) -> BTreeSet<String> {
    let facts = Connection::open(case.join("facts.db")).unwrap();
    // The shell of this test, and davy's company in it, are others each time.
    let has_pid = columns.contains("pid,") || columns.contains(", pid");
    let own = "SELECT pid FROM processes WHERE comm IN ('sh', 'davy', 'sed', 'cat')
        OR cmdline LIKE '%davy %'";
    let filter =
        if has_pid { format!("WHERE pid IS NULL OR pid NOT IN ({own})") } else { String::new() };
    let count = columns.split(", ").count();
    let quoted: Vec<String> = columns.split(", ").map(|name| format!("\"{name}\"")).collect();
    let sql = format!("SELECT {} FROM \"{table}\" {filter}", quoted.join(", "));
    let mut statement = facts.prepare(&sql).unwrap();
    statement
        .query_map([], |row| {
            let cells: Vec<String> = (0..count)
                .map(|at| format!("{:?}", row.get::<_, rusqlite::types::Value>(at).unwrap()))
                .collect();
            Ok(cells.join(" "))
        })
        .unwrap()
        .map(Result::unwrap)
        // This test's own folder fills meanwhile.
        .filter(|row| !row.contains("/mnt/"))
        .collect()
}

fn findings(report: &Path) -> BTreeSet<String> {
    let report: Value = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
    let line = |f: &Value| format!("{} {} {}", f["playbook"], f["level"], f["subject"]);
    report["findings"].as_array().unwrap().iter().map(line).collect()
}

#[test]
fn an_archive_tells_what_the_host_told() {
    let Some(run) = lab("exercise", &[], &["sh", "-c", SCRIPT]) else { return };
    let out = run.out.path();
    assert_eq!(run.output.status.code(), Some(0), "{:?}", run.output);
    let said = String::from_utf8_lossy(&run.output.stdout).into_owned();
    assert!(said.contains("sound: "), "{said}");
    for (table, columns) in TABLES {
        let (live, piped) =
            (rows(&out.join("live"), table, columns), rows(&out.join("piped"), table, columns));
        assert!(!live.is_empty(), "{table}");
        let only: Vec<_> = live.symmetric_difference(&piped).collect();
        assert!(only.is_empty(), "{table}: {only:#?}");
    }
    let (live, piped) = (findings(&out.join("live.json")), findings(&out.join("piped.json")));
    assert!(live.len() > 5, "{live:#?}");
    assert_eq!(live, piped);
}

//! One field of a row is none, in any format: the row is kept, its other columns are right, and the
//! field is told by line, name and value.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use davy::facts::{Facts, Time};
use davy::logs::{Logs, Origin, Told, Wanted};
use std::path::{Path, PathBuf};

const TABLES: [&str; 6] = ["flows", "dns", "http", "tls", "alerts", "events"];

fn read(name: &str, bytes: &[u8]) -> (Facts, Told) {
    let facts = Facts::in_memory(davy::logs::TABLES).unwrap();
    let mut logs = Logs::new(vec![(&facts, Wanted::ALL)]);
    let modified = Some(Time(1_796_000_000_000_000_000));
    let told = logs.read(&Origin { name: name.into(), modified }, &mut &*bytes).unwrap();
    logs.finish().unwrap();
    (facts, told)
}

/// The columns of a row by their names; none where it is NULL.
type Row = Vec<(String, Option<String>)>;

/// The rows of all tables that came of a line; each column by its name, NULL where it is empty.
fn rows(facts: &Facts, line: usize) -> Vec<Row> {
    let mut all = Vec::new();
    for table in TABLES {
        let sql = format!("SELECT * FROM {table} WHERE source LIKE '%:{line}' ORDER BY fact");
        let found = facts.rows(&sql, [], |row| {
            let names: Vec<String> = row.as_ref().column_names().map(str::to_owned).collect();
            let cell = |at: usize| {
                use rusqlite::types::ValueRef;
                row.get_ref(at).map(|value| match value {
                    ValueRef::Null => None,
                    ValueRef::Text(text) => Some(String::from_utf8_lossy(text).into_owned()),
                    other => Some(format!("{other:?}")),
                })
            };
            names.into_iter().enumerate().map(|(at, name)| Ok((name, cell(at)?))).collect()
        });
        all.extend(found.unwrap());
    }
    all
}

fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/logs");
    let cases = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = cases
        .filter(|case| case.is_dir())
        .flat_map(|case| std::fs::read_dir(case).unwrap().map(|entry| entry.unwrap().path()))
        .filter(|file| file.is_file() && file.file_name().unwrap() != "expected")
        .collect();
    files.sort();
    files
}

/// What real logs write where there is nothing is no damage.
#[test]
fn no_field_of_a_whole_log_is_told_as_lost() {
    for file in fixtures().iter().filter(|file| !file.to_str().unwrap().contains("damaged")) {
        let name = file.file_name().unwrap().to_str().unwrap();
        let (_, told) = read(name, &std::fs::read(file).unwrap());
        assert_eq!(told.fields.to_string(), "", "{}", file.display());
    }
}

/// What is damaged, in which line, what is told of it, and what the row says all the same.
#[test]
fn the_row_is_kept_and_its_field_is_named() {
    let conn = "#separator \\x09\n#path\tconn\n\
        #fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tduration\torig_bytes\n\
        1521911720.5\tC1\t10.0.0.5\t70000\t203.0.113.9\t3333\ttcp\t-2\t-\n\
        1521911720.5\tC2\t10.0.0.5\t50000\t203.0.113.9\t3333\ttcp\t1\t-5\n";
    let eve = r#"{"timestamp":"2026-11-22T06:00:01.000000+0000","event_type":"alert","src_ip":"10.0.0.5","src_port":50000,"dest_ip":"203.0.113.9","dest_port":-3333,"proto":"TCP","alert":{"gid":1,"signature_id":7,"rev":1,"signature":"pool","severity":"worst\u001b[2J"}}"#;
    let vpc = "2 123456789012 eni-1 10.0.0.5 203.0.113.9 50000 99999 6 ten -1 1795327201 soon ACCEPT OK\n";
    let duty = r#"{"type":"CryptoCurrency:EC2/BitcoinTool.B","id":"a","severity":"High","resource":{},"service":{"count":-4,"eventFirstSeen":"yesterday"},"schemaVersion":"2.0"}"#;
    let fast = "08/03/2018-14:23:56.559829  [**] [1:9:1] pool [**] [Classification: x] [Priority: x] {TCP} 10.0.0.5:50000 -> 203.0.113.9:99999\n";
    let access =
        "10.0.0.5 - - [22/Nov/2026:05:52:35 +0000] \"GET / HTTP/1.1\" 2o0 -559 \"-\" \"curl\"\n";
    for (name, text, told_of, table, columns, wanted) in [
        (
            "conn.log",
            conn,
            &["line 4 id.orig_p \"70000\"", "line 4 duration \"-2\"", "line 5 orig_bytes \"-5\""][..],
            "flows ORDER BY uid",
            "uid || originator || coalesce(originator_port, '-') || responder || responder_port || coalesce(seconds, '-') || coalesce(orig_bytes, '-')",
            &["C110.0.0.5-203.0.113.93333--", "C210.0.0.550000203.0.113.933331.0-"][..],
        ),
        (
            "eve.json",
            eve,
            &["line 1 dest_port \"-3333\"", "line 1 severity \"worst\\u{1b}[2J\""],
            "alerts",
            "signature_id || ' ' || client || ':' || client_port || ' ' || server || coalesce(server_port, '-') || coalesce(severity, '-')",
            &["1:7:1 10.0.0.5:50000 203.0.113.9--"],
        ),
        (
            "flow",
            vpc,
            &[
                "line 1 dstport \"99999\"",
                "line 1 packets \"ten\"",
                "line 1 bytes \"-1\"",
                "line 1 end \"soon\"",
            ],
            "flows",
            "originator || ' ' || originator_port || ' ' || responder || coalesce(responder_port, '-') || coalesce(orig_bytes, '-') || action",
            &["10.0.0.5 50000 203.0.113.9--accept"],
        ),
        (
            "findings",
            duty,
            &["line 1 count \"-4\"", "line 1 eventFirstSeen \"yesterday\""],
            "alerts",
            "signature_id || severity || coalesce(count, '-') || coalesce(time, '-')",
            &["a7.0--"],
        ),
        (
            "fast.log",
            fast,
            &["line 1 Priority \"x\"", "line 1 destination \"203.0.113.9:99999\""],
            "alerts",
            "client || client_port || server || coalesce(server_port, '-') || coalesce(severity, '-')",
            &["10.0.0.550000203.0.113.9--"],
        ),
        (
            "access.log",
            access,
            &["line 1 status \"2o0\"", "line 1 bytes \"-559\""],
            "http",
            "client || method || uri || coalesce(status, '-') || coalesce(response_bytes, '-') || user_agent",
            &["10.0.0.5GET/--curl"],
        ),
    ] {
        let (facts, told) = read(name, text.as_bytes());
        assert_eq!(told.problems.lost, 0, "{name}: {}", told.problems);
        let sql = format!("SELECT {columns} FROM {table}");
        assert_eq!(facts.rows(&sql, [], |row| row.get::<_, String>(0)).unwrap(), wanted, "{name}");
        let fields = "SELECT fields_lost, problems FROM log_files";
        let rows =
            facts.rows(fields, [], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)));
        let (lost, problems) = rows.unwrap().remove(0);
        assert_eq!(lost, told_of.len() as i64, "{name}: {problems}");
        for words in told_of {
            assert!(problems.contains(words), "{name}: {words}: {problems}");
        }
    }
}

/// Places of the whole numbers in a line that stand for themselves.
fn numbers(line: &[u8]) -> Vec<(usize, usize)> {
    let mut runs = Vec::new();
    let mut at = 0;
    while at < line.len() {
        let end =
            line[at..].iter().position(|b| !b.is_ascii_digit()).map_or(line.len(), |n| at + n);
        // `T1496`, `ipAddressV4` and `sha256` are names.
        if end > at && (at == 0 || !line[at - 1].is_ascii_alphabetic()) {
            runs.push((at, end));
        }
        at = end + 1;
    }
    runs
}

/// Each number of the first lines of each fixture becomes one that is none: whatever column is NULL
/// for that was told, or its whole line.
#[test]
fn no_column_becomes_null_in_silence() {
    let mut told_of = 0;
    let mut silent = Vec::new();
    for file in fixtures() {
        let name = file.file_name().unwrap().to_str().unwrap();
        let bytes = std::fs::read(&file).unwrap();
        if std::str::from_utf8(&bytes).is_err() || bytes.starts_with(b"[") {
            continue;
        }
        let lines: Vec<&[u8]> = bytes.split(|b| *b == b'\n').take(12).collect();
        let (facts, before) = read(name, &lines.join(&b'\n'));
        let Some(number) = (1..=lines.len()).rev().find(|line| !rows(&facts, *line).is_empty())
        else {
            continue;
        };
        let kept = rows(&facts, number);
        let line = lines[number - 1];
        for (from, to) in numbers(line) {
            for wrong in ["-7777", "77777777777777777777777"] {
                let bad = [&line[..from], wrong.as_bytes(), &line[to..]].concat();
                let mut all = lines.clone();
                all[number - 1] = &bad;
                let (facts, told) = read(name, &all.join(&b'\n'));
                let now = rows(&facts, number);
                told_of += told.fields.lost;
                // The other half is no longer the other half of this; what belongs to another second
                // is another event; a part of a URL stands in it all the same.
                let elsewhere = |column: &str| match column {
                    "resp_bytes" | "resp_pkts" | "established" | "port" | "server_port" => true,
                    "command" | "remote_address" | "remote_port" | "outgoing" => {
                        name == "audit.log"
                    }
                    _ => false,
                };
                let fewer = |(a, b): (&Row, &Row)| {
                    a.iter()
                        .zip(b)
                        .filter(|(a, _)| !elsewhere(&a.0))
                        .find(|(a, b)| a.1.is_some() && b.1.is_none())
                        .map(|(a, _)| a.0.clone())
                };
                if now.len() == kept.len()
                    && told.problems.lost == before.problems.lost
                    && told.fields.lost == 0
                    && let Some(column) = kept.iter().zip(&now).find_map(fewer)
                {
                    silent.push(format!(
                        "{} {column}: {}",
                        file.display(),
                        String::from_utf8_lossy(&bad)
                    ));
                }
            }
        }
    }
    assert!(told_of > 100, "{told_of}");
    assert!(silent.is_empty(), "{}\n{}", silent.len(), silent.join("\n"));
}

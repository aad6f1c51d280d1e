//! The facts of many hosts as Parquet: DuckDB reads back what SQLite holds, value for value.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod batching;

use batching::{archives, batch, davy, fleet, merge};
use rusqlite::types::ValueRef;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Every file below a folder, by name.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let (mut all, mut open) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                open.push(entry.path());
            } else {
                let name = entry.path().strip_prefix(folder).unwrap().to_owned();
                all.insert(name, fs::read(entry.path()).unwrap());
            }
        }
    }
    all
}

/// All tables of a facts file that have rows.
fn facts(path: &Path) -> BTreeMap<String, Vec<Vec<Value>>> {
    let connection = rusqlite::Connection::open(path).unwrap();
    let mut named = connection
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
        .unwrap();
    let names: Vec<String> =
        named.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let mut tables = BTreeMap::new();
    for name in names {
        let mut asked =
            connection.prepare(&format!("SELECT * FROM \"{name}\" ORDER BY rowid")).unwrap();
        let count = asked.column_count();
        let rows: Vec<Vec<Value>> = asked
            .query_map([], |row| Ok((0..count).map(|at| value(row.get_ref_unwrap(at))).collect()))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        if !rows.is_empty() {
            tables.insert(name, rows);
        }
    }
    tables
}

fn value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => json!(number),
        ValueRef::Real(number) => json!(number),
        ValueRef::Text(bytes) => json!(std::str::from_utf8(bytes).unwrap()),
        ValueRef::Blob(_) => panic!("davy's tables hold no blobs"),
    }
}

/// For each file its rows, and from all of them together the processes of each host.
const ASK: &str = r#"
import duckdb, glob, json, sys
root = sys.argv[1]
ask = lambda sql, *words: duckdb.execute(sql, list(words)).fetchall()
files = {f[len(root) + 1:]: ask("SELECT * EXCLUDE (host) FROM read_parquet(?, hive_partitioning = true)", f)
         for f in glob.glob(root + "/*/*/*.parquet")}
hosts = ask("SELECT host, count(*) FROM read_parquet(?, hive_partitioning = true) GROUP BY 1 ORDER BY 1",
            root + "/processes/*/*.parquet")
types = ask("SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM read_parquet(?, hive_partitioning = true))",
            root + "/indicators/*/*.parquet")
json.dump({"files": files, "hosts": hosts, "types": types}, sys.stdout)
"#;

#[test]
fn duckdb_reads_what_sqlite_holds() {
    let folder = tempfile::tempdir().unwrap();
    let (sources, out) = (folder.path().join("in"), folder.path().join("out"));
    fs::create_dir(&sources).unwrap();
    archives(&sources);
    // Asked for later than the triage, it is made of what was kept.
    assert_eq!(batch(&sources, &out, &["-q"]).status.code(), Some(4));
    assert!(!out.join("parquet").exists());
    let ran = batch(&sources, &out, &["-q", "--parquet"]);
    assert_eq!(ran.status.code(), Some(4), "{}", String::from_utf8_lossy(&ran.stderr));
    let written = files(&out.join("parquet"));
    assert!(written.keys().all(|name| name.extension().is_some_and(|e| e == "parquet")));
    // The same in parts, merged: byte for byte the same.
    let mut parts = Vec::new();
    for part in 0..2 {
        let out = folder.path().join(format!("part-{part}"));
        batch(&sources, &out, &["-q", "--shard", &format!("{part}/2")]);
        parts.push(out);
    }
    let merged = folder.path().join("merged");
    merge(&parts, &merged, &["--parquet"]);
    assert!(files(&merged.join("parquet")) == written, "parted and whole differ");
    // A file that was lost is made again.
    let some = written.keys().next().unwrap();
    fs::remove_file(out.join("parquet").join(some)).unwrap();
    batch(&sources, &out, &["-q", "--parquet"]);
    assert!(files(&out.join("parquet")) == written);

    let asked = Command::new("python3").args(["-c", ASK]).arg(out.join("parquet")).output();
    let asked = match asked {
        Ok(asked) if asked.status.success() => asked,
        Ok(asked) if !String::from_utf8_lossy(&asked.stderr).contains("No module named") => {
            panic!("{}", String::from_utf8_lossy(&asked.stderr))
        }
        _ => {
            eprintln!("skipped: python3 with duckdb is not installed");
            return;
        }
    };
    let read: Value = serde_json::from_slice(&asked.stdout).unwrap();
    let fleet: Value = serde_json::from_slice(&fleet(&out)[0]).unwrap();
    let hosts = fleet["hosts"].as_array().unwrap();
    let mut compared = 0;
    for host in hosts {
        let case = host["case"].as_str().unwrap();
        let name = host["host"].as_str().unwrap();
        let short = case.rsplitn(3, '-').take(2).collect::<Vec<_>>();
        let file = format!("host={name}/{}-{}.parquet", short[1], short[0]);
        for (table, rows) in facts(&out.join(case).join("facts.db")) {
            let back = &read["files"][format!("{table}/{file}")];
            let mut wanted: Vec<Value> = Vec::new();
            for mut row in rows {
                row.insert(0, host["sha256"].clone());
                wanted.push(Value::Array(row));
            }
            assert!(*back == Value::Array(wanted), "{table}/{file}");
            compared += 1;
        }
    }
    assert_eq!(compared, written.len(), "a file of no table");
    assert!(compared > 5 * 10);
    // The folders' names are a column, and a host that was archived twice is one host.
    let mut names: Vec<&str> = hosts.iter().map(|host| host["host"].as_str().unwrap()).collect();
    names.sort_unstable();
    names.dedup();
    let told: Vec<&str> =
        read["hosts"].as_array().unwrap().iter().map(|row| row[0].as_str().unwrap()).collect();
    assert_eq!(told, names);
    let types: BTreeMap<String, String> = serde_json::from_value(read["types"].clone())
        .map(|pairs: Vec<(String, String)>| pairs.into_iter().collect())
        .unwrap();
    assert_eq!(types["value"], "VARCHAR");
    assert_eq!(types["port"], "BIGINT");
    assert_eq!(types["named_host"], "VARCHAR");
}

#[test]
fn one_whose_facts_are_gone_does_not_stop_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let (sources, out) = (folder.path().join("in"), folder.path().join("out"));
    fs::create_dir(&sources).unwrap();
    for name in ["debian-clean", "db-miner"] {
        fs::write(sources.join(format!("{name}.tar")), batching::archive(name)).unwrap();
    }
    assert_eq!(batch(&sources, &out, &["-q"]).status.code(), Some(0));
    let case = fs::read_dir(out.join("cases")).unwrap().next().unwrap().unwrap().path();
    fs::write(case.join("facts.db"), "no database").unwrap();
    let ran =
        davy().arg("batch").arg(&sources).arg("-o").arg(&out).args(["-q", "--parquet"]).output();
    let ran = ran.unwrap();
    assert_eq!(ran.status.code(), Some(4));
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(said.contains("facts.db: file is not a database"), "{said}");
    assert!(!files(&out.join("parquet")).is_empty());
}

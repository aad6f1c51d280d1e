//! What a hunt or a query says beside its rows: that something was not given, not understood, or
//! not shown; and that nothing in it acts on a terminal.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use assert_cmd::Command;
use std::path::{Path, PathBuf};

/// Exit code, output, messages.
fn davy(arguments: &[&str]) -> (i32, String, String) {
    let out = Command::cargo_bin("davy").unwrap().args(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (out.status.code().unwrap(), text(&out.stdout), text(&out.stderr))
}

fn written(folder: &tempfile::TempDir, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// Flows of eve.json: so many, each from a port of its own, with so many bytes out.
fn eve(flows: u16, bytes: &str) -> String {
    (0..flows)
        .map(|n| {
            format!(
                r#"{{"timestamp":"2026-11-20T10:{:02}:00.000000+0000","event_type":"flow","src_ip":"10.0.0.5","src_port":{},"dest_ip":"203.0.113.{}","dest_port":3333,"proto":"TCP","flow":{{"pkts_toserver":3,"pkts_toclient":2,"bytes_toserver":{bytes},"bytes_toclient":200,"start":"2026-11-20T10:{:02}:00.000000+0000","end":"2026-11-20T10:{:02}:30.000000+0000","state":"closed"}}}}"#,
                n % 60, 4000 + n, n % 200, n % 60, n % 60
            ) + "\n"
        })
        .collect()
}

fn str(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn json_holds_nothing_that_acts_on_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let log = written(&folder, "eve.json", &eve(1, "100"));
    let sql = "SELECT char(155) || 'a' || char(8238) || char(127) || char(133) AS x, 'ä' AS y";
    for format in ["json", "jsonl"] {
        let (code, out, _) = davy(&["query", str(&log), sql, "--format", format, "-q"]);
        assert_eq!(code, 0);
        assert!(out.contains(r"\u009ba\u202e\u007f\u0085") && out.contains('ä'), "{out:?}");
        let value: serde_json::Value = serde_json::from_str(&out).unwrap();
        let row = if format == "json" { &value[0] } else { &value };
        assert_eq!(row["x"], "\u{9b}a\u{202e}\u{7f}\u{85}");
    }
}

#[test]
fn a_question_about_one_address_is_refused_without_one() {
    let folder = tempfile::tempdir().unwrap();
    let log = written(&folder, "eve.json", &eve(1, "100"));
    for (id, set, word) in [
        ("reach", "depth=4", "--set ip=ADDRESS"),
        ("pivot", "most=4", "--set ip=ADDRESS"),
        ("reach", "ip=notanip", "is no address"),
        ("bytes", "ip=10.0.0.300", "is no address"),
    ] {
        let (code, out, said) = davy(&["hunt", id, str(&log), "--set", set, "-q"]);
        assert_eq!((code, &*out), (2, ""), "{id} {set}");
        assert!(said.contains(word), "{said}");
    }
    for depth in ["depth=-5", "depth=0", "depth=x", "depth=33"] {
        let arguments = ["hunt", "reach", str(&log), "--set", "ip=10.0.0.5", "--set", depth, "-q"];
        assert_eq!(davy(&arguments).0, 2, "{depth}");
    }
    assert_eq!(davy(&["hunt", "reach", str(&log), "--set", "ip=10.0.0.5", "-q"]).0, 0);
}

#[test]
fn rows_that_are_cut_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let log = written(&folder, "eve.json", &eve(30, "100"));
    let (_, _, said) = davy(&["hunt", "mining-ports", str(&log), "--set", "most=7", "-q"]);
    assert!(said.contains("mining-ports: 7 of 30 rows are shown; --set most=N"), "{said}");
    let (_, _, said) = davy(&["hunt", "mining-ports", str(&log), "--set", "most=30", "-q"]);
    assert_eq!(said, "");
}

#[test]
fn a_list_that_is_not_understood_is_no_answer() {
    let folder = tempfile::tempdir().unwrap();
    let log = written(&folder, "eve.json", &eve(3, "100"));
    for list in [
        "indicator,what\n203.0.113.1,mine\n",
        "ip\n203.0.113.1\n",
        "value,kind\n203.0.113.1,ip\n",
        "indicator,kind,what\n203.0.113.1,address,x\n",
    ] {
        let list = written(&folder, "list.csv", list);
        let lookup = format!("reputation={}", str(&list));
        let (code, out, _) =
            davy(&["hunt", "reputation", str(&log), "--lookup", &lookup, "-q", "--format", "csv"]);
        assert_eq!(code, 0);
        assert!(out.contains("203.0.113.1"), "{out}");
    }
    for list in ["wrong\n203.0.113.1\n", "203.0.113.1\n", "indicator,kind\nabc,md5\n", ""] {
        let list = written(&folder, "list.csv", list);
        let lookup = format!("reputation={}", str(&list));
        for command in ["hunt", "query"] {
            let what =
                if command == "hunt" { ["reputation", str(&log)] } else { [str(&log), "SELECT 1"] };
            let (code, out, said) = davy(&[command, what[0], what[1], "--lookup", &lookup, "-q"]);
            assert_eq!((code, &*out), (2, ""), "{said}");
            assert!(said.contains("no row of it can be used"), "{said}");
        }
    }
}

#[test]
fn a_query_ends_and_speaks_of_itself() {
    let folder = tempfile::tempdir().unwrap();
    let log = written(&folder, "eve.json", &eve(1, "100"));
    let endless =
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n";
    let (code, _, said) = davy(&["query", str(&log), endless, "--seconds", "1", "-q"]);
    assert_eq!(code, 1);
    assert!(said.contains("the query timed out after 1 s; --seconds N"), "{said}");
    let (code, _, said) = davy(&["query", str(&log), "DELETE FROM flows", "-q"]);
    assert_eq!(code, 1);
    assert!(said.contains("the query: writing to flows is not allowed"), "{said}");
}

#[test]
fn sums_beyond_an_integer_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let log = written(&folder, "eve.json", &eve(2, "9223372036854775807"));
    let sql = |sum: &str| format!("SELECT {sum}(orig_bytes) FROM flows");
    let (code, _, said) = davy(&["query", str(&log), &sql("sum"), "-q"]);
    assert_eq!(code, 1);
    assert!(said.contains("total() in place of sum()"), "{said}");
    assert_eq!(davy(&["query", str(&log), &sql("total"), "-q"]).0, 0);
    let log = written(&folder, "one.json", &eve(1, "9223372036854775807"));
    let (_, out, said) = davy(&["query", str(&log), &sql("sum"), "-q"]);
    assert!(out.contains("9223372036854775807"), "{out}");
    assert!(said.contains("may be more"), "{said}");
}

/// How many connections the look at talkers counts, and what is said beside it.
fn talkers(sources: &[&Path]) -> (i64, String) {
    let mut arguments = vec!["hunt", "talkers"];
    arguments.extend(sources.iter().map(|path| str(path)));
    arguments.extend(["-q", "--format", "json"]);
    let (code, out, said) = davy(&arguments);
    assert_eq!(code, 0, "{said}");
    let rows: Vec<serde_json::Value> = serde_json::from_str(&out).unwrap();
    (rows.iter().map(|row| row["count"].as_i64().unwrap()).sum(), said)
}

#[test]
fn a_file_named_twice_is_read_once() {
    let folder = tempfile::tempdir().unwrap();
    let log = written(&folder, "eve.json", &eve(10, "100"));
    let other = folder.path().join("../").join(folder.path().file_name().unwrap()).join("eve.json");
    let link = folder.path().join("link.json");
    std::os::unix::fs::symlink(&log, &link).unwrap();
    let (count, said) = talkers(&[&log, &log, &other, &link]);
    assert_eq!(count, 10);
    assert!(said.contains("link.json, named again: not-captured: the same file as"), "{said}");
    assert!(!said.contains("told twice"), "{said}");
}

#[test]
fn a_copy_and_what_two_sensors_saw_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let log = written(&folder, "eve.json", &eve(10, "100"));
    let copy = written(&folder, "copy.json", &eve(10, "100"));
    let (count, said) = talkers(&[&log, &copy]);
    assert_eq!(count, 20);
    assert!(said.contains("copy.json, a copy: partial: holds the same as"), "{said}");
    let zeek: String = (0..10)
        .map(|n| {
            let start = 1_795_168_800 + n * 60;
            format!(
                r#"{{"_path":"conn","ts":{start}.25,"uid":"C{n}","id.orig_h":"10.0.0.5","id.orig_p":{},"id.resp_h":"203.0.113.{n}","id.resp_p":3333,"proto":"tcp","duration":30.0,"orig_bytes":100,"resp_bytes":200,"conn_state":"SF"}}"#,
                4000 + n
            ) + "\n"
        })
        .collect();
    let conn = written(&folder, "conn.log", &zeek);
    let (_, said) = talkers(&[&conn, &log]);
    assert!(said.contains("10 connections stand in two files"), "{said}");
    let (code, out, _) = davy(&["triage", str(&conn), str(&log), "--format", "json", "-q"]);
    assert!(code == 0 || code == 3, "{code}");
    assert!(out.contains("10 connections stand in two files"), "{out}");
}

#[test]
fn windows_of_one_session_are_one_connection() {
    let folder = tempfile::tempdir().unwrap();
    let vpc: String = (0..50)
        .map(|n| {
            let (start, end) = (1_795_000_000 + n * 60, 1_795_000_060 + n * 60);
            format!(
                "2 123456789012 eni-0a1 10.0.1.5 203.0.113.9 45000 3333 6 20 3000 {start} {end} ACCEPT OK\n\
                 2 123456789012 eni-0a1 203.0.113.9 10.0.1.5 3333 45000 6 18 2500 {start} {end} ACCEPT OK\n"
            )
        })
        .collect();
    let log = written(&folder, "vpc.log", &vpc);
    let (_, out, _) = davy(&["triage", str(&log), "--format", "json", "-q"]);
    assert!(out.contains("10.0.1.5 had 1 connection with 203.0.113.9:3333"), "{out}");
    assert!(out.contains("18 pools name it"), "{out}");
}

#[test]
fn a_node_of_a_coin_is_no_miner_by_its_port() {
    let folder = tempfile::tempdir().unwrap();
    let text = eve(30, "100").replace("\"dest_port\":3333", "\"dest_port\":8333");
    let log = written(&folder, "eve.json", &text);
    let (_, out, _) = davy(&["triage", str(&log), "--format", "json", "-q"]);
    assert!(!out.contains("\"mining-port-traffic/"), "{out}");
    // Nor is whoever calls the web; what is asked for by port alone is told as that.
    for (port, rows) in [(8333, 0), (443, 0), (8080, 0), (3333, 30), (14433, 30)] {
        let text = eve(30, "100").replace(":3333,", &format!(":{port},"));
        let log = written(&folder, "eve.json", &text);
        let (_, out, _) = davy(&["hunt", "mining-ports", str(&log), "-q", "--format", "jsonl"]);
        assert_eq!(out.lines().count(), rows, "{port}: {out}");
        let (grade, why) = match port {
            3333 => ("possible", "the list of mining ports, and 18 pools name it"),
            _ => ("weak", "the list of mining ports, and no pool names it"),
        };
        let told = |line: &str| line.contains(&format!("\"{grade}\"")) && line.contains(why);
        assert!(out.lines().all(told), "{out}");
    }
}

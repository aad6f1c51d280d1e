//! Logs: every folder of `fixtures/logs` read and judged, and held against its `expected`; every
//! playbook's own `logs/…` cases; and the questions of the first founding document.
//!
//! A line of `expected` is one of
//!
//! - `PLAYBOOK LEVEL [SUBJECT]`: the playbook fires at that level, on that fact or path;
//! - `quiet at LEVEL`: nothing fires at that level or above;
//! - `rows TABLE COUNT`: so many rows;
//! - `sum TABLE EXPRESSION NUMBER`: so much in all;
//! - `bad COUNT`: so many lines that were not understood.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use davy::collect;
use davy::evidence::TextHost;
use davy::facts::{Facts, Time};
use davy::judge::{self, Judgement, Kind, Level, Playbooks};
use davy::logs::{Logs, Origin, Wanted};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/logs")
}

/// When all of these logs were written, as far as their years are concerned.
const WRITTEN: Time = Time(1_796_000_000_000_000_000);

/// Reads the files of a case, in order of their names.
fn read(name: &str, wanted: Wanted) -> Facts {
    let facts = Facts::in_memory(&davy::tables()).unwrap();
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder().join(name)).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    for host in files.iter().filter(|f| f.extension().is_some_and(|e| e == "host")) {
        let host = TextHost::open(host).unwrap();
        collect::collect(&host, &facts, &|_| {}).unwrap();
    }
    let mut logs = Logs::new(vec![(&facts, wanted)]);
    files.retain(|f| {
        f.file_name().unwrap() != "expected" && f.extension().is_none_or(|e| e != "host")
    });
    for file in &files {
        let origin = Origin {
            name: file.file_name().unwrap().to_string_lossy().into_owned(),
            modified: Some(WRITTEN),
        };
        let bytes = std::fs::read(file).unwrap();
        logs.read(&origin, &mut bytes.as_slice()).unwrap();
    }
    logs.finish().unwrap();
    facts
}

fn judged(facts: &Facts, playbooks: &Playbooks) -> Judgement {
    judge::judge(facts, playbooks, &davy::tables()).unwrap()
}

fn shown(judgement: &Judgement) -> String {
    let found = judgement.findings.iter().map(|f| {
        format!("\n    {} {} {}: {}", f.playbook, f.level.word(), f.subject.fact, f.because)
    });
    found.collect()
}

/// What is wrong with one expectation; [`None`] where it holds.
fn miss(line: &str, facts: &Facts, judgement: &Judgement) -> Option<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let number = |sql: &str| facts.rows(sql, [], |row| row.get::<_, i64>(0)).unwrap()[0];
    match words.as_slice() {
        ["quiet", "at", at] => {
            let at = Level::from_word(at).unwrap();
            judgement.findings.iter().any(|f| f.level >= at).then(|| shown(judgement))
        }
        ["rows", table, count] => {
            let found = number(&format!("SELECT count(*) FROM {table}"));
            (found.to_string() != *count).then(|| format!("{found} rows"))
        }
        ["sum", table, expression, wanted] => {
            let found = number(&format!("SELECT sum({expression}) FROM {table}"));
            (found.to_string() != *wanted).then(|| format!("{found}"))
        }
        ["bad", count] => {
            let found = number("SELECT coalesce(sum(bad), 0) FROM log_files");
            (found.to_string() != *count).then(|| format!("{found} lines"))
        }
        [id, level, subject @ ..] => {
            let level = Level::from_word(level).unwrap_or_else(|| panic!("{line}"));
            let fits = judgement.findings.iter().any(|f| {
                let path = f.subject.path.as_deref();
                f.playbook == *id
                    && f.level == level
                    && subject.iter().all(|s| f.subject.fact == *s || path == Some(*s))
            });
            (!fits).then(|| format!("did not fire so{}", shown(judgement)))
        }
        _ => Some("is not an expectation".to_owned()),
    }
}

#[test]
fn every_folder_is_told_as_expected_and_every_playbook_proves_itself() {
    let playbooks = Playbooks::embedded();
    let mut wrong = Vec::new();
    let mut fired: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if !path.is_dir() {
            continue;
        }
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let facts = read(&name, Wanted::ALL);
        let judgement = judged(&facts, &playbooks);
        let expected = std::fs::read_to_string(path.join("expected"))
            .unwrap_or_else(|e| panic!("{name}/expected: {e}"));
        for line in expected.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'))
        {
            if let Some(why) = miss(line, &facts, &judgement) {
                wrong.push(format!("{name}: `{line}`: {why}"));
            }
        }
        for answer in judgement.answers.iter().filter(|a| a.detail.contains("no such")) {
            wrong.push(format!("{name}: {}: {}", answer.id, answer.detail));
        }
        let of_this = judgement.findings.iter().map(|f| f.playbook.clone()).collect();
        fired.insert(format!("logs/{name}"), of_this);
    }
    for playbook in playbooks.iter().filter(|p| p.kind == Kind::Finding) {
        let id = &playbook.id.text;
        let Some(test) = &playbook.test else { continue };
        for (cases, fires) in [(&test.fires, true), (&test.quiet, false)] {
            for case in cases.iter().filter(|c| c.text.starts_with("logs/")) {
                match fired.get(&case.text) {
                    None => wrong.push(format!("{id}: there is no {}", case.text)),
                    Some(ids) if ids.contains(id) != fires => {
                        let verb = if fires { "does not fire" } else { "fires" };
                        wrong.push(format!("{id} {verb} on {}", case.text));
                    }
                    Some(_) => {}
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// A hunt's rows, as texts.
fn hunt(facts: &Facts, id: &str, set: &[(&str, &str)]) -> Vec<BTreeMap<String, String>> {
    let playbooks = Playbooks::embedded();
    judge::prepare(facts, &playbooks, &davy::tables()).unwrap();
    let params = set.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let rows = judge::table(facts, playbooks.get(id).unwrap(), &params).unwrap();
    let text = |value: &rusqlite::types::Value| match value {
        rusqlite::types::Value::Null => String::new(),
        rusqlite::types::Value::Integer(n) => n.to_string(),
        rusqlite::types::Value::Real(n) => n.to_string(),
        rusqlite::types::Value::Text(t) => t.clone(),
        rusqlite::types::Value::Blob(_) => "blob".to_owned(),
    };
    rows.rows
        .iter()
        .map(|row| rows.columns.iter().cloned().zip(row.iter().map(text)).collect())
        .collect()
}

/// The four questions of the first founding document, from logs alone.
#[test]
fn the_first_documents_four_questions() {
    let facts = read("cryptojacking", Wanted::ALL);
    let talkers = hunt(&facts, "talkers", &[]);
    let port: u64 = talkers
        .iter()
        .filter(|row| row["responder_port"] == "19999")
        .map(|row| row["count"].parse::<u64>().unwrap())
        .sum();
    assert_eq!(port, 22, "how many connections used port 19999");
    let services = hunt(&facts, "services", &[]);
    let on_6666: Vec<&str> = services
        .iter()
        .filter(|row| row["responder_port"] == "6666")
        .map(|row| row["service"].as_str())
        .collect();
    assert_eq!(on_6666, ["irc"], "which service on port 6666");
    let bytes = hunt(&facts, "bytes", &[("ip", "101.201.172.235"), ("port", "8888")]);
    let total: u64 = bytes.iter().map(|row| row["total_bytes"].parse::<u64>().unwrap()).sum();
    assert_eq!(total, 3729, "total bytes to the address and port");
    let alerts = hunt(&facts, "alerts", &[]);
    let tactics: BTreeSet<&str> = alerts.iter().map(|row| row["tactic"].as_str()).collect();
    assert_eq!(tactics, BTreeSet::from(["TA0040"]), "which tactic the alerts map to");
    let told: BTreeSet<&str> = alerts.iter().map(|row| row["told_by"].as_str()).collect();
    assert_eq!(told, BTreeSet::from(["class", "rule"]), "one alert bears keys, one does not");
}

/// The rows that `davy hunt` prints, as texts.
fn printed(ids: &str, case: &str) -> Vec<Vec<BTreeMap<String, String>>> {
    let out = assert_cmd::Command::cargo_bin("davy")
        .unwrap()
        .args(["hunt", ids, "--format", "json", "-q"])
        .arg(folder().join(case).join("conn.log"))
        .assert()
        .success();
    let text = |value: &serde_json::Value| match value {
        serde_json::Value::Null => String::new(),
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    serde_json::Deserializer::from_slice(&out.get_output().stdout)
        .into_iter::<Vec<serde_json::Map<String, serde_json::Value>>>()
        .map(|rows| {
            let rows = rows.unwrap();
            rows.iter().map(|r| r.iter().map(|(k, v)| (k.clone(), text(v))).collect()).collect()
        })
        .collect()
}

/// What is folded while it is read gives the same rows as all of it in tables.
#[test]
fn a_fold_changes_no_answer() {
    for case in ["cryptojacking", "office-day", "scanner-noise"] {
        let ids: Vec<String> = Playbooks::embedded()
            .iter()
            .filter(|playbook| playbook.fold.is_some())
            .map(|playbook| playbook.id.text.clone())
            .collect();
        assert!(ids.len() >= 3);
        let all = Facts::in_memory(&davy::tables()).unwrap();
        let mut logs = Logs::new(vec![(&all, Wanted::ALL)]);
        let origin = Origin { name: "conn.log".into(), modified: None };
        let bytes = std::fs::read(folder().join(case).join("conn.log")).unwrap();
        logs.read(&origin, &mut bytes.as_slice()).unwrap();
        logs.finish().unwrap();
        let conn = format!("{}:", folder().join(case).join("conn.log").display());
        let folded = printed(&ids.join(","), case);
        for (id, folded) in ids.iter().zip(folded) {
            let mut whole = hunt(&all, id, &[]);
            for source in whole.iter_mut().filter_map(|row| row.get_mut("source")) {
                *source = source.replace("conn.log:", &conn);
            }
            assert_eq!(folded, whole, "{id} over {case}");
        }
    }
}

/// What was read of standard input to recognise it is not lost.
#[test]
fn standard_input_is_read_from_its_beginning() {
    let bytes = std::fs::read(folder().join("cryptojacking/conn.log")).unwrap();
    let out = assert_cmd::Command::cargo_bin("davy")
        .unwrap()
        .args(["query", "-", "SELECT count(*) AS rows FROM flows", "--format", "csv", "-q"])
        .write_stdin(bytes)
        .assert()
        .success();
    assert_eq!(String::from_utf8_lossy(&out.get_output().stdout), "rows\n103\n");
}

/// Windows of one pair of ports are one session; the same ports hours later are another.
#[test]
fn ports_that_are_used_again_are_another_session() {
    let window = |start: i64| {
        let end = start + 60;
        format!(
            "2 123456789010 eni-1 10.0.0.5 203.0.113.9 40001 443 6 20 30000 {start} {end} ACCEPT OK\n\
             2 123456789010 eni-1 203.0.113.9 10.0.0.5 443 40001 6 20 30000 {start} {end} ACCEPT OK\n"
        )
    };
    let began = 1_795_300_000;
    // Forty minutes; and a day later, for ten hours a minute each: never half an hour at a time.
    let steady = (0..40).map(|minute| began + minute * 60);
    let apart = (0..10).map(|hour| began + 86_400 + hour * 7200);
    let log: String = steady.chain(apart).map(window).collect();
    let facts = Facts::in_memory(&davy::tables()).unwrap();
    let mut logs = Logs::new(vec![(&facts, Wanted::ALL)]);
    let origin = Origin { name: "vpc.log".into(), modified: None };
    logs.read(&origin, &mut log.as_bytes()).unwrap();
    logs.finish().unwrap();
    let sessions = hunt(&facts, "long-sessions", &[]);
    let seconds: Vec<&str> = sessions.iter().map(|row| row["seconds"].as_str()).collect();
    assert_eq!(seconds, ["2400"]);
    let shapes = hunt(&facts, "mining-shape", &[]);
    let shapes: Vec<_> =
        shapes.iter().map(|r| (r["minutes"].as_str(), r["points"].as_str())).collect();
    assert_eq!(shapes, [("40", "4")]);
}

/// A finding that was exported three times, each time with more counted, is one.
#[test]
fn a_finding_exported_again_counts_once() {
    let export = |count: u32| {
        format!(
            r#"{{"schemaVersion":"2.0","accountId":"1","id":"f1","type":"CryptoCurrency:EC2/BitcoinTool.B!DNS","severity":8,"resource":{{"instanceDetails":{{"instanceId":"i-1","networkInterfaces":[{{"privateIpAddress":"10.0.0.12"}}]}}}},"service":{{"count":{count},"eventFirstSeen":"2026-11-22T05:00:00Z","eventLastSeen":"2026-11-22T0{count}:00:00Z"}}}}"#
        )
    };
    let facts = Facts::in_memory(&davy::tables()).unwrap();
    let mut logs = Logs::new(vec![(&facts, Wanted::ALL)]);
    for (name, count) in [("a.jsonl", 7), ("b.jsonl", 9), ("c.jsonl", 8)] {
        let origin = Origin { name: name.into(), modified: None };
        logs.read(&origin, &mut export(count).as_bytes()).unwrap();
    }
    logs.finish().unwrap();
    let counted = facts.rows("SELECT source, count FROM alerts WHERE NOT repeated", [], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?))
    });
    assert_eq!(counted.unwrap(), [("b.jsonl:1".to_owned(), 9)]);
}

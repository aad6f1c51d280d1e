//! Two archives of one host make one case; of two hosts they make none.
//! And what a report says of where it comes from.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod as_uac;

use davy::evidence::TextHost;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A page of the fixtures as an archive of UAC.
fn archive(folder: &Path, page: &str, name: &str) -> PathBuf {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/hosts/{page}.host"));
    let path = folder.join(name);
    std::fs::write(&path, as_uac::uac(&TextHost::open(&page).unwrap(), false)).unwrap();
    path
}

fn triage(sources: &[&Path], more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_davy"));
    command.arg("triage").args(sources).args(["-q"]).args(more);
    if !more.contains(&"--format") {
        command.args(["--format", "json"]);
    }
    command.output().unwrap()
}

fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// Playbook and path or pid of every finding.
fn findings(report: &Value) -> Vec<String> {
    let findings = report["findings"].as_array().unwrap();
    let line = |f: &Value| format!("{} {} {}", f["playbook"], f["subject"]["pid"], f["level"]);
    let mut all: Vec<String> = findings.iter().map(line).collect();
    all.sort();
    all
}

#[test]
fn two_archives_of_one_host_are_one_case() {
    let folder = tempfile::tempdir().unwrap();
    let first = archive(folder.path(), "fake-crond", "first.tar");
    let second = archive(folder.path(), "fake-crond", "second.tar");
    let alone = report(&triage(&[&first], &[]));
    let case = folder.path().join("case");
    let both = report(&triage(&[&first, &second], &["-o", case.to_str().unwrap()]));
    assert!(!findings(&alone).is_empty());
    assert_eq!(findings(&alone), findings(&both), "what both tell is told once");
    assert_eq!(both["sources"].as_array().unwrap().len(), 2);
    assert_eq!(alone["story"].as_array().unwrap().len(), both["story"].as_array().unwrap().len());
    for finding in both["findings"].as_array().unwrap() {
        let sources = finding["evidence"].to_string();
        assert!(sources.contains("first.tar:") && sources.contains("second.tar:"), "{sources}");
    }
    // Rows are told apart by their ids and by their sources.
    let facts = rusqlite::Connection::open(case.join("facts.db")).unwrap();
    let rows: Vec<(String, String)> = facts
        .prepare("SELECT fact, source FROM processes WHERE comm = 'crond' ORDER BY rowid")
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(rows.len(), 2, "{rows:?}");
    assert!(rows[0].1.starts_with("first.tar:") && rows[1].1.starts_with("second.tar:"));
    assert_eq!(rows[1].0, rows[0].0.replacen('/', "/2:", 1));
}

#[test]
fn what_only_the_later_archive_has_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let before = archive(folder.path(), "debian-clean", "before.tar");
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/hosts/fake-crond.host");
    let clean = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/hosts/debian-clean.host");
    let line = |page: &Path| -> String {
        let text = std::fs::read_to_string(page).unwrap();
        text.lines().find(|line| line.starts_with("host ")).unwrap().to_owned()
    };
    // The same host later: the other page under this one's name.
    let text = std::fs::read_to_string(&page).unwrap().replacen(&line(&page), &line(&clean), 1);
    let later_page = folder.path().join("later.host");
    std::fs::write(&later_page, text).unwrap();
    let later = folder.path().join("later.tar");
    std::fs::write(&later, as_uac::uac(&TextHost::open(&later_page).unwrap(), false)).unwrap();
    let alone = report(&triage(&[&later], &[]));
    let both = report(&triage(&[&before, &later], &[]));
    for finding in findings(&alone) {
        assert!(findings(&both).contains(&finding), "{finding}");
    }
    assert_eq!(alone["verdict"]["level"], both["verdict"]["level"]);
}

#[test]
fn archives_of_two_hosts_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let first = archive(folder.path(), "fake-crond", "first.tar");
    let clean = archive(folder.path(), "debian-clean", "other.tar");
    let case = folder.path().join("case");
    let output = triage(&[&first, &clean], &["-o", case.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(words.contains("other.tar and first.tar are of different hosts"), "{words}");
    assert!(words.contains("davy batch"), "{words}");
    assert!(!case.exists(), "no empty folder stays");
}

#[test]
fn a_report_of_an_archive_names_it_once_and_says_whose_the_steps_are() {
    let folder = tempfile::tempdir().unwrap();
    let archive = archive(folder.path(), "cron-dropper", "of-the-suspect.tar");
    let told = triage(&[&archive], &["--format", "text"]).stdout;
    let line = String::from_utf8(told).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(line.contains("are members of of-the-suspect.tar."), "{line}");
    assert!(line.contains("not for this machine"), "{line}");
    assert!(!line.contains("of-the-suspect.tar:"), "{line}");
    assert!(!line.contains("davy read the host"), "{line}");
}

//! Every host of `fixtures/hosts`, triaged and held against what davy must say of it; and every
//! playbook's own `test` section: it fires there, it stays quiet there.
//!
//! An `.expected` line is one of
//!
//! - `PLAYBOOK LEVEL [SUBJECT]`: the playbook fires at that level, on that fact or path;
//! - `quiet at LEVEL`: nothing fires at that level or above;
//! - `verdict LEVEL`: the worst finding's level;
//! - `could-not-check PLAYBOOK`: what it needs was not captured.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use davy::carve::{Carver, Iocs};
use davy::evidence::TextHost;
use davy::facts::Facts;
use davy::judge::{self, Judgement, Kind, Level, Outcome, Playbooks};
use davy::{carve, collect};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/hosts")
}

fn hosts() -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "host"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

/// What the responder lists: `NAME.ioc` beside the host, where there is one.
fn listed(name: &str) -> Carver {
    let mut iocs = Iocs::default();
    if let Ok(text) = std::fs::read(folder().join(format!("{name}.ioc"))) {
        iocs.add(&format!("{name}.ioc"), &text);
    }
    assert_eq!(iocs.problems(), [""; 0], "{name}.ioc");
    Carver::looking_for(iocs)
}

/// Collects, carves and judges as a triage does: suspects' memory is read until no new suspect
/// turns up.
fn triage(name: &str, playbooks: &Playbooks) -> Judgement {
    let host = TextHost::open(&folder().join(format!("{name}.host"))).unwrap();
    let tables = davy::tables();
    let facts = Facts::in_memory(&tables).unwrap();
    let carver = listed(name);
    carver.store(&facts).unwrap();
    collect::collect(&host, &facts, &|_| {}).unwrap();
    carve::carve_files(&host, &facts, &carver, &|_| {}).unwrap();
    carve::carve_memory(&host, &facts, &carver, &[], &|_| {}).unwrap();
    carver.hold(&facts).unwrap();
    let mut judgement = judge::judge(&facts, playbooks, &tables).unwrap();
    let mut read = BTreeSet::new();
    for _ in 0..3 {
        let more = if read.is_empty() { judge::worth_reading(&facts).unwrap() } else { Vec::new() };
        let suspects = judge::suspects(&judgement).into_iter().chain(more);
        let fresh: Vec<u32> = suspects.filter(|pid| read.insert(*pid)).collect();
        if fresh.is_empty() {
            break;
        }
        carve::carve_memory(&host, &facts, &carver, &fresh, &|_| {}).unwrap();
        carver.hold(&facts).unwrap();
        judgement = judge::judge(&facts, playbooks, &tables).unwrap();
    }
    judgement
}

fn all() -> (Playbooks, BTreeMap<String, Judgement>) {
    let playbooks = Playbooks::embedded();
    let judged = hosts().into_iter().map(|name| {
        let judgement = triage(&name, &playbooks);
        (name, judgement)
    });
    let judged = judged.collect();
    (playbooks, judged)
}

/// What was found, for a failing test's message.
fn shown(judgement: &Judgement, playbook: Option<&str>) -> String {
    judgement
        .findings
        .iter()
        .filter(|f| playbook.is_none_or(|id| f.playbook == id))
        .map(|f| {
            format!("\n    {} {} {}: {}", f.level.word(), f.playbook, f.subject.fact, f.because)
        })
        .collect()
}

fn answer<'j>(judgement: &'j Judgement, id: &str) -> Option<&'j judge::Answer> {
    judgement.answers.iter().find(|answer| answer.id == id)
}

/// The first thing that an expected line misses.
fn miss(line: &str, judgement: &Judgement) -> Option<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let level = |word: &str| Level::from_word(word).unwrap_or_else(|| panic!("no level `{word}`"));
    match words.as_slice() {
        ["quiet", "at", at] => {
            let loud = judgement.findings.iter().any(|f| f.level >= level(at));
            loud.then(|| format!("not quiet:{}", shown(judgement, None)))
        }
        ["verdict", wanted] => {
            let worst = judgement.findings.iter().map(|f| f.level).max().unwrap_or_default();
            (worst != level(wanted)).then(|| format!("worst is {}", worst.word()))
        }
        ["could-not-check", id] => {
            let outcome = answer(judgement, id).map(|a| a.answer);
            (outcome != Some(Outcome::CouldNotCheck)).then(|| format!("answered {outcome:?}"))
        }
        [id, wanted, subject @ ..] => {
            let fits = judgement.findings.iter().any(|f| {
                let path = f.subject.path.as_deref();
                f.playbook == *id
                    && f.level == level(wanted)
                    && subject.iter().all(|s| f.subject.fact == *s || path == Some(*s))
            });
            (!fits).then(|| {
                let detail = answer(judgement, id).map(|a| a.detail.as_str()).unwrap_or_default();
                format!("did not fire so. {detail}{}", shown(judgement, Some(id)))
            })
        }
        _ => Some("is not an expectation".to_owned()),
    }
}

#[test]
fn every_host_is_told_as_expected_and_every_playbook_proves_itself() {
    let (playbooks, judged) = all();
    let mut wrong = Vec::new();
    for (name, judgement) in &judged {
        let expected = std::fs::read_to_string(folder().join(format!("{name}.expected")))
            .unwrap_or_else(|e| panic!("{name}.expected: {e}"));
        for line in expected.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'))
        {
            if let Some(why) = miss(line, judgement) {
                wrong.push(format!("{name}: `{line}`: {why}"));
            }
        }
        // What is most likely harmless is in production: one only looks.
        for finding in judgement.findings.iter().filter(|f| f.level < Level::Medium) {
            for step in &finding.next {
                if ["kill ", "gcore ", "systemctl disable", "Block "]
                    .iter()
                    .any(|word| step.starts_with(word))
                {
                    wrong.push(format!("{name}: {}: `{step}`", finding.id));
                }
            }
        }
        // Whatever a playbook could not read, its SQL must run.
        for answer in judgement.answers.iter().filter(|a| a.detail.contains("no such")) {
            wrong.push(format!("{name}: {}: {}", answer.id, answer.detail));
        }
    }
    for playbook in playbooks.iter().filter(|p| p.kind == Kind::Finding) {
        let id = playbook.id.text.as_str();
        let Some(test) = &playbook.test else {
            wrong.push(format!("{id}: has no test"));
            continue;
        };
        if test.fires.is_empty() || test.quiet.is_empty() {
            wrong.push(format!("{id}: names no host to fire on, or none to stay quiet on"));
        }
        for (hosts, fires) in [(&test.fires, true), (&test.quiet, false)] {
            // Those on logs are held by tests/logs.rs, those on archives by tests/archives_passing.rs.
            let elsewhere = |text: &str| text.starts_with("logs/") || text.starts_with("archives/");
            for host in hosts.iter().filter(|host| !elsewhere(&host.text)) {
                let name = host.text.strip_prefix("hosts/").unwrap_or(&host.text);
                let Some(judgement) = judged.get(name) else {
                    wrong.push(format!("{id}: there is no {}", host.text));
                    continue;
                };
                let fired = judgement.findings.iter().any(|f| f.playbook == id);
                if fired != fires {
                    let detail =
                        answer(judgement, id).map(|a| a.detail.as_str()).unwrap_or_default();
                    let verb = if fires { "does not fire" } else { "fires" };
                    wrong.push(format!(
                        "{id} {verb} on {name}. {detail}{}",
                        shown(judgement, Some(id))
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_same_host_is_told_in_the_same_words() {
    let playbooks = Playbooks::embedded();
    assert_eq!(triage("fake-crond", &playbooks), triage("fake-crond", &playbooks));
}

/// Detections name behaviour: nothing of the exercise's own names or addresses may stand in them.
#[test]
fn no_playbook_knows_the_sample() {
    for playbook in Playbooks::embedded().iter() {
        for word in ["libcron", "rsyslogd-worker", "102.208.3.5", "luckpool", "203.0.113."] {
            assert!(!playbook.source.contains(word), "{}: {word}", playbook.file);
        }
    }
}

#[test]
fn every_list_names_its_source_and_is_used() {
    let playbooks = Playbooks::embedded();
    let lists = Path::new(env!("CARGO_MANIFEST_DIR")).join("playbooks/lookups");
    for lookup in playbooks.lookups() {
        let text = std::fs::read_to_string(lists.join(format!("{}.csv", lookup.name))).unwrap();
        assert!(text.starts_with("# source: "), "{} names no source", lookup.name);
        // The checker itself reads ATT&CK's names.
        let used = lookup.name == "attack"
            || playbooks.iter().any(|p| p.query.text.contains(&lookup.name));
        assert!(used, "{} is used by no playbook", lookup.name);
    }
}

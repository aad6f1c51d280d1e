//! The engine over small facts of its own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::engine::judge_within;
use super::*;
use crate::facts::{Facts, Limits, Status, Table, Time};
use std::time::Duration;

crate::table! {
    pub struct Process in processes, "A process.";
    pid: u32, "", "Id.";
    comm: String, "", "Name.";
    exe: Option<String>, "", "Executable.";
    exe_deleted: Option<bool>, "", "Deleted.";
    started: Option<Time>, "", "Start.";
}

crate::table! {
    pub struct Socket in sockets, "A socket.";
    pid: u32, "", "Holder.";
    remote_port: u16, "", "Port.";
}

fn tables() -> Vec<TableDef> {
    [Process::DEF, Socket::DEF].into_iter().chain(TABLES.iter().copied()).collect()
}

fn process(pid: u32, comm: &str, exe: &str) -> Process {
    Process {
        pid,
        comm: comm.into(),
        exe: Some(exe.into()),
        exe_deleted: Some(false),
        started: Some(Time(0)),
    }
}

/// Two processes, one of them with two sockets; all of it read.
fn facts() -> Facts {
    let facts = Facts::in_memory(&tables()).unwrap();
    facts.insert(1, "/proc/1/stat", &process(1, "systemd", "/usr/lib/systemd/systemd")).unwrap();
    facts.insert(7, "/proc/7/stat", &process(7, "crond", "/var/tmp/.x/a b")).unwrap();
    facts.insert("7/3", "/proc/7/net/tcp:2", &Socket { pid: 7, remote_port: 3333 }).unwrap();
    facts.insert("7/4", "/proc/7/net/tcp:3", &Socket { pid: 7, remote_port: 443 }).unwrap();
    facts.cover("processes", Status::Complete, "").unwrap();
    facts.cover("sockets", Status::Complete, "").unwrap();
    facts
}

fn playbook(query: &str) -> String {
    let query: String = query.lines().map(|line| format!("  {line}\n")).collect();
    format!(
        "id: one\ntitle: One\nlevel: medium\ntags: [attack.execution, attack.t1059.004]\n\
         description: D.\nquery: |\n{query}because: \"{{comm}} runs {{exe}}\"\nnext:\n  \
         - ls -l {{exe}}\n  - kill -STOP {{pid}}\nfalse_positives: None.\n\
         test: {{fires: [hosts/a], quiet: [hosts/b]}}\n"
    )
}

fn all(query: &str) -> Playbooks {
    let mut all = Playbooks::empty();
    all.insert("one.yml", &playbook(query));
    assert!(all.broken().is_empty(), "{:?}", all.broken());
    all
}

fn answer(facts: &Facts, query: &str) -> String {
    let judgement = judge(facts, &all(query), &tables()).unwrap();
    let answer = &judgement.answers[0];
    format!("{}: {}", serde_json::to_value(answer.answer).unwrap().as_str().unwrap(), answer.detail)
}

const TEMPORARY: &str = "SELECT fact, pid, comm, exe FROM processes WHERE exe LIKE '/var/tmp/%'";

#[test]
fn rows_become_findings_with_evidence() {
    let judgement = judge(&facts(), &all(TEMPORARY), &tables()).unwrap();
    let finding = &judgement.findings[0];
    assert_eq!(finding.id, "one/processes/7");
    assert_eq!(finding.attack, ["T1059.004"]);
    assert_eq!(finding.because, "crond runs /var/tmp/.x/a b");
    assert_eq!(finding.next, ["ls -l '/var/tmp/.x/a b'", "kill -STOP 7"]);
    assert_eq!(finding.subject.kind, "process");
    assert_eq!(finding.subject.pid, Some(7));
    assert_eq!(finding.subject.path.as_deref(), Some("/var/tmp/.x/a b"));
    let evidence = &finding.evidence[0];
    assert_eq!(evidence.source, "/proc/7/stat");
    assert_eq!(evidence.values["started"], "1970-01-01T00:00:00Z");
    assert_eq!(evidence.values["exe_deleted"], false);
    assert_eq!(evidence.values["pid"], 7);
    assert_eq!(suspects(&judgement), [7]);
}

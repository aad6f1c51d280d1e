//! The engine over small facts of its own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod harm;
mod unknown;

use super::*;
use crate::facts::{Facts, Status, Table, Time};

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

crate::table! {
    pub struct Host in host, "The host.";
    reader_uid: Option<u32>, "", "Whom davy ran as.";
}

fn tables() -> Vec<TableDef> {
    [Process::DEF, Socket::DEF, Host::DEF].into_iter().chain(TABLES.iter().copied()).collect()
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

#[test]
fn rows_of_one_fact_are_one_finding_of_the_worst_level() {
    let facts = facts();
    let query = "SELECT p.fact, p.comm, p.exe, p.pid, s.fact AS socket_fact, \
                 CASE s.remote_port WHEN 3333 THEN 'high' ELSE 'low' END AS level \
                 FROM processes p JOIN sockets s USING (pid) ORDER BY s.fact DESC";
    let judgement = judge(&facts, &all(query), &tables()).unwrap();
    assert_eq!(judgement.findings.len(), 1);
    let finding = &judgement.findings[0];
    assert_eq!(finding.level, Level::High);
    assert!(finding.because.ends_with("(and 1 more such)"));
    let cited: Vec<&str> = finding.evidence.iter().map(|e| e.fact.as_str()).collect();
    assert_eq!(cited, ["processes/7", "sockets/7/4", "sockets/7/3"]);
}

#[test]
fn several_ids_may_stand_in_one_column() {
    let query = "SELECT fact, pid, comm, exe, 'sockets/7/3 sockets/7/4' AS socket_fact \
                 FROM processes WHERE pid = 7";
    let judgement = judge(&facts(), &all(query), &tables()).unwrap();
    assert_eq!(judgement.findings[0].evidence.len(), 3);
}

#[test]
fn judging_again_replaces_what_was_found() {
    let facts = facts();
    let rows = || {
        let count = |table| {
            let sql = format!("SELECT count(*) FROM {table}");
            facts.connection().query_row(&sql, [], |row| row.get::<_, i64>(0)).unwrap()
        };
        (count("findings"), count("finding_evidence"))
    };
    let first = judge(&facts, &all(TEMPORARY), &tables()).unwrap();
    assert_eq!(rows(), (1, 1));
    let second = judge(&facts, &all(TEMPORARY), &tables()).unwrap();
    assert_eq!(rows(), (1, 1));
    assert_eq!(first, second);
}

const ENDLESS: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) \
                       SELECT 'processes/1' AS fact, 1 AS comm, 2 AS exe, 3 AS pid FROM n WHERE i < 0";

#[test]
fn a_lookup_that_nothing_reads_is_refused_with_the_near_name() {
    let folder = std::env::temp_dir().join(format!("davy-lookups-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("ours.csv");
    std::fs::write(&file, "port,note\n3333,x\n").unwrap();
    let mut playbooks = all("SELECT fact, comm, exe, pid FROM processes, mine");
    playbooks.insert_lookup("mining_ports", "mining_ports.csv", "port,note\n14444,x\n");
    let mut add = |name: &str| playbooks.add_lookup(name, &file, &tables());
    assert_eq!(
        add("processes"),
        Err("`processes` is a table of facts; a lookup needs another name".into())
    );
    assert_eq!(
        add("mining_port"),
        Err("no playbook uses a lookup `mining_port`; did you mean mining_ports? \
             (there is mining_ports)"
            .into())
    );
    assert_eq!((add("mining_ports"), add("mine")), (Ok(()), Ok(())));
    let huge = folder.join("huge.csv");
    std::fs::File::create(&huge).unwrap().set_len((64 << 20) + 1).unwrap();
    assert!(playbooks.add_lookup("mine", &huge, &tables()).unwrap_err().ends_with("is not read"));
    assert!(playbooks.add_lookup("mine", &folder, &tables()).unwrap_err().ends_with("not a file"));
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_table_takes_parameters() {
    let text = "id: one\ntitle: One\ndescription: D.\nkind: table\nparams: {port: 443, name: cron%}\n\
                query: SELECT pid, comm, remote_port FROM processes JOIN sockets USING (pid) \
                WHERE remote_port >= :port AND comm LIKE :name ORDER BY remote_port\n";
    let mut playbooks = Playbooks::empty();
    playbooks.insert("one.yml", text);
    let facts = facts();
    prepare(&facts, &playbooks, &tables()).unwrap();
    let ask = |name: &str, value: &str| {
        let params = [(name.to_owned(), value.to_owned())].into();
        table(&facts, playbooks.get("one").unwrap(), &params)
            .map(|rows| rows.rows.len())
            .map_err(|failure| failure.to_string())
    };
    assert_eq!(ask("port", "443"), Ok(2));
    assert_eq!(ask("port", "3000"), Ok(1));
    assert_eq!(ask("name", "x"), Ok(0));
    assert_eq!(ask("port", "many"), Err("port=many: a whole number is wanted".into()));
    assert_eq!(ask("prot", "1"), Err("one has no parameter prot; it has name, port".into()));
}

#[test]
fn lookups_are_tables_and_the_users_rows_join_them() {
    let mut playbooks =
        all("SELECT p.fact, comm, exe, p.pid FROM processes p JOIN sockets s USING (pid) \
             JOIN mining_ports m ON m.port = s.remote_port");
    playbooks.insert_lookup("mining_ports", "mining_ports.csv", "port,note\n14444,x\n");
    let facts = facts();
    assert_eq!(judge(&facts, &playbooks, &tables()).unwrap().findings.len(), 0);
    playbooks.insert_lookup("mining_ports", "own.csv", "note,port\nmine,3333\n");
    assert_eq!(judge(&facts, &playbooks, &tables()).unwrap().findings.len(), 1);
}

/// docs/PLAYBOOKS.md is written by hand, but names every function as the code does, and its
/// example is right.
#[test]
fn the_docs_tell_the_truth() {
    let docs = include_str!("../../../docs/PLAYBOOKS.md");
    for function in FUNCTIONS {
        let line = format!("| `{}({})` | {} |", function.name, function.arguments, function.doc);
        assert!(docs.contains(&line), "{line}");
    }
    let example = docs.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    let (playbooks, tables) = (Playbooks::embedded(), crate::tables());
    let checker = Checker::new(&playbooks, &tables).unwrap();
    assert_eq!(checker.check("deleted-library-by-name.yml", example), []);
}

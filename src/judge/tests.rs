//! The engine over small facts of its own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::engine::judge_within;
use super::*;
use crate::facts::{Facts, Limits, Pieces, Status, Table, Time};
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

#[test]
fn silence_is_worth_what_was_read() {
    let none =
        "SELECT p.fact, comm, exe, pid FROM processes p JOIN sockets s USING (pid) WHERE pid = 99";
    assert_eq!(answer(&facts(), none), "quiet: ");

    let facts = facts();
    facts.cover("processes.exe", Status::Partial, "1 read; 1 denied").unwrap();
    assert_eq!(answer(&facts, none), "quiet: in part: processes.exe: partial (1 read; 1 denied)");
    let deleted = "SELECT fact, comm, pid, 1 AS exe FROM processes WHERE exe_deleted";
    assert_eq!(
        answer(&facts, deleted),
        "quiet: in part: processes.exe: partial (1 read; 1 denied)"
    );
    facts.cover("sockets.remote_port", Status::Denied, "").unwrap();
    assert_eq!(answer(&facts, none), "quiet: in part: processes.exe: partial (1 read; 1 denied)");

    let empty = Facts::in_memory(&tables()).unwrap();
    empty.cover("processes", Status::Complete, "").unwrap();
    assert_eq!(answer(&empty, none), "could-not-check: sockets: not read");
    empty.cover("sockets", Status::NotCaptured, "no ss in the archive").unwrap();
    assert_eq!(
        answer(&empty, none),
        "could-not-check: sockets: not-captured (no ss in the archive)"
    );
}

#[test]
fn more_than_one_piece_in_ten_unread_is_a_hole_and_less_a_scratch() {
    let none = "SELECT fact, comm, exe, pid FROM processes WHERE pid = 99";
    let covered = |read, missed| {
        let facts = facts();
        let detail = format!("{read} read; {missed} denied");
        let pieces = Pieces { read, missed, failed: missed };
        facts.cover_counted("processes.exe", Status::Partial, detail, pieces).unwrap();
        facts
    };
    assert_eq!(
        answer(&covered(9, 1), none),
        "quiet: in part: looked at 9 of 10: processes.exe (9 read; 1 denied)"
    );
    assert_eq!(
        answer(&covered(8, 1), none),
        "could-not-check: looked at 8 of 9: processes.exe (8 read; 1 denied)"
    );
    let verdict = |facts: &Facts, query: &str| {
        Verdict::of(&judge(facts, &all(query), &tables()).unwrap()).summary
    };
    let (hole, sockets) = (
        covered(1, 5),
        "SELECT fact, 1 AS comm, 2 AS exe, remote_port AS pid FROM sockets WHERE 0",
    );
    assert_eq!(
        verdict(&hole, none),
        "Not determined: no playbook could look; davy could look at only 1 of 6 processes: run it as root."
    );
    assert_eq!(
        verdict(&hole, sockets),
        "Nothing found, but davy could look at only 1 of 6 processes; 1 of 1 playbooks could look."
    );
    assert_eq!(verdict(&covered(9, 1), none), "Nothing found by 1 playbook.");
}

#[test]
fn what_a_playbook_needs_must_have_been_read() {
    let facts = facts();
    let text = playbook("SELECT fact, comm, exe, pid FROM processes WHERE pid = 99");
    let mut all = Playbooks::empty();
    all.insert("one.yml", &text.replace("because:", "needs: [packages]\nbecause:"));
    let detail = |facts: &Facts| judge(facts, &all, &tables()).unwrap().answers[0].clone();
    assert_eq!(detail(&facts).answer, Outcome::CouldNotCheck);
    facts.cover("packages", Status::Complete, "").unwrap();
    assert_eq!(detail(&facts).answer, Outcome::Quiet);
}

#[test]
fn a_playbook_may_only_read() {
    let facts = facts();
    for (query, refused) in [
        ("DELETE FROM processes", "writing to processes"),
        ("UPDATE processes SET pid = 1", "writing to processes"),
        ("INSERT INTO processes (fact, source) VALUES ('a', 'b')", "writing to processes"),
        ("CREATE TABLE x (a)", "writing to sqlite_master"),
        ("CREATE TEMP TABLE x (a)", "writing to sqlite_temp_master"),
        ("DROP TABLE processes", "writing to sqlite_master"),
        ("ATTACH '/tmp/x.db' AS x", "attaching a database"),
        ("DETACH main", "attaching a database"),
        ("VACUUM INTO '/tmp/x.db'", "attaching a database"),
        ("PRAGMA writable_schema = 1", "PRAGMA writable_schema"),
        ("SELECT * FROM pragma_table_info('processes')", "reading pragma_table_info"),
        ("SELECT sql AS fact FROM sqlite_master", "reading sqlite_master"),
        ("SELECT load_extension('/tmp/x.so')", "calling load_extension()"),
        ("SELECT random() AS fact", "calling random()"),
        ("BEGIN", "a transaction"),
        ("ROLLBACK", "a transaction"),
        ("SAVEPOINT x", "a transaction"),
        ("CREATE VIRTUAL TABLE x USING fts5(a)", "writing to sqlite_master"),
        ("REINDEX processes", "changing the schema"),
        ("ANALYZE", "changing the schema"),
    ] {
        let answer = answer(&facts, query);
        assert!(
            answer.starts_with("could-not-check: ")
                && (answer.contains(refused) && answer.contains("not allowed")
                    || answer.contains("cannot VACUUM")),
            "{query}: {answer}"
        );
    }
    let left: i64 = facts
        .connection()
        .query_row("SELECT count(*) FROM processes", [], |row| row.get(0))
        .unwrap();
    assert_eq!(left, 2);
    // Outside of a question the store still writes.
    facts.insert(8, "x", &process(8, "a", "/a")).unwrap();
}

const ENDLESS: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) \
                       SELECT 'processes/1' AS fact, 1 AS comm, 2 AS exe, 3 AS pid FROM n WHERE i < 0";

#[test]
fn an_endless_query_is_stopped_and_the_others_answer() {
    let facts = facts();
    let mut playbooks = all(ENDLESS);
    let other = playbook(TEMPORARY).replace("id: one", "id: other");
    playbooks.insert("other.yml", &other);
    let limits = Limits { time: Duration::from_millis(50), ..Limits::default() };
    let judgement = judge_within(&facts, &playbooks, &tables(), limits).unwrap();
    assert_eq!(judgement.answers[0].answer, Outcome::CouldNotCheck);
    assert_eq!(judgement.answers[0].detail, "timed out after 0.05 s");
    assert_eq!(judgement.answers[1].answer, Outcome::Fired);
}

#[test]
fn a_query_that_hoards_memory_is_stopped() {
    let hoard = "WITH RECURSIVE n (i, t) AS (SELECT 1, hex(zeroblob(500000)) UNION \
                 SELECT i + 1, t || i FROM n) \
                 SELECT 'processes/1' AS fact, 1 AS comm, 2 AS exe, max(i) AS pid FROM n";
    let limits = Limits { memory: 64 << 20, ..Limits::default() };
    let judgement = judge_within(&facts(), &all(hoard), &tables(), limits).unwrap();
    assert_eq!(judgement.answers[0].detail, "stopped: it took more than 64 MiB of memory");
}

#[test]
fn more_rows_than_a_responder_can_read_are_cut_and_that_is_said() {
    let many = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 20000) \
                SELECT 'processes/' || i AS fact, 1 AS comm, 2 AS exe, i AS pid FROM n";
    let judgement = judge(&facts(), &all(many), &tables()).unwrap();
    assert_eq!(judgement.findings.len(), 10_000);
    assert_eq!(judgement.answers[0].detail, "more than 10000 rows; the rest was not read");
}

#[test]
fn of_too_many_rows_the_gravest_are_kept() {
    let many = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 20000) \
                SELECT 'processes/' || i AS fact, 1 AS comm, 2 AS exe, i AS pid, \
                CASE i WHEN 19999 THEN 'critical' WHEN 7 THEN NULL ELSE 'low' END AS level FROM n;";
    let facts = facts();
    let judgement = judge(&facts, &all(many), &tables()).unwrap();
    assert_eq!(judgement.findings[0].subject.fact, "processes/19999");
    assert_eq!(judgement.findings[1].subject.fact, "processes/7");
    assert_eq!(judgement.answers[0].detail, "more than 10000 rows; the gravest were kept");
    assert_eq!(
        problems(&facts),
        [("playbook one".to_owned(), "more than 10000 rows; the gravest were kept".to_owned())]
    );
}

#[test]
fn rows_without_a_fact_or_with_a_bad_level_are_told_as_a_gap() {
    let odd = "SELECT CASE pid WHEN 7 THEN fact END AS fact, comm, exe, pid, 'grave' AS level \
               FROM processes WHERE pid < 100";
    let facts = facts();
    judge(&facts, &all(odd), &tables()).unwrap();
    let told = "a row without a fact was left out; a row's level `grave` is none";
    assert_eq!(problems(&facts), [("playbook one".to_owned(), told.to_owned())]);
    // A later judgement takes them back.
    judge(&facts, &all(TEMPORARY), &tables()).unwrap();
    assert_eq!(problems(&facts), []);
}

/// What coverage says of playbooks.
fn problems(facts: &Facts) -> Vec<(String, String)> {
    facts
        .rows("SELECT what, detail FROM coverage WHERE what GLOB 'playbook *'", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap()
}

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
fn a_broken_playbook_is_an_answer_and_the_others_judge() {
    let mut playbooks = all(TEMPORARY);
    playbooks.insert("two.yml", "id: two\nquery: [");
    playbooks.insert(
        "three.yml",
        &playbook("SELECT nothing FROM nowhere").replace("id: one", "id: three"),
    );
    let judgement = judge(&facts(), &playbooks, &tables()).unwrap();
    let answers: Vec<(&str, Outcome)> =
        judgement.answers.iter().map(|a| (a.id.as_str(), a.answer)).collect();
    assert_eq!(
        answers,
        [
            ("one", Outcome::Fired),
            ("three", Outcome::CouldNotCheck),
            ("two", Outcome::CouldNotCheck)
        ]
    );
}

#[test]
fn hostile_values_stay_values() {
    let facts = facts();
    let nasty = "/tmp/\u{1b}[2J{pid}';DROP TABLE processes;--\n$(reboot)";
    facts.insert(66, "/proc/66/stat", &process(66, "{exe}", nasty)).unwrap();
    let query = "SELECT fact, pid, comm, exe FROM processes WHERE pid = 66";
    let judgement = judge(&facts, &all(query), &tables()).unwrap();
    let finding = &judgement.findings[0];
    assert_eq!(finding.because, format!("{{exe}} runs {nasty}"));
    assert_eq!(
        finding.next[0],
        "ls -l $'/tmp/\\x1b[2J{pid}\\';DROP TABLE processes;--\\x0a$(reboot)'"
    );
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

#[test]
fn the_verdict_says_how_sure_and_by_what() {
    let summary = |level: &str| {
        let query = format!("{TEMPORARY} AND pid = 7")
            .replace("exe FROM", &format!("exe, '{level}' AS level FROM"));
        Verdict::of(&judge(&facts(), &all(&query), &tables()).unwrap()).summary
    };
    assert_eq!(summary("critical"), "Compromised: one (crond, pid 7); 1 finding, critical.");
    assert_eq!(summary("high"), "Very likely compromised: one (crond, pid 7); 1 finding, high.");
    assert_eq!(summary("medium"), "Suspicious: one (crond, pid 7); 1 finding, medium.");
    assert_eq!(summary("low"), "Nothing that points to a compromise: 1 finding, none above low.");
    let nothing =
        judge(&facts(), &all("SELECT fact, comm, exe, pid FROM processes WHERE 0"), &tables());
    assert_eq!(Verdict::of(&nothing.unwrap()).summary, "Nothing found by 1 playbook.");
    let empty = Facts::in_memory(&tables()).unwrap();
    empty.cover("processes", Status::Denied, "2 denied").unwrap();
    let unknown = judge(&empty, &all(TEMPORARY), &tables()).unwrap();
    assert_eq!(
        Verdict::of(&unknown).summary,
        "Not determined: no playbook could look (run as root to see more)."
    );
}

proptest::proptest! {
    #[test]
    fn no_text_is_a_playbook_that_panics(text: String) {
        let _ = Playbook::parse("x.yml", &text);
    }

    #[test]
    fn no_query_makes_judging_fail(query in "(SELECT|fact|FROM|processes|WITH|[a-z,()*':;.?@]| |1|--){0,12}") {
        let mut playbooks = Playbooks::empty();
        playbooks.insert("one.yml", &playbook(&query));
        judge(&facts(), &playbooks, &tables()).unwrap();
    }
}

/// docs/PLAYBOOKS.md is written by hand, but names every function as the code does, and its
/// example is right.
#[test]
fn the_docs_tell_the_truth() {
    let docs = include_str!("../../docs/PLAYBOOKS.md");
    for function in FUNCTIONS {
        let line = format!("| `{}({})` | {} |", function.name, function.arguments, function.doc);
        assert!(docs.contains(&line), "{line}");
    }
    let example = docs.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    let (playbooks, tables) = (Playbooks::embedded(), crate::tables());
    let checker = Checker::new(&playbooks, &tables).unwrap();
    assert_eq!(checker.check("deleted-library-by-name.yml", example), []);
}

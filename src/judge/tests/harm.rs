//! Playbooks that are broken, greedy or hostile, and values that are.

use super::*;
use crate::facts::Limits;
use crate::judge::Before;
use crate::judge::engine::judge_within;
use std::time::Duration;

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

#[test]
fn an_endless_query_is_stopped_and_the_others_answer() {
    let facts = facts();
    let mut playbooks = all(ENDLESS);
    let other = playbook(TEMPORARY).replace("id: one", "id: other");
    playbooks.insert("other.yml", &other);
    let limits = Limits { time: Duration::from_millis(50), ..Limits::default() };
    let judgement =
        judge_within(&facts, &playbooks, &tables(), limits, &mut Before::default()).unwrap();
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
    let judgement =
        judge_within(&facts(), &all(hoard), &tables(), limits, &mut Before::default()).unwrap();
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

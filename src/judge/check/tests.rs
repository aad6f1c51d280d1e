//! Golden messages: a mistake in a playbook, and what davy says of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::super::{Complaint, Playbooks};
use super::Checker;

const RIGHT: &str = "\
id: one
title: One
level: high
tags: [attack.execution, attack.t1059.004]
description: D.
query: |
  SELECT p.fact, p.pid,
    p.exe
  FROM processes p
because: \"{pid} runs {exe}\"
next:
  - kill -STOP {pid}
false_positives: None.
test: {fires: [hosts/a], quiet: [hosts/b]}
";

/// Puts `wrong` in the place of `right` and expects these words.
fn check(right: &str, wrong: &str, expect: &str) {
    assert!(RIGHT.contains(right), "{right}");
    let playbooks = Playbooks::embedded();
    let tables = crate::tables();
    let complaints = Checker::new(&playbooks, &tables)
        .unwrap()
        .check("one.yml", &RIGHT.replacen(right, wrong, 1));
    let said: Vec<String> = complaints.iter().map(Complaint::to_string).collect();
    assert_eq!(said.join("\n"), expect);
}

#[test]
fn what_is_right_is_silent() {
    check("One", "One", "");
}

#[test]
fn keys() {
    check(
        "description:",
        "descripton:",
        "one.yml:5:1: unknown field `descripton`\n  5 | descripton: D.\n    | ^^^^^^^^^^\n  \
         help: known are id, title, level, tags, description, kind, params, fold, report, needs, \
         query, because, next, false_positives, references, author, license, test",
    );
    check("level: high\n", "", "one.yml:1:1: missing field `level`\n  1 | id: one\n    | ^");
    check(
        "level: high",
        "level: hihg",
        "one.yml:3:8: no level `hihg`\n  3 | level: hihg\n    |        ^^^^\n  \
         help: informational, low, medium, high or critical, as in Sigma",
    );
    check(
        "id: one",
        "id: One",
        "one.yml:1:5: `One` is not an id\n  1 | id: One\n    |     ^^^\n  \
         help: lower case letters, digits and hyphens, at most 64",
    );
    check(
        "id: one",
        "id: two",
        "one.yml:1:5: the id is `two`, but the file is named `one`\n  1 | id: two\n    |     ^^^",
    );
}

#[test]
fn yaml() {
    check(
        "title: One",
        "title: [One",
        "one.yml:2:8: expected string scalar\n  2 | title: [One\n    |        ^",
    );
    check(
        "title: One",
        "id: two",
        "one.yml:2:1: duplicate mapping key: id, set DuplicateKeyPolicy in Options if acceptable\n  \
         2 | id: two\n    | ^^",
    );
}

#[test]
fn tags() {
    check(
        "attack.t1059.004",
        "attack.t1059.099",
        "one.yml:4:26: no ATT&CK technique T1059.099\n  \
         4 | tags: [attack.execution, attack.t1059.099]\n    |                          ^^^^^^^^^^^^^^^^\n  \
         help: there is T1059 (Command and Scripting Interpreter), but no such sub-technique",
    );
    check(
        "attack.execution, ",
        "mining, ",
        "one.yml:4:8: `mining` is not a tag\n  4 | tags: [mining, attack.t1059.004]\n    |        \
         ^^^^^^\n  help: a tag is `attack.t1059.004`, or `cve.2026.1234`",
    );
}

#[test]
fn the_query() {
    check(
        "p.exe\n",
        "p.exee\n",
        "one.yml:8:5: no such column: p.exee\n  8 |     p.exee\n    |     ^^^^^^\n  \
         help: there is exe",
    );
    check(
        "processes p",
        "proceses p",
        "one.yml:9:8: no such table: proceses\n  9 |   FROM proceses p\n    |        ^^^^^^^^\n  \
         help: there is processes",
    );
    check(
        "FROM processes",
        "FORM processes",
        "one.yml:9:8: near \"processes\": syntax error\n  9 |   FORM processes p\n    |        ^^^^^^^^^",
    );
    check(
        "SELECT p.fact, p.pid,\n    p.exe\n  FROM processes p",
        "DELETE FROM processes",
        "one.yml:7:15: writing to processes is not allowed to a playbook\n  \
         7 |   DELETE FROM processes\n    |               ^^^^^^^^^",
    );
    check(
        "p.fact, ",
        "",
        "one.yml:7:3: the query returns no column `fact`\n  7 |   SELECT p.pid,\n    |   ^^^^^^\n  \
         help: the subject's fact id: SELECT p.fact, …",
    );
    check(
        "p.pid,",
        "p.pid, p.ppid AS pid,",
        "one.yml:7:20: two columns are named `pid`\n  7 |   SELECT p.fact, p.pid, p.ppid AS pid,\n    \
         |                    ^^^\n  help: name one of them with AS",
    );
    check(
        "p\nbecause",
        "p WHERE p.comm REGEXP '[a'\nbecause",
        "one.yml:9:40: regular expression: unclosed character class\n  \
         9 |   FROM processes p WHERE p.comm REGEXP '[a'\n    |                                        ^^^^",
    );
    check(
        "p.exe\n  FROM processes p",
        "p.path AS exe\n  FROM findings p",
        "one.yml:9:8: findings is made from what playbooks find\n  9 |   FROM findings p\n    \
         |        ^^^^^^^^",
    );
    check(
        "p\nbecause",
        "p WHERE p.pid > :least\nbecause",
        "one.yml:9:34: the parameter `:least` has no default\n  \
         9 |   FROM processes p WHERE p.pid > :least\n    |                                  ^^^^^^\n  \
         help: declare it in params:",
    );
    check(
        "p\nbecause",
        "p; SELECT 1\nbecause",
        "one.yml:7:3: more than one statement\n  7 |   SELECT p.fact, p.pid,\n    |   ^",
    );
}

#[test]
fn words() {
    check(
        "{pid} runs {exe}",
        "{pid} runs {path}",
        "one.yml:10:22: the query returns no column `path`\n  10 | because: \"{pid} runs {path}\"\n     \
         |                      ^^^^^^\n  help: it returns fact, pid, exe",
    );
    check(
        "- kill -STOP {pid}",
        "- ls '{exe}'",
        "one.yml:12:9: `{exe}` stands within quotes\n  12 |   - ls '{exe}'\n     |         ^^^^^\n  \
         help: leave the quotes away: values are quoted where they need it",
    );
    check("- kill -STOP {pid}", "- ls \\\"$(dirname {exe})\\\" '{pid}'", "");
}

#[test]
fn tests() {
    check(
        "test: {fires: [hosts/a], quiet: [hosts/b]}",
        "test: {fires: [hosts/a]}",
        "one.yml:1:1: missing field `test.quiet`\n  1 | id: one\n    | ^\n  \
         help: a host on which it fires and one on which it stays quiet: \
         test: {fires: [hosts/…], quiet: [hosts/…]}",
    );
}

proptest::proptest! {
    #[test]
    fn no_text_makes_a_check_panic(at in 0usize..300, put in "[\u{0}-~é{}'\"\n|:]{0,6}") {
        let mut text = RIGHT.to_owned();
        text.insert_str(at.min(text.len()), &put);
        let playbooks = Playbooks::empty();
        let tables = crate::tables();
        for complaint in Checker::new(&playbooks, &tables).unwrap().check("one.yml", &text) {
            let _ = complaint.to_string();
        }
    }
}

#[test]
fn the_embedded_playbooks_are_right() {
    let playbooks = Playbooks::embedded();
    let tables = crate::tables();
    let checker = Checker::new(&playbooks, &tables).unwrap();
    let complaints: Vec<String> = playbooks
        .sources()
        .flat_map(|(file, text)| checker.check(file, text))
        .chain(playbooks.broken().iter().map(|(_, complaint)| complaint.clone()))
        .map(|complaint| complaint.to_string())
        .collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n\n"));
    assert_eq!(playbooks.notes(), Vec::<String>::new());
}

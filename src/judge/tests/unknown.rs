//! What silence is worth, and the one line that says it.

use super::*;
use crate::facts::Pieces;

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
        let pieces = Pieces { read, missed, failed: missed, cut: 0 };
        facts.cover_counted("processes.exe", Status::Partial, detail, pieces).unwrap();
        facts
    };
    let verdict = |facts: &Facts, query: &str| {
        Verdict::of(&judge(facts, &all(query), &tables()).unwrap()).summary
    };
    assert_eq!(
        answer(&covered(9, 1), none),
        "quiet: in part: looked at 9 of 10: processes.exe (9 read; 1 denied)"
    );
    assert_eq!(
        answer(&covered(17, 2), none),
        "could-not-check: looked at 17 of 19: processes.exe (17 read; 2 denied)"
    );
    // One process of a small host.
    assert_eq!(
        answer(&covered(4, 1), none),
        "quiet: in part: looked at 4 of 5: processes.exe (4 read; 1 denied)"
    );
    assert_eq!(verdict(&covered(8, 1), none), "Nothing found by 1 playbook.");
    assert_eq!(
        answer(&covered(3, 1), none),
        "could-not-check: looked at 3 of 4: processes.exe (3 read; 1 denied)"
    );
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
    hole.insert(1, "/proc", &Host { reader_uid: Some(0) }).unwrap();
    assert_eq!(
        verdict(&hole, none),
        "Not determined: no playbook could look; davy could look at only 1 of 6 processes."
    );
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
    empty.insert(1, "/proc", &Host { reader_uid: Some(0) }).unwrap();
    let unknown = judge(&empty, &all(TEMPORARY), &tables()).unwrap();
    assert_eq!(Verdict::of(&unknown).summary, "Not determined: no playbook could look.");
}

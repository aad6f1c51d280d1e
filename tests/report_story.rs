//! The story: what hangs together, in order of time, from the lead or the worst finding.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod report_sample;
use davy::judge::{Judgement, Level};
use report_sample as sample;
use rusqlite::types::Value;
use sample::{SECOND, TAKEN, about, add, finding, n, t};

fn chain(case: &davy::report::Case) -> Vec<String> {
    case.story.iter().map(|step| format!("{} -- {} -> {}", step.from, step.edge, step.to)).collect()
}

#[test]
fn the_exercise_is_told_from_the_worst_finding() {
    let case = sample::exercise(None);
    let expected = [
        "crond (pid 2584) -- runs -> /usr/sbin/crond",
        "/usr/sbin/crond -- names in file -> http://102.208.3.5/cc/index.html",
        "crond (pid 2584) -- dropped -> /usr/sbin/rsyslogd-worker",
        "rsyslogd-worker (pid 2591) -- runs -> /usr/sbin/rsyslogd-worker",
        "rsyslogd-worker (pid 2591) -- holds open -> /usr/lib/x86_64-linux-gnu/libcron.so.1 (deleted)",
        "/usr/lib/x86_64-linux-gnu/libcron.so.1 (deleted) -- names in file -> stratum+tcp://ap.luckpool.net:3956",
        "/usr/lib/x86_64-linux-gnu/libcron.so.1 (deleted) -- names in file -> 198.51.100.23:8080",
        "rsyslogd-worker (pid 2591) -- connects to -> 203.0.113.99:3956",
        "ap.luckpool.net:3956 -- probably is -> 203.0.113.99:3956",
    ];
    assert_eq!(chain(&case), expected);
    assert!(case.story.iter().all(|step| step.incident == 1));
    assert_eq!(case.lead, None);
}

#[test]
fn a_lead_comes_first_whatever_form_it_has() {
    for (lead, to) in [
        ("ap.luckpool.net:3956", "203.0.113.99:3956"),
        ("ap.luckpool.net", "stratum+tcp://ap.luckpool.net:3956"),
        ("203.0.113.99", "203.0.113.99:3956"),
        ("unheard.example:3956", "203.0.113.99:3956"),
        ("http://102.208.3.5/cc/index.html", "http://102.208.3.5/cc/index.html"),
        ("102.208.3.5", "102.208.3.5"),
        ("/usr/sbin/crond", "/usr/sbin/crond"),
        ("2584", "crond (pid 2584)"),
        ("pid:2591", "rsyslogd-worker (pid 2591)"),
        ("9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08", "/usr/sbin/crond"),
        ("payload dropped", "pid 2584"),
    ] {
        let case = sample::exercise(Some(lead));
        let first = &case.story[0];
        assert_eq!((first.edge.as_str(), first.to.as_str()), ("concerns", to), "{lead}");
        assert!(case.lead.unwrap().contains("found"), "{lead}");
        assert!(case.story.len() >= 10, "{lead}: {}", case.story.len());
    }
}

#[test]
fn a_lead_that_is_not_there_is_said_so_and_the_story_still_told() {
    let case = sample::exercise(Some("pool.elsewhere.example:14444"));
    let lead = case.lead.unwrap();
    assert!(lead.contains("could not be looked for in full (processes.exe"), "{lead}");
    assert!(lead.contains("starts from the worst finding"), "{lead}");
    assert_eq!(case.story[0].from, "crond (pid 2584)");
    // Where all could be read, it is not there; and what is not told starts from nothing.
    let case = sample::case(&sample::empty_host(), &Judgement::default(), Some("203.0.113.7:1"));
    let lead = case.lead.unwrap();
    assert!(lead.contains("not found") && !lead.contains("worst finding"), "{lead}");
}

#[test]
fn a_connection_without_a_known_owner_is_the_lead_s_all_the_same() {
    let facts = sample::empty_host();
    add(
        &facts,
        "sockets/tcp/1",
        "/proc/net/tcp:2",
        &[
            ("protocol", t("tcp")),
            ("local_address", t("10.0.0.5")),
            ("local_port", n(40000)),
            ("remote_address", t("203.0.113.99")),
            ("remote_port", n(3956)),
            ("state", t("ESTABLISHED")),
            ("uid", n(0)),
            ("inode", n(77)),
        ],
    );
    for lead in ["203.0.113.99:3956", "203.0.113.99", "ap.luckpool.net:3956"] {
        let case = sample::case(&facts, &Judgement::default(), Some(lead));
        let said = case.lead.unwrap();
        let wanted = "a connection to 203.0.113.99 port 3956 (ESTABLISHED, uid 0); whose it is could not be read";
        assert!(said.contains(wanted), "{said}");
    }
}

#[test]
fn who_only_shares_the_address_comes_last() {
    let facts = sample::exercise_facts();
    sample::process(&facts, 8, 1, "backup", "/usr/bin/backup", None, TAKEN - 30 * 86_400 * SECOND);
    add(
        &facts,
        "sockets/tcp/8",
        "/proc/net/tcp:3",
        &[
            ("protocol", t("tcp")),
            ("local_address", t("10.0.0.5")),
            ("local_port", n(40001)),
            ("remote_address", t("203.0.113.99")),
            ("remote_port", n(443)),
            ("state", t("ESTABLISHED")),
            ("inode", n(78)),
            ("pid", n(8)),
        ],
    );
    let case = sample::case(&facts, &sample::exercise_judgement(), Some("203.0.113.99:3956"));
    let bystanders: Vec<_> = case.story.iter().filter(|step| step.bystander).collect();
    assert_eq!(bystanders.len(), 1);
    assert_eq!(case.story.last().unwrap().from, "backup (pid 8)");
}

#[test]
fn of_all_who_hold_the_led_connection_the_worst_is_named_first() {
    let facts = sample::exercise_facts();
    // Stands before the suspect in every table.
    sample::process(&facts, 8, 1, "backup", "/usr/bin/backup", None, TAKEN - 30 * 86_400 * SECOND);
    add(
        &facts,
        "sockets/tcp/1",
        "/proc/net/tcp:3",
        &[
            ("protocol", t("tcp")),
            ("local_address", t("10.0.0.5")),
            ("local_port", n(40001)),
            ("remote_address", t("203.0.113.99")),
            ("remote_port", n(3956)),
            ("state", t("ESTABLISHED")),
            ("inode", n(78)),
            ("pid", n(8)),
        ],
    );
    for lead in ["203.0.113.99:3956", "ap.luckpool.net:3956"] {
        let case = sample::case(&facts, &sample::exercise_judgement(), Some(lead));
        let told = case.lead.unwrap();
        let (worst, other) = (told.find("rsyslogd-worker (pid 2591)"), told.find("backup (pid 8)"));
        assert!(worst.is_some() && other.is_some() && worst < other, "{told}");
    }
}

#[test]
fn a_lead_may_be_a_file_s_bare_name_and_where_it_was_looked_for_is_said() {
    let case = sample::exercise(Some("libcron.so.1"));
    assert!(case.lead.unwrap().contains(": found"));
    let case = sample::case(&sample::empty_host(), &Judgement::default(), Some("libother.so.9"));
    let told = case.lead.unwrap();
    assert!(told.contains("Looked for in connections, processes, startup entries"), "{told}");
}

#[test]
fn a_clean_host_has_no_story() {
    let case = sample::case(&sample::empty_host(), &Judgement::default(), None);
    assert_eq!(case.story, []);
    assert_eq!(case.story_note, None);
}

#[test]
fn a_lead_alone_starts_a_story_without_findings() {
    let case = sample::case(
        &sample::exercise_facts(),
        &Judgement::default(),
        Some("ap.luckpool.net:3956"),
    );
    let told = chain(&case).join("\n");
    assert!(told.contains("crond (pid 2584) -- dropped -> /usr/sbin/rsyslogd-worker"), "{told}");
}

#[test]
fn two_incidents_are_told_one_after_the_other_worst_first() {
    let facts = sample::exercise_facts();
    sample::process(&facts, 300, 1, "old", "/tmp/.x/old", None, TAKEN - 20 * 86_400 * SECOND);
    let mut judgement = sample::exercise_judgement();
    judgement.findings.push(finding(
        "temporary-executable",
        "",
        Level::Medium,
        about("process", Some(300), Some("/tmp/.x/old"), "processes/300"),
        "",
        &[],
        &[],
    ));
    let case = sample::case(&facts, &judgement, None);
    let last = case.story.last().unwrap();
    assert_eq!((last.incident, last.from.as_str()), (2, "old (pid 300)"));
    assert_eq!(case.story.iter().filter(|step| step.incident == 1).count(), 9);
    // The SOC's lead goes before what is worse.
    let case = sample::case(
        &{
            let facts = sample::exercise_facts();
            sample::process(
                &facts,
                300,
                1,
                "old",
                "/tmp/.x/old",
                None,
                TAKEN - 20 * 86_400 * SECOND,
            );
            facts
        },
        &judgement,
        Some("/tmp/.x/old"),
    );
    assert_eq!(case.story[1].from, "old (pid 300)");
}

#[test]
fn a_thousand_connections_and_a_cycle_stay_a_story() {
    let facts = sample::empty_host();
    for pid in 100..160 {
        // Each is the parent of the next, and the last of the first.
        let parent = if pid == 100 { 159 } else { pid - 1 };
        sample::process(&facts, pid, parent, "x", "/tmp/x", None, TAKEN - SECOND);
    }
    for number in 0..1000 {
        add(
            &facts,
            &format!("sockets/tcp/{number}"),
            "/proc/net/tcp",
            &[
                ("protocol", t("tcp")),
                ("local_address", t("10.0.0.5")),
                ("local_port", n(number)),
                ("remote_address", t(&format!("198.51.{}.{}", number / 250, number % 250))),
                ("remote_port", n(443)),
                ("state", t("ESTABLISHED")),
                ("inode", n(number)),
                ("pid", n(100)),
                ("fd", Value::Null),
            ],
        );
    }
    let findings = (100..160).map(|pid| {
        finding(
            "p",
            "",
            Level::High,
            about("process", Some(pid), None, &format!("processes/{pid}")),
            "",
            &[],
            &[],
        )
    });
    let judgement = Judgement { findings: findings.collect(), ..Judgement::default() };
    let case = sample::case(&facts, &judgement, None);
    assert_eq!(case.story.len(), 40);
    assert!(case.story_note.unwrap().contains("left out"));
    assert!(case.story.iter().any(|step| step.because.contains("997 more")));
}

#[test]
fn the_same_facts_give_the_same_story_and_timeline() {
    assert_eq!(sample::exercise(Some("203.0.113.99")), sample::exercise(Some("203.0.113.99")));
}

#[test]
fn the_timeline_is_in_order_and_names_its_findings() {
    let case = sample::exercise(None);
    let events: Vec<(&str, bool)> =
        case.timeline.iter().map(|e| (e.kind.as_str(), e.findings.is_empty())).collect();
    assert!(case.timeline.is_sorted_by_key(|event| event.time.parse::<jiff::Timestamp>().unwrap()));
    assert!(events.contains(&("file-deleted", false)), "{events:?}");
    assert!(events.contains(&("connection-seen", false)), "{events:?}");
    assert!(events.contains(&("boot", true)), "{events:?}");
    assert_eq!(events.last(), Some(&("connection-seen", false)));
}

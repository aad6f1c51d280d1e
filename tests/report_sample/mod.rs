//! A host like the exercise's, as facts and findings made by hand.
#![allow(
    clippy::too_many_arguments,
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use davy::facts::{Facts, Status};
use davy::graph::Story;
use davy::judge::{Answer, Evidence, Finding, Judgement, Level, Outcome, Subject, Verdict};
use davy::report::{Case, Tool};
use rusqlite::types::Value;
use std::collections::BTreeMap;

/// 2026-11-22T06:24:17Z, when the host is read.
pub const TAKEN: i64 = 1_795_328_657_000_000_000;
pub const SECOND: i64 = 1_000_000_000;

/// Adds a row by column names, so that a table may grow without these tests knowing.
pub fn add(facts: &Facts, fact: &str, source: &str, row: &[(&str, Value)]) {
    let table = fact.split('/').next().unwrap();
    let names: String = row.iter().map(|(name, _)| format!(", \"{name}\"")).collect();
    let places = ", ?".repeat(row.len());
    let statement = format!("INSERT INTO {table} (fact, source{names}) VALUES (?, ?{places})");
    let values = [Value::from(fact.to_owned()), Value::from(source.to_owned())]
        .into_iter()
        .chain(row.iter().map(|(_, value)| value.clone()));
    let done = facts.connection().execute(&statement, rusqlite::params_from_iter(values));
    assert_eq!(done.unwrap(), 1);
}

pub fn t(text: &str) -> Value {
    Value::from(text.to_owned())
}
pub fn n(number: i64) -> Value {
    Value::from(number)
}

pub fn process(
    facts: &Facts,
    pid: i64,
    ppid: i64,
    comm: &str,
    exe: &str,
    package: Option<&str>,
    started: i64,
) {
    add(
        facts,
        &format!("processes/{pid}"),
        &format!("/proc/{pid}/stat"),
        &[
            ("pid", n(pid)),
            ("ppid", n(ppid)),
            ("comm", t(comm)),
            ("kernel_thread", n(0)),
            ("uid", n(0)),
            ("exe", t(exe)),
            ("cmdline", t(exe)),
            ("exe_deleted", n(0)),
            ("exe_memfd", n(0)),
            ("exe_package", package.map_or(Value::Null, t)),
            ("root_id", t("/")),
            ("started", n(started)),
        ],
    );
}

pub fn indicator(
    facts: &Facts,
    number: u32,
    kind: &str,
    value: &str,
    place: &str,
    pid: i64,
    path: &str,
    host: Option<(&str, i64)>,
    context: &str,
) {
    add(
        facts,
        &format!("indicators/{number}"),
        if place == "memory" { "/proc/2584/mem" } else { "/proc/2591/fd/3" },
        &[
            ("kind", t(kind)),
            ("value", t(value)),
            ("host", host.map_or(Value::Null, |(host, _)| t(host))),
            ("port", host.filter(|(_, port)| *port > 0).map_or(Value::Null, |(_, port)| n(port))),
            ("offset", n(4096 + i64::from(number))),
            ("encoding", t("ascii")),
            ("context", t(context)),
            ("count", n(1)),
            ("why", t("")),
            ("place", t(place)),
            ("pid", n(pid)),
            ("path", t(path)),
            ("origin", t("")),
        ],
    );
}

/// An empty store with all tables and the host's own row.
pub fn empty_host() -> Facts {
    let facts = Facts::in_memory(&davy::tables()).unwrap();
    add(&facts, "sources/0", "davy", &[("kind", t("text")), ("name", t("web-03"))]);
    add(
        &facts,
        "host/web-03",
        "/proc/sys/kernel",
        &[
            ("hostname", t("web-03")),
            ("kernel", t("6.1.0-18-amd64")),
            ("os", t("Debian GNU/Linux 12 (bookworm)")),
            ("machine_id", t("4c4c4544004b3510")),
            ("booted", n(TAKEN - 21 * 86_400 * SECOND)),
            ("taken", n(TAKEN)),
            ("ticks_per_second", n(100)),
            ("page_size", n(4096)),
            ("zone", t("UTC")),
        ],
    );
    add(
        &facts,
        "interfaces/0",
        "/proc/net/fib_trie",
        &[("name", t("eth0")), ("address", t("10.0.0.5"))],
    );
    add(
        &facts,
        "packages/dpkg/cron",
        "/var/lib/dpkg/status",
        &[
            ("manager", t("dpkg")),
            ("name", t("cron")),
            ("version", t("3.0pl1-162")),
            ("installed", n(TAKEN - 90 * 86_400 * SECOND)),
        ],
    );
    process(
        &facts,
        1,
        0,
        "systemd",
        "/usr/lib/systemd/systemd",
        Some("systemd"),
        TAKEN - 21 * 86_400 * SECOND,
    );
    process(
        &facts,
        612,
        1,
        "cron",
        "/usr/sbin/cron",
        Some("cron"),
        TAKEN - 21 * 86_400 * SECOND + 5 * SECOND,
    );
    facts.cover("processes", Status::Complete, "").unwrap();
    facts
}

/// The exercise: a false crond that dropped a worker, which mines out of a deleted file.
pub fn exercise_facts() -> Facts {
    let facts = empty_host();
    let start = TAKEN - 2 * 86_400 * SECOND;
    process(&facts, 2584, 1, "crond", "/usr/sbin/crond", None, start);
    process(
        &facts,
        2591,
        1,
        "rsyslogd-worker",
        "/usr/sbin/rsyslogd-worker",
        None,
        start + 4 * SECOND,
    );
    for (key, path, pid, made) in [
        ("8:1/11", "/usr/sbin/crond", 2584, start - SECOND),
        ("8:1/12", "/usr/sbin/rsyslogd-worker", 2591, start + 3 * SECOND),
    ] {
        add(
            &facts,
            &format!("elf/{key}"),
            &format!("/proc/{pid}/exe"),
            &[
                ("path", t(path)),
                ("root_id", t("/")),
                ("pid", n(pid)),
                ("dev", n(8)),
                ("inode", n(pid)),
                ("nlink", n(1)),
                ("size", n(48_000)),
                ("mtime", n(made)),
                ("ctime", n(made)),
                ("btime", n(made)),
                ("sha256", t("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")),
            ],
        );
    }
    let library = "/usr/lib/x86_64-linux-gnu/libcron.so.1";
    add(
        &facts,
        "open_files/2591/3",
        "/proc/2591/fd/3",
        &[
            ("pid", n(2591)),
            ("fd", n(3)),
            ("target", t(library)),
            ("kind", t("file")),
            ("deleted", n(1)),
            ("dev", n(8)),
            ("inode", n(77)),
            ("size", n(812)),
            ("btime", n(start + 4 * SECOND)),
            ("mtime", n(start + 4 * SECOND)),
            ("ctime", n(start + 5 * SECOND)),
            ("content", t("text")),
            ("recovered", t("recovered/2591-3")),
        ],
    );
    add(
        &facts,
        "sockets/tcp/48213",
        "/proc/2591/net/tcp",
        &[
            ("protocol", t("tcp")),
            ("local_address", t("10.0.0.5")),
            ("local_port", n(43210)),
            ("remote_address", t("203.0.113.99")),
            ("remote_port", n(3956)),
            ("state", t("ESTABLISHED")),
            ("inode", n(48213)),
            ("pid", n(2591)),
            ("fd", n(4)),
        ],
    );
    indicator(
        &facts,
        1,
        "url",
        "http://102.208.3.5/cc/index.html",
        "executable",
        2584,
        "/usr/sbin/crond",
        Some(("102.208.3.5", 80)),
        "http://102.208.3.5/cc/index.html",
    );
    indicator(
        &facts,
        2,
        "drop",
        "/usr/sbin/rsyslogd-worker",
        "memory",
        2584,
        "/usr/sbin/crond",
        None,
        "Payload dropped to: /usr/sbin/rsyslogd-worker",
    );
    indicator(
        &facts,
        3,
        "pool",
        "stratum+tcp://ap.luckpool.net:3956",
        "deleted-file",
        2591,
        library,
        Some(("ap.luckpool.net", 3956)),
        "\"url\": \"stratum+tcp://ap.luckpool.net:3956\"",
    );
    indicator(
        &facts,
        4,
        "address",
        "198.51.100.23:8080",
        "deleted-file",
        2591,
        library,
        Some(("198.51.100.23", 8080)),
        "\"backup\": \"198.51.100.23:8080\"",
    );
    facts
        .cover(
            "processes.exe",
            Status::Partial,
            "4 read; 1 denied, as /proc/999/exe: permission denied",
        )
        .unwrap();
    facts.cover("memory of pid 700", Status::Denied, "not root").unwrap();
    facts
}

pub fn finding(
    playbook: &str,
    title: &str,
    level: Level,
    subject: Subject,
    because: &str,
    evidence: &[(&str, &str)],
    next: &[&str],
) -> Finding {
    Finding {
        id: format!("{playbook}/{}", subject.fact),
        playbook: playbook.to_owned(),
        title: title.to_owned(),
        level,
        attack: vec!["T1036.005".to_owned()],
        subject,
        because: because.to_owned(),
        evidence: evidence
            .iter()
            .map(|(fact, source)| Evidence {
                fact: (*fact).to_owned(),
                source: (*source).to_owned(),
                values: BTreeMap::from([
                    ("comm".to_owned(), "crond".into()),
                    ("pid".to_owned(), 2584.into()),
                ]),
            })
            .collect(),
        next: next.iter().map(|step| (*step).to_owned()).collect(),
        false_positives: "A daemon built by hand; look for it under /usr/local or /opt.".to_owned(),
    }
}

pub fn about(kind: &str, pid: Option<u32>, path: Option<&str>, fact: &str) -> Subject {
    Subject { kind: kind.to_owned(), pid, path: path.map(str::to_owned), fact: fact.to_owned() }
}

pub fn exercise_judgement() -> Judgement {
    let crond = || about("process", Some(2584), Some("/usr/sbin/crond"), "processes/2584");
    let worker =
        || about("process", Some(2591), Some("/usr/sbin/rsyslogd-worker"), "processes/2591");
    Judgement {
        looked: None,
        as_root: false,
        findings: vec![
            finding(
                "pool-connection",
                "A process speaks to a mining pool",
                Level::Critical,
                worker(),
                "rsyslogd-worker (pid 2591) is connected to 203.0.113.99 port 3956, and names the pool ap.luckpool.net:3956 in a deleted file it holds open",
                &[
                    ("processes/2591", "/proc/2591/stat"),
                    ("sockets/tcp/48213", "/proc/2591/net/tcp"),
                    ("indicators/3", "/proc/2591/fd/3"),
                ],
                &[
                    "kill -STOP 2591   # freezes it without losing memory; tell the network team first",
                    "gcore -o case/2591 2591",
                ],
            ),
            finding(
                "deleted-file-mining",
                "A deleted file held open has mining content",
                Level::High,
                worker(),
                "rsyslogd-worker (pid 2591) holds the deleted file /usr/lib/x86_64-linux-gnu/libcron.so.1 open, which is a mining configuration",
                &[("open_files/2591/3", "/proc/2591/fd/3"), ("indicators/3", "/proc/2591/fd/3")],
                &[
                    "kill -STOP 2591   # freezes it without losing memory; tell the network team first",
                    "cp /proc/2591/fd/3 /dev/shm/2591-3",
                ],
            ),
            finding(
                "daemon-name-foreign-binary",
                "A process bears a system daemon's name but runs another program",
                Level::High,
                crond(),
                "crond (pid 2584) runs /usr/sbin/crond, which no package owns",
                &[("processes/2584", "/proc/2584/stat")],
                &[
                    "davy carve --pid 2584",
                    "kill -STOP 2584   # freezes it without losing memory; tell the network team first",
                ],
            ),
            finding(
                "dropper-messages",
                "Memory holds the log of a dropper",
                Level::High,
                crond(),
                "The memory of crond (pid 2584) says that a payload was written to /usr/sbin/rsyslogd-worker, which runs as pid 2591",
                &[("indicators/2", "/proc/2584/mem"), ("processes/2584", "/proc/2584/stat")],
                &["Copy /usr/sbin/rsyslogd-worker and its times before anything else."],
            ),
            finding(
                "control-url",
                "A binary no package owns names a URL by its number",
                Level::Medium,
                crond(),
                "/usr/sbin/crond names http://102.208.3.5/cc/index.html",
                &[("indicators/1", "/proc/2584/exe")],
                &["davy carve --pid 2584"],
            ),
            finding(
                "unowned-daemon",
                "A program in a system folder that no package owns",
                Level::Low,
                about("file", None, Some("/usr/sbin/rsyslogd-worker"), "elf/8:1/12"),
                "/usr/sbin/rsyslogd-worker lies in a system folder and no package owns it",
                &[("elf/8:1/12", "/proc/2591/exe")],
                &[],
            ),
        ],
        answers: vec![
            Answer { id: "control-url".to_owned(), answer: Outcome::Fired, detail: String::new() },
            Answer { id: "ld-preload".to_owned(), answer: Outcome::Quiet, detail: String::new() },
            Answer {
                id: "replaced-library".to_owned(),
                answer: Outcome::CouldNotCheck,
                detail: "mappings were not captured".to_owned(),
            },
        ],
    }
}

/// Stores the findings as judging does.
pub fn store(facts: &Facts, judgement: &Judgement) {
    for finding in &judgement.findings {
        let subject = &finding.subject;
        add(
            facts,
            &format!("findings/{}", finding.id),
            "davy",
            &[
                ("playbook", t(&finding.playbook)),
                ("title", t(&finding.title)),
                ("level", t(finding.level.word())),
                ("attack", t("")),
                ("subject", t(&subject.fact)),
                ("pid", subject.pid.map_or(Value::Null, |pid| n(pid.into()))),
                ("path", subject.path.as_deref().map_or(Value::Null, t)),
                ("because", t(&finding.because)),
            ],
        );
        for (position, evidence) in finding.evidence.iter().enumerate() {
            add(
                facts,
                &format!("finding_evidence/{}/{position}", finding.id),
                "davy",
                &[
                    ("finding", t(&finding.id)),
                    ("cited", t(&evidence.fact)),
                    ("position", n(position as i64)),
                ],
            );
        }
    }
}

pub fn tool() -> Tool {
    Tool {
        name: "davy",
        version: "0.1.0",
        sha256: "ab".repeat(32),
        playbooks_sha256: "cd".repeat(32),
    }
}

/// Everything from facts to the case.
pub fn case(facts: &Facts, judgement: &Judgement, lead: Option<&str>) -> Case {
    store(facts, judgement);
    davy::timeline::build(facts).unwrap();
    davy::graph::build(facts).unwrap();
    let story: Story = davy::graph::story(facts, judgement, lead).unwrap();
    let level = judgement.findings.iter().map(|f| f.level).max().unwrap_or_default();
    let summary = if judgement.findings.is_empty() {
        "No sign of a compromise was found in what could be read.".to_owned()
    } else {
        "This host is compromised: rsyslogd-worker (pid 2591) mines for ap.luckpool.net:3956; it was dropped by crond (pid 2584), which is not the system's.".to_owned()
    };
    Case::gather(facts, judgement, Verdict { level, summary }, story, Vec::new(), tool()).unwrap()
}

pub fn exercise(lead: Option<&str>) -> Case {
    case(&exercise_facts(), &exercise_judgement(), lead)
}

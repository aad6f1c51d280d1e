//! How long judging takes: all playbooks over a busy server's facts, 2,000 processes with 28,000
//! open files and 50,000 mappings. `cargo bench --bench judge`; with a folder of playbooks as
//! the argument, those are judged by, too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use davy::facts::{Facts, Status};
use davy::judge::{Kind, Playbooks, judge};
use rusqlite::types::Value;
use std::path::Path;
use std::time::Duration;

/// Processor time of this thread: other work on the machine does not count.
fn clock() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// Adds a row with these columns; the others are NULL, or 0 where they may not be.
fn add(facts: &Facts, table: &str, key: &str, columns: &[(&str, Value)]) {
    let names: String = columns.iter().map(|(name, _)| format!(", {name}")).collect();
    let places = ", ?".repeat(columns.len());
    let sql = format!("INSERT INTO {table} (fact, source{names}) VALUES (?, ?{places})");
    let mut statement = facts.connection().prepare_cached(&sql).unwrap();
    let mut values = vec![Value::from(format!("{table}/{key}")), Value::from("bench".to_owned())];
    values.extend(columns.iter().map(|(_, value)| value.clone()));
    statement.execute(rusqlite::params_from_iter(values)).unwrap();
}

fn server() -> Facts {
    let facts = Facts::in_memory(&davy::tables()).unwrap();
    let programs = ["nginx", "php-fpm8.2", "postgres", "java", "python3", "bash", "sshd", "node"];
    let text = |text: &str| Value::from(text.to_owned());
    facts.connection().execute_batch("BEGIN").unwrap();
    for pid in 1..=2000i64 {
        let name = programs[pid as usize % programs.len()];
        let exe = format!("/usr/bin/{name}");
        add(
            &facts,
            "processes",
            &pid.to_string(),
            &[
                ("pid", pid.into()),
                ("ppid", (pid / 8).into()),
                ("comm", text(name)),
                ("uid", 33.into()),
                ("euid", 33.into()),
                ("kernel_thread", 0.into()),
                ("argv0", text(&exe)),
                (
                    "cmdline",
                    text(&format!(
                        "{exe} --worker {pid} --config /etc/{name}/main.conf --log-level warn -D FOREGROUND"
                    )),
                ),
                ("exe", text(&exe)),
                ("exe_deleted", 0.into()),
                ("exe_memfd", 0.into()),
                ("exe_replaced", 0.into()),
                ("exe_package", text(name)),
                ("exe_file", text(&format!("elf/{name}"))),
                ("cwd", text("/var/lib")),
                ("root_id", text("/")),
                ("tty", 0.into()),
                ("state", text("S")),
                ("started", (pid * 1_000_000_000).into()),
                ("cpu_seconds", (pid as f64 / 7.0).into()),
                ("environ_size", 900.into()),
            ],
        );
        for fd in 0..14i64 {
            add(
                &facts,
                "open_files",
                &format!("{pid}/{fd}"),
                &[
                    ("pid", pid.into()),
                    ("fd", fd.into()),
                    ("target", text(&format!("/var/log/{name}/{fd}.log"))),
                    ("kind", text(if fd == 5 { "socket" } else { "file" })),
                    ("deleted", 0.into()),
                    ("size", 4096.into()),
                    ("inode", (pid * 100 + fd).into()),
                ],
            );
        }
        for map in 0..25i64 {
            add(
                &facts,
                "mappings",
                &format!("{pid}/{map}"),
                &[
                    ("pid", pid.into()),
                    ("start", (map * 0x10000).into()),
                    ("end", (map * 0x10000 + 0x8000).into()),
                    ("permissions", text("r-xp")),
                    ("executable", i64::from(map % 4 == 0).into()),
                    ("writable", i64::from(map % 4 == 1).into()),
                    ("path", text(&format!("/usr/lib/x86_64-linux-gnu/lib{map}.so.6"))),
                    ("kind", text("file")),
                    ("deleted", 0.into()),
                ],
            );
        }
        for variable in ["PATH", "LANG", "HOME", "LOGNAME", "INVOCATION_ID"] {
            add(
                &facts,
                "environment",
                &format!("{pid}/{variable}"),
                &[
                    ("pid", pid.into()),
                    ("name", text(variable)),
                    ("value", text("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin")),
                ],
            );
        }
        add(
            &facts,
            "sockets",
            &format!("{pid}/5"),
            &[
                ("protocol", text("tcp")),
                ("local_address", text("10.0.0.5")),
                ("local_port", (20000 + pid).into()),
                ("remote_address", text("10.0.0.9")),
                ("remote_port", 5432.into()),
                ("state", text("ESTABLISHED")),
                ("inode", (pid * 100 + 5).into()),
                ("pid", pid.into()),
                ("fd", 5.into()),
            ],
        );
    }
    for name in programs {
        add(
            &facts,
            "elf",
            name,
            &[
                ("path", text(&format!("/usr/bin/{name}"))),
                ("root_id", text("/")),
                ("pid", 1.into()),
                ("size", 900_000.into()),
                ("entropy", 6.1.into()),
            ],
        );
    }
    for i in 0..3000i64 {
        add(
            &facts,
            "files",
            &i.to_string(),
            &[
                ("root_id", text("/")),
                ("path", text(&format!("/usr/lib/x86_64-linux-gnu/lib{i}.so.6"))),
                ("why", text("library")),
                ("kind", text("file")),
                ("mode", 0o100_755.into()),
                ("package", text("libc6")),
            ],
        );
    }
    // Ordinary programs are full of URLs; each program's are carved once.
    for i in 0..1600i64 {
        let name = programs[i as usize % programs.len()];
        add(
            &facts,
            "indicators",
            &i.to_string(),
            &[
                ("kind", text("url")),
                ("value", text(&format!("https://www.example.org/{i}"))),
                ("host", text("www.example.org")),
                ("context", text("see https://www.example.org for more")),
                ("place", text("executable")),
                ("pid", (i % 8 + 1).into()),
                ("path", text(&format!("/usr/bin/{name}"))),
                ("origin", text(&format!("elf/{name}"))),
            ],
        );
    }
    for i in 0..200i64 {
        add(
            &facts,
            "persistence",
            &i.to_string(),
            &[
                ("kind", text("systemd")),
                ("path", text(&format!("/usr/lib/systemd/system/unit{i}.service"))),
                ("command", text(&format!("/usr/sbin/daemon{i} -f -c /etc/daemon{i}.conf"))),
                ("package", text("daemon")),
            ],
        );
    }
    facts.connection().execute_batch("COMMIT").unwrap();
    for table in davy::tables() {
        facts.cover(table.name, Status::Complete, "").unwrap();
    }
    facts
}

fn main() {
    let facts = server();
    let tables = davy::tables();
    let mut all = Playbooks::embedded();
    if let Some(folder) = std::env::args().skip(1).find(|a| !a.starts_with("--")) {
        all.add_folder(Path::new(&folder)).unwrap();
    }
    let before = clock();
    davy::judge::prepare(&facts, &all, &tables).unwrap();
    println!("{:>9.2?}  functions, lookups, indexes", (clock() - before));
    let mut costs: Vec<_> = all
        .iter()
        .filter(|playbook| playbook.kind == Kind::Finding)
        .map(|playbook| {
            let before = clock();
            let rows = davy::judge::table(&facts, playbook, &std::collections::BTreeMap::new());
            ((clock() - before), &playbook.id.text, rows.map(|r| r.rows.len()))
        })
        .collect();
    costs.sort_by_key(|cost| std::cmp::Reverse(cost.0));
    for (cost, id, rows) in costs.iter().take(12) {
        match rows {
            Ok(rows) => println!("{cost:>9.2?}  {id}: {rows} rows"),
            Err(failure) => println!("{cost:>9.2?}  {id}: {failure}"),
        }
    }
    for run in ["first", "second"] {
        let before = clock();
        let judgement = judge(&facts, &all, &tables).unwrap();
        println!(
            "{:>9.2?}  the {run} judgement: {} playbooks, {} findings",
            (clock() - before),
            judgement.answers.len(),
            judgement.findings.len()
        );
    }
}

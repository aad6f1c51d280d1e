//! davy against hosts on which harmless stand-ins play. See fixtures/lab/README.md.
//!
//! Where the machine permits no namespaces, each test says SKIPPED and why, and passes only then.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod laboratory;

use laboratory::{Run, lab};
use serde_json::Value;
use std::fs;

const CROND: &str = "/usr/sbin/crond";
const WORKER: &str = "/usr/sbin/rsyslogd-worker";
const DELETED: &str = "/usr/lib/x86_64-linux-gnu/libcron.so.1";
const QUIET_JSON: [&str; 4] = ["triage", "-q", "--format", "json"];

fn davy<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["davy"], &QUIET_JSON[..], more].concat()
}

#[test]
fn the_exercise_is_solved_by_one_command() {
    let Some(run) = lab("exercise", &[], &davy(&["-o", "/mnt/case"])) else { return };
    let report = run.report();
    assert_eq!(report["host"]["hostname"], "web-03");
    assert_eq!(report["verdict"]["level"], "critical", "{}", report["verdict"]);

    let crond = run.pid_of(CROND);
    let worker = run.pid_of(WORKER);

    // The name is a daemon's, the program is not.
    run.finding("the false crond", |f| {
        f["subject"]["pid"] == crond && grave(f) && cites(f, "T1036.005")
    });
    run.finding("the control URL in its binary", |f| {
        f["subject"]["pid"] == crond && says(f, "http://102.208.3.5/cc/index.html")
    });
    // The path is in neither binary nor command line: only the process's memory has it.
    run.finding("the drop log, in memory alone", |f| {
        f["subject"]["pid"] == crond
            && evidence(f).any(|e| {
                e.to_string().contains(&format!("Payload dropped to: {WORKER}"))
                    && e["source"].as_str().unwrap().contains("mem")
            })
    });
    run.finding("the payload's connection", |f| {
        f["subject"]["pid"] == worker && grave(f) && says(f, "203.0.113.66") && says(f, "3956")
    });
    run.finding("the deleted file, held open, with a mining configuration", |f| {
        grave(f) && says(f, DELETED) && says(f, "ap.luckpool.net")
    });
    run.finding("the second address, to which there is no connection", |f| {
        f["subject"]["pid"] == worker && says(f, "203.0.113.99")
    });

    // The chain, from the program that dropped to the address that the payload talks to.
    let chain = report["story"].as_array().unwrap();
    let linked = |from: &str, to: &str| {
        chain.iter().any(|step| {
            step["from"].as_str().unwrap().contains(from)
                && step["to"].as_str().unwrap().contains(to)
        })
    };
    assert!(linked("crond", "rsyslogd-worker"), "dropper to payload: {chain:#?}");
    assert!(linked("rsyslogd-worker", "203.0.113.66"), "payload to pool: {chain:#?}");
    assert!(linked("crond", "102.208.3.5"), "dropper to its control server: {chain:#?}");
    assert!(linked("libcron.so.1", "203.0.113.99"), "its file to the second address: {chain:#?}");
    assert!(linked("rsyslogd-worker", "libcron.so.1"), "payload to its file: {chain:#?}");
}

#[test]
fn a_case_holds_the_bytes_of_the_deleted_file_and_a_manifest() {
    let Some(run) = lab("exercise", &[], &davy(&["-o", "/mnt/case"])) else { return };
    let case = run.out.path().join("case");
    for name in ["report.html", "report.json", "facts.db", "timeline.jsonl"] {
        assert!(case.join(name).is_file(), "{name} in {:?}", run.files());
    }
    let recovered = run
        .files()
        .into_iter()
        .find(|path| {
            let content = fs::read(path).unwrap();
            content.starts_with(b"{\n  \"autosave\": false") && content.ends_with(b"]\n}\n")
        })
        .unwrap_or_else(|| panic!("the deleted file's bytes, in {:?}", run.files()));
    let content = fs::read(&recovered).unwrap();
    assert!(
        String::from_utf8(content.clone()).unwrap().contains("stratum+tcp://ap.luckpool.net:3956")
    );

    // Every file but the manifest is in the manifest, with its true digest.
    let manifest = run
        .files()
        .into_iter()
        .find(|path| {
            path.file_name().unwrap().to_string_lossy().to_lowercase().contains("manifest")
        })
        .expect("a manifest");
    let listed = fs::read_to_string(&manifest).unwrap();
    for file in run.files().iter().filter(|path| **path != manifest) {
        let digest = laboratory::sha256(&fs::read(file).unwrap());
        assert!(listed.contains(&digest), "{} in the manifest:\n{listed}", file.display());
    }
}

#[test]
fn a_lead_starts_the_story() {
    let lead = "ap.luckpool.net:3956";
    let Some(run) = lab("exercise", &[], &davy(&["--lead", lead])) else { return };
    let report = run.report();
    let chain = report["story"].as_array().unwrap();
    let first = chain.first().unwrap_or_else(|| panic!("a story: {report:#}"));
    assert!(first.to_string().contains("luckpool"), "the story starts from the lead: {chain:#?}");
    assert!(report["lead"].to_string().contains(lead), "{}", report["lead"]);
    for name in ["rsyslogd-worker", "crond"] {
        let reached = chain.iter().any(|step| step.to_string().contains(name));
        assert!(reached, "{name} is reached from the lead: {chain:#?}");
    }
}

#[test]
fn the_terminal_report_names_the_chain() {
    let Some(run) = lab("exercise", &[], &["davy", "triage", "-q"]) else { return };
    let text = String::from_utf8(run.output.stdout.clone()).unwrap();
    for word in [
        "critical",
        CROND,
        WORKER,
        "102.208.3.5",
        "203.0.113.66",
        "203.0.113.99",
        "3956",
        "libcron.so.1",
        "ap.luckpool.net",
        "kill -STOP",
    ] {
        assert!(text.to_lowercase().contains(&word.to_lowercase()), "{word} in:\n{text}");
    }
    assert!(!text.contains('\x1b'), "colour where nobody watches:\n{text}");
}

#[test]
fn ordinary_daemons_and_an_upgraded_one_are_left_in_peace() {
    let Some(run) = lab("clean", &[], &davy(&[])) else { return };
    let report = run.report();
    let grave: Vec<&Value> = run.findings().iter().filter(|f| grave(f)).collect();
    assert!(grave.is_empty(), "{grave:#?}");
    assert_ne!(report["verdict"]["level"], "high", "{}", report["verdict"]);
    assert_ne!(report["verdict"]["level"], "critical", "{}", report["verdict"]);
}

#[test]
fn a_miner_and_its_company_are_found() {
    let Some(run) = lab("miner", &[], &davy(&[])) else { return };
    run.finding("the miner on a pool's port", |f| {
        path_or_text(f, "/opt/.cache/java") && grave(f) && says(f, "3333") && cites(f, "T1496")
    });
    run.finding("its configuration on disk", |f| says(f, "/opt/.cache/config.json"));
    run.finding("the program that removed itself", |f| {
        path_or_text(f, "/dev/shm/.d") && grave(f) && cites(f, "T1070.004")
    });
    run.finding("the false kernel thread", |f| {
        path_or_text(f, "/tmp/.X1-unix/k") && grave(f) && cites(f, "T1036")
    });
    run.finding("the program in memory", |f| says(f, "memfd") && grave(f) && cites(f, "T1620"));
    run.finding("the shell on a socket", |f| says(f, "4444") && grave(f) && cites(f, "T1059"));
}

#[test]
fn reading_memory_leaves_the_suspects_memory_as_it_was() {
    let script = "rss() { for p in /proc/[0-9]*; do \
                    echo ${p#/proc/} $(cat $p/comm) $(grep VmRSS $p/status); done; }; \
                  rss > /mnt/before; davy triage -q --memory all >/mnt/report; code=$?; \
                  rss > /mnt/after; exit $code";
    let Some(run) = lab("exercise", &[], &["sh", "-c", script]) else { return };
    run.done();
    let resident = |name: &str| -> Vec<(String, u64)> {
        let text = fs::read_to_string(run.out.path().join(name)).unwrap();
        text.lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>())
            .filter(|words| words.len() == 5 && words[1] != "sh")
            .map(|words| (format!("{} {}", words[0], words[1]), words[3].parse().unwrap()))
            .collect()
    };
    let (before, after) = (resident("before"), resident("after"));
    assert!(before.iter().any(|(name, _)| name.ends_with("rsyslogd-worker")), "{before:?}");
    for (name, was) in &before {
        let is = after.iter().find(|(other, _)| other == name).unwrap().1;
        assert!(is.abs_diff(*was) * 20 <= *was, "{name}: {was} kB became {is} kB");
    }
}

#[test]
fn what_hangs_or_wakes_when_touched_is_not_touched() {
    let script = "davy triage -q --format json -o /mnt/case; code=$?; ls /run >/mnt/run; \
                  for p in /proc/[0-9]*; do echo ${p#/proc/} $(ls $p/fd | wc -l); done >/mnt/fds; \
                  exit $code";
    let started = std::time::Instant::now();
    let Some(run) = lab("oddities", &[], &["sh", "-c", script]) else { return };
    run.done();
    assert!(started.elapsed().as_secs() < 45, "a dead FUSE mount held davy");
    let marks = fs::read_to_string(run.out.path().join("run")).unwrap();
    assert!(marks.contains("held.fifo"), "the FIFO is there: {marks}");
    assert!(!marks.contains("woken"), "davy opened a FIFO: {marks}");

    // What was left alone is said.
    let gaps = run.report()["coverage"].to_string();
    for left in ["/opt/export", "/etc/cron.d/job"] {
        assert!(gaps.contains(left), "{left} in {gaps}");
    }

    // All descriptors of the process that has the most are rows.
    let fds = fs::read_to_string(run.out.path().join("fds")).unwrap();
    let counts = fds.lines().filter_map(|line| line.split_once(' '));
    let (pid, held) =
        counts.map(|(pid, n)| (pid, n.parse::<u64>().unwrap())).max_by_key(|(_, n)| *n).unwrap();
    assert!(held > 1000, "{fds}");
    let facts = rusqlite::Connection::open(run.out.path().join("case/facts.db")).unwrap();
    let rows: i64 = facts
        .query_row("SELECT count(*) FROM open_files WHERE pid = ?", [pid], |row| row.get(0))
        .unwrap();
    assert_eq!(u64::try_from(rows).unwrap(), held);
}

#[test]
fn an_ordinary_user_is_told_what_could_not_be_seen() {
    for flags in [&["--nobody"][..], &["--nobody", "--hidepid"]] {
        let Some(run) = lab("exercise", flags, &davy(&[])) else { return };
        let report = run.report();
        let gaps = report["coverage"].as_array().unwrap();
        let denied = gaps.iter().filter(|row| row["status"] != "complete").count();
        assert!(denied > 0, "{flags:?}: {gaps:#?}");
        let answers = report["playbooks"].as_array().unwrap();
        assert!(
            answers.iter().any(|a| a["answer"] == "could-not-check" || a["detail"] != ""),
            "{flags:?}: a playbook says that it could not look everywhere: {answers:#?}"
        );
    }
}

fn grave(finding: &Value) -> bool {
    matches!(finding["level"].as_str(), Some("high" | "critical"))
}

fn cites(finding: &Value, technique: &str) -> bool {
    let ids = finding["attack"].as_array().unwrap();
    ids.iter().any(|id| id.as_str().unwrap().starts_with(technique))
}

/// Whether a finding names it: in its sentence, or in what it cites.
fn says(finding: &Value, word: &str) -> bool {
    finding["because"].as_str().unwrap().contains(word)
        || finding["subject"].to_string().contains(word)
        || evidence(finding).any(|e| e.to_string().contains(word))
}

fn path_or_text(finding: &Value, path: &str) -> bool {
    finding["subject"]["path"].as_str() == Some(path) || says(finding, path)
}

fn evidence(finding: &Value) -> impl Iterator<Item = &Value> {
    finding["evidence"].as_array().unwrap().iter()
}

impl Run {
    /// The pid of the process that runs the program, as a finding names it.
    fn pid_of(&self, path: &str) -> u64 {
        self.findings()
            .iter()
            .find(|f| f["subject"]["path"] == path && f["subject"]["kind"] == "process")
            .and_then(|f| f["subject"]["pid"].as_u64())
            .unwrap_or_else(|| panic!("a finding on the process {path}: {:#?}", self.briefly()))
    }

    fn finding(&self, what: &str, is_it: impl Fn(&Value) -> bool) {
        assert!(self.findings().iter().any(is_it), "{what}:\n{:#?}", self.briefly());
    }
}

/// Makes logs of what a sensor outside would see of the lab's connection, then has davy look at
/// the live host beside them.
const SENSOR: &str = r##"
import socket, struct, subprocess, time, json
rows = [line.split() for line in open('/proc/net/tcp').read().splitlines()[1:]]
def end(text):
    address, port = text.split(':')
    return socket.inet_ntoa(struct.pack('<I', int(address, 16))), int(port, 16)
near, far = next((end(r[1]), end(r[2])) for r in rows if end(r[2])[1] == 3956)
now = time.time()
head = '#separator \\x09\n#path\topen_conn\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tduration\torig_bytes\tresp_bytes\tconn_state\n'
row = lambda port, far: f'{now - 600:.6f}\tClab{port}\t{near[0]}\t{port}\t{far[0]}\t{far[1]}\ttcp\t1200.0\t900\t4000\tS1\n'
# The second flow is one that nothing on the host explains.
open('/mnt/open_conn.log', 'w').write(head + row(near[1], far) + row(50999, ('198.51.100.77', 14433)))
alert = {'timestamp': time.strftime('%Y-%m-%dT%H:%M:%S+0000', time.gmtime(now - 60)), 'flow_id': 1, 'event_type': 'alert',
  'src_ip': near[0], 'src_port': near[1], 'dest_ip': far[0], 'dest_port': far[1], 'proto': 'TCP',
  'alert': {'gid': 1, 'signature_id': 1, 'rev': 1, 'signature': 'a pool', 'category': 'Crypto Currency Mining Activity Detected', 'severity': 2}}
open('/mnt/eve.json', 'w').write(json.dumps(alert) + '\n')
"##;

#[test]
fn the_process_behind_a_flow_is_named_and_a_flow_without_a_socket_too() {
    let script = format!(
        "python3 - <<'EOF' || exit 99\n{SENSOR}\nEOF\n\
         exec davy triage -q --format json live /mnt/open_conn.log /mnt/eve.json"
    );
    let Some(run) = lab("exercise", &[], &["sh", "-c", &script]) else { return };
    if run.output.status.code() == Some(99) {
        eprintln!("SKIPPED: no python3 in the lab");
        return;
    }
    let worker = run.pid_of(WORKER);
    run.finding("the process behind the flow", |f| {
        f["playbook"] == "process-behind-mining-flow"
            && f["subject"]["pid"] == worker
            && says(f, "203.0.113.66:3956")
            && says(f, "both ends")
            && evidence(f).any(|e| e["source"] == "/mnt/eve.json:1")
    });
    run.finding("the flow that no socket explains", |f| {
        f["playbook"] == "flow-without-socket" && says(f, "198.51.100.77:14433")
    });
}

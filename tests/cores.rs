//! Core dumps as sources of a triage: two of them together tell one story.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use assert_cmd::Command;
use std::path::Path;

/// A core dump as the kernel writes it: who, which files are mapped where, and one stretch of memory.
fn core(path: &Path, pid: u32, comm: &str, exe: &str, memory: &[u8]) {
    let note = |notes: &mut Vec<u8>, kind: u32, body: &[u8]| {
        let length = u32::try_from(body.len()).unwrap();
        notes.extend([5, length, kind].iter().flat_map(|n| n.to_le_bytes()));
        notes.extend(b"CORE\0\0\0\0");
        notes.extend(body);
        notes.resize(notes.len().next_multiple_of(4), 0);
    };
    let words = |all: &[u64]| all.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<u8>>();
    let mut notes = Vec::new();
    let mut info = vec![0; 16];
    info.extend([0, 0, pid, 1, pid, pid].iter().flat_map(|n: &u32| n.to_le_bytes()));
    let mut name = comm.as_bytes().to_vec();
    name.resize(16, 0);
    info.extend(name);
    let mut arguments = exe.as_bytes().to_vec();
    arguments.resize(80, 0);
    info.extend(arguments);
    note(&mut notes, 3, &info);
    note(&mut notes, 6, &words(&[3, 0x40_0040, 9, 0x40_1000, 0, 0]));
    let mut files = words(&[1, 4096, 0x40_0000, 0x40_2000, 0]);
    files.extend(exe.as_bytes());
    files.push(0);
    note(&mut notes, 0x4649_4c45, &files);
    let mut out = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x04\0\x3e\0\x01\0\0\0".to_vec();
    out.extend(words(&[0, 64, 0]));
    out.extend([0, 0, 0, 0, 64, 0, 56, 0, 3, 0, 0, 0, 0, 0, 0, 0]);
    let begin = 64 + 3 * 56 + notes.len() as u64;
    for (kind, flags, offset, address, size, length) in [
        (4_u32, 0_u32, 64 + 3 * 56, 0, notes.len() as u64, 0),
        (1, 5, 0, 0x40_0000, 0, 0x2000),
        (1, 6, begin, 0x7f00_0000, memory.len() as u64, memory.len() as u64),
    ] {
        out.extend([kind, flags].iter().flat_map(|n| n.to_le_bytes()));
        out.extend(words(&[offset, address, 0, size, length, 1]));
    }
    out.extend(notes);
    out.extend(memory);
    std::fs::write(path, out).unwrap();
}

fn triage(paths: &[&Path]) -> (serde_json::Value, Option<i32>) {
    let output = Command::cargo_bin("davy")
        .unwrap()
        .args(["triage", "-q", "--format", "json"])
        .args(paths)
        .output()
        .unwrap();
    (serde_json::from_slice(&output.stdout).unwrap(), output.status.code())
}

#[test]
fn two_cores_tell_one_story() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (folder.path().join("core.1"), folder.path().join("core.2"));
    let log = b"\0[1795329397] Payload dropped to /usr/sbin/helper-x\0http://203.0.113.5/in\0";
    core(&one, 2584, "crond", "/usr/sbin/crond", log);
    core(&two, 2591, "helper-x", "/usr/sbin/helper-x (deleted)", b"\0dial 198.51.100.66 3333\0");
    let (report, code) = triage(&[&one, &two]);
    assert_eq!(code, Some(0));
    let findings = report["findings"].as_array().unwrap();
    let found = |playbook: &str, pid: u64, word: &str| {
        findings.iter().any(|f| {
            f["playbook"] == playbook
                && f["subject"]["pid"] == pid
                && f["because"].to_string().contains(word)
        })
    };
    assert!(found("drop-log-in-memory", 2584, "/usr/sbin/helper-x"), "{findings:#?}");
    assert!(found("dropped-payload-running", 2591, "crond"), "{findings:#?}");
    assert!(found("address-in-droppers-memory", 2591, "198.51.100.66:3333"), "{findings:#?}");
    assert!(found("address-in-droppers-memory", 2584, "http://203.0.113.5/in"), "{findings:#?}");
    let sources = report["sources"].as_array().unwrap();
    assert_eq!((sources.len(), &sources[0]["kind"]), (2, &"core".into()));
}

#[test]
fn a_dump_cut_short_is_told_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("core");
    let mut memory = b"\0[1795329397] Payload dropped to /usr/sbin/helper-x\0".to_vec();
    memory.resize(100_000, b'.');
    core(&path, 7, "crond", "/usr/sbin/crond", &memory);
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 60_000]).unwrap();
    let (report, _) = triage(&[&path]);
    let text = report.to_string();
    assert!(text.contains("/usr/sbin/helper-x") && text.contains("cut short"), "{text}");
    let carved = Command::cargo_bin("davy").unwrap().arg("carve").arg(&path).output().unwrap();
    assert_eq!(carved.status.code(), Some(4));
    assert!(String::from_utf8_lossy(&carved.stdout).contains("0x00007f00000e"), "{carved:?}");
}

/// Ends the process that a test began, also where the test fails.
struct Ended(std::process::Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What `gcore` writes of a real process: a program that sleeps, with words of a miner's in its
/// environment.
#[test]
fn a_dump_that_gcore_made_names_its_process_and_where_the_words_lie() {
    let folder = tempfile::tempdir().unwrap();
    let sleeper = std::process::Command::new("sleep")
        .arg("60")
        .env("WORDS", "stratum+tcp://pool-of-a-test.luckpool.net:3956")
        .spawn();
    let sleeper = Ended(sleeper.unwrap());
    let pid = sleeper.0.id().to_string();
    let prefix = folder.path().join("core");
    let dumped = std::process::Command::new("gcore").arg("-o").arg(&prefix).arg(&pid).output();
    let path = folder.path().join(format!("core.{pid}"));
    if !dumped.is_ok_and(|dumped| dumped.status.success()) || !path.exists() {
        eprintln!("skipped: gcore is not installed, or may not look into another process here");
        return;
    }
    let carved = Command::cargo_bin("davy").unwrap().arg("carve").arg(&path).output().unwrap();
    let (shown, told) =
        (String::from_utf8_lossy(&carved.stdout), String::from_utf8_lossy(&carved.stderr));
    assert_eq!(carved.status.code(), Some(0), "{told}");
    assert!(told.contains(&format!("a core dump of sleep, pid {pid} (sleep 60)")), "{told}");
    let row = shown.lines().find(|line| line.contains("pool-of-a-test.luckpool.net:3956"));
    assert!(row.is_some() && shown.contains("a mining URL in [stack] rw-"), "{shown}");
    let (report, _) = triage(&[&path]);
    let text = report.to_string();
    assert!(text.contains("pool-of-a-test.luckpool.net:3956") && text.contains(&pid), "{text}");
}

/// The notes of some dumpers lie behind the memory, and are the first to go.
#[test]
fn without_its_notes_a_dump_is_nobodys_and_no_step_stops_process_0() {
    let folder = tempfile::tempdir().unwrap();
    let paths = [folder.path().join("core.1"), folder.path().join("core.2")];
    let log = b"\0[1795329397] Payload dropped to /usr/sbin/helper-x\0http://203.0.113.5/in\0";
    for path in &paths {
        core(path, 2584, "crond", "/usr/sbin/crond", log);
        let mut bytes = std::fs::read(path).unwrap();
        // The header of the notes now leads behind the end.
        bytes[64 + 8..64 + 16].copy_from_slice(&u64::to_le_bytes(1 << 40));
        std::fs::write(path, bytes).unwrap();
    }
    let (report, code) = triage(&[&paths[0], &paths[1]]);
    let text = report.to_string();
    assert!(text.contains("/usr/sbin/helper-x") && text.contains("notes"), "{text}");
    // Each is a process of its own, of a number that no process can have.
    assert!(text.contains("pid 4194305") && text.contains("pid 4194306"), "{text}");
    assert!(!text.contains("pid 0") && !text.contains("STOP 0"), "{text}");
    assert_eq!(code, Some(4));
    let carved = Command::cargo_bin("davy").unwrap().arg("carve").arg(&paths[0]).output().unwrap();
    assert_eq!(carved.status.code(), Some(4));
    let told = String::from_utf8_lossy(&carved.stderr);
    assert!(told.contains("whose notes are not there"), "{told}");
}

//! Many hosts: a batch ends well whatever is among them, goes on after a kill, and makes the same
//! fleet however it was parted.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod as_uac;

use davy::evidence::TextHost;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn davy() -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("davy"));
    for name in [
        "SLURM_ARRAY_TASK_ID",
        "JOB_COMPLETION_INDEX",
        "AWS_BATCH_JOB_ARRAY_INDEX",
        "BATCH_TASK_INDEX",
        "NOMAD_ALLOC_INDEX",
    ] {
        command.env_remove(name);
    }
    command
}

/// Hosts as archives, one cut short and one that is none.
fn archives(folder: &Path) -> Vec<PathBuf> {
    let hosts = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/hosts");
    let mut made = Vec::new();
    for name in ["fake-crond", "debian-clean", "db-miner", "reverse-shell"] {
        let host = TextHost::open(&hosts.join(format!("{name}.host"))).unwrap();
        let path = folder.join(format!("{name}.tar"));
        fs::write(&path, as_uac::uac(&host, false)).unwrap();
        made.push(path);
    }
    let whole = fs::read(&made[0]).unwrap();
    fs::write(folder.join("cut.tar"), &whole[..whole.len() / 2]).unwrap();
    fs::write(folder.join("random.tar"), [7; 5000]).unwrap();
    made
}

fn batch(sources: &Path, out: &Path, more: &[&str]) -> Output {
    let mut command = davy();
    command.arg("batch").arg(sources).arg("-o").arg(out).args(more);
    command.output().unwrap()
}

fn fleet(out: &Path) -> [Vec<u8>; 3] {
    ["fleet.json", "fleet.html", "fleet.db"].map(|name| fs::read(out.join(name)).unwrap())
}

#[test]
fn a_batch_and_its_parts() {
    let folder = tempfile::tempdir().unwrap();
    let (sources, out) = (folder.path().join("in"), folder.path().join("out"));
    fs::create_dir(&sources).unwrap();
    archives(&sources);
    // Killed as soon as anything is done: what is there then is whole.
    let mut begun = davy()
        .arg("batch")
        .arg(&sources)
        .arg("-o")
        .arg(&out)
        .args(["--jobs", "1"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let done = out.join("done");
    for _ in 0..6000 {
        let whole = |e: std::io::Result<fs::DirEntry>| {
            e.unwrap().path().extension().is_some_and(|x| x == "json")
        };
        if fs::read_dir(&done).is_ok_and(|mut d| d.any(whole)) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    begun.kill().unwrap();
    begun.wait().unwrap();
    let before: Vec<_> = fs::read_dir(&done)
        .unwrap()
        .map(|e| e.unwrap())
        .filter(|e| e.path().extension().is_some_and(|x| x == "json"))
        .collect();
    assert!(!before.is_empty());
    let stamps: Vec<_> = before.iter().map(|e| e.metadata().unwrap().modified().unwrap()).collect();
    let ended = batch(&sources, &out, &["-q"]);
    assert_eq!(ended.status.code(), Some(4), "{}", String::from_utf8_lossy(&ended.stderr));
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(said.contains("random.tar: put aside: "), "{said}");
    // What was done is not done twice.
    for (entry, stamp) in before.iter().zip(stamps) {
        assert_eq!(entry.metadata().unwrap().modified().unwrap(), stamp);
    }
    let json: serde_json::Value = serde_json::from_slice(&fleet(&out)[0]).unwrap();
    assert_eq!(json["hosts"].as_array().unwrap().len(), 5);
    assert_eq!(json["put_aside"].as_array().unwrap().len(), 1);
    for host in json["hosts"].as_array().unwrap() {
        assert!(out.join(host["case"].as_str().unwrap()).join("report.html").exists());
    }
    // The same in three parts, by the engine's variables, merged in any order.
    let mut parts = Vec::new();
    for part in 0..3 {
        let out = folder.path().join(format!("part-{part}"));
        let run = davy()
            .arg("batch")
            .arg(&sources)
            .arg("-o")
            .arg(&out)
            .arg("-q")
            .env("SLURM_ARRAY_TASK_ID", (part + 1).to_string())
            .env("SLURM_ARRAY_TASK_MIN", "1")
            .env("SLURM_ARRAY_TASK_COUNT", "3")
            .output()
            .unwrap();
        assert_eq!(run.status.code(), Some(0), "{}", String::from_utf8_lossy(&run.stderr));
        parts.insert(0, out);
    }
    let merged = folder.path().join("merged");
    davy().arg("batch").arg("--merge").args(&parts).arg("-o").arg(&merged).output().unwrap();
    assert!(fleet(&merged) == fleet(&out), "parted and whole differ");
}

#[test]
fn one_that_hangs_or_grows_is_put_aside() {
    let folder = tempfile::tempdir().unwrap();
    let (sources, out) = (folder.path().join("in"), folder.path().join("out"));
    fs::create_dir(&sources).unwrap();
    let host = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/hosts/debian-clean.host");
    let archive = as_uac::uac(&TextHost::open(&host).unwrap(), false);
    fs::write(sources.join("a.tar"), archive).unwrap();
    let ended = batch(&sources, &out, &["-q", "--most-memory", "4", "--most-time", "20"]);
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(said.contains("a.tar: put aside: "), "{said}");
    assert_eq!(ended.status.code(), Some(4));
    // Tried again with room enough, it is done.
    let ended = batch(&sources, &out, &["-q", "--again"]);
    assert_eq!(ended.status.code(), Some(0), "{}", String::from_utf8_lossy(&ended.stderr));
}

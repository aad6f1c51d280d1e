//! What the tests of batches share: hosts as archives, runs of davy over them, and what these left.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "../as_uac/mod.rs"]
mod as_uac;

use davy::evidence::TextHost;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// What engines call the part of a task.
pub const ENGINES: [&str; 12] = [
    "SLURM_ARRAY_TASK_ID",
    "SLURM_ARRAY_TASK_MIN",
    "SLURM_ARRAY_TASK_STEP",
    "SLURM_ARRAY_TASK_COUNT",
    "JOB_COMPLETION_INDEX",
    "JOB_COMPLETIONS",
    "AWS_BATCH_JOB_ARRAY_INDEX",
    "AWS_BATCH_JOB_ARRAY_SIZE",
    "BATCH_TASK_INDEX",
    "BATCH_TASK_COUNT",
    "NOMAD_ALLOC_INDEX",
    "NOMAD_GROUP_COUNT",
];

/// davy, started by no engine.
pub fn davy() -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("davy"));
    for name in ENGINES {
        command.env_remove(name);
    }
    command
}

/// A text host as an archive of UAC.
pub fn archive(name: &str) -> Vec<u8> {
    let hosts = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/hosts");
    let host = TextHost::open(&hosts.join(format!("{name}.host"))).unwrap();
    as_uac::uac(&host, false)
}

/// Hosts as archives, one cut short and one that is none.
pub fn archives(folder: &Path) -> Vec<PathBuf> {
    let mut made = Vec::new();
    for name in ["fake-crond", "debian-clean", "db-miner", "reverse-shell"] {
        let path = folder.join(format!("{name}.tar"));
        fs::write(&path, archive(name)).unwrap();
        made.push(path);
    }
    let whole = fs::read(&made[0]).unwrap();
    // Within a header: what ends where a member ends is not known to be cut.
    fs::write(folder.join("cut.tar"), &whole[..whole.len() / 2 + 100]).unwrap();
    fs::write(folder.join("notes.txt"), "no archive").unwrap();
    fs::write(folder.join("random.tar"), [7; 5000]).unwrap();
    made
}

/// Runs a batch.
pub fn batch(sources: &Path, out: &Path, more: &[&str]) -> Output {
    let mut command = davy();
    command.arg("batch").arg(sources).arg("-o").arg(out).args(more);
    command.output().unwrap()
}

/// The fleet's files.
pub fn fleet(out: &Path) -> [Vec<u8>; 3] {
    ["fleet.json", "fleet.html", "fleet.db"].map(|name| fs::read(out.join(name)).unwrap())
}

/// Makes the fleet of several folders; what was said.
pub fn merge(parts: &[PathBuf], out: &Path, more: &[&str]) -> String {
    let merged =
        davy().arg("batch").arg("--merge").args(parts).arg("-o").arg(out).args(more).output();
    let merged = merged.unwrap();
    let said = String::from_utf8_lossy(&merged.stderr).into_owned();
    // One of them is put aside.
    assert_eq!(merged.status.code(), Some(4), "{said}");
    said
}

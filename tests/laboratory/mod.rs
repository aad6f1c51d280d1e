//! Runs a command in the lab and reads what davy says.

use serde_json::Value;
use sha2::Digest;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// A command that has run in the lab.
pub struct Run {
    /// What was `/mnt` inside.
    pub out: tempfile::TempDir,
    /// What the command said.
    pub output: Output,
    report: OnceLock<Value>,
}

/// Runs `command` in a scenario. None where this machine permits no lab, and that is said.
pub fn lab(scenario: &str, flags: &[&str], command: &[&str]) -> Option<Run> {
    let out = tempfile::tempdir().unwrap();
    // Of a test's own folder, which nobody else enters: an ordinary user inside may write here.
    let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(out.path(), everybody).unwrap();
    let mut harness = Command::new(harness());
    harness.arg(scenario).args(flags).arg("--out").arg(out.path()).arg("--").args(command);
    let output = harness.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    match output.status.code() {
        Some(77) => {
            // Past the test harness, which shows only what failing tests print.
            let _ = std::io::stderr().write_all(said.as_bytes());
            None
        }
        Some(125) | None => panic!("the lab failed: {said}"),
        Some(_) => Some(Run { out, output, report: OnceLock::new() }),
    }
}

/// `cargo test` builds it with the other examples; `cargo test --test lab` alone does not.
fn harness() -> PathBuf {
    let davy = Path::new(env!("CARGO_BIN_EXE_davy"));
    let path = davy.parent().unwrap().join("examples/lab_host");
    assert!(path.exists(), "{} is missing: cargo build --examples makes it", path.display());
    path
}

#[allow(dead_code, reason = "each test file uses what it needs")]
impl Run {
    /// It ended as it should: done, or done with gaps.
    pub fn done(&self) {
        let code = self.output.status.code();
        let said = String::from_utf8_lossy(&self.output.stderr);
        assert!(matches!(code, Some(0 | 4)), "exit code {code:?}: {said}");
    }

    /// The JSON report on stdout.
    pub fn report(&self) -> &Value {
        self.report.get_or_init(|| {
            self.done();
            serde_json::from_slice(&self.output.stdout).unwrap_or_else(|e| {
                let out = String::from_utf8_lossy(&self.output.stdout);
                panic!("no JSON: {e}: {out}\n{}", String::from_utf8_lossy(&self.output.stderr))
            })
        })
    }

    /// The findings of the report.
    pub fn findings(&self) -> &[Value] {
        self.report()["findings"].as_array().unwrap()
    }

    /// The findings in a line each, for messages.
    pub fn briefly(&self) -> Vec<String> {
        let line = |f: &Value| {
            format!("{} {} {} — {}", f["level"], f["playbook"], f["subject"], f["because"])
        };
        self.findings().iter().map(line).collect()
    }

    /// Every file that the command left in `/mnt`.
    pub fn files(&self) -> Vec<PathBuf> {
        fn walk(folder: &Path, into: &mut Vec<PathBuf>) {
            for entry in std::fs::read_dir(folder).unwrap().flatten() {
                let path = entry.path();
                if path.is_dir() { walk(&path, into) } else { into.push(path) }
            }
        }
        let mut files = Vec::new();
        walk(self.out.path(), &mut files);
        files.sort();
        files
    }
}

/// In lower-case hexadecimal.
#[allow(dead_code, reason = "each test file uses what it needs")]
pub fn sha256(bytes: &[u8]) -> String {
    sha2::Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

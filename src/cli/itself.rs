//! davy itself, as a report names it.

use crate::judge::Playbooks;
use crate::report::Tool;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read};

/// What made a report.
pub fn tool(program: Option<String>, playbooks: &Playbooks) -> Tool {
    Tool {
        name: "davy",
        version: env!("CARGO_PKG_VERSION"),
        sha256: program.unwrap_or_default(),
        playbooks_sha256: playbooks.sha256(),
    }
}

/// The digest of the program that runs.
pub fn digest() -> Option<String> {
    // What is there may be no file at all, where somebody mounted over /proc.
    let path = "/proc/self/exe";
    std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
    let mut program = File::open(path).ok()?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 128 << 10];
    loop {
        match program.read(&mut buffer) {
            Ok(0) => break,
            Ok(got) => digest.update(buffer.get(..got)?),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
    Some(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

//! Puts playbooks and lookups into the program: the texts, for whoever asks for them, and what the
//! playbooks' YAML says as JSON, which is read in a tenth of the time. A playbook that is none fails
//! the build.

#[allow(dead_code)]
#[path = "src/judge/complaint.rs"]
mod complaint;
#[allow(dead_code)]
#[path = "src/judge/level.rs"]
mod level;
#[allow(dead_code)]
#[path = "src/judge/playbook.rs"]
mod playbook;

use complaint::Complaint;
use level::Level;
use playbook::Playbook;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=playbooks");
    for part in ["complaint", "level", "playbook"] {
        println!("cargo::rerun-if-changed=src/judge/{part}.rs");
    }
    let mut files = Vec::new();
    gather(Path::new("playbooks"), &mut files)?;
    files.sort();
    let here = env::current_dir()?;
    let target = PathBuf::from(env::var_os("OUT_DIR").ok_or(io::Error::other("no OUT_DIR"))?);
    let mut out = String::new();
    for (name, extensions) in [("PLAYBOOKS", &["yml", "yaml"][..]), ("LOOKUPS", &["csv"])] {
        let _ = writeln!(out, "pub(super) const {name}: &[(&str, &str)] = &[");
        for file in of_kind(&files, extensions) {
            let _ = writeln!(out, "    ({file:?}, include_str!({:?})),", here.join(file));
        }
        let _ = writeln!(out, "];");
    }
    let mut read = Vec::new();
    for file in of_kind(&files, &["yml", "yaml"]) {
        let text = fs::read_to_string(file)?;
        let playbook = Playbook::parse(&file.display().to_string(), &text)
            .map_err(|complaint| io::Error::other(format!("{complaint}")))?;
        read.push(playbook);
    }
    let json = target.join("playbooks.json");
    fs::write(&json, serde_json::to_string(&read)?)?;
    let _ = writeln!(out, "pub(super) const READ: &str = include_str!({json:?});");
    fs::write(target.join("embedded.rs"), out)
}

fn of_kind<'f>(files: &'f [PathBuf], extensions: &'f [&str]) -> impl Iterator<Item = &'f PathBuf> {
    files.iter().filter(|file| extensions.iter().any(|e| file.extension().is_some_and(|x| x == *e)))
}

fn gather(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            gather(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

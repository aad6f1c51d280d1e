//! Lists the playbooks and lookups, which the program carries within itself.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=playbooks");
    let mut files = Vec::new();
    gather(Path::new("playbooks"), &mut files)?;
    files.sort();
    let here = env::current_dir()?;
    let mut out = String::new();
    for (name, extensions) in [("PLAYBOOKS", &["yml", "yaml"][..]), ("LOOKUPS", &["csv"])] {
        let _ = writeln!(out, "pub(super) const {name}: &[(&str, &str)] = &[");
        for file in files
            .iter()
            .filter(|f| extensions.iter().any(|e| f.extension().is_some_and(|x| x == *e)))
        {
            let _ = writeln!(out, "    ({file:?}, include_str!({:?})),", here.join(file));
        }
        let _ = writeln!(out, "];");
    }
    let target = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("no OUT_DIR"))?;
    fs::write(Path::new(&target).join("embedded.rs"), out)
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

//! Which playbooks and lists to judge by: davy's own, and the user's.

use crate::judge::Playbooks;
use crate::report::escape::visible;
use clap::Args;
use std::error::Error;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The options that every command which judges has.
#[derive(Args)]
pub struct Library {
    /// Playbooks of your own, added to davy's; one of the same id takes its place
    #[arg(long, value_name = "DIR", global = true)]
    playbooks: Vec<PathBuf>,
    /// Rows of your own for a lookup table, from a CSV file
    #[arg(long, value_name = "NAME=FILE", global = true)]
    lookup: Vec<String>,
}

impl Library {
    /// The same options once more, for a child.
    pub fn again(&self) -> Vec<String> {
        let mut all = Vec::new();
        for folder in &self.playbooks {
            all.extend(["--playbooks".to_owned(), folder.display().to_string()]);
        }
        for lookup in &self.lookup {
            all.extend(["--lookup".to_owned(), lookup.clone()]);
        }
        all
    }

    /// Reads them. One that is broken does not keep the others from judging: [`tell`] says so.
    ///
    /// # Errors
    /// Where a folder or file that the user named cannot be read at all, and where a row of what is
    /// ours or never blocked is not understood.
    pub fn load(&self) -> Result<Playbooks, Box<dyn Error>> {
        let mut playbooks = Playbooks::embedded();
        for folder in &self.playbooks {
            playbooks.add_folder(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        }
        for lookup in &self.lookup {
            let (name, file) = lookup
                .split_once('=')
                .ok_or_else(|| format!("--lookup {lookup}: NAME=FILE is what it takes"))?;
            playbooks
                .add_lookup(name, Path::new(file), &crate::tables())
                .map_err(|e| format!("--lookup {name}: {e}"))?;
        }
        // These say what must not be blocked: without one of their rows nothing is safe to say.
        match playbooks.refused() {
            [] => Ok(playbooks),
            refused => Err(refused.join("\n").into()),
        }
    }
}

/// Says what replaced what, and what is broken; true where nothing is.
pub fn tell(playbooks: &Playbooks, messages: &mut dyn Write) -> bool {
    for note in playbooks.notes() {
        let _ = writeln!(messages, "davy: {}", printable(note));
    }
    for (_, complaint) in playbooks.broken() {
        let _ = writeln!(messages, "davy: {}", printable(&complaint.to_string()));
    }
    playbooks.broken().is_empty()
}

/// A playbook may come from anywhere: its lines are shown, what would act on a terminal is not.
pub fn printable(text: &str) -> String {
    text.lines().map(visible).collect::<Vec<_>>().join("\n")
}

//! `davy playbook`: what davy knows, one playbook in full, and whether a file is right.

use super::Exit;
use crate::judge::{Checker, Complaint, Kind, Level, Playbook, Playbooks, technique};
use clap::{Args, Subcommand};
use std::error::Error;
use std::io::Write;
use std::path::{Path, PathBuf};

/// What davy judges by: list, show, check
#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Playbooks of your own, added to davy's
    #[arg(long, value_name = "DIR", global = true)]
    playbooks: Vec<PathBuf>,
    /// Rows of your own for a lookup table, from a CSV file
    #[arg(long, value_name = "NAME=FILE", global = true)]
    lookup: Vec<String>,
}

#[derive(Subcommand)]
enum Command {
    /// All playbooks, worst first
    List,
    /// One playbook, as it is written
    Show {
        /// Its id, as `davy playbook list` gives it
        id: String,
    },
    /// Tell what is wrong with playbooks, line by line
    Check {
        /// Files, or folders of them
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
}

/// Runs the command.
///
/// # Errors
/// Where a file cannot be read or the output not be written.
pub fn run(
    arguments: &Arguments,
    out: &mut dyn Write,
    messages: &mut dyn Write,
) -> Result<Exit, Box<dyn Error>> {
    let mut playbooks = Playbooks::embedded();
    for folder in &arguments.playbooks {
        playbooks.add_folder(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    }
    for lookup in &arguments.lookup {
        let Some((name, file)) = lookup.split_once('=') else {
            let _ = writeln!(messages, "davy: --lookup {lookup}: NAME=FILE is what it takes");
            return Ok(Exit::Usage);
        };
        playbooks.add_lookup(name, Path::new(file)).map_err(|e| format!("{file}: {e}"))?;
    }
    match &arguments.command {
        Command::List => list(&playbooks, out, messages),
        Command::Show { id } => show(&playbooks, id, out, messages),
        Command::Check { files } => check(playbooks, files, out, messages),
    }
}

fn list(
    playbooks: &Playbooks,
    out: &mut dyn Write,
    messages: &mut dyn Write,
) -> Result<Exit, Box<dyn Error>> {
    let width = playbooks.iter().map(|p| p.id.text.len()).max().unwrap_or(0);
    let mut all: Vec<&Playbook> = playbooks.iter().collect();
    // Those that answer questions stand after those that find.
    all.sort_by_key(|p| (p.kind == Kind::Table, std::cmp::Reverse(p.level), &p.id.text));
    for playbook in all {
        let level = match playbook.kind {
            Kind::Finding => playbook.level.word(),
            Kind::Table => "table",
        };
        let wide = Level::Informational.word().len();
        writeln!(
            out,
            "{level:wide$}  {:width$}  {}",
            playbook.id.text,
            printable(&playbook.title)
        )?;
    }
    Ok(tell_broken(playbooks, messages))
}

fn show(
    playbooks: &Playbooks,
    id: &str,
    out: &mut dyn Write,
    messages: &mut dyn Write,
) -> Result<Exit, Box<dyn Error>> {
    let Some(playbook) = playbooks.get(id) else {
        let _ = writeln!(messages, "davy: no playbook `{id}`; `davy playbook list` names them");
        return Ok(Exit::Usage);
    };
    writeln!(out, "# {}", printable(&playbook.file))?;
    for technique_id in playbook.techniques() {
        if let Some(name) = technique(&technique_id, playbooks) {
            writeln!(out, "# {technique_id} {name}")?;
        }
    }
    writeln!(out, "{}", printable(playbook.source.trim_end()))?;
    Ok(Exit::Done)
}

fn check(
    mut playbooks: Playbooks,
    files: &[PathBuf],
    out: &mut dyn Write,
    messages: &mut dyn Write,
) -> Result<Exit, Box<dyn Error>> {
    let mut sources = Vec::new();
    for file in files {
        if file.is_dir() {
            // A folder brings its lookups along; its playbooks are read as files below.
            let mut folder = Playbooks::empty();
            folder.add_folder(file)?;
            sources.extend(folder.sources().map(|(f, text)| (f.to_owned(), text.to_owned())));
            playbooks.add_folder(file)?;
        } else {
            let shown = file.display().to_string();
            let text =
                std::fs::read_to_string(file).map_err(|error| format!("{shown}: {error}"))?;
            sources.push((shown, text));
        }
    }
    let tables = crate::tables();
    let checker = Checker::new(&playbooks, &tables)?;
    let mut complaints: Vec<Complaint> = Vec::new();
    for (file, text) in &sources {
        complaints.extend(checker.check(file, text));
    }
    complaints.extend(
        playbooks
            .broken()
            .iter()
            .filter(|(_, complaint)| !sources.iter().any(|(file, _)| *file == complaint.file))
            .map(|(_, complaint)| complaint.clone()),
    );
    for complaint in &complaints {
        writeln!(messages, "{}\n", printable(&complaint.to_string()))?;
    }
    let (checked, wrong) = (sources.len(), complaints.len());
    let playbooks = if checked == 1 { "playbook" } else { "playbooks" };
    let mistakes = if wrong == 1 { "mistake" } else { "mistakes" };
    writeln!(out, "{checked} {playbooks}, {wrong} {mistakes}")?;
    Ok(if complaints.is_empty() { Exit::Done } else { Exit::Failed })
}

fn tell_broken(playbooks: &Playbooks, messages: &mut dyn Write) -> Exit {
    for note in playbooks.notes() {
        let _ = writeln!(messages, "davy: {}", printable(note));
    }
    for (_, complaint) in playbooks.broken() {
        let _ = writeln!(messages, "davy: {}", printable(&complaint.to_string()));
    }
    if playbooks.broken().is_empty() { Exit::Done } else { Exit::Failed }
}

/// A playbook may come from anywhere: no control characters to the terminal.
fn printable(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let kept = matches!(c, '\n' | '\t') || !c.is_control();
            let escaped = if kept { None } else { Some(c.escape_unicode()) };
            escaped.into_iter().flatten().chain(kept.then_some(c))
        })
        .collect()
}

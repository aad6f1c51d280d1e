//! `davy playbook`: what davy knows, one playbook in full, and whether a file is right.

use super::Exit;
use super::library::{Library, printable, tell};
use crate::judge::{Checker, Complaint, Kind, Level, Playbook, Playbooks, technique};
use clap::{Args, Subcommand};
use std::error::Error;
use std::io::Write;
use std::path::PathBuf;

/// What davy judges by: list, show, check
#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    library: Library,
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
    let playbooks = arguments.library.load()?;
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
    Ok(if tell(playbooks, messages) { Exit::Done } else { Exit::Failed })
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
            if folder.sources().next().is_none() {
                let shown = file.display();
                return Err(format!("{shown}: no playbook in it, no *.yml and no *.yaml").into());
            }
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

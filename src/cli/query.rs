//! `davy query`: ask anything, in SQL, of logs and hosts.

use super::Exit;
use super::identity::Identities;
use super::library::{self, Library};
use super::progress::Progress;
use super::rows::{self, Format};
use super::source::Sources;
use crate::facts::Facts;
use crate::logs::Wanted;
use crate::{graph, judge, logs};
use clap::Args;
use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write;
use std::path::PathBuf;

/// Ask anything, in SQL, of logs and hosts
#[derive(Args)]
pub struct Arguments {
    /// Logs, folders of them, hosts (without any, this host); and last, the SQL
    #[arg(value_name = "SOURCE… SQL", required_unless_present = "tables")]
    words: Vec<String>,
    /// The tables and their columns
    #[arg(long)]
    tables: bool,
    /// What to print
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: Format,
    #[command(flatten)]
    library: Library,
    #[command(flatten)]
    identities: Identities,
    /// No progress
    #[arg(short, long)]
    quiet: bool,
}

/// Runs the command.
///
/// # Errors
/// Where a source cannot be read, the query fails, or the output cannot be written.
pub fn run(
    arguments: &Arguments,
    out: &mut dyn Write,
    messages: &mut dyn Write,
) -> Result<Exit, Box<dyn Error>> {
    let tables = crate::tables();
    if arguments.tables {
        for table in &tables {
            writeln!(out, "{}: {}", table.name, table.doc)?;
            for column in table.columns {
                writeln!(out, "  {} ({}): {}", column.name, column.kind.word(), column.doc)?;
            }
        }
        return Ok(Exit::Done);
    }
    let Some((sql, paths)) = arguments.words.split_last() else { return Ok(Exit::Usage) };
    let playbooks = arguments.library.load()?;
    library::tell(&playbooks, messages);
    let paths: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
    let sources = match arguments
        .identities
        .load()
        .and_then(|identities| Sources::one_host(&paths, &identities))
    {
        Ok(sources) => sources,
        Err(complaint) => {
            let _ = writeln!(messages, "davy: {complaint}");
            return Ok(Exit::Usage);
        }
    };
    let progress = Progress::new(arguments.quiet);
    let facts = Facts::in_memory(&tables)?;
    super::hunt::host(&sources, &facts, &progress)?;
    let wanted = Wanted { flows: logs::Flows::All(u64::MAX), ..Wanted::ALL };
    super::logs::read(&sources.logs, vec![(&facts, wanted)], &|name| progress.step(name))?;
    progress.done();
    let exit = super::hunt::told(&facts, messages)?;
    judge::prepare(&facts, &playbooks, &tables)?;
    graph::make(&facts, sql, &BTreeMap::new())?;
    let found = judge::query(&facts, sql)?;
    rows::print(&found, arguments.format, None, out)?;
    out.flush()?;
    Ok(exit)
}

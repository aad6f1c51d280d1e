//! `davy query`: ask anything, in SQL, of logs and hosts.

use super::Exit;
use super::answered::{self, Given};
use super::identity::Identities;
use super::library::{self, Library};
use super::progress::Progress;
use super::rows::{self, Format};
use super::source::{Opening, Sources};
use crate::facts::{Facts, Limits, Stopped};
use crate::judge::Failure;
use crate::logs::Wanted;
use crate::{graph, judge, logs};
use clap::Args;
use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

/// Ask anything, in SQL, of logs and hosts
#[derive(Args)]
pub struct Arguments {
    /// Logs, folders of them, hosts (without any, this host); and last, the SQL
    #[arg(value_name = "SOURCE… SQL", required_unless_present = "tables")]
    words: Vec<String>,
    /// The tables and their columns
    #[arg(long)]
    tables: bool,
    /// Seconds after which the query is stopped
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// MiB of memory by which the query may make davy grow
    #[arg(long, value_name = "MIB", default_value_t = 512, value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    memory: u64,
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

/// Why there is no answer, and which option helps.
fn said(failure: &Failure) -> String {
    match failure {
        Failure::Stopped(Stopped::Time, _) => {
            format!("the query {failure}; --seconds N gives it longer")
        }
        Failure::Stopped(Stopped::Memory, _) => {
            format!("the query was {failure}; --memory MIB gives it more")
        }
        _ => format!("the query: {failure}"),
    }
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
    let playbooks = match arguments.library.load() {
        Ok(playbooks) => playbooks,
        Err(complaint) => {
            let _ = writeln!(messages, "davy: {complaint}");
            return Ok(Exit::Usage);
        }
    };
    library::tell(&playbooks, messages);
    let paths: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
    let sources = match arguments.identities.load().and_then(|identities| {
        let carver = super::hunt::carver();
        Sources::one_host(&paths, Opening { identities: &identities, carver: &carver })
    }) {
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
    let limits =
        Limits { time: Duration::from_secs(arguments.seconds), memory: arguments.memory << 20 };
    let found = judge::query(&facts, sql, limits).map_err(|failure| said(&failure))?;
    rows::print(&found, arguments.format, None, out)?;
    answered::tell(
        &found,
        &Given {
            facts: &facts,
            playbook: &judge::question(sql),
            params: &BTreeMap::new(),
            folded: false,
        },
        messages,
    );
    out.flush()?;
    Ok(exit)
}

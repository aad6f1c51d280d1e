//! The commands, one file each.

mod again;
mod answered;
mod bar;
mod batch;
mod carve;
mod collect;
mod core;
mod exit;
mod failing;
mod folder;
mod further;
mod graph;
mod hunt;
mod identity;
mod investigate;
mod itself;
mod library;
mod logs;
mod once;
mod plain;
mod playbook;
mod progress;
mod query;
mod rows;
mod sink;
mod source;
mod threads;
mod triage;
mod unopened;
mod verify;
mod wanted;

pub use exit::Exit;

use clap::{Parser, Subcommand};
use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

/// Linux host forensics triage: is this server compromised, by what, and what to do next.
#[derive(Parser)]
#[command(name = "davy", version, arg_required_else_help = true, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Triage(triage::Arguments),
    Batch(batch::Arguments),
    Collect(collect::Arguments),
    Verify(verify::Arguments),
    Carve(carve::Arguments),
    Hunt(hunt::Arguments),
    Query(query::Arguments),
    Graph(graph::Arguments),
    Playbook(playbook::Arguments),
}

/// Runs a command line: results go to `out`, everything else to `messages`.
pub fn run(
    arguments: impl Iterator<Item = OsString>,
    out: &mut dyn Write,
    messages: &mut dyn Write,
) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // --help and --version are errors to the parser and results to the user.
            let asked = !error.use_stderr();
            let stream: &mut dyn Write = if asked { out } else { messages };
            let _ = write!(stream, "{error}");
            return if asked { Exit::Done } else { Exit::Usage }.into();
        }
    };
    let messages: &mut dyn Write = &mut plain::Plain::new(messages);
    if let Err(error) = threads::ready() {
        let _ = writeln!(messages, "davy: no threads can be started here: {error}");
        let _ = writeln!(messages, "davy: see ulimit -u, and pids.max of the control group");
        return Exit::Failed.into();
    }
    // An archive that breaks off is not one that somebody has read enough of.
    let printed = !matches!(arguments.command, Command::Collect(_) | Command::Batch(_));
    let result = match arguments.command {
        Command::Triage(arguments) => triage::run(&arguments, out, messages),
        Command::Batch(arguments) => batch::run(&arguments, out, messages),
        Command::Collect(arguments) => collect::run(&arguments, messages),
        Command::Verify(arguments) => verify::run(&arguments, out, messages),
        Command::Carve(arguments) => carve::run(&arguments, out, messages),
        Command::Hunt(arguments) => hunt::run(&arguments, out, messages),
        Command::Query(arguments) => query::run(&arguments, out, messages),
        Command::Graph(arguments) => graph::run(&arguments, out, messages),
        Command::Playbook(arguments) => playbook::run(&arguments, out, messages),
    };
    match result {
        Ok(exit) => exit.into(),
        Err(error) if printed && is_broken_pipe(error.as_ref()) => Exit::Done.into(),
        Err(error) => {
            let _ = writeln!(messages, "davy: {error}");
            Exit::Failed.into()
        }
    }
}

/// Whoever read our output has read enough.
fn is_broken_pipe(error: &(dyn std::error::Error + 'static)) -> bool {
    error
        .downcast_ref::<std::io::Error>()
        .is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
}

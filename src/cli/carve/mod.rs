//! `davy carve`: indicators out of any bytes.

pub(super) mod input;
mod print;
mod stop;

use super::Exit;
use super::wanted::Wanted;
use crate::carve::{self, Carved, Cut, Layout, Match};
use crate::evidence::{Live, Pid};
use crate::report::escape::visible;
use clap::{Args, ValueEnum};
use print::Printer;
use std::error::Error;
use std::io::Write;
use std::path::PathBuf;

/// Find indicators in any bytes: binaries, core dumps, memory images, live processes
#[derive(Args)]
pub struct Arguments {
    /// Files to carve; `-` is standard input; gzip, zstd and xz are opened
    #[arg(required_unless_present = "pid")]
    files: Vec<PathBuf>,
    /// Carve the memory of this process: present pages only, without stopping it
    #[arg(long, value_name = "PID")]
    pid: Vec<Pid>,
    /// What to print
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    #[command(flatten)]
    wanted: Wanted,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For reading
    Text,
    /// An object a line
    Jsonl,
    /// Comma-separated, with a header
    Csv,
}

/// Carves what the user named. One file that cannot be read does not keep the others back.
///
/// # Errors
/// Where the output cannot be written.
pub fn run(
    arguments: &Arguments,
    out: &mut dyn Write,
    messages: &mut dyn Write,
) -> Result<Exit, Box<dyn Error>> {
    let carver = match arguments.wanted.load(false, messages) {
        Ok(carver) => carver,
        Err(complaint) => {
            let _ = writeln!(messages, "davy: {complaint}");
            return Ok(Exit::Usage);
        }
    };
    // A list that gave nothing must not read as nothing found.
    let mut exit = if carver.incomplete() { Exit::Partial } else { Exit::Done };
    let total = arguments.files.len() + arguments.pid.len();
    let mut printer = Printer { out, format: arguments.format, several: total > 1, started: false };
    let mut gaps = 0;
    for path in &arguments.files {
        let name = path.display().to_string();
        let shown = visible(&name);
        match input::one(path, &carver) {
            Ok(done) => {
                if let Some(layout) = &done.layout {
                    let _ = writeln!(messages, "davy: {shown}: {}", whose(layout));
                }
                exit = exit.max(note_cut(messages, &shown, done.cut));
                let matches = done.judged.matches.iter().map(Match::carved);
                let all: Vec<Carved> = done.carved.into_iter().chain(matches).collect();
                printer.place(&name, &all, |offset| {
                    let at = done.layout.as_ref().and_then(|layout| layout.address(offset));
                    (Some(offset), at.map(|(address, _)| address), at.map(|(_, region)| region))
                })?;
                let problems = done.problem.map(|p| format!("{p}; what was found is printed"));
                for problem in problems.into_iter().chain(done.judged.problem) {
                    let _ = writeln!(messages, "davy: {shown}: {}", visible(&problem));
                    exit = exit.max(Exit::Partial);
                }
            }
            Err(error) => {
                let _ = writeln!(messages, "davy: {shown}: {error}");
                gaps += 1;
            }
        }
    }
    for pid in &arguments.pid {
        match carve::carve_process(&Live::new(), &carver, *pid) {
            Ok(process) => {
                let name = format!("/proc/{pid}/exe");
                printer.place(&name, &process.executable, |offset| (Some(offset), None, None))?;
                let name = format!("/proc/{pid}/mem");
                exit = exit.max(note_cut(messages, &name, process.cut));
                let matches = process.matches.iter().map(Match::carved);
                let all: Vec<Carved> = process.memory.iter().cloned().chain(matches).collect();
                printer
                    .place(&name, &all, |address| (None, Some(address), process.region(address)))?;
                if let Some(missed) = &process.missed {
                    let _ = writeln!(messages, "davy: some of {missed}");
                    exit = exit.max(Exit::Partial);
                }
                if let Some(problem) = &process.problem {
                    let _ = writeln!(messages, "davy: {name}: {problem}");
                    exit = exit.max(Exit::Partial);
                }
            }
            Err(error) => {
                let _ = writeln!(messages, "davy: {error}");
                gaps += 1;
            }
        }
    }
    if gaps == total {
        return Ok(Exit::Failed);
    }
    Ok(if gaps > 0 { exit.max(Exit::Partial) } else { exit })
}

/// Says what was left out; a run that left something out is partial.
fn note_cut(messages: &mut dyn Write, name: &str, cut: Cut) -> Exit {
    if cut != Cut::default() {
        let _ = writeln!(messages, "davy: {name}: {cut}");
    }
    if cut.nothing() { Exit::Done } else { Exit::Partial }
}

fn whose(layout: &Layout) -> String {
    if !layout.core {
        return format!("an image of a machine's memory, {} ranges", layout.segments.len());
    }
    let pid = layout.pid.map_or_else(String::new, |pid| format!(", pid {pid}"));
    if layout.pid.is_none() {
        return "a core dump whose notes are not there: whose it is, is not known".to_owned();
    }
    format!(
        "a core dump of {}{pid} ({}), {} threads",
        visible(&layout.comm),
        visible(&layout.arguments().join(" ")),
        layout.threads
    )
}

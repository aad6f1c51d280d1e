//! `davy triage`: everything, one incident.

use super::Exit;
use super::failing::failing;
use super::further::{self, Further};
use super::identity::Identities;
use super::investigate::{Looked, Memory, investigate};
use super::itself;
use super::library::{self, Library};
use super::progress::Progress;
use super::source::{Opening, Sources};
use super::unopened::unopened;
use super::wanted::Wanted;
use crate::carve::Carver;
use crate::evidence::{Directory, SourceKind};
use crate::facts::{self, Facts, Status};
use crate::judge::{self, Judgement, Level, Playbooks, Verdict};
use crate::report::{Case, CaseFolder, FORMATS, Report, Text};
use crate::{carve, graph, report, timeline};
use clap::{Args, ValueEnum};
use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

/// Triage this host, or evidence of another: worst first, and what to do next
#[derive(Args)]
pub struct Arguments {
    /// What to look at, all of one host: archives, folders, core dumps, logs in any mix; `-` is
    /// standard input; without it, this host
    #[arg(value_name = "SOURCE")]
    sources: Vec<PathBuf>,
    /// A root file system under this directory, as a mounted image
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Leave a case folder: report.html, report.json, facts.db, timeline.jsonl, recovered files,
    /// manifest
    #[arg(short = 'o', long = "output", value_name = "CASE")]
    output: Option<PathBuf>,
    /// What the SOC already knows: host:port, address, name, URL, path, pid, hash or wallet
    #[arg(long, value_name = "IOC", value_parser = lead)]
    lead: Option<String>,
    /// What to print
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    /// Whose memory to read
    #[arg(long, value_name = "WHOSE", default_value = "suspects")]
    memory: Memory,
    #[command(flatten)]
    library: Library,
    #[command(flatten)]
    identities: Identities,
    #[command(flatten)]
    wanted: Wanted,
    /// Exit with 3 where a finding is at this level or above
    #[arg(long, value_name = "LEVEL", value_parser = level)]
    fail_on: Option<Level>,
    /// Colour the terminal report
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    color: Color,
    /// No progress
    #[arg(short, long)]
    quiet: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
    Html,
    Timesketch,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Color {
    Auto,
    Always,
    Never,
}

fn level(word: &str) -> Result<Level, String> {
    Level::from_word(word)
        .ok_or_else(|| "one of informational, low, medium, high, critical".to_owned())
}

/// A lead as it stands in a ticket: `hxxp://a[.]b/c`, `pool.example:3333/tcp`, `pool.example 3333`.
#[allow(clippy::unnecessary_wraps)] // As clap wants it.
fn lead(text: &str) -> Result<String, std::convert::Infallible> {
    let text = carve::refang(text);
    let text = ["/tcp", "/udp"]
        .iter()
        .find_map(|end| {
            let bare = text.strip_suffix(end)?;
            bare.rsplit_once(':')?.1.parse::<u16>().ok().map(|_| bare.to_owned())
        })
        .unwrap_or(text);
    Ok(match text.split_whitespace().collect::<Vec<_>>().as_slice() {
        [host, port] if port.parse::<u16>().is_ok() && !host.contains(['/', ':']) => {
            format!("{host}:{port}")
        }
        _ => text,
    })
}

/// Runs a triage. What was found is printed even where the case folder cannot be written.
///
/// # Errors
/// Where nothing could be found out at all.
pub fn run(
    arguments: &Arguments,
    out: &mut dyn Write,
    messages: &mut dyn Write,
) -> Result<Exit, Box<dyn Error>> {
    if let Some(parent) = std::env::var("DAVY_WITH_PARENT").ok().and_then(|p| p.parse::<i32>().ok())
    {
        // A batch that is killed takes its children with it.
        let _ =
            rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
        // It may have been killed before that was said.
        if rustix::process::getppid().is_none_or(|now| now.as_raw_nonzero().get() != parent) {
            return Ok(Exit::Failed);
        }
    }
    let playbooks = match arguments.library.load() {
        Ok(playbooks) => playbooks,
        Err(complaint) => {
            let _ = writeln!(messages, "davy: {complaint}");
            return Ok(Exit::Usage);
        }
    };
    library::tell(&playbooks, messages);
    let carver = match arguments.wanted.load(true, messages) {
        Ok(carver) => carver,
        Err(complaint) => {
            let _ = writeln!(messages, "davy: {complaint}");
            return Ok(Exit::Usage);
        }
    };
    let progress = Progress::new(arguments.quiet);
    if let Some(first) = arguments.sources.first() {
        progress.step(&format!("reading {}", first.display()));
    }
    let sources = match opened(arguments, &carver) {
        Ok(sources) => sources,
        Err(complaint) => {
            progress.done();
            let _ = writeln!(messages, "davy: {complaint}");
            return Ok(Exit::Usage);
        }
    };
    let mut failed = false;
    let mut complain = |messages: &mut dyn Write, doing: &str, error: &dyn Error| {
        failed = true;
        let _ = writeln!(messages, "davy: {doing}: {error}");
    };
    // Made before anything is read: a mistyped folder should not cost the run.
    let mut folder = None;
    let mut unmade = None;
    if let Some(wanted) = arguments.output.as_deref() {
        match report::folder::create(wanted) {
            Ok(()) => folder = Some(wanted),
            Err(error) => {
                complain(messages, "no case folder will be left", &error);
                unmade = Some(error);
            }
        }
    }
    let place = match (folder, &unmade) {
        (_, Some(error)) => CaseFolder::Failed(error.to_string()),
        (Some(folder), None) => CaseFolder::At(folder.display().to_string()),
        (None, None) => CaseFolder::Unasked,
    };

    let tables = crate::tables();
    let mut facts = Facts::in_memory(&tables)?;
    facts.set_origin(sources.host.as_ref().and_then(|host| host.origin()));
    let (memory, lead) = (arguments.memory, arguments.lead.as_deref());
    let step = |name: &str| progress.step(name);
    let looked = Looked::first(&sources);
    let judgement = investigate(memory, lead, &looked, &facts, &carver, &playbooks, &step)?;
    for why in &sources.beside {
        facts.cover("files beside the archives", Status::NotCaptured, why.as_str())?;
    }
    let further = further::look(&sources, &facts, memory, lead, &carver, &playbooks, &step);
    let further = match further {
        Ok(further) => further,
        Err(complaint) => {
            progress.done();
            let _ = writeln!(messages, "davy: {complaint}");
            if let Some(folder) = folder {
                // Nothing is in it yet.
                let _ = std::fs::remove_dir(folder);
            }
            return Ok(Exit::Usage);
        }
    };
    if let Some(folder) = folder {
        progress.step("recovering deleted files");
        // What one file cannot give is coverage; only the facts themselves can fail here.
        if let Some(evidence) = sources.host.as_deref() {
            carve::recover(evidence, &facts, folder, 1)?;
        }
        for (one, number) in further.iter().zip(2..) {
            carve::recover(one.host, &one.facts, folder, number)?;
        }
    }
    progress.step("telling the story");
    let mut case = tell(arguments, &sources, &facts, &judgement, &playbooks)?;
    if !further.is_empty() {
        case = together(arguments, &sources, &facts, (case, &judgement), &further, &playbooks)?;
    }
    progress.done();

    // Printed first: whatever happens to the folder, the responder has the answer. And whatever
    // happens to the reader, the folder is left.
    let printed = print(arguments, &case, place, out);
    if let Some(error) = unmade {
        // Said at first, and scrolled away by the report.
        complain(messages, "no case folder was left", &error);
    }
    if let Some(folder) = folder {
        if let Err(error) = facts.save(&folder.join("facts.db")) {
            complain(messages, "the facts could not be kept", &error);
        }
        if let Err(error) = report::folder::write(&case, folder) {
            complain(messages, "the case folder is not whole", &error);
        }
    }
    match printed {
        // Whoever read the report has read enough; the exit code still tells what was found.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        other => other?,
    }
    let exit = exit(arguments, &case, !failing(&facts)?.is_empty(), failed);
    // The process ends here, and with it what it holds: to give it back piece by piece would take
    // longer than judging a small host does.
    std::mem::forget((case, further));
    std::mem::forget((facts, sources, playbooks));
    Ok(exit)
}

/// The sources that the user named.
fn opened(arguments: &Arguments, carver: &Carver) -> Result<Sources, String> {
    let identities = arguments.identities.load()?;
    let opening = Opening { identities: &identities, carver };
    let Some(root) = &arguments.root else {
        return Sources::open(&arguments.sources, opening);
    };
    std::fs::metadata(root).map_err(|e| unopened(root, &e))?;
    let host = Directory::open(root).map_err(|e| e.to_string())?;
    let mut sources = Sources::none();
    sources.add(&arguments.sources, opening)?;
    // It is the host; archives of the same one stand beside it.
    let before = sources.host.replace(Box::new(host));
    sources.further.splice(..0, before);
    Ok(sources)
}

/// Timeline, graph, story and verdict, put together.
fn tell(
    arguments: &Arguments,
    sources: &Sources,
    facts: &Facts,
    judgement: &Judgement,
    playbooks: &Playbooks,
) -> Result<Case, facts::Error> {
    // A recording must give the same report on every machine, so only a live run names the
    // program that ran.
    let live = sources.kind() == Some(SourceKind::Live);
    std::thread::scope(|scope| {
        let program = live.then(|| scope.spawn(itself::digest));
        facts.together(timeline::build)?;
        facts.together(graph::build)?;
        let story = graph::story(facts, judgement, arguments.lead.as_deref())?;
        let verdict = Verdict::of(judgement);
        let program = program.and_then(|digest| digest.join().ok().flatten());
        let hunts = if sources.logs.is_empty() {
            Vec::new()
        } else {
            let named: Vec<String> =
                arguments.sources.iter().map(|path| path.display().to_string()).collect();
            graph::make(facts, "actors, campaigns", &BTreeMap::new())?;
            judge::briefs(facts, playbooks, &named)
        };
        Case::gather(facts, judgement, verdict, story, hunts, itself::tool(program, playbooks))
    })
}

/// The case of all sources of the host; the facts of all come to lie in those of the first.
fn together(
    arguments: &Arguments,
    sources: &Sources,
    facts: &Facts,
    (mut case, judgement): (Case, &Judgement),
    further: &[Further<'_>],
    playbooks: &Playbooks,
) -> Result<Case, facts::Error> {
    let (mut looked, mut as_root) = (judgement.looked, judgement.as_root);
    for (one, number) in further.iter().zip(2..) {
        let other = tell(arguments, sources, &one.facts, &one.judgement, playbooks)?;
        case = case.beside(other, number);
        facts.take_in(&one.facts, number)?;
        looked = looked.and(one.judgement.looked);
        as_root |= one.judgement.as_root;
    }
    let (findings, answers) = (case.findings.clone(), case.playbooks.clone());
    case.verdict = Verdict::of(&Judgement { findings, answers, looked, as_root });
    Ok(case)
}

fn print(
    arguments: &Arguments,
    case: &Case,
    folder: CaseFolder,
    out: &mut dyn Write,
) -> io::Result<()> {
    let wanted = match arguments.format {
        Format::Text => {
            let text = Text { width: width(), color: colored(arguments.color), folder };
            text.write(case, out)?;
            return out.flush();
        }
        Format::Json => "json",
        Format::Html => "html",
        Format::Timesketch => "timesketch",
    };
    for format in FORMATS {
        if format.name().0 == wanted {
            format.write(case, out)?;
        }
    }
    out.flush()
}

/// The terminal's width; 100 columns where there is none to ask.
fn width() -> usize {
    rustix::termios::tcgetwinsize(io::stdout())
        .map(|size| usize::from(size.ws_col))
        .ok()
        .filter(|columns| *columns >= 40)
        .unwrap_or(100)
}

fn colored(wanted: Color) -> bool {
    match wanted {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
    }
}

fn exit(arguments: &Arguments, case: &Case, failing: bool, failed: bool) -> Exit {
    if failed {
        Exit::Failed
    } else if arguments.fail_on.is_some_and(|at| case.findings.iter().any(|f| f.level >= at)) {
        Exit::Findings
    } else if failing {
        Exit::Partial
    } else {
        Exit::Done
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_lead_as_tickets_write_it() {
        for (written, meant) in [
            ("hxxp://102[.]0[.]2[.]5/cc/index.html", "http://102.0.2.5/cc/index.html"),
            ("pool.example:3956/tcp", "pool.example:3956"),
            (" pool[.]example 3956 ", "pool.example:3956"),
            ("payload dropped", "payload dropped"),
            ("/usr/bin/tcp", "/usr/bin/tcp"),
        ] {
            assert_eq!(super::lead(written), Ok(meant.to_owned()));
        }
    }
}

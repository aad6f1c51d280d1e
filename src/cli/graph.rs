//! `davy graph`: who attacks whom and what hangs together, for other tools and as a picture.

use super::Exit;
use super::identity::Identities;
use super::investigate::{Looked, Memory, investigate};
use super::library::{self, Library};
use super::progress::Progress;
use super::source::{self, Opened, Opening, Sources};
use crate::facts::{self, Facts};
use crate::graph::Story;
use crate::graph::network::{Builder, Network};
use crate::judge::Playbooks;
use crate::logs::{Flows, Wanted};
use crate::report::graph::{EXPORTERS, Exporter, Shape, for_file, named};
use crate::{graph, judge};
use clap::Args;
use std::error::Error;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The graph of alerts, traffic and an incident: for other tools, and as a picture
#[derive(Args)]
pub struct Arguments {
    /// Logs, folders of them, a host; without any, this host
    #[arg(value_name = "SOURCE")]
    sources: Vec<PathBuf>,
    /// Where it goes; its ending tells the format. Without it, standard output
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    output: Option<PathBuf>,
    /// The format, where the file's ending does not tell it
    #[arg(long, value_name = "FORMAT", value_parser = format)]
    format: Option<&'static Exporter>,
    /// What the SOC already knows, as for triage: the chain begins there
    #[arg(long, value_name = "IOC")]
    lead: Option<String>,
    #[command(flatten)]
    library: Library,
    #[command(flatten)]
    identities: Identities,
    /// No progress
    #[arg(short, long)]
    quiet: bool,
}

fn names() -> String {
    let names: Vec<&str> = EXPORTERS.iter().map(|exporter| exporter.name).collect();
    names.join(", ")
}

fn format(word: &str) -> Result<&'static Exporter, String> {
    named(word).ok_or_else(|| format!("one of {}", names()))
}

/// What a graph needs of logs: all alerts, and conversations with how often and when.
const WANTED: Wanted = Wanted { flows: Flows::None, ..Wanted::ALL };

/// Runs the command.
///
/// # Errors
/// Where a source cannot be read or the output cannot be written.
pub fn run(
    arguments: &Arguments,
    out: &mut dyn Write,
    messages: &mut dyn Write,
) -> Result<Exit, Box<dyn Error>> {
    let exporter = match chosen(arguments) {
        Ok(exporter) => exporter,
        Err(complaint) => {
            let _ = writeln!(messages, "davy: {complaint}");
            return Ok(Exit::Usage);
        }
    };
    if let Some(complaint) =
        arguments.output.as_deref().and_then(|path| source::overwritten(path, &arguments.sources))
    {
        let _ = writeln!(messages, "davy: {complaint}");
        return Ok(Exit::Usage);
    }
    let playbooks = arguments.library.load()?;
    library::tell(&playbooks, messages);
    let progress = Progress::new(arguments.quiet);
    let made = match fleet(&arguments.sources, &playbooks)? {
        Some(network) => Ok((network, Exit::Done)),
        None => network(arguments, &playbooks, &progress, messages),
    };
    progress.done();
    let (network, exit) = match made {
        Ok(made) => made,
        Err(Stop::Usage(complaint)) => {
            let _ = writeln!(messages, "davy: {complaint}");
            return Ok(Exit::Usage);
        }
        Err(Stop::Facts(error)) => return Err(error.into()),
    };
    for note in &network.notes {
        let _ = writeln!(messages, "davy: {note}");
    }
    match (&exporter.shape, arguments.output.as_deref().filter(|path| path.as_os_str() != "-")) {
        (Shape::File(write), None) => {
            write(&network, out)?;
            out.flush()?;
        }
        (Shape::File(write), Some(path)) => whole(path, |file| write(&network, file))?,
        (Shape::Folder(files), Some(folder)) => {
            fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
            for (name, write) in *files {
                whole(&folder.join(name), |file| write(&network, file))?;
            }
        }
        (Shape::Folder(_), None) => {
            let _ = writeln!(messages, "davy: {} is a folder: say -o FOLDER", exporter.name);
            return Ok(Exit::Usage);
        }
    }
    if let Some(path) = &arguments.output {
        let (nodes, edges) = (network.nodes.len(), network.edges.len());
        let sets = network.communities.len();
        let shown = path.display();
        let _ = writeln!(messages, "davy: {shown}: {nodes} nodes, {edges} ties, {sets} sets");
    }
    Ok(exit)
}

fn chosen(arguments: &Arguments) -> Result<&'static Exporter, String> {
    if let Some(exporter) = arguments.format {
        return Ok(exporter);
    }
    let Some(path) = &arguments.output else {
        return named("json").ok_or_else(String::new);
    };
    for_file(&path.to_string_lossy()).ok_or_else(|| {
        format!("{}: its ending tells no format; say --format: {}", path.display(), names())
    })
}

/// Why there is no network.
enum Stop {
    /// What the user named is no source.
    Usage(String),
    /// The store.
    Facts(facts::Error),
}

impl From<facts::Error> for Stop {
    fn from(error: facts::Error) -> Self {
        Self::Facts(error)
    }
}

/// The network of what a batch left, where that is what was named.
fn fleet(paths: &[PathBuf], playbooks: &Playbooks) -> Result<Option<Network>, Box<dyn Error>> {
    let [path] = paths else { return Ok(None) };
    let folder = match path.file_name() {
        Some(name) if name == "fleet.db" => path.parent().unwrap_or(path),
        _ => path,
    };
    if !folder.join("fleet.db").is_file() {
        return Ok(None);
    }
    let mut builder = Builder::new(&empty(playbooks)?)?;
    builder.fleet(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(Some(Network::of_hosts(builder)))
}

fn empty(playbooks: &Playbooks) -> Result<Facts, facts::Error> {
    let tables = crate::tables();
    let facts = Facts::in_memory(&tables)?;
    judge::prepare(&facts, playbooks, &tables)?;
    Ok(facts)
}

/// The network of all that was named: hosts one after the other, each judged for itself, and all
/// logs together.
fn network(
    arguments: &Arguments,
    playbooks: &Playbooks,
    progress: &Progress,
    messages: &mut dyn Write,
) -> Result<(Network, Exit), Stop> {
    let paths = &arguments.sources;
    let lead = arguments.lead.as_deref();
    let identities = arguments.identities.load().map_err(Stop::Usage)?;
    let carver = super::hunt::carver();
    let opening = Opening { identities: &identities, carver: &carver };
    let mut hosts = Vec::new();
    let mut rest = Sources::none();
    if paths.is_empty() {
        rest = Sources::open(paths, opening).map_err(Stop::Usage)?;
        hosts.extend(rest.host.take());
    }
    for path in &rest.spread(paths, &identities).map_err(Stop::Usage)? {
        match source::open(path, opening).map_err(Stop::Usage)? {
            Opened::Host(host) => hosts.push(host),
            Opened::Reader(reader) => rest.readers.push(reader),
            Opened::Logs(logs) => rest.logs.push(logs),
        }
    }
    // One host and the logs beside it are one incident: the process behind the flow.
    if hosts.len() < 2 {
        rest.host = hosts.pop();
        let (facts, story, exit) = gather(&rest, lead, playbooks, progress, messages)?;
        progress.step("the graph");
        return Ok((Network::of(&facts, story.as_ref())?, exit));
    }
    let mut builder = Builder::new(&empty(playbooks)?)?;
    let mut worst = Exit::Done;
    for host in hosts {
        let one = Sources { host: Some(host), ..Sources::none() };
        let (facts, story, exit) = gather(&one, lead, playbooks, progress, messages)?;
        worst = worst.max(exit);
        let name = facts.rows("SELECT hostname FROM host", [], |row| row.get::<_, String>(0))?;
        let named = name.into_iter().next().filter(|name| !name.is_empty());
        let shown = named.or_else(|| one.host.as_ref().map(|host| host.name()));
        let shown = shown.as_deref().unwrap_or("a host");
        builder.incident(&facts, Some(shown))?;
        if let Some(story) = story {
            builder.story(&story, Some(shown));
        }
    }
    let (facts, _, exit) = gather(&rest, lead, playbooks, progress, messages)?;
    progress.step("the graph");
    Ok((Network::with_traffic(builder, &facts)?, worst.max(exit)))
}

/// The facts of these sources; of a host, judged and with the edges of its incident.
fn gather(
    sources: &Sources,
    lead: Option<&str>,
    playbooks: &Playbooks,
    progress: &Progress,
    messages: &mut dyn Write,
) -> Result<(Facts, Option<Story>, Exit), facts::Error> {
    let tables = crate::tables();
    let facts = Facts::in_memory(&tables)?;
    let step = |name: &str| progress.step(name);
    let story = if sources.host.is_some() || !sources.readers.is_empty() {
        let carver = super::hunt::carver();
        let judgement = investigate(
            Memory::Suspects,
            lead,
            &Looked::first(sources),
            &facts,
            &carver,
            playbooks,
            &step,
        )?;
        facts.together(graph::build)?;
        Some(graph::story(&facts, &judgement, lead)?)
    } else {
        super::logs::read(&sources.logs, vec![(&facts, WANTED)], &step)?;
        None
    };
    judge::prepare(&facts, playbooks, &tables)?;
    let exit = super::hunt::told(&facts, messages)?;
    Ok((facts, story, exit))
}

/// Writes a file whole or not at all, for its owner alone.
fn whole(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Box<dyn Error>> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".unfinished");
    let unfinished = PathBuf::from(unfinished);
    let make = || -> io::Result<File> {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&unfinished)?;
        let mut file = BufWriter::with_capacity(1 << 18, file);
        write(&mut file)?;
        file.into_inner().map_err(io::IntoInnerError::into_error)
    };
    let made = make().and_then(|_| fs::rename(&unfinished, path));
    made.map_err(|error| {
        let _ = fs::remove_file(&unfinished);
        format!("{}: {error}", path.display()).into()
    })
}

//! `davy hunt`: the rows of playbooks over logs and hosts, read once for all of them.

use super::Exit;
use super::answered::{self, Given};
use super::identity::Identities;
use super::library::{self, Library};
use super::progress::Progress;
use super::rows::{self, Format};
use super::source::{Opening, Sources};
use crate::carve::{self, Carver, Held, Iocs};
use crate::collect;
use crate::facts::{self, Facts, Source, Status};
use crate::graph;
use crate::judge::{self, Folding, Playbook, Playbooks};
use crate::logs::{By, Flows, Heaviest, Slot, Wanted};
use clap::Args;
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::io::Write;
use std::path::PathBuf;

/// One playbook's rows, or several playbooks', over logs or a host
#[derive(Args)]
pub struct Arguments {
    /// Ids of playbooks, as `davy playbook list` gives them; several with commas between
    #[arg(value_name = "ID[,ID…]")]
    ids: String,
    /// Logs, folders of them, hosts; without any, this host
    #[arg(value_name = "SOURCE")]
    sources: Vec<PathBuf>,
    /// A parameter of the playbook
    #[arg(long = "set", value_name = "NAME=VALUE")]
    set: Vec<String>,
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

/// Rows of `flows` that a hunt keeps: several times what a triage does, since it was asked for.
const WHOLE: Wanted = Wanted { flows: Flows::All(5_000_000), ..Wanted::ALL };

/// Runs the command.
///
/// # Errors
/// Where a source cannot be read, a playbook fails, or the output cannot be written.
pub fn run(
    arguments: &Arguments,
    out: &mut dyn Write,
    messages: &mut dyn Write,
) -> Result<Exit, Box<dyn Error>> {
    let asked = match Asked::of(arguments) {
        Ok(asked) => asked,
        Err(complaint) => {
            let _ = writeln!(messages, "davy: {complaint}");
            return Ok(Exit::Usage);
        }
    };
    library::tell(&asked.playbooks, messages);
    let sources = match arguments.identities.load().and_then(|identities| {
        let carver = carver();
        Sources::one_host(&arguments.sources, Opening { identities: &identities, carver: &carver })
    }) {
        Ok(sources) => sources,
        Err(complaint) => {
            let _ = writeln!(messages, "davy: {complaint}");
            return Ok(Exit::Usage);
        }
    };
    let progress = Progress::new(arguments.quiet);
    let tables = crate::tables();
    // What a playbook needs of logs is its own; those that need rows share one store.
    let folds = sources.host.is_none() && sources.readers.is_empty();
    let mut stores: Vec<(Facts, Wanted)> = Vec::new();
    let mut place = Vec::new();
    for (playbook, params) in &asked.hunts {
        let wanted = match &playbook.fold {
            // A condition would be put to the heaviest alone.
            Some(fold) if folds && params.keys().all(|name| name == "most") => {
                wanted(playbook, fold, params)?
            }
            _ => WHOLE,
        };
        let there = stores.iter().position(|(_, w)| *w == wanted && wanted.others);
        place.push(there.unwrap_or(stores.len()));
        if there.is_none() {
            stores.push((Facts::in_memory(&tables)?, wanted));
        }
    }
    for (facts, wanted) in &stores {
        if wanted.others {
            host(&sources, facts, &progress)?;
        }
    }
    let all = stores.iter().map(|(facts, wanted)| (facts, *wanted)).collect();
    super::logs::read(&sources.logs, all, &|name| progress.step(name))?;
    progress.done();
    let mut exit = Exit::Done;
    for (facts, _) in &stores {
        exit = exit.max(told(facts, messages)?);
        judge::prepare(facts, &asked.playbooks, &tables)?;
        if stores.len() > 1 && exit == Exit::Partial {
            break;
        }
    }
    let several = asked.hunts.len() > 1;
    for ((playbook, params), place) in asked.hunts.iter().zip(place) {
        let Some((facts, _)) = stores.get(place) else { continue };
        judge::prepare(facts, &asked.playbooks, &tables)?;
        graph::make(facts, &playbook.query.text, params)?;
        let found = judge::table(facts, playbook, params)
            .map_err(|failure| format!("{}: {failure}", playbook.id.text))?;
        rows::print(&found, arguments.format, several.then_some(&*playbook.id.text), out)?;
        let folded = stores.get(place).is_some_and(|(_, wanted)| !wanted.others);
        answered::tell(&found, &Given { facts, playbook, params, folded }, messages);
        if found.rows.is_empty() {
            let absent = absent(facts, &playbook.query.text)?;
            if !absent.is_empty() {
                let (id, absent) = (&playbook.id.text, absent.join(", "));
                let _ = writeln!(
                    messages,
                    "davy: {id}: no rows, and nothing was given that holds {absent}"
                );
            }
        }
    }
    out.flush()?;
    Ok(exit)
}

/// Tables of logs that a query names and of which what was given holds none: no rows of it is no
/// answer.
fn absent(facts: &Facts, sql: &str) -> Result<Vec<String>, facts::Error> {
    let words = sql.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let named: BTreeSet<&str> = words.collect();
    let absent = facts.rows(
        "SELECT what FROM coverage WHERE status = 'absent' ORDER BY what",
        [],
        |row| row.get::<_, String>(0),
    )?;
    let of_logs = |what: &String| {
        crate::logs::TABLES.iter().any(|t| t.name == what) && named.contains(what.as_str())
    };
    Ok(absent.into_iter().filter(of_logs).collect())
}

/// The playbooks that were asked for, each with its parameters.
struct Asked {
    playbooks: Playbooks,
    hunts: Vec<(Playbook, BTreeMap<String, String>)>,
}

impl Asked {
    fn of(arguments: &Arguments) -> Result<Self, String> {
        let playbooks = arguments.library.load().map_err(|e| e.to_string())?;
        let mut set = BTreeMap::new();
        for pair in &arguments.set {
            let (name, value) = pair
                .split_once('=')
                .ok_or_else(|| format!("--set {pair}: NAME=VALUE is what it takes"))?;
            set.insert(name.to_owned(), value.to_owned());
        }
        let mut hunts: Vec<(Playbook, BTreeMap<String, String>)> = Vec::new();
        let ids: Vec<&str> = arguments.ids.split(',').filter(|id| !id.is_empty()).collect();
        for id in &ids {
            let playbook = playbooks
                .get(id)
                .ok_or_else(|| format!("no playbook `{id}`; `davy playbook list` names them"))?;
            let own = set
                .iter()
                .filter(|(name, _)| ids.len() == 1 || playbook.params.contains_key(*name))
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect();
            hunts.push((playbook.clone(), own));
        }
        if let Some(name) =
            set.keys().find(|name| !hunts.iter().any(|(_, p)| p.contains_key(*name)))
        {
            return Err(format!("none of these playbooks has a parameter {name}"));
        }
        for (playbook, own) in &hunts {
            answered::sound(playbook, own)?;
        }
        Ok(Self { playbooks, hunts })
    }
}

/// What a hunt carves with: davy's own indicators, and no rules.
pub fn carver() -> Carver {
    Carver::new(Iocs::default(), Held::None)
}

/// Collects a host, where one was named.
pub fn host(sources: &Sources, facts: &Facts, progress: &Progress) -> Result<(), facts::Error> {
    let step = |name: &str| progress.step(name);
    let carver = carver();
    if let Some(evidence) = sources.host.as_deref() {
        facts.cover("memory", Status::NotCaptured, "a hunt reads no memory")?;
        let source = Source { kind: evidence.kind().word(), name: evidence.name() };
        facts.insert("0", "davy", &source)?;
        collect::collect(evidence, facts, &step)?;
        carve::carve_files(evidence, facts, &carver, &step)?;
    }
    for (reader, key) in sources.readers.iter().zip(1_u64..) {
        facts.insert(key, "davy", &reader.source())?;
        facts.together(|facts| reader.read(facts, &carver, &step))?;
    }
    Ok(())
}

/// Says which logs were read in part or not at all.
pub fn told(facts: &Facts, messages: &mut dyn Write) -> Result<Exit, facts::Error> {
    let gaps = facts.rows(
        "SELECT replace(what, 'log ', ''), status, detail, coalesce(failed * 10 > read + missed, status = 'denied')
         FROM coverage WHERE (what GLOB 'log *' OR what = 'flows' AND detail LIKE '%kept as rows%')
           AND status <> 'complete' ORDER BY what",
        [],
        |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, String>(2)?,
                row.get::<_, bool>(3)?,
            ))
        },
    )?;
    for (name, status, detail, _) in &gaps {
        let _ = writeln!(messages, "davy: {name}: {status}: {detail}");
    }
    Ok(if gaps.iter().any(|gap| gap.3) { Exit::Partial } else { Exit::Done })
}

/// What a playbook's `fold` asks for.
fn wanted(
    playbook: &Playbook,
    fold: &Folding,
    params: &BTreeMap<String, String>,
) -> Result<Wanted, String> {
    let wrong = |word: &str| format!("{}: fold: no {word}", playbook.id.text);
    let most = match (params.get("most"), playbook.params.get("most")) {
        (Some(given), _) => given.parse().unwrap_or(usize::MAX),
        (None, Some(judge::Parameter::Integer(most))) => {
            usize::try_from(*most).unwrap_or(usize::MAX)
        }
        _ => usize::MAX,
    };
    let flows = match fold.flows.as_deref() {
        None => Flows::None,
        Some("bytes") => Flows::Top(Heaviest::Bytes, most),
        Some("packets") => Flows::Top(Heaviest::Packets, most),
        Some("seconds") => Flows::Top(Heaviest::Seconds, most),
        Some(other) => return Err(wrong(other)),
    };
    let mut by = By::NONE;
    for column in &fold.conversations {
        by = by.and(By::column(column).ok_or_else(|| wrong(column))?);
    }
    let (slots, top): (&'static [Slot], _) = match fold.top.as_deref() {
        None => (Slot::ALL, None),
        Some("connections") => (&[Slot::Connections], Some((Slot::Connections, most))),
        Some("orig_bytes") => (&[Slot::OrigBytes], Some((Slot::OrigBytes, most))),
        Some("resp_bytes") => (&[Slot::RespBytes], Some((Slot::RespBytes, most))),
        Some(other) => return Err(wrong(other)),
    };
    let conversations = !fold.conversations.is_empty();
    Ok(Wanted { flows, conversations, by, slots, silent: false, top, others: false, spill: true })
}

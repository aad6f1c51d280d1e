//! `davy batch`: many hosts, one folder each, and the fleet's report.

use super::Exit;
use super::again::{place, word};
use super::bar::Bar;
use super::identity::Identities;
use super::library::{self, Library};
use crate::batch::{self, Asked, Fleet, Limits, Mark, Merged, Passed, Shard, Status, counted};
use clap::Args;
use sha2::{Digest, Sha256};
use std::error::Error;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Triage many archives: a case folder a host, and the fleet's report
#[derive(Args)]
pub struct Arguments {
    /// Archives, folders of them, patterns; `-` reads a list from standard input
    #[arg(value_name = "SOURCE", required_unless_present = "merge")]
    sources: Vec<PathBuf>,
    /// Where results go; run again with the same folder to go on
    #[arg(short = 'o', long = "output", value_name = "DIR")]
    output: PathBuf,
    /// As many at once; processors and memory tell, where it is not said
    #[arg(short, long, value_name = "N", value_parser = number)]
    jobs: Option<u64>,
    /// Most memory of one archive, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 1024, value_parser = number)]
    most_memory: u64,
    /// Most time of one archive, in seconds
    #[arg(long, value_name = "S", default_value_t = 900, value_parser = number)]
    most_time: u64,
    /// Do only this part: I/N, I from 0; taken from Slurm, Kubernetes, AWS and Google Batch and Nomad
    /// where these started davy
    #[arg(long, value_name = "I/N", value_parser = Shard::parse)]
    shard: Option<Shard>,
    /// Of how many parts, for engines that tell only which
    #[arg(long, value_name = "N", value_parser = number)]
    shards: Option<u64>,
    /// Make the fleet's report of what several runs left in these folders
    #[arg(long, value_name = "DIR", num_args = 1.., conflicts_with = "sources")]
    merge: Vec<PathBuf>,
    /// Leave all facts as Parquet too, parted by host, for DuckDB, Spark, Trino or Athena
    #[arg(long)]
    parquet: bool,
    /// Try again what was put aside
    #[arg(long)]
    again: bool,
    /// Whose memory to read, as in triage
    #[arg(long, value_name = "WHOSE", default_value = "suspects")]
    memory: super::investigate::Memory,
    #[command(flatten)]
    library: Library,
    #[command(flatten)]
    identities: Identities,
    /// No progress
    #[arg(short, long)]
    quiet: bool,
}

/// A number that is not nothing: no time and no memory are not no limit, and nothing could be done.
fn number(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(0) => Err("at least 1: there is no word for no limit, take a large number".to_owned()),
        Ok(number) => Ok(number),
        Err(_) => Err("a whole number".to_owned()),
    }
}

/// Runs a batch, or merges several.
///
/// # Errors
/// Where the output folder cannot be written.
pub fn run(
    arguments: &Arguments,
    out: &mut dyn Write,
    messages: &mut dyn Write,
) -> Result<Exit, Box<dyn Error>> {
    let playbooks = match arguments.library.load() {
        Ok(playbooks) => playbooks,
        Err(complaint) => {
            let _ = writeln!(messages, "davy: {complaint}");
            return Ok(Exit::Usage);
        }
    };
    library::tell(&playbooks, messages);
    let rules = rules(&playbooks.sha256(), arguments);
    if !arguments.merge.is_empty() {
        return merge(arguments, &rules, out, messages);
    }
    // A file that holds no key would put every archive aside.
    if let Err(complaint) = arguments.identities.load() {
        let _ = writeln!(messages, "davy: {complaint}");
        return Ok(Exit::Usage);
    }
    let shard = match part(arguments, messages) {
        Ok(shard) => shard,
        Err(complaint) => {
            let _ = writeln!(messages, "davy: {complaint}");
            return Ok(Exit::Usage);
        }
    };
    let mut unread = 0;
    let mut unreadable = Vec::new();
    let mut bar = Bar::new(0, arguments.quiet);
    let mut problem = |path: &Path, why: &str| {
        unreadable.push(format!("davy: {}: {why}", path.display()));
    };
    let reading = |path: &Path, number, of| bar.reading(path, number, of);
    let list = &mut io::stdin();
    let work = batch::items(&arguments.sources, &rules, shard, list, &mut problem, &reading);
    for line in unreadable {
        unread += 1;
        let _ = writeln!(messages, "{line}");
    }
    let items = &work.items;
    let mark = Mark::new(shard, &rules, work.whole.clone(), again(arguments, shard));
    mark.begins(&arguments.output)?;
    passed_over(&work.whole.passed, messages);
    bar.starts(items.len());
    let progress = |event: batch::Event<'_>| bar.tell(event);
    let limits = Limits {
        memory: arguments.most_memory.saturating_mul(1 << 20),
        time: Duration::from_secs(arguments.most_time),
        jobs: arguments.jobs.map_or_else(
            || jobs(arguments.most_memory),
            |jobs| usize::try_from(jobs).unwrap_or(usize::MAX),
        ),
    };
    let asked =
        Asked { arguments: passed(arguments), again: arguments.again, parquet: arguments.parquet };
    let (records, problems) = batch::run(items, &arguments.output, limits, &asked, &progress)?;
    bar.done();
    for problem in &problems {
        let _ = writeln!(messages, "davy: {problem}");
    }
    unread += problems.len();
    for record in records.iter().filter(|record| record.status == Status::PutAside) {
        let _ = writeln!(messages, "davy: {}: put aside: {}", record.archive, record.reason);
    }
    if records.iter().any(|record| record.status == Status::PutAside) {
        tell_again([&mark.again], messages);
    }
    mark.ends(&arguments.output)?;
    for record in records.iter().filter(|record| record.partial) {
        let told = [&record.damage, &record.beyond].into_iter().find(|why| !why.is_empty());
        let why = told.map_or("some of it could not be read: its case says what", String::as_str);
        let _ = writeln!(messages, "davy: {}: in part: {why}", record.archive);
    }
    if shard.count > 1 {
        writeln!(
            out,
            "{} archives of part {}/{} seen to, in {}; when all {2} parts are: davy batch --merge \
             DIR-OF-EACH-PART… -o FLEET",
            records.len(),
            shard.index,
            shard.count,
            arguments.output.display()
        )?;
        let whole = records.iter().all(|r| r.status == Status::Done && !r.partial);
        return Ok(if unread > 0 || !whole { Exit::Partial } else { Exit::Done });
    }
    let partial = records.iter().any(|record| record.partial);
    let mut fleet = Fleet::of(&records);
    fleet.no_archives = work.whole.passed;
    fleet.write(&arguments.output)?;
    let exit = told(&fleet, arguments, out)?;
    Ok(if unread > 0 || partial { exit.max(Exit::Partial) } else { exit })
}

/// The fleet of what several runs left.
fn merge(
    arguments: &Arguments,
    rules: &str,
    out: &mut dyn Write,
    messages: &mut dyn Write,
) -> Result<Exit, Box<dyn Error>> {
    let mut merged = Merged::gather(&arguments.merge)?;
    let left_out = merged.only(rules)?;
    if left_out > 0 {
        let _ = writeln!(
            messages,
            "davy: {left_out} results by other rules (another davy, playbooks or --memory) left out"
        );
    }
    for record in &merged.unread {
        let shown = library::printable(&record.display().to_string());
        let _ = writeln!(
            messages,
            "davy: {shown}: no result of a batch, or a damaged one: its host is not in the fleet; run that \
             batch again over the same sources, which makes it anew"
        );
    }
    let mut fleet = Fleet::of(&merged.records());
    fleet.incomplete = merged.gaps();
    fleet.no_archives = merged.passed();
    passed_over(&fleet.no_archives, messages);
    tell_again(&merged.again(), messages);
    for gap in &fleet.incomplete {
        let _ = writeln!(messages, "davy: not the whole fleet: {}", gap.said);
    }
    fleet.write(&arguments.output)?;
    batch::leave(&arguments.output);
    merged.link(&arguments.output)?;
    let problems = if arguments.parquet { merged.parquet(&arguments.output) } else { Vec::new() };
    for problem in &problems {
        let _ = writeln!(messages, "davy: {problem}");
    }
    let exit = told(&fleet, arguments, out)?;
    let whole = problems.is_empty() && merged.unread.is_empty();
    Ok(if whole { exit } else { exit.max(Exit::Partial) })
}

/// How what was put aside is tried once more: this many commands, which are one a part.
fn tell_again<'a>(commands: impl IntoIterator<Item = &'a String>, messages: &mut dyn Write) {
    for command in commands.into_iter().take(16) {
        let _ = writeln!(messages, "davy: to try again what was put aside: {command}");
    }
}

/// The command of this run, from wherever it is pasted, with `--again`.
fn again(arguments: &Arguments, shard: Shard) -> String {
    let mut words = vec!["davy".to_owned(), "batch".to_owned()];
    for source in &arguments.sources {
        // A list that came on standard input has to come again.
        let list = source.as_os_str() == "-";
        words.push(if list { "-".to_owned() } else { place(source) });
    }
    words.extend(["-o".to_owned(), place(&arguments.output), "--again".to_owned()]);
    let mut with = |option: &str, value: String| words.extend([option.to_owned(), value]);
    if shard.count > 1 {
        with("--shard", format!("{}/{}", shard.index, shard.count));
    }
    if let Some(jobs) = arguments.jobs {
        with("--jobs", jobs.to_string());
    }
    with("--most-memory", arguments.most_memory.to_string());
    with("--most-time", arguments.most_time.to_string());
    if arguments.parquet {
        words.push("--parquet".to_owned());
    }
    // Files that options name, too.
    let mut option = String::new();
    for one in passed(arguments) {
        words.push(match (option.as_str(), one.split_once('=')) {
            ("--playbooks" | "--identity", _) => place(Path::new(&one)),
            ("--lookup", Some((name, file))) => format!("{name}={}", place(Path::new(file))),
            _ => one.clone(),
        });
        option = one;
    }
    let words: Vec<String> = words.iter().map(|one| word(one)).collect();
    let list = arguments.sources.iter().any(|source| source.as_os_str() == "-");
    format!("{}{}", words.join(" "), if list { " < LIST" } else { "" })
}

/// What lies among the archives and is none.
fn passed_over(passed: &Passed, messages: &mut dyn Write) {
    if let Some(said) = passed.said() {
        let _ = writeln!(messages, "davy: {said}");
    }
}

fn told(fleet: &Fleet, arguments: &Arguments, out: &mut dyn Write) -> Result<Exit, Box<dyn Error>> {
    let levels: Vec<String> = batch::LEVELS
        .iter()
        .filter_map(|level| fleet.levels.get(*level).map(|count| format!("{count} {level}")))
        .collect();
    writeln!(
        out,
        "{}: {}; {} put aside; {} shared by several hosts; {}",
        fleet.heading(),
        if levels.is_empty() { "none".to_owned() } else { levels.join(", ") },
        counted(fleet.put_aside.len(), "archive"),
        counted(fleet.shared.len(), "thing"),
        arguments.output.join("fleet.html").display()
    )?;
    let whole = fleet.put_aside.is_empty() && fleet.incomplete.is_empty();
    Ok(if whole { Exit::Done } else { Exit::Partial })
}

/// Which part of the work is ours.
fn part(arguments: &Arguments, messages: &mut dyn Write) -> Result<Shard, String> {
    if let Some(shard) = arguments.shard {
        return Ok(shard);
    }
    let variable = |name: &str| std::env::var(name).ok();
    match Shard::of_engine(&variable, arguments.shards)? {
        Some((shard, engine)) => {
            let _ =
                writeln!(messages, "davy: part {}/{}, as {engine} says", shard.index, shard.count);
            Ok(shard)
        }
        None => Ok(Shard::WHOLE),
    }
}

/// What makes a result of the same archive another: davy, its playbooks, the options.
fn rules(playbooks: &str, arguments: &Arguments) -> String {
    let text = format!("{}\0{playbooks}\0{:?}", env!("CARGO_PKG_VERSION"), arguments.memory);
    let digest: String = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
    digest.get(..16).unwrap_or(&digest).to_owned()
}

/// Options that every triage of the batch is given.
fn passed(arguments: &Arguments) -> Vec<String> {
    let memory = format!("{:?}", arguments.memory).to_lowercase();
    let mut passed = vec!["--memory".to_owned(), memory];
    passed.extend(arguments.library.again());
    passed.extend(arguments.identities.again());
    passed
}

/// As many as there are processors, and memory for them.
fn jobs(most_memory: u64) -> usize {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let available = text
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))
        .and_then(|rest| rest.trim().strip_suffix("kB")?.trim().parse::<u64>().ok())
        .map_or(usize::MAX, |kib| usize::try_from(kib / 1024 / most_memory.max(1)).unwrap_or(1));
    processors.min(available).max(1)
}

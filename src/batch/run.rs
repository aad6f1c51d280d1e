//! Workers: each starts davy anew for an archive, so that one that crashes, hangs or takes too much
//! memory takes nothing with it.

use super::record::Record;
use super::{CASES, DONE, Item, Status, WORK, lock, parquet, synced};
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What one archive may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of memory.
    pub memory: u64,
    /// Time by the wall.
    pub time: Duration,
    /// As many at once.
    pub jobs: usize,
}

/// What is asked of a run.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// Options that go to every triage.
    pub arguments: Vec<String>,
    /// Whether what was put aside is tried anew.
    pub again: bool,
    /// Whether the facts are written as Parquet, too.
    pub parquet: bool,
}

/// The records of all items, in their order, and what could not be written of some.
pub type Ran = (Vec<Record>, Vec<String>);

/// What becomes of an archive.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// It is looked at.
    Begun(&'a Item),
    /// It is done, or put aside; and whether only now.
    Ended(&'a Item, &'a Record, bool),
}

/// Told of each archive.
pub type Progress<'a> = &'a (dyn Fn(Event<'_>) + Sync);

/// Triages what is not done yet.
///
/// # Errors
/// Where the output folder cannot be written.
pub fn run(
    items: &[Item],
    folder: &Path,
    limits: Limits,
    asked: &Asked,
    progress: Progress<'_>,
) -> io::Result<Ran> {
    for below in [DONE, CASES, WORK] {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder.join(below))?;
    }
    lock::tidy(folder);
    let program = std::env::current_exe()?;
    let queue: Mutex<VecDeque<usize>> = Mutex::new((0..items.len()).collect());
    let results: Mutex<Vec<Option<Record>>> = Mutex::new(vec![None; items.len()]);
    let failed: Mutex<Option<io::Error>> = Mutex::new(None);
    let problems: Mutex<Vec<String>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..limits.jobs.max(1) {
            scope.spawn(|| {
                loop {
                    let next = held(&queue).pop_front();
                    let Some((at, item)) = next.and_then(|at| Some((at, items.get(at)?))) else {
                        return;
                    };
                    if held(&failed).is_some() {
                        return;
                    }
                    progress(Event::Begun(item));
                    let (record, fresh) = match done(item, folder, &program, limits, asked) {
                        Ok(done) => done,
                        Err(e) => {
                            held(&failed).get_or_insert(e);
                            return;
                        }
                    };
                    if asked.parquet
                        && record.status == Status::Done
                        && let Err(e) = parquet::ensure(&record, folder, folder)
                    {
                        held(&problems).push(e.to_string());
                    }
                    progress(Event::Ended(item, &record, fresh));
                    if let Some(slot) = held(&results).get_mut(at) {
                        *slot = Some(record);
                    }
                }
            });
        }
    });
    if let Some(error) = failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(error);
    }
    let results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    let problems = problems.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok((results.into_iter().flatten().collect(), problems))
}

fn held<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The record of one archive, and whether it was made now. Another run over the same folder, as an
/// engine that tries anew starts it, waits for the one that is at this archive.
fn done(
    item: &Item,
    folder: &Path,
    program: &Path,
    limits: Limits,
    asked: &Asked,
) -> io::Result<(Record, bool)> {
    let known = |again: bool| {
        Record::load(folder, &item.key).filter(|record| match record.status {
            Status::Done => folder.join(&record.case).is_dir(),
            Status::PutAside => !again,
        })
    };
    if let Some(record) = known(asked.again) {
        return Ok((record, false));
    }
    let held = lock::take(folder, &item.key)?;
    // What another run made meanwhile is as good.
    if held.waited
        && let Some(record) = known(false)
    {
        return Ok((record, false));
    }
    let record = one(item, folder, program, limits, &asked.arguments)?;
    Ok((record, true))
}

/// One archive: a child, its case folder moved to its place, its record kept.
fn one(
    item: &Item,
    folder: &Path,
    program: &Path,
    limits: Limits,
    arguments: &[String],
) -> io::Result<Record> {
    let name = item.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let below = folder.join(WORK);
    // What a run that was killed left half done; its child may be at it for a moment yet, so that
    // this run has a folder of its own name.
    for entry in fs::read_dir(&below)?.filter_map(Result::ok) {
        if entry.file_name().to_string_lossy().starts_with(&item.key) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    let work = below.join(format!("{}.{}", item.key, std::process::id()));
    fs::create_dir(&work)?;
    let case = work.join("case");
    let errors = work.join("messages");
    let record = match child(item, &case, &errors, program, limits, arguments)? {
        Ok(partial) => match fs::read(case.join("report.json")).map(|b| serde_json::from_slice(&b))
        {
            Ok(Ok(report)) => {
                Record { partial, ..Record::of_report(&item.key, &name, &item.sha256, &report) }
            }
            _ => {
                Record::put_aside(&item.key, &name, &item.sha256, "left no whole report".to_owned())
            }
        },
        Err(reason) => Record::put_aside(&item.key, &name, &item.sha256, reason),
    };
    if record.status == Status::Done {
        let place = folder.join(&record.case);
        if place.exists() {
            fs::remove_dir_all(&place)?;
        }
        synced(Some(&case))?;
        fs::rename(&case, &place)?;
        synced(place.parent())?;
    }
    record.store(folder)?;
    let _ = fs::remove_dir_all(&work);
    Ok(record)
}

/// Runs davy over one archive; why it is to be put aside, where it is.
fn child(
    item: &Item,
    case: &Path,
    errors: &Path,
    program: &Path,
    limits: Limits,
    arguments: &[String],
) -> io::Result<Result<bool, String>> {
    let mut child = Command::new(program)
        .args(["triage", "--quiet", "--format", "json", "-o"])
        .arg(case)
        .args(arguments)
        .arg("--")
        .arg(&item.path)
        // As many archives at once as processors: each has one.
        .env("RAYON_NUM_THREADS", "1")
        .env("DAVY_WITH_PARENT", std::process::id().to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(errors)?)
        .spawn()?;
    bound(&child, limits);
    let ended = wait(&mut child, limits.time)?;
    let message = said(errors);
    let judged = match ended {
        None => Err(format!("took longer than {} s, and was ended", limits.time.as_secs())),
        Some(status) => judged(status, &message, limits),
    };
    match judged {
        // Not the archive's fault: the next run is to try it anew.
        Err(reason) if reason.contains("No space left on device") => Err(io::Error::other(
            format!("{reason}: make room and run the same again; what is done stays done"),
        )),
        judged => Ok(judged),
    }
}

/// Limits of memory and of processor time; what cannot be set is not worth failing for.
fn bound(child: &Child, limits: Limits) {
    let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) else { return };
    let both = |most: u64| Rlimit { current: Some(most), maximum: Some(most) };
    let seconds = limits.time.as_secs().saturating_add(5);
    for (resource, limit) in [
        (Resource::Data, both(limits.memory)),
        (Resource::Cpu, both(seconds)),
        (Resource::Core, both(0)),
    ] {
        let _ = prlimit(Some(pid), resource, limit);
    }
}

fn wait(child: &mut Child, most: Duration) -> io::Result<Option<ExitStatus>> {
    let begun = Instant::now();
    let mut pause = Duration::from_millis(2);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if begun.elapsed() > most {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

/// What it said last, on one line.
fn said(errors: &Path) -> String {
    let mut text = Vec::new();
    let _ = File::open(errors).and_then(|file| file.take(64 * 1024).read_to_end(&mut text));
    let text = String::from_utf8_lossy(&text).into_owned();
    last(&text)
}

/// The last message, which may have several lines.
fn last(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    // What the runtime says when memory is out is followed by advice.
    let allocation = lines.iter().position(|line| line.starts_with("memory allocation of "));
    if let Some(line) = allocation.and_then(|at| lines.get(at)) {
        return (*line).to_owned();
    }
    let begins = lines.iter().rposition(|line| line.starts_with("davy: "));
    let begins = begins.unwrap_or(lines.len().saturating_sub(1));
    lines.get(begins..).unwrap_or_default().join(" ").chars().take(500).collect()
}

/// What an end means: done, and whether in part only.
fn judged(status: ExitStatus, message: &str, limits: Limits) -> Result<bool, String> {
    let plain = message.strip_prefix("davy: ").unwrap_or(message);
    if let Some(signal) = status.signal() {
        let memory = message.contains("memory allocation") || message.contains("out of memory");
        return Err(match signal {
            _ if memory => format!("needs more than {} MiB of memory", limits.memory >> 20),
            24 | 9 => format!("was ended by signal {signal}: out of time or memory"),
            _ => format!("crashed by signal {signal}: {plain}"),
        });
    }
    match status.code() {
        // Done; findings; done, with part of the evidence unreadable.
        Some(code @ (0 | 3 | 4)) => Ok(code == 4),
        Some(101) => Err(format!("crashed: {plain}")),
        _ if message.contains("memory allocation") || message.contains("out of memory") => {
            Err(format!("needs more than {} MiB of memory", limits.memory >> 20))
        }
        _ => Err(plain.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const LIMITS: Limits = Limits { memory: 64 << 20, time: Duration::from_secs(9), jobs: 1 };

    #[test]
    fn one_that_hangs_is_ended() {
        let mut child = Command::new("sleep").arg("600").spawn().unwrap();
        let begun = Instant::now();
        assert!(wait(&mut child, Duration::from_millis(50)).unwrap().is_none());
        assert!(begun.elapsed() < Duration::from_secs(60));
        // It was waited for: nothing is left of it.
        assert!(!child.try_wait().unwrap().unwrap().success());
    }

    #[test]
    fn one_that_takes_memory_is_stopped_by_its_limit() {
        let mut child = Command::new("sleep").arg("600").spawn().unwrap();
        bound(&child, LIMITS);
        let limits = fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        let of =
            |name: &str| limits.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
        assert!(of("Max data size").contains(&(64 << 20).to_string()));
        assert!(of("Max cpu time").contains("14"));
        assert!(of("Max core file size").contains(" 0 "));
    }

    #[test]
    fn a_message_of_several_lines_is_told_whole() {
        assert_eq!(
            last("davy: one\ndavy: facts: asking (SELECT\n   x): no\n\n"),
            "davy: facts: asking (SELECT x): no"
        );
        assert_eq!(
            last("a\nmemory allocation of 9 bytes failed\n"),
            "memory allocation of 9 bytes failed"
        );
        assert_eq!(last(""), "");
    }

    #[test]
    fn every_end_has_its_reason() {
        let reason = |raw: i32, message: &str| {
            judged(ExitStatus::from_raw(raw), message, LIMITS).err().unwrap_or_default()
        };
        assert_eq!(judged(ExitStatus::from_raw(4 << 8), "", LIMITS), Ok(true));
        for done in [0, 3 << 8, 4 << 8] {
            assert_eq!(reason(done, "davy: something was cut"), "");
        }
        assert_eq!(reason(2 << 8, "davy: a.zip: empty"), "a.zip: empty");
        assert_eq!(reason(11, "davy: x"), "crashed by signal 11: x");
        assert_eq!(reason(9, ""), "was ended by signal 9: out of time or memory");
        assert_eq!(reason(101 << 8, "panicked"), "crashed: panicked");
        let short = "memory allocation of 99 bytes failed";
        assert_eq!(reason(6, short), "needs more than 64 MiB of memory");
    }
}

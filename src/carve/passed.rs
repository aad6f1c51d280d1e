//! Members of an archive that are too large to be held, or hold memory by their nature: carved as they
//! go by, once and in the order of the archive. What they gave is left in the facts later, when it is
//! known whose they are.

use super::Carver;
use super::core::Layout;
use super::image::is_image;
use super::place::{self, Place, last, rows};
use super::scan::{Carved, Cut, Found, Scanner};
use super::streamed::{Streamed, carve_stream_within};
use crate::evidence::{Evidence, HostPath, Passing, Pid, Whose, filled, unpack_sparing};
use crate::facts::{Error, Facts, HostText, Status};
use std::any::Any;
use std::collections::HashSet;
use std::io::{self, Cursor, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes handed on at once, and how many such may wait.
const CHUNK: usize = 256 << 10;
const WAITING: usize = 4;

/// What is smaller is carved where it is, without a thread of its own.
const SMALL: u64 = 1 << 20;

/// Bytes that what is packed within a member may look back at: less than elsewhere, since what is held of
/// the archive lies beside it.
const WINDOW: u64 = 16 << 20;

/// Bytes that are looked at of what comes out of a packed member, whatever its size; and for each byte of it.
const UNPACKED: u64 = 4 << 30;
const UNPACKED_PER_BYTE: u64 = 32;

/// What is kept of all members together, in bytes and as members with something in them.
const KEPT: usize = 16 << 20;

/// Carves what goes by.
pub struct Passers {
    scanner: Arc<Scanner>,
    done: Mutex<Done>,
}

#[derive(Default)]
struct Done {
    members: Vec<Member>,
    kept: usize,
    /// Indicators left out, since what is kept was full.
    left: u64,
    bytes: u64,
}

/// What one member gave.
struct Member {
    name: Vec<u8>,
    image: bool,
    /// Of a core dump, whose it says it is.
    dumped: Option<(Pid, String)>,
    carved: Vec<Carved>,
    cut: Cut,
    bytes: u64,
    problem: Option<String>,
}

impl Passers {
    /// Looks for what this carver looks for.
    #[must_use]
    pub fn new(carver: &Carver) -> Self {
        Self { scanner: carver.found().scanner(), done: Mutex::default() }
    }
}

impl Passing for Passers {
    fn claims(&self, first: &[u8]) -> bool {
        is_image(first).is_some() || Layout::is_core(first)
    }

    fn look(&self, member: &[u8], size: u64, bytes: &mut dyn Read) {
        let swapped = member.ends_with(b".swab") || member.ends_with(b".swab.gz");
        let most = size.saturating_mul(UNPACKED_PER_BYTE).max(UNPACKED);
        let found = Found::with(Arc::clone(&self.scanner));
        let (found, seen) = if size <= SMALL {
            let mut whole = Vec::new();
            // The reader's errors are told by who holds the archive.
            let _ = bytes.read_to_end(&mut whole);
            work(Box::new(Cursor::new(whole)), swapped, most, found)
        } else {
            // Unpacking the archive and carving it go on side by side.
            let (to, from) = sync_channel(WAITING);
            std::thread::scope(|scope| {
                let worker =
                    scope.spawn(|| work(Box::new(Chunks::new(from)), swapped, most, found));
                hand_on(bytes, &to);
                drop(to);
                worker.join().unwrap_or_else(|_| {
                    let problem = Some("carving it failed".to_owned());
                    let found = Found::with(Arc::clone(&self.scanner));
                    (found, Streamed { problem, ..Streamed::default() })
                })
            })
        };
        let image = seen.layout.as_ref().is_some_and(|layout| !layout.core);
        let (mut carved, cut) = place::finish(found);
        if let Some(layout) = &seen.layout {
            for one in &mut carved {
                one.offset = layout.address(one.offset).map_or(one.offset, |(address, _)| address);
            }
        }
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        carved.retain(|one| {
            let bytes = one.value.len() + one.context.len() + 256;
            let room = done.kept.saturating_add(bytes) <= KEPT;
            if room {
                done.kept += bytes;
            } else {
                done.left = done.left.saturating_add(1);
            }
            room
        });
        done.bytes = done.bytes.saturating_add(seen.bytes);
        let layout = seen.layout.filter(|layout| layout.core);
        let dumped = layout.and_then(|layout| Some((layout.pid?, layout.comm)));
        done.members.push(Member {
            name: member.to_vec(),
            image,
            dumped,
            carved,
            cut,
            bytes: seen.bytes,
            problem: seen.problem,
        });
    }
}

fn work(
    reader: Box<dyn Read + Send>,
    swapped: bool,
    most: u64,
    mut found: Found,
) -> (Found, Streamed) {
    let seen = if swapped {
        let (plain, _) = unpack_sparing(reader, WINDOW);
        carve_stream_within(Box::new(Swapped { from: plain, left: None }), WINDOW, most, &mut found)
    } else {
        carve_stream_within(reader, WINDOW, most, &mut found)
    };
    (found, Streamed { head: Vec::new(), ..seen })
}

/// Reads all there is and hands it on, until nobody takes it.
fn hand_on(bytes: &mut dyn Read, to: &SyncSender<Vec<u8>>) {
    loop {
        let mut chunk = Vec::with_capacity(CHUNK);
        match bytes.take(CHUNK as u64).read_to_end(&mut chunk) {
            Ok(0) | Err(_) => return,
            Ok(_) if to.send(chunk).is_err() => return,
            Ok(_) => {}
        }
    }
}

/// What is handed on, as a reader.
struct Chunks {
    from: Receiver<Vec<u8>>,
    chunk: Cursor<Vec<u8>>,
}

impl Chunks {
    fn new(from: Receiver<Vec<u8>>) -> Self {
        Self { from, chunk: Cursor::default() }
    }
}

impl Read for Chunks {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let got = self.chunk.read(into)?;
            if got > 0 || into.is_empty() {
                return Ok(got);
            }
            match self.from.recv() {
                Ok(chunk) => self.chunk = Cursor::new(chunk),
                Err(_) => return Ok(0),
            }
        }
    }
}

/// Undoes `dd conv=swab`: each pair of bytes changes places, an odd last byte stays.
struct Swapped<R> {
    from: R,
    /// The second byte of a pair of which the first was given.
    left: Option<u8>,
}

impl<R: Read> Read for Swapped<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let Some((first, rest)) = into.split_first_mut() else { return Ok(0) };
        if let Some(byte) = self.left.take() {
            *first = byte;
            return Ok(1);
        }
        if rest.is_empty() {
            let mut pair = [0; 2];
            return Ok(match full(&mut self.from, &mut pair)? {
                0 => 0,
                1 => {
                    [*first, _] = pair;
                    1
                }
                _ => {
                    let [second, given] = pair;
                    *first = given;
                    self.left = Some(second);
                    1
                }
            });
        }
        let even = into.len() & !1;
        let into = into.get_mut(..even).unwrap_or_default();
        let got = full(&mut self.from, into)?;
        let pairs = into.get_mut(..got).unwrap_or_default().chunks_exact_mut(2);
        pairs.for_each(<[u8]>::reverse);
        Ok(got)
    }
}

/// Reads until the buffer is full or there is no more. What came before an error counts; the error comes
/// again.
fn full(from: &mut impl Read, into: &mut [u8]) -> io::Result<usize> {
    match filled(from, into) {
        (0, Some(error)) => Err(error),
        (have, _) => Ok(have),
    }
}

/// Leaves in the facts what went by of this archive: with its process where the member's name or the dump
/// itself tells it, else with the member.
pub(super) fn store(evidence: &dyn Evidence, facts: &Facts) -> Result<(), Error> {
    let Some(told) = evidence.told() else { return Ok(()) };
    let (named, named_bytes) = told.passed.named;
    if named > 0 {
        let why = format!(
            "of {named} members ({named_bytes} bytes) only the names are taken: logs over 4 MiB, \
             journals, modules, documents of programs"
        );
        facts.cover("archive members that were not looked into", Status::Partial, why)?;
    }
    let Some(by) = told.passed.by.as_deref() else { return Ok(()) };
    let Some(passers) = (by as &dyn Any).downcast_ref::<Passers>() else { return Ok(()) };
    let mut done = passers.done.lock().unwrap_or_else(PoisonError::into_inner);
    if done.members.is_empty() {
        return Ok(());
    }
    let (mut count, mut cut, mut problems) = (0_u64, Cut::default(), Vec::new());
    // Not of archives on the host's own disk, which turned out to be no evidence.
    let own: HashSet<&[u8]> = told.passed.members.iter().map(Vec::as_slice).collect();
    let members = std::mem::take(&mut done.members);
    for member in members.into_iter().filter(|member| own.contains(member.name.as_slice())) {
        count += 1;
        cut = cut.and(member.cut);
        let shown = HostText::from(member.name.as_slice()).escaped();
        if let Some(problem) = &member.problem {
            problems.push(format!("{shown}: {problem}"));
        }
        let whose = told.whose.get(&member.name);
        let place = member.place(facts, whose, &format!("{}:{shown}", evidence.name()))?;
        if place.place == "memory"
            && let Some(pid) = place.pid
        {
            let detail = format!("{} bytes carved as they went by, of {shown}", member.bytes);
            facts.cover(format!("memory of pid {pid}"), Status::Complete, detail)?;
        }
        place.store(facts, &mut last(facts, "indicators")?, member.carved, |_| None)?;
    }
    let mut detail = format!(
        "{count} members ({} bytes) were carved as they went by, and not held: no rule of YARA was \
         held against them",
        done.bytes
    );
    if done.left > 0 {
        detail += &format!("; {} indicators left out, as there were too many", done.left);
    }
    if !cut.nothing() {
        detail += &format!("; {cut}");
    }
    if let Some(example) = problems.first() {
        detail += &format!("; {} not carved to the end, as {example}", problems.len());
    }
    facts.cover("archive members too large to hold", Status::Partial, detail)
}

impl Member {
    /// Where its bytes belong.
    fn place(&self, facts: &Facts, whose: Option<&Whose>, source: &str) -> Result<Place, Error> {
        let place = |place, pid, path, origin| Place {
            place,
            pid,
            path,
            origin,
            source: source.to_owned(),
        };
        let process = match (whose, &self.dumped) {
            (Some(Whose::Process { pid, what }), _) => {
                known(facts, *pid, None)?.map(|k| (k, *what))
            }
            // A number alone may be another host's.
            (_, Some((pid, comm))) => known(facts, *pid, Some(comm))?.map(|k| (k, "memory")),
            _ => None,
        };
        if let Some((known, what)) = process {
            let origin = if what == "executable" { known.file } else { None }.unwrap_or(known.fact);
            return Ok(place(what, Some(known.pid), known.exe, origin));
        }
        if let Some(Whose::File(path)) = whose {
            let text = path.to_string();
            let query = "SELECT fact, why = 'started' FROM files WHERE path = ?1 AND root_id = '/'";
            let known: Vec<(String, bool)> =
                facts.rows(query, [&text], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let (fact, started) = known.into_iter().next().unwrap_or_default();
            let what = if started { "startup-program" } else { "large-file" };
            return Ok(place(what, None, Some(path.clone()), fact));
        }
        let what = if self.image { "image" } else { "member" };
        Ok(place(what, None, Some(HostPath::new(self.name.as_slice())), String::new()))
    }
}

/// A process of the host.
struct Known {
    pid: Pid,
    fact: String,
    exe: Option<HostPath>,
    file: Option<String>,
}

fn known(facts: &Facts, pid: Pid, comm: Option<&String>) -> Result<Option<Known>, Error> {
    let query = format!(
        "SELECT fact, coalesce(exe, ''), exe_file, comm FROM processes WHERE pid = {pid} LIMIT 1"
    );
    let found = rows(facts, &query, |row| {
        let exe = place::path(row, 1)?;
        let exe = (!exe.as_bytes().is_empty()).then_some(exe);
        let name: String = row.get(3)?;
        Ok((Known { pid, fact: row.get(0)?, exe, file: row.get(2)? }, name))
    })?;
    let found = found.into_iter().find(|(_, name)| comm.is_none_or(|comm| comm == name));
    Ok(found.map(|(known, _)| known))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn swapping_as_it_goes_by(bytes: Vec<u8>, step in 1_usize..9) {
            let mut whole = bytes.clone();
            whole.chunks_exact_mut(2).for_each(<[u8]>::reverse);
            let mut reader = Swapped { from: whole.as_slice(), left: None };
            let (mut all, mut buffer) = (Vec::new(), vec![0; step]);
            loop {
                let got = reader.read(&mut buffer).unwrap();
                if got == 0 {
                    break;
                }
                all.extend_from_slice(&buffer[..got]);
            }
            prop_assert_eq!(all, bytes);
        }
    }

    #[test]
    fn a_large_member_is_carved_as_it_goes_by() {
        let mut bytes = vec![0_u8; 3 << 20];
        let words = b"stratum+tcp://pool.supportxmr.com:3333\0";
        let at = bytes.len() - 100;
        bytes[at..at + words.len()].copy_from_slice(words);
        let passers = Passers::new(&Carver::default());
        passers.look(b"uploads/process/44", bytes.len() as u64, &mut bytes.as_slice());
        let done = passers.done.lock().unwrap();
        let member = done.members.first().unwrap();
        assert_eq!(member.bytes, bytes.len() as u64);
        assert!(member.carved.iter().any(|one| one.kind == "pool" && one.offset > 3_000_000));
    }
}

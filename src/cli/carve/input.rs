//! What the user named, read as what it is: a file that can be read anywhere in parts by all
//! cores, a stream, packed or not, an image of a machine's memory.

use super::stop::Stoppable;
use crate::carve::{self, Carved, Carver, Cut, Found, HEAD, Judged, Layout, Streamed, Unfolded};
use std::fs::File;
use std::io::{self, Read, Seek};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// What one file gave.
pub(in crate::cli) struct Done {
    pub(in crate::cli) carved: Vec<Carved>,
    pub(in crate::cli) cut: Cut,
    pub(in crate::cli) layout: Option<Layout>,
    pub(in crate::cli) judged: Judged,
    /// Why not all of it was read.
    pub(in crate::cli) problem: Option<String>,
}

/// Carves one file, or standard input.
///
/// # Errors
/// Where it cannot be opened. What fails later is a problem beside what was found.
pub(in crate::cli) fn one(path: &Path, carver: &Carver) -> io::Result<Done> {
    let mut found = carver.found();
    let stdin = path.as_os_str() == "-";
    let mut seen = if stdin {
        carve::carve_stream(Box::new(Stoppable::new(io::stdin())?), &mut found)
    } else {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "is a directory"));
        }
        if metadata.is_file() {
            regular(file, &mut found)?
        } else {
            carve::carve_stream(Box::new(Stoppable::new(file)?), &mut found)
        }
    };
    let judged = judge(path, stdin, carver, &seen.head);
    let (carved, cut) = carve::finish(found);
    // What can be read but once is gone by now.
    let again = File::open(path).ok().filter(|_| !stdin && path.is_file());
    let listed = again.map_or(Ok(Vec::new()), |file| carver.whole(file));
    let (listed, unread) = listed.map_or_else(|error| (Vec::new(), Some(error)), |all| (all, None));
    let carved: Vec<Carved> = listed.into_iter().chain(carved).collect();
    seen.problem = seen.problem.or(unread.map(|error| error.to_string()));
    let layout = seen.layout;
    let short = layout.as_ref().and_then(|layout| layout.problem.clone());
    Ok(Done { carved, cut, layout, judged, problem: seen.problem.or(short) })
}

fn regular(mut file: File, found: &mut Found) -> io::Result<Streamed> {
    let mut first = Vec::new();
    Read::by_ref(&mut file).take(64).read_to_end(&mut first)?;
    file.rewind()?;
    if carve::Packed::told_by(&first).is_some() || carve::is_image(&first) == Some(true) {
        return Ok(carve::carve_stream(Box::new(file), found));
    }
    let mut seen = Streamed::default();
    Read::by_ref(&mut file).take(HEAD as u64).read_to_end(&mut seen.head)?;
    if carve::is_image(&first).is_some() {
        let (layout, problem) = carve::ranges(&file)?;
        seen.problem = problem;
        seen.layout = Some(layout);
    } else {
        let size = file.metadata()?.len();
        let fetch = |place: Range<u64>| {
            let mut bytes =
                vec![0; usize::try_from(place.end.min(size).checked_sub(place.start)?).ok()?];
            file.read_exact_at(&mut bytes, place.start).ok().map(|()| bytes)
        };
        seen.layout = Layout::read(&seen.head, &fetch).map(|mut layout| {
            layout.measure(size);
            let stack = layout.stack().and_then(fetch);
            layout.began = stack.and_then(|stack| layout.began(&stack));
            layout
        });
    }
    if let Err(error) = carve::carve_file(&file, found) {
        seen.problem = Some(error.to_string());
    }
    Ok(seen)
}

/// Holds the rules against it, where the user named some. Standard input is gone by then: of it
/// the rules see what was kept.
fn judge(path: &Path, stdin: bool, carver: &Carver, head: &[u8]) -> Judged {
    let Some(rules) = carver.rules() else { return Judged::default() };
    let name = path.display().to_string();
    if stdin {
        let mut judged = rules.whole(head, "");
        if head.len() == HEAD {
            judged.problem = Some("rules see the first 4 MiB of standard input alone".to_owned());
        }
        return judged;
    }
    match File::open(path).map(|file| carve::begins(carve::unpack(Box::new(file)).0, 64)) {
        Ok((first, reader)) if carve::is_image(&first) == Some(true) => {
            rules.stream(Unfolded::new(reader), &name)
        }
        Ok((_, reader)) => rules.stream(reader, &name),
        Err(error) => Judged { problem: Some(error.to_string()), ..Judged::default() },
    }
}

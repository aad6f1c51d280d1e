//! Reads the places one after another, then the scripts that their entries run.

use super::beyond::Beyond;
use super::follow::Scripts;
use super::keep::{MOST_ROWS, keep};
use super::places::{At, PLACES, Place};
use super::scripts::Shell;
use super::{
    Entry, Found, MOST_BYTES, MOST_NAMES, Parsed, TAIL_BYTES, Text, decode, program, systemd,
};
use crate::collect::content::content;
use crate::collect::{Host, Outcome};
use crate::evidence::{Dir, FileKind, HostPath, Reason, Stat, Unavailable};
use crate::facts::{Facts, HostText};
use std::collections::HashSet;
use std::io::{Read, SeekFrom};

pub(super) struct Walk<'a, 'h> {
    pub(super) host: &'a Host<'h>,
    facts: &'a Facts,
    pub(super) homes: &'a [(HostText, HostPath)],
    /// Device and inode of what was read: /lib and /usr/lib may be one.
    seen: HashSet<(u64, u64)>,
    /// To be read when all places were.
    pub(super) scripts: Scripts,
    /// The same: places that files named.
    pub(super) beyond: Vec<Beyond>,
}

/// What an entry is stored with besides itself.
pub(super) struct Origin<'a> {
    pub kind: &'static str,
    pub path: &'a HostPath,
    pub stat: &'a Stat,
    pub when: Option<&'static str>,
    pub owner: Option<&'a HostText>,
    pub run_by: Option<&'a str>,
    pub begun_by: Option<&'a str>,
    /// Scripts between the first entry and this one.
    pub steps: u8,
    /// What runs its lines.
    pub shell: Shell,
    pub left_out: u32,
}

impl<'a, 'h> Walk<'a, 'h> {
    pub fn new(host: &'a Host<'h>, facts: &'a Facts, homes: &'a [(HostText, HostPath)]) -> Self {
        Self {
            host,
            facts,
            homes,
            seen: HashSet::new(),
            scripts: Scripts::default(),
            beyond: Vec::new(),
        }
    }

    pub(super) fn root(&self) -> &dyn Dir {
        self.host.root.as_ref()
    }

    pub(super) fn missed(&self, why: &Unavailable) {
        // Most places do not exist on most hosts.
        if why.reason != Reason::Absent {
            self.host.gaps.missed("persistence", why);
        }
    }

    /// Whether this is the first time that the inode is met. A source without inodes has 0.
    pub(super) fn first(&mut self, stat: &Stat) -> bool {
        stat.inode == 0 || self.seen.insert((stat.dev, stat.inode))
    }

    /// Whether it was met before.
    pub(super) fn met(&self, stat: &Stat) -> bool {
        stat.inode != 0 && self.seen.contains(&(stat.dev, stat.inode))
    }

    pub fn folder(&mut self, place: &Place, path: &HostPath, owner: Option<&HostText>) -> Outcome {
        match self.root().stat(path) {
            Ok(stat) if stat.kind == FileKind::Directory => {
                if !self.first(&stat) {
                    return Ok(());
                }
            }
            Ok(_) => return Ok(()),
            Err(why) => {
                self.missed(&why);
                return Ok(());
            }
        }
        let names = match self.root().list(path) {
            Ok(names) => names,
            Err(why) => {
                self.missed(&why);
                return Ok(());
            }
        };
        self.too_many(path, names.len());
        for name in names.iter().take(MOST_NAMES) {
            let file = path.join(name);
            // git lays samples beside its hooks, and does not run them.
            let sample = place.kind == "git" && name.as_bytes().ends_with(b".sample");
            if sample || self.leads_elsewhere(path, &file) {
                continue;
            }
            // Units have drop-ins in folders of their own, one level down.
            let drop_in = place.drop_ins && name.as_bytes().ends_with(b".d");
            if drop_in {
                let inner = self.root().list(&file).unwrap_or_default();
                self.too_many(&file, inner.len());
                for name in inner.iter().take(MOST_NAMES) {
                    self.file(place, &file.join(name), owner)?;
                }
            } else if !place.drop_ins || systemd::is_unit(name.as_bytes()) {
                self.file(place, &file, owner)?;
            }
        }
        Ok(())
    }

    /// Says how many names of a folder are not looked at, where there are too many.
    fn too_many(&self, folder: &HostPath, names: usize) {
        if let Some(left_out) = names.checked_sub(MOST_NAMES).filter(|left_out| *left_out > 0) {
            let detail = format!("{names} names; {MOST_NAMES} are looked at");
            let why = Unavailable::new(folder, Reason::TooMuch, detail);
            self.host.gaps.missed_many("persistence", &why, left_out as u64);
        }
    }

    /// A link into a place that is read itself, as those of rc3.d into init.d and the aliases
    /// of units: there the file has the name that its package knows.
    fn leads_elsewhere(&self, folder: &HostPath, file: &HostPath) -> bool {
        let Ok(target) = self.root().link(file) else { return false };
        let target = resolve(folder, &target).parent();
        PLACES.iter().any(|place| match place.at {
            At::Folder(path) => target.as_bytes() == path.as_bytes(),
            _ => false,
        })
    }

    pub fn file(&mut self, place: &Place, path: &HostPath, owner: Option<&HostText>) -> Outcome {
        let stat = match self.root().stat(path) {
            Ok(stat) if stat.kind == FileKind::File => stat,
            // A folder, or a unit that is masked by a link to /dev/null.
            Ok(stat) if matches!(stat.kind, FileKind::Directory | FileKind::CharDevice) => {
                return Ok(());
            }
            Ok(stat) => {
                self.missed(&Unavailable::new(path, Reason::NotRegular, stat.kind.word()));
                return Ok(());
            }
            Err(why) => {
                self.missed(&why);
                return Ok(());
            }
        };
        if place.executable && stat.mode & 0o111 == 0 || !self.first(&stat) {
            return Ok(());
        }
        let Some((bytes, tail)) = self.bytes(path) else { return Ok(()) };
        self.host.gaps.read("persistence");
        let (mut found, problems) = self.parsed(place, path, &bytes);
        if let Some(tail) = tail {
            // Where the end begins is not counted, so its lines have no numbers.
            let (last, _) = self.parsed(place, path, &tail);
            found.extend(last.into_iter().map(|entry| Found { line: None, ..entry }));
        }
        if let Some(problem) = problems.first() {
            let detail =
                format!("{} lines, first {}: {}", problems.len(), problem.line, problem.what);
            self.missed(&Unavailable::new(path, Reason::Damaged, detail));
        }
        self.look_beyond(place.kind, &mut found, owner);
        let mut origin = Origin {
            kind: place.kind,
            path,
            stat: &stat,
            when: place.when,
            owner,
            run_by: None,
            begun_by: None,
            steps: 0,
            shell: Shell::default(),
            left_out: 0,
        };
        self.store_all(&mut origin, found)
    }

    /// A file's bytes, and those of its end where it is too long to be read as a whole.
    fn bytes(&self, path: &HostPath) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
        let mut bytes = Vec::new();
        let more = self.root().read(path, MOST_BYTES, &mut bytes);
        let more = more.map_err(|why| self.missed(&why)).ok()?;
        if !more {
            return Some((bytes, None));
        }
        let mut tail = Vec::new();
        let read =
            self.root().open(path).map_err(|why| self.missed(&why)).ok().and_then(|mut file| {
                let end = file.seek(SeekFrom::End(0)).ok()?;
                let from = end.saturating_sub(TAIL_BYTES as u64).max(MOST_BYTES as u64);
                if from > MOST_BYTES as u64 {
                    let detail = "more than 2 MiB; the first and the last were read";
                    self.missed(&Unavailable::new(path, Reason::TooMuch, detail));
                }
                file.seek(SeekFrom::Start(from)).ok()?;
                file.take(TAIL_BYTES as u64).read_to_end(&mut tail).ok()
            });
        // Its first line is most likely cut.
        let whole = memchr::memchr(b'\n', &tail).map_or(0, |at| at + 1);
        let tail = tail.get(whole..).unwrap_or_default().to_vec();
        Some((bytes, read.map(|_| tail)))
    }

    fn parsed(&self, place: &Place, path: &HostPath, bytes: &[u8]) -> Parsed {
        if place.executable && is_program(bytes) {
            return (vec![Found { command: path.text().clone(), ..Found::default() }], Vec::new());
        }
        (place.parse)(&Text { path, bytes })
    }

    pub(super) fn store_all(&mut self, origin: &mut Origin<'_>, found: Vec<Found>) -> Outcome {
        let kept = keep(found);
        if kept.left_out > 0 {
            let detail = format!("{} commands; {MOST_ROWS} are kept", kept.left_out + MOST_ROWS);
            self.missed(&Unavailable::new(origin.path, Reason::TooMuch, detail));
        }
        origin.left_out = u32::try_from(kept.left_out).unwrap_or(u32::MAX);
        let mut on_line = (None, 0_u32);
        for (entry, repeats) in kept.entries {
            on_line =
                if on_line.0 == entry.line { (entry.line, on_line.1 + 1) } else { (entry.line, 1) };
            self.store(origin, on_line.1, entry, repeats)?;
        }
        Ok(())
    }

    fn store(&mut self, origin: &mut Origin<'_>, nth: u32, found: Found, repeats: u32) -> Outcome {
        let (path, stat) = (origin.path, origin.stat);
        let at = found.line.map_or_else(|| path.to_string(), |line| format!("{path}:{line}"));
        let key = if nth > 1 { format!("{at}#{nth}") } else { at.clone() };
        let decoded = decode::decoded(found.command.as_bytes()).map(HostText);
        let program = program::program(found.command.as_bytes())
            .or_else(|| program::program(decoded.as_ref()?.as_bytes()));
        let user = found.user.or_else(|| origin.owner.cloned());
        if found.schedule.is_some() {
            // Jobs of one crontab know nothing of each other.
            origin.shell = self.shell(user.as_ref());
        }
        self.follow(origin, &found.command, decoded.as_ref(), user.as_ref(), &key);
        let row = Entry {
            kind: origin.kind,
            path: path.clone(),
            line: found.line,
            name: found.name.or_else(|| Some(HostText::from(path.file_name()))),
            user,
            schedule: found.schedule.or_else(|| origin.when.map(HostText::from)),
            command: found.command,
            decoded,
            program,
            mtime: stat.mtime,
            ctime: stat.ctime,
            btime: stat.btime,
            package: None,
            program_package: None,
            run_by: origin.run_by.map(str::to_owned),
            begun_by: origin.begun_by.map(str::to_owned),
            repeats,
            left_out: origin.left_out,
            size: stat.size,
        };
        self.facts.insert(key, &at, &row)
    }
}

/// Where a link in a folder points, `..` taken away by name alone.
fn resolve(folder: &HostPath, target: &HostPath) -> HostPath {
    let full = if target.is_absolute() { target.clone() } else { folder.join(target) };
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in full.components() {
        if part == b".." {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    HostPath::new([b"/", parts.join(&b'/').as_slice()].concat())
}

/// A compiled program where a script was expected: it is what is run.
fn is_program(bytes: &[u8]) -> bool {
    !matches!(content(bytes), "script" | "text" | "empty")
}

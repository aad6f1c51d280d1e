//! What starts by itself: cron, systemd, rc scripts, profiles, ld.so.preload.

mod autostart;
mod cron;
mod decode;
mod hooks;
mod lines;
mod places;
mod preload;
mod program;
mod shell;
mod systemd;
mod udev;

use super::content::content;
use super::{Collector, Host, Outcome, Run};
use crate::evidence::{Dir, FileKind, HostPath, Reason, Stat, Unavailable};
use crate::facts::{Facts, HostText, Table, Time};
use places::{At, PLACES, Place};
use std::collections::HashSet;

crate::table! {
    pub struct Entry in persistence, "What makes a program start by itself: one row a command line, or a library for preload. Of the host's own root; containers are not looked into.";
    kind: &'static str, "", "cron, systemd, rc, init, profile, preload, motd, udev, at, autostart, hook (network, package manager and login hooks).";
    path: HostPath, "", "The file.";
    line: Option<u32>, "", "Its line, from 1.";
    name: Option<HostText>, "", "Unit or script name.";
    user: Option<HostText>, "", "Whom it runs as, where the entry says.";
    schedule: Option<HostText>, "", "When: cron's five fields or @word, a unit's trigger.";
    command: HostText, "", "What is run, or loaded.";
    decoded: Option<HostText>, "", "The command with its base64 parts decoded; NULL where it has none.";
    program: Option<HostPath>, "", "The first word that is an absolute path, where there is one.";
    mtime: Option<Time>, "", "File last changed.";
    ctime: Option<Time>, "", "Inode last changed: an install that set mtime back cannot set this.";
    btime: Option<Time>, "", "File made.";
    package: Option<HostText>, "", "Package that owns the file; NULL where none does.";
}

pub(super) const COLLECTOR: Collector =
    Collector { name: "persistence", tables: &[Entry::DEF], run: Run::Host(collect) };

/// Bytes of one file that are read: crontabs and units are some KiB.
const MOST_BYTES: usize = 1 << 20;
/// Names in one folder that are looked at.
const MOST_NAMES: usize = 4096;
/// Rows that one file may give.
const MOST_ROWS: usize = 2000;
/// Users whose home folders are looked into.
const MOST_HOMES: usize = 1024;

/// A file that starts something, as its parser gets it.
struct Text<'a> {
    path: &'a HostPath,
    bytes: &'a [u8],
}

impl Text<'_> {
    fn name(&self) -> HostText {
        HostText::from(self.path.file_name())
    }
}

/// What a parser found in a file: what is run, and what the file says of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Found {
    line: Option<u32>,
    name: Option<HostText>,
    user: Option<HostText>,
    schedule: Option<HostText>,
    command: HostText,
}

/// What could not be understood: a line, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Problem {
    line: u32,
    what: &'static str,
}

type Parsed = (Vec<Found>, Vec<Problem>);
type Parse = fn(&Text<'_>) -> Parsed;

fn collect(host: &Host<'_>, facts: &Facts) -> Outcome {
    let mut walk = Walk { host, facts, seen: HashSet::new() };
    let homes = homes(host);
    for place in PLACES {
        match place.at {
            At::File(path) => walk.file(place, &HostPath::from(path), None)?,
            At::Folder(path) => walk.folder(place, &HostPath::from(path), None)?,
            At::Home(name) => {
                for (user, home) in &homes {
                    walk.file(place, &home.join(name), Some(user))?;
                }
            }
            At::HomeFolder(name) => {
                for (user, home) in &homes {
                    walk.folder(place, &home.join(name), Some(user))?;
                }
            }
        }
    }
    Ok(())
}

/// The users of /etc/passwd and their home folders, each folder once.
fn homes(host: &Host<'_>) -> Vec<(HostText, HostPath)> {
    let mut bytes = Vec::new();
    if let Err(why) = host.root.read(&"etc/passwd".into(), MOST_BYTES, &mut bytes) {
        host.gaps.missed("persistence", &why);
    }
    let mut seen = HashSet::new();
    lines::physical(&bytes)
        .filter_map(|(_, line)| {
            let mut fields = line.split(|b| *b == b':');
            let (user, home) = (fields.next()?, fields.nth(4)?);
            let home = HostPath::from(home);
            // The root directory is nobody's home, and its files are looked at by name.
            let plausible = home.is_absolute() && home.components().next().is_some();
            (plausible && seen.insert(home.clone())).then(|| (HostText::from(user), home))
        })
        .take(MOST_HOMES)
        .collect()
}

struct Walk<'a, 'h> {
    host: &'a Host<'h>,
    facts: &'a Facts,
    /// Device and inode of what was read: /lib and /usr/lib may be one.
    seen: HashSet<(u64, u64)>,
}

impl Walk<'_, '_> {
    fn root(&self) -> &dyn Dir {
        self.host.root.as_ref()
    }

    fn missed(&self, why: &Unavailable) {
        // Most places do not exist on most hosts.
        if why.reason != Reason::Absent {
            self.host.gaps.missed("persistence", why);
        }
    }

    /// Whether this is the first time that the inode is met. A source without inodes has 0.
    fn first(&mut self, stat: &Stat) -> bool {
        stat.inode == 0 || self.seen.insert((stat.dev, stat.inode))
    }

    fn folder(&mut self, place: &Place, path: &HostPath, owner: Option<&HostText>) -> Outcome {
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
        if names.len() > MOST_NAMES {
            let detail = format!("{} names; {MOST_NAMES} are looked at", names.len());
            self.missed(&Unavailable::new(path, Reason::NotCaptured, detail));
        }
        for name in names.iter().take(MOST_NAMES) {
            let file = path.join(name);
            if self.leads_elsewhere(path, &file) {
                continue;
            }
            // Units have drop-ins in folders of their own, one level down.
            let drop_in = place.drop_ins && name.as_bytes().ends_with(b".d");
            if drop_in {
                let inner = self.root().list(&file).unwrap_or_default();
                for name in inner.iter().take(MOST_NAMES) {
                    self.file(place, &file.join(name), owner)?;
                }
            } else if !place.drop_ins || systemd::is_unit(name.as_bytes()) {
                self.file(place, &file, owner)?;
            }
        }
        Ok(())
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

    fn file(&mut self, place: &Place, path: &HostPath, owner: Option<&HostText>) -> Outcome {
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
        let mut bytes = Vec::new();
        match self.root().read(path, MOST_BYTES, &mut bytes) {
            Ok(false) => {}
            Ok(true) => {
                let detail = "more than 1 MiB; the first was read";
                self.missed(&Unavailable::new(path, Reason::NotCaptured, detail));
            }
            Err(why) => {
                self.missed(&why);
                return Ok(());
            }
        }
        self.host.gaps.read("persistence");
        let text = Text { path, bytes: &bytes };
        let (mut found, problems) = if place.executable && is_program(&bytes) {
            (vec![Found { command: path.text().clone(), ..Found::default() }], Vec::new())
        } else {
            (place.parse)(&text)
        };
        if let Some(problem) = problems.first() {
            let detail =
                format!("{} lines, first {}: {}", problems.len(), problem.line, problem.what);
            self.missed(&Unavailable::new(path, Reason::Damaged, detail));
        }
        if found.len() > MOST_ROWS {
            let detail = format!("{} commands; {MOST_ROWS} are kept", found.len());
            self.missed(&Unavailable::new(path, Reason::NotCaptured, detail));
            found.truncate(MOST_ROWS);
        }
        let mut on_line = (None, 0_u32);
        for entry in found {
            on_line =
                if on_line.0 == entry.line { (entry.line, on_line.1 + 1) } else { (entry.line, 1) };
            self.store(place, path, &stat, on_line.1, entry, owner)?;
        }
        Ok(())
    }

    fn store(
        &self,
        place: &Place,
        path: &HostPath,
        stat: &Stat,
        nth: u32,
        found: Found,
        owner: Option<&HostText>,
    ) -> Outcome {
        let at = found.line.map_or_else(|| path.to_string(), |line| format!("{path}:{line}"));
        let key = if nth > 1 { format!("{at}#{nth}") } else { at.clone() };
        let decoded = decode::decoded(found.command.as_bytes()).map(HostText);
        let program = program::program(found.command.as_bytes())
            .or_else(|| program::program(decoded.as_ref()?.as_bytes()));
        let row = Entry {
            kind: place.kind,
            path: path.clone(),
            line: found.line,
            name: found.name.or_else(|| Some(HostText::from(path.file_name()))),
            user: found.user.or_else(|| owner.cloned()),
            schedule: found.schedule.or_else(|| place.when.map(HostText::from)),
            command: found.command,
            decoded,
            program,
            mtime: stat.mtime,
            ctime: stat.ctime,
            btime: stat.btime,
            package: None,
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

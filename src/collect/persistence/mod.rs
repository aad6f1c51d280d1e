//! What starts by itself: cron, systemd, rc scripts, profiles, ld.so.preload.

mod access;
mod autostart;
mod beyond;
mod cron;
mod decode;
mod doors;
mod follow;
mod git;
mod hooks;
mod keep;
mod lines;
mod modules;
mod places;
mod preload;
mod program;
mod python;
mod scripts;
mod shell;
mod systemd;
mod udev;
mod unquote;
mod walk;

pub(super) use decode::decoded;
pub(super) use program::paths;

use super::accounts::homes;
use super::{Collector, Host, Outcome, Run};
use crate::evidence::HostPath;
use crate::facts::{Facts, HostText, Table, Time};
use places::{At, PLACES};
use walk::Walk;

crate::table! {
    pub struct Entry in persistence, "What makes a program start by itself: one row a command line, or a library for preload. Of the host's own root; containers are not looked into.";
    kind: &'static str, "", "cron, systemd, rc, init, profile, preload, motd, udev, at, autostart, hook (network, package manager and login hooks), pam, account (those with a shell, and of uid 0), sudoers, ssh-key, logrotate, sysctl, module, sshd (where it takes keys from, what it runs), inetd, supervisor, ld.so (folders of libraries), git (its hooks and programs), python (what each start runs).";
    path: HostPath, "", "The file.";
    line: Option<u32>, "", "Its line, from 1.";
    name: Option<HostText>, "", "Unit or script name.";
    user: Option<HostText>, "", "Whom it runs as, where the entry says.";
    schedule: Option<HostText>, "", "When: cron's five fields or @word, a unit's trigger.";
    command: HostText, "", "What is run, or loaded.";
    decoded: Option<HostText>, "", "The command with its base64 parts decoded and tricks of quoting undone (`c\\url`); NULL where it has neither.";
    program: Option<HostPath>, "", "The first word that is an absolute path, where there is one.";
    mtime: Option<Time>, "", "File last changed.";
    ctime: Option<Time>, "", "Inode last changed: an install that set mtime back cannot set this.";
    btime: Option<Time>, "", "File made.";
    package: Option<HostText>, "", "Package that owns the file; NULL where none does.";
    program_package: Option<HostText>, "", "Package that owns the program; NULL where none does, or there is no program.";
    run_by: Option<String>, "", "For a line of a script: the fact of the line that runs the script. Scripts that a package owns and left as they were are not among them: what these run has the line that runs them.";
    begun_by: Option<String>, "", "For a line of a script: the fact of the entry with which it begins, which is run_by itself where no other script stands between.";
    repeats: u32, "", "How often the file has this entry; further ones have no row.";
    left_out: u32, "", "Entries of the file that have no row because there are too many; the same for all of a file's.";
    size: u64, "bytes", "Size of the file.";
}

pub(super) use follow::MOST_STEPS;

pub(super) const COLLECTOR: Collector =
    Collector { name: "persistence", tables: &[Entry::DEF], run: Run::Host(collect) };

/// Bytes of one file that are read: crontabs and units are some KiB.
const MOST_BYTES: usize = 1 << 20;
/// Names in one folder that are looked at.
const MOST_NAMES: usize = 4096;
/// Bytes that are read of the end of a file that is longer: padding hides what comes last.
const TAIL_BYTES: usize = 1 << 20;

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
    let homes = homes(host, "persistence");
    let mut walk = Walk::new(host, facts, &homes);
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
    walk.beyond()?;
    walk.scripts()?;
    modules::resolve(host, facts)
}

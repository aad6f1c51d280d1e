//! What starts by itself: cron, systemd, rc scripts, profiles, ld.so.preload.

use super::{Collector, Host, Outcome, Run};
use crate::evidence::HostPath;
use crate::facts::{Facts, HostText, Table, Time};

crate::table! {
    pub struct Entry in persistence, "What makes a program start by itself: one row a command line, or a library for preload.";
    kind: &'static str, "", "cron, systemd, rc, init, profile, preload, motd, udev, at, autostart.";
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

fn collect(_host: &Host<'_>, _facts: &Facts) -> Outcome {
    Ok(())
}

//! Lists of competitors to end: a miner that wants the machine for itself kills all others, by
//! name. Administrators kill one process; such a list names many.

use super::Kind;
use crate::carve::scan::{Found, Hit, Text};
use std::collections::BTreeSet;
use std::ops::Range;

/// Commands that end processes by name.
const COMMANDS: &[&str] = &["pkill ", "killall ", "| xargs ", "kill -9"];

/// What such lists name: miners and families of bots, as public reports of many years list them.
const NAMES: &[&str] = &[
    "kdevtmpfsi",
    "kinsing",
    "watchbog",
    "kthrotlds",
    "kthreaddi",
    "xmr-stak",
    "xmrigdaemon",
    "xmrigminer",
    "xmrig-notls",
    "cryptonight",
    "minerd",
    "qw3xt",
    "sourplum",
    "khugepageds",
    "suppoie",
    "sysupdate",
    "networkservice",
    "sysguard",
    "systemten",
    "sustes",
    "xiaoxue",
    "javaupdates",
    "nanominer",
    "cnrig",
    "dbused",
    "kerberods",
    "tsm64",
    "solrd",
    "pnscan",
    "cpuminer",
    "hashfish",
    "wntkyg",
    "bashirc",
    "kworkerds",
    "xmrig",
    "ddgs",
    "zigw",
    "ccminer",
    "minergate",
    "monerohash",
    "supportxmr",
    "c3pool",
    "stratum",
    "donate-level",
];

/// The shortest name that is looked for; shorter ones count where one was found.
const SHORTEST: usize = 6;

/// Distinct names that make a list, and those that do among commands.
const LIST: usize = 5;
const COMMANDED: usize = 3;

/// Bytes in which one name follows another, and in which the list is read.
const GAP: usize = 256;
const READ: usize = 1200;

pub(super) const KIND: Kind = Kind {
    literals: || NAMES.iter().copied().filter(|name| name.len() >= SHORTEST).collect(),
    examine,
};

fn examine(text: &Text<'_>, range: Range<usize>, _: usize, found: &mut Found) {
    // A list is told once, at its first name.
    let before = text.slice(range.start.saturating_sub(GAP)..range.start).to_ascii_lowercase();
    if NAMES.iter().any(|name| name.len() >= SHORTEST && has(&before, name)) {
        return;
    }
    let to = range.start.saturating_add(READ).min(text.bytes.len());
    let here = text.slice(range.start..to).to_ascii_lowercase();
    let names: BTreeSet<&str> = NAMES.iter().copied().filter(|name| has(&here, name)).collect();
    if names.len() < COMMANDED {
        return;
    }
    let around = [before.as_slice(), here.as_slice()].concat();
    let commands: usize = COMMANDS
        .iter()
        .map(|command| memchr::memmem::find_iter(&around, command.as_bytes()).count())
        .sum();
    let commanded = commands >= COMMANDED;
    if names.len() < LIST && !commanded {
        return;
    }
    let why = if commanded {
        "commands that end other miners by name"
    } else {
        "a list of the names of other miners"
    };
    let detail = if commanded { "with commands" } else { "names alone" };
    let value = names.into_iter().collect::<Vec<_>>().join(" ");
    found.add(text, Hit::new("kill-list", range.start, value, why).detail(detail));
}

fn has(text: &[u8], word: &str) -> bool {
    memchr::memmem::find(text, word.as_bytes()).is_some()
}

//! Messages of programs that put a file somewhere and start it. A dropper's log says in words
//! what its code hides; the path in it leads to the next thing to look at.

use super::Kind;
use crate::carve::scan::{Found, Hit, Text};
use std::ops::Range;

/// Verbs of putting, each long enough to be looked for.
const PUT: &[&str] = &[
    "dropped",
    "written",
    "extracted",
    "copied",
    "installed",
    "downloaded",
    "unpacked",
    "deployed",
    "decrypted",
    "decoded",
    "stored ",
    "placed ",
    "saved to",
    "saved as",
    "saved in",
    "saved at",
    "moved to",
    "fetched",
    "uploaded",
    "dropping",
    "writing",
    "extracting",
    "copying",
    "installing",
    "downloading",
    "unpacking",
    "deploying",
    "saving ",
    "wrote pay",
    "wrote bin",
    "wrote mod",
    "wrote imp",
    "wrote age",
    "wrote sta",
    "wrote fil",
    "wrote the",
    "wrote min",
    "wrote bot",
    "wrote to",
];

/// What is started: words that no ordinary daemon has for its parts.
const STARTED: &[&str] = &[
    "payload",
    "implant",
    "dropper",
    "backdoor",
    "shellcode",
    "rootkit",
    "malware",
    "miner s",
    "miner r",
    "miner l",
    "stage2 ",
    "second stage",
];

pub(super) const KIND: Kind =
    Kind { literals: || PUT.iter().chain(STARTED).copied().collect(), examine };

/// Things that are put somewhere to be run.
const OBJECTS: &[&[u8]] = &[
    b"payload",
    b"file",
    b"binary",
    b"module",
    b"implant",
    b"agent",
    b"bot",
    b"stage",
    b"stage1",
    b"stage2",
    b"stager",
    b"loader",
    b"dropper",
    b"executable",
    b"exe",
    b"elf",
    b"backdoor",
    b"rootkit",
    b"miner",
    b"malware",
    b"shellcode",
    b"worker",
    b"component",
    b"program",
    b"script",
    b"library",
    b"sample",
    b"beacon",
    b"client",
    b"update",
    b"blob",
    b"image",
    b"daemon",
    b"tool",
];

/// Objects that installers and build tools put too: a path says where to look, the form of a
/// message without one says nothing.
const EVERYBODYS: &[&[u8]] = &[
    b"file",
    b"script",
    b"library",
    b"program",
    b"image",
    b"client",
    b"update",
    b"tool",
    b"blob",
    b"component",
    b"sample",
    b"daemon",
];

/// Words that say that nothing was put.
const FAILED: &[&str] =
    &["error", "fail", "unable", "cannot", "could not", "not support", "warning"];

/// Nouns that make a file an ordinary one: `log file written to …`.
const ORDINARY: &[&[u8]] = &[
    b"log",
    b"config",
    b"configuration",
    b"conf",
    b"pid",
    b"lock",
    b"key",
    b"report",
    b"backup",
    b"output",
    b"database",
    b"cache",
    b"trace",
    b"coverage",
    b"core",
    b"crash",
    b"dump",
    b"man",
    b"manual",
    b"index",
    b"profile",
    b"certificate",
    b"cert",
    b"state",
    b"result",
    b"results",
    b"data",
    b"text",
    b"temporary",
    b"temp",
    b"document",
    b"history",
    b"session",
    b"unit",
    b"service",
    b"package",
    b"header",
    b"object",
    b"depfile",
    b"dependency",
    b"debug",
    b"symbol",
    b"icon",
    b"font",
    b"kernel",
    b"initrd",
    b"initramfs",
    b"boot",
    b"disk",
    b"docker",
    b"iso",
    b"changelog",
    b"license",
    b"readme",
    b"wheel",
    b"source",
    b"test",
    b"class",
    b"map",
    b"locale",
    b"completion",
    b"desktop",
    b"archive",
    b"csv",
    b"json",
    b"xml",
    b"html",
    b"pdf",
];

const PREPOSITIONS: &[&[u8]] = &[b"to", b"at", b"as", b"into", b"in", b"under", b"on"];

/// Words between that say nothing.
const FILLERS: &[&[u8]] = &[
    b"was",
    b"is",
    b"has",
    b"been",
    b"have",
    b"were",
    b"successfully",
    b"the",
    b"a",
    b"an",
    b"new",
    b"itself",
    b"self",
    b"ok",
    b"done",
    b"now",
    b"being",
    b"bytes",
    b"and",
    b"executed",
    b"got",
    b"out",
    b"disk",
];

fn examine(text: &Text<'_>, range: Range<usize>, number: usize, found: &mut Found) {
    // Part of a longer word is another word.
    if text.before(range.start).is_ascii_alphabetic() {
        return;
    }
    if number >= PUT.len() {
        started(text, range, found);
        return;
    }
    let verb_end = text.forward(range.start, 16, |b| b.is_ascii_alphabetic());
    let Some((object_after, prepositional)) = preposition(text, verb_end) else { return };
    if !object_after && !object_before(text, range.start) {
        return;
    }
    let at = message_start(text, range.start);
    let quotes = |b: u8| matches!(b, b' ' | b':' | b'=' | b'"' | b'\'' | b'`' | b'<' | b'[' | b'(');
    let path_start = text.forward(prepositional, 5, quotes);
    if text.byte(path_start) == b'%' {
        let message = text.slice(at..range.start + 48).to_ascii_lowercase();
        let has = |word: &str| memchr::memmem::find(&message, word.as_bytes()).is_some();
        let words = || message.split(|b| !b.is_ascii_alphanumeric());
        // Two verbs that no installer uses of files need no better object.
        let telling = text.slice(range.clone()).to_ascii_lowercase().starts_with(b"dropp")
            || words().any(|word| OBJECTS.contains(&word) && !EVERYBODYS.contains(&word));
        if telling
            && matches!(text.byte(path_start + 1), b's' | b'.' | b'v')
            && !FAILED.iter().any(|word| has(word))
        {
            let end = text.forward(at, 200, crate::carve::scan::printable);
            found.add(
                text,
                Hit::new(
                    "drop-format",
                    at,
                    text.slice(at..end).trim_ascii(),
                    "the form of a message that something was put at a path",
                ),
            );
        }
        return;
    }
    let path_end = text.forward(path_start, 512, |b| {
        matches!(b, b'!'..=b'~') && !matches!(b, b'"' | b'\'' | b'`' | b'<' | b'>' | b'|' | b';')
    });
    let path = text.slice(path_start..path_end);
    let path = path.strip_suffix(b".").unwrap_or(path);
    let path = path
        .strip_suffix(b",")
        .or_else(|| path.strip_suffix(b")"))
        .or_else(|| path.strip_suffix(b"]"))
        .unwrap_or(path);
    if path.first() == Some(&b'/')
        && path.len() >= 3
        && path.get(1).is_some_and(|b| *b != b'/')
        && !path.contains(&b'%')
        && !ordinary_path(path)
    {
        found
            .add(text, Hit::new("drop", at, path, "a message that something was put at this path"));
    }
}

/// Places where nothing is put to be run.
fn ordinary_path(path: &[u8]) -> bool {
    let starts: [&[u8]; 4] = [b"/dev/null", b"/proc/", b"/sys/", b"/dev/std"];
    starts.iter().any(|start| path.starts_with(start))
}

/// From the end of the verb: whether an object follows it, and where the preposition ends.
fn preposition(text: &Text<'_>, verb_end: usize) -> Option<(bool, usize)> {
    let mut at = verb_end;
    let mut object = false;
    for _ in 0..5 {
        let start = text.forward(at, 3, |b| matches!(b, b' ' | b'\'' | b'"'));
        // `Payload dropped: /tmp/x` needs no preposition.
        if matches!(text.byte(start), b':')
            && text.byte(start + 1) == b' '
            && matches!(text.byte(start + 2), b'/' | b'%')
        {
            // `Error writing file: %s` names what was not put.
            return (!object).then_some((false, start));
        }
        let end = text.forward(start, 24, |b| b.is_ascii_alphanumeric() || b == b'_' || b == b'%');
        let word = text.slice(start..end).to_ascii_lowercase();
        if word.is_empty() {
            return None;
        }
        if PREPOSITIONS.contains(&word.as_slice()) {
            return Some((object, end));
        }
        if ORDINARY.contains(&word.as_slice()) {
            return None;
        }
        object |= OBJECTS.contains(&word.as_slice());
        // `written 4096 bytes to`, `%s written to`.
        let number = word.iter().all(u8::is_ascii_digit) || word.starts_with(b"%");
        if !object && !number && !FILLERS.contains(&word.as_slice()) {
            return None;
        }
        at = end;
    }
    None
}

/// Whether one of the four words before the verb is an object, with no ordinary noun before it.
fn object_before(text: &Text<'_>, verb: usize) -> bool {
    let mut at = verb;
    for _ in 0..4 {
        let end =
            text.back(at, 4, |b| matches!(b, b' ' | b'\'' | b'"' | b']' | b')' | b':' | b'-'));
        let start = text.back(end, 24, |b| b.is_ascii_alphanumeric() || b == b'_' || b == b'%');
        if start == end {
            return false;
        }
        let word = text.slice(start..end).to_ascii_lowercase();
        if OBJECTS.contains(&word.as_slice()) {
            let noun_end = text.back(start, 2, |b| b == b' ');
            let noun_start = text.back(noun_end, 24, |b| b.is_ascii_alphanumeric());
            let noun = text.slice(noun_start..noun_end).to_ascii_lowercase();
            return !ORDINARY.contains(&noun.as_slice());
        }
        let number = word.iter().all(u8::is_ascii_digit) || word.starts_with(b"%");
        if !number && !FILLERS.contains(&word.as_slice()) {
            return false;
        }
        at = start;
    }
    false
}

/// `Payload started`, `implant running, pid 4242`.
fn started(text: &Text<'_>, range: Range<usize>, found: &mut Found) {
    let end = text.forward(range.start, 24, |b| b.is_ascii_alphanumeric());
    let mut at = end;
    for _ in 0..3 {
        let start = text.forward(at, 3, |b| matches!(b, b' ' | b':' | b'-'));
        let end = text.forward(start, 24, |b| b.is_ascii_alphanumeric());
        let word = text.slice(start..end).to_ascii_lowercase();
        match word.as_slice() {
            b"started" | b"executed" | b"launched" | b"running" | b"spawned" | b"executing"
            | b"launching" | b"starting" | b"injected" | b"loaded"
                if start > at && !goes_on(text, end) =>
            {
                let begin = message_start(text, range.start);
                let stop = text.forward(begin, 200, crate::carve::scan::printable);
                let message = text.slice(begin..stop).trim_ascii();
                found.add(
                    text,
                    Hit::new("run", begin, message, "a message that a payload was started"),
                );
                return;
            }
            b"was" | b"is" | b"has" | b"been" | b"successfully" | b"process" | b"stage" => at = end,
            _ => return,
        }
    }
}

/// `payload started at offset 3` is about bytes, not about a program.
fn goes_on(text: &Text<'_>, end: usize) -> bool {
    let next = text.slice(end..(end + 4).min(text.bytes.len()));
    let more: [&[u8]; 5] = [b"=", b" at", b" in ", b" fro", b" to "];
    more.iter().any(|word| next.starts_with(word))
}

/// Where the message begins: the run, without a time, level or tag in brackets before it.
fn message_start(text: &Text<'_>, at: usize) -> usize {
    let run = text.back(at, 120, crate::carve::scan::printable);
    let mut start = run;
    if let Some(close) = text.slice(run..at).iter().rposition(|b| *b == b']') {
        start = run + close + 1;
    }
    text.forward(start, 8, |b| matches!(b, b' ' | b'\t' | b':' | b'-'))
}

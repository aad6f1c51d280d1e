//! Shell lines that download and run, decode and run, or wire a shell to a network.

use super::Kind;
use crate::carve::scan::{Found, Hit, Text, printable};
use std::ops::Range;

const LITERALS: &[&str] = &[
    "base64 -d",
    "base64 --decode",
    "/dev/tcp/",
    "/dev/udp/",
    "chmod +x",
    "chmod 777",
    "chmod 755",
    "chmod 0755",
    "| bash",
    "| sh -",
    "wget -",
    "curl -",
    "-O- | ",
    "-O- |s",
    "-O-|sh",
    "-O - |",
];

pub(super) const KIND: Kind = Kind { literals: || LITERALS.to_vec(), examine };

/// The longest line that is kept.
const LINE: usize = 400;

const DOWNLOADERS: &[&[u8]] =
    &[b"curl", b"wget", b"lwp-download", b"fetch", b"tftp", b"ftpget", b"scp"];
const SHELLS: &[&[u8]] = &[
    b"sh", b"bash", b"dash", b"zsh", b"ash", b"ksh", b"python", b"python3", b"python2", b"perl",
    b"php", b"node",
];

fn examine(text: &Text<'_>, range: Range<usize>, number: usize, found: &mut Found) {
    let Some(&literal) = LITERALS.get(number) else { return };
    let (line, at) = line(text, range.start);
    let why = match literal {
        "/dev/tcp/" | "/dev/udp/" => {
            let target = text.byte(range.end);
            if !(target.is_ascii_alphanumeric() || target == b'$') || !wired(line) {
                return;
            }
            "a shell wired to a network connection"
        }
        "base64 -d" | "base64 --decode" => {
            if !piped_to_shell(line) && !contains(line, b"eval") {
                return;
            }
            "decodes and runs"
        }
        "wget -" | "curl -" | "-O- | " | "-O- |s" | "-O-|sh" | "-O - |" => {
            return around(text, range.start, found);
        }
        "| bash" | "| sh -" => {
            if !(downloads(line) && piped_to_shell(line)) {
                return;
            }
            "downloads and runs"
        }
        _ => {
            if !runs_what_it_marks(line) {
                if downloaded_and_run(text, &range) {
                    let why = "downloads a file, makes it a program and runs it";
                    found.add(text, Hit::new("shell", at, line, why));
                }
                return;
            }
            "makes a file executable and runs it"
        }
    };
    found.add(text, Hit::new("shell", at, line, why));
}

/// How far before and after the line that makes a file a program the others are looked for.
const NEAR: usize = 600;

/// Whether lines before download the file that is made a program here, and lines after run it.
fn downloaded_and_run(text: &Text<'_>, range: &Range<usize>) -> bool {
    let lines = |byte: u8| printable(byte) || byte == b'\n' || byte == b'\r' || byte == b'\t';
    let before = text.slice(text.back(range.start, NEAR, lines)..range.start);
    let after = text.slice(range.end..text.forward(range.end, NEAR, lines));
    let end = memchr::memchr(b'\n', after).unwrap_or(after.len());
    let (marks, after) = after.split_at_checked(end).unwrap_or((after, b""));
    // `chmod +x "$dir"/kw` marks kw.
    let base = |word: &[u8]| word.rsplit(|b| *b == b'/').next().unwrap_or_default().to_vec();
    let Some(marked) = words(marks).last().map(base).filter(|name| name.len() >= 2) else {
        return false;
    };
    let fetched =
        before.split(|b| *b == b'\n').any(|line| downloads(line) && contains(line, &marked));
    let run = after.split(|b| *b == b'\n').any(|line| {
        let mut left = words(line).map(base).skip_while(|word| {
            SHELLS.contains(&word.as_slice())
                || matches!(word.as_slice(), b"nohup" | b"setsid" | b"exec" | b"sudo" | b"nice")
        });
        left.next().is_some_and(|word| word == marked)
    });
    fetched && run
}

/// Looks whether the URL or address at `at` is downloaded and run by its line.
pub(super) fn around(text: &Text<'_>, at: usize, found: &mut Found) {
    let (line, start) = line(text, at);
    // Most lines have no sign of it.
    let signs = line.contains(&b'|') || contains(line, b"chmod ") || line.contains(&b'`');
    if !signs && !contains(line, b"(curl") && !contains(line, b"(wget") {
        return;
    }
    if downloads(line) && (piped_to_shell(line) || runs_what_it_marks(line) || substituted(line)) {
        found.add(text, Hit::new("shell", start, line, "downloads and runs"));
    }
}

/// The run around `at`, cut to [`LINE`] bytes, and where it starts.
fn line<'a>(text: &Text<'a>, at: usize) -> (&'a [u8], usize) {
    let start = text.back(at, LINE / 2, printable);
    let end = text.forward(at, (start + LINE).saturating_sub(at), printable);
    // A line that is cut begins with a word.
    let cut = printable(text.before(start)) && !text.before(start).is_ascii_whitespace();
    let word = text.slice(start..at).iter().position(|b| cut && b.is_ascii_whitespace());
    let start = start + word.unwrap_or(0);
    let line = text.slice(start..end);
    let skip = line.iter().take_while(|b| b.is_ascii_whitespace()).count();
    (line.trim_ascii(), start + skip)
}

fn contains(line: &[u8], word: &[u8]) -> bool {
    memchr::memmem::find(line, word).is_some()
}

/// The words of a line, split where a shell splits, paths cut to their last part.
fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|b| {
        b.is_ascii_whitespace()
            || matches!(b, b'|' | b';' | b'&' | b'(' | b')' | b'`' | b'"' | b'\'' | b'$')
    })
    .filter(|word| !word.is_empty())
    .map(|word| word.rsplit(|b| *b == b'/').next().unwrap_or(word))
}

fn downloads(line: &[u8]) -> bool {
    // What all of them have a piece of: splitting costs more.
    let pieces: [&[u8]; 6] = [b"curl", b"wget", b"fetch", b"ftp", b"scp", b"url"];
    if !contains(line, b"download") && !pieces.iter().any(|piece| contains(line, piece)) {
        return false;
    }
    words(line).any(|word| DOWNLOADERS.contains(&word))
        || contains(line, b"urlopen(")
        || contains(line, b"urlretrieve(")
}

/// `… | sh`, also `| sudo -E bash -s`.
fn piped_to_shell(line: &[u8]) -> bool {
    memchr::memchr_iter(b'|', line).any(|at| {
        let rest = line.get(at + 1..).unwrap_or_default();
        // `||` is no pipe.
        if rest.first() == Some(&b'|') || at > 0 && line.get(at - 1) == Some(&b'|') {
            return false;
        }
        let stage =
            rest.split(|b| matches!(b, b'|' | b';' | b'&' | b'>')).next().unwrap_or_default();
        words(stage)
            .find(|word| {
                !matches!(*word, b"sudo" | b"nohup" | b"env" | b"exec" | b"setsid" | b"busybox")
                    && !word.starts_with(b"-")
            })
            .is_some_and(|word| SHELLS.contains(&word))
    })
}

/// `chmod +x FILE` and FILE run afterwards, or a run of it from the current folder.
fn runs_what_it_marks(line: &[u8]) -> bool {
    let Some(at) = memchr::memmem::find(line, b"chmod ") else { return false };
    let rest = line.get(at..).unwrap_or_default();
    let mut commands = rest
        .split(|b| matches!(b, b';' | b'&' | b'|' | b'\n'))
        .filter(|c| !c.trim_ascii().is_empty());
    let Some(marked) = commands.next() else { return false };
    let Some(file) = marked.trim_ascii().rsplit(|b| *b == b' ').next() else { return false };
    commands.any(|command| {
        let command = command.trim_ascii();
        let own = command
            .strip_prefix(b"nohup ")
            .or_else(|| command.strip_prefix(b"sudo "))
            .or_else(|| command.strip_prefix(b"exec "))
            .unwrap_or(command);
        let own = own.split(|b| *b == b' ').next().unwrap_or_default();
        own.starts_with(b"./")
            || own == file && file.contains(&b'/')
            || (own == b"sh" || own == b"bash") && contains(command, file)
    })
}

/// `bash <(curl …)`, `sh -c "$(curl …)"`, `eval $(wget …)`.
fn substituted(line: &[u8]) -> bool {
    let opens: [&[u8]; 6] = [b"<(curl", b"<(wget", b"$(curl", b"$(wget", b"`curl", b"`wget"];
    opens.iter().any(|open| contains(line, open))
        && words(line).any(|word| SHELLS.contains(&word) || word == b"eval")
}

fn wired(line: &[u8]) -> bool {
    let signs: [&[u8]; 8] =
        [b">&", b"<>", b"0<&", b"exec ", b"bash", b"sh -i", b"cat <", b"> /dev/"];
    signs.iter().any(|sign| contains(line, sign))
}

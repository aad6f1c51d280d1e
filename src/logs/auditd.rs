//! auditd: the records of one event share a serial number and are put together: SYSCALL, SOCKADDR,
//! EXECVE, PROCTITLE, PATH, CWD. A connect names a process and whom it called, long after it ended.

use super::field::{count, nano};
use super::format::{Format, LineReader, Origin, Out, Shape, Took};
use super::row::{Event, Row, text};
use crate::facts::Time;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub(super) const FORMAT: Format = Format {
    name: "auditd",
    doc: "auditd's audit.log: SYSCALL with SOCKADDR, EXECVE and PROCTITLE",
    tables: &["events"],
    shape: Shape::Lines { tells, reader: || Box::new(Auditd::default()) },
};

/// Events that are open at once; records of one event lie close together.
const MOST: usize = 512;

/// A uid that is none.
const UNSET: u64 = 4_294_967_295;

fn tells(line: &[u8], _: &Origin) -> bool {
    record(line).is_some()
}

/// The type, the event's time and serial, and the fields.
fn record(line: &[u8]) -> Option<(&[u8], Time, u64, &[u8])> {
    let at = memchr::memmem::find(line.get(..200).unwrap_or(line), b"type=")?;
    let rest = line.get(at + 5..)?;
    let kind = rest.get(..memchr::memchr(b' ', rest)?)?;
    let open = memchr::memmem::find(rest, b"audit(")?;
    let stamp = rest.get(open + 6..)?;
    let close = memchr::memchr(b')', stamp)?;
    let (inside, fields) = stamp.split_at_checked(close)?;
    let colon = memchr::memchr(b':', inside)?;
    let (time, serial) = inside.split_at_checked(colon)?;
    let (time, serial) = match nano(time) {
        Some(time) => (Time(time), serial),
        // `ausearch -i` writes `11/22/2026 06:00:00.123:456`.
        None => {
            let colon = memchr::memrchr(b':', inside)?;
            let (time, serial) = inside.split_at_checked(colon)?;
            (interpreted(time)?, serial)
        }
    };
    Some((kind, time, count(serial.get(1..)?)?, fields.get(1..)?))
}

/// A time as `ausearch -i` writes it, in the machine's own zone: American, or with the year first.
fn interpreted(stamp: &[u8]) -> Option<Time> {
    let mut stamp = stamp.to_vec();
    let space = memchr::memchr(b' ', &stamp)?;
    *stamp.get_mut(space)? = b'-';
    let read = super::times::month_day(&stamp, None).or_else(|| super::times::iso(&stamp));
    read.map(|read| read.time)
}

/// A number, or a name that `ausearch -i` puts in its place.
fn user(fields: &[u8], name: &str) -> Option<u64> {
    number(fields, name).or_else(|| (field(fields, name)? == b"root").then_some(0))
}

/// What `ausearch -i` makes of an address: `{ saddr_fam=inet laddr=203.0.113.9 lport=3333 }`.
fn spelt(fields: &[u8]) -> Option<(IpAddr, u16)> {
    let host = super::field::address(field(fields, "laddr")?)?;
    Some((host, super::field::port(field(fields, "lport")?)?))
}

/// A field's value; quotes are taken away, and hexadecimal text is read where the field may be so
/// written.
fn field<'a>(fields: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let wanted = format!(" {name}=");
    let at = memchr::memmem::find(fields, wanted.as_bytes()).map(|at| at + wanted.len());
    let rest = fields.get(at?..)?;
    if let Some(inner) = rest.strip_prefix(b"\"") {
        return inner.get(..memchr::memchr(b'"', inner)?);
    }
    // The part that auditd enriches stands behind a group separator.
    let end = rest.iter().position(|b| matches!(b, b' ' | 0x1d)).unwrap_or(rest.len());
    rest.get(..end)
}

fn number(fields: &[u8], name: &str) -> Option<u64> {
    field(fields, name).and_then(count)
}

/// A text that may be hexadecimal: untrusted strings with spaces and quotes are written so.
fn decoded(fields: &[u8], name: &str) -> Option<Vec<u8>> {
    let value = field(fields, name)?;
    let quoted = memchr::memmem::find(fields, format!(" {name}=\"").as_bytes()).is_some();
    if matches!(value, b"(null)" | b"(none)" | b"?") {
        return None;
    }
    if quoted {
        return Some(value.to_vec());
    }
    hex(value).or_else(|| Some(value.to_vec()))
}

fn hex(text: &[u8]) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_chunks::<2>();
    if !rest.is_empty() || pairs.is_empty() {
        return None;
    }
    let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

/// An address as the kernel wrote it: family in the host's order, port in the network's.
fn sockaddr(hexadecimal: &[u8]) -> Option<(IpAddr, u16)> {
    let bytes = hex(hexadecimal)?;
    match bytes.as_slice() {
        // AF_INET on little-endian machines, and on others.
        [2, 0, high, low, rest @ ..] | [0, 2, high, low, rest @ ..] => {
            let octets = rest.first_chunk::<4>()?;
            Some((IpAddr::V4(Ipv4Addr::from(*octets)), u16::from_be_bytes([*high, *low])))
        }
        [10, 0, high, low, rest @ ..] | [0, 10, high, low, rest @ ..] => {
            let octets = rest.get(4..)?.first_chunk::<16>()?;
            let address = IpAddr::V6(Ipv6Addr::from(*octets)).to_canonical();
            Some((address, u16::from_be_bytes([*high, *low])))
        }
        _ => None,
    }
}

/// An event whose records are being gathered.
#[derive(Default)]
struct Open {
    order: u64,
    /// Its first line.
    place: u64,
    time: Time,
    syscall: Option<Event>,
    /// Number and architecture tell which call it was.
    call: Option<(u64, u64)>,
    exit: Option<i64>,
    remote: Option<(IpAddr, u16)>,
    arguments: Vec<u8>,
    title: Option<Vec<u8>>,
    path: Option<Vec<u8>>,
    node: Option<Vec<u8>>,
}

#[derive(Default)]
struct Auditd {
    open: BTreeMap<u64, Open>,
    order: u64,
}

/// Whether a title is spelt, with spaces, and not in hexadecimal or quotes.
fn interpreted_title(fields: &[u8]) -> bool {
    field(fields, "proctitle").is_some_and(|title| {
        memchr::memmem::find(fields, b" proctitle=\"").is_none() && hex(title).is_none()
    })
}

impl LineReader for Auditd {
    fn line(&mut self, line: &[u8], _: &Origin, out: &mut dyn Out) -> Took {
        if line == b"----" {
            return Took::Heading;
        }
        let Some((kind, time, serial, fields)) = record(line) else {
            return Took::no("no audit record");
        };
        let kind: &[u8] = match kind {
            // As the kernel's own log has it.
            b"1300" => b"SYSCALL",
            b"1302" => b"PATH",
            b"1306" => b"SOCKADDR",
            b"1309" => b"EXECVE",
            b"1320" => b"EOE",
            b"1327" => b"PROCTITLE",
            kind => kind,
        };
        if !matches!(
            kind,
            b"SYSCALL" | b"SOCKADDR" | b"EXECVE" | b"PROCTITLE" | b"PATH" | b"EOE" | b"CWD"
        ) {
            return Took::Other;
        }
        // Several hosts in one log may count alike.
        let another =
            |open: &Open| open.time != time || kind == b"SYSCALL" && open.syscall.is_some();
        if self.open.get(&serial).is_some_and(another)
            && let Some(open) = self.open.remove(&serial)
        {
            give(open, out);
        }
        if !self.open.contains_key(&serial) {
            if self.open.len() >= MOST {
                let first = self.open.iter().min_by_key(|(_, open)| open.order).map(|(s, _)| *s);
                if let Some(open) = first.and_then(|serial| self.open.remove(&serial)) {
                    give(open, out);
                }
            }
            self.order += 1;
            self.open.insert(
                serial,
                Open { order: self.order, place: out.at(), time, ..Open::default() },
            );
        }
        let Some(open) = self.open.get_mut(&serial) else { return Took::Yes };
        match kind {
            b"SYSCALL" => {
                let mut small = |name| {
                    let (written, read) = (field(fields, name)?, user(fields, name));
                    if read == Some(UNSET) || written == b"-1" {
                        return None;
                    }
                    let read = read.and_then(|number| u32::try_from(number).ok());
                    // A name may stand there as well.
                    if read.is_none() && written.first().is_some_and(|b| !b.is_ascii_alphabetic()) {
                        out.damaged(name, written);
                    }
                    read
                };
                let mut event = Event::new("auditd", "other");
                event.pid = small("pid");
                event.ppid = small("ppid");
                event.uid = small("uid");
                event.loginuid = small("auid");
                event.comm = decoded(fields, "comm").and_then(|c| text(&c));
                event.exe = decoded(fields, "exe").and_then(|c| text(&c));
                event.success = field(fields, "success").map(|s| s == b"yes");
                event.detail = decoded(fields, "key").and_then(|k| text(&k));
                let arch = field(fields, "arch")
                    .and_then(|a| u64::from_str_radix(std::str::from_utf8(a).ok()?, 16).ok());
                open.call = arch.zip(number(fields, "syscall")).or_else(|| {
                    let name = field(fields, "syscall")?;
                    Some((X86_64, NAMED.iter().find(|(known, _)| known.as_bytes() == name)?.1))
                });
                open.exit = field(fields, "exit").and_then(|e| {
                    if e.starts_with(b"EINPROGRESS") {
                        return Some(EINPROGRESS);
                    }
                    std::str::from_utf8(e).ok()?.parse().ok()
                });
                open.node = line
                    .strip_prefix(b"node=")
                    .and_then(|n| n.split(|b| *b == b' ').next())
                    .map(<[u8]>::to_vec);
                open.syscall = Some(event);
            }
            b"SOCKADDR" => {
                open.remote = field(fields, "saddr").and_then(sockaddr).or_else(|| spelt(fields));
                if let (None, Some(host)) = (open.remote, field(fields, "laddr")) {
                    out.damaged("laddr", host);
                }
            }
            b"EXECVE" => {
                for place in 0..number(fields, "argc").unwrap_or(0).min(256) {
                    let Some(word) = decoded(fields, &format!("a{place}")) else { continue };
                    if open.arguments.len() > 4096 {
                        break;
                    }
                    if !open.arguments.is_empty() {
                        open.arguments.push(b' ');
                    }
                    open.arguments.extend(word);
                }
            }
            b"PROCTITLE" if interpreted_title(fields) => {
                let at = memchr::memmem::find(fields, b" proctitle=").map_or(0, |at| at + 11);
                open.title = fields.get(at..).map(|title| title.trim_ascii().to_vec());
            }
            b"PROCTITLE" => {
                let mut title = decoded(fields, "proctitle");
                title.iter_mut().flatten().filter(|b| **b == 0).for_each(|b| *b = b' ');
                open.title = title;
            }
            b"PATH" if open.path.is_none() => open.path = decoded(fields, "name"),
            _ => {}
        }
        // PROCTITLE ends an event; EOE is often left out of the log. ausearch turns it all round.
        let ends = kind == b"EOE" || kind == b"PROCTITLE" && open.syscall.is_some();
        if ends && let Some(open) = self.open.remove(&serial) {
            give(open, out);
        }
        Took::Yes
    }

    fn end(&mut self, out: &mut dyn Out) {
        let mut rest: Vec<Open> = std::mem::take(&mut self.open).into_values().collect();
        rest.sort_by_key(|open| open.order);
        rest.into_iter().for_each(|open| give(open, out));
    }
}

/// Calls as `ausearch -i` names them.
const NAMED: &[(&str, u64)] = &[
    ("connect", 42),
    ("accept", 43),
    ("accept4", 288),
    ("sendto", 44),
    ("sendmsg", 46),
    ("bind", 49),
    ("execve", 59),
    ("execveat", 322),
];

const X86_64: u64 = 0xc000_003e;
const AARCH64: u64 = 0xc000_00b7;
/// `Operation now in progress`: what a connect that does not wait answers.
const EINPROGRESS: i64 = -115;

fn give(open: Open, out: &mut dyn Out) {
    let Some(mut event) = open.syscall else { return };
    let named = match open.call {
        Some((X86_64, 42) | (AARCH64, 203)) => "connect",
        Some((X86_64, 44 | 46) | (AARCH64, 206 | 211)) => "send",
        Some((X86_64, 49) | (AARCH64, 200)) => "bind",
        Some((X86_64, 43 | 288) | (AARCH64, 202 | 242)) => "accept",
        Some((X86_64, 59 | 322) | (AARCH64, 221 | 281)) => "exec",
        _ => "",
    };
    event.time = Some(open.time);
    event.hostname = open.node.as_deref().and_then(text);
    event.command = text(&open.arguments).or_else(|| open.title.as_deref().and_then(text));
    if let Some((address, port)) = open.remote {
        event.event = "network";
        event.outgoing = match named {
            "accept" => Some(false),
            "bind" => None,
            _ => Some(true),
        };
        if named == "bind" {
            (event.local_address, event.local_port) = (Some(address), Some(port));
        } else {
            (event.remote_address, event.remote_port) = (Some(address), Some(port));
        }
        if open.exit == Some(EINPROGRESS) {
            event.success = Some(true);
        }
    } else if named == "exec" || !open.arguments.is_empty() {
        event.event = "process";
        event.path = open.path.as_deref().and_then(text);
    } else {
        event.path = open.path.as_deref().and_then(text);
    }
    out.earlier(open.place, Row::Event(Box::new(event)));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// By hand after `struct sockaddr_in6`: family 10 in the machine's order (0A00), port 3333 =
    /// 0x0D05, flow label 0, sixteen bytes of address, scope 0.
    #[test]
    fn what_ausearch_interpreted_is_read() {
        let (kind, time, serial, fields) = record(
            b"type=SYSCALL msg=audit(11/22/2026 06:00:00.123:456) : arch=x86_64 syscall=connect success=no exit=EINPROGRESS(Operation now in progress) pid=4242 uid=root",
        )
        .unwrap();
        assert_eq!((kind, serial), (&b"SYSCALL"[..], 456));
        assert_eq!(time.to_string(), "2026-11-22T06:00:00.123Z");
        assert_eq!((user(fields, "uid"), user(fields, "pid")), (Some(0), Some(4242)));
        let spelling = b" : saddr={ saddr_fam=inet6 laddr=2001:db8::9 lport=3333 } ";
        assert_eq!(spelt(spelling), Some(("2001:db8::9".parse().unwrap(), 3333)));
        assert!(interpreted_title(b" proctitle=/tmp/x -o pool"));
        assert!(
            !interpreted_title(b" proctitle=2F746D70") && !interpreted_title(b" proctitle=\"sh\"")
        );
    }

    #[test]
    fn addresses_as_the_kernel_writes_them() {
        let v6 = b"0A000D050000000020010DB800000000000000000000000900000000";
        assert_eq!(sockaddr(v6), Some(("2001:db8::9".parse().unwrap(), 3333)));
        // A link-local one with its scope: interface 2.
        let local = b"0A0001BB00000000FE80000000000000020C29FFFE3A4B5C02000000";
        assert_eq!(sockaddr(local), Some(("fe80::20c:29ff:fe3a:4b5c".parse().unwrap(), 443)));
        // An IPv4 address through an IPv6 socket is that IPv4 address.
        let mapped = b"0A000D050000000000000000000000000000FFFFC633640900000000";
        assert_eq!(sockaddr(mapped), Some(("198.51.100.9".parse().unwrap(), 3333)));
        // The same two of a machine whose order is the network's.
        let big = b"000A0D050000000020010DB800000000000000000000000900000000";
        assert_eq!(sockaddr(big), Some(("2001:db8::9".parse().unwrap(), 3333)));
        let v4 = b"02000D05C63364090000000000000000";
        assert_eq!(sockaddr(v4), Some(("198.51.100.9".parse().unwrap(), 3333)));
        // Cut, of another family (a path: AF_UNIX), or no hexadecimal at all.
        for none in [&v6[..40], b"01002F72756E2F78", b"xyz", b""] {
            assert_eq!(sockaddr(none), None);
        }
    }
}

//! IPv4 and IPv6 addresses with a port; without one, only where the text says what it is for.

use super::{pool, resolvers, wallet};
use crate::carve::scan::{Found, Hit, Text, printable};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

/// An IPv4 address in text.
pub(super) struct Quad {
    pub(super) address: Ipv4Addr,
    /// The address without its port.
    pub(super) range: Range<usize>,
    pub(super) port: Option<u16>,
}

/// Words before a bare address that say it is dialled, not shown. All in lower case.
const CONTROL: &[&[u8]] = &[
    b"dial",
    b"connect",
    b"server",
    b"host",
    b"remote",
    b"target",
    b"addr",
    b"address",
    b"ip",
    b"c2",
    b"cnc",
    b"control",
    b"controller",
    b"master",
    b"pool",
    b"url",
    b"proxy",
    b"upstream",
    b"endpoint",
    b"callback",
    b"beacon",
    b"gate",
    b"peer",
];

/// Looks at the first dot of what may be an IPv4 address.
pub(in crate::carve) fn dots(text: &Text<'_>, dot: usize, found: &mut Found) {
    let Some(quad) = quad(text, dot) else { return };
    let (start, end) = (quad.range.start, quad.range.end);
    let host = text.slice(start..end);
    if let Some(port) = quad.port {
        if !worth(quad.address) {
            return;
        }
        super::miner::option_target(text, end, found);
        found.add(
            text,
            Hit::new(
                "address",
                start,
                format!("{}:{port}", quad.address),
                "an address with a port",
            )
            .host(host, Some(port)),
        );
        return;
    }
    if !public(quad.address) || !closed(text.byte(end)) {
        return;
    }
    let word_end = text.back(start, 4, |b| matches!(b, b' ' | b'=' | b':' | b'"' | b'\''));
    let word_start = text.back(word_end, 16, |b| b.is_ascii_alphanumeric());
    let word = text.slice(word_start..word_end).to_ascii_lowercase();
    if word_end < start && CONTROL.contains(&word.as_slice()) {
        let port = spaced_port(text, end);
        let value = port
            .map_or_else(|| quad.address.to_string(), |port| format!("{}:{port}", quad.address));
        let why = format!("an address after the word \"{}\"", String::from_utf8_lossy(&word));
        found.add(text, Hit::new("address", start, value, &why).host(host, port));
    } else if !printable(text.before(start))
        && text.byte(end) == 0
        && deliberate(quad.address)
        && (!resolvers::known(quad.address) || wallet::mining_near(text, start))
    {
        found.add(
            text,
            Hit::new(
                "address",
                start,
                quad.address.to_string(),
                "a public address that is a string of its own",
            )
            .host(host, None),
        );
    }
}

/// The address whose first dot stands at `dot`, and its port.
pub(super) fn quad(text: &Text<'_>, dot: usize) -> Option<Quad> {
    let start = text.back(dot, 4, |b| b.is_ascii_digit());
    let before = text.before(start);
    if before.is_ascii_alphanumeric()
        || matches!(before, b'.' | b'_' | b'-' | b'+' | b'~') && before != b'-'
    {
        return None;
    }
    let mut octets = [0_u8; 4];
    let mut at = start;
    for (number, octet) in octets.iter_mut().enumerate() {
        if number > 0 {
            if text.byte(at) != b'.' {
                return None;
            }
            at += 1;
        }
        let end = text.forward(at, 4, |b| b.is_ascii_digit());
        let digits = text.slice(at..end);
        if digits.len() > 1 && digits.first() == Some(&b'0') {
            return None;
        }
        *octet = std::str::from_utf8(digits).ok()?.parse().ok()?;
        at = end;
    }
    let after = text.byte(at);
    let next = text.byte(at + 1);
    if after.is_ascii_alphanumeric()
        || after == b'_'
        || matches!(after, b'.' | b'-' | b'+' | b'~') && next.is_ascii_alphanumeric()
    {
        return None;
    }
    Some(Quad { address: Ipv4Addr::from(octets), range: start..at, port: port(text, at) })
}

/// The port after a colon at `colon`.
pub(super) fn port(text: &Text<'_>, colon: usize) -> Option<u16> {
    if text.byte(colon) != b':' {
        return None;
    }
    number(text, colon + 1)
}

/// `dial 203.0.113.66 3956`
fn spaced_port(text: &Text<'_>, end: usize) -> Option<u16> {
    let at = text.forward(end, 2, |b| matches!(b, b' ' | b',' | b'\t'));
    if at == end { None } else { number(text, at) }
}

fn number(text: &Text<'_>, at: usize) -> Option<u16> {
    let end = text.forward(at, 6, |b| b.is_ascii_digit());
    let next = text.byte(end);
    if end == at
        || next.is_ascii_alphanumeric()
        || next == b'.' && text.byte(end + 1).is_ascii_digit()
    {
        return None;
    }
    let port: u16 = std::str::from_utf8(text.slice(at..end)).ok()?.parse().ok()?;
    (port != 0).then_some(port)
}

/// `[2001:db8::1]:3333`, with the closing bracket before `colon`.
pub(super) fn bracketed(text: &Text<'_>, colon: usize, found: &mut Found) {
    let close = colon.saturating_sub(1);
    let inside = |b: u8| b.is_ascii_hexdigit() || matches!(b, b':' | b'.');
    let start = text.back(close, 46, inside);
    if text.before(start) != b'[' {
        return;
    }
    let host = text.slice(start..close);
    let Some(address) = std::str::from_utf8(host).ok().and_then(|s| s.parse::<Ipv6Addr>().ok())
    else {
        return;
    };
    let Some(port) = port(text, colon) else { return };
    if address.is_loopback() || address.is_unspecified() {
        return;
    }
    found.add(
        text,
        Hit::new("address", start - 1, format!("[{address}]:{port}"), "an address with a port")
            .host(host, Some(port)),
    );
}

/// What ends an address as a writer ends it, and not what memory happens to hold after a cut one.
const fn closed(byte: u8) -> bool {
    matches!(
        byte,
        0 | b' '
            | b'\t'
            | b'\r'
            | b'\n'
            | b'"'
            | b'\''
            | b','
            | b';'
            | b')'
            | b']'
            | b'}'
            | b'/'
            | b'<'
            | b'>'
            | b'|'
            | b'&'
            | b'.'
    )
}

const fn worth(address: Ipv4Addr) -> bool {
    !(address.is_loopback()
        || address.is_unspecified()
        || address.is_broadcast()
        || address.octets()[0] == 0)
}

const fn public(address: Ipv4Addr) -> bool {
    worth(address)
        && !address.is_private()
        && !address.is_link_local()
        && !address.is_multicast()
        && address.octets()[0] < 240
}

/// Four small numbers are a version or an object identifier, not an address.
fn deliberate(address: Ipv4Addr) -> bool {
    let [first, ..] = address.octets();
    first > 2 && address.octets().iter().filter(|octet| **octet >= 20).count() >= 2
}

/// Whether an address stands in a mining context is told by the context: see [`pool::near`].
pub(super) fn bare_near(text: &Text<'_>, quad: &Quad, why: &str, found: &mut Found) {
    if public(quad.address) && closed(text.byte(quad.range.end)) {
        let host = text.slice(quad.range.clone());
        let why = format!("an address {why}");
        found.add(
            text,
            Hit::new("address", quad.range.start, quad.address.to_string(), &why).host(host, None),
        );
    }
}

/// An address with a port in a mining context is a pool until shown otherwise.
pub(super) fn pool_near(text: &Text<'_>, quad: &Quad, port: u16, why: &str, found: &mut Found) {
    if worth(quad.address) {
        let host = text.slice(quad.range.clone());
        pool::add(
            text,
            quad.range.start,
            host,
            Some(port),
            &format!("an address with a port {why}"),
            found,
        );
    }
}

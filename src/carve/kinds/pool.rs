//! Mining pools: by the names of a list, and by the context that a name with a port stands in.

use super::{Kind, address, url};
use crate::carve::scan::{Found, Hit, Text};
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::LazyLock;

/// The list that playbooks have as the table `pools`.
const POOLS: &str = include_str!("../../../playbooks/lookups/pools.csv");

struct Pool {
    domain: &'static str,
    coins: &'static str,
}

static LIST: LazyLock<Vec<Pool>> = LazyLock::new(|| {
    let rows = POOLS.lines().filter(|line| !line.starts_with('#')).skip(1);
    rows.filter_map(|row| {
        let mut cells = row.splitn(4, ',');
        let domain = cells.next().filter(|domain| domain.len() >= 6)?;
        Some(Pool { domain, coins: cells.nth(1).unwrap_or_default() })
    })
    .collect()
});

static BY_DOMAIN: LazyLock<HashMap<&'static [u8], &'static Pool>> =
    LazyLock::new(|| LIST.iter().map(|pool| (pool.domain.as_bytes(), pool)).collect());

pub(super) const KIND: Kind = Kind { literals, examine };

fn literals() -> Vec<&'static str> {
    LIST.iter().map(|pool| pool.domain).collect()
}

/// The pool that a host name belongs to, by its own name or one above it: domain and coins.
pub(super) fn known(host: &[u8]) -> Option<(&'static str, &'static str)> {
    let host = host.to_ascii_lowercase();
    let mut name = host.as_slice();
    loop {
        if let Some(pool) = BY_DOMAIN.get(name) {
            return Some((pool.domain, pool.coins));
        }
        let dot = name.iter().position(|b| *b == b'.')?;
        name = name.get(dot + 1..)?;
    }
}

pub(super) const fn name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_')
}

/// Adds a pool; what is known of it goes into the detail. The value is `host:port`.
pub(super) fn add<'a>(
    text: &Text<'a>,
    at: usize,
    host: &'a [u8],
    port: Option<u16>,
    why: &str,
    found: &mut Found,
) {
    let mut value = host.to_ascii_lowercase();
    if let Some(port) = port {
        value.extend_from_slice(format!(":{port}").as_bytes());
    }
    let kind = if port.is_some() { "pool" } else { "domain" };
    let mut hit = Hit::new(kind, at, value, why).host(host, port);
    if let Some((domain, coins)) = known(host) {
        hit = hit.detail(if coins.is_empty() {
            domain.to_owned()
        } else {
            format!("{domain} ({coins})")
        });
    }
    found.add(text, hit);
}

fn examine(text: &Text<'_>, range: Range<usize>, _: usize, found: &mut Found) {
    let next = text.byte(range.end);
    if next.is_ascii_alphanumeric() || matches!(next, b'-' | b'_') {
        return;
    }
    if next == b'.' && text.byte(range.end + 1).is_ascii_alphanumeric() {
        return;
    }
    let start = text.back(range.start, 200, name_byte);
    let start = if formed(text, start) { range.start } else { start };
    if start < range.start && text.before(range.start) != b'.' {
        return;
    }
    let host = text.slice(start..range.end);
    let host_start = start + host.iter().take_while(|b| !b.is_ascii_alphanumeric()).count();
    let host_start = escaped(text, host_start, range.start.max(host_start));
    let host = text.slice(host_start..range.end);
    let port = address::port(text, range.end);
    add(text, host_start, host, port, "the name of a known mining pool", found);
}

/// Bytes to either side of a mining anchor in which a name with a port is taken for a pool.
const NEAR: usize = 512;

/// Adds each `host:port` near a mining anchor as a pool, and each bare public address.
pub(super) fn near(text: &Text<'_>, at: usize, why: &'static str, found: &mut Found) {
    let (from, to) = (at.saturating_sub(NEAR), (at + NEAR).min(text.length()));
    let (first, step) = (text.place(from), text.step.max(1));
    let fresh = found.begun().fresh(why, first..text.place(to));
    let from = from + usize::try_from(fresh.start.saturating_sub(first) / step).unwrap_or(0);
    let mut dot = from;
    while let Some(next) = memchr::memchr2(b'.', b':', text.slice(dot..to)) {
        let here = dot + next;
        dot = here + 1;
        if text.byte(here) == b':' {
            named(text, here, why, found);
        } else if let Some(quad) = address::quad(text, here) {
            match quad.port {
                // What a URL leads to is told there.
                _ if url::mines(text, quad.range.start) => {}
                Some(port) => address::pool_near(text, &quad, port, why, found),
                None if url::leads(text, quad.range.start) => {}
                None => address::bare_near(text, &quad, why, found),
            }
            dot = quad.range.end;
        }
    }
}

/// Endings that look like a country's and name a source file: `client.cc:120`.
const FILES: &[&[u8]] = &[
    b"c", b"h", b"cc", b"cpp", b"hpp", b"py", b"rs", b"go", b"js", b"ts", b"java", b"rb", b"pl",
    b"so", b"sh", b"conf", b"json", b"log", b"txt", b"service", b"html", b"md",
];

/// A host name that ends at `end`: where it starts.
pub(super) fn name_back(text: &Text<'_>, end: usize) -> Option<usize> {
    let start = text.back(end, 200, name_byte);
    if formed(text, start) {
        return None;
    }
    let skip = text.slice(start..end).iter().take_while(|b| !b.is_ascii_alphanumeric()).count();
    let start = escaped(text, start + skip, end);
    named_host(text.slice(start..end)).then_some(start)
}

/// Where a name begins that follows an escape: `\n` written out, or a colour of a terminal.
fn escaped(text: &Text<'_>, start: usize, end: usize) -> usize {
    let name = text.slice(start..end);
    if text.before(start) == b'\\' && matches!(name.first(), Some(b'n' | b'r' | b't')) {
        return start + 1;
    }
    let digits = name.iter().take_while(|b| b.is_ascii_digit()).count();
    if name.get(digits) == Some(&b'm') && matches!(text.before(start), b'[' | b';') {
        let codes = text.back(start, 16, |b| b.is_ascii_digit() || matches!(b, b';' | b'['));
        if codes < start && text.before(codes) == 0x1b {
            return start + digits + 1;
        }
    }
    start
}

/// The ends of known pools' names, cut within a word.
static REMNANTS: LazyLock<HashSet<&'static [u8]>> = LazyLock::new(|| {
    let ends = |name: &'static str| {
        let cuts = (1..name.len()).filter(|cut| name.as_bytes().get(cut - 1) != Some(&b'.'));
        cuts.filter_map(|cut| name.as_bytes().get(cut..))
    };
    LIST.iter().flat_map(|pool| ends(pool.domain)).collect()
});

/// The end of a known pool's name: what another string left of it.
fn remnant(host: &[u8]) -> bool {
    known(host).is_none() && REMNANTS.contains(host)
}

/// Whether this is a host name with a domain, and no source file.
pub(in crate::carve) fn named_host(host: &[u8]) -> bool {
    let mut labels = host.split(|b| *b == b'.');
    let last = host.rsplit(|b| *b == b'.').next().unwrap_or_default();
    let fine = |label: &[u8]| !label.is_empty() && label.len() <= 63 && !label.starts_with(b"-");
    host.len() >= 4
        && host.contains(&b'.')
        && labels.all(fine)
        && last.len() >= 2
        && (last.iter().all(u8::is_ascii_alphabetic) || punycode(last))
        && (!FILES.contains(&last.to_ascii_lowercase().as_slice()) || known(host).is_some())
}

/// A top-level domain that is not written in ASCII.
fn punycode(label: &[u8]) -> bool {
    label.len() > 6
        && label.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"xn--"))
        && label.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-')
        && !label.ends_with(b"-")
}

/// Whether the letters that begin here are what a form leaves behind its `%s` or `{}`.
fn formed(text: &Text<'_>, start: usize) -> bool {
    matches!(text.before(start), b'%' | b'}')
}

fn named(text: &Text<'_>, colon: usize, why: &str, found: &mut Found) {
    if !text.before(colon).is_ascii_alphanumeric() {
        return;
    }
    let Some(port) = address::port(text, colon).filter(|port| *port >= 10) else { return };
    if let Some(start) = name_back(text, colon)
        && !url::mines(text, start)
        && !remnant(&text.slice(start..colon).to_ascii_lowercase())
    {
        add(
            text,
            start,
            text.slice(start..colon),
            Some(port),
            &format!("a name with a port {why}"),
            found,
        );
    }
}

//! Ranges of addresses that the user listed: an address that stands in the bytes is held against them.

use super::{Found, Hit, Text};
use crate::carve::ioc::{Form, Ioc};
use std::net::{IpAddr, Ipv4Addr};
use std::ops::Range;

/// Ranges looked for in bytes; further ones are held against the facts alone.
pub(crate) const MOST: usize = 1_000;

/// The longest address in text.
const LONGEST: usize = 45;

/// Those of IPv4. Of IPv6 the first groups are a literal, as all else that is listed.
pub(super) fn told(iocs: &[Ioc]) -> Vec<Ioc> {
    let narrow = |ioc: &&Ioc| ioc.form == Form::Range && !ioc.value.contains(':');
    iocs.iter().filter(narrow).take(MOST).cloned().collect()
}

/// Looks at the first dot of an address of IPv4.
pub(super) fn dot(
    ranges: &[Ioc],
    text: &Text<'_>,
    at: usize,
    owned: &Range<usize>,
    found: &mut Found,
) {
    if ranges.is_empty() || !owned.contains(&at) {
        return;
    }
    let start = text.back(at, 4, |b| b.is_ascii_digit());
    let end = text.forward(at, 13, |b| b.is_ascii_digit() || b == b'.');
    let Some(address) = std::str::from_utf8(text.slice(start..end))
        .ok()
        .and_then(|address| address.trim_end_matches('.').parse::<Ipv4Addr>().ok())
    else {
        return;
    };
    if !matches!(text.before(start), b'.' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'_') {
        for range in ranges.iter().filter(|range| range.holds(IpAddr::V4(address))) {
            note(range, text, start, IpAddr::V4(address), found);
        }
    }
}

/// Looks at the first groups of an address of IPv6 that may lie in this range.
pub(super) fn groups(range: &Ioc, text: &Text<'_>, start: usize, found: &mut Found) {
    let end = text.forward(start, LONGEST, |b| b.is_ascii_hexdigit() || b == b':');
    let inside = |b: u8| b.is_ascii_alphanumeric() || b == b':';
    let address = std::str::from_utf8(text.slice(start..end)).ok().and_then(|a| a.parse().ok());
    if let Some(address) = address
        && !inside(text.before(start))
        && range.holds(address)
    {
        note(range, text, start, address, found);
    }
}

fn note(range: &Ioc, text: &Text<'_>, start: usize, address: IpAddr, found: &mut Found) {
    let why = format!("in {}, listed in {} as range {}", range.value, range.list, range.label);
    found.add(text, Hit::new("ioc", start, address.to_string(), why.trim_end()).detail("range"));
}

//! Functions over addresses.

use crate::facts::{Error, Facts};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Ranges that are not routed on the internet: IANA's special-purpose registries, multicast and
/// reserved. What IANA marks as globally reachable within them is in [`GLOBAL`].
const SPECIAL: &[(IpAddr, u8)] = &[
    v4(0, 0, 0, 0, 8),
    v4(10, 0, 0, 0, 8),
    v4(100, 64, 0, 0, 10),
    v4(127, 0, 0, 0, 8),
    v4(169, 254, 0, 0, 16),
    v4(172, 16, 0, 0, 12),
    v4(192, 0, 0, 0, 24),
    v4(192, 0, 2, 0, 24),
    v4(192, 88, 99, 0, 24),
    v4(192, 168, 0, 0, 16),
    v4(198, 18, 0, 0, 15),
    v4(198, 51, 100, 0, 24),
    v4(203, 0, 113, 0, 24),
    v4(224, 0, 0, 0, 3),
    v6([0, 0, 0, 0, 0, 0, 0, 0], 96),
    v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48),
    v6([0x100, 0, 0, 0, 0, 0, 0, 0], 63),
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23),
    v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32),
    v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20),
    v6([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16),
    v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7),
    v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10),
    v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10),
    v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8),
];

/// Islands within [`SPECIAL`] that are routed: anycast of PCP, TURN and AS112, and Teredo's and
/// ORCHID's neighbours.
const GLOBAL: &[(IpAddr, u8)] = &[
    v4(192, 0, 0, 9, 32),
    v4(192, 0, 0, 10, 32),
    v6([0x2001, 1, 0, 0, 0, 0, 0, 1], 128),
    v6([0x2001, 1, 0, 0, 0, 0, 0, 2], 128),
    v6([0x2001, 3, 0, 0, 0, 0, 0, 0], 32),
    v6([0x2001, 4, 0x112, 0, 0, 0, 0, 0], 48),
    v6([0x2001, 0x20, 0, 0, 0, 0, 0, 0], 28),
    v6([0x2001, 0x30, 0, 0, 0, 0, 0, 0], 28),
];

const fn v4(a: u8, b: u8, c: u8, d: u8, bits: u8) -> (IpAddr, u8) {
    (IpAddr::V4(Ipv4Addr::new(a, b, c, d)), bits)
}

const fn v6(s: [u16; 8], bits: u8) -> (IpAddr, u8) {
    let [a, b, c, d, e, f, g, h] = s;
    (IpAddr::V6(Ipv6Addr::new(a, b, c, d, e, f, g, h)), bits)
}

/// An address as /proc, logs and binaries write it; a zone is dropped, and an IPv4 address that
/// is mapped into IPv6 or carried by 6to4 or NAT64 is what it carries.
fn parse(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_start_matches('[').trim_end_matches(']');
    let text = text.split_once('%').map_or(text, |(address, _)| address);
    Some(text.parse::<IpAddr>().ok()?.to_canonical())
}

/// Whether it is routed on the internet; [`None`] for what is no address.
pub(super) fn public(text: &str) -> Option<bool> {
    let address = parse(text)?;
    let any = |ranges: &[(IpAddr, u8)]| ranges.iter().any(|(r, bits)| inside(address, *r, *bits));
    if let IpAddr::V6(v6) = address
        && let Some(carried) = carried(v6)
    {
        return public(&carried.to_string());
    }
    Some(!any(SPECIAL) || any(GLOBAL))
}

/// The IPv4 address in one of 6to4 (2002::/16) or NAT64 (64:ff9b::/96).
fn carried(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let (high, low) = match (a, b) {
        (0x2002, _) => (b, c),
        (0x64, 0xff9b) if [c, d, e, f] == [0; 4] => (g, h),
        _ => return None,
    };
    Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
}

/// Whether it lies in a range; a range without bits is one address.
pub(super) fn within(address: &str, range: &str) -> bool {
    let (base, bits) = match range.split_once('/') {
        Some((base, bits)) => (base, bits.trim().parse::<u8>().ok()),
        None => (range, Some(u8::MAX)),
    };
    match (parse(address), parse(base), bits) {
        (Some(address), Some(base), Some(bits)) => inside(address, base, bits),
        _ => false,
    }
}

fn inside(address: IpAddr, base: IpAddr, bits: u8) -> bool {
    match (address, base) {
        (IpAddr::V4(a), IpAddr::V4(b)) => {
            let shift = 32u32.saturating_sub(bits.into());
            a.to_bits().checked_shr(shift) == b.to_bits().checked_shr(shift)
        }
        (IpAddr::V6(a), IpAddr::V6(b)) => {
            let shift = 128u32.saturating_sub(bits.into());
            a.to_bits().checked_shr(shift) == b.to_bits().checked_shr(shift)
        }
        _ => false,
    }
}

/// Ranges of addresses, parsed once to be held against many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ranges(Vec<(IpAddr, u8)>);

impl Ranges {
    /// The lookup `internal_ranges`, the user's rows included; [`crate::judge::prepare`] made it.
    ///
    /// # Errors
    /// Where it was not made.
    pub fn internal(facts: &Facts) -> Result<Self, Error> {
        Self::of(facts, "SELECT range FROM internal_ranges WHERE range IS NOT NULL")
    }

    /// Those that a query gives; what is no range is left out.
    ///
    /// # Errors
    /// Where SQLite refuses the query.
    pub fn of(facts: &Facts, query: &str) -> Result<Self, Error> {
        let ranges = facts.rows(query, [], |row| row.get::<_, String>(0))?;
        Ok(ranges.iter().map(String::as_str).collect())
    }

    /// Whether the address lies in one of them.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|(base, bits)| inside(address, *base, *bits))
    }
}

impl<'a> FromIterator<&'a str> for Ranges {
    fn from_iter<I: IntoIterator<Item = &'a str>>(ranges: I) -> Self {
        let parsed = |range: &str| {
            let (base, bits) = match range.split_once('/') {
                Some((base, bits)) => (base, bits.trim().parse().ok()?),
                None => (range, u8::MAX),
            };
            Some((parse(base)?, bits))
        };
        Self(ranges.into_iter().filter_map(parsed).collect())
    }
}

/// Whether an address is routed on the internet, as the function `public` has it.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    public(&address.to_string()).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_knows_the_special_ranges() {
        for address in
            ["1.1.1.1", "102.208.3.5", "::ffff:8.8.8.8", "2606:4700::1111", "2002:808:808::1"]
        {
            assert_eq!(public(address), Some(true), "{address}");
        }
        for address in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.53",
            "169.254.169.254",
            "172.31.255.255",
            "192.168.0.1",
            "198.51.100.7",
            "203.0.113.99",
            "224.0.0.251",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1%eth0",
            "fd00::1",
            "ff02::1",
            "2001:db8::1",
            "::ffff:192.168.1.1",
            "2002:a00:1::1",
            "64:ff9b::a00:1",
        ] {
            assert_eq!(public(address), Some(false), "{address}");
        }
        assert_eq!(public("localhost"), None);
        assert_eq!(public(""), None);
    }

    #[test]
    fn cidr_compares_addresses_of_one_family() {
        assert!(within("10.200.0.1", "10.0.0.0/8"));
        assert!(!within("11.0.0.1", "10.0.0.0/8"));
        assert!(within("::ffff:10.0.0.1", "10.0.0.0/8"));
        assert!(within("2001:db8::5", "2001:db8::/32"));
        assert!(!within("2001:db8::5", "0.0.0.0/0"));
        assert!(within("1.2.3.4", "0.0.0.0/0"));
        assert!(within("1.2.3.4", "1.2.3.4"));
        assert!(!within("1.2.3.4", "1.2.3.4/x"));
        assert!(!within("x", "1.2.3.4/8"));
    }
}

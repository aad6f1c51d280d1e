//! One field's bytes as a value. Nothing here allocates: millions of fields pass through.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};

/// A whole number; [`None`] for anything else, a sign and what does not fit included.
pub(super) fn count(bytes: &[u8]) -> Option<u64> {
    if bytes.is_empty() || bytes.len() > 20 {
        return None;
    }
    if bytes.len() < 20 {
        // So many digits always fit.
        return bytes.iter().try_fold(0u64, |sum, byte| {
            let digit = byte.wrapping_sub(b'0');
            (digit < 10).then(|| sum.wrapping_mul(10).wrapping_add(digit.into()))
        });
    }
    bytes.iter().try_fold(0u64, |sum, byte| {
        let digit = byte.checked_sub(b'0').filter(|d| *d < 10)?;
        sum.checked_mul(10)?.checked_add(digit.into())
    })
}

/// A port.
pub(super) fn port(bytes: &[u8]) -> Option<u16> {
    count(bytes).and_then(|number| u16::try_from(number).ok())
}

/// An address, with or without brackets and zone; IPv4 within IPv6 is IPv4.
pub(super) fn address(bytes: &[u8]) -> Option<IpAddr> {
    if let Some(v4) = dotted(bytes) {
        return Some(IpAddr::V4(v4));
    }
    if bytes.len() > 64 || !bytes.contains(&b':') {
        return None;
    }
    let text = std::str::from_utf8(bytes).ok()?.trim_start_matches('[').trim_end_matches(']');
    let text = text.split_once('%').map_or(text, |(address, _)| address);
    Some(text.parse::<IpAddr>().ok()?.to_canonical())
}

/// The usual case without going through text.
fn dotted(bytes: &[u8]) -> Option<Ipv4Addr> {
    if bytes.len() < 7 || bytes.len() > 15 {
        return None;
    }
    let (mut bits, mut part, mut digits, mut dots) = (0u32, 0u32, 0u32, 0u32);
    for byte in bytes {
        match byte {
            b'0'..=b'9' => {
                part = part * 10 + u32::from(byte - b'0');
                digits += 1;
                if part > 255 || digits > 3 {
                    return None;
                }
            }
            b'.' if digits > 0 && dots < 3 => {
                bits = bits << 8 | part;
                (part, digits) = (0, 0);
                dots += 1;
            }
            _ => return None,
        }
    }
    (dots == 3 && digits > 0).then(|| Ipv4Addr::from_bits(bits << 8 | part))
}

/// `address:port`; the port follows the last colon, so that IPv6 without brackets works too. A
/// text without a port is an address alone.
pub(super) fn endpoint(bytes: &[u8]) -> Option<(IpAddr, Option<u16>)> {
    if let Some(colon) = memchr::memrchr(b':', bytes)
        && let (head, [_, tail @ ..]) = bytes.split_at_checked(colon)?
        && let (Some(address), Some(port)) = (address(head), port(tail))
    {
        return Some((address, Some(port)));
    }
    address(bytes).map(|address| (address, None))
}

/// Whether it is written as IPv4 is, which no name of a host is.
pub(super) fn nearly_address(bytes: &[u8]) -> bool {
    bytes.contains(&b'.') && bytes.iter().all(|b| matches!(b, b'0'..=b'9' | b'.' | b'-'))
}

/// The address of an `address:port` whose port is none.
pub(super) fn before_port(bytes: &[u8]) -> Option<IpAddr> {
    address(bytes.get(..memchr::memrchr(b':', bytes)?)?)
}

/// A number with a fraction, scaled by 10^9: `1521911720.865716`. Digits beyond the ninth are
/// dropped; [`None`] for what is none or does not fit.
pub(super) fn nano(bytes: &[u8]) -> Option<i64> {
    usual(bytes).or_else(|| any_nano(bytes))
}

/// The usual case in one pass: at most nine digits after the point, and so few before it that the
/// whole fits.
fn usual(bytes: &[u8]) -> Option<i64> {
    if bytes.len() > 20 {
        return None;
    }
    let (mut sum, mut whole, mut fraction, mut point) = (0i64, 0u32, 0u32, false);
    for byte in bytes {
        let digit = byte.wrapping_sub(b'0');
        if digit < 10 {
            sum = sum.wrapping_mul(10).wrapping_add(digit.into());
            if point {
                fraction += 1;
            } else {
                whole += 1;
            }
        } else if *byte == b'.' && !point {
            point = true;
        } else {
            return None;
        }
    }
    if whole == 0 || whole > 9 + u32::from(bytes.first() == Some(&b'1')) || fraction > 9 {
        return None;
    }
    Some(sum * 10i64.pow(9 - fraction))
}

fn any_nano(bytes: &[u8]) -> Option<i64> {
    let (negative, digits) = match bytes {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, bytes),
    };
    if let Some(e) = digits.iter().position(|b| matches!(b, b'e' | b'E')) {
        // 1e-05: Zeek writes small intervals so in JSON.
        let _ = e;
        let value: f64 = std::str::from_utf8(bytes).ok()?.parse().ok()?;
        return scaled(value);
    }
    let (whole, fraction) = match memchr::memchr(b'.', digits) {
        Some(dot) => {
            let (whole, rest) = digits.split_at_checked(dot)?;
            (whole, rest.get(1..)?)
        }
        None => (digits, &b""[..]),
    };
    let mut sum = i64::try_from(count(whole)?).ok()?.checked_mul(1_000_000_000)?;
    let mut unit = 100_000_000;
    for byte in fraction {
        let digit = byte.checked_sub(b'0').filter(|d| *d < 10)?;
        sum = sum.checked_add(i64::from(digit) * unit)?;
        unit /= 10;
    }
    Some(if negative { -sum } else { sum })
}

/// A number of seconds as nanoseconds; [`None`] beyond their range.
#[allow(clippy::cast_possible_truncation)]
pub(super) fn scaled(seconds: f64) -> Option<i64> {
    let scaled = seconds * 1e9;
    // 2^63 is the first that does not fit.
    (scaled.is_finite() && scaled.abs() < 9_223_372_036_854_775_807.0)
        .then_some(scaled.round() as i64)
}

/// A protocol by its number in an IP header.
pub(super) fn protocol(number: u64) -> Cow<'static, str> {
    Cow::Borrowed(match number {
        1 => "icmp",
        2 => "igmp",
        4 => "ipip",
        6 => "tcp",
        17 => "udp",
        41 => "ipv6",
        47 => "gre",
        50 => "esp",
        51 => "ah",
        58 => "icmp6",
        89 => "ospf",
        132 => "sctp",
        other => return Cow::Owned(other.to_string()),
    })
}

/// A protocol by its name or number, in lower case.
pub(super) fn protocol_named(bytes: &[u8]) -> Option<Cow<'static, str>> {
    match bytes {
        b"tcp" => return Some(Cow::Borrowed("tcp")),
        b"udp" => return Some(Cow::Borrowed("udp")),
        _ => {}
    }
    if let Some(number) = count(bytes) {
        return Some(protocol(number));
    }
    for known in ["tcp", "udp", "icmp", "icmp6", "sctp", "gre", "esp", "igmp"] {
        if bytes.eq_ignore_ascii_case(known.as_bytes()) {
            return Some(Cow::Borrowed(known));
        }
    }
    if bytes.eq_ignore_ascii_case(b"ipv6-icmp") || bytes.eq_ignore_ascii_case(b"icmpv6") {
        return Some(Cow::Borrowed("icmp6"));
    }
    let text = std::str::from_utf8(bytes).ok()?.trim();
    let fits = !text.is_empty() && text.len() <= 24 && text != "-";
    fits.then(|| Cow::Owned(text.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_times_and_addresses() {
        assert_eq!(count(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(count(b"18446744073709551616"), None);
        assert_eq!(count(b"-1"), None);
        assert_eq!(nano(b"1521911720.865716"), Some(1_521_911_720_865_716_000));
        assert_eq!(nano(b"-0.5"), Some(-500_000_000));
        assert_eq!(nano(b"1e-05"), Some(10_000));
        assert_eq!(nano(b"99999999999999999999"), None);
        assert_eq!(address(b"::ffff:10.0.0.1"), address(b"10.0.0.1"));
        assert_eq!(address(b"256.0.0.1"), None);
        assert_eq!(address(b"1.2.3"), None);
        let (v6, port) = endpoint(b"fe80::1:546").unwrap();
        assert_eq!((v6.to_string().as_str(), port), ("fe80::1", Some(546)));
        assert_eq!(endpoint(b"[2001:db8::1]:443").unwrap().1, Some(443));
        assert_eq!(endpoint(b"10.0.0.1").unwrap().1, None);
    }

    proptest! {
        #[test]
        fn the_usual_number_is_what_any_is(text in "[0-9]{0,11}(\\.[0-9]{0,10})?") {
            if let Some(usual) = usual(text.as_bytes()) {
                prop_assert_eq!(Some(usual), any_nano(text.as_bytes()));
            }
        }

        #[test]
        fn no_field_makes_it_panic(bytes: Vec<u8>) {
            let _ = (count(&bytes), port(&bytes), address(&bytes), endpoint(&bytes));
            let _ = (nano(&bytes), protocol_named(&bytes));
        }

        #[test]
        fn v4_is_as_the_standard_library_reads_it(text in "[0-9.]{0,16}") {
            let std: Option<Ipv4Addr> = text.parse().ok();
            // Leading zeros are refused by one and read by the other: logs hold neither.
            if !text.split('.').any(|part| part.len() > 1 && part.starts_with('0')) {
                prop_assert_eq!(dotted(text.as_bytes()), std);
            }
        }
    }
}

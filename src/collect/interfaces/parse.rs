//! The texts of /proc/net that tell of interfaces, addresses, routes and neighbours.

use super::{Neighbour, Route};
use crate::facts::HostText;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A route, with its numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parsed {
    pub interface: String,
    pub destination: IpAddr,
    pub prefix: u32,
    pub gateway: Option<IpAddr>,
    pub metric: u32,
}

impl Parsed {
    pub(super) fn row(&self) -> Route {
        Route {
            interface: HostText::from(self.interface.as_str()),
            destination: format!("{}/{}", self.destination, self.prefix),
            gateway: self.gateway.map(|g| g.to_string()),
            metric: Some(self.metric),
        }
    }

    /// Whether an address lies in the network that it leads to.
    fn holds(&self, address: Ipv4Addr) -> bool {
        let IpAddr::V4(network) = self.destination else { return false };
        let mask = u32::MAX.checked_shl(32_u32.saturating_sub(self.prefix)).unwrap_or(0);
        address.to_bits() & mask == network.to_bits() & mask
    }
}

/// An address of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    /// Empty where no route tells it.
    pub interface: String,
    pub address: IpAddr,
    pub prefix: Option<u32>,
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = &str> {
    bytes.split(|b| *b == b'\n').filter_map(|line| std::str::from_utf8(line).ok())
}

fn hexadecimal(word: &str) -> Option<u32> {
    u32::from_str_radix(word, 16).ok()
}

/// `Iface Destination Gateway Flags RefCnt Use Metric Mask …`, words of the host's byte order.
pub(super) fn route(line: &str) -> Option<Parsed> {
    let mut words = line.split_ascii_whitespace();
    let mut word = || words.next();
    let interface = word()?.to_owned();
    let destination = hexadecimal(word()?)?.swap_bytes();
    let gateway = hexadecimal(word()?)?.swap_bytes();
    let _ = (word()?, word()?, word()?);
    let metric = word()?.parse().ok()?;
    let prefix = hexadecimal(word()?)?.count_ones();
    Some(Parsed {
        interface,
        destination: Ipv4Addr::from_bits(destination).into(),
        prefix,
        gateway: (gateway != 0).then(|| Ipv4Addr::from_bits(gateway).into()),
        metric,
    })
}

/// Routes that the kernel keeps for itself: to its own addresses, and those that lead nowhere.
const RTF_REJECT: u32 = 0x0200;
const RTF_LOCAL: u32 = 0x8000_0000;

/// `destination prefix source prefix gateway metric refcount use flags interface`.
/// `None` also where it is none that a packet would take, or is for multicast.
pub(super) fn route6(line: &str) -> Option<Parsed> {
    let mut words = line.split_ascii_whitespace();
    let destination = address6(words.next()?)?;
    let prefix = hexadecimal(words.next()?)?;
    let gateway = address6(words.nth(2)?)?;
    let metric = hexadecimal(words.next()?)?;
    let flags = hexadecimal(words.nth(2)?)?;
    let interface = words.next()?.to_owned();
    if flags & (RTF_REJECT | RTF_LOCAL) != 0 || destination.is_multicast() {
        return None;
    }
    let gateway = (!gateway.is_unspecified()).then_some(IpAddr::V6(gateway));
    Some(Parsed { interface, destination: destination.into(), prefix, gateway, metric })
}

fn address6(word: &str) -> Option<Ipv6Addr> {
    (word.len() == 32).then(|| u128::from_str_radix(word, 16).ok().map(Ipv6Addr::from_bits))?
}

/// `IP HWtype Flags MAC Mask Device`; entries that nobody answered for are left out.
pub(super) fn neighbour(line: &str) -> Option<Neighbour> {
    let mut words = line.split_ascii_whitespace();
    let address: Ipv4Addr = words.next()?.parse().ok()?;
    let mac = words.nth(2)?;
    let interface = words.nth(1)?;
    if mac == "00:00:00:00:00:00" {
        return None;
    }
    Some(Neighbour {
        address: address.to_string(),
        mac: HostText::from(mac),
        interface: HostText::from(interface),
    })
}

/// `address index prefix scope flags interface`.
pub(super) fn addresses6(bytes: &[u8]) -> Vec<Address> {
    let parse = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        let address = address6(words.next()?)?.into();
        let prefix = hexadecimal(words.nth(1)?);
        let interface = words.nth(2)?.to_owned();
        Some(Address { interface, address, prefix })
    };
    lines(bytes).filter_map(parse).collect()
}

/// The host's own IPv4 addresses: in fib_trie, `|-- 192.0.2.2` followed by `/32 host LOCAL`.
/// Interface and prefix are those of the narrowest directly attached network around it.
pub(super) fn addresses4(fib_trie: &[u8], routes: &[Parsed]) -> Vec<Address> {
    let mut found = Vec::new();
    let mut current = None;
    for line in lines(fib_trie).map(str::trim) {
        if let Some(address) = line.strip_prefix("|-- ") {
            current = address.parse::<Ipv4Addr>().ok();
        } else if line == "/32 host LOCAL"
            && let Some(address) = current
            && !found.contains(&address)
        {
            found.push(address);
        }
    }
    found.sort_unstable();
    found.into_iter().map(|address| placed(address, routes)).collect()
}

fn placed(address: Ipv4Addr, routes: &[Parsed]) -> Address {
    let attached =
        routes.iter().filter(|r| r.gateway.is_none() && r.prefix > 0 && r.holds(address));
    let (interface, prefix) = match attached.max_by_key(|r| r.prefix) {
        Some(route) => (route.interface.clone(), Some(route.prefix)),
        None if address.is_loopback() => ("lo".to_owned(), Some(8)),
        None => (String::new(), None),
    };
    Address { interface, address: address.into(), prefix }
}

/// Interface, bytes received and bytes sent, of each line of /proc/net/dev.
pub(super) fn counters(bytes: &[u8]) -> Vec<(String, Option<u64>, Option<u64>)> {
    let parse = |line: &str| {
        let (name, rest) = line.rsplit_once(':')?;
        let mut words = rest.split_ascii_whitespace();
        let received = words.next()?.parse().ok()?;
        let sent = words.nth(7).and_then(|w| w.parse().ok());
        Some((name.trim().to_owned(), Some(received), sent))
    };
    lines(bytes).filter_map(parse).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn routes() {
        let default =
            route("eth0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0").unwrap();
        assert_eq!(default.row().destination, "0.0.0.0/0");
        assert_eq!(default.row().gateway.as_deref(), Some("192.0.2.1"));
        assert_eq!(default.metric, 100);
        let attached = route("eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0").unwrap();
        assert_eq!(attached.row().destination, "192.0.2.0/24");
        assert_eq!(attached.gateway, None);
        assert_eq!(route("Iface\tDestination\tGateway"), None);
    }

    #[test]
    fn routes_of_version_6() {
        let zero = "0".repeat(32);
        let line = |to: &str, flags: &str| {
            format!("{to} 40 {zero} 00 {zero} 00000100 00000001 00000000 {flags}     eth0")
        };
        let to = "20010db8000000000000000000000000";
        assert_eq!(route6(&line(to, "00000001")).unwrap().row().destination, "2001:db8::/64");
        assert_eq!(route6(&line(to, "80200001")), None, "the host's own address");
        assert_eq!(route6(&line(&"f".repeat(32), "00000001")), None, "multicast");
    }

    #[test]
    fn addresses() {
        let routes = [route("eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0").unwrap()];
        let trie = b"Local:\n        |-- 127.0.0.0\n           /8 host LOCAL\n        |-- 127.0.0.1\n           /32 host LOCAL\n     |-- 192.0.2.2\n        /32 host LOCAL\n     |-- 192.0.2.255\n        /32 link BROADCAST\n";
        let address = |interface: &str, address: &str, prefix| Address {
            interface: interface.to_owned(),
            address: address.parse().unwrap(),
            prefix,
        };
        assert_eq!(
            addresses4(trie, &routes),
            [address("lo", "127.0.0.1", Some(8)), address("eth0", "192.0.2.2", Some(24))]
        );
        let six = b"20010db8000000000000000000000001 02 40 00 80     eth0\n";
        assert_eq!(addresses6(six), [address("eth0", "2001:db8::1", Some(64))]);
    }

    #[test]
    fn neighbours_and_counters() {
        let line = "192.0.2.1        0x1         0x2         02:fc:00:00:00:05     *        eth0";
        assert_eq!(neighbour(line).unwrap().mac, HostText::from("02:fc:00:00:00:05"));
        assert_eq!(neighbour("IP address       HW type     Flags       HW address"), None);
        let dev = b" face |bytes    packets\n  eth0: 25 9 0 0 0 0 0 0 59 6 0 0 0 0 0 0\n";
        assert_eq!(counters(dev), [("eth0".to_owned(), Some(25), Some(59))]);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = (addresses6(&bytes), addresses4(&bytes, &[]), counters(&bytes));
        }

        #[test]
        fn no_line_panics(line in "([0-9A-Fa-f.:]{0,33}[ \t]){0,12}.{0,9}") {
            let _ = (route(&line), route6(&line), neighbour(&line));
        }
    }
}

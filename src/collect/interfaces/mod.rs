//! Network interfaces, addresses, routes and neighbours.

mod parse;

use super::{Collector, Host, Outcome, Run};
use crate::evidence::{HostPath, Reason, Unavailable};
use crate::facts::{Facts, HostText, Table};
use parse::{Address, Parsed};

crate::table! {
    pub struct Interface in interfaces, "Addresses of the host's network interfaces: one row an address, or one without where an interface has none.";
    name: HostText, "", "Interface; empty for an address that no route places on one.";
    address: Option<String>, "", "Address.";
    prefix: Option<u32>, "bits", "Prefix length.";
    mac: Option<HostText>, "", "Hardware address.";
    state: Option<HostText>, "", "up, down or unknown.";
    rx_bytes: Option<u64>, "bytes", "Received.";
    tx_bytes: Option<u64>, "bytes", "Sent.";
}

crate::table! {
    pub struct Route in routes, "The routing table.";
    interface: HostText, "", "Interface.";
    destination: String, "", "Network, as 10.0.0.0/8.";
    gateway: Option<String>, "", "Next hop; NULL where directly attached.";
    metric: Option<u32>, "", "Metric.";
}

crate::table! {
    pub struct Neighbour in neighbours, "The ARP table: who was spoken to on the local network.";
    address: String, "", "Address.";
    mac: HostText, "", "Hardware address.";
    interface: HostText, "", "Interface.";
}

pub(super) const COLLECTOR: Collector = Collector {
    name: "interfaces",
    tables: &[Interface::DEF, Route::DEF, Neighbour::DEF],
    run: Run::Host(collect),
};

/// A full table of the internet's routes is cut off.
const LIMIT: usize = 4 * 1024 * 1024;

fn collect(host: &Host<'_>, facts: &Facts) -> Outcome {
    let mut found = routes(host, "route", parse::route);
    interfaces(host, facts, &found)?;
    found.extend(routes(host, "ipv6_route", parse::route6));
    for (route, number) in found.iter().map(parse::Parsed::row).zip(1_u32..) {
        host.gaps.read("routes");
        let file = if route.destination.contains(':') { "ipv6_route" } else { "route" };
        facts.insert(number, &format!("/proc/net/{file}"), &route)?;
    }
    let arp = text(host, "neighbours", "arp").unwrap_or_default();
    for line in lines(&arp) {
        if let Some(neighbour) = parse::neighbour(line) {
            host.gaps.read("neighbours");
            let key = format!("{}/{}", neighbour.interface, neighbour.address);
            facts.insert(key, "/proc/net/arp", &neighbour)?;
        }
    }
    Ok(())
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = &str> {
    bytes.split(|b| *b == b'\n').filter_map(|line| std::str::from_utf8(line).ok())
}

/// A file of /proc/net; a kernel without that protocol does not have it.
fn text(host: &Host<'_>, what: &str, name: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let path = HostPath::from("proc/net").join(name);
    match host.root.read(&path, LIMIT, &mut bytes) {
        Ok(more) => {
            host.gaps.read_many(what, 0);
            if more {
                let why = format!("cut off after {LIMIT} bytes");
                host.gaps.missed(what, &Unavailable::new(&path, Reason::Damaged, why));
            }
            Some(bytes)
        }
        Err(why) if why.reason == Reason::Absent => None,
        Err(why) => {
            host.gaps.missed(what, &why);
            None
        }
    }
}

fn routes(host: &Host<'_>, name: &str, parse: fn(&str) -> Option<Parsed>) -> Vec<Parsed> {
    let bytes = text(host, "routes", name).unwrap_or_default();
    lines(&bytes).filter_map(parse).collect()
}

/// An interface as it will be told, before its addresses.
struct Named {
    name: String,
    received: Option<u64>,
    sent: Option<u64>,
}

fn interfaces(host: &Host<'_>, facts: &Facts, routes: &[Parsed]) -> Outcome {
    let dev = text(host, "interfaces", "dev").unwrap_or_default();
    let named = |(name, received, sent)| Named { name, received, sent };
    let mut all: Vec<Named> = parse::counters(&dev).into_iter().map(named).collect();
    let trie = text(host, "interfaces", "fib_trie").unwrap_or_default();
    let mut addresses = parse::addresses4(&trie, routes);
    addresses.extend(parse::addresses6(&text(host, "interfaces", "if_inet6").unwrap_or_default()));
    // An address that no route places, or that lies on an interface which is told of nowhere else.
    for address in &addresses {
        if !all.iter().any(|known| known.name == address.interface) {
            all.push(named((address.interface.clone(), None, None)));
        }
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    for interface in all {
        let mine = addresses.iter().filter(|a| a.interface == interface.name);
        one(host, facts, &interface, mine)?;
    }
    Ok(())
}

fn one<'a>(
    host: &Host<'_>,
    facts: &Facts,
    interface: &Named,
    addresses: impl Iterator<Item = &'a Address>,
) -> Outcome {
    let mut row = Interface {
        name: HostText::from(interface.name.as_str()),
        address: None,
        prefix: None,
        mac: attribute(host, &interface.name, "address"),
        state: attribute(host, &interface.name, "operstate"),
        rx_bytes: interface.received,
        tx_bytes: interface.sent,
    };
    host.gaps.read("interfaces");
    let mut addresses = addresses.peekable();
    if addresses.peek().is_none() {
        return facts.insert(&interface.name, "/proc/net/dev", &row);
    }
    for address in addresses {
        row.address = Some(address.address.to_string());
        row.prefix = address.prefix;
        let file = if address.address.is_ipv4() { "fib_trie" } else { "if_inet6" };
        let key = format!("{}/{}", interface.name, address.address);
        facts.insert(key, &format!("/proc/net/{file}"), &row)?;
    }
    Ok(())
}

/// A line of /sys/class/net/NAME. Names are the host's: none leads out of that folder.
fn attribute(host: &Host<'_>, name: &str, attribute: &str) -> Option<HostText> {
    if name.is_empty() || name.contains('/') || name.starts_with('.') {
        return None;
    }
    let mut bytes = Vec::new();
    let path = HostPath::from("sys/class/net").join(name).join(attribute);
    match host.root.read(&path, 4096, &mut bytes) {
        Ok(_) => Some(HostText::from(bytes.trim_ascii())).filter(|text| !text.is_empty()),
        Err(why) if why.reason == Reason::Absent => None,
        Err(why) => {
            host.gaps.missed("interfaces.state", &why);
            None
        }
    }
}

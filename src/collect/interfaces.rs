//! Network interfaces, addresses, routes and neighbours.

use super::{Collector, Host, Outcome, Run};
use crate::facts::{Facts, HostText, Table};

crate::table! {
    pub struct Interface in interfaces, "Addresses of the host's network interfaces: one row an address, or one without where an interface has none.";
    name: HostText, "", "Interface.";
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

fn collect(_host: &Host<'_>, _facts: &Facts) -> Outcome {
    Ok(())
}

//! A DNS response policy zone: names, and answers that hold an address.

use super::super::{Exporter, Shape};
use super::{addresses, names, plain};
use crate::graph::network::Network;
use std::io::{self, Write};
use std::net::IpAddr;

pub(in crate::report::graph) const EXPORTER: Exporter = Exporter {
    name: "rpz",
    extension: "rpz",
    doc: "what to block, as a DNS response policy zone (BIND, Unbound, Knot)",
    shape: Shape::File(write),
};

/// `32.9.113.0.203.rpz-ip`; of IPv6 the longest run of zeros is `zz`.
fn trigger(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            format!("32.{d}.{c}.{b}.{a}.rpz-ip")
        }
        IpAddr::V6(v6) => {
            let text = v6.to_string();
            let mut parts: Vec<&str> =
                text.split(':').map(|part| if part.is_empty() { "zz" } else { part }).collect();
            parts.dedup_by(|a, b| *a == "zz" && *b == "zz");
            parts.reverse();
            format!("128.{}.rpz-ip", parts.join("."))
        }
    }
}

fn write(network: &Network, out: &mut dyn Write) -> io::Result<()> {
    // The last alert's time as serial, so that the same input gives the same zone.
    let last = network.nodes.iter().filter_map(|node| node.seen.last).max();
    let serial =
        last.and_then(|last| u32::try_from(last.0 / 1_000_000_000).ok()).unwrap_or(1).max(1);
    writeln!(out, "$TTL 300")?;
    writeln!(out, "@ IN SOA localhost. root.localhost. ( {serial} 3600 600 604800 300 )")?;
    writeln!(out, "@ IN NS localhost.")?;
    for (name, why) in names(network) {
        writeln!(out, "{name} CNAME . ; {}", plain(why))?;
        writeln!(out, "*.{name} CNAME .")?;
    }
    for blocked in addresses(network) {
        writeln!(out, "{} CNAME . ; {}", trigger(blocked.address), plain(blocked.why))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn addresses_are_written_backwards() {
        let of = |text: &str| trigger(text.parse().unwrap());
        assert_eq!(of("203.0.113.9"), "32.9.113.0.203.rpz-ip");
        assert_eq!(of("2001:db8::1"), "128.1.zz.db8.2001.rpz-ip");
        assert_eq!(of("2001:db8::"), "128.zz.db8.2001.rpz-ip");
    }
}

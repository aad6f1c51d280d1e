//! Suricata: one rule an address, one a name.

use super::super::{Exporter, Shape};
use super::{addresses, names, plain};
use crate::graph::network::Network;
use std::io::{self, Write};

pub(in crate::report::graph) const EXPORTER: Exporter = Exporter {
    name: "suricata",
    extension: "rules",
    doc: "what to alert on, as Suricata rules (alert; change it to drop where it runs inline)",
    shape: Shape::File(write),
};

/// Ids of rules that are local to a site.
const FIRST: usize = 1_900_000;

fn write(network: &Network, out: &mut dyn Write) -> io::Result<()> {
    let (all, named) = (addresses(network), names(network));
    writeln!(out, "# What to block, by davy: {} addresses, {} names.", all.len(), named.len())?;
    for (blocked, sid) in all.iter().zip(FIRST..) {
        let why = plain(blocked.why);
        let address = match blocked.address {
            std::net::IpAddr::V4(v4) => v4.to_string(),
            std::net::IpAddr::V6(v6) => format!("[{v6}]"),
        };
        writeln!(
            out,
            "alert ip {address} any <> any any (msg:\"DAVY {}, {why}\"; threshold:type limit, track by_src, seconds 3600, count 1; sid:{sid}; rev:1;)",
            blocked.address.to_string().replace(':', ".")
        )?;
    }
    for ((name, why), sid) in named.iter().zip(FIRST + all.len()..) {
        let why = plain(why);
        writeln!(
            out,
            "alert dns any any -> any any (msg:\"DAVY {name}, {why}\"; dns.query; dotprefix; content:\".{name}\"; nocase; endswith; sid:{sid}; rev:1;)"
        )?;
    }
    Ok(())
}

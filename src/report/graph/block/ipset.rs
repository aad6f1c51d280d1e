//! ipset: two sets, for `ipset restore`.

use super::super::{Exporter, Shape};
use super::{addresses, plain};
use crate::graph::network::Network;
use std::io::{self, Write};

pub(in crate::report::graph) const EXPORTER: Exporter = Exporter {
    name: "ipset",
    extension: "ipset",
    doc: "what to block, for ipset restore",
    shape: Shape::File(write),
};

fn write(network: &Network, out: &mut dyn Write) -> io::Result<()> {
    let all = addresses(network);
    let most = all.len().max(65_536);
    for (name, family, v4) in [("davy4", "inet", true), ("davy6", "inet6", false)] {
        writeln!(out, "create {name} hash:ip family {family} maxelem {most} comment -exist")?;
        for blocked in all.iter().filter(|blocked| blocked.address.is_ipv4() == v4) {
            let why = plain(blocked.why);
            writeln!(out, "add {name} {} comment \"{why}\" -exist", blocked.address)?;
        }
    }
    Ok(())
}

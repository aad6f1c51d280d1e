//! nftables: two sets, and chains that drop what is in them.

use super::super::{Exporter, Shape};
use super::{addresses, plain};
use crate::graph::network::Network;
use std::io::{self, Write};

pub(in crate::report::graph) const EXPORTER: Exporter = Exporter {
    name: "nftables",
    extension: "nft",
    doc: "what to block, for nft -f: sets and the chains that drop them",
    shape: Shape::File(write),
};

fn write(network: &Network, out: &mut dyn Write) -> io::Result<()> {
    let all = addresses(network);
    writeln!(
        out,
        "# What to block, by davy: {} addresses. nft -c -f FILE checks it, nft -f FILE loads it,",
        all.len()
    )?;
    writeln!(
        out,
        "# nft delete table inet davy takes it back. Loading it again replaces the list.\n"
    )?;
    // Made where it is not there, so that taking it away does not fail: all of it is one step.
    writeln!(out, "table inet davy\ndelete table inet davy\n\ntable inet davy {{")?;
    for (name, kind, v4) in [("blocked4", "ipv4_addr", true), ("blocked6", "ipv6_addr", false)] {
        writeln!(out, "\tset {name} {{\n\t\ttype {kind}")?;
        let elements: Vec<String> = all
            .iter()
            .filter(|blocked| blocked.address.is_ipv4() == v4)
            .map(|blocked| format!("\t\t\t{} comment \"{}\"", blocked.address, plain(blocked.why)))
            .collect();
        if !elements.is_empty() {
            writeln!(out, "\t\telements = {{\n{}\n\t\t}}", elements.join(",\n"))?;
        }
        writeln!(out, "\t}}\n")?;
    }
    for (chain, side) in [("input", "saddr"), ("forward", "saddr"), ("output", "daddr")] {
        writeln!(
            out,
            "\tchain {chain} {{\n\t\ttype filter hook {chain} priority -10; policy accept;"
        )?;
        writeln!(
            out,
            "\t\tip {side} @blocked4 counter drop\n\t\tip6 {side} @blocked6 counter drop"
        )?;
        if chain == "forward" {
            writeln!(
                out,
                "\t\tip daddr @blocked4 counter drop\n\t\tip6 daddr @blocked6 counter drop"
            )?;
        }
        writeln!(out, "\t}}\n")?;
    }
    writeln!(out, "}}")
}

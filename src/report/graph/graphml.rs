//! GraphML: yEd, Gephi, Cytoscape, networkx, igraph.

use super::attribute::{Declared, EDGE, NODE, Value, of_edge, of_node};
use super::xml::{type_word, value, xml};
use super::{Exporter, Shape};
use crate::graph::network::Network;
use std::io::{self, Write};

pub(super) const EXPORTER: Exporter = Exporter {
    name: "graphml",
    extension: "graphml",
    doc: "GraphML (yEd, Gephi, Cytoscape, networkx)",
    shape: Shape::File(write),
};

fn declare(out: &mut dyn Write, of: &str, attributes: &[Declared]) -> io::Result<()> {
    let letter = of.get(..1).unwrap_or_default();
    for (number, (name, kind)) in attributes.iter().enumerate() {
        let kind = type_word(*kind);
        writeln!(
            out,
            "  <key id=\"{letter}{number}\" for=\"{of}\" attr.name=\"{name}\" attr.type=\"{kind}\"/>"
        )?;
    }
    Ok(())
}

fn data(out: &mut dyn Write, letter: char, values: &[Value]) -> io::Result<()> {
    for (number, of) in values.iter().enumerate() {
        let Some(text) = value(of) else { continue };
        write!(out, "<data key=\"{letter}{number}\">{text}</data>")?;
    }
    Ok(())
}

fn write(network: &Network, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<graphml xmlns=\"http://graphml.graphdrawing.org/xmlns\">")?;
    declare(out, "node", NODE)?;
    declare(out, "edge", EDGE)?;
    writeln!(out, "  <graph id=\"davy\" edgedefault=\"directed\">")?;
    for node in &network.nodes {
        write!(out, "    <node id=\"{}\">", xml(&node.id))?;
        data(out, 'n', &of_node(network, node))?;
        writeln!(out, "</node>")?;
    }
    for (number, edge) in network.edges.iter().enumerate() {
        let (Some(from), Some(to)) = (network.node(edge.from), network.node(edge.to)) else {
            continue;
        };
        let (from, to) = (xml(&from.id), xml(&to.id));
        write!(out, "    <edge id=\"e{number}\" source=\"{from}\" target=\"{to}\">")?;
        data(out, 'e', &of_edge(edge))?;
        writeln!(out, "</edge>")?;
    }
    writeln!(out, "  </graph>\n</graphml>")
}

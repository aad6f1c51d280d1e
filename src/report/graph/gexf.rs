//! GEXF 1.2: Gephi.

use super::attribute::{Declared, EDGE, NODE, Value, of_edge, of_node};
use super::xml::{type_word, value, xml};
use super::{Exporter, Shape};
use crate::graph::network::Network;
use std::io::{self, Write};

pub(super) const EXPORTER: Exporter = Exporter {
    name: "gexf",
    extension: "gexf",
    doc: "GEXF 1.2 (Gephi, networkx)",
    shape: Shape::File(write),
};

fn declare(out: &mut dyn Write, of: &str, attributes: &[Declared]) -> io::Result<()> {
    writeln!(out, "    <attributes class=\"{of}\" mode=\"static\">")?;
    for (number, (name, kind)) in attributes.iter().enumerate() {
        let kind = type_word(*kind);
        writeln!(out, "      <attribute id=\"{number}\" title=\"{name}\" type=\"{kind}\"/>")?;
    }
    writeln!(out, "    </attributes>")
}

fn values(out: &mut dyn Write, values: &[Value]) -> io::Result<()> {
    write!(out, "<attvalues>")?;
    for (number, of) in values.iter().enumerate() {
        let Some(text) = value(of) else { continue };
        write!(out, "<attvalue for=\"{number}\" value=\"{text}\"/>")?;
    }
    write!(out, "</attvalues>")
}

fn write(network: &Network, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<gexf xmlns=\"http://www.gexf.net/1.2draft\" version=\"1.2\">")?;
    writeln!(out, "  <graph mode=\"static\" defaultedgetype=\"directed\">")?;
    declare(out, "node", NODE)?;
    declare(out, "edge", EDGE)?;
    writeln!(out, "    <nodes>")?;
    for node in &network.nodes {
        write!(out, "      <node id=\"{}\" label=\"{}\">", xml(&node.id), xml(&node.label))?;
        values(out, &of_node(network, node))?;
        writeln!(out, "</node>")?;
    }
    writeln!(out, "    </nodes>\n    <edges>")?;
    for (number, edge) in network.edges.iter().enumerate() {
        let (Some(from), Some(to)) = (network.node(edge.from), network.node(edge.to)) else {
            continue;
        };
        write!(
            out,
            "      <edge id=\"{number}\" source=\"{}\" target=\"{}\" weight=\"{}\">",
            xml(&from.id),
            xml(&to.id),
            edge.seen.count.max(1)
        )?;
        values(out, &of_edge(edge))?;
        writeln!(out, "</edge>")?;
    }
    writeln!(out, "    </edges>\n  </graph>\n</gexf>")
}

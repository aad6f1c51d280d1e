//! DOT, for Graphviz: one edge a pair of nodes.

use super::{Exporter, Shape};
use crate::graph::network::Network;
use crate::report::escape::visible_within;
use std::io::{self, Write};

pub(super) const EXPORTER: Exporter = Exporter {
    name: "dot",
    extension: "dot",
    doc: "DOT (Graphviz: dot, sfdp)",
    shape: Shape::File(write),
};

/// Longer labels are cut.
const LONGEST: usize = 120;

/// A quoted string: in DOT a backslash before a letter is an escape of labels.
fn quoted(text: &str) -> String {
    let seen = visible_within(text, LONGEST);
    format!("\"{}\"", seen.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The whole of it, for what must stay unique.
fn id(text: &str) -> String {
    let seen = crate::report::escape::visible(text);
    format!("\"{}\"", seen.replace('\\', "\\\\").replace('"', "\\\""))
}

fn shape(kind: &str) -> &'static str {
    match kind {
        "address" | "name" | "url" => "ellipse",
        "process" => "box",
        "file" | "persistence" => "note",
        "community" => "doubleoctagon",
        "host" => "box3d",
        _ => "hexagon",
    }
}

fn write(network: &Network, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "digraph davy {{")?;
    writeln!(out, "  graph [rankdir=LR, overlap=false];")?;
    writeln!(out, "  node [fontname=\"sans-serif\"]; edge [fontname=\"sans-serif\", fontsize=9];")?;
    for node in &network.nodes {
        let side = match node.internal {
            Some(true) => ", style=filled, fillcolor=\"#cfe3ff\"",
            Some(false) if node.caused > 0 => ", style=filled, fillcolor=\"#ffd9cc\"",
            _ => "",
        };
        let community = node
            .community
            .map(|number| format!(", comment=\"community {number}\""))
            .unwrap_or_default();
        writeln!(
            out,
            "  {} [label={}, shape={}{side}{community}];",
            id(&node.id),
            quoted(&node.label),
            shape(node.kind)
        )?;
    }
    for edge in &network.simple().edges {
        let (Some(from), Some(to)) = (network.node(edge.from), network.node(edge.to)) else {
            continue;
        };
        let times = if edge.seen.count > 1 {
            format!("{} ({} times)", edge.label, edge.seen.count)
        } else {
            edge.label.to_string()
        };
        let word = if edge.kind == "alert" || edge.kind == "flow" { &times } else { edge.kind };
        // The chain of the incident is read by its numbers.
        let shown = edge.step.map_or_else(|| word.to_owned(), |step| format!("{step}. {word}"));
        writeln!(
            out,
            "  {} -> {} [label={}, tooltip={}, weight={}{}];",
            id(&from.id),
            id(&to.id),
            quoted(&shown),
            quoted(&times),
            edge.seen.count.clamp(1, 1000),
            if edge.step.is_some() { ", color=\"#c00000\", penwidth=2" } else { "" }
        )?;
    }
    writeln!(out, "}}")
}

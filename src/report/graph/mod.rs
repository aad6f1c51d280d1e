//! A network in the formats of other tools: one file a format, and a line in [`EXPORTERS`].

mod attribute;
mod block;
pub(super) mod boxes;
mod dot;
mod drawing;
mod gexf;
mod graphml;
mod json;
mod label;
mod neo4j;
mod page;
mod svg;
#[cfg(test)]
mod tests;
mod words;
mod xml;

use crate::graph::network::Network;
use std::io::{self, Write};

/// Writes a network, or one file of several, into a stream.
pub type Writer = fn(&Network, &mut dyn Write) -> io::Result<()>;

/// A format.
pub struct Exporter {
    /// The word for `--format`.
    pub name: &'static str,
    /// The ending of a file's name that asks for it; empty where none does.
    pub extension: &'static str,
    /// What it is, and who reads it.
    pub doc: &'static str,
    /// One file, or a folder of them.
    pub shape: Shape,
}

/// What comes out.
pub enum Shape {
    /// A file.
    File(Writer),
    /// A folder: the files' names, and who writes each.
    Folder(&'static [(&'static str, Writer)]),
}

/// Every format. To add one, write its file and add its line.
pub const EXPORTERS: &[Exporter] = &[
    svg::EXPORTER,
    page::EXPORTER,
    json::EXPORTER,
    dot::EXPORTER,
    graphml::EXPORTER,
    gexf::EXPORTER,
    neo4j::EXPORTER,
    block::nftables::EXPORTER,
    block::ipset::EXPORTER,
    block::suricata::EXPORTER,
    block::rpz::EXPORTER,
    block::stix::EXPORTER,
    block::misp::EXPORTER,
];

/// The format of this name.
#[must_use]
pub fn named(name: &str) -> Option<&'static Exporter> {
    EXPORTERS.iter().find(|exporter| exporter.name == name)
}

/// The format that a file's name asks for.
#[must_use]
pub fn for_file(name: &str) -> Option<&'static Exporter> {
    let (_, extension) = name.rsplit_once('.')?;
    EXPORTERS
        .iter()
        .find(|exporter| !exporter.extension.is_empty() && exporter.extension == extension)
}

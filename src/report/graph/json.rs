//! JSON, node-link: what networkx's `node_link_graph` and most scripts read.

use super::{Exporter, Shape};
use crate::facts::Time;
use crate::graph::network::{Network, Seen};
use crate::judge::Level;
use crate::report::json::pretty;
use serde::{Serialize, Serializer};
use std::io::{self, Write};

pub(super) const EXPORTER: Exporter = Exporter {
    name: "json",
    extension: "json",
    doc: "JSON, node-link (networkx, scripts)",
    shape: Shape::File(write),
};

#[derive(Serialize)]
struct Document<'a> {
    directed: bool,
    multigraph: bool,
    graph: About<'a>,
    nodes: Vec<NodeLine<'a>>,
    edges: Vec<EdgeLine<'a>>,
}

#[derive(Serialize)]
struct About<'a> {
    schema: &'static str,
    notes: &'a [String],
    communities: Vec<CommunityLine<'a>>,
}

#[derive(Serialize)]
struct CommunityLine<'a> {
    id: u32,
    kind: &'static str,
    label: &'a str,
    why: &'a str,
    members: Vec<&'a str>,
    #[serde(flatten)]
    seen: SeenLine,
}

#[derive(Serialize)]
struct NodeLine<'a> {
    id: &'a str,
    kind: &'static str,
    label: &'a str,
    internal: Option<bool>,
    weight: u64,
    caused: u64,
    severity_caused: Option<Level>,
    community: Option<u32>,
    incident: Option<u32>,
    block: Option<&'a str>,
    #[serde(flatten)]
    seen: SeenLine,
}

#[derive(Serialize)]
struct EdgeLine<'a> {
    source: &'a str,
    target: &'a str,
    key: usize,
    kind: &'static str,
    label: &'a str,
    step: Option<u32>,
    #[serde(flatten)]
    seen: SeenLine,
}

#[derive(Serialize)]
struct SeenLine {
    count: u64,
    #[serde(serialize_with = "time")]
    first: Option<Time>,
    #[serde(serialize_with = "time")]
    last: Option<Time>,
    severity: Option<Level>,
}

impl From<Seen> for SeenLine {
    fn from(seen: Seen) -> Self {
        Self { count: seen.count, first: seen.first, last: seen.last, severity: seen.severity }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's signature.
fn time<S: Serializer>(time: &Option<Time>, out: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => out.collect_str(time),
        None => out.serialize_none(),
    }
}

fn write(network: &Network, out: &mut dyn Write) -> io::Result<()> {
    let id = |place: u32| network.node(place).map_or("", |node| node.id.as_str());
    let communities = (0_u32..).zip(&network.communities).map(|(number, one)| CommunityLine {
        id: number,
        kind: one.kind,
        label: &one.label,
        why: &one.why,
        members: one.members.iter().map(|place| id(*place)).collect(),
        seen: one.seen.into(),
    });
    let nodes = network.nodes.iter().map(|node| NodeLine {
        id: &node.id,
        kind: node.kind,
        label: &node.label,
        internal: node.internal,
        weight: node.weight,
        caused: node.caused,
        severity_caused: node.severity,
        community: node.community,
        incident: node.incident,
        block: node.block.as_deref(),
        seen: node.seen.into(),
    });
    // Within a pair, the key tells its edges apart.
    let edges = network
        .edges
        .chunk_by(|a, b| (a.from, a.to) == (b.from, b.to))
        .flat_map(|pair| pair.iter().enumerate())
        .map(|(key, edge)| EdgeLine {
            source: id(edge.from),
            target: id(edge.to),
            key,
            kind: edge.kind,
            label: &edge.label,
            step: edge.step,
            seen: edge.seen.into(),
        });
    let document = Document {
        directed: true,
        multigraph: true,
        graph: About {
            schema: "davy.graph/1",
            notes: &network.notes,
            communities: communities.collect(),
        },
        nodes: nodes.collect(),
        edges: edges.collect(),
    };
    pretty(&document, out)
}

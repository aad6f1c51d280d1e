//! What the formats with typed attributes tell of nodes and edges, said once.

use crate::graph::network::{Edge, Network, Node, Seen};

/// A value and, by its kind, the type it is declared with.
pub(super) enum Value {
    Text(String),
    Number(u64),
    Bool(bool),
    /// RFC 3339.
    Time(String),
    Absent,
}

/// An attribute's name and type, as XSD has it.
pub(super) type Declared = (&'static str, Type);

/// Its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Text,
    Number,
    Bool,
    Time,
}

/// Of nodes, in order.
pub(super) const NODE: &[Declared] = &[
    ("kind", Type::Text),
    ("label", Type::Text),
    ("internal", Type::Bool),
    ("weight", Type::Number),
    ("caused", Type::Number),
    ("severity_caused", Type::Text),
    ("community", Type::Number),
    ("community_label", Type::Text),
    ("incident", Type::Number),
    ("block", Type::Text),
    ("count", Type::Number),
    ("first", Type::Time),
    ("last", Type::Time),
    ("severity", Type::Text),
];

/// Of edges, in order.
pub(super) const EDGE: &[Declared] = &[
    ("kind", Type::Text),
    ("label", Type::Text),
    ("step", Type::Number),
    ("count", Type::Number),
    ("first", Type::Time),
    ("last", Type::Time),
    ("severity", Type::Text),
];

fn text(text: Option<&str>) -> Value {
    text.map_or(Value::Absent, |text| Value::Text(text.to_owned()))
}

fn seen(seen: Seen) -> [Value; 4] {
    let time = |time: Option<crate::facts::Time>| {
        time.map_or(Value::Absent, |time| Value::Time(time.to_string()))
    };
    [
        Value::Number(seen.count),
        time(seen.first),
        time(seen.last),
        text(seen.severity.map(crate::judge::Level::word)),
    ]
}

/// A node's values, in the order of [`NODE`].
pub(super) fn of_node(network: &Network, node: &Node) -> Vec<Value> {
    let community = node.community.and_then(|number| network.communities.get(number as usize));
    let mut values = vec![
        Value::Text(node.kind.to_owned()),
        Value::Text(node.label.clone()),
        node.internal.map_or(Value::Absent, Value::Bool),
        Value::Number(node.weight),
        Value::Number(node.caused),
        text(node.severity.map(crate::judge::Level::word)),
        node.community.map_or(Value::Absent, |number| Value::Number(number.into())),
        text(community.map(|community| community.label.as_str())),
        node.incident.map_or(Value::Absent, |number| Value::Number(number.into())),
        text(node.block.as_deref()),
    ];
    values.extend(seen(node.seen));
    values
}

/// An edge's values, in the order of [`EDGE`].
pub(super) fn of_edge(edge: &Edge) -> Vec<Value> {
    let mut values = vec![
        Value::Text(edge.kind.to_owned()),
        Value::Text(edge.label.as_ref().to_owned()),
        edge.step.map_or(Value::Absent, |step| Value::Number(step.into())),
    ];
    values.extend(seen(edge.seen));
    values
}

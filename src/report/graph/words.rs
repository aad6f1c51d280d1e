//! What a picture says in words: of a node, a tie, a community.

use super::super::escape::visible_within;
use crate::facts::Time;
use crate::graph::layout::{Chain, Disk};
use crate::graph::network::{Network, Node, Seen};
use std::collections::BTreeMap;

/// Longer text is cut, and its length told.
const LONGEST: usize = 400;

/// A node in some lines.
pub(super) fn node(node: &Node) -> String {
    let mut lines = vec![visible_within(&node.label, LONGEST)];
    let whose = match node.internal {
        Some(true) => "ours, ",
        Some(false) => "outside, ",
        None => "",
    };
    let ties = if node.weight == 1 { "neighbour" } else { "neighbours" };
    lines.push(format!("{whose}{}; {} {ties}", node.kind, grouped(node.weight)));
    if node.caused > 0 {
        lines.push(format!("source of {} alerts", grouped(node.caused)));
    }
    if let Some(level) = node.severity {
        lines.push(format!("gravest: {}", level.word()));
    }
    lines.extend(span(&node.seen));
    lines.join("\n")
}

/// What was seen between two, in some lines.
pub(super) fn seen(seen: &Seen) -> String {
    let mut lines = vec![format!("seen {} times", grouped(seen.count))];
    if let Some(level) = seen.severity {
        lines.push(format!("gravest: {}", level.word()));
    }
    lines.extend(span(seen));
    lines.join("\n")
}

/// A tie's label.
pub(super) fn edge(label: &str) -> String {
    visible_within(label, LONGEST)
}

/// What a disk holds, in some lines.
pub(super) fn disk(network: &Network, disk: &Disk) -> String {
    let mut lines =
        vec![visible_within(&title(network, disk), LONGEST), members(disk.members.len())];
    if let Some(community) = community(network, disk.community) {
        lines.push(visible_within(&community.why, LONGEST));
        lines.extend(span(&community.seen));
    }
    lines.retain(|line| !line.is_empty());
    lines.join("\n")
}

/// What a disk is called.
pub(super) fn title(network: &Network, disk: &Disk) -> String {
    match community(network, disk.community) {
        Some(community) if !community.label.is_empty() => community.label.clone(),
        Some(_) => "a set of nodes".to_owned(),
        None if disk.members.first().and_then(|spot| network.node(spot.node)?.internal)
            == Some(true) =>
        {
            "ours, in no set".to_owned()
        }
        None => "others, in no set".to_owned(),
    }
}

/// What an incident is called.
pub(super) fn chain(network: &Network, chain: &Chain) -> String {
    let label = community(network, chain.community).map(|community| community.label.clone());
    label.filter(|label| !label.is_empty()).unwrap_or_else(|| "An incident".to_owned())
}

fn community(network: &Network, number: Option<u32>) -> Option<&crate::graph::network::Community> {
    network.communities.get(number? as usize)
}

/// How many nodes.
pub(super) fn members(many: usize) -> String {
    let word = if many == 1 { "node" } else { "nodes" };
    format!("{} {word}", grouped(u64::try_from(many).unwrap_or(u64::MAX)))
}

/// The whole in a line: how many of what kind, and from when to when.
pub(super) fn whole(network: &Network) -> String {
    let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
    for node in &network.nodes {
        *kinds.entry(node.kind).or_default() += 1;
    }
    let mut kinds: Vec<(&str, u64)> = kinds.into_iter().collect();
    kinds.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let mut parts: Vec<String> = kinds
        .iter()
        .map(|(kind, many)| format!("{} {}", grouped(*many), plural(kind, *many)))
        .collect();
    if parts.is_empty() {
        return "nothing to draw: no alert, no connection, no finding".to_owned();
    }
    if !network.communities.is_empty() {
        let many = network.communities.len() as u64;
        parts.push(format!("{} {}", grouped(many), if many == 1 { "set" } else { "sets" }));
    }
    let mut all = Seen::default();
    for edge in &network.edges {
        all.add(edge.seen);
    }
    parts.extend(span(&all));
    parts.join(" · ")
}

fn plural(kind: &str, many: u64) -> String {
    match (kind, many) {
        (kind, 1) => kind.to_owned(),
        ("address", _) => "addresses".to_owned(),
        ("process", _) => "processes".to_owned(),
        ("persistence", _) => "startup entries".to_owned(),
        ("shared", _) => "things in common".to_owned(),
        (kind, _) => format!("{kind}s"),
    }
}

/// `from … to … UTC`, to the second, where there are times.
fn span(seen: &Seen) -> Option<String> {
    let (first, last) = (second(seen.first?), second(seen.last?));
    Some(if first == last { format!("{first} UTC") } else { format!("{first} to {last} UTC") })
}

/// A time to the second, for a reader.
fn second(time: Time) -> String {
    let whole = time.to_second().to_string();
    whole.trim_end_matches('Z').replacen('T', " ", 1)
}

/// A number with its thousands parted.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_parted() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn an_empty_network_says_so() {
        assert!(whole(&Network::default()).starts_with("nothing to draw"));
    }
}

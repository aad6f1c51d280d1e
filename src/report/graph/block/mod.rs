//! Lists of what to block, ready to be loaded: of a network, the addresses and names that say why
//! they should be ([`Node::block`](crate::graph::network::Node::block)).

pub(super) mod ipset;
pub(super) mod misp;
pub(super) mod nftables;
pub(super) mod rpz;
pub(super) mod stix;
pub(super) mod suricata;

use crate::facts::Time;
use crate::graph::network::Network;
use std::net::IpAddr;

/// An address to block.
struct Blocked<'a> {
    address: IpAddr,
    why: &'a str,
    /// Whether it attacked, and is not only called.
    attacks: bool,
    first: Option<Time>,
}

/// Addresses in order, IPv4 first.
fn addresses(network: &Network) -> Vec<Blocked<'_>> {
    let mut all: Vec<Blocked<'_>> = network
        .nodes
        .iter()
        .filter_map(|node| {
            Some(Blocked {
                address: node.id.strip_prefix("address/")?.parse().ok()?,
                why: node.block.as_deref()?,
                attacks: node.caused > 0,
                first: node.seen.first,
            })
        })
        .collect();
    all.sort_by_key(|blocked| blocked.address);
    all.dedup_by_key(|blocked| blocked.address);
    all
}

/// Names in order, with why: only what is written as a name may be.
fn names(network: &Network) -> Vec<(String, &str)> {
    let sound = |name: &str| {
        let letters = |part: &str| {
            !part.is_empty()
                && part.len() < 64
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        };
        name.len() < 240 && name.contains('.') && name.split('.').all(letters)
    };
    let mut all: Vec<(String, &str)> = network
        .nodes
        .iter()
        .filter_map(|node| {
            let name = node.id.strip_prefix("name/")?.to_ascii_lowercase();
            Some((name, node.block.as_deref()?))
        })
        .filter(|(name, _)| sound(name))
        .collect();
    all.sort();
    all.dedup_by(|a, b| a.0 == b.0);
    all
}

/// Words that are safe inside quotes of any of these formats.
fn plain(text: &str) -> String {
    let kept = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | ',' | '.' | '-');
    let text: String = text.chars().map(|c| if kept(c) { c } else { ' ' }).collect();
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().take(160).collect()
}

//! What of a network should be blocked, and why.

use super::divide::Allowed;
use super::{Edge, Network};
use crate::facts::{Error, Facts};
use crate::graph::campaign::Actors;
use crate::judge::{Level, Ranges, is_public};
use std::collections::BTreeSet;
use std::net::IpAddr;

impl Network {
    /// Marks addresses and names that should be blocked. An internal, reserved or allowed one
    /// never is.
    pub(super) fn mark_blocked(&mut self, facts: &Facts, actors: &Actors) -> Result<(), Error> {
        let ranges = Ranges::of(facts, "SELECT range FROM allow WHERE range IS NOT NULL")?;
        let allowed = Allowed::of(facts)?;
        let pools: BTreeSet<String> = facts
            .rows("SELECT lower(domain) FROM pools WHERE domain IS NOT NULL", [], |row| row.get(0))?
            .into_iter()
            .collect();
        let grave = |network: &Self, edge: &Edge| {
            network.node(edge.from).and_then(|node| node.severity).filter(|l| *l >= Level::High)
        };
        let mut why: Vec<Option<String>> = vec![None; self.nodes.len()];
        let mut set = |place: u32, words: String| {
            if let Some(there) = why.get_mut(place as usize)
                && there.is_none()
            {
                *there = Some(words);
            }
        };
        for edge in &self.edges {
            let Some(to) = self.node(edge.to) else { continue };
            match (edge.kind, to.kind) {
                ("connects to", "address") => {
                    if let Some(level) = grave(self, edge) {
                        let level = level.word();
                        set(
                            edge.to,
                            format!("a process with findings graded {level} connects to it"),
                        );
                    }
                }
                ("alert", "name") if edge.seen.severity >= Some(Level::Medium) => {
                    set(edge.to, format!("{} alerts name it", edge.seen.count));
                }
                (_, "name") if listed(&to.label, &pools) => {
                    set(edge.to, "it is in the list of mining pools".to_owned());
                }
                _ => {}
            }
        }
        let own = self.own(facts)?;
        for (node, why) in self.nodes.iter_mut().zip(why) {
            let text = node.id.split_once('/').map_or("", |(_, text)| text);
            node.block = match node.kind {
                "address" => {
                    let address: Option<IpAddr> = text.parse().ok();
                    let public = address.is_some_and(|address| {
                        is_public(address)
                            && node.internal != Some(true)
                            && !ranges.contains(address)
                            && !own.contains(&address.to_canonical())
                    });
                    let alerts = actors.find(text).and_then(super::super::campaign::Actor::block);
                    alerts.or(why).filter(|_| public)
                }
                "name" => why.filter(|_| !allowed.name(&text.to_ascii_lowercase())),
                _ => None,
            };
        }
        Ok(())
    }

    /// The addresses of the hosts themselves, as they or their cloud know them: a server may have
    /// one on the internet that nobody put among our ranges.
    fn own(&self, facts: &Facts) -> Result<BTreeSet<IpAddr>, Error> {
        let known = facts.rows(
            "SELECT address FROM interfaces WHERE address IS NOT NULL
             UNION SELECT value FROM cloud_identity WHERE kind = 'address'",
            [],
            |row| row.get::<_, String>(0),
        )?;
        let tied = self.edges.iter().filter(|edge| edge.kind == "has address");
        let tied = tied.filter_map(|edge| self.node(edge.to)?.id.strip_prefix("address/"));
        let all = known.iter().map(String::as_str).chain(tied);
        Ok(all
            .filter_map(|text| text.parse::<IpAddr>().ok())
            .map(|address| address.to_canonical())
            .collect())
    }
}

/// Whether a name, or one it lies below, is in the list.
fn listed(name: &str, list: &BTreeSet<String>) -> bool {
    let name = name.split(':').next().unwrap_or_default().to_ascii_lowercase();
    let mut rest = name.as_str();
    loop {
        if list.contains(rest) {
            return true;
        }
        match rest.split_once('.') {
            Some((_, parent)) => rest = parent,
            None => return false,
        }
    }
}

//! The communities of a network: campaigns, incidents, and what hangs together otherwise.

use super::{Community, Network, Seen};
use crate::graph::campaign::{Actors, Campaign, netblock};
use crate::graph::louvain::louvain;
use std::collections::{BTreeMap, BTreeSet};

/// A network of no more nodes than that is drawn whole: nothing is put together that merely lies
/// in one range.
const SMALL: usize = 300;
/// What hangs together and is no larger stays one community.
const WHOLE: usize = 40;
/// Groups by range of addresses; more would be no overview.
const MOST_RANGES: usize = 40;

impl Network {
    /// Divides the nodes: campaigns first; of the rest what hangs together, by Louvain's method
    /// where that is large; and of what is left in a large network, addresses of one range.
    pub(super) fn find_communities(&mut self, actors: &Actors, campaigns: &[Campaign]) {
        let mut found: Vec<Community> =
            campaigns.iter().map(|campaign| self.campaign(actors, campaign)).collect();
        let mut taken = vec![false; self.nodes.len()];
        mark(&mut taken, &found);
        let told = self.told(&taken);
        mark(&mut taken, &told);
        found.extend(told);
        let tied = self.tied(&taken);
        mark(&mut taken, &tied);
        found.extend(tied);
        if self.nodes.len() > SMALL {
            found.extend(self.ranges(&taken));
        }
        self.divide(found);
    }

    fn place(&self, id: &str) -> Option<u32> {
        let at = self.nodes.binary_search_by(|node| node.id.as_str().cmp(id)).ok()?;
        u32::try_from(at).ok()
    }

    fn campaign(&self, actors: &Actors, campaign: &Campaign) -> Community {
        let members = campaign.members.iter().filter_map(|place| {
            let actor = actors.all.get(*place as usize)?;
            self.place(&format!("address/{}", actor.address))
        });
        Community {
            kind: "campaign",
            label: campaign.name.clone(),
            why: campaign.why.clone(),
            members: members.collect(),
            seen: Seen {
                count: campaign.alerts,
                first: campaign.first,
                last: campaign.last,
                severity: campaign.worst,
            },
        }
    }

    /// The chains of incidents.
    fn told(&self, taken: &[bool]) -> Vec<Community> {
        let mut chains: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for (place, (node, taken)) in (0_u32..).zip(self.nodes.iter().zip(taken)) {
            if let Some(incident) = node.incident.filter(|_| !taken) {
                chains.entry(incident).or_default().push(place);
            }
        }
        chains
            .into_values()
            .map(|members| {
                let mut community = self.around(members);
                community.kind = "incident";
                community.why = format!("one chain of events: {}", community.why);
                community
            })
            .collect()
    }

    /// What hangs together among the nodes that no campaign has.
    fn tied(&self, taken: &[bool]) -> Vec<Community> {
        let free = |place: u32| taken.get(place as usize).is_some_and(|taken| !taken);
        let edges: Vec<(u32, u32, i64)> = self
            .edges
            .iter()
            .filter(|edge| edge.from != edge.to && free(edge.from) && free(edge.to))
            .map(|edge| (edge.from, edge.to, 1 + i64::from(edge.seen.count.max(1).ilog2())))
            .collect();
        let components = components(self.nodes.len(), &edges);
        let mut sizes: BTreeMap<u32, usize> = BTreeMap::new();
        for component in &components {
            *sizes.entry(*component).or_default() += 1;
        }
        let large = |place: u32| {
            components
                .get(place as usize)
                .and_then(|component| sizes.get(component))
                .is_some_and(|size| *size > WHOLE)
        };
        let parts =
            louvain(self.nodes.len(), edges.iter().copied().filter(|(from, ..)| large(*from)));
        let mut sets: BTreeMap<(u32, u32), Vec<u32>> = BTreeMap::new();
        for (place, (component, part)) in (0_u32..).zip(components.iter().zip(&parts)) {
            let part = if large(place) { *part } else { 0 };
            sets.entry((*component, part)).or_default().push(place);
        }
        sets.into_values()
            .filter(|members| members.len() > 2)
            .map(|members| self.around(members))
            .collect()
    }

    /// A set, named for the node on which most of it hangs.
    fn around(&self, members: Vec<u32>) -> Community {
        let nodes = || members.iter().filter_map(|place| self.node(*place));
        let incident = nodes().any(|node| matches!(node.kind, "process" | "file" | "persistence"));
        // The gravest speaks for an incident, the heaviest for others.
        let hub = nodes().reduce(|best, one| {
            let rank =
                |node: &super::Node| (if incident { node.severity } else { None }, node.weight);
            if rank(one) > rank(best) { one } else { best }
        });
        let label = hub.map(|node| node.label.clone()).unwrap_or_default();
        let mut seen = Seen::default();
        let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
        for node in nodes() {
            seen.add(Seen { severity: node.severity, ..node.seen });
            *kinds.entry(node.kind).or_default() += 1;
        }
        let kinds: Vec<String> =
            kinds.iter().map(|(kind, count)| format!("{count} of kind {kind}")).collect();
        Community {
            kind: "community",
            label: format!("around {label}"),
            why: format!(
                "{} things with more ties among them than to others ({}), most of them to {label}",
                members.len(),
                kinds.join(", ")
            ),
            members,
            seen,
        }
    }

    /// Addresses of one range: of ours by /24, or /16 where these are too many; others by /8, or
    /// all together.
    fn ranges(&self, taken: &[bool]) -> Vec<Community> {
        let free: Vec<u32> = (0_u32..)
            .zip(taken.iter().zip(&self.nodes))
            .filter(|(_, (taken, node))| !**taken && node.kind == "address")
            .map(|(place, _)| place)
            .collect();
        let mut out = Vec::new();
        for internal in [true, false] {
            let side = |place: &u32| {
                self.node(*place).filter(|node| (node.internal == Some(true)) == internal)
            };
            let places: Vec<u32> = free.iter().copied().filter(|p| side(p).is_some()).collect();
            let mut groups: BTreeMap<String, Vec<u32>> = BTreeMap::new();
            for width in [24_u32, 16, 8, 0] {
                groups.clear();
                for place in &places {
                    let Some(node) = self.node(*place) else { continue };
                    groups.entry(range(&node.label, width)).or_default().push(*place);
                }
                if groups.len() <= MOST_RANGES {
                    break;
                }
            }
            let whose = if internal { "of ours" } else { "of others" };
            out.extend(groups.into_iter().map(|(range, members)| {
                let mut seen = Seen::default();
                for node in members.iter().filter_map(|place| self.node(*place)) {
                    seen.add(Seen { severity: node.severity, ..node.seen });
                }
                let count = members.len();
                Community {
                    kind: "community",
                    label: format!("{count} systems {whose} in {range}"),
                    why: format!("{count} systems of one range, that no other set has"),
                    members,
                    seen,
                }
            }));
        }
        out
    }
}

fn mark(taken: &mut [bool], communities: &[Community]) {
    for place in communities.iter().filter(|c| c.members.len() > 1).flat_map(|c| &c.members) {
        if let Some(there) = taken.get_mut(*place as usize) {
            *there = true;
        }
    }
}

fn range(address: &str, width: u32) -> String {
    if width == 24 {
        return netblock(address);
    }
    match address.parse() {
        Ok(std::net::IpAddr::V4(v4)) if width > 0 => {
            let kept = v4.to_bits() & (u32::MAX << (32 - width));
            format!("{}/{width}", std::net::Ipv4Addr::from_bits(kept))
        }
        Ok(std::net::IpAddr::V6(v6)) if width > 0 => {
            let [a, ..] = v6.segments();
            format!("{a:x}::/16")
        }
        _ => "all ranges".to_owned(),
    }
}

/// For each node the lowest node that it hangs together with.
fn components(nodes: usize, edges: &[(u32, u32, i64)]) -> Vec<u32> {
    let mut parent: Vec<u32> = (0..).take(nodes).collect();
    fn root(parent: &mut [u32], mut node: u32) -> u32 {
        while let Some(up) = parent.get(node as usize).copied()
            && up != node
        {
            let over = parent.get(up as usize).copied().unwrap_or(up);
            if let Some(there) = parent.get_mut(node as usize) {
                *there = over;
            }
            node = up;
        }
        node
    }
    for (a, b, _) in edges {
        let (a, b) = (root(&mut parent, *a), root(&mut parent, *b));
        if let Some(there) = parent.get_mut(a.max(b) as usize) {
            *there = a.min(b);
        }
    }
    (0..).take(nodes).map(|node| root(&mut parent, node)).collect()
}

/// Names and ranges that a block list must not hold.
pub(super) struct Allowed(BTreeSet<String>);

impl Allowed {
    /// Of the lookup `allow`.
    pub(super) fn of(facts: &crate::facts::Facts) -> Result<Self, crate::facts::Error> {
        let names =
            facts.rows("SELECT lower(range) FROM allow WHERE range IS NOT NULL", [], |row| {
                row.get::<_, String>(0)
            })?;
        Ok(Self(names.into_iter().collect()))
    }

    /// Whether a name or one of its parents is allowed.
    pub(super) fn name(&self, name: &str) -> bool {
        let mut rest = name;
        loop {
            if self.0.contains(rest) {
                return true;
            }
            match rest.split_once('.') {
                Some((_, parent)) => rest = parent,
                None => return false,
            }
        }
    }
}

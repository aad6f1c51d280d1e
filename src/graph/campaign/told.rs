//! What a set of systems is called, and why it is one.

use super::similar::Vector;
use super::{Actors, Campaign};
use crate::facts::Time;
use std::collections::{BTreeMap, BTreeSet};

/// Signatures that define a set; more say no more.
const MOST_DEFINING: usize = 8;

const HOUR: i64 = 3_600_000_000_000;

/// Fills in all but the members.
#[allow(clippy::cast_precision_loss)]
pub(super) fn tell(
    campaign: &mut Campaign,
    actors: &Actors,
    centre: &Vector,
    with: &[u32],
    sources: usize,
) {
    let size = campaign.members.len().max(1) as f64;
    let mut have: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
    let mut networks = BTreeSet::new();
    for actor in campaign.members.iter().filter_map(|place| actors.all.get(*place as usize)) {
        campaign.alerts += actor.caused;
        campaign.worst = campaign.worst.max(actor.worst);
        campaign.internal += u64::from(actor.internal);
        campaign.first = match (campaign.first, actor.first) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        campaign.last = campaign.last.max(actor.last);
        networks.insert(netblock(&actor.address));
        for (signature, count) in &actor.signatures {
            let (members, alerts) = have.entry(*signature).or_default();
            *members += 1;
            *alerts += count;
        }
    }
    // Whatever weighs in the set's middle and most members have.
    let mut defining: Vec<(f64, u32)> = centre
        .iter()
        .filter(|(signature, weight)| {
            *weight >= 0.15 && have.get(signature).is_some_and(|(m, _)| *m as f64 >= size / 4.0)
        })
        .map(|(signature, weight)| (*weight, *signature))
        .collect();
    defining.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    defining.truncate(MOST_DEFINING);
    campaign.defining = defining
        .iter()
        .map(|(_, signature)| {
            let members = have.get(signature).map_or(0, |(members, _)| *members) as f64;
            let all = with.get(*signature as usize).copied().unwrap_or(1).max(1);
            (*signature, members / size, members / f64::from(all))
        })
        .collect();
    let mut ports: BTreeMap<u16, u64> = BTreeMap::new();
    for (signature, ..) in &campaign.defining {
        let alerts = have.get(signature).map_or(0, |(_, alerts)| *alerts);
        // The port that the signature is mostly about.
        if let Some((port, _)) = actors.ports.get(*signature as usize).and_then(|p| p.first()) {
            *ports.entry(*port).or_default() += alerts;
        }
    }
    let mut ports: Vec<(u16, u64)> = ports.into_iter().collect();
    ports.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    campaign.ports = ports.into_iter().map(|(port, _)| port).collect();
    campaign.name = name(campaign, actors);
    campaign.why = why(campaign, actors, networks.len(), with, sources);
}

fn name(campaign: &Campaign, actors: &Actors) -> String {
    let Some((first, ..)) = campaign.defining.first() else {
        return format!("{} systems", campaign.members.len());
    };
    let port = actors.ports.get(*first as usize).and_then(|ports| ports.first());
    let named = actors.signature(*first);
    let more = campaign.defining.len() - 1;
    let mut name = named.to_owned();
    if let Some((port, _)) = port
        && !named.contains(&port.to_string())
    {
        name.push_str(&format!(" (port {port})"));
    }
    if more > 0 {
        name.push_str(&format!(" and {more} more"));
    }
    name
}

fn why(
    campaign: &Campaign,
    actors: &Actors,
    networks: usize,
    with: &[u32],
    sources: usize,
) -> String {
    let members = campaign.members.len();
    let percent = |share: f64| (share * 100.0).round();
    let named: Vec<String> = campaign
        .defining
        .iter()
        .take(4)
        .map(|(signature, share, own)| {
            let (share, own) = (percent(*share), percent(*own));
            let name = actors.signature(*signature);
            format!("{name} (by {share} % of them, who are {own} % of all that did it)")
        })
        .collect();
    #[allow(clippy::cast_precision_loss)]
    let alike = campaign.likeness.iter().sum::<f64>() / members.max(1) as f64;
    let mut why = format!(
        "{members} systems of {networks} networks do the same, {} % alike: {}",
        percent(alike),
        named.join("; ")
    );
    let rest = campaign.defining.len().saturating_sub(4);
    if rest > 0 {
        why.push_str(&format!(" and {rest} more"));
    }
    match (campaign.first, campaign.last) {
        (Some(first), Some(last)) => {
            let length = span(first, last);
            why.push_str(&format!(". All within {length}, from {first} to {last}"));
        }
        _ => why.push_str(". When is not known"),
    }
    let rare = campaign.defining.iter().any(|(signature, ..)| {
        with.get(*signature as usize).is_some_and(|count| *count as usize * 5 <= sources)
    });
    if !rare {
        why.push_str(". What they do is common here: a habit of many, not by itself one master");
    }
    why
}

fn span(first: Time, last: Time) -> String {
    let length = last.0.saturating_sub(first.0);
    match length / HOUR {
        0 => format!("{} minutes", length / (HOUR / 60) + 1),
        hours if hours < 72 => format!("{} hours", hours + 1),
        hours => format!("{} days", hours / 24 + 1),
    }
}

/// The network that an address is told by: /24, or /48 of IPv6.
pub(in crate::graph) fn netblock(address: &str) -> String {
    match address.parse() {
        Ok(std::net::IpAddr::V4(v4)) => {
            let [a, b, c, _] = v4.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        Ok(std::net::IpAddr::V6(v6)) => {
            let [a, b, c, ..] = v6.segments();
            format!("{}/48", std::net::Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))
        }
        Err(_) => address.to_owned(),
    }
}

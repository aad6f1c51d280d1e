//! What of a network should be blocked, and why.

use super::divide::Allowed;
use super::traffic::{each, graded};
use super::{Edge, Network};
use crate::facts::{Error, Facts};
use crate::graph::campaign::Actors;
use crate::graph::campaign::accused::Said;
use crate::judge::{Level, Ranges, is_public};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

impl Network {
    /// Marks addresses and names that should be blocked. An internal, reserved or allowed one
    /// never is.
    pub(super) fn mark_blocked(&mut self, facts: &Facts, actors: &Actors) -> Result<(), Error> {
        let ranges = Ranges::of(facts, "SELECT range FROM allow WHERE range IS NOT NULL")?;
        let allowed = Allowed::of(facts)?;
        let everybodys = Ranges::of(facts, "SELECT range FROM everybodys WHERE range IS NOT NULL")?;
        let known: BTreeSet<String> = facts
            .rows("SELECT lower(range) FROM everybodys WHERE range IS NOT NULL", [], |row| {
                row.get(0)
            })?
            .into_iter()
            .collect();
        let pools: BTreeSet<String> = facts
            .rows("SELECT lower(domain) FROM pools WHERE domain IS NOT NULL", [], |row| row.get(0))?
            .into_iter()
            .collect();
        let grave = |network: &Self, edge: &Edge| {
            network.node(edge.from).and_then(|node| node.severity).filter(|l| *l >= Level::High)
        };
        let blamed = blamed(facts)?;
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
                    if let Some(words) = blamed.get(&to.label.to_ascii_lowercase()) {
                        set(edge.to, words.clone());
                    }
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
                            && !everybodys.contains(address)
                            && !own.contains(&address.to_canonical())
                    });
                    let alerts = actors.find(text).and_then(|actor| actors.block(actor));
                    alerts.or(why).filter(|_| public)
                }
                "name" => why.filter(|_| {
                    let name = text.to_ascii_lowercase();
                    !allowed.name(&name) && !known.contains(&name) && outside(&name)
                }),
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
pub(super) fn listed(name: &str, list: &BTreeSet<String>) -> bool {
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

/// Names by what alerts speak against them.
fn blamed(facts: &Facts) -> Result<BTreeMap<String, String>, Error> {
    let mut found: BTreeMap<String, (u64, String)> = BTreeMap::new();
    each(
        facts,
        "SELECT lower(domain), coalesce(signature, signature_id, ''), coalesce(category, ''), kind,
           severity, server_port, coalesce(app_proto, '') FROM alerts
         WHERE NOT sample AND NOT repeated AND domain IS NOT NULL",
        |row| {
            let text = |at: usize| row.get_ref(at).ok().and_then(|v| v.as_str().ok());
            let signature = text(1).unwrap_or_default();
            let said = Said {
                signature,
                category: text(2).unwrap_or_default(),
                severity: graded(text(3).unwrap_or_default(), row.get(4)?),
                client_port: None,
                server_port: row.get(5)?,
                attacker: "",
            };
            if said.names_it(text(6).unwrap_or_default()) || text(3) == Some("guardduty") {
                let name = text(0).unwrap_or_default().to_owned();
                let there = found.entry(name).or_insert_with(|| (0, signature.to_owned()));
                there.0 += 1;
            }
            Ok(())
        },
    )?;
    let told = |(count, signature): (u64, String)| match count {
        1 => format!("an alert names it, {signature}"),
        count => format!("{count} alerts name it, {signature}"),
    };
    Ok(found.into_iter().map(|(name, seen)| (name, told(seen))).collect())
}

/// Zones that are nobody's on the internet: a site's own, and those of the reverse.
const INSIDE: &[&str] = &[
    "internal",
    "local",
    "lan",
    "home",
    "corp",
    "localdomain",
    "arpa",
    "intranet",
    "private",
    "test",
    "invalid",
    "localhost",
    "example",
];

/// Whether it is a name of the internet, and no address that stands where a name would.
fn outside(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    let Some((_, last)) = name.rsplit_once('.') else { return false };
    name.parse::<IpAddr>().is_err()
        && !INSIDE.contains(&last)
        && !last.bytes().all(|byte| byte.is_ascii_digit())
}

//! The tables `actors`, `campaigns` and `campaign_members`.

use super::told::netblock;
use super::{Actors, Campaign, campaigns};
use crate::facts::{Error, Facts, Table, Time};

crate::table! {
    pub struct ActorRow in actors, "Every address in the alerts, added up: what it did and what was done to it. Where there are no alerts, connections that nobody answered stand for them. Filled for a hunt that asks for it.";
    address: String, "", "The address.";
    network: String, "", "Its /24, or its /48 of IPv6.";
    internal: bool, "", "Whether it lies in `internal_ranges`.";
    allowed: bool, "", "Whether it lies in the lookup `allow`.";
    alerts: u64, "", "Alerts that it is the source of.";
    high: u64, "", "Of them, those graded high or above: Suricata and Snort 1, GuardDuty 7 and above.";
    medium: u64, "", "Of them, those graded medium: Suricata and Snort 2, GuardDuty 4 to 7.";
    low: u64, "", "Of them, those graded lower or not at all.";
    hostile: u64, "", "Of them, those graded medium or above that speak against it itself: not policy, information, the sensor's decoder, an answer of a resolver, or what the other did to it.";
    hostile_targets: u64, "", "Distinct addresses on which it raised what speaks against it, graded or not, but not low.";
    worst: Option<&'static str>, "", "The gravest of them.";
    targets: u64, "", "Distinct addresses that it raised alerts on.";
    answered: Option<u64>, "", "Of them, those that answered; NULL where no log of connections tells.";
    signatures: u64, "", "Distinct signatures that it raised.";
    names: String, "", "The most frequent of them, with how often.";
    ports: String, "", "The ports that these are mostly about.";
    hours: u64, "", "Hours of the clock in which it was the source of an alert.";
    first: Option<Time>, "", "Its first alert as source.";
    last: Option<Time>, "", "Its last.";
    suffered: u64, "", "Alerts in which it is the other.";
    attackers: u64, "", "Distinct addresses that raised alerts on it.";
    answered_to: Option<u64>, "", "Of them, those that it answered; NULL where no log of connections tells.";
    called: Option<&'static str>, "", "The gravest alert of a system of ours in which it is the other, and that speaks against it.";
    campaign: Option<u64>, "", "The campaign that it belongs to.";
    block: Option<String>, "", "Why it should be blocked; NULL where it should not or must not be: internal, reserved and allowed addresses never.";
}

crate::table! {
    pub struct CampaignRow in campaigns, "Sets of systems that act together: alike by signatures, of which common ones count less, and in time. Filled for a hunt that asks for it.";
    campaign: u64, "", "Its number, from 1; largest first.";
    name: String, "", "The signature that defines it most, with its port.";
    members: u64, "", "How many systems.";
    internal: u64, "", "Of them, those of ours.";
    alerts: u64, "", "Alerts of its members.";
    worst: Option<&'static str>, "", "The gravest of them.";
    signatures: String, "", "What defines it: each signature with the share of members that raised it.";
    ports: String, "", "The ports that these are mostly about.";
    alike: f64, "", "How like the members are on average, 0 to 1.";
    first: Option<Time>, "", "The first alert.";
    last: Option<Time>, "", "The last.";
    why: String, "", "What makes it a set, in words.";
}

crate::table! {
    pub struct CampaignMemberRow in campaign_members, "The systems of each campaign.";
    campaign: u64, "", "Its number.";
    address: String, "", "The system.";
    internal: bool, "", "Whether it is one of ours.";
    alerts: u64, "", "Alerts that it is the source of.";
    targets: u64, "", "Distinct addresses that it raised alerts on.";
    alike: f64, "", "How like it is to the middle of the set, 0 to 1.";
    first: Option<Time>, "", "Its first alert.";
    last: Option<Time>, "", "Its last.";
}

const FROM: &str = "alerts, added up";

/// Fills the three tables; [`crate::judge::prepare`] must have run. Again does no harm.
///
/// # Errors
/// Where SQLite fails.
pub fn fill(facts: &Facts) -> Result<(), Error> {
    for table in [ActorRow::DEF, CampaignRow::DEF, CampaignMemberRow::DEF] {
        facts.change(&format!("DELETE FROM {}", table.name), [])?;
    }
    let actors = Actors::of(facts)?;
    let found = campaigns(&actors);
    facts.together(|facts| {
        store(facts, &actors, &found)?;
        members(facts, &actors, &found)
    })
}

fn join<T: std::fmt::Display>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}

fn store(facts: &Facts, actors: &Actors, found: &[Campaign]) -> Result<(), Error> {
    let mut of = vec![None; actors.all.len()];
    for (number, campaign) in (1_u64..).zip(found) {
        for place in &campaign.members {
            if let Some(there) = of.get_mut(*place as usize) {
                *there = Some(number);
            }
        }
    }
    let mut rows = facts.inserter::<ActorRow>()?;
    for (actor, campaign) in actors.all.iter().zip(of) {
        let mut often: Vec<(u32, u64)> = actor.signatures.clone();
        often.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
        often.truncate(5);
        let mut ports: Vec<u16> = often
            .iter()
            .filter_map(|(signature, _)| actors.ports.get(*signature as usize)?.first())
            .map(|(port, _)| *port)
            .collect();
        ports.sort_unstable();
        ports.dedup();
        let [high, medium, low] = actor.grades;
        let name =
            |(signature, count): &(u32, u64)| format!("{} ({count})", actors.signature(*signature));
        let row = ActorRow {
            address: actor.address.clone(),
            network: netblock(&actor.address),
            internal: actor.internal,
            allowed: actor.allowed,
            alerts: actor.caused,
            high,
            medium,
            low,
            hostile: actor.hostile.iter().sum(),
            hostile_targets: actor.hostile_targets,
            worst: actor.worst.map(crate::judge::Level::word),
            targets: actor.targets,
            answered: actor.answered,
            signatures: actor.signatures.len() as u64,
            names: join(often.iter().map(name)),
            ports: join(ports),
            hours: actor.hours,
            first: actor.first,
            last: actor.last,
            suffered: actor.suffered,
            attackers: actor.attackers,
            answered_to: actor.answered_to,
            called: actor.called.map(crate::judge::Level::word),
            campaign,
            block: actors.block(actor),
        };
        rows.insert(&actor.address, FROM, &row)?;
    }
    Ok(())
}

fn members(facts: &Facts, actors: &Actors, found: &[Campaign]) -> Result<(), Error> {
    for (number, campaign) in (1_u64..).zip(found) {
        let share = |(signature, share, _): &(u32, f64, f64)| {
            format!("{} ({:.0} %)", actors.signature(*signature), share * 100.0)
        };
        #[allow(clippy::cast_precision_loss)]
        let alike = campaign.likeness.iter().sum::<f64>() / campaign.likeness.len().max(1) as f64;
        let row = CampaignRow {
            campaign: number,
            name: campaign.name.clone(),
            members: campaign.members.len() as u64,
            internal: campaign.internal,
            alerts: campaign.alerts,
            worst: campaign.worst.map(crate::judge::Level::word),
            signatures: join(campaign.defining.iter().map(share)),
            ports: join(&campaign.ports),
            alike: rounded(alike),
            first: campaign.first,
            last: campaign.last,
            why: campaign.why.clone(),
        };
        facts.insert(number, FROM, &row)?;
        let mut rows = facts.inserter::<CampaignMemberRow>()?;
        for (place, alike) in campaign.members.iter().zip(&campaign.likeness) {
            let Some(actor) = actors.all.get(*place as usize) else { continue };
            let row = CampaignMemberRow {
                campaign: number,
                address: actor.address.clone(),
                internal: actor.internal,
                alerts: actor.caused,
                targets: actor.targets,
                alike: rounded(*alike),
                first: actor.first,
                last: actor.last,
            };
            rows.insert(format_args!("{number}/{}", actor.address), FROM, &row)?;
        }
    }
    Ok(())
}

/// Three digits say enough, and hide in what order a machine adds.
fn rounded(share: f64) -> f64 {
    (share * 1000.0).round() / 1000.0
}

//! Sets of systems that act together: by what they raise, and when.
//!
//! [`similar`] finds sources with the same signatures, [`session`] parts those that act at
//! different times, [`told`] says what defines each set.

pub(super) mod accused;
mod actor;
mod fill;
mod reason;
mod session;
mod similar;
mod together;
mod told;

pub use actor::{Actor, Actors};
pub use fill::{ActorRow, CampaignMemberRow, CampaignRow, fill};
pub(super) use told::netblock;

use crate::facts::Time;
use crate::judge::Level;
use similar::likeness;

/// A set of systems that act together.
#[derive(Clone, Debug, Default)]
pub struct Campaign {
    /// Its name: the signature that defines it most, and the port.
    pub name: String,
    /// What makes it a set, in a sentence.
    pub why: String,
    /// Places in [`Actors::all`], in order.
    pub members: Vec<u32>,
    /// How like each member is to the set's middle, 0 to 1.
    pub likeness: Vec<f64>,
    /// The signatures that define it: number, share of the members that raised it, share of all
    /// that raised it who are members.
    pub defining: Vec<(u32, f64, f64)>,
    /// Ports of the other side, the most frequent first.
    pub ports: Vec<u16>,
    /// Alerts of its members.
    pub alerts: u64,
    /// The gravest.
    pub worst: Option<Level>,
    /// The first.
    pub first: Option<Time>,
    /// The last.
    pub last: Option<Time>,
    /// Members that are ours.
    pub internal: u64,
}

/// The campaigns among these actors, largest first.
#[must_use]
pub fn campaigns(actors: &Actors) -> Vec<Campaign> {
    let counts: Vec<Vec<(u32, u64)>> =
        actors.all.iter().map(|actor| actor.signatures.clone()).collect();
    // Targets raise nothing and are no sources: they must not make signatures look rare.
    let sources: Vec<u32> = (0..)
        .zip(&counts)
        .filter(|(_, counts)| !counts.is_empty())
        .map(|(place, _): (u32, _)| place)
        .collect();
    let counts: Vec<Vec<(u32, u64)>> =
        counts.into_iter().filter(|counts| !counts.is_empty()).collect();
    let (vectors, with) = similar::vectors(&counts, actors.signatures.len());
    let vectors = together::widened(&vectors, &with);
    let place = |source: u32| sources.get(source as usize).copied().unwrap_or_default();
    let actor = |source: u32| actors.all.get(place(source) as usize);
    let mut found = Vec::new();
    for set in similar::sets(&vectors, &with) {
        for part in session::parted(&set.members, |source| actor(source)?.activity) {
            let like = |source: &u32| {
                vectors.get(*source as usize).map_or(0.0, |v| likeness(v, &set.centre))
            };
            let mut campaign = Campaign {
                members: part.iter().map(|source| place(*source)).collect(),
                likeness: part.iter().map(like).collect(),
                ..Campaign::default()
            };
            told::tell(&mut campaign, actors, &set.centre, &with, counts.len());
            found.push(campaign);
        }
    }
    found.sort_by(|a, b| {
        b.members.len().cmp(&a.members.len()).then_with(|| a.members.cmp(&b.members))
    });
    found
}

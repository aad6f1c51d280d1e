//! Every address with what it did and what was done to it, out of all alerts.

use super::accused::{Accused, Said};
use super::session::Activity;
use crate::facts::{Error, Facts, Time};
use crate::graph::network::{each, graded};
use crate::judge::{Level, Ranges, is_public};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::IpAddr;

/// Times of one source that are kept; of more, every second, fourth … one.
const MOST_TIMES: usize = 512;

const HOUR: i64 = 3_600_000_000_000;

/// An address in the alerts.
#[derive(Clone, Debug, Default)]
pub struct Actor {
    /// As the logs write it.
    pub address: String,
    /// Whether it is one of ours.
    pub internal: bool,
    /// Whether it is routed on the internet and on no list of those that are allowed.
    pub blockable: bool,
    /// Whether a list of the user's allows it.
    pub allowed: bool,
    /// Alerts that it is the source of.
    pub caused: u64,
    /// Alerts in which it is the other.
    pub suffered: u64,
    /// Of the alerts it is the source of, those graded high and above, medium, and low and below.
    pub grades: [u64; 3],
    /// Those that are evidence against it itself, graded high and above, and medium.
    pub hostile: [u64; 2],
    /// On how many distinct addresses it raised alerts that speak against it.
    pub hostile_targets: u64,
    /// The first system of ours that called it by an alert that speaks against it, and which.
    pub called_by: Option<(String, u32)>,
    caller: Option<(u32, u32)>,
    /// The gravest of them.
    pub worst: Option<Level>,
    /// The gravest that speaks against it where it is the other and one of ours the source.
    pub called: Option<Level>,
    /// Signature and how often, in order of signatures.
    pub signatures: Vec<(u32, u64)>,
    /// How many distinct addresses it raised alerts on.
    pub targets: u64,
    /// Of them, those that answered; [`None`] where no log of connections tells.
    pub answered: Option<u64>,
    /// How many distinct addresses raised alerts on it.
    pub attackers: u64,
    /// Of them, those that it answered.
    pub answered_to: Option<u64>,
    /// Hours of the clock in which it was the source of an alert.
    pub hours: u64,
    /// Its first alert as source.
    pub first: Option<Time>,
    /// Its last.
    pub last: Option<Time>,
    /// When it acts.
    pub(super) activity: Option<Activity>,
    times: Vec<i64>,
    stride: u32,
    seen: u32,
}

/// All of them, in order of addresses as text; and the names of signatures.
#[derive(Clone, Debug, Default)]
pub struct Actors {
    /// In order of [`Actor::address`].
    pub all: Vec<Actor>,
    /// Names of signatures, in order.
    pub signatures: Vec<String>,
    /// Of each signature, the ports of the other side and how often.
    pub ports: Vec<Vec<(u16, u64)>>,
    /// Whether they come from connections, as there are no alerts.
    pub from_connections: bool,
}

/// Texts and their numbers.
#[derive(Default)]
struct Names {
    by: HashMap<String, u32>,
    all: Vec<String>,
}

impl Names {
    fn number(&mut self, text: &str) -> u32 {
        if let Some(number) = self.by.get(text) {
            return *number;
        }
        let number = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        self.by.insert(text.to_owned(), number);
        self.all.push(text.to_owned());
        number
    }

    /// The texts in order, and for each number its place in that order.
    fn ordered(self) -> (Vec<String>, Vec<u32>) {
        let mut order: Vec<(String, u32)> = self.all.into_iter().zip(0..).collect();
        order.sort_unstable();
        let mut places = vec![0; order.len()];
        for (place, (_, number)) in (0..).zip(&order) {
            if let Some(there) = places.get_mut(*number as usize) {
                *there = place;
            }
        }
        (order.into_iter().map(|(text, _)| text).collect(), places)
    }
}

/// What an alert, or a connection that was not answered, says.
struct Told<'a> {
    client: &'a str,
    server: &'a str,
    signature: &'a str,
    port: Option<u16>,
    severity: Option<Level>,
    /// Whom it speaks against.
    accused: Accused,
    count: u64,
    first: Option<i64>,
    last: Option<i64>,
}

#[derive(Default)]
struct Reading {
    addresses: Names,
    signatures: Names,
    actors: Vec<Actor>,
    counts: HashMap<(u32, u32), u64>,
    pairs: HashSet<(u32, u32)>,
    against: HashSet<(u32, u32)>,
    hours: HashSet<(u32, i64)>,
    ports: BTreeMap<(u32, u16), u64>,
    internal: Ranges,
    allowed: Ranges,
}

impl Reading {
    fn actor(&mut self, address: &str) -> u32 {
        let number = self.addresses.number(address);
        if number as usize >= self.actors.len() {
            let parsed: Option<IpAddr> = address.parse().ok();
            let within = |ranges: &Ranges| parsed.is_some_and(|ip| ranges.contains(ip));
            let (internal, allowed) = (within(&self.internal), within(&self.allowed));
            self.actors.push(Actor {
                address: address.to_owned(),
                internal,
                allowed,
                blockable: !internal && !allowed && parsed.is_some_and(is_public),
                ..Actor::default()
            });
        }
        number
    }

    fn take(&mut self, told: &Told<'_>) {
        let signature = self.signatures.number(told.signature);
        let client = (!told.client.is_empty()).then(|| self.actor(told.client));
        let server = (!told.server.is_empty()).then(|| self.actor(told.server));
        if let Some(port) = told.port {
            *self.ports.entry((signature, port)).or_default() += told.count;
        }
        let from_inside = client
            .and_then(|client| self.actors.get(client as usize))
            .is_some_and(|client| client.internal);
        if let Some(actor) = client.and_then(|client| self.actors.get_mut(client as usize)) {
            actor.caused += told.count;
            actor.worst = actor.worst.max(told.severity);
            let grade = match told.severity {
                Some(level) if level >= Level::High => 0,
                Some(Level::Medium) => 1,
                _ => 2,
            };
            if told.accused.client
                && let Some(hostile) = actor.hostile.get_mut(grade)
            {
                *hostile += told.count;
            }
            if let Some(grade) = actor.grades.get_mut(grade) {
                *grade += told.count;
            }
            for time in [told.first, told.last.filter(|last| Some(*last) != told.first)] {
                let Some(time) = time else { continue };
                actor.first = Some(actor.first.map_or(Time(time), |first| first.min(Time(time))));
                actor.last = actor.last.max(Some(Time(time)));
                actor.keep(time);
            }
        }
        if let Some(client) = client {
            *self.counts.entry((client, signature)).or_default() += told.count;
            for time in [told.first, told.last].into_iter().flatten() {
                self.hours.insert((client, time.div_euclid(HOUR)));
            }
        }
        if let Some(actor) = server.and_then(|server| self.actors.get_mut(server as usize)) {
            actor.suffered += told.count;
            if from_inside && told.accused.server {
                actor.called = actor.called.max(told.severity);
                actor.caller = actor.caller.or_else(|| Some((client?, signature)));
            }
        }
        if let (Some(client), Some(server)) = (client, server)
            && client != server
        {
            self.pairs.insert((client, server));
            if told.accused.towards {
                self.against.insert((client, server));
            }
        }
    }

    fn finish(self, facts: &Facts, from_connections: bool) -> Result<Actors, Error> {
        let Self {
            addresses, signatures, mut actors, counts, pairs, against, hours, ports, ..
        } = self;
        let answered = answered(facts, &addresses, &pairs)?;
        let at = |actors: &mut Vec<Actor>, place: u32, change: &dyn Fn(&mut Actor)| {
            if let Some(actor) = actors.get_mut(place as usize) {
                change(actor);
            }
        };
        for (client, server) in &pairs {
            at(&mut actors, *client, &|actor| actor.targets += 1);
            at(&mut actors, *server, &|actor| actor.attackers += 1);
        }
        for (client, _) in against {
            at(&mut actors, client, &|actor| actor.hostile_targets += 1);
        }
        if let Some(answered) = answered {
            for actor in &mut actors {
                (actor.answered, actor.answered_to) = (Some(0), Some(0));
            }
            for (client, server) in answered {
                at(&mut actors, client, &|actor| actor.answered = actor.answered.map(|n| n + 1));
                at(&mut actors, server, &|actor| {
                    actor.answered_to = actor.answered_to.map(|n| n + 1);
                });
            }
        }
        for (client, _) in hours {
            at(&mut actors, client, &|actor| actor.hours += 1);
        }
        let (names, places) = signatures.ordered();
        let place = |number: u32| places.get(number as usize).copied().unwrap_or_default();
        let called = |(client, signature): (u32, u32)| {
            addresses.all.get(client as usize).map(|address| (address.clone(), place(signature)))
        };
        for actor in &mut actors {
            actor.called_by = actor.caller.and_then(called);
        }
        for ((client, signature), count) in counts {
            let signature = place(signature);
            at(&mut actors, client, &|actor| actor.signatures.push((signature, count)));
        }
        let mut by = vec![Vec::new(); names.len()];
        for ((signature, port), count) in ports {
            if let Some(list) = by.get_mut(place(signature) as usize) {
                list.push((port, count));
            }
        }
        for list in &mut by {
            list.sort_by(|a: &(u16, u64), b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
            list.truncate(8);
        }
        for actor in &mut actors {
            actor.signatures.sort_unstable();
            actor.activity = Activity::of(&mut std::mem::take(&mut actor.times));
        }
        actors.sort_unstable_by(|a, b| a.address.cmp(&b.address));
        Ok(Actors { all: actors, signatures: names, ports: by, from_connections })
    }
}

impl Actor {
    fn keep(&mut self, time: i64) {
        self.stride = self.stride.max(1);
        if self.seen.is_multiple_of(self.stride) {
            self.times.push(time);
        }
        self.seen = self.seen.wrapping_add(1);
        if self.times.len() >= MOST_TIMES {
            let mut second = false;
            self.times.retain(|_| {
                second = !second;
                second
            });
            self.stride = self.stride.saturating_mul(2);
        }
    }
}

/// Which of these pairs of source and target a log of connections shows to have spoken with one
/// another; [`None`] where there is no such log.
fn answered(
    facts: &Facts,
    addresses: &Names,
    pairs: &HashSet<(u32, u32)>,
) -> Result<Option<BTreeSet<(u32, u32)>>, Error> {
    let mut known = false;
    let mut found = BTreeSet::new();
    each(
        facts,
        "SELECT originator, responder, established FROM conversations
         WHERE originator IS NOT NULL AND responder IS NOT NULL",
        |row| {
            known = true;
            let text = |at: usize| row.get_ref(at).ok().and_then(|v| v.as_str().ok());
            let number = |at| text(at).and_then(|text| addresses.by.get(text)).copied();
            if let (Some(from), Some(to)) = (number(0), number(1))
                && row.get::<_, i64>(2)? > 0
                && pairs.contains(&(from, to))
            {
                found.insert((from, to));
            }
            Ok(())
        },
    )?;
    Ok(known.then_some(found))
}

impl Actors {
    /// Reads all alerts; where there are none, connections that nobody answered stand for them, the
    /// port knocked at as the signature. [`crate::judge::prepare`] must have run.
    ///
    /// # Errors
    /// Where SQLite fails.
    pub fn of(facts: &Facts) -> Result<Self, Error> {
        let mut reading = Reading {
            internal: Ranges::internal(facts)?,
            allowed: Ranges::of(facts, "SELECT range FROM allow WHERE range IS NOT NULL")?,
            ..Reading::default()
        };
        let mut any = false;
        each(
            facts,
            "SELECT client, server, coalesce(signature, signature_id, category, 'an alert without a name'),
               server_port, kind, severity, CASE kind WHEN 'guardduty' THEN 1 ELSE coalesce(count, 1) END,
               time, coalesce(last, time), category, client_port, attacker
             FROM alerts WHERE NOT sample AND NOT repeated",
            |row| {
                any = true;
                let text = |at: usize| row.get_ref(at).ok().and_then(|v| v.as_str().ok()).unwrap_or_default();
                let severity = graded(text(4), row.get(5)?);
                reading.take(&Told {
                    client: text(0),
                    server: text(1),
                    signature: text(2),
                    port: row.get(3)?,
                    severity,
                    accused: Accused::by(&Said {
                        signature: text(2),
                        category: text(9),
                        severity,
                        client_port: row.get(10)?,
                        server_port: row.get(3)?,
                        attacker: text(11),
                    }),
                    count: row.get::<_, i64>(6)?.cast_unsigned(),
                    first: row.get(7)?,
                    last: row.get(8)?,
                });
                Ok(())
            },
        )?;
        if !any {
            each(
                facts,
                "SELECT originator, responder, responder_port, coalesce(protocol, '?'), refused, first, last
                 FROM conversations WHERE established = 0 AND refused > 0 AND responder_port IS NOT NULL",
                |row| {
                    let text = |at: usize| row.get_ref(at).ok().and_then(|v| v.as_str().ok()).unwrap_or_default();
                    let port: u16 = row.get(2)?;
                    reading.take(&Told {
                        client: text(0),
                        server: text(1),
                        signature: &format!("{} port {port}, not answered", text(3)),
                        port: Some(port),
                        severity: None,
                        accused: Accused { towards: true, ..Accused::default() },
                        count: row.get::<_, i64>(4)?.cast_unsigned(),
                        first: row.get(5)?,
                        last: row.get(6)?,
                    });
                    Ok(())
                },
            )?;
        }
        reading.finish(facts, !any)
    }

    /// The name of a signature.
    #[must_use]
    pub fn signature(&self, number: u32) -> &str {
        self.signatures.get(number as usize).map_or("", String::as_str)
    }

    /// An actor by its address.
    #[must_use]
    pub fn find(&self, address: &str) -> Option<&Actor> {
        let at = self.all.binary_search_by(|actor| actor.address.as_str().cmp(address)).ok()?;
        self.all.get(at)
    }
}

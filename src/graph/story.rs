//! The chain in time order, from the lead or from the worst finding.

use super::chosen::{Chosen, choose};
use super::heat::Heat;
use super::kinds::KINDS;
use super::lead::{self, Found};
use super::shared::Shared;
use super::{Edge, order};
use crate::facts::{Error, Facts, Time};
use crate::judge::Judgement;
use serde::Serialize;
use std::collections::BTreeMap;

/// More steps than a person reads are no story.
const STEPS: usize = 40;

/// One step of the story.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Label of the node it leaves.
    pub from: String,
    /// The edge's word; `concerns` for a lead.
    pub edge: String,
    /// Label of the node it enters.
    pub to: String,
    /// The observation in a sentence.
    pub because: String,
    /// When, RFC 3339, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// The fact it rests on.
    pub fact: String,
    /// Node it leaves, as in the table `edges`.
    pub from_node: String,
    /// Node it enters.
    pub to_node: String,
    /// Which incident it belongs to, from 1: incidents share no node but what everybody uses.
    pub incident: usize,
    /// It only shares an address with the incident: nothing else speaks against what it leaves.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub bystander: bool,
}

/// The story, and what has to be said about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Story {
    /// Incident after incident, the lead's first and then worst first, each in order of time.
    pub steps: Vec<Step>,
    /// What became of the lead, where one was given.
    pub lead: Option<String>,
    /// What was left out, where something was.
    pub note: Option<String>,
}

/// Tells the story out of the edges that [`build`](super::build) stored: what hangs together with
/// a finding of medium or above, or with the lead.
///
/// A lead is `host:port`, an address, a name, a URL, a path, a pid (`2584` or `pid:2584`), a
/// SHA-256, a wallet, or any text that was carved.
///
/// # Errors
/// Where SQLite fails.
pub fn story(facts: &Facts, judgement: &Judgement, lead: Option<&str>) -> Result<Story, Error> {
    let fail = |cause| Error::Sql { doing: "telling the story".to_owned(), cause };
    let edges = edges(facts).map_err(fail)?;
    let started = started(facts).map_err(fail)?;
    let heat = Heat::of(judgement);
    let (found, gaps, searched) = match lead {
        Some(lead) => {
            let found = lead::find(facts, &edges, &heat, lead).map_err(fail)?;
            let searched = lead::searched(facts).map_err(fail)?;
            (found, lead::gaps(facts).map_err(fail)?, searched)
        }
        None => (Vec::new(), Vec::new(), String::new()),
    };
    let shared = Shared::of(facts)?;
    let chosen = choose(&edges, &heat, &found, &shared, lead);
    let incidents = order::incidents(&edges, &started, &heat, &found, &shared, chosen);
    let mut story = tell(&edges, incidents, lead, &found);
    let told = !story.steps.is_empty();
    story.lead = lead.map(|lead| lead::sentence(lead, &found, &gaps, &searched, told));
    Ok(story)
}

fn tell(edges: &[Edge], incidents: Vec<Vec<Chosen>>, lead: Option<&str>, found: &[Found]) -> Story {
    let mut steps = Vec::new();
    let mut left_out = 0;
    for (number, incident) in incidents.into_iter().enumerate() {
        let incident_number = number.saturating_add(1);
        let edge_of = |chosen: &Chosen| edges.get(chosen.edge);
        let touches = |node: &str| {
            incident.iter().filter_map(edge_of).any(|e| e.origin == node || e.target == node)
        };
        for found in found.iter().filter(|found| touches(&found.node)) {
            steps.push(lead_step(lead, found, incident_number));
        }
        let room = STEPS.saturating_sub(steps.len());
        let (kept, dropped) = order::fit(edges, incident, room);
        left_out += dropped;
        for chosen in kept {
            if let Some(edge) = edges.get(chosen.edge) {
                steps.push(step(edge, &chosen, incident_number));
            }
        }
    }
    // What the lead leads to may stand alone, with no edge to anything.
    if steps.is_empty() {
        steps.extend(found.iter().map(|found| lead_step(lead, found, 1)));
    }
    let note = (left_out > 0).then(|| {
        format!(
            "{left_out} further steps are left out; all of them are in the table edges of facts.db"
        )
    });
    Story { lead: None, steps, note }
}

fn step(edge: &Edge, chosen: &Chosen, incident: usize) -> Step {
    let more = match chosen.more {
        0 => String::new(),
        more if edge.edge == "probably is" => format!(" (and {more} more names with that port)"),
        1 => " (and one more of this kind)".to_owned(),
        more => format!(" (and {more} more of this kind)"),
    };
    Step {
        from: edge.origin_label.clone(),
        edge: edge.edge.to_owned(),
        to: edge.target_label.clone(),
        because: format!("{}{more}", edge.because),
        time: edge.time.map(|time| time.to_string()),
        fact: edge.cited.clone(),
        from_node: edge.origin.clone(),
        to_node: edge.target.clone(),
        incident,
        bystander: chosen.bystander,
    }
}

fn lead_step(lead: Option<&str>, found: &Found, incident: usize) -> Step {
    let lead = lead.unwrap_or_default();
    Step {
        from: format!("alert for {lead}"),
        edge: "concerns".to_owned(),
        to: found.label.clone(),
        because: found.because.clone(),
        time: None,
        fact: found.fact.clone(),
        from_node: format!("lead/{lead}"),
        to_node: found.node.clone(),
        incident,
        bystander: false,
    }
}

fn edges(facts: &Facts) -> rusqlite::Result<Vec<Edge>> {
    facts
        .connection()
        .prepare(
            "SELECT origin, origin_label, edge, target, target_label, because, cited, time
             FROM edges ORDER BY rowid",
        )?
        .query_map([], |row| {
            let word: String = row.get(2)?;
            Ok(Edge {
                origin: row.get(0)?,
                origin_label: row.get(1)?,
                edge: KINDS.iter().find(|kind| kind.word == word).map_or("", |kind| kind.word),
                target: row.get(3)?,
                target_label: row.get(4)?,
                because: row.get(5)?,
                cited: row.get(6)?,
                time: row.get::<_, Option<i64>>(7)?.map(Time),
            })
        })?
        .collect()
}

/// When each process node started.
fn started(facts: &Facts) -> rusqlite::Result<BTreeMap<String, Time>> {
    facts
        .connection()
        .prepare("SELECT 'process/' || pid, started FROM processes WHERE started IS NOT NULL")?
        .query_map([], |row| Ok((row.get(0)?, Time(row.get(1)?))))?
        .collect()
}

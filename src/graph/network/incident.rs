//! The edges of an incident, as the story has them; of several hosts, each with its own.

use super::traffic::each;
use super::{Builder, Seen, kind_of};
use crate::facts::{Error, Facts, Time};
use crate::graph::{Story, kinds};
use crate::judge::Level;

/// Kinds of things that are one host's own: the process 2584 of one is not that of another.
const LOCAL: &[&str] = &["account", "file", "lead", "persistence", "process"];

impl Builder {
    /// Adds the incident of one host, of which [`build`](crate::graph::build) left the edges. Where
    /// there are several hosts, `of` names it, and what is its own bears that name.
    ///
    /// # Errors
    /// Where SQLite fails.
    pub fn incident(&mut self, facts: &Facts, of: Option<&str>) -> Result<(), Error> {
        each(
            facts,
            "SELECT origin, origin_label, edge, target, target_label, because, time FROM edges",
            |row| {
                let text = |at: usize| {
                    row.get_ref(at).ok().and_then(|v| v.as_str().ok()).unwrap_or_default()
                };
                let from = self.thing(text(0), text(1), of);
                let to = self.thing(text(3), text(4), of);
                let time = row.get::<_, Option<i64>>(6)?.map(Time);
                let seen = Seen { count: 1, first: time, last: time, severity: None };
                self.edge(from, to, kinds::word(text(2)), text(5), seen);
                Ok(())
            },
        )?;
        self.findings(facts, of)?;
        self.hosts(facts, of)
    }

    /// Marks the chain of the incident: its edges in order, and the nodes on it.
    pub fn story(&mut self, story: &Story, of: Option<&str>) {
        for (number, step) in (1_u32..).zip(&story.steps) {
            let place = |id: &str| match of {
                Some(host) if LOCAL.contains(&kind_of(id)) => self.known(&own(id, host)),
                _ => self.known(id),
            };
            if let (Some(from), Some(to)) = (place(&step.from_node), place(&step.to_node)) {
                let incident = u32::try_from(step.incident).unwrap_or(u32::MAX);
                self.step(from, to, &step.edge, number, incident);
            }
        }
    }

    fn thing(&mut self, id: &str, label: &str, of: Option<&str>) -> u32 {
        match of {
            Some(host) if LOCAL.contains(&kind_of(id)) => {
                self.node(&own(id, host), &format!("{label} on {host}"))
            }
            _ => self.node(id, label),
        }
    }

    fn findings(&mut self, facts: &Facts, of: Option<&str>) -> Result<(), Error> {
        each(
            facts,
            "SELECT level, pid, path FROM findings WHERE level NOT IN ('informational', 'low')",
            |row| {
                let text = |at: usize| row.get_ref(at).ok().and_then(|v| v.as_str().ok());
                let level = text(0).and_then(Level::from_word);
                let pid: Option<u32> = row.get(1)?;
                let about = [
                    pid.map(|pid| format!("process/{pid}")),
                    text(2).map(|path| format!("persistence/{path}")),
                    text(2).map(|path| format!("file/{path}")),
                ];
                // The first that is a node: a finding about a process's file is one about it.
                let known = about.iter().flatten().find_map(|id| match of {
                    Some(host) => self.known(&own(id, host)),
                    None => self.known(id),
                });
                if let Some(node) = known {
                    self.blame(node, 0, level);
                }
                Ok(())
            },
        )
    }

    /// The host itself, its suspects, and those of its addresses that something else speaks of.
    fn hosts(&mut self, facts: &Facts, of: Option<&str>) -> Result<(), Error> {
        let names = facts.rows("SELECT hostname FROM host", [], |row| row.get::<_, String>(0))?;
        let Some(name) = of.map(str::to_owned).or_else(|| names.into_iter().next()) else {
            return Ok(());
        };
        let name = if name.is_empty() { "this host" } else { name.as_str() };
        let host = self.node(&format!("host/{name}"), name);
        let seen = Seen { count: 1, ..Seen::default() };
        for suspect in self.suspects(of.map(|_| name)) {
            self.edge(host, suspect, "runs", "a process with findings", seen);
        }
        for account in self.accounts(of.map(|_| name)) {
            self.edge(host, account, "has account", "an account that was logged in to", seen);
        }
        let addresses = facts.rows(
            "SELECT DISTINCT address FROM interfaces WHERE address IS NOT NULL ORDER BY address",
            [],
            |row| row.get::<_, String>(0),
        )?;
        for address in addresses {
            let local =
                address.starts_with("127.") || address == "::1" || address.starts_with("fe80:");
            let known = self.known(&format!("address/{address}"));
            if !local && (known.is_some() || of.is_some()) {
                let node = self.node(&format!("address/{address}"), &address);
                self.edge(host, node, "has address", "an address of its interfaces", seen);
            }
        }
        Ok(())
    }
}

/// `process/2584` of web-03 as `process/web-03/2584`.
fn own(id: &str, host: &str) -> String {
    match id.split_once('/') {
        Some((kind, rest)) => format!("{kind}/{host}/{rest}"),
        None => id.to_owned(),
    }
}

//! A fleet as a network: what ties hosts together, who had it first, who speaks with whom.

use super::{Builder, Network, Seen};
use crate::facts::Time;
use crate::judge::Level;
use rusqlite::{Connection, OpenFlags};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Ports whose connections between hosts are told as a login.
const SSH: u16 = 22;

pub(super) fn open(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(path, flags)
}

/// A host of the fleet.
pub(super) struct Host {
    pub(super) name: String,
    pub(super) node: u32,
    /// A finding of medium or above speaks of it.
    pub(super) suspect: bool,
    pub(super) case: PathBuf,
}

impl Builder {
    /// Adds what a batch left in its folder: `fleet.db`, and of each case the host's own addresses
    /// and connections. A case that cannot be read is told.
    ///
    /// # Errors
    /// Where `fleet.db` cannot be read.
    pub fn fleet(&mut self, folder: &Path) -> rusqlite::Result<()> {
        let database = open(&folder.join("fleet.db"))?;
        let mut hosts = Vec::new();
        let mut statement =
            database.prepare("SELECT host, level, case_folder FROM fleet_hosts ORDER BY host")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (name, level, case): (String, String, String) =
                (row.get(0)?, row.get(1)?, row.get(2)?);
            let node = self.node(&format!("host/{name}"), &name);
            let level = Level::from_word(&level);
            self.blame(node, 0, level);
            let suspect = level >= Some(Level::Medium);
            hosts.push(Host { name, node, suspect, case: folder.join(case) });
        }
        drop(rows);
        drop(statement);
        self.shared(&database)?;
        let owners = self.speak(&hosts);
        self.spread(&hosts, &owners);
        Ok(())
    }

    fn shared(&mut self, database: &Connection) -> rusqlite::Result<()> {
        let mut statement = database.prepare(
            "SELECT kind, value, names, first, first_host FROM fleet_shared ORDER BY kind, value",
        )?;
        let mut rows = statement.query([])?;
        let mut firsts: BTreeMap<String, usize> = BTreeMap::new();
        let mut all = 0;
        while let Some(row) = rows.next()? {
            let text = |at: usize| row.get::<_, String>(at);
            let (kind, value, names) = (text(0)?, text(1)?, text(2)?);
            let (first, first_host) = (text(3)?, text(4)?);
            let id = match kind.as_str() {
                "wallet" | "url" | "address" => format!("{kind}/{value}"),
                "domain" | "pool" => format!("name/{value}"),
                "ssh-key" => format!("key/{value}"),
                _ => format!("shared/{kind}/{value}"),
            };
            let thing = self.node(&id, &format!("{kind} {value}"));
            let time = first.parse::<jiff::Timestamp>().ok();
            let time = time.and_then(|time| i64::try_from(time.as_nanosecond()).ok()).map(Time);
            if !first_host.is_empty() {
                all += 1;
                *firsts.entry(first_host.clone()).or_default() += 1;
            }
            for name in names.split(", ") {
                let host = self.node(&format!("host/{name}"), name);
                let seen = if name == first_host {
                    Seen { count: 1, first: time, last: time, severity: None }
                } else {
                    Seen { count: 1, ..Seen::default() }
                };
                let what = match first_host.as_str() {
                    "" => "has it",
                    first if first == name => "had it first",
                    _ => "has it, too",
                };
                self.edge(host, thing, "shares", what, seen);
            }
        }
        let likely = firsts.iter().max_by(|a, b| a.1.cmp(b.1).then(b.0.cmp(a.0)));
        if let Some((host, count)) = likely {
            self.note(format!(
                "the likely first host is {host}: of {all} things that several hosts share and \
                 that bear a time, it had {count} first"
            ));
        }
        Ok(())
    }

    /// Connections between hosts of the fleet, by the addresses that each has; these.
    fn speak(&mut self, hosts: &[Host]) -> BTreeMap<String, u32> {
        let mut owner: BTreeMap<String, u32> = BTreeMap::new();
        let mut spoken: Vec<(u32, String, Option<u16>, Option<u16>)> = Vec::new();
        let mut unread = BTreeSet::new();
        for host in hosts {
            let read = || -> rusqlite::Result<(Vec<String>, Vec<_>)> {
                let facts = open(&host.case.join("facts.db"))?;
                let own = facts
                    .prepare("SELECT address FROM interfaces WHERE address IS NOT NULL")?
                    .query_map([], |row| row.get(0))?
                    .collect::<rusqlite::Result<_>>()?;
                let ends = facts
                    .prepare(
                        "SELECT DISTINCT remote_address, local_port, remote_port FROM sockets
                         WHERE state IN ('ESTABLISHED', 'SYN_SENT') AND remote_address IS NOT NULL",
                    )?
                    .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
                    .collect::<rusqlite::Result<_>>()?;
                Ok((own, ends))
            };
            match read() {
                Ok((own, ends)) => {
                    let local = |address: &String| {
                        address.starts_with("127.")
                            || address == "::1"
                            || address.starts_with("fe80")
                    };
                    for address in own.into_iter().filter(|address| !local(address)) {
                        owner.insert(address, host.node);
                    }
                    spoken.extend(
                        ends.into_iter()
                            .map(|(to, own, other): (String, _, _)| (host.node, to, own, other)),
                    );
                }
                Err(_) => {
                    unread.insert(host.name.as_str());
                }
            }
        }
        for (node, address, local, remote) in spoken {
            let Some(other) = owner.get(&address).copied().filter(|other| *other != node) else {
                continue;
            };
            let seen = Seen { count: 1, ..Seen::default() };
            // Who holds the service's port was called.
            match (local, remote) {
                (_, Some(SSH)) => self.edge(node, other, "logs in", "SSH", seen),
                (Some(SSH), _) => self.edge(other, node, "logs in", "SSH", seen),
                (Some(own), Some(far)) if own < far => {
                    self.edge(other, node, "connects to", &format!("port {own}"), seen);
                }
                (_, Some(far)) => {
                    self.edge(node, other, "connects to", &format!("port {far}"), seen);
                }
                _ => {}
            }
        }
        if !unread.is_empty() {
            let names: Vec<&str> = unread.into_iter().collect();
            self.note(format!("who speaks with whom is not known of {}", names.join(", ")));
        }
        owner
    }
}

impl Network {
    /// Of what a [`Builder`] holds and no alerts explain: what hangs together is a community.
    #[must_use]
    pub fn of_hosts(builder: Builder) -> Self {
        let mut network = builder.finish();
        network.find_communities(&crate::graph::campaign::Actors::default(), &[]);
        network
    }
}

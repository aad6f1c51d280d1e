//! How hosts of a fleet come to one another: logins, and keys that one holds and another accepts.

use super::fleet::{Host, open};
use super::{Builder, Seen};
use crate::facts::Time;
use std::collections::{BTreeMap, BTreeSet};

/// Logins of one host that are looked at, folded by source, user and key.
const MOST_LOGINS: usize = 5_000;
/// Logins that the note tells one after another.
const MOST_TOLD: usize = 12;

/// Logins of one source as one user with one key.
struct Login {
    source: String,
    user: String,
    key: Option<String>,
    seen: Seen,
}

/// An SSH key on a host.
struct Key {
    kind: String,
    print: String,
    account: String,
    names: String,
    place: String,
}

fn logins(facts: &rusqlite::Connection) -> rusqlite::Result<Vec<Login>> {
    let sql = format!(
        "SELECT source_address, ifnull(user, ''), fingerprint, min(time), max(coalesce(last, time)),
           sum(count)
         FROM logins WHERE event = 'login' AND NOT in_log AND record <> 'utmp' AND source_address IS NOT NULL
         GROUP BY 1, 2, 3 ORDER BY 4, 1, 2, 3 LIMIT {MOST_LOGINS}"
    );
    let read = |row: &rusqlite::Row<'_>| {
        let time = |at: usize| row.get::<_, Option<i64>>(at).map(|time| time.map(Time));
        let count: i64 = row.get(5)?;
        Ok(Login {
            source: row.get(0)?,
            user: row.get(1)?,
            key: row.get(2)?,
            seen: Seen {
                count: count.unsigned_abs(),
                first: time(3)?,
                last: time(4)?,
                severity: None,
            },
        })
    };
    facts.prepare(&sql)?.query_map([], read)?.collect()
}

fn keys(facts: &rusqlite::Connection) -> rusqlite::Result<Vec<Key>> {
    let sql = "SELECT kind, fingerprint, ifnull(account, ''), ifnull(names, ''), path
         FROM ssh_keys WHERE fingerprint IS NOT NULL ORDER BY kind, path, line";
    let read = |row: &rusqlite::Row<'_>| {
        Ok(Key {
            kind: row.get(0)?,
            print: row.get(1)?,
            account: row.get(2)?,
            names: row.get(3)?,
            place: row.get(4)?,
        })
    };
    facts.prepare(sql)?.query_map([], read)?.collect()
}

/// Of each key, the hosts and how they have it.
#[derive(Default)]
struct Keys<'a> {
    /// Hosts that let it in, by their nodes, and as whom.
    opens: BTreeMap<&'a str, BTreeSet<(u32, &'a str)>>,
    /// Hosts that hold it, and in which file.
    held: BTreeMap<&'a str, BTreeSet<(u32, &'a str)>>,
    /// Hosts whose own it is.
    own: BTreeMap<&'a str, BTreeSet<u32>>,
}

impl<'a> Keys<'a> {
    fn of(hosts: &[Host], all: &'a [(Vec<Login>, Vec<Key>)]) -> Self {
        let mut keys = Self::default();
        let each = hosts.iter().zip(all).flat_map(|(h, (_, k))| k.iter().map(move |k| (h.node, k)));
        for (host, key) in each {
            match key.kind.as_str() {
                "authorized" => {
                    keys.opens.entry(&key.print).or_default().insert((host, &key.account));
                }
                // The public half lies beside a private one that could not be told itself.
                "private" | "public" => {
                    keys.held.entry(&key.print).or_default().insert((host, &key.place));
                }
                "host" => {
                    keys.own.entry(&key.print).or_default().insert(host);
                }
                _ => {}
            }
        }
        keys
    }
}

impl Builder {
    /// Adds who logged in where, who could, and who knows whom; and tells the order in which
    /// suspects logged in to each other. `owners` are the hosts of addresses.
    pub(super) fn spread(&mut self, hosts: &[Host], owners: &BTreeMap<String, u32>) {
        let mut all = Vec::new();
        let mut unread = BTreeSet::new();
        for host in hosts {
            let read = || -> rusqlite::Result<_> {
                let facts = open(&host.case.join("facts.db"))?;
                Ok((logins(&facts)?, keys(&facts)?))
            };
            all.push(read().unwrap_or_else(|_| {
                unread.insert(host.name.as_str());
                Default::default()
            }));
        }
        let keys = Keys::of(hosts, &all);
        self.came_in(hosts, owners, &all);
        self.could_come(&keys);
        self.known_hosts(hosts, owners, &all, &keys);
        if !unread.is_empty() {
            let names: Vec<&str> = unread.into_iter().collect();
            self.note(format!("logins and SSH keys are not known of {}", names.join(", ")));
        }
    }

    /// Logins from one host to another, and those from outside that came to several.
    fn came_in(
        &mut self,
        hosts: &[Host],
        owners: &BTreeMap<String, u32>,
        all: &[(Vec<Login>, Vec<Key>)],
    ) {
        let mut steps: Vec<(Time, &Host, &Host, &Login)> = Vec::new();
        let mut outside: BTreeMap<&str, Vec<(u32, &Login)>> = BTreeMap::new();
        for (host, login) in
            hosts.iter().zip(all).flat_map(|(h, (l, _))| l.iter().map(move |l| (h, l)))
        {
            let Some(from) = owners.get(&login.source).copied() else {
                outside.entry(&login.source).or_default().push((host.node, login));
                continue;
            };
            if from == host.node {
                continue;
            }
            self.edge(from, host.node, "logs in", &words(login), login.seen);
            let source = hosts.iter().find(|host| host.node == from);
            if let (Some(first), Some(source)) = (login.seen.first, source)
                && source.suspect
                && host.suspect
            {
                steps.push((first, source, host, login));
            }
        }
        for (address, came) in outside {
            let to: BTreeSet<u32> = came.iter().map(|(host, _)| *host).collect();
            if to.len() > 1 {
                let from = self.node(&format!("address/{address}"), address);
                for (host, login) in came {
                    self.edge(from, host, "logs in", &words(login), login.seen);
                }
            }
        }
        steps.sort_by(|a, b| (a.0, &a.1.name, &a.2.name).cmp(&(b.0, &b.1.name, &b.2.name)));
        self.tell(&steps);
    }

    /// The order in which suspects logged in to each other, each pair once.
    fn tell(&mut self, steps: &[(Time, &Host, &Host, &Login)]) {
        let mut pairs = BTreeSet::new();
        let mut entered: BTreeSet<u32> = BTreeSet::new();
        let (mut first, mut told, mut more) = (Vec::new(), Vec::new(), 0_usize);
        for (time, from, to, login) in steps {
            if !pairs.insert((from.node, to.node)) {
                continue;
            }
            // Nobody of the fleet came to it before it went on to others.
            if !entered.contains(&from.node) && !first.contains(&from.name) {
                first.push(from.name.clone());
            }
            entered.insert(to.node);
            if told.len() < MOST_TOLD {
                let at = time.to_second();
                told.push(format!("{} to {} {} at {at}", from.name, to.name, words(login)));
            } else {
                more += 1;
            }
        }
        if told.is_empty() {
            return;
        }
        let more = if more == 0 { String::new() } else { format!("; and {more} more") };
        let mut text = format!("logins among suspect hosts begin at {}: ", first.join(", "));
        text.push_str(&told.join("; "));
        self.note(text + &more);
    }

    /// Keys that one host holds and another accepts, and those that several accept.
    fn could_come(&mut self, keys: &Keys<'_>) {
        let seen = Seen { count: 1, ..Seen::default() };
        for (print, opens) in &keys.opens {
            let held = keys.held.get(print);
            for ((from, place), (to, account)) in
                held.into_iter().flatten().flat_map(|h| opens.iter().map(move |o| (h, o)))
            {
                if from != to {
                    let label = format!("{place} ({print}) opens {account}");
                    self.edge(*from, *to, "holds a key of", &label, seen);
                }
            }
            let accept: BTreeSet<u32> = opens.iter().map(|(host, _)| *host).collect();
            if accept.len() > 1 {
                let key = self.node(&format!("key/{print}"), &format!("key {print}"));
                for (to, account) in opens {
                    self.edge(key, *to, "opens", &format!("as {account}"), seen);
                }
            }
        }
    }

    /// Hosts that another one once logged in to: by its own key, or by name or address.
    fn known_hosts(
        &mut self,
        hosts: &[Host],
        owners: &BTreeMap<String, u32>,
        all: &[(Vec<Login>, Vec<Key>)],
        keys: &Keys<'_>,
    ) {
        let by_name: BTreeMap<&str, u32> =
            hosts.iter().map(|host| (host.name.as_str(), host.node)).collect();
        let seen = Seen { count: 1, ..Seen::default() };
        let copies: BTreeSet<&BTreeSet<u32>> =
            keys.own.values().filter(|own| own.len() > 1).collect();
        for (host, key) in
            hosts.iter().zip(all).flat_map(|(h, (_, k))| k.iter().map(move |k| (h, k)))
        {
            if key.kind != "known-host" {
                continue;
            }
            let own = keys.own.get(key.print.as_str()).filter(|own| own.len() == 1);
            let by_key = own.and_then(|own| own.first().copied());
            let named = key.names.split(',').find_map(|name| {
                let bare = name.strip_prefix('[').and_then(|rest| rest.split(']').next());
                let name = bare.unwrap_or(name);
                owners.get(name).or_else(|| by_name.get(name)).copied()
            });
            if let Some(other) = by_key.or(named).filter(|other| *other != host.node) {
                let label = format!("it stands in {}", key.place);
                self.edge(host.node, other, "knows", &label, seen);
            }
        }
        for copy in copies {
            let mut names: Vec<&str> = hosts
                .iter()
                .filter(|host| copy.contains(&host.node))
                .map(|host| host.name.as_str())
                .collect();
            names.dedup();
            let more = names.len().saturating_sub(MOST_TOLD);
            names.truncate(MOST_TOLD);
            let more = if more == 0 { String::new() } else { format!(" and {more} more") };
            self.note(format!(
                "{}{more} have one host key, as copies of one image do: by their keys they cannot \
                 be told apart",
                names.join(", ")
            ));
        }
    }
}

fn words(login: &Login) -> String {
    let key = login.key.as_deref().map(|key| format!(" with the key {key}")).unwrap_or_default();
    format!("as {}{key}", login.user)
}

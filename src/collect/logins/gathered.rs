//! What the records of logins say, folded where there is much: a server on the internet refuses
//! millions of logins.

use crate::evidence::HostPath;
use crate::facts::{HostText, Time};
use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

/// Logins with a row each; of further ones, those alike are one.
const MOST_LOGINS: usize = 20_000;
/// Pairs of source and user with a row each; of further failures, those of one source are one.
const MOST_FAILED: usize = 20_000;

/// sshd lets somebody in, and some seconds later his session is recorded.
const NEAR: i64 = 10_000_000_000;

/// A login, or several that are alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub event: &'static str,
    pub record: &'static str,
    pub user: Option<HostText>,
    pub method: Option<HostText>,
    pub address: Option<IpAddr>,
    pub name: Option<HostText>,
    pub port: Option<u16>,
    pub key_type: Option<HostText>,
    pub fingerprint: Option<HostText>,
    pub detail: Option<HostText>,
    pub terminal: Option<HostText>,
    pub pid: Option<u32>,
    pub time: Option<Time>,
    pub last: Option<Time>,
    pub ended: Option<Time>,
    pub count: u64,
    pub in_log: bool,
    pub path: HostPath,
    pub line: Option<u32>,
}

impl Seen {
    /// One of which no more is known yet.
    pub fn of(event: &'static str, record: &'static str, path: &HostPath, line: u32) -> Self {
        Self {
            event,
            record,
            user: None,
            method: None,
            address: None,
            name: None,
            port: None,
            key_type: None,
            fingerprint: None,
            detail: None,
            terminal: None,
            pid: None,
            time: None,
            last: None,
            ended: None,
            count: 1,
            in_log: false,
            path: path.clone(),
            line: Some(line),
        }
    }
}

/// By what failures are one.
type Alike = (
    &'static str,
    &'static str,
    Option<IpAddr>,
    Option<HostText>,
    Option<HostText>,
    Option<HostText>,
    Option<HostText>,
);

/// All of it, in the order in which it came.
#[derive(Default)]
pub(super) struct Gathered {
    rows: Vec<Seen>,
    alike: HashMap<Alike, usize>,
    logins: usize,
    /// Everything that was added, folded or not.
    pub all: u64,
    /// Events that were folded because there were too many, and not by their kind.
    pub folded: u64,
}

impl Gathered {
    /// Adds one, or counts it where there is one like it; its place.
    pub fn add(&mut self, seen: Seen) -> usize {
        self.all += 1;
        let mut key: Alike = (
            seen.event,
            seen.record,
            seen.address,
            seen.name.clone(),
            seen.user.clone(),
            None,
            None,
        );
        if matches!(seen.event, "failed" | "unknown-user" | "erased") {
            if !self.alike.contains_key(&key) && self.alike.len() >= MOST_FAILED {
                // The source alone, and beyond twice as many, nothing.
                let room = self.alike.len() < 2 * MOST_FAILED;
                key = if room {
                    (key.0, key.1, key.2, key.3, None, None, None)
                } else {
                    (key.0, key.1, None, None, None, None, None)
                };
                self.folded += 1;
            }
        } else {
            (key.5, key.6) = (seen.fingerprint.clone(), seen.method.clone());
            if self.logins < MOST_LOGINS {
                self.logins += 1;
                self.alike.insert(key, self.rows.len());
                return self.push(seen);
            }
            self.folded += 1;
        }
        if let Some(place) = self.alike.get(&key) {
            if let Some(row) = self.rows.get_mut(*place) {
                row.count = row.count.saturating_add(seen.count);
                row.last = row.last.max(row.time).max(seen.last.or(seen.time));
                row.time = match (row.time, seen.time) {
                    (Some(a), Some(b)) => Some(a.min(b)),
                    (a, b) => a.or(b),
                };
            }
            return *place;
        }
        let wide = Seen { address: key.2, name: key.3.clone(), user: key.4.clone(), ..seen };
        self.alike.insert(key, self.rows.len());
        self.push(wide)
    }

    fn push(&mut self, seen: Seen) -> usize {
        self.rows.push(seen);
        self.rows.len() - 1
    }

    /// That the login at this place ended.
    pub fn ended(&mut self, place: usize, time: Time) {
        if let Some(row) = self.rows.get_mut(place) {
            row.ended = row.ended.max(Some(time));
        }
    }

    /// Marks the logins of wtmp and utmp that sshd's log has within some seconds.
    pub fn mark_those_in_log(&mut self) {
        let whose = |seen: &Seen| (seen.user.clone(), seen.address);
        let logged = |seen: &&Seen| seen.event == "login" && seen.record == "log";
        let mut times: HashMap<_, BTreeSet<Time>> = HashMap::new();
        for seen in self.rows.iter().filter(logged) {
            times.entry(whose(seen)).or_default().extend(seen.time);
        }
        for seen in &mut self.rows {
            if seen.event == "login"
                && seen.record != "log"
                && let (Some(known), Some(time)) = (times.get(&whose(seen)), seen.time)
            {
                let near = time.plus(-NEAR)..=time.plus(NEAR);
                seen.in_log = known.range(near).next().is_some();
            }
        }
    }

    pub fn rows(self) -> Vec<Seen> {
        self.rows
    }
}

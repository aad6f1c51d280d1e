//! Connections that two files tell of, as two sensors on one wire do, or a log and its copy: sums
//! count them twice, and that is said.

use super::flow::FlowSeen;
use crate::facts::{self, Facts, Status};
use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

/// Connections that are remembered; of those beyond, nobody is told that they stand twice.
const MOST: usize = 100_000;

/// Pairs of files that are named.
const MOST_NAMED: usize = 5;

const SECOND: i64 = 1_000_000_000;

/// What was seen, and in which file first.
#[derive(Default)]
pub(super) struct Both {
    /// By both ends and the second in which it began: file and start.
    seen: HashMap<u64, (u64, i64)>,
    /// The file that is being read.
    file: u64,
    names: Vec<String>,
    /// How many, by the two files.
    twice: BTreeMap<(u64, u64), u64>,
}

impl Both {
    /// The next file.
    pub(super) fn begin(&mut self, name: &str) {
        self.file = self.names.len() as u64;
        self.names.push(name.to_owned());
    }

    /// A connection of it.
    pub(super) fn see(&mut self, flow: &FlowSeen<'_>) {
        let full = self.seen.len() >= MOST;
        // One long log costs no more than its beginning.
        if full && self.file == 0 {
            return;
        }
        let (Some(started), Some(a), Some(b)) = (flow.started, flow.originator, flow.responder)
        else {
            return;
        };
        let (Some(a_port), Some(b_port)) = (flow.originator_port, flow.responder_port) else {
            return;
        };
        // The same sensor writes it again once it has ended.
        if flow.kind == "zeek-open-conn" {
            return;
        }
        let (a, b) = ((a, a_port), (b, b_port));
        let ends = if a < b { (a, b) } else { (b, a) };
        let second = started.0.div_euclid(SECOND);
        let key = |second: i64| {
            let mut hasher = DefaultHasher::new();
            (ends, flow.protocol.as_deref(), second).hash(&mut hasher);
            hasher.finish()
        };
        if self.file > 0 {
            for near in [second, second.saturating_sub(1), second.saturating_add(1)] {
                if let Some((file, start)) = self.seen.get(&key(near))
                    && *file != self.file
                    && (start.saturating_sub(started.0)).abs() <= SECOND
                {
                    *self.twice.entry((*file, self.file)).or_insert(0) += 1;
                    return;
                }
            }
        }
        if !full {
            self.seen.entry(key(second)).or_insert((self.file, started.0));
        }
    }

    /// Says so, in coverage.
    ///
    /// # Errors
    /// The store's.
    pub(super) fn tell(&self, facts: &Facts) -> Result<(), facts::Error> {
        let all: u64 = self.twice.values().sum();
        if all == 0 {
            return Ok(());
        }
        let name = |file: u64| {
            usize::try_from(file).ok().and_then(|at| self.names.get(at)).map_or("?", String::as_str)
        };
        let mut pairs: Vec<_> = self.twice.iter().collect();
        pairs.sort_by_key(|(files, count)| (std::cmp::Reverse(**count), **files));
        let mut named: Vec<String> = pairs
            .iter()
            .take(MOST_NAMED)
            .map(|((a, b), count)| format!("{count} of {} in {}", name(*a), name(*b)))
            .collect();
        if pairs.len() > MOST_NAMED {
            named.push("others".to_owned());
        }
        let least = if self.seen.len() >= MOST { "at least " } else { "" };
        let detail = format!(
            "{least}{all} connections stand in two files, with the same ends, ports and start, as two \
             sensors or copies tell them: connections and bytes count each of them twice ({})",
            named.join(", ")
        );
        facts.cover("log connections told twice", Status::Partial, detail)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::facts::Time;

    fn flow(kind: &'static str, start: i64, port: u16) -> FlowSeen<'static> {
        FlowSeen {
            started: Some(Time(start)),
            originator: "10.0.0.5".parse().ok(),
            originator_port: Some(port),
            responder: "203.0.113.9".parse().ok(),
            responder_port: Some(443),
            protocol: Some("tcp".into()),
            ..FlowSeen::new(kind)
        }
    }

    #[test]
    fn a_connection_in_two_files_is_told() {
        let mut both = Both::default();
        let at = 1_795_328_657_900_000_000;
        both.begin("conn.log");
        // Twice in one file: a port that is used again.
        both.see(&flow("zeek-conn", at, 4000));
        both.see(&flow("zeek-conn", at, 4000));
        both.see(&flow("zeek-conn", at, 4001));
        both.begin("eve.json");
        both.see(&flow("suricata", at + SECOND / 2, 4000));
        both.see(&flow("suricata", at + 3 * SECOND, 4001));
        both.see(&flow("suricata", at, 4002));
        let facts = Facts::in_memory(&[]).unwrap();
        both.tell(&facts).unwrap();
        let told: Vec<String> =
            facts.rows("SELECT detail FROM coverage", [], |row| row.get(0)).unwrap();
        assert_eq!(told.len(), 1);
        let told = told.first().unwrap();
        assert!(told.starts_with("1 connections stand in two files"), "{told}");
        assert!(told.contains("1 of conn.log in eve.json"), "{told}");
    }
}

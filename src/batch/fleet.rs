//! The fleet: all hosts by verdict, and what several of them share.

use super::parts::Gap;
use super::passed::Passed;
use super::record::{Found, Record};
use super::share::telling;
use super::{Status, counted, durable, lock, page};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// A result's line: a host as one archive has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HostLine {
    /// Its name; empty where not known.
    pub host: String,
    /// What it is called among the others: with its machine-id where several have its name.
    pub name: String,
    /// Its machine-id; empty where not known.
    pub machine_id: String,
    /// The verdict's level.
    pub level: String,
    /// The verdict's sentence.
    pub summary: String,
    /// Where the archive is cut off or damaged; empty where it is whole.
    pub damage: String,
    /// When the evidence was taken.
    pub taken: String,
    /// The archive's file name and digest.
    pub archive: String,
    /// The archive's digest.
    pub sha256: String,
    /// The case folder.
    pub case: String,
    /// Findings, worst first.
    pub findings: Vec<FleetFinding>,
}

/// A finding, and on how many hosts there is one like it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FleetFinding {
    /// The finding.
    #[serde(flatten)]
    pub found: Found,
    /// Hosts with a finding of the same playbook on the same path.
    pub hosts: usize,
    /// `rare` on at most a tenth of ten hosts or more, `common` on at least half; else empty.
    pub rarity: &'static str,
}

/// What several hosts share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SharedLine {
    /// What it is: wallet, pool, hash, cron …
    pub kind: String,
    /// It.
    pub value: String,
    /// The hosts that have it, by name; those of one name by machine-id, too.
    pub hosts: Vec<String>,
    /// The earliest time that any host's facts give it.
    pub first: String,
    /// The host of that time; empty where several have it since then.
    pub first_host: String,
    /// Of a digest, the files that hosts have it of.
    pub paths: BTreeSet<String>,
}

/// An archive that could not be triaged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Aside {
    /// Its file name.
    pub archive: String,
    /// Its digest.
    pub sha256: String,
    /// Why.
    pub reason: String,
}

/// All of it; serialised, it is `davy.fleet/1`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fleet {
    /// `davy.fleet/1`.
    pub schema: &'static str,
    /// Hosts, of some of which there may be several archives.
    pub count: usize,
    /// Hosts by level, each by the worst of its archives.
    pub levels: BTreeMap<String, usize>,
    /// Worst first, those of one host together.
    pub hosts: Vec<HostLine>,
    /// Those that most hosts share first.
    pub shared: Vec<SharedLine>,
    /// What was put aside.
    pub put_aside: Vec<Aside>,
    /// Parts that are not here, where several runs share the work.
    pub incomplete: Vec<Gap>,
    /// Files in the folders that are no archives.
    pub no_archives: Passed,
}

/// What may stand at the top of a host's report, worst first. Of a host that could not be looked at
/// nothing is known: it comes before those of which something small is.
pub const LEVELS: [&str; 7] =
    ["critical", "high", "medium", "not determined", "low", "informational", "no findings"];

pub(super) fn grave(level: &str) -> usize {
    LEVELS.iter().position(|l| *l == level).unwrap_or(LEVELS.len())
}

impl Fleet {
    /// What these results make. The same results in any order make the same fleet.
    #[must_use]
    pub fn of(records: &[Record]) -> Self {
        let mut records: Vec<&Record> = records.iter().collect();
        records.sort_by(|a, b| a.key.cmp(&b.key));
        records.dedup_by(|a, b| a.key == b.key);
        let done: Vec<&Record> =
            records.iter().copied().filter(|r| r.status == Status::Done).collect();
        let names = Names::of(&done);
        let mut like: BTreeMap<(&str, &str), BTreeSet<String>> = BTreeMap::new();
        for record in &done {
            for found in &record.findings {
                let same = like.entry((&found.playbook, &found.subject)).or_default();
                same.insert(names.name(record));
            }
        }
        let count = done.iter().map(|record| names.name(record)).collect::<BTreeSet<_>>().len();
        let line = |record: &&Record| HostLine {
            machine_id: record.machine_id.clone(),
            name: names.name(record),
            damage: record.damage.clone(),
            host: record.host.clone(),
            level: record.level.clone(),
            summary: record.summary.clone(),
            taken: record.taken.clone(),
            archive: record.archive.clone(),
            sha256: record.sha256.clone(),
            case: record.case.clone(),
            findings: record
                .findings
                .iter()
                .map(|found| {
                    let same = like.get(&(found.playbook.as_str(), found.subject.as_str()));
                    let hosts = same.map_or(1, BTreeSet::len);
                    FleetFinding { found: found.clone(), hosts, rarity: rarity(hosts, count) }
                })
                .collect(),
        };
        let mut hosts: Vec<HostLine> = done.iter().map(line).collect();
        hosts.sort_by(|a, b| {
            let of = |h: &HostLine| {
                (
                    grave(&h.level),
                    std::cmp::Reverse(h.findings.len()),
                    h.host.clone(),
                    h.sha256.clone(),
                )
            };
            of(a).cmp(&of(b))
        });
        // Archives of one host stand together, where its worst is.
        let mut places: BTreeMap<String, usize> = BTreeMap::new();
        for (place, host) in hosts.iter().enumerate() {
            places.entry(host.name.clone()).or_insert(place);
        }
        hosts.sort_by_key(|host| places.get(&host.name).copied());
        let mut worst: BTreeMap<String, &str> = BTreeMap::new();
        for record in &done {
            let level = record.level.as_str();
            let known = worst.entry(names.name(record)).or_insert(level);
            if grave(level) < grave(known) {
                *known = level;
            }
        }
        let mut levels = BTreeMap::new();
        for level in worst.into_values() {
            *levels.entry(level.to_owned()).or_insert(0) += 1;
        }
        let put_aside = records.iter().filter(|r| r.status == Status::PutAside).map(|r| Aside {
            archive: r.archive.clone(),
            sha256: r.sha256.clone(),
            reason: r.reason.clone(),
        });
        Self {
            schema: "davy.fleet/1",
            count,
            levels,
            hosts,
            shared: shared(&done, &names),
            put_aside: put_aside.collect(),
            incomplete: Vec::new(),
            no_archives: Passed::default(),
        }
    }

    /// How many hosts, and of how many archives where these are more.
    #[must_use]
    pub fn heading(&self) -> String {
        let hosts = counted(self.count, "host");
        if self.hosts.len() > self.count {
            format!("{hosts} in {}", counted(self.hosts.len(), "archive"))
        } else {
            hosts
        }
    }

    /// Writes fleet.json, fleet.html and fleet.db, each whole or as it was before.
    ///
    /// # Errors
    /// Where one cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), Box<dyn std::error::Error>> {
        fs::create_dir_all(folder)?;
        let _held = lock::take(folder, lock::FLEET)?;
        let mut json = serde_json::to_vec_pretty(self)?;
        json.push(b'\n');
        durable(&folder.join("fleet.json"), &json)?;
        durable(&folder.join("fleet.html"), page::html(self).as_bytes())?;
        let made = folder.join(format!("fleet.db.{}.new", std::process::id()));
        let _ = fs::remove_file(&made);
        let saved = self.database()?.save(&made);
        if saved.is_err() {
            let _ = fs::remove_file(&made);
        }
        saved?;
        fs::rename(&made, folder.join("fleet.db"))?;
        Ok(())
    }
}

fn rarity(hosts: usize, all: usize) -> &'static str {
    if all >= 10 && hosts * 10 <= all {
        "rare"
    } else if all >= 4 && hosts * 2 >= all {
        "common"
    } else {
        ""
    }
}

/// What hosts are called: one that was archived twice is one host, two of one name are two where
/// their machine-ids say so.
struct Names<'a> {
    ids: BTreeMap<&'a str, BTreeSet<&'a str>>,
}

impl<'a> Names<'a> {
    fn of(done: &[&'a Record]) -> Self {
        let mut ids: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for record in done {
            let known = ids.entry(&record.host).or_default();
            if !record.machine_id.is_empty() {
                known.insert(&record.machine_id);
            }
        }
        Self { ids }
    }

    fn name(&self, record: &Record) -> String {
        if record.host.is_empty() {
            return format!("unknown ({})", record.short());
        }
        let known = self.ids.get(record.host.as_str());
        match known.filter(|known| known.len() > 1).and_then(BTreeSet::first) {
            None => record.host.clone(),
            Some(first) => {
                // Of an archive without a machine-id it is not known whose it is: it makes no
                // further host, since that would make things look shared.
                let id = if record.machine_id.is_empty() { first } else { &*record.machine_id };
                format!("{} ({})", record.host, id.get(..8).unwrap_or(id))
            }
        }
    }
}

/// What at least two hosts have.
fn shared(done: &[&Record], names: &Names<'_>) -> Vec<SharedLine> {
    let mut by: BTreeMap<(&str, &str), Vec<(String, &str)>> = BTreeMap::new();
    let mut paths: BTreeMap<(&str, &str), BTreeSet<String>> = BTreeMap::new();
    for record in done {
        for one in &record.shared {
            let same = by.entry((&one.kind, &one.value)).or_default();
            same.push((names.name(record), &one.first));
            if !one.paths.is_empty() {
                let files = paths.entry((&one.kind, &one.value)).or_default();
                files.extend(one.paths.iter().cloned());
            }
        }
    }
    let mut lines: Vec<SharedLine> = by
        .into_iter()
        .filter_map(|((kind, value), seen)| {
            let hosts: BTreeSet<&String> = seen.iter().map(|(host, _)| host).collect();
            if hosts.len() < 2 {
                return None;
            }
            let dated = || seen.iter().filter(|(_, first)| !first.is_empty());
            let first = dated().map(|(_, first)| *first).min().unwrap_or_default();
            // Copies of one image have things since the same instant: nobody had them first.
            let earliest: BTreeSet<&String> =
                dated().filter(|(_, time)| *time == first).map(|(host, _)| host).collect();
            let alone = if earliest.len() == 1 { earliest.first() } else { None };
            let first_host = alone.map(|host| (*host).clone()).unwrap_or_default();
            Some(SharedLine {
                kind: kind.to_owned(),
                value: value.to_owned(),
                hosts: hosts.into_iter().cloned().collect(),
                first: first.to_owned(),
                first_host,
                paths: paths.remove(&(kind, value)).unwrap_or_default(),
            })
        })
        .collect();
    // Of the same files on the same hosts one digest is enough.
    let strong: BTreeSet<_> = lines
        .iter()
        .filter(|line| line.kind == "sha256")
        .map(|line| (line.hosts.clone(), line.paths.clone()))
        .collect();
    lines.retain(|line| {
        line.kind != "md5" || !strong.contains(&(line.hosts.clone(), line.paths.clone()))
    });
    lines.sort_by(|a, b| {
        let of = |line: &SharedLine| (std::cmp::Reverse(line.hosts.len()), telling(&line.kind));
        (of(a), &a.kind, &a.value).cmp(&(of(b), &b.kind, &b.value))
    });
    lines
}

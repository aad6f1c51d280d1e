//! fleet.db: the fleet as tables, to be asked.

use super::Fleet;
use crate::facts::{self, Facts, Table};

impl Fleet {
    /// All of it, in memory.
    ///
    /// # Errors
    /// The database's own.
    pub(super) fn database(&self) -> Result<Facts, facts::Error> {
        let facts = Facts::in_memory(&[
            FleetHost::DEF,
            FleetFound::DEF,
            FleetShared::DEF,
            FleetAside::DEF,
        ])?;
        facts.together(|facts| {
            for host in &self.hosts {
                let row = FleetHost {
                    host: host.name.clone(),
                    machine_id: host.machine_id.clone(),
                    level: host.level.clone(),
                    summary: host.summary.clone(),
                    damage: host.damage.clone(),
                    taken: host.taken.clone(),
                    sha256: host.sha256.clone(),
                    case_folder: host.case.clone(),
                };
                facts.insert(&host.sha256, &host.archive, &row)?;
                for (found, number) in host.findings.iter().zip(1_u32..) {
                    let row = FleetFound {
                        host: host.name.clone(),
                        archive: host.sha256.clone(),
                        playbook: found.found.playbook.clone(),
                        level: found.found.level.clone(),
                        title: found.found.title.clone(),
                        because: found.found.because.clone(),
                        hosts: found.hosts as u64,
                        rarity: found.rarity,
                    };
                    facts.insert(format_args!("{}/{number}", host.sha256), &host.archive, &row)?;
                }
            }
            for (one, number) in self.shared.iter().zip(1_u32..) {
                let row = FleetShared {
                    kind: one.kind.clone(),
                    value: one.value.clone(),
                    hosts: one.hosts.len() as u64,
                    names: one.hosts.join(", "),
                    first: one.first.clone(),
                    first_host: one.first_host.clone(),
                    paths: one.paths.iter().cloned().collect::<Vec<_>>().join(", "),
                };
                facts.insert(number, "davy", &row)?;
            }
            for one in &self.put_aside {
                let row = FleetAside { archive: one.archive.clone(), reason: one.reason.clone() };
                facts.insert(&one.sha256, &one.archive, &row)?;
            }
            Ok::<_, facts::Error>(())
        })?;
        Ok(facts)
    }
}

crate::table! {
    pub struct FleetHost in fleet_hosts, "One row a result: a host as one archive has it, worst first.";
    host: String, "", "Its name, with the machine-id where several hosts have it.";
    machine_id: String, "", "Its machine-id; empty where not known.";
    level: String, "", "The verdict's level.";
    summary: String, "", "The verdict.";
    damage: String, "", "Where the archive is cut off or damaged; empty where it is whole.";
    taken: String, "", "When the evidence was taken.";
    sha256: String, "", "The archive's digest.";
    case_folder: String, "", "The case folder, below the batch's own.";
}

crate::table! {
    pub struct FleetFound in fleet_findings, "The findings of all hosts.";
    host: String, "", "The host's name, as in fleet_hosts.";
    archive: String, "", "The archive's digest.";
    playbook: String, "", "The playbook's id.";
    level: String, "", "How grave.";
    title: String, "", "Its title.";
    because: String, "", "Why.";
    hosts: u64, "hosts", "Hosts with a finding of the same playbook on the same path.";
    rarity: &'static str, "", "rare, common or empty.";
}

crate::table! {
    pub struct FleetShared in fleet_shared, "What findings of several hosts have in common.";
    kind: String, "", "wallet, pool, url, address, sha256, md5, cron, unit, program, file, connection …";
    value: String, "", "It.";
    hosts: u64, "hosts", "How many have it.";
    names: String, "", "Which.";
    first: String, "", "The earliest time that a host's facts give it.";
    first_host: String, "", "That host; empty where several have it since then.";
    paths: String, "", "Of a digest, the files that hosts have it of.";
}

crate::table! {
    pub struct FleetAside in fleet_put_aside, "Archives that could not be triaged.";
    archive: String, "", "File name.";
    reason: String, "", "Why.";
}

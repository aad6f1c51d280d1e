//! What two entries, files or processes may share: an address of the attacker's joins them to one
//! incident, what everybody uses does not.

use crate::facts::{Error, Facts};
use crate::judge::Ranges;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Programs that commands begin with, whatever they do.
const EVERYBODYS: [&str; 34] = [
    "sh",
    "bash",
    "rbash",
    "dash",
    "ash",
    "zsh",
    "ksh",
    "mksh",
    "fish",
    "busybox",
    "env",
    "su",
    "sudo",
    "nohup",
    "setsid",
    "sleep",
    "timeout",
    "nice",
    "flock",
    "test",
    "cat",
    "echo",
    "true",
    "rm",
    "cp",
    "chmod",
    "curl",
    "wget",
    "perl",
    "php",
    "ruby",
    "node",
    "java",
    "run-parts",
];

/// What many name without having to do with one another.
pub(super) struct Shared {
    /// Nodes of programs that join nothing.
    programs: BTreeSet<String>,
    names: BTreeSet<String>,
    ranges: Option<Ranges>,
}

impl Shared {
    pub(super) fn of(facts: &Facts) -> Result<Self, Error> {
        let mut programs = BTreeSet::new();
        let all = facts.rows(
            "SELECT program, program_package IS NOT NULL FROM persistence WHERE program IS NOT NULL
             UNION SELECT exe, exe_package IS NOT NULL FROM processes
               WHERE exe IS NOT NULL AND root_id = '/'",
            [],
            |row| Ok((row.get::<_, String>(0)?, row.get::<_, bool>(1)?)),
        )?;
        for (path, packaged) in all {
            if packaged || everybodys(&path) {
                programs.insert(super::build::file_node("/", &path));
            }
        }
        // The lookup is there where playbooks were read.
        let listed = facts.rows(
            "SELECT name FROM pragma_table_list WHERE name = 'everybodys'",
            [],
            |row| row.get::<_, String>(0),
        )?;
        if listed.is_empty() {
            return Ok(Self { programs, names: BTreeSet::new(), ranges: None });
        }
        let names = facts
            .rows("SELECT lower(range) FROM everybodys WHERE range IS NOT NULL", [], |row| {
                row.get(0)
            })?
            .into_iter()
            .collect();
        let ranges = Ranges::of(facts, "SELECT range FROM everybodys WHERE range IS NOT NULL")?;
        Ok(Self { programs, names, ranges: Some(ranges) })
    }

    /// Whether a node is a shell or another program that everybody starts. What a finding speaks of
    /// is not for its caller to ask.
    pub(super) fn joins_nothing(&self, node: &str) -> bool {
        self.programs.contains(node)
    }

    /// Whether a node is a host that joins those who name it: one outside, and no public service.
    pub(super) fn joins(&self, node: &str) -> bool {
        match (node.strip_prefix("address/"), node.strip_prefix("name/")) {
            (Some(address), _) => address.parse().is_ok_and(|address| {
                outside(address) && !self.ranges.as_ref().is_some_and(|r| r.contains(address))
            }),
            (_, Some(name)) => name.contains('.') && !self.names.contains(name),
            _ => false,
        }
    }
}

fn everybodys(path: &str) -> bool {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let usual = ["/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin"].contains(&folder);
    usual && (EVERYBODYS.contains(&name) || name.starts_with("python"))
}

/// Not of this host or of a site's own networks. Addresses of documentation count: nobody has them
/// inside.
pub(super) fn outside(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [first, second, ..] = v4.octets();
            let shared = first == 100 && (64..128).contains(&second);
            !(v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_multicast()
                || v4.is_broadcast()
                || first == 0
                || shared)
        }
        IpAddr::V6(v6) => {
            !(v6.is_loopback()
                || v6.is_unspecified()
                || v6.is_multicast()
                || v6.is_unique_local()
                || v6.is_unicast_link_local())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_everybody_uses_joins_nothing() {
        let shared = Shared {
            programs: BTreeSet::from(["file//bin/bash".to_owned()]),
            names: BTreeSet::from(["github.com".to_owned()]),
            ranges: None,
        };
        assert!(shared.joins_nothing("file//bin/bash") && !shared.joins_nothing("file//opt/x"));
        for node in ["address/198.51.100.23", "address/2a00::1", "name/evil.example"] {
            assert!(shared.joins(node), "{node}");
        }
        for node in [
            "address/10.0.0.9",
            "address/127.0.0.1",
            "address/fe80::1",
            "name/github.com",
            "name/localhost",
            "file//x",
        ] {
            assert!(!shared.joins(node), "{node}");
        }
        assert!(everybodys("/usr/bin/python3") && !everybodys("/tmp/bash"));
    }
}

//! The beginning of a CatScale archive whose end is missing. What tells the layout best, the list of
//! processes, comes last in it; before it are folders and files of names that no other collector gives.

use crate::evidence::Spool;
use std::collections::{BTreeMap, BTreeSet};

/// The folders that CatScale makes, before the one of processes.
const FOLDERS: &[&[u8]] = &[
    b"Docker",
    b"Logs",
    b"Misc",
    b"Persistence",
    b"Podman",
    b"System_Info",
    b"User_Files",
    b"Virsh",
    b"Process_and_Network",
];

/// Ends of the names of files in them; what stands before, the user chooses.
const FILES: &[&[u8]] = &[
    b"-console-error-log.txt",
    b"-full-timeline.csv",
    b"-exec-perm-files.txt",
    b"-Setuid-Setguid-tools.txt",
    b"-pot-webshell-hashes.txt",
    b"-cron-folder.tar.gz",
    b"-cron-tab-list.txt",
    b"-persistence-systemdlist.txt",
    b"-etc-key-files.tar.gz",
    b"-etc-modified-files.tar.gz",
    b"-host-date-timezone.txt",
    b"-var-log.tar.gz",
    b"-passwd-check.txt",
];

/// Folders of CatScale may lie so deep in an archive.
const DEPTH: usize = 4;

/// Where its folders lie, where there are at least two of them or one beside its log, and one of its
/// files.
pub(super) fn claims(spool: &Spool, within: &[u8]) -> Option<Vec<u8>> {
    let mut found: BTreeMap<&[u8], (BTreeSet<&[u8]>, bool)> = BTreeMap::new();
    for (name, ..) in spool.own(within) {
        let file = FILES.iter().any(|end| name.ends_with(end));
        let mut at = 0;
        for part in name.split(|b| *b == b'/').take(DEPTH) {
            let base = name.get(..at).unwrap_or_default();
            at = at.saturating_add(part.len()).saturating_add(1);
            let log = at > name.len() && part.ends_with(b"-console-error-log.txt");
            if FOLDERS.contains(&part) || log {
                let (folders, known) = found.entry(base).or_default();
                folders.insert(if log { b"" } else { part });
                *known |= file;
                break;
            }
        }
    }
    let known = found.iter().find(|(_, (folders, file))| *file && folders.len() >= 2);
    known.map(|(base, _)| [within, base].concat())
}

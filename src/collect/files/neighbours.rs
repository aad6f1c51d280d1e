//! Small files beside a suspect's executable, or beside what a startup entry starts: a miner's
//! configuration lies there.

use super::setuid;
use super::temporary::{Budget, hidden, temporary};
use super::wanted::Candidate;
use crate::collect::packages::Owners;
use crate::evidence::{Dir, FileKind, HostPath, Stat, Unavailable};
use std::cell::Cell;
use std::collections::BTreeSet;

/// Larger files are no configuration, script or list of pools.
const MOST_BYTES: u64 = 1 << 20;
/// Files of one folder.
const MOST_FILES: usize = 64;
/// Names of one folder looked at.
const MOST_NAMES: usize = 1024;

/// Folders that hold thousands of programs: what lies beside one is no neighbour. Nor is what the
/// kernel answers for: reading there can do anything.
const SHARED: [&str; 10] =
    ["/usr", "/bin", "/sbin", "/lib", "/lib64", "/lib32", "/snap", "/nix", "/proc", "/sys"];

/// Small files in the folder of each executable that lies in a temporary or hidden folder, or
/// outside the folders that all programs share.
pub(super) fn beside(
    root: &dyn Dir,
    index: usize,
    candidates: &[Candidate],
    budget: &mut Budget,
) -> Vec<Candidate> {
    let mut folders = BTreeSet::new();
    let mut all = Vec::new();
    let executables =
        candidates.iter().filter(|c| c.root == index && matches!(c.why, "executable" | "started"));
    for executable in executables {
        let folder = executable.path.parent();
        if !worth(&executable.path, &folder)
            || executable.why == "started" && !starts(root, &executable.path)
            || !folders.insert(folder.clone())
        {
            continue;
        }
        let names = root.list(&folder).unwrap_or_default();
        let mut taken = 0;
        for name in names.iter().take(MOST_NAMES) {
            let path = folder.join(name);
            if taken == MOST_FILES || budget.neighbours == 0 {
                break;
            }
            let Ok(stat) = root.stat_link(&path) else { continue };
            if small(&stat) {
                taken += 1;
                budget.neighbours -= 1;
                let beside = Some(executable.path.clone());
                all.push(Candidate { beside, ..Candidate::new(index, path, "neighbour") });
            }
        }
    }
    all
}

/// Whether it may be a configuration, a script or a list.
pub(super) fn small(stat: &Stat) -> bool {
    stat.kind == FileKind::File && stat.size <= MOST_BYTES
}

/// The bytes of a small file.
pub(super) fn text(root: &dyn Dir, path: &HostPath, most: u64) -> Result<Vec<u8>, Unavailable> {
    let mut bytes = Vec::new();
    root.read(path, usize::try_from(most).unwrap_or(usize::MAX), &mut bytes)?;
    Ok(bytes)
}

/// Folders of what is no program, though commands name it first: `cat /proc/cmdline`.
const NO_PROGRAMS: [&str; 6] = ["/proc/", "/sys/", "/dev/", "/run/", "/etc/", "/boot/"];

/// Whether what an entry names first is a program of its own folder.
fn starts(root: &dyn Dir, path: &HostPath) -> bool {
    !NO_PROGRAMS.iter().any(|folder| path.as_bytes().starts_with(folder.as_bytes()))
        && root
            .stat_link(path)
            .is_ok_and(|stat| stat.kind == FileKind::File && stat.mode & 0o111 != 0)
}

fn worth(executable: &HostPath, folder: &HostPath) -> bool {
    let shared = SHARED.iter().any(|prefix| {
        let rest = folder.as_bytes().strip_prefix(prefix.as_bytes());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
    });
    executable.is_absolute() && (!shared || hidden(executable))
}

/// Files that entries start or name, and setuid ones, that are looked at where nobody tells who owns them.
pub(super) const MOST_UNKNOWN: u32 = 1024;

/// Whether a candidate stands: what entries start or name and what is setuid only where no package owns it,
/// or where nobody tells, as far as `unknown` goes; a neighbour only beside an executable that no package
/// owns, and, where that cannot be told, only in temporary and hidden folders. A shell that is setuid is
/// none that a package brought.
pub(super) fn wanted(candidate: &Candidate, owners: &Owners, unknown: &Cell<u32>) -> bool {
    if matches!(candidate.why, "started" | "named" | "setuid") {
        if owners.known {
            let shell = candidate.why == "setuid" && setuid::shell(&candidate.path);
            return shell || owners.of(&candidate.path).is_none();
        }
        let left = unknown.get();
        unknown.set(left.saturating_sub(1));
        return left > 0;
    }
    let Some(executable) = &candidate.beside else { return true };
    if temporary(executable) || hidden(executable) {
        return true;
    }
    owners.known && owners.of(executable).is_none()
}

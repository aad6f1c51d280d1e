//! Programs that run as their owner, whoever starts them.

use super::wanted::Candidate;
use crate::evidence::{Dir, Evidence, FileKind, HostPath};

/// Folders of programs, where a shell with the bit set is not noticed.
const FOLDERS: [&str; 8] = [
    "/usr/bin",
    "/usr/sbin",
    "/bin",
    "/sbin",
    "/usr/libexec",
    "/usr/lib",
    "/usr/local/bin",
    "/usr/local/sbin",
];
/// Names of one folder that are looked at.
const MOST_NAMES: usize = 20_000;

/// Regular files of those folders with the setuid or setgid bit; only what no package owns is
/// looked at further.
pub(super) fn walk(evidence: &dyn Evidence, root: &dyn Dir) -> Vec<Candidate> {
    let mut found = Vec::new();
    for folder in FOLDERS.map(HostPath::from) {
        // /bin is most often a link to /usr/bin.
        let own = root.stat_link(&folder).is_ok_and(|stat| stat.kind == FileKind::Directory);
        // Through a handle of the folder: by its path, each of thousands of files costs a walk.
        let Some(dir) = own.then(|| evidence.dir(&folder).ok()).flatten() else { continue };
        let names = dir.list(&HostPath::default()).unwrap_or_default();
        let set = |name: &&HostPath| {
            dir.stat_link(name)
                .is_ok_and(|stat| stat.kind == FileKind::File && stat.mode & 0o6000 != 0)
        };
        found.extend(names.iter().take(MOST_NAMES).filter(set).map(|name| folder.join(name)));
    }
    found.into_iter().map(|path| Candidate::new(0, path, "setuid")).collect()
}

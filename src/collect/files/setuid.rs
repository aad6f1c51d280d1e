//! Programs that run as their owner, whoever starts them.

use super::wanted::Candidate;
use crate::evidence::{Dir, FileKind, HostPath};

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
pub(super) fn walk(root: &dyn Dir) -> Vec<Candidate> {
    let mut found = Vec::new();
    for folder in FOLDERS.map(HostPath::from) {
        // /bin is most often a link to /usr/bin.
        let own = root.stat_link(&folder).is_ok_and(|stat| stat.kind == FileKind::Directory);
        let names = if own { root.list(&folder).unwrap_or_default() } else { Vec::new() };
        found.extend(names.iter().take(MOST_NAMES).map(|name| folder.join(name)).filter(|path| {
            root.stat_link(path)
                .is_ok_and(|stat| stat.kind == FileKind::File && stat.mode & 0o6000 != 0)
        }));
    }
    found.into_iter().map(|path| Candidate::new(0, path, "setuid")).collect()
}

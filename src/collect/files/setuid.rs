//! Programs that run as their owner, whoever starts them.

use super::wanted::Candidate;
use crate::collect::Gaps;
use crate::evidence::{Dir, Evidence, FileKind, HostPath, Reason, Stat, Unavailable};

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

/// Folders in which none belongs, or few, and how deep they are looked through.
const ODD: [(&str, u32); 8] = [
    ("/etc", 2),
    ("/var", 1),
    ("/var/lib", 1),
    ("/root", 4),
    ("/home", 4),
    ("/opt", 3),
    ("/srv", 3),
    ("/var/www", 3),
];
/// Names of all of these that are looked at.
const MOST_ODD: u32 = 8_000;

/// What gives a shell to whoever starts it.
const SHELLS: [&[u8]; 16] = [
    b"sh", b"bash", b"dash", b"zsh", b"ksh", b"ash", b"fish", b"python", b"perl", b"ruby", b"php",
    b"lua", b"node", b"busybox", b"env", b"find",
];

/// Whether a program of this name is a shell or interpreter: `python3.11`, too.
pub(super) fn shell(path: &HostPath) -> bool {
    let name = path.file_name();
    let end = name.iter().rposition(|b| !(b.is_ascii_digit() || *b == b'.')).map_or(0, |at| at + 1);
    let stem = name.get(..end).unwrap_or(name);
    SHELLS.contains(&stem)
}

/// Regular files of those folders with the setuid or setgid bit; only what no package owns is
/// looked at further.
pub(super) fn walk(evidence: &dyn Evidence, root: &dyn Dir, gaps: &Gaps) -> Vec<Candidate> {
    let mut found = Vec::new();
    for folder in FOLDERS.map(HostPath::from) {
        // /bin is most often a link to /usr/bin.
        let own = root.stat_link(&folder).is_ok_and(|stat| stat.kind == FileKind::Directory);
        // Through a handle of the folder: by its path, each of thousands of files costs a walk.
        let Some(dir) = own.then(|| evidence.dir(&folder).ok()).flatten() else { continue };
        let names = dir.list(&HostPath::default()).unwrap_or_default();
        let set = |name: &&HostPath| {
            dir.stat_link(name).is_ok_and(|stat| stat.kind == FileKind::File && set(&stat))
        };
        found.extend(names.iter().take(MOST_NAMES).filter(set).map(|name| folder.join(name)));
    }
    let mut left = MOST_ODD;
    for (folder, depth) in ODD {
        let folder = HostPath::from(folder);
        if let Ok(stat) = root.stat_link(&folder)
            && stat.kind == FileKind::Directory
        {
            odd(root, &folder, &stat, depth, &mut left, &mut found);
        }
    }
    if left == 0 {
        let why = "8,000 names of homes, /opt, /srv and /var were looked at for setuid files, the rest not";
        gaps.missed("files", &Unavailable::new(&HostPath::from("/"), Reason::NotCaptured, why));
    }
    found.into_iter().map(|path| Candidate::new(0, path, "setuid")).collect()
}

const fn set(stat: &Stat) -> bool {
    stat.mode & 0o6000 != 0
}

/// Looks through a folder and those within it that are of its file system.
fn odd(
    root: &dyn Dir,
    path: &HostPath,
    folder: &Stat,
    depth: u32,
    left: &mut u32,
    found: &mut Vec<HostPath>,
) {
    for name in root.list(path).unwrap_or_default() {
        if *left == 0 {
            return;
        }
        *left -= 1;
        let file = path.join(&name);
        let Ok(stat) = root.stat_link(&file) else { continue };
        match stat.kind {
            FileKind::Directory if depth > 1 && stat.dev == folder.dev => {
                odd(root, &file, &stat, depth - 1, left, found);
            }
            FileKind::File if set(&stat) => found.push(file),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shells_and_interpreters() {
        for name in ["/usr/bin/bash", "/opt/python3.11", "/x/sh"] {
            assert!(shell(&HostPath::from(name)), "{name}");
        }
        assert!(!shell(&HostPath::from("/usr/bin/sudo")) && !shell(&HostPath::from("/1")));
    }
}

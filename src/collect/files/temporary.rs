//! What lies in folders that anyone may write to: programs, scripts and what is hidden there.

use crate::collect::Gaps;
use crate::collect::content::{FIRST_BYTES, content};
use crate::evidence::{Dir, FileKind, HostPath, Reason, Stat, Unavailable};

/// Folders that anyone may write to.
const FOLDERS: [&str; 5] = ["/tmp", "/var/tmp", "/dev/shm", "/run/lock", "/dev/mqueue"];

/// How deep folders within folders are followed.
const DEPTH: u32 = 4;

/// How many names may still be looked at: a host's temporary folders can hold millions.
pub(super) struct Budget {
    pub entries: u32,
    /// Neighbours that may still be named.
    pub neighbours: u32,
    told: bool,
}

impl Default for Budget {
    fn default() -> Self {
        Self { entries: 20_000, neighbours: 1024, told: false }
    }
}

/// Names of hidden files: a component that begins with a dot.
pub(super) fn hidden(path: &HostPath) -> bool {
    path.components().any(|part| part.first() == Some(&b'.'))
}

/// Whether a path lies in a folder that anyone may write to.
pub(super) fn temporary(path: &HostPath) -> bool {
    FOLDERS.iter().any(|folder| {
        path.as_bytes().strip_prefix(folder.as_bytes()).is_some_and(|r| r.starts_with(b"/"))
    })
}

/// Files that are executable, a script, ELF or hidden in the temporary folders, and every
/// regular file in /dev, where none belongs.
pub(super) fn walk(root: &dyn Dir, own: bool, budget: &mut Budget, gaps: &Gaps) -> Vec<HostPath> {
    let mut walk = Walk { root, budget, gaps, found: Vec::new() };
    for folder in FOLDERS {
        walk.folder(&HostPath::from(folder), DEPTH, Rule::Suspect);
    }
    // A container's /dev is its runtime's; the host's is the kernel's.
    if own {
        walk.folder(&HostPath::from("/dev"), DEPTH, Rule::Regular);
    }
    walk.found
}

/// Which files of a folder are wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// Executable, script, ELF or hidden.
    Suspect,
    /// Any regular file.
    Regular,
}

struct Walk<'a> {
    root: &'a dyn Dir,
    budget: &'a mut Budget,
    gaps: &'a Gaps,
    found: Vec<HostPath>,
}

impl Walk<'_> {
    fn folder(&mut self, path: &HostPath, depth: u32, rule: Rule) {
        // A link, as /var/tmp to /tmp, was or will be walked where it leads.
        match self.root.stat_link(path) {
            Ok(stat) if stat.kind == FileKind::Directory => self.inside(path, &stat, depth, rule),
            Ok(_) => {}
            Err(why) if why.reason == Reason::Absent => {}
            Err(why) => self.gaps.missed("files", &why),
        }
    }

    fn inside(&mut self, path: &HostPath, folder: &Stat, depth: u32, rule: Rule) {
        let names = match self.root.list(path) {
            Ok(names) => names,
            Err(why) => return self.gaps.missed("files", &why),
        };
        for name in names {
            if self.budget.entries == 0 {
                if !std::mem::replace(&mut self.budget.told, true) {
                    let detail = "20,000 names in temporary folders were looked at, the rest not";
                    self.gaps.missed("files", &Unavailable::new(path, Reason::TooMuch, detail));
                }
                return;
            }
            self.budget.entries -= 1;
            let file = path.join(&name);
            // Gone by now, as temporary files are.
            let Ok(stat) = self.root.stat_link(&file) else { continue };
            match stat.kind {
                FileKind::Directory => {
                    // Another file system may be a dead mount, which would hold us; the
                    // temporary ones under /dev are walked by their own rule.
                    let walked = rule == Rule::Regular && temporary(&file.join("x"));
                    if depth > 1 && stat.dev == folder.dev && !walked {
                        self.inside(&file, &stat, depth - 1, rule);
                    }
                }
                FileKind::File if rule == Rule::Regular || self.suspect(&file, &stat) => {
                    self.found.push(file);
                }
                _ => {}
            }
        }
    }

    fn suspect(&self, file: &HostPath, stat: &Stat) -> bool {
        if stat.mode & 0o111 != 0 || hidden(file) {
            return true;
        }
        let mut first = Vec::new();
        stat.size > 0
            && self.root.read(file, FIRST_BYTES, &mut first).is_ok()
            && matches!(content(&first), "elf" | "script")
    }
}

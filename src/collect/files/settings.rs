//! Small files of settings where intruders keep a miner's: in temporary folders, /opt, /srv, homes, and
//! folders hidden in them, whatever runs. Only those are kept that say what miners are told.

use super::neighbours::text;
use super::wanted::Candidate;
use crate::collect::Gaps;
use crate::evidence::{Dir, FileKind, HostPath, Reason, Stat, Unavailable};

/// Folders, and how deep they are looked through.
const FOLDERS: [(&str, u32); 9] = [
    ("/tmp", 3),
    ("/var/tmp", 3),
    ("/dev/shm", 3),
    ("/run/lock", 2),
    ("/opt", 3),
    ("/srv", 2),
    ("/root", 3),
    ("/home", 4),
    ("/var/lib", 2),
];
/// Names of all of these that are looked at, and files of them that are read.
const MOST_NAMES: u32 = 8_000;
const MOST_READ: u32 = 512;
/// Larger ones are no miner's.
const MOST_BYTES: u64 = 64 << 10;

/// Folders of others' code, of which there is much.
const CODE: [&[u8]; 6] =
    [b"node_modules", b".git", b"site-packages", b"vendor", b".vscode-server", b".npm"];

/// What a miner's settings have at least one of, and no other's have two of.
const WORDS: [&[u8]; 9] = [
    b"pool",
    b"wallet",
    b"stratum",
    b"donate",
    b"\"algo",
    b"randomx",
    b"cryptonight",
    b"coin",
    b"\"user\"",
];

struct Walk<'a> {
    root: &'a dyn Dir,
    names: u32,
    reads: u32,
    found: Vec<HostPath>,
}

/// The files, of the host's own root.
pub(super) fn walk(root: &dyn Dir, gaps: &Gaps) -> Vec<Candidate> {
    let mut walk = Walk { root, names: MOST_NAMES, reads: MOST_READ, found: Vec::new() };
    for (folder, depth) in FOLDERS {
        let path = HostPath::from(folder);
        if let Ok(stat) = root.stat_link(&path)
            && stat.kind == FileKind::Directory
        {
            walk.folder(&path, &stat, depth);
        }
    }
    if walk.names == 0 || walk.reads == 0 {
        let why = "8,000 names of homes, /opt, /srv and temporary folders, or 512 files, were looked at for miners' settings, the rest not";
        gaps.missed("files", &Unavailable::new(&HostPath::from("/"), Reason::NotCaptured, why));
    }
    walk.found.into_iter().map(|path| Candidate::new(0, path, "settings")).collect()
}

impl Walk<'_> {
    fn folder(&mut self, path: &HostPath, folder: &Stat, depth: u32) {
        let names = self.root.list(path).unwrap_or_default();
        // A program beside it makes a file that was not taken worth a word.
        let mut programs = None;
        for name in names {
            if self.names == 0 || self.reads == 0 {
                return;
            }
            self.names -= 1;
            let file = path.join(&name);
            let Ok(stat) = self.root.stat_link(&file) else { continue };
            match stat.kind {
                FileKind::Directory
                    if depth > 1 && stat.dev == folder.dev && !CODE.contains(&name.as_bytes()) =>
                {
                    self.folder(&file, &stat, depth - 1);
                }
                FileKind::File if (2..=MOST_BYTES).contains(&stat.size) && settings(&name) => {
                    self.reads -= 1;
                    let says = match text(self.root, &file, MOST_BYTES) {
                        Ok(bytes) => mining(&bytes),
                        // Known by name alone.
                        Err(_) => *programs.get_or_insert_with(|| self.program_in(path)),
                    };
                    if says {
                        self.found.push(file);
                    }
                }
                _ => {}
            }
        }
    }

    fn program_in(&self, folder: &HostPath) -> bool {
        let names = self.root.list(folder).unwrap_or_default();
        names.iter().take(256).any(|name| {
            let stat = self.root.stat_link(&folder.join(name));
            stat.is_ok_and(|stat| stat.kind == FileKind::File && stat.mode & 0o111 != 0)
        })
    }
}

/// Whether a name is one that settings have.
fn settings(name: &HostPath) -> bool {
    let name = name.as_bytes().to_ascii_lowercase();
    let ends = [&b".json"[..], b".conf", b".cfg", b".ini", b".toml", b".txt", b".dat"];
    let begins = [&b"config"[..], b"pool", b"miner"];
    ends.iter().any(|end| name.ends_with(end)) || begins.iter().any(|word| name.starts_with(word))
}

fn mining(bytes: &[u8]) -> bool {
    let lower = bytes.to_ascii_lowercase();
    WORDS.iter().filter(|word| memchr::memmem::find(&lower, word).is_some()).count() >= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_by_name_and_by_what_they_say() {
        for name in ["config.json", "c.conf", "pools.txt", "config"] {
            assert!(settings(&HostPath::from(name)), "{name}");
        }
        assert!(!settings(&HostPath::from("a.rs")) && !settings(&HostPath::from("bin")));
        assert!(mining(br#"{"pools":[{"url":"a:1","user":"x"}],"donate-level":1}"#));
        assert!(!mining(br#"{"name":"app","user":"alice","version":"1"}"#));
        assert!(!mining(b"pool_size = 5\ntimeout = 3\n"));
    }
}

//! `ls -l` of links: of /proc/PID/exe, of /proc/PID/fd, of /proc/PID.

use super::{find, lines, split, words};
use std::collections::BTreeMap;

/// A link as `ls -l` printed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::foreign) struct Link {
    /// As printed: `/proc/44/exe`, `3`.
    pub name: Vec<u8>,
    /// Its text.
    pub target: Vec<u8>,
    /// Its own permissions.
    pub mode: u32,
}

/// The links of a listing. A target may hold line ends: a line that does not begin as `ls` begins
/// its lines goes on where the one before it ended.
pub(in crate::foreign) fn links(text: &[u8]) -> Vec<Link> {
    let mut found: Vec<Link> = Vec::new();
    let mut open = false;
    for line in text.split(|b| *b == b'\n') {
        let Some(mode) = mode(line) else {
            let heading = line.is_empty() || line.starts_with(b"total ") || is_heading(line);
            if open
                && !heading
                && let Some(last) = found.last_mut()
            {
                last.target.push(b'\n');
                last.target.extend_from_slice(line);
            }
            continue;
        };
        open = line.first() == Some(&b'l');
        if !open {
            continue;
        }
        let Some((before, target)) = split(line, b" -> ") else { continue };
        let name = match find(before, b" /") {
            Some(at) => before.get(at + 1..).unwrap_or_default(),
            None => words(before).last().unwrap_or_default(),
        };
        found.push(Link { name: name.to_vec(), target: target.to_vec(), mode });
    }
    found
}

/// `/proc/44:`
fn is_heading(line: &[u8]) -> bool {
    line.starts_with(b"/") && line.ends_with(b":")
}

/// The permissions at a line's beginning: `lrwx------`.
fn mode(line: &[u8]) -> Option<u32> {
    let text = line.get(..10)?;
    let (kind, bits) = text.split_first()?;
    if !b"-dlbcps".contains(kind) || !matches!(line.get(10), Some(b' ' | b'.' | b'+')) {
        return None;
    }
    bits.iter().try_fold(0_u32, |mode, bit| match bit {
        b'-' => Some(mode << 1),
        b'r' | b'w' | b'x' | b's' | b't' | b'S' | b'T' => Some(mode << 1 | 1),
        _ => None,
    })
}

/// Listings of several folders, each under its name and a colon.
pub(in crate::foreign) fn blocks(text: &[u8]) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut found: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    let mut name: Option<Vec<u8>> = None;
    for line in lines(text) {
        if is_heading(line) {
            name = line.strip_suffix(b":").map(<[u8]>::to_vec);
        } else if let Some(name) = &name {
            let block = found.entry(name.clone()).or_default();
            block.extend_from_slice(line);
            block.push(b'\n');
        }
    }
    found
}

/// The pid and the rest of `/proc/44/fd/3`.
pub(in crate::foreign) fn of_process(name: &[u8]) -> Option<(u32, &[u8])> {
    let rest = name.strip_prefix(b"/proc/")?;
    let (pid, rest) = split(rest, b"/")?;
    Some((super::number(pid)?, rest))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, clippy::unwrap_used)]
    use super::*;

    #[test]
    fn links_of_processes() {
        let text = b"lrwxrwxrwx 1 root     root     0 Nov 22 06:24 /proc/44/exe -> /tmp/a -> b (deleted)\n\
            -r--r--r-- 1 root root 0 Nov 22 06:24 arch_status\n\
            lr-x------ 1 root root 64 Nov 22 05:23 3 -> /tmp/two\nlines\n\
            lrwx------. 1 root root 64 Nov 22 05:23 4 -> socket:[12]\n";
        let links = links(text);
        assert_eq!(links[0].name, b"/proc/44/exe");
        assert_eq!(links[0].target, b"/tmp/a -> b (deleted)");
        assert_eq!(links[1].target, b"/tmp/two\nlines");
        assert_eq!((links[1].mode, links[2].mode), (0o500, 0o700));
        assert_eq!(links[2].name, b"4");
        assert_eq!(of_process(&links[0].name).unwrap(), (44, &b"exe"[..]));
    }

    #[test]
    fn folders() {
        let found =
            blocks(b"/proc/44:\ntotal 0\nlrwxrwxrwx 1 r r 0 Nov 22 06:24 cwd -> /\n\n/proc/45:\n");
        assert_eq!(links(&found[&b"/proc/44"[..]])[0].target, b"/");
    }
}

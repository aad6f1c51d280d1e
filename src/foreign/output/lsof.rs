//! `lsof -nPl`: what each process has open, with inode and size.

use super::{after_words, lines, number, words};

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::foreign) struct Open {
    pub pid: u32,
    /// `txt`, `cwd`, `mem`, `3u`.
    pub fd: Vec<u8>,
    /// REG, DIR, CHR, IPv4 …
    pub kind: Vec<u8>,
    /// major << 32 | minor.
    pub dev: Option<u64>,
    pub size: Option<u64>,
    pub inode: Option<u64>,
    pub name: Vec<u8>,
}

const KINDS: &[&[u8]] = &[
    b"REG", b"DIR", b"CHR", b"BLK", b"FIFO", b"IPv4", b"IPv6", b"unix", b"pack", b"raw",
    b"a_inode", b"DEL",
];

/// The lines that are understood.
pub(in crate::foreign) fn table(text: &[u8]) -> Vec<Open> {
    lines(text).filter_map(open).collect()
}

fn open(line: &[u8]) -> Option<Open> {
    let all: Vec<&[u8]> = words(line).collect();
    let pid = number(all.get(1)?)?;
    // Between pid and descriptor stand one to three columns, of which some may be empty.
    let at = (2..6).find(|at| all.get(at + 1).is_some_and(|kind| KINDS.contains(kind)))?;
    let fd = all.get(at)?.to_vec();
    let kind = all.get(at + 1)?.to_vec();
    let socket = matches!(kind.as_slice(), b"IPv4" | b"IPv6" | b"unix" | b"pack" | b"raw");
    if socket {
        // A socket's inode stands where others have their device, but for unix sockets' address.
        let place = if kind == b"unix" { at + 4 } else { at + 2 };
        let inode = all.get(place).and_then(|w| number(w));
        let name = after_words(line, at + 4).trim_ascii_end().to_vec();
        return Some(Open { pid, fd, kind, dev: None, size: None, inode, name });
    }
    let dev = all.get(at + 2).and_then(|dev| {
        let text = std::str::from_utf8(dev).ok()?;
        let (major, minor) = text.split_once(',')?;
        Some(major.parse::<u64>().ok()? << 32 | minor.parse::<u64>().ok()?)
    });
    // A mapping has no size: then the inode comes at once.
    let mapped = matches!(fd.as_slice(), b"mem" | b"DEL") || kind == b"DEL";
    let has_size = all.get(at + 4).is_some_and(|word| word.iter().all(u8::is_ascii_digit));
    let (size, inode, skip) = if mapped && !has_size {
        (None, all.get(at + 3).and_then(|w| number(w)), at + 4)
    } else {
        (all.get(at + 3).and_then(|w| number(w)), all.get(at + 4).and_then(|w| number(w)), at + 5)
    };
    let name = after_words(line, skip).trim_ascii_end().to_vec();
    Some(Open { pid, fd, kind, dev, size, inode, name })
}

impl Open {
    /// The descriptor's number and the permissions that the kernel's link would have.
    pub(in crate::foreign) fn descriptor(&self) -> Option<(u32, u32)> {
        let end = self.fd.iter().position(|b| !b.is_ascii_digit()).unwrap_or(self.fd.len());
        let fd = number(self.fd.get(..end)?)?;
        let mode = match self.fd.get(end) {
            Some(b'r') => 0o500,
            Some(b'w') => 0o300,
            Some(b'u') => 0o700,
            _ => 0,
        };
        Some((fd, mode))
    }

    /// The text of the kernel's link.
    pub(in crate::foreign) fn target(&self) -> Vec<u8> {
        match (self.kind.as_slice(), self.inode) {
            (b"IPv4" | b"IPv6" | b"unix" | b"pack" | b"raw", inode) => {
                format!("socket:[{}]", inode.unwrap_or(0)).into_bytes()
            }
            _ => self.name.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn of_lsof() {
        let rows = table(
            b"COMMAND PID TID TASKCMD USER FD TYPE DEVICE SIZE/OFF NODE NAME\n\
            rsyslogd-   33                      0    3u      REG               0,41      155        663 /usr/lib/libcron.so.1 (deleted)\n\
            crond       32                      0  mem       REG               0,40                 667 /usr/sbin/crond (path dev=0,41)\n\
            rsyslogd-   33                      0    4u     IPv4            1240508      0t0        TCP 203.0.113.66:49810->203.0.113.66:3956 (ESTABLISHED)\n",
        );
        assert_eq!(rows[0].descriptor(), Some((3, 0o700)));
        assert_eq!((rows[0].size, rows[0].inode, rows[0].dev), (Some(155), Some(663), Some(41)));
        assert_eq!(rows[0].name, b"/usr/lib/libcron.so.1 (deleted)");
        assert_eq!((rows[1].size, rows[1].inode), (None, Some(667)));
    }
}

//! Bodyfiles, as mactime reads them: `md5|name|inode|mode|uid|gid|size|atime|mtime|ctime|crtime`.

use super::{lines, number, split};
use crate::evidence::FileKind;

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::foreign) struct Entry<'a> {
    pub path: &'a [u8],
    pub target: Option<&'a [u8]>,
    pub inode: u64,
    pub kind: FileKind,
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub size: u64,
    /// Seconds since 1970; `None` where not known.
    pub atime: Option<i64>,
    pub mtime: Option<i64>,
    pub ctime: Option<i64>,
    pub crtime: Option<i64>,
    /// From 1.
    pub line: usize,
}

/// All lines that are understood.
pub(in crate::foreign) fn parse(text: &[u8]) -> impl Iterator<Item = Entry<'_>> {
    lines(text).zip(1_usize..).filter_map(|(line, at)| entry(line, at))
}

fn entry(line: &[u8], at: usize) -> Option<Entry<'_>> {
    let (_, rest) = split(line, b"|")?;
    // A bar in a name is not escaped: the nine fields behind the name are counted from the right.
    let mut fields = rest.rsplitn(10, |b| *b == b'|');
    let mut time = || fields.next().map(|f| number::<i64>(f).filter(|t| *t != 0));
    let (crtime, ctime, mtime, atime) = (time()?, time()?, time()?, time()?);
    let size = number(fields.next()?).unwrap_or(0);
    let gid = number(fields.next()?).unwrap_or(0);
    let uid = number(fields.next()?).unwrap_or(0);
    let (kind, mode) = mode(fields.next()?)?;
    // Sleuth Kit's inodes have parts: `123-128-1`.
    let inode = fields.next()?.split(|b| *b == b'-').next().and_then(number).unwrap_or(0);
    let name = fields.next()?;
    let (path, target) = match (kind, split(name, b" -> ")) {
        (FileKind::Link, Some((path, target))) => (path, Some(target)),
        _ => (name, None),
    };
    let path = path.strip_suffix(b"\"").unwrap_or(path);
    (!path.is_empty()).then_some(Entry {
        path,
        target,
        inode,
        kind,
        mode,
        uid,
        gid,
        size,
        atime,
        mtime,
        ctime,
        crtime,
        line: at,
    })
}

/// What a line is of: the kind of file, its mode and its path.
pub(in crate::foreign) fn said(line: &[u8]) -> Option<(FileKind, u32, &[u8])> {
    entry(line.strip_suffix(b"\r").unwrap_or(line), 0)
        .map(|entry| (entry.kind, entry.mode, entry.path))
}

/// `drwxr-xr-x`, `r/rrwxr-xr-x` (Sleuth Kit), `0100644` (octal).
pub(in crate::foreign) fn mode(text: &[u8]) -> Option<(FileKind, u32)> {
    if text.iter().all(u8::is_ascii_digit) && !text.is_empty() {
        let mode = u32::from_str_radix(std::str::from_utf8(text).ok()?, 8).ok()?;
        return Some((FileKind::from_mode(mode), mode & 0o7777));
    }
    let text = split(text, b"/").map_or(text, |(_, rest)| rest);
    let (kind, bits) = text.split_first()?;
    let kind = match kind {
        b'-' | b'r' => FileKind::File,
        b'd' => FileKind::Directory,
        b'l' => FileKind::Link,
        b'p' => FileKind::Fifo,
        b's' | b'h' => FileKind::Socket,
        b'c' => FileKind::CharDevice,
        b'b' => FileKind::BlockDevice,
        _ => FileKind::Other,
    };
    let (mut mode, mut special) = (0_u32, 0_u32);
    for (at, bit) in bits.iter().take(9).enumerate() {
        mode <<= 1;
        if matches!(bit, b'r' | b'w' | b'x' | b's' | b't') {
            mode |= 1;
        }
        if matches!(bit, b's' | b't' | b'S' | b'T') {
            special |= match at {
                0..=2 => 0o4000,
                3..=5 => 0o2000,
                _ => 0o1000,
            };
        }
    }
    Some((kind, special | mode))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn one(line: &[u8]) -> Entry<'_> {
        parse(line).next().unwrap()
    }

    #[test]
    fn lines_of_uac() {
        let link = one(b"0|/bin -> usr/bin|13|lrwxrwxrwx|0|0|7|3|2|1|0");
        assert_eq!((link.path, link.target), (&b"/bin"[..], Some(&b"usr/bin"[..])));
        assert_eq!(
            (link.atime, link.mtime, link.ctime, link.crtime),
            (Some(3), Some(2), Some(1), None)
        );
        let barred = one(b"0|/tmp/a|b|c|14|-rwsr-xr-x|1000|7|5|3|2|1|9");
        assert_eq!(barred.path, b"/tmp/a|b|c");
        assert_eq!((barred.inode, barred.uid, barred.gid, barred.size), (14, 1000, 7, 5));
        assert_eq!(barred.mode, 0o4755);
        assert_eq!(one(b"0|/tmp|1|drwxrwxrwt|0|0|5|3|2|1|9").mode, 0o1777);
        assert_eq!(one(b"0|/x|1-128-1|r/rrw-r-----|0|0|5|3|2|1|9").mode, 0o640);
    }
}

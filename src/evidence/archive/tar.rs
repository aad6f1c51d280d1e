//! tar: GNU, PAX and older, streamed.

use super::{Member, Spool, Want, Wanted, guest};
use crate::evidence::{Body, FileKind};
use ::tar::{Archive, Entry, EntryType};
use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

/// Bytes of a member's headers: its name, a link's, what PAX says of it. A name of gigabytes packs well,
/// and would be held whole.
const HEADERS: u64 = 2 << 20;

/// Counts what goes by, so that a bomb is known by what comes out of what goes in; and knows whether
/// all has gone by.
struct Counted<R> {
    inner: R,
    out: Rc<Cell<u64>>,
    ended: Rc<Cell<bool>>,
    /// Where reading ends while headers are read.
    most: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.out.get() >= self.most.get() {
            let why = format!("the headers of a member are longer than {} MiB", HEADERS >> 20);
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        let got = self.inner.read(into)?;
        self.out.set(self.out.get().saturating_add(got as u64));
        self.ended.set(got == 0 && !into.is_empty());
        Ok(got)
    }
}

/// Reads all members. `before` stands before every name.
pub(super) fn read(
    spool: &mut Spool,
    before: &[u8],
    stream: Box<dyn Read + '_>,
    wanted: Wanted<'_>,
    depth: u32,
) -> io::Result<()> {
    let out = Rc::new(Cell::new(0));
    let ended = Rc::new(Cell::new(false));
    let most = Rc::new(Cell::new(u64::MAX));
    let counted = Counted {
        inner: stream,
        out: Rc::clone(&out),
        ended: Rc::clone(&ended),
        most: Rc::clone(&most),
    };
    let mut archive = Archive::new(counted);
    let mut entries = archive.entries()?;
    let mut last = Vec::new();
    loop {
        most.set(out.get().saturating_add(HEADERS));
        let next = entries.next();
        most.set(u64::MAX);
        let mut entry = match next {
            None => {
                // Whoever writes a tar ends it with empty blocks, which are read before its end is.
                if ended.get() && !last.is_empty() {
                    spool.damage(&last, "cut after this: nothing marks the archive's end");
                }
                return Ok(());
            }
            Some(Ok(entry)) => entry,
            Some(Err(e)) => {
                let after = if last.is_empty() { before } else { &last };
                spool.damage(after, format!("cut or damaged after this: {e}"));
                return Ok(());
            }
        };
        if !spool.counted() {
            return Ok(());
        }
        let taken = one(spool, before, &mut entry, wanted, depth);
        // What is skipped is read as well: a bomb would cost time there. Here, so that before the next
        // member only its headers are read.
        io::copy(&mut entry, &mut io::sink()).ok();
        let name = match taken {
            Ok(Some(name)) => name,
            Ok(None) => continue,
            Err((name, e)) => {
                // Where it is cut in its bytes, that is said with how many there are.
                if !spool.told_of(&name) {
                    spool.damage(&name, format!("cut or damaged here: {e}"));
                }
                return Ok(());
            }
        };
        let most = (1_u64 << 40).max(spool.held.saturating_mul(spool.limits.ratio));
        if out.get() > most {
            spool.problem(&name, "the archive is a bomb: more than a TiB comes out; left here");
            return Ok(());
        }
        last = name;
    }
}

/// Takes one member in; its name, where it is one that is kept.
fn one<R: Read>(
    spool: &mut Spool,
    before: &[u8],
    entry: &mut Entry<'_, R>,
    wanted: Wanted<'_>,
    depth: u32,
) -> Result<Option<Vec<u8>>, (Vec<u8>, io::Error)> {
    let header = entry.header();
    let kind = match header.entry_type() {
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse | EntryType::Link => {
            FileKind::File
        }
        EntryType::Symlink => FileKind::Link,
        EntryType::Directory => FileKind::Directory,
        EntryType::Fifo => FileKind::Fifo,
        EntryType::Char => FileKind::CharDevice,
        EntryType::Block => FileKind::BlockDevice,
        _ => return Ok(None),
    };
    let hard = header.entry_type() == EntryType::Link;
    let number = |value: io::Result<u64>| value.ok().and_then(|v| u32::try_from(v).ok());
    let mut member = Member {
        kind,
        mode: header.mode().unwrap_or(0o644) & 0o7777,
        uid: number(header.uid()).unwrap_or(0),
        gid: number(header.gid()).unwrap_or(0),
        size: entry.size(),
        mtime: header.mtime().map_or(0, u64::cast_signed),
        link: entry.link_name_bytes().map(|l| l.into_owned()).unwrap_or_default(),
        body: Body::Unheld,
        cut: false,
    };
    let mut raw = entry.path_bytes().into_owned();
    // GNU tar's newer form of holes, as `tar -S --format=pax` writes them: a list of them stands before
    // the bytes, and the name among the extensions.
    let mut sparse = false;
    for extension in entry.pax_extensions().ok().flatten().into_iter().flatten().flatten() {
        sparse |= extension.key_bytes().starts_with(b"GNU.sparse.");
        if extension.key_bytes() == b"GNU.sparse.name" {
            raw = extension.value_bytes().to_vec();
        }
    }
    let Some(name) = spool.named(before, &raw) else { return Ok(None) };
    if sparse {
        spool.beyond(&name, "a file with holes in the form of PAX: its bytes are not read");
        return spool
            .take(&name, member, entry, Want::Name)
            .map(|()| Some(name.clone()))
            .map_err(|e| (name, e));
    }
    if hard {
        hard_link(spool, before, &name, &mut member);
        return Ok(None);
    }
    match guest::take(spool, &name, member, Box::new(entry), wanted, depth) {
        Ok(()) => Ok(Some(name)),
        Err(e) => Err((name, e)),
    }
}

/// A second name of a member that came before it.
fn hard_link(spool: &mut Spool, before: &[u8], name: &[u8], member: &mut Member) {
    let target = member.link.clone();
    let Some(target) = spool.named(before, &target) else { return };
    match spool.members.get(&target) {
        Some(first) => {
            let mut same = first.clone();
            same.link.clear();
            let length = same.bytes().map_or(0, |bytes| bytes.len() as u64);
            if spool.spare.contains(&(length, target.clone())) {
                spool.same.entry(target).or_default().push(name.to_vec());
            }
            if !spool.nameless(&same, Want::Name) {
                spool.put(name, same);
            }
        }
        None => spool.problem(name, "a hard link to a member that is not there; left out"),
    }
}

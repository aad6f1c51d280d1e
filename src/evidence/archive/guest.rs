//! Archives within the archive. What someone packed once more is known by what it holds: it is read as
//! it comes by, and kept where a collector's files turn out to lie in it.

use super::{Container, Member, Spool, Want, Wanted, tar, zip};
use crate::evidence::unpack::{Packed, started, unpack_within};
use crate::evidence::{Evidence, davy};
use std::io::{self, Cursor, Read};

/// Archives within archives are opened so deep.
pub(super) const DEPTH: u32 = 4;

/// Bytes of a packed member that recognising it may look at: a block of zstd opens whole.
const HEAD: u64 = 256 << 10;

/// Archives that are opened to see what they hold.
const MOST_LOOKED: u32 = 256;

/// Collections that are told of one archive.
const MOST_GUESTS: usize = 9;

/// Bytes of a zip within an archive, which must be held whole: its directory stands at its end.
const HELD: u64 = 64 << 20;

/// A collection that lies in the archive as an archive itself.
pub struct Guest {
    /// Where its members lie: its name and `!`.
    pub base: Vec<u8>,
    /// Whose it is.
    pub told: &'static str,
    /// The host, where it is davy's own.
    pub host: Option<Box<dyn Evidence>>,
}

impl Guest {
    /// The member that it is.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        self.base.strip_suffix(b"!").unwrap_or(&self.base)
    }
}

impl std::fmt::Debug for Guest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", String::from_utf8_lossy(self.name()), self.told)
    }
}

/// Takes in a member, which may be an archive itself.
pub(super) fn take(
    spool: &mut Spool,
    name: &[u8],
    member: Member,
    mut reader: Box<dyn Read + '_>,
    wanted: Wanted<'_>,
    depth: u32,
) -> io::Result<()> {
    let inside = name.get(spool.within.len()..).unwrap_or(name);
    let file = member.kind == crate::evidence::FileKind::File;
    let want = wanted.want(inside, member.size);
    if want == Want::Nothing {
        return Ok(());
    }
    if want == Want::Members && file && depth < DEPTH {
        spool.put(name, member);
        return opened(spool, name, reader, wanted, depth);
    }
    let want = if spool.names_only { Want::Name } else { want };
    if file && depth < DEPTH && wanted.wrapped(inside) {
        let (first, whole) = started(reader, 512);
        reader = Box::new(whole);
        if Packed::told_by(&first).is_some() || Container::of_plain(&first).is_some() {
            let (head, whole) = started(reader, HEAD);
            if Container::told_by(&head).is_some() {
                return guest(spool, name, member, Box::new(whole), wanted, depth, want);
            }
            reader = Box::new(whole);
        }
    }
    spool.take(name, member, &mut reader, want)
}

/// Looks into an archive that may be a collection; keeps its members where it is one.
fn guest(
    spool: &mut Spool,
    name: &[u8],
    member: Member,
    mut reader: Box<dyn Read + '_>,
    wanted: Wanted<'_>,
    depth: u32,
    want: Want,
) -> io::Result<()> {
    let within = spool.within.clone();
    let full = spool.guests.len() >= MOST_GUESTS || spool.looked >= MOST_LOOKED;
    // An archive on a host's disk is a file of that host.
    let collection = wanted.collection(spool, &within);
    if full || collection.is_some() {
        if full || collection.is_some_and(|told| wanted.alone(told)) {
            let why =
                "an archive beside what a collector left: not opened; name it where it is evidence";
            spool.beyond(name, why);
        }
        return spool.take(name, member, &mut reader, want);
    }
    spool.looked = spool.looked.saturating_add(1);
    spool.put(name, member);
    let base = [name, b"!"].concat();
    let before = (spool.guests.len(), spool.problems.len(), spool.damaged_within);
    let beyond = spool.beyond.len();
    let names_only = std::mem::replace(&mut spool.names_only, !spool.guests.is_empty());
    spool.within.clone_from(&base);
    let read = opened(spool, name, reader, wanted, depth);
    spool.within = within;
    spool.names_only = names_only;
    if let Some(told) = wanted.collection(spool, &base) {
        // What is packed within a collection is its host's.
        let first = spool.guests.drain(before.0..).collect::<Vec<_>>();
        for guest in first {
            spool.forget(&guest.base);
        }
        spool.guests.push(Guest { base, told, host: None });
    } else if spool.guests.len() == before.0 {
        spool.forget(&base);
        spool.beyond.truncate(beyond);
        if spool.damaged_within == before.2 {
            spool.problems.truncate(before.1);
        }
    }
    read
}

/// Reads an archive within an archive: its members lie below its name and `!`.
pub(super) fn opened(
    spool: &mut Spool,
    name: &[u8],
    reader: Box<dyn Read + '_>,
    wanted: Wanted<'_>,
    depth: u32,
) -> io::Result<()> {
    let below = [name, b"!"].concat();
    let (plain, _) = unpack_within(reader);
    let (first, mut plain) = started(plain, 1024);
    if davy::begins(&first) {
        own(spool, below, plain);
        return Ok(());
    }
    match Container::of_plain(&first) {
        Some(Container::Tar) => tar::read(spool, &below, Box::new(plain), wanted, depth + 1),
        Some(Container::Zip) => {
            zipped(spool, name, &below, &mut plain, wanted, depth);
            Ok(())
        }
        // Damaged in its first bytes, or something else.
        None => {
            match io::copy(&mut plain, &mut io::sink()) {
                Ok(_) => spool.problem(name, "should be an archive, and is none"),
                Err(e) => spool.damage(name, e.to_string()),
            }
            Ok(())
        }
    }
}

/// A zip within an archive. It is held; in it, no further one is.
fn zipped(
    spool: &mut Spool,
    name: &[u8],
    below: &[u8],
    plain: &mut dyn Read,
    wanted: Wanted<'_>,
    depth: u32,
) {
    if spool.holding {
        spool.unopened = Some(name.to_vec());
        return;
    }
    let mut bytes = Vec::new();
    if let Err(e) = plain.take(HELD).read_to_end(&mut bytes) {
        spool.damage(name, e.to_string());
    }
    if plain.read(&mut [0]).is_ok_and(|more| more > 0) {
        let most = HELD >> 20;
        let why = format!(
            "a zip of more than {most} MiB within an archive: its beginning is used; unpack it and \
             name it"
        );
        spool.damage(name, why);
    }
    spool.holding = true;
    if let Err(e) = zip::read(spool, below, Cursor::new(bytes), wanted, depth + 1) {
        spool.damage(name, e.to_string());
    }
    spool.holding = false;
}

/// An archive of davy's own.
fn own(spool: &mut Spool, base: Vec<u8>, plain: impl Read) {
    const TOLD: &str = "davy";
    if spool.names_only {
        spool.guests.push(Guest { base, told: TOLD, host: None });
        return;
    }
    let room = spool.limits.all.saturating_sub(spool.held);
    let shown = format!(
        "{}:{}",
        spool.name,
        crate::facts::HostText::from(base.strip_suffix(b"!").unwrap_or(&base)).escaped()
    );
    match davy::read_holding(plain, &shown, room) {
        Ok((replay, _)) => {
            spool.guests.push(Guest { base, told: TOLD, host: Some(Box::new(replay)) });
        }
        Err(e) => spool.damage(&base, e.to_string()),
    }
}

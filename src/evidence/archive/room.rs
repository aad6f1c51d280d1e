//! What is held of an archive, and what gives way where there is too much.

use super::lines::LONG;
use super::passing::{ASKED, FIRST};
use super::{Guest, Member, Spool, Want};
use crate::evidence::{Body, FileKind, filled};
use std::io::{self, Cursor, Read};
use std::sync::Arc;

/// Files that are there twice, from which on it is no slip of a collector's.
const TWO: u64 = 20;

/// What a member costs beside its name, here and at its place in the host.
const HEAD: u64 = 256;

/// Letters of a name that is not long.
const USUAL: u64 = 256;

/// Bytes of names that take nothing from the room for members' bytes.
const FREE: u64 = 16 << 20;

impl Spool {
    /// Keeps a member.
    pub(super) fn put(&mut self, name: &[u8], member: Member) {
        if self.members.insert(name.to_vec(), member).is_none() {
            let length = name.len() as u64;
            // Long ones, which only a hostile archive has many of, stand at several places.
            let more = length.saturating_sub(USUAL).saturating_mul(4);
            self.heads = self.heads.saturating_add(HEAD + length + more);
        }
    }

    /// Whether a member is one of too many of which nobody asks for more than the name: it is counted.
    pub(super) fn nameless(&mut self, member: &Member, want: Want) -> bool {
        let plain = member.kind == FileKind::File && member.mode & 0o6111 == 0;
        let many = self.heads >= self.limits.names / 3 * 2;
        let left_out = want == Want::Name && plain && many;
        self.nameless = self.nameless.saturating_add(left_out.into());
        left_out
    }

    /// Takes a member in: its bytes as far as they are wanted and there is room.
    pub(super) fn take(
        &mut self,
        name: &[u8],
        mut member: Member,
        reader: &mut dyn Read,
        want: Want,
    ) -> io::Result<()> {
        self.replaced(name, member.kind);
        if self.nameless(&member, want) {
            return Ok(());
        }
        let mut failed = None;
        if member.kind == FileKind::File {
            match want {
                Want::Lines(lines) if member.size > LONG => {
                    failed = self.lines_of(name, &mut member, reader, lines);
                }
                Want::Bytes | Want::Lines(_) | Want::Spare | Want::Pass => {
                    failed = self.bytes_of(name, &mut member, reader, want);
                }
                Want::Name if member.size >= ASKED => {
                    let (members, bytes) = self.passed.named;
                    self.passed.named =
                        (members.saturating_add(1), bytes.saturating_add(member.size));
                }
                Want::Name | Want::Members | Want::Nothing => {}
            }
        }
        self.put(name, member);
        failed.map_or(Ok(()), Err)
    }

    /// Holds a member's bytes, or shows them to who looks at what goes by.
    fn bytes_of(
        &mut self,
        name: &[u8],
        member: &mut Member,
        reader: &mut dyn Read,
        want: Want,
    ) -> Option<io::Error> {
        let size = member.size;
        let mut first = Vec::new();
        if let Some(by) = self.passed.by.clone()
            && want != Want::Pass
            && size >= ASKED
        {
            // An error comes again with the next read.
            let _ = reader.take(FIRST).read_to_end(&mut first);
            if by.claims(&first) {
                return self.pass(name, member, &mut Cursor::new(first).chain(reader));
            }
        }
        let mut reader = Cursor::new(first).chain(reader);
        if want == Want::Pass {
            return self.pass(name, member, &mut reader);
        }
        if size > self.limits.one {
            let then = if self.passed.by.is_some() { "carved as they went by" } else { "left out" };
            let why = format!("{size} bytes are too many to hold; {then}");
            if want == Want::Spare {
                self.problem(name, why);
            } else {
                self.beyond(name, why);
            }
            return self.pass(name, member, &mut reader);
        }
        if !self.room(size, want) {
            self.crowded(size);
            self.crowded.2 |= want != Want::Spare;
            return self.pass(name, member, &mut reader);
        }
        let (bytes, failed) = hold(&mut reader, usize::try_from(size).unwrap_or(0));
        if (bytes.len() as u64) < size {
            member.cut = true;
            self.short(name, bytes.len() as u64, size, failed.as_ref());
        }
        let length = bytes.len() as u64;
        self.held = self.held.saturating_add(length);
        if want == Want::Spare {
            self.spare.insert((length, name.to_vec()));
        }
        let packed = bytes.starts_with(&[0x1f, 0x8b, 8]) && name.ends_with(b".gz");
        member.body = if packed { Body::Gzip(bytes) } else { Body::Bytes(bytes) };
        failed
    }

    pub(super) fn short(&mut self, name: &[u8], got: u64, size: u64, failed: Option<&io::Error>) {
        let why = failed.map_or_else(String::new, |e| format!(": {e}"));
        self.damage(name, format!("cut: {got} of {size} bytes are there{why}"));
    }

    /// Shows a member that is not held to who looks at such, if anyone does.
    fn pass(
        &mut self,
        name: &[u8],
        member: &mut Member,
        reader: &mut dyn Read,
    ) -> Option<io::Error> {
        let by = self.passed.by.clone()?;
        let mut watched = Watched { inner: reader, left: member.size, ended: false, failed: None };
        by.look(name, member.size, &mut watched);
        self.passed.members.push(name.to_vec());
        let Watched { left, ended, failed, .. } = watched;
        if ended || failed.is_some() {
            member.cut = true;
            self.short(name, member.size.saturating_sub(left), member.size, failed.as_ref());
        }
        failed
    }

    /// Lets go of an earlier member of this name.
    fn replaced(&mut self, name: &[u8], kind: FileKind) {
        let Some(earlier) = self.members.remove(name) else { return };
        if let Body::Bytes(bytes) | Body::Gzip(bytes) = &earlier.body {
            let length = bytes.len() as u64;
            self.spare.remove(&(length, name.to_vec()));
            // Where it has a second name the bytes stay, and are counted.
            if Arc::strong_count(bytes) == 1 {
                self.held = self.held.saturating_sub(length);
            }
        }
        // Collectors name folders again and again; that loses nothing.
        if kind != FileKind::Directory || earlier.kind != FileKind::Directory {
            self.twice = self.twice.saturating_add(1);
            self.problem(name, "is there twice; the later one is used");
        }
    }

    /// Whether so many bytes more may be held; what is held as a spare gives way, the largest first.
    pub(super) fn room(&mut self, size: u64, want: Want) -> bool {
        let all = self.limits.all;
        let heads = self.heads.saturating_sub(FREE);
        let fits = |held: u64| held.saturating_add(size).saturating_add(heads) <= all;
        if fits(self.held) || want == Want::Spare {
            return fits(self.held);
        }
        if self.within.is_empty() {
            // Of an archive that lies in a host's files, as far as is known until now, all is spare.
            self.guests_give_way(size);
            if fits(self.held) {
                return true;
            }
        }
        let spares: u64 = self.spare.iter().map(|(length, _)| length).sum();
        if !fits(self.held.saturating_sub(spares)) {
            return false;
        }
        while !fits(self.held)
            && let Some((length, name)) = self.spare.pop_last()
        {
            let mut held = None;
            for name in self.same.remove(&name).unwrap_or_default().iter().chain([&name]) {
                if let Some(member) = self.members.get_mut(name) {
                    held = Some(std::mem::replace(&mut member.body, Body::Unheld));
                }
            }
            if let Some(Body::Bytes(bytes) | Body::Gzip(bytes)) = held {
                self.given_up(name, bytes);
            }
            self.held = self.held.saturating_sub(length);
            self.crowded(length);
        }
        true
    }

    const fn crowded(&mut self, bytes: u64) {
        let (members, all, beyond) = self.crowded;
        self.crowded = (members.saturating_add(1), all.saturating_add(bytes), beyond);
    }

    /// Says once how much was left out for want of room.
    pub(super) fn close(&mut self) {
        let (members, bytes, beyond) = self.crowded;
        if members > 0 {
            let all = self.limits.all >> 20;
            let carved =
                if self.passed.by.is_some() { "; they were carved as they went by" } else { "" };
            let why = format!(
                "holds more than davy keeps of one ({all} MiB): the bytes of {members} members \
                 ({bytes} bytes) were left out, files in folders for temporary ones first{carved}"
            );
            let told = if beyond { &mut self.beyond } else { &mut self.problems };
            told.insert(0, (String::new(), why));
        }
        if self.twice >= TWO {
            let why = format!(
                "{} files are there twice, as where two collections lie one over the other: the later one \
                 of each is used, and what is found may be of either host",
                self.twice
            );
            self.damage(b"", why);
        }
        if self.nameless > 0 {
            let why = format!(
                "holds more names than davy keeps of one archive: {} files that are no programs, and of \
                 which only the names would have been kept, were left out",
                self.nameless
            );
            self.beyond.insert(0, (String::new(), why));
        }
    }

    /// Lets go of what is held of archives within the archive, until so many bytes fit.
    fn guests_give_way(&mut self, size: u64) {
        let bases: Vec<Vec<u8>> = self.guests.iter().map(|guest| guest.base.clone()).collect();
        for base in bases {
            let names: Vec<Vec<u8>> = self.below(&base).map(|(_, name, _)| name.to_vec()).collect();
            for name in names {
                if self.held.saturating_add(size) <= self.limits.all {
                    return;
                }
                if let Some(bytes) = self.let_go(&name) {
                    self.crowded(bytes.len() as u64);
                    self.given_up(name, bytes);
                }
            }
        }
    }

    /// Lets go of a member's bytes.
    fn let_go(&mut self, name: &[u8]) -> Option<Arc<[u8]>> {
        let member = self.members.get_mut(name)?;
        let body = std::mem::replace(&mut member.body, Body::Unheld);
        let (Body::Bytes(bytes) | Body::Gzip(bytes)) = body else { return None };
        let length = bytes.len() as u64;
        self.spare.remove(&(length, name.to_vec()));
        // Where it has a second name the bytes stay, and are counted.
        if Arc::strong_count(&bytes) == 1 {
            self.held = self.held.saturating_sub(length);
        }
        Some(bytes)
    }

    /// Shows the bytes of a member that gave way to who looks at what is not held.
    fn given_up(&mut self, name: Vec<u8>, bytes: Arc<[u8]>) {
        if let Some(by) = self.passed.by.clone() {
            by.look(&name, bytes.len() as u64, &mut Cursor::new(bytes));
            self.passed.members.push(name);
        }
    }

    /// Forgets all members below a name.
    pub(super) fn forget(&mut self, base: &[u8]) {
        let names: Vec<Vec<u8>> = self.below(base).map(|(_, name, _)| name.to_vec()).collect();
        for name in names {
            self.let_go(&name);
            self.members.remove(&name);
        }
        self.passed.members.retain(|name| !name.starts_with(base));
    }

    /// Takes the archive for a host itself: archives within it are files of that host, and are
    /// forgotten. Their names, and whose collections they are.
    pub fn itself(&mut self) -> Vec<(Vec<u8>, &'static str)> {
        let guests = std::mem::take(&mut self.guests);
        for guest in &guests {
            self.forget(&guest.base);
            let inside = crate::facts::HostText::from(guest.base.as_slice()).escaped();
            self.problems.retain(|(member, _)| !member.starts_with(&inside));
            self.beyond.retain(|(member, _)| !member.starts_with(&inside));
        }
        self.damaged_within = false;
        guests.iter().map(|guest| (guest.name().to_vec(), guest.told)).collect()
    }

    /// Takes the one archive within for the host.
    pub fn the_guest(&mut self) -> Option<Guest> {
        self.damaged |= std::mem::take(&mut self.damaged_within);
        self.guests.pop()
    }
}

/// So many bytes, or as many as come; read into the place where they stay.
fn hold(reader: &mut dyn Read, size: usize) -> (Arc<[u8]>, Option<io::Error>) {
    let mut bytes: Arc<[u8]> = std::iter::repeat_n(0, size).collect();
    // Nobody else has it yet.
    let (got, error) = filled(reader, Arc::get_mut(&mut bytes).unwrap_or_default());
    match bytes.get(..got) {
        Some(part) if got < size => (part.into(), error),
        _ => (bytes, error),
    }
}

/// A member's bytes, and how they ended.
struct Watched<'a> {
    inner: &'a mut dyn Read,
    left: u64,
    /// They ended before all were there.
    ended: bool,
    failed: Option<io::Error>,
}

impl Read for Watched<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(into.len());
        let Some(into) = into.get_mut(..most).filter(|into| !into.is_empty()) else { return Ok(0) };
        if self.ended || self.failed.is_some() {
            return Ok(0);
        }
        match self.inner.read(into) {
            Ok(0) => {
                self.ended = true;
                Ok(0)
            }
            Ok(got) => {
                self.left = self.left.saturating_sub(got as u64);
                Ok(got)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                // Told by whoever holds the archive; to the one who looks it is the end.
                self.failed = Some(error);
                Ok(0)
            }
        }
    }
}

//! What is held of an archive, and what gives way where there is too much.

use super::{Guest, Member, Spool, Want};
use crate::evidence::{Body, FileKind};
use std::io::{self, Read};
use std::sync::Arc;

impl Spool {
    /// Takes a member in: its bytes as far as they are wanted and there is room.
    pub(super) fn take(
        &mut self,
        name: &[u8],
        mut member: Member,
        reader: &mut dyn Read,
        want: Want,
    ) -> io::Result<()> {
        self.replaced(name, member.kind);
        let mut failed = None;
        let wanted = matches!(want, Want::Bytes | Want::Spare);
        if member.kind == FileKind::File && wanted {
            if member.size > self.limits.one {
                self.problem(name, format!("{} bytes are too many to hold; left out", member.size));
            } else if !self.room(member.size, want) {
                self.crowded(member.size);
            } else {
                let mut bytes = Vec::with_capacity(usize::try_from(member.size).unwrap_or(0));
                failed = reader.take(member.size).read_to_end(&mut bytes).err();
                if (bytes.len() as u64) < member.size {
                    member.cut = true;
                    let why = failed.as_ref().map_or_else(String::new, |e| format!(": {e}"));
                    let (got, size) = (bytes.len(), member.size);
                    self.damage(name, format!("cut: {got} of {size} bytes are there{why}"));
                }
                let length = bytes.len() as u64;
                self.held = self.held.saturating_add(length);
                if want == Want::Spare {
                    self.spare.insert((length, name.to_vec()));
                }
                let packed = bytes.starts_with(&[0x1f, 0x8b, 8]) && name.ends_with(b".gz");
                let bytes = bytes.into();
                member.body = if packed { Body::Gzip(bytes) } else { Body::Bytes(bytes) };
            }
        }
        self.members.insert(name.to_vec(), member);
        failed.map_or(Ok(()), Err)
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
            self.problem(name, "is there twice; the later one is used");
        }
    }

    /// Whether so many bytes more may be held; what is held as a spare gives way, the largest first.
    fn room(&mut self, size: u64, want: Want) -> bool {
        let all = self.limits.all;
        let fits = |held: u64| held.saturating_add(size) <= all;
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
        while self.held.saturating_add(size) > self.limits.all
            && let Some((length, name)) = self.spare.pop_last()
        {
            for name in self.same.remove(&name).unwrap_or_default().iter().chain([&name]) {
                if let Some(member) = self.members.get_mut(name) {
                    member.body = Body::Unheld;
                }
            }
            self.held = self.held.saturating_sub(length);
            self.crowded(length);
        }
        true
    }

    const fn crowded(&mut self, bytes: u64) {
        let (members, all) = self.crowded;
        self.crowded = (members.saturating_add(1), all.saturating_add(bytes));
    }

    /// Says once how much was left out for want of room.
    pub(super) fn close(&mut self) {
        let (members, bytes) = self.crowded;
        if members > 0 {
            let all = self.limits.all >> 20;
            let why = format!(
                "holds more than davy keeps of one ({all} MiB): the bytes of {members} members \
                 ({bytes} bytes) were left out, files in folders for temporary ones first"
            );
            self.problems.insert(0, (String::new(), why));
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
                let length = self.let_go(&name);
                if length > 0 {
                    self.crowded(length);
                }
            }
        }
    }

    /// Lets go of a member's bytes; how many they were.
    fn let_go(&mut self, name: &[u8]) -> u64 {
        let Some(member) = self.members.get_mut(name) else { return 0 };
        let body = std::mem::replace(&mut member.body, Body::Unheld);
        let (Body::Bytes(bytes) | Body::Gzip(bytes)) = body else { return 0 };
        let length = bytes.len() as u64;
        self.spare.remove(&(length, name.to_vec()));
        // Where it has a second name the bytes stay, and are counted.
        if Arc::strong_count(&bytes) == 1 {
            self.held = self.held.saturating_sub(length);
        }
        length
    }

    /// Forgets all members below a name.
    pub(super) fn forget(&mut self, base: &[u8]) {
        let names: Vec<Vec<u8>> = self.below(base).map(|(_, name, _)| name.to_vec()).collect();
        for name in names {
            self.let_go(&name);
            self.members.remove(&name);
        }
    }

    /// Takes the archive for a host itself: archives within it are files of that host, and are
    /// forgotten. Their names, and whose collections they are.
    pub fn itself(&mut self) -> Vec<(Vec<u8>, &'static str)> {
        let guests = std::mem::take(&mut self.guests);
        for guest in &guests {
            self.forget(&guest.base);
            let inside = crate::facts::HostText::from(guest.base.as_slice()).escaped();
            self.problems.retain(|(member, _)| !member.starts_with(&inside));
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

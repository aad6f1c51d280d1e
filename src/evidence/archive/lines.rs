//! Listings that are too long to hold: of them the lines that are worth it.

use super::{Lines, Member, Spool, Want};
use crate::evidence::Body;
use std::io::{self, BufRead, BufReader, Read};

/// Bytes of a listing that is held as it is.
pub(super) const LONG: u64 = 16 << 20;

/// Bytes that are held of a longer one.
const MOST: usize = 24 << 20;

/// Bytes of one line: a path has 4,096 at most, and few things stand beside it.
const LINE: u64 = 64 << 10;

impl Spool {
    /// Holds those lines of a member that are worth it.
    pub(super) fn lines_of(
        &mut self,
        name: &[u8],
        member: &mut Member,
        reader: &mut dyn Read,
        worth: Lines,
    ) -> Option<io::Error> {
        if !self.room(MOST as u64, Want::Bytes) {
            self.beyond(name, format!("{} bytes, and no room for them; left out", member.size));
            return None;
        }
        let mut from = BufReader::with_capacity(128 << 10, reader.take(member.size));
        let (mut kept, mut line) = (Vec::new(), Vec::new());
        let (mut left_out, mut beyond, mut read) = (0_u64, 0_u64, 0_u64);
        let failed = loop {
            line.clear();
            match from.by_ref().take(LINE).read_until(b'\n', &mut line) {
                Ok(0) => break None,
                Ok(got) => read = read.saturating_add(got as u64),
                Err(error) => break Some(error),
            }
            if !(worth.0)(line.strip_suffix(b"\n").unwrap_or(&line)) {
                left_out = left_out.saturating_add(1);
            } else if kept.len().saturating_add(line.len()) > MOST {
                beyond = beyond.saturating_add(1);
            } else {
                kept.extend_from_slice(&line);
            }
        };
        if read < member.size {
            member.cut = true;
            self.short(name, read, member.size, failed.as_ref());
        }
        if beyond > 0 {
            let most = MOST >> 20;
            self.beyond(name, format!("{beyond} lines more than the {most} MiB that are held"));
        }
        self.thinned.insert(name.to_vec(), left_out.saturating_add(beyond));
        self.held = self.held.saturating_add(kept.len() as u64);
        member.body = Body::Bytes(kept.into());
        failed
    }
}

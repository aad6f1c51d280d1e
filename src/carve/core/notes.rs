//! What the notes of a dump say: whose it was, which files were mapped where, how many threads.

use super::{Ids, Layout, MOST};
use crate::evidence::HostPath;
use crate::facts::HostText;

pub(super) const NT_PRPSINFO: u32 = 3;
const NT_PRSTATUS: u32 = 1;
pub(super) const NT_FILE: u32 = 0x4649_4c45;
const NT_AUXV: u32 = 6;
const AT_NULL: u64 = 0;
const AT_PHDR: u64 = 3;
const AT_ENTRY: u64 = 9;
const AT_EXECFN: u64 = 31;

/// A file mapped: first address, the one after the last, path.
pub(super) type File = (u64, u64, HostPath);

impl Layout {
    pub(super) fn notes(&mut self, notes: Fields<'_>, files: &mut Vec<File>) {
        let mut at = 0_usize;
        while let (Some(name), Some(size), Some(kind)) =
            (notes.u32(at), notes.u32(at + 4), notes.u32(at + 8))
        {
            let start = at.saturating_add(12).saturating_add(padded(name));
            let end = start.saturating_add(size as usize);
            let body = Fields {
                bytes: notes.bytes.get(start..end.min(notes.bytes.len())).unwrap_or_default(),
                ..notes
            };
            match kind {
                NT_PRPSINFO => self.prpsinfo(body),
                NT_PRSTATUS => self.threads = self.threads.saturating_add(1),
                NT_FILE => mapped(body, files),
                NT_AUXV => self.auxiliary(body),
                _ => {}
            }
            at = start.saturating_add(padded(size));
        }
    }

    /// pid, name and arguments stand at the end of the structure in both classes: 16 and 80 bytes.
    fn prpsinfo(&mut self, body: Fields<'_>) {
        let Some(name) = body.bytes.len().checked_sub(96) else { return };
        let text = |from: usize, to: usize| {
            let bytes = body.bytes.get(from..to).unwrap_or_default();
            let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
            HostText::from(bytes.get(..end).unwrap_or_default()).escaped().trim_end().to_owned()
        };
        self.comm = text(name, name + 16);
        self.noted = text(name + 16, name + 96);
        // Four ids of four bytes stand before the name; pid is the first.
        self.pid = name.checked_sub(16).and_then(|at| body.u32(at));
        let ppid = name.checked_sub(12).and_then(|at| body.u32(at));
        // Before them user and group, of four bytes each where words are of eight.
        if body.wide
            && let Some(ppid) = ppid
            && let Some(uid) = name.checked_sub(24).and_then(|at| body.u32(at))
            && let Some(gid) = name.checked_sub(20).and_then(|at| body.u32(at))
        {
            self.ids = Some(Ids { ppid, uid, gid });
        }
    }

    /// Pairs of a kind and a value.
    fn auxiliary(&mut self, body: Fields<'_>) {
        let word = body.size();
        let mut at = 0;
        while let (Some(kind), Some(value)) = (body.word(at), body.word(at + word)) {
            match kind {
                AT_NULL => break,
                AT_PHDR => self.program = Some(value),
                AT_ENTRY => self.program = self.program.or(Some(value)),
                AT_EXECFN => self.top = Some(value),
                _ => {}
            }
            at += 2 * word;
        }
        // With the pair that ends them.
        let end = (at + 2 * word).min(body.bytes.len());
        self.auxiliary = body.bytes.get(..end).unwrap_or_default().to_vec();
    }
}

/// NT_FILE: a count, the page size, then start, end and page of each, then the names.
fn mapped(body: Fields<'_>, files: &mut Vec<File>) {
    let word = body.size();
    let Some(count) = body.word(0).and_then(|n| usize::try_from(n).ok()) else { return };
    let count = count.min(MOST).min(body.bytes.len() / (3 * word));
    let mut names = body.bytes.get((2 + 3 * count) * word..).unwrap_or_default().split(|b| *b == 0);
    for number in 0..count {
        let at = (2 + 3 * number) * word;
        let (Some(start), Some(end), Some(name)) =
            (body.word(at), body.word(at + word), names.next())
        else {
            return;
        };
        files.push((start, end, HostPath::new(name)));
    }
}

const fn padded(size: u32) -> usize {
    (size as usize).saturating_add(3) & !3
}

/// Numbers at offsets, in the dump's own width and order.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) little: bool,
    pub(super) wide: bool,
}

impl Fields<'_> {
    /// Bytes of an address.
    pub(super) const fn size(&self) -> usize {
        if self.wide { 8 } else { 4 }
    }

    pub(super) fn u32(&self, at: usize) -> Option<u32> {
        let bytes: [u8; 4] = self.bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if self.little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    }

    pub(super) fn word(&self, at: usize) -> Option<u64> {
        if !self.wide {
            return self.u32(at).map(u64::from);
        }
        let bytes: [u8; 8] = self.bytes.get(at..at.checked_add(8)?)?.try_into().ok()?;
        Some(if self.little { u64::from_le_bytes(bytes) } else { u64::from_be_bytes(bytes) })
    }
}

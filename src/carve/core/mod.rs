//! What a core dump says of itself: where its bytes lay in memory, and whose they were.

mod notes;
mod stack;

pub use stack::Began;

use crate::evidence::HostPath;
use crate::facts::HostText;
use goblin::container::Ctx;
use goblin::elf::program_header::{PT_LOAD, PT_NOTE};
use goblin::elf::{Elf, ProgramHeader};
use notes::Fields;
use std::ops::Range;

/// Bytes of a dump that [`Layout::parse`] wants to see: headers and notes stand at its beginning.
pub const HEAD: usize = 4 << 20;

/// Segments and mapped files believed.
const MOST: usize = 65_536;

/// Whose a process was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ids {
    /// Its parent's id.
    pub ppid: u32,
    /// Its user's.
    pub uid: u32,
    /// Its group's.
    pub gid: u32,
}

/// A stretch of memory in the dump.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Where in the dump it begins.
    pub offset: u64,
    /// Bytes of it in the dump.
    pub size: u64,
    /// Its address.
    pub address: u64,
    /// What was mapped and how: `/usr/sbin/crond r-xp`.
    pub name: String,
}

/// A stretch of the process's addresses, whether its bytes are in the dump or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapped {
    /// Its first address.
    pub start: u64,
    /// The address after its last.
    pub end: u64,
    /// `r-x`.
    pub permissions: String,
    /// The file mapped there.
    pub path: Option<HostPath>,
    /// Whether it is the stack of the first thread.
    pub stack: bool,
}

impl Mapped {
    /// What is mapped and how: `/usr/sbin/crond r-x`.
    #[must_use]
    pub fn shown(&self) -> String {
        let what = match &self.path {
            Some(path) => path.to_string(),
            None if self.stack => "[stack]".to_owned(),
            None => "anonymous".to_owned(),
        };
        format!("{what} {}", self.permissions)
    }
}

/// A process dumped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// Its stretches, by offset.
    pub segments: Vec<Segment>,
    /// Its mappings, by address.
    pub mappings: Vec<Mapped>,
    /// Its executable: the file in which the kernel put its program headers.
    pub exe: Option<HostPath>,
    /// Its parent, user and group.
    pub ids: Option<Ids>,
    /// Its name, at most 15 bytes.
    pub comm: String,
    /// Its command line, as much as the notes keep (79 bytes, or the name alone).
    noted: String,
    /// With what it began, where the top of its stack is in the dump.
    pub began: Option<Began>,
    /// Its id.
    pub pid: Option<u32>,
    /// Its threads.
    pub threads: u32,
    /// An address in its program: of its headers, else of its entry.
    program: Option<u64>,
    /// An address near the end of its stack: the name it was started by.
    top: Option<u64>,
    /// Where its notes end.
    notes_end: u64,
    /// What the kernel told it when it began, as its notes keep it.
    auxiliary: Vec<u8>,
    /// Whether its words are of eight bytes, and begin with the lowest.
    wide: bool,
    little: bool,
    /// Whether it is a process's core dump, and no image of a machine.
    pub core: bool,
    /// What it says of itself and cannot be true, or is not there.
    pub problem: Option<String>,
}

impl Layout {
    /// Whether a file that begins so is a core dump.
    #[must_use]
    pub fn is_core(head: &[u8]) -> bool {
        match head {
            [0x7f, b'E', b'L', b'F', _, 1, ..] => head.get(16..18) == Some(&[4, 0]),
            [0x7f, b'E', b'L', b'F', _, 2, ..] => head.get(16..18) == Some(&[0, 4]),
            _ => false,
        }
    }

    /// Where its notes lie, which some dumpers write behind the memory.
    #[must_use]
    pub fn notes_of(head: &[u8]) -> Option<Range<u64>> {
        let (headers, _) = headers(head)?;
        let note = headers.iter().find(|header| header.p_type == PT_NOTE)?;
        Some(note.p_offset..note.p_offset.saturating_add(note.p_filesz.min(HEAD as u64)))
    }

    /// From the first [`HEAD`] bytes of a file; `None` where it is no core dump.
    #[must_use]
    pub fn parse(head: &[u8]) -> Option<Self> {
        Self::read(head, &|_| None)
    }

    /// The same, with a way to the notes that lie behind these bytes.
    #[must_use]
    pub fn read(head: &[u8], fetch: &dyn Fn(Range<u64>) -> Option<Vec<u8>>) -> Option<Self> {
        let Some((headers, context)) = headers(head) else {
            let problem =
                "a core dump whose headers are cut or lie: where its bytes lay is not known";
            let problem = Some(problem.to_owned());
            return Self::is_core(head).then(|| Self { core: true, problem, ..Self::default() });
        };
        let mut layout = Self { core: true, ..Self::default() };
        let mut files = Vec::new();
        let little = context.le.is_little();
        let wide = context.container.is_big();
        (layout.wide, layout.little) = (wide, little);
        for note in headers.iter().filter(|header| header.p_type == PT_NOTE) {
            let place = note.p_offset..note.p_offset.saturating_add(note.p_filesz.min(HEAD as u64));
            layout.notes_end = layout.notes_end.max(place.end);
            let end = usize::try_from(place.end).unwrap_or(usize::MAX);
            let here = usize::try_from(place.start).ok().and_then(|from| head.get(from..end));
            let fetched = if here.is_none() { fetch(place.clone()) } else { None };
            // Where the file ends within them, the first ones.
            let from = usize::try_from(place.start).unwrap_or(usize::MAX);
            let bytes =
                here.or(fetched.as_deref()).or_else(|| head.get(from..)).unwrap_or_default();
            layout.notes(Fields { bytes, little, wide }, &mut files);
        }
        let at = |address: u64| {
            files
                .iter()
                .find(|(from, to, _)| (*from..*to).contains(&address))
                .map(|(.., path)| path)
        };
        for load in headers.iter().filter(|header| header.p_type == PT_LOAD) {
            let flag = |bit: u32, letter: char| if load.p_flags & bit != 0 { letter } else { '-' };
            let permissions = format!("{}{}{}", flag(4, 'r'), flag(2, 'w'), flag(1, 'x'));
            let end = load.p_vaddr.saturating_add(load.p_memsz.max(load.p_filesz));
            let path = at(load.p_vaddr).cloned();
            let stack =
                path.is_none() && layout.top.is_some_and(|top| (load.p_vaddr..end).contains(&top));
            let mapped = Mapped { start: load.p_vaddr, end, permissions, path, stack };
            if load.p_filesz > 0 {
                layout.segments.push(Segment {
                    offset: load.p_offset,
                    size: load.p_filesz,
                    address: load.p_vaddr,
                    name: mapped.shown(),
                });
            }
            layout.mappings.push(mapped);
        }
        layout.segments.sort_by_key(|segment| segment.offset);
        layout.mappings.sort_by_key(|mapping| mapping.start);
        layout.exe = layout.program.and_then(at).cloned();
        Some(layout)
    }

    /// Holds its segments against the bytes that there are: a dump that was cut short, as by a full
    /// disk or a limit, says so.
    pub fn measure(&mut self, size: u64) {
        let beyond = |s: &&Segment| s.offset.checked_add(s.size).is_none_or(|end| end > size);
        let short = self.segments.iter().filter(beyond).count();
        let notes = if self.notes_end > size { " and its notes" } else { "" };
        if short > 0 {
            let all = self.segments.len();
            self.problem = Some(format!(
                "cut short: {short} of {all} stretches{notes} are not whole in {size} bytes"
            ));
        } else if !notes.is_empty() {
            self.problem = Some(format!("cut short: its notes are not whole in {size} bytes"));
        } else if self.pid.is_none() {
            self.problem.get_or_insert_with(|| "its notes do not say whose it is".to_owned());
        }
    }

    /// Its arguments: whole from its stack, else from the notes, parted at spaces.
    #[must_use]
    pub fn arguments(&self) -> Vec<String> {
        let began = self.began.iter().flat_map(|began| &began.arguments);
        let whole: Vec<String> =
            began.map(|one| HostText::from(one.as_slice()).escaped()).collect();
        let parted = || self.noted.split(' ').map(str::to_owned).collect();
        if whole.is_empty() { parted() } else { whole }
    }

    /// The address and mapping of a byte of the dump.
    #[must_use]
    pub fn address(&self, offset: u64) -> Option<(u64, &str)> {
        let after = self.segments.partition_point(|segment| segment.offset <= offset);
        let segment = self.segments.get(after.checked_sub(1)?)?;
        let within = offset - segment.offset;
        (within < segment.size)
            .then(|| (segment.address.wrapping_add(within), segment.name.as_str()))
    }
}

/// The program headers of a core dump.
fn headers(head: &[u8]) -> Option<(Vec<ProgramHeader>, Ctx)> {
    let header = Elf::parse_header(head).ok()?;
    if header.e_type != goblin::elf::header::ET_CORE {
        return None;
    }
    let context = Ctx::new(header.container().ok()?, header.endianness().ok()?);
    let start = usize::try_from(header.e_phoff).ok()?;
    let count = usize::from(header.e_phnum).min(MOST);
    Some((ProgramHeader::parse(head, start, count, context).ok()?, context))
}

#[cfg(test)]
mod tests;

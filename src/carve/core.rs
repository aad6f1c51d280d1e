//! What a core dump says of itself: where its bytes lay in memory, and whose they were.

use crate::evidence::HostPath;
use goblin::container::Ctx;
use goblin::elf::program_header::{PT_LOAD, PT_NOTE};
use goblin::elf::{Elf, ProgramHeader};
use std::ops::Range;

/// Bytes of a dump that [`Layout::parse`] wants to see: headers and notes stand at its beginning.
pub const HEAD: usize = 4 << 20;

/// Segments and mapped files believed.
const MOST: usize = 65_536;

const NT_PRPSINFO: u32 = 3;
const NT_PRSTATUS: u32 = 1;
const NT_FILE: u32 = 0x4649_4c45;
const NT_AUXV: u32 = 6;
const AT_PHDR: u64 = 3;
const AT_ENTRY: u64 = 9;

/// A file mapped: first address, the one after the last, path.
type File = (u64, u64, HostPath);

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
    /// Its command line, as much as the kernel keeps (79 bytes).
    pub arguments: String,
    /// Its id.
    pub pid: Option<u32>,
    /// Its threads.
    pub threads: u32,
    /// An address in its program: of its headers, else of its entry.
    program: Option<u64>,
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
        let (headers, context) = headers(head)?;
        let mut layout = Self { core: true, ..Self::default() };
        let mut files = Vec::new();
        let little = context.le.is_little();
        let wide = context.container.is_big();
        for note in headers.iter().filter(|header| header.p_type == PT_NOTE) {
            let place = note.p_offset..note.p_offset.saturating_add(note.p_filesz.min(HEAD as u64));
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
            let path = at(load.p_vaddr);
            if load.p_filesz > 0 {
                let shown = path.map_or_else(|| "anonymous".to_owned(), ToString::to_string);
                layout.segments.push(Segment {
                    offset: load.p_offset,
                    size: load.p_filesz,
                    address: load.p_vaddr,
                    name: format!("{shown} {permissions}"),
                });
            }
            layout.mappings.push(Mapped {
                start: load.p_vaddr,
                end: load.p_vaddr.saturating_add(load.p_memsz.max(load.p_filesz)),
                permissions,
                path: path.cloned(),
            });
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
        if short > 0 {
            let all = self.segments.len();
            self.problem = Some(format!(
                "cut short: {short} of {all} stretches are not whole in {size} bytes"
            ));
        }
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

    fn notes(&mut self, notes: Fields<'_>, files: &mut Vec<File>) {
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
            crate::facts::HostText::from(bytes.get(..end).unwrap_or_default())
                .escaped()
                .trim_end()
                .to_owned()
        };
        self.comm = text(name, name + 16);
        self.arguments = text(name + 16, name + 96);
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
        let word = if body.wide { 8 } else { 4 };
        let mut at = 0;
        while let (Some(kind), Some(value)) = (body.word(at), body.word(at + word)) {
            match kind {
                AT_PHDR => self.program = Some(value),
                AT_ENTRY => self.program = self.program.or(Some(value)),
                _ => {}
            }
            at += 2 * word;
        }
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

/// NT_FILE: a count, the page size, then start, end and page of each, then the names.
fn mapped(body: Fields<'_>, files: &mut Vec<File>) {
    let word = if body.wide { 8 } else { 4 };
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
struct Fields<'a> {
    bytes: &'a [u8],
    little: bool,
    wide: bool,
}

impl Fields<'_> {
    fn u32(&self, at: usize) -> Option<u32> {
        let bytes: [u8; 4] = self.bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if self.little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    }

    fn word(&self, at: usize) -> Option<u64> {
        if !self.wide {
            return self.u32(at).map(u64::from);
        }
        let bytes: [u8; 8] = self.bytes.get(at..at.checked_add(8)?)?.try_into().ok()?;
        Some(if self.little { u64::from_le_bytes(bytes) } else { u64::from_be_bytes(bytes) })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn dump(pid: u32) -> Vec<u8> {
        let mut out = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let half = |out: &mut Vec<u8>, v: u16| out.extend(v.to_le_bytes());
        half(&mut out, 4);
        half(&mut out, 62);
        out.extend(1_u32.to_le_bytes());
        out.extend([0_u64, 64, 0].iter().flat_map(|v| v.to_le_bytes()));
        out.extend(0_u32.to_le_bytes());
        for v in [64, 56, 2, 0, 0, 0] {
            half(&mut out, v);
        }
        let mut notes = Vec::new();
        let mut note = |kind: u32, body: &[u8]| {
            notes.extend(
                [5, u32::try_from(body.len()).unwrap(), kind].iter().flat_map(|v| v.to_le_bytes()),
            );
            notes.extend(b"CORE\0\0\0\0");
            notes.extend(body);
            notes.resize(notes.len().next_multiple_of(4), 0);
        };
        let mut info = vec![0; 24];
        info.extend([pid, 1, 1, 1].iter().flat_map(|v| v.to_le_bytes()));
        info.extend(b"crond\0\0\0\0\0\0\0\0\0\0\0");
        let mut arguments = b"/usr/sbin/crond -n ".to_vec();
        arguments.resize(80, 0);
        info.extend(arguments);
        note(NT_PRPSINFO, &info);
        let mut file: Vec<u8> =
            [1_u64, 4096, 0x40_0000, 0x40_2000, 0].iter().flat_map(|v| v.to_le_bytes()).collect();
        file.extend(b"/usr/sbin/crond\0");
        note(NT_FILE, &file);
        let data = 64 + 112 + notes.len() as u64;
        for (kind, flags, offset, address, size) in
            [(4_u32, 0_u32, 176, 0, notes.len() as u64), (1, 5, data, 0x40_1000, 256)]
        {
            out.extend([kind, flags].iter().flat_map(|v| v.to_le_bytes()));
            out.extend([offset, address, 0, size, size, 1].iter().flat_map(|v| v.to_le_bytes()));
        }
        out.extend(notes);
        out
    }

    #[test]
    fn a_dump_says_whose_it_is_and_where_its_bytes_lay() {
        let bytes = dump(2584);
        let layout = Layout::parse(&bytes).unwrap();
        assert_eq!(
            (layout.pid, layout.comm.as_str(), layout.arguments.as_str()),
            (Some(2584), "crond", "/usr/sbin/crond -n")
        );
        let offset = bytes.len() as u64 + 16;
        assert_eq!(layout.address(offset), Some((0x40_1010, "/usr/sbin/crond r-x")));
        assert_eq!(layout.address(0), None);
        assert!(Layout::is_core(&bytes));
        assert_eq!(layout.ids, Some(Ids { ppid: 1, uid: 0, gid: 0 }));
        assert_eq!(layout.mappings.len(), 1);
    }

    #[test]
    fn notes_behind_the_memory_are_fetched() {
        let bytes = dump(2584);
        let notes = Layout::notes_of(&bytes).unwrap();
        let begin = usize::try_from(notes.start).unwrap();
        let head = bytes.get(..begin).unwrap();
        assert_eq!(Layout::parse(head).unwrap().pid, None);
        let fetch = |range: Range<u64>| {
            assert_eq!(range, notes);
            bytes.get(begin..).map(<[u8]>::to_vec)
        };
        assert_eq!(Layout::read(head, &fetch).unwrap().pid, Some(2584));
    }

    proptest! {
        #[test]
        fn lies_do_no_harm(at in 0_usize..600, byte: u8, cut in 0_usize..700) {
            let mut bytes = dump(1);
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
            bytes.truncate(cut.max(1));
            if let Some(layout) = Layout::parse(&bytes) {
                let _ = (layout.address(u64::MAX), layout.address(300));
            }
        }
    }
}

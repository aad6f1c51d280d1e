//! What an ELF file is, from its headers. They are read in bounded pieces, so that neither a
//! large file nor a lying count costs memory.

use crate::collect::digest::hex;
use crate::evidence::ReadSeek;
use crate::facts::HostText;
use goblin::container::{Container, Ctx};
use goblin::elf::dynamic::{self, Dynamic};
use goblin::elf::header::{self, Header};
use goblin::elf::program_header::{self, ProgramHeader};
use goblin::elf::section_header::{self, SectionHeader};
use goblin::elf::sym::{self, Sym};
use std::io::SeekFrom;
use std::ops::Range;

/// Segments looked at; the kernel itself takes no more than 64 KiB of their headers.
const MOST_SEGMENTS: usize = 1170;
/// Sections looked at. The largest programs seen have some hundred.
const MOST_SECTIONS: usize = 4096;
/// Bytes of string tables and symbol tables read.
const MOST_STRINGS: usize = 4 << 20;
/// Dynamic entries looked at.
const MOST_DYNAMIC: usize = 64 << 10;
/// Symbols looked at for imports.
const MOST_SYMBOLS: usize = 64 << 10;
/// Imports and libraries kept.
const MOST_NAMES: usize = 4096;
/// Bytes of notes looked at for the build id.
const MOST_NOTES: usize = 64 << 10;

/// An ELF file's own account of itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Shape {
    pub object: &'static str,
    pub machine: &'static str,
    pub linking: &'static str,
    pub stripped: bool,
    pub interpreter: Option<HostText>,
    pub libraries: Option<HostText>,
    pub imports: Option<HostText>,
    pub build_id: Option<String>,
    pub sections: u32,
    /// Address at which it starts, as a file offset where a segment holds it.
    pub entry: Option<u64>,
    /// File ranges of the loadable segments, and whether they may run.
    pub loads: Vec<(Range<u64>, bool)>,
    /// The 32 bytes after the program headers: a packer's own header stands there.
    pub after_headers: Vec<u8>,
    /// The file's last 64 bytes: a packer's trailer stands there.
    pub tail: Vec<u8>,
    /// File ranges of executable segments and sections, for entropy.
    pub code: Vec<Range<u64>>,
    /// A section that only Go's linker makes.
    pub go: bool,
}

/// A file read by pieces. What lies outside it or cannot be read is empty.
struct Pieces<'a> {
    reader: &'a mut dyn ReadSeek,
    size: u64,
}

impl Pieces<'_> {
    fn at(&mut self, offset: u64, length: u64, most: usize) -> Vec<u8> {
        let length = length.min(self.size.saturating_sub(offset)).min(most as u64);
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
        let read = self
            .reader
            .seek(SeekFrom::Start(offset))
            .and_then(|_| self.reader.read_exact(&mut bytes));
        if read.is_err() {
            bytes.clear();
        }
        bytes
    }
}

/// Reads the headers. `None` where it is not ELF.
pub(super) fn shape(reader: &mut dyn ReadSeek, size: u64) -> Option<Shape> {
    let mut file = Pieces { reader, size };
    let head = file.at(0, 64, 64);
    if !head.starts_with(header::ELFMAG) {
        return None;
    }
    // A damaged header is still ELF: it is told as such, with nothing more known.
    let broken = Shape { object: "other", machine: "other", linking: "static", ..Shape::default() };
    let Ok(header) = goblin::elf::Elf::parse_header(&head) else { return Some(broken) };
    let (Ok(container), Ok(endian)) = (header.container(), header.endianness()) else {
        return Some(broken);
    };
    let ctx = Ctx::new(container, endian);
    let segments = segments(&mut file, &header, ctx);
    let sections = sections(&mut file, &header, ctx);
    let dynamic = dynamic_entries(&mut file, &segments, ctx);
    let value = |tag: u64| dynamic.iter().find(|d| d.0 == tag).map(|d| d.1);

    let interpreter = segments.iter().find(|s| s.p_type == program_header::PT_INTERP).map(|s| {
        let text = file.at(s.p_offset, s.p_filesz, 4096);
        HostText::from(text.split(|b| *b == 0).next().unwrap_or_default())
    });
    let interpreter = interpreter.filter(|text| !text.is_empty());
    let strings = value(dynamic::DT_STRTAB)
        .and_then(|address| offset_of(&segments, address))
        .map(|at| file.at(at, value(dynamic::DT_STRSZ).unwrap_or(0), MOST_STRINGS))
        .unwrap_or_default();
    let needed = dynamic
        .iter()
        .filter(|d| d.0 == dynamic::DT_NEEDED)
        .filter_map(|d| name_at(&strings, d.1))
        .take(MOST_NAMES);
    let libraries = words(needed);
    let symbols = symbols(&mut file, &segments, &sections, &dynamic, ctx);
    let imported = symbols
        .iter()
        .filter(|s| {
            s.st_shndx == 0 && matches!(sym::st_type(s.st_info), sym::STT_FUNC | sym::STT_NOTYPE)
        })
        .filter_map(|s| name_at(&strings, s.st_name as u64))
        .take(MOST_NAMES);
    let imports = words(imported);
    let names = section_names(&mut file, &header, &sections);
    let build_id = build_id(&mut file, &segments, &sections, endian.is_little());
    let pie = value(dynamic::DT_FLAGS_1).is_some_and(|flags| flags & dynamic::DF_1_PIE != 0);
    let header_size = u64::from(header.e_phentsize).saturating_mul(u64::from(header.e_phnum));
    let loads: Vec<(Range<u64>, bool)> = segments
        .iter()
        .filter(|s| s.p_type == program_header::PT_LOAD)
        .map(|s| (file_range(s.p_offset, s.p_filesz), s.is_executable()))
        .collect();
    let code_sections = sections
        .iter()
        .filter(|s| s.is_executable() && s.sh_type != section_header::SHT_NOBITS)
        .map(|s| file_range(s.sh_offset, s.sh_size));
    let code_segments = loads.iter().filter(|(_, runs)| *runs).map(|(range, _)| range.clone());
    Some(Shape {
        object: match header.e_type {
            header::ET_EXEC => "executable",
            header::ET_DYN if pie || interpreter.is_some() => "pie",
            header::ET_DYN => "library",
            header::ET_CORE => "core",
            _ => "other",
        },
        machine: machine(header.e_machine, container),
        linking: if interpreter.is_some() || libraries.is_some() { "dynamic" } else { "static" },
        stripped: !sections.iter().any(|s| s.sh_type == section_header::SHT_SYMTAB),
        interpreter,
        libraries,
        imports,
        build_id,
        sections: u32::from(header.e_shnum),
        entry: offset_of(&segments, header.e_entry),
        after_headers: file.at(header.e_phoff.saturating_add(header_size), 32, 32),
        tail: file.at(size.saturating_sub(64), 64, 64),
        code: code_segments.chain(code_sections).collect(),
        loads,
        go: names.iter().any(|n| n == b".gopclntab" || n == b".go.buildinfo"),
    })
}

fn file_range(offset: u64, size: u64) -> Range<u64> {
    offset..offset.saturating_add(size)
}

fn segments(file: &mut Pieces<'_>, header: &Header, ctx: Ctx) -> Vec<ProgramHeader> {
    let size = ProgramHeader::size(ctx);
    let count = usize::from(header.e_phnum).min(MOST_SEGMENTS);
    let bytes = file.at(header.e_phoff, (count * size) as u64, MOST_SEGMENTS * size);
    ProgramHeader::parse(&bytes, 0, bytes.len() / size, ctx).unwrap_or_default()
}

fn sections(file: &mut Pieces<'_>, header: &Header, ctx: Ctx) -> Vec<SectionHeader> {
    let size = SectionHeader::size(ctx);
    let count = usize::from(header.e_shnum).min(MOST_SECTIONS);
    if header.e_shoff == 0 || count == 0 {
        return Vec::new();
    }
    let bytes = file.at(header.e_shoff, (count * size) as u64, MOST_SECTIONS * size);
    if bytes.len() < size {
        return Vec::new();
    }
    SectionHeader::parse_from(&bytes, 0, bytes.len() / size, ctx).unwrap_or_default()
}

/// Tag and value of the dynamic entries.
fn dynamic_entries(file: &mut Pieces<'_>, segments: &[ProgramHeader], ctx: Ctx) -> Vec<(u64, u64)> {
    let Some(segment) = segments.iter().find(|s| s.p_type == program_header::PT_DYNAMIC) else {
        return Vec::new();
    };
    let bytes = file.at(segment.p_offset, segment.p_filesz, MOST_DYNAMIC);
    // Only the piece is handed over, so the segment is told to begin at its first byte.
    let piece = ProgramHeader { p_offset: 0, p_filesz: bytes.len() as u64, ..segment.clone() };
    match Dynamic::parse(&bytes, &[piece], ctx) {
        Ok(Some(dynamic)) => dynamic.dyns.iter().map(|d| (d.d_tag, d.d_val)).collect(),
        _ => Vec::new(),
    }
}

/// The dynamic symbols. Their count stands in no header: the section tells it, or, where there
/// are none, the string table that linkers put behind them.
fn symbols(
    file: &mut Pieces<'_>,
    segments: &[ProgramHeader],
    sections: &[SectionHeader],
    dynamic: &[(u64, u64)],
    ctx: Ctx,
) -> Vec<Sym> {
    let value = |tag: u64| dynamic.iter().find(|d| d.0 == tag).map(|d| d.1);
    let Some(address) = value(dynamic::DT_SYMTAB) else { return Vec::new() };
    let Some(offset) = offset_of(segments, address) else { return Vec::new() };
    let section = sections.iter().find(|s| s.sh_type == section_header::SHT_DYNSYM);
    let length = section
        .map(|s| s.sh_size)
        .or_else(|| value(dynamic::DT_STRTAB).and_then(|strings| strings.checked_sub(address)));
    let size = Sym::size(ctx.container);
    let bytes = file.at(offset, length.unwrap_or(0), MOST_SYMBOLS * size);
    Sym::parse(&bytes, 0, bytes.len() / size, ctx).unwrap_or_default()
}

fn section_names(
    file: &mut Pieces<'_>,
    header: &Header,
    sections: &[SectionHeader],
) -> Vec<Vec<u8>> {
    let Some(table) = sections.get(usize::from(header.e_shstrndx)) else { return Vec::new() };
    let strings = file.at(table.sh_offset, table.sh_size, MOST_STRINGS);
    sections
        .iter()
        .filter_map(|s| name_at(&strings, s.sh_name as u64))
        .map(<[u8]>::to_vec)
        .collect()
}

/// The GNU build id: a note named `GNU` of type 3.
fn build_id(
    file: &mut Pieces<'_>,
    segments: &[ProgramHeader],
    sections: &[SectionHeader],
    little: bool,
) -> Option<String> {
    let notes = segments.iter().filter(|s| s.p_type == program_header::PT_NOTE);
    let places: Vec<(u64, u64)> = notes
        .map(|s| (s.p_offset, s.p_filesz))
        .chain(
            sections
                .iter()
                .filter(|s| s.sh_type == section_header::SHT_NOTE)
                .map(|s| (s.sh_offset, s.sh_size)),
        )
        .take(16)
        .collect();
    places.into_iter().find_map(|(offset, length)| {
        let bytes = file.at(offset, length, MOST_NOTES);
        build_id_in(&bytes, little)
    })
}

fn build_id_in(notes: &[u8], little: bool) -> Option<String> {
    let word = |bytes: &[u8; 4]| {
        let value = if little { u32::from_le_bytes(*bytes) } else { u32::from_be_bytes(*bytes) };
        usize::try_from(value).unwrap_or(usize::MAX)
    };
    let padded = |length: usize| length.checked_next_multiple_of(4);
    let mut rest = notes;
    while let Some((name_length, tail)) = rest.split_first_chunk::<4>() {
        let (length, tail) = tail.split_first_chunk::<4>()?;
        let (kind, tail) = tail.split_first_chunk::<4>()?;
        let (name, tail) = tail.split_at_checked(padded(word(name_length))?)?;
        let length = word(length);
        if word(kind) == 3 && name == b"GNU\0" {
            return tail.get(..length).filter(|id| !id.is_empty() && id.len() <= 64).map(hex);
        }
        rest = tail.get(padded(length)?..)?;
    }
    None
}

/// Where a segment holds this address in the file.
fn offset_of(segments: &[ProgramHeader], address: u64) -> Option<u64> {
    segments.iter().filter(|s| s.p_type == program_header::PT_LOAD).find_map(|s| {
        let into = address.checked_sub(s.p_vaddr)?;
        (into < s.p_filesz).then(|| s.p_offset.checked_add(into))?
    })
}

/// The NUL-terminated name at an offset, where it is not empty.
fn name_at(strings: &[u8], offset: u64) -> Option<&[u8]> {
    let from = strings.get(usize::try_from(offset).ok()?..)?;
    let end = memchr::memchr(0, from)?;
    from.get(..end).filter(|name| !name.is_empty())
}

/// Names with spaces between; `None` where there are none.
fn words<'a>(names: impl Iterator<Item = &'a [u8]>) -> Option<HostText> {
    let mut text: Vec<u8> = Vec::new();
    for name in names {
        // One name may not eat the space of all: the longest C++ names are some KiB.
        if text.len() + name.len() > MOST_STRINGS / 16 {
            break;
        }
        if !text.is_empty() {
            text.push(b' ');
        }
        text.extend_from_slice(name);
    }
    (!text.is_empty()).then_some(HostText(text))
}

fn machine(machine: u16, container: Container) -> &'static str {
    match machine {
        header::EM_X86_64 => "x86_64",
        header::EM_386 => "i386",
        header::EM_AARCH64 => "aarch64",
        header::EM_ARM => "arm",
        header::EM_RISCV if container.is_big() => "riscv64",
        header::EM_RISCV => "riscv32",
        header::EM_PPC64 => "ppc64",
        header::EM_PPC => "ppc",
        header::EM_S390 => "s390x",
        header::EM_MIPS => "mips",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;
    use std::io::Cursor;

    /// A small dynamic program by hand: loader, two libraries, an import, a build id.
    fn program() -> Vec<u8> {
        const STRINGS: &[u8] = b"\0libcurl.so.4\0libc.so.6\0curl_easy_init\0";
        let mut data: Vec<u8> = vec![0; 64 + 4 * 56];
        let mut put = |bytes: &[u8]| {
            let at = data.len() as u64;
            data.extend_from_slice(bytes);
            data.resize(data.len().next_multiple_of(8), 0);
            (at, bytes.len() as u64)
        };
        let interpreter = put(b"/lib64/ld-linux-x86-64.so.2\0");
        let note = put(&[
            &4_u32.to_le_bytes()[..],
            &4_u32.to_le_bytes(),
            &3_u32.to_le_bytes(),
            b"GNU\0",
            &[0xab; 4],
        ]
        .concat());
        // A null symbol, then an undefined function named at 24.
        let mut symbols = [0; 48];
        symbols[24..28].copy_from_slice(&24_u32.to_le_bytes());
        symbols[28] = 0x12;
        let symbols = put(&symbols);
        let strings = put(STRINGS);
        let entries: Vec<u8> = [
            (dynamic::DT_NEEDED, 1),
            (dynamic::DT_NEEDED, 14),
            (dynamic::DT_STRTAB, strings.0),
            (dynamic::DT_STRSZ, strings.1),
            (dynamic::DT_SYMTAB, symbols.0),
            (dynamic::DT_NULL, 0),
        ]
        .iter()
        .flat_map(|(tag, value): &(u64, u64)| [tag.to_le_bytes(), value.to_le_bytes()].concat())
        .collect();
        let table = put(&entries);
        let size = data.len() as u64;
        let segments = [
            (program_header::PT_LOAD, 5_u32, (0, size)),
            (program_header::PT_INTERP, 4, interpreter),
            (program_header::PT_DYNAMIC, 6, table),
            (program_header::PT_NOTE, 4, note),
        ];
        for (i, (kind, flags, (at, length))) in segments.iter().enumerate() {
            let header: Vec<u8> = [kind.to_le_bytes(), flags.to_le_bytes()]
                .concat()
                .into_iter()
                .chain([*at, *at, *at, *length, *length, 8].iter().flat_map(|v| v.to_le_bytes()))
                .collect();
            data[64 + i * 56..64 + (i + 1) * 56].copy_from_slice(&header);
        }
        data[..16].copy_from_slice(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
        data[16..18].copy_from_slice(&header::ET_DYN.to_le_bytes());
        data[18..20].copy_from_slice(&header::EM_X86_64.to_le_bytes());
        data[20] = 1;
        data[24..32].copy_from_slice(&0x100_u64.to_le_bytes());
        data[32] = 64;
        data[52] = 64;
        data[54] = 56;
        data[56] = 4;
        data[58] = 64;
        data
    }

    fn read(bytes: Vec<u8>) -> Option<Shape> {
        let size = bytes.len() as u64;
        shape(&mut Cursor::new(bytes), size)
    }

    #[test]
    fn a_program() {
        let shape = read(program()).unwrap();
        assert_eq!((shape.object, shape.machine, shape.linking), ("pie", "x86_64", "dynamic"));
        assert_eq!(shape.interpreter, Some("/lib64/ld-linux-x86-64.so.2".into()));
        assert_eq!(shape.libraries, Some("libcurl.so.4 libc.so.6".into()));
        assert_eq!(shape.imports, Some("curl_easy_init".into()));
        assert_eq!(shape.build_id.as_deref(), Some("abababab"));
        assert_eq!((shape.stripped, shape.sections, shape.entry), (true, 0, Some(0x100)));
        assert_eq!(read(b"#!/bin/sh\n".to_vec()), None);
        assert_eq!(read(b"\x7fELF".to_vec()).unwrap().object, "other");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn damaged(changes in proptest::collection::vec((0_usize..700, any::<u8>()), 0..8), cut in 0_usize..700) {
            let mut bytes = program();
            let length = bytes.len();
            for (at, byte) in changes {
                bytes[at % length] = byte;
            }
            bytes.truncate(length - cut % 64);
            let _ = read(bytes);
        }

        #[test]
        fn any_bytes_behind_the_magic(mut bytes: Vec<u8>) {
            bytes.splice(0..0, *b"\x7fELF\x02\x01\x01");
            let _ = read(bytes);
        }
    }
}

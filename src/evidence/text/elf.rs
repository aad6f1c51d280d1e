//! A small, valid ELF file: header, segments, sections, and strings in `.rodata`.

/// Where the executable is loaded; also the file's own addresses.
const BASE: u64 = 0x40_0000;
const HEADER: u64 = 64;
const PROGRAM_HEADER: u64 = 56;

/// A statically linked 64-bit executable that exits at once, with these strings in `.rodata`.
pub(super) fn elf(strings: &[&[u8]]) -> Vec<u8> {
    // mov eax, 60; xor edi, edi; syscall: exit(0).
    let mut text = vec![0xb8, 0x3c, 0, 0, 0, 0x31, 0xff, 0x0f, 0x05];
    text.resize(64, 0x90);
    let mut rodata = Vec::new();
    for string in strings {
        rodata.extend_from_slice(string);
        rodata.push(0);
    }
    if rodata.is_empty() {
        rodata.push(0);
    }
    let names: &[u8] = b"\0.text\0.rodata\0.shstrtab\0";
    let text_at = HEADER + PROGRAM_HEADER;
    let rodata_at = text_at + text.len() as u64;
    let names_at = rodata_at + rodata.len() as u64;
    let sections_at = (names_at + names.len() as u64).next_multiple_of(8);

    let mut out = Vec::new();
    out.extend_from_slice(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
    half(&mut out, &[2, 62]); // ET_EXEC, EM_X86_64
    word(&mut out, &[1]);
    long(&mut out, &[BASE + text_at, HEADER, sections_at]);
    word(&mut out, &[0]);
    half(&mut out, &[64, 56, 1, 64, 4, 3]);
    // One loaded segment: everything, readable and executable.
    word(&mut out, &[1, 5]);
    long(&mut out, &[0, BASE, BASE, names_at, names_at, 0x1000]);
    out.extend_from_slice(&text);
    out.extend_from_slice(&rodata);
    out.extend_from_slice(names);
    out.resize(usize::try_from(sections_at).unwrap_or(out.len()), 0);
    section(&mut out, [0, 0], [0; 4]);
    section(&mut out, [1, 1], [6, BASE + text_at, text_at, text.len() as u64]);
    section(&mut out, [7, 1], [2, BASE + rodata_at, rodata_at, rodata.len() as u64]);
    section(&mut out, [15, 3], [0, 0, names_at, names.len() as u64]);
    out
}

/// Name and type; flags, address, offset, size.
fn section(out: &mut Vec<u8>, kind: [u32; 2], place: [u64; 4]) {
    word(out, &kind);
    long(out, &place);
    word(out, &[0, 0]);
    long(out, &[u64::from(kind != [0, 0]), 0]);
}

fn half(out: &mut Vec<u8>, values: &[u16]) {
    out.extend(values.iter().flat_map(|v| v.to_le_bytes()));
}

fn word(out: &mut Vec<u8>, values: &[u32]) {
    out.extend(values.iter().flat_map(|v| v.to_le_bytes()));
}

fn long(out: &mut Vec<u8>, values: &[u64]) {
    out.extend(values.iter().flat_map(|v| v.to_le_bytes()));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn goblin_reads_it() {
        let bytes = elf(&[b"http://198.51.100.7/x", b"Payload dropped to: %s"]);
        let parsed = goblin::elf::Elf::parse(&bytes).unwrap();
        let names: Vec<_> = parsed
            .section_headers
            .iter()
            .filter_map(|s| parsed.shdr_strtab.get_at(s.sh_name))
            .collect();
        assert_eq!(names, ["", ".text", ".rodata", ".shstrtab"]);
        assert!(parsed.libraries.is_empty());
        assert_eq!(parsed.program_headers.len(), 1);
    }
}

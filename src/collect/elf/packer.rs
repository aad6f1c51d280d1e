//! Signs that an executable was packed. They are stated, not judged: installers pack too.

use super::shape::Shape;

/// Entropy from which bytes are compressed or encrypted. Machine code lies between 5.5 and 6.8.
const PACKED: f64 = 7.2;

/// What speaks for a packer, in words; `None` where nothing does.
pub(super) fn packer(shape: &Shape, entropy: Option<f64>) -> Option<String> {
    let magic = |bytes: &[u8]| memchr::memmem::find(bytes, b"UPX!").is_some();
    if magic(&shape.after_headers) || magic(&shape.tail) {
        return Some("UPX".to_owned());
    }
    let entropy = entropy.filter(|entropy| *entropy >= PACKED)?;
    if shape.sections > 0 || shape.interpreter.is_some() {
        return None;
    }
    let segments = shape.loads.len();
    let mut signs = format!("no sections, {segments} loadable segments, entropy {entropy:.1}");
    let stub = entry_near_end(shape);
    if stub {
        signs.push_str(", entry near the end of its segment");
    }
    let header = upx_header(&shape.after_headers);
    if header {
        signs.push_str(", a header of UPX's form with another magic");
    }
    if header || stub && segments == 2 {
        return Some(format!("UPX with altered magic: {signs}"));
    }
    Some(format!("unknown packer: {signs}"))
}

/// The unpacking stub stands behind the packed bytes, and runs first.
fn entry_near_end(shape: &Shape) -> bool {
    let Some(entry) = shape.entry else { return false };
    shape.loads.iter().any(|(range, runs)| {
        let length = range.end.saturating_sub(range.start);
        *runs && range.contains(&entry) && (range.end - entry) < length / 4
    })
}

/// UPX's `l_info` and `p_info`, whatever its magic: a version that exists, an ELF format, and
/// a block size that is the file's size or less.
fn upx_header(bytes: &[u8]) -> bool {
    let word = |at: usize| {
        bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_le_bytes)
    };
    let byte = |at: usize| bytes.get(at).copied().unwrap_or(0);
    // 10, 12: i386. 20, 22: i386 interpreter forms and amd64. 23, 24: arm. 25..43: others.
    let (version, format) = (byte(10), byte(11));
    let (file, block) = (word(16), word(20));
    (11..=14).contains(&version) && (10..=43).contains(&format) && block > 0 && file >= block
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upx(magic: &[u8; 4]) -> Shape {
        let mut header = vec![1, 2, 3, 4];
        header.extend_from_slice(magic);
        header.extend([0x90, 0x07, 13, 22]);
        header.extend([0, 0, 0, 0]);
        header.extend(200_000_u32.to_le_bytes());
        header.extend(200_000_u32.to_le_bytes());
        Shape {
            loads: vec![(0..4096, false), (0..100_000, true)],
            entry: Some(95_000),
            after_headers: header,
            ..Shape::default()
        }
    }

    #[test]
    fn the_magic_and_the_layout_without_it() {
        assert_eq!(packer(&upx(b"UPX!"), Some(7.9)).as_deref(), Some("UPX"));
        let altered = packer(&upx(b"\x17\x18\xfd\xce"), Some(7.9));
        assert_eq!(
            altered.as_deref(),
            Some(
                "UPX with altered magic: no sections, 2 loadable segments, entropy 7.9, entry near the end of its segment, a header of UPX's form with another magic"
            )
        );
    }

    #[test]
    fn ordinary_programs_are_not_packed() {
        assert_eq!(packer(&Shape { sections: 29, ..Shape::default() }, Some(6.3)), None);
        // Compressed data within a program that has its sections.
        assert_eq!(packer(&Shape { sections: 29, ..Shape::default() }, Some(7.9)), None);
        assert_eq!(packer(&Shape::default(), Some(6.3)), None);
        assert_eq!(packer(&Shape::default(), None), None);
    }
}

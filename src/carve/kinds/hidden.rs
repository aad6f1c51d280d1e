//! What a single-byte XOR hides: URLs and ELF files. And ELF files that hide what they are: UPX,
//! with its own magic or another.

use super::url;
use crate::carve::scan::{AHEAD, Found, Hit, REACH, Step, Text, printable, within};

/// Looks at what may be the colon of `://` or the `E` of an ELF header, under any key. Returns
/// where decoding need not begin again before.
pub(in crate::carve) fn hidden(
    text: &Text<'_>,
    at: usize,
    until: usize,
    found: &mut Found,
) -> usize {
    if under(text, at, b"://").is_some_and(|key| key != 0) {
        return hidden_url(text, at, until, found);
    }
    let Some(start) = at.checked_sub(1) else { return until };
    match under(text, start, b"\x7fELF") {
        Some(0) => packed(text, start, found),
        Some(key) if until <= start => return hidden_elf(text, start, key, found),
        _ => {}
    }
    until
}

/// The key under which these bytes stand at `at`.
fn under(text: &Text<'_>, at: usize, plain: &[u8]) -> Option<u8> {
    let here = text.slice(at..at + plain.len());
    let key = here.first()? ^ plain.first()?;
    let same = here.len() == plain.len() && here.iter().zip(plain).all(|(a, b)| a ^ key == *b);
    same.then_some(key)
}

fn hidden_url(text: &Text<'_>, colon: usize, until: usize, found: &mut Found) -> usize {
    if colon < until {
        return until;
    }
    let key = text.byte(colon) ^ b':';
    let letter = |b: u8| (b ^ key).is_ascii_alphanumeric() || matches!(b ^ key, b'+' | b'-');
    let start = text.back(colon, 20, letter);
    let scheme: Vec<u8> = text.slice(start..colon).iter().map(|b| b ^ key).collect();
    // Three bytes agree with some key often enough; a scheme as well does not.
    if !url::long_scheme(&scheme.to_ascii_lowercase()) {
        return until;
    }
    let shown = |b: u8| printable(b ^ key) || matches!(b ^ key, b'\n' | b'\r');
    let (from, to) = (text.back(colon, REACH, shown), text.forward(colon, REACH, shown));
    // Zeros are no letters, though a printable key makes them look so: two in a row, or six where
    // the key is a letter that URLs have in a row.
    let usual = matches!(key, b'0'..=b'9' | b'a'..=b'z' | b'/' | b'-');
    let zeros: &[u8] = if usual { &[0; 6] } else { &[0; 2] };
    let host = (colon + 3).min(to);
    let to = memchr::memmem::find(text.slice(host..to), zeros).map_or(to, |at| host + at);
    let from =
        memchr::memmem::rfind(text.slice(from..start), &[0, 0]).map_or(from, |at| from + at + 2);
    let decoded = text.slice(from..to).iter().map(|b| b ^ key).collect();
    within(text, from, Step::Xor(key), decoded, found);
    to
}

fn hidden_elf(text: &Text<'_>, start: usize, key: u8, found: &mut Found) -> usize {
    let byte = |at: usize| text.byte(start + at) ^ key;
    // Class, order, version; the padding is zero.
    let sound = matches!(byte(4), 1 | 2)
        && matches!(byte(5), 1 | 2)
        && byte(6) == 1
        && (9..16).all(|at| byte(at) == 0);
    if !sound {
        return start;
    }
    let value = format!("ELF under XOR with 0x{key:02x}");
    found.add(text, Hit::new("packer", start, value, "an ELF file that a single-byte XOR hides"));
    let end = (start + AHEAD).min(text.bytes.len());
    let decoded = text.slice(start..end).iter().map(|b| b ^ key).collect();
    within(text, start, Step::Xor(key), decoded, found);
    end
}

/// UPX's `l_info` and `p_info` stand behind the program headers, whatever the magic says.
fn packed(text: &Text<'_>, start: usize, found: &mut Found) {
    let byte = |at: usize| text.byte(start + at);
    let half = |at: usize| usize::from(u16::from_le_bytes([byte(at), byte(at + 1)]));
    // Little-endian files: 64 or 32 bits.
    let (headers, size) = match (byte(4), byte(5)) {
        (2, 1) => (half(32), half(54) * half(56)),
        (1, 1) => (half(28), half(42) * half(44)),
        _ => return,
    };
    let info = headers + size;
    if !(52..=REACH).contains(&info) {
        return;
    }
    let word = |at: usize| {
        u32::from_le_bytes([
            byte(info + at),
            byte(info + at + 1),
            byte(info + at + 2),
            byte(info + at + 3),
        ])
    };
    let magic = text.slice(start + info + 4..start + info + 8);
    let (version, format) = (byte(info + 10), byte(info + 11));
    let (file, block) = (word(16), word(20));
    let sound = (11..=14).contains(&version)
        && (10..=43).contains(&format)
        && block > 0
        && file >= block
        && magic.iter().any(|b| *b != 0);
    if magic == b"UPX!" && (11..=14).contains(&version) {
        found.add(text, Hit::new("packer", start, "UPX", "the header of UPX"));
    } else if sound && (word(12) == 0 || word(12) == file) {
        let magic: String = magic.iter().map(|b| format!("{b:02x}")).collect();
        let why = "a header of UPX's form with another magic, so that it cannot be unpacked";
        let hit = Hit::new("packer", start, "UPX with altered magic", why);
        found.add(text, hit.detail(format!("magic {magic}")));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::carve::{Carved, Stream, kinds::tests::shown};

    fn carved(bytes: &[u8]) -> Vec<Carved> {
        let mut found = Found::default();
        Stream::new(&mut found, 0).feed(bytes);
        found.finish().0
    }

    /// Bytes under a key among others, at any place in a block.
    fn hide(plain: &[u8], key: u8, before: usize) -> Vec<u8> {
        let mut bytes = vec![0x81_u8 ^ key; before];
        bytes.extend(plain.iter().map(|b| b ^ key));
        bytes.extend(vec![0x81_u8 ^ key; 200]);
        bytes
    }

    fn elf() -> Vec<u8> {
        let mut elf = b"\x7fELF\x02\x01\x01".to_vec();
        elf.resize(64, 0);
        elf.extend(b"stratum pool ap.luckpool.net:3956\0");
        elf
    }

    #[test]
    fn urls_under_every_key() {
        for key in 1..=255_u8 {
            for before in [0_usize, 1, 57, 58, 62, 63, 64] {
                for (url, kind, value) in [
                    ("http://198.51.100.77/x", "url", "http://198.51.100.77/x"),
                    ("stratum+tcp://203.0.113.5:3333", "pool", "203.0.113.5:3333"),
                ] {
                    let found = carved(&hide(url.as_bytes(), key, before));
                    let way = format!("xor-{key:02x}");
                    let there = found.iter().any(|c| {
                        c.kind == kind && c.value == value.as_bytes() && c.way.to_string() == way
                    });
                    assert!(there, "{url} under {key:02x} after {before}{}", shown(&found));
                }
            }
        }
    }

    #[test]
    fn zeros_around_what_is_hidden_are_no_letters_of_it() {
        let mut bytes = vec![0; 40];
        bytes.extend(b"http://198.51.100.77/x".iter().map(|b| b ^ 0x5a));
        bytes.extend([0; 40]);
        let found = carved(&bytes);
        let url = found.iter().find(|c| c.kind == "url").unwrap();
        assert_eq!(url.value, b"http://198.51.100.77/x", "{}", shown(&found));
    }

    #[test]
    fn elf_files_under_a_key_and_what_is_in_them() {
        let found = carved(&hide(&elf(), 0x5a, 100));
        assert!(
            found.iter().any(|c| c.kind == "packer"
                && c.value == b"ELF under XOR with 0x5a"
                && c.offset == 100),
            "{}",
            shown(&found)
        );
        assert!(
            found.iter().any(|c| c.kind == "pool" && c.way.to_string() == "xor-5a"),
            "{}",
            shown(&found)
        );
    }

    fn upx(magic: &[u8; 4], version: u8) -> Vec<u8> {
        let mut file = elf();
        file.truncate(64);
        for (at, value) in [(32, 64_u8), (54, 56), (56, 2)] {
            *file.get_mut(at).unwrap() = value;
        }
        file.resize(64 + 112, 0);
        file.extend([1, 2, 3, 4]);
        file.extend(magic);
        file.extend([0x90, 7, version, 22, 0, 0, 0, 0]);
        file.extend(200_000_u32.to_le_bytes());
        file.extend(200_000_u32.to_le_bytes());
        file.resize(600, 0xcc);
        file
    }

    #[test]
    fn upx_with_its_magic_or_another() {
        for (file, value) in
            [(upx(b"UPX!", 13), "UPX"), (upx(b"\x17\x18\xfd\xce", 13), "UPX with altered magic")]
        {
            let found = carved(&file);
            let all: Vec<_> =
                found.iter().map(|c| (c.kind, String::from_utf8_lossy(&c.value))).collect();
            assert_eq!(all, [("packer", value.into())]);
        }
    }

    #[test]
    fn what_is_not_hidden_is_not_told() {
        for bytes in [
            elf(),
            upx(b"\0\0\0\0", 13),
            upx(b"abcd", 99),
            hide(b"x://y", 7, 9),
            hide(b"\x7fELF????", 7, 9),
        ] {
            let found = carved(&bytes);
            assert!(
                found.iter().all(|c| c.kind != "packer" && c.way.to_string().starts_with("ascii")),
                "{}",
                shown(&found)
            );
        }
    }
}

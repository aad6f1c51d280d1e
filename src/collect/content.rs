//! What a file holds, by its first bytes: a name can lie, these seldom do.

/// How many of a file's first bytes [`content`] wants; more do not help.
pub(super) const FIRST_BYTES: usize = 512;

/// The signatures, longest and surest first.
const MAGIC: &[(&[u8], &str)] = &[
    (b"SQLite format 3\0", "sqlite"),
    (b"\xfd7zXZ\0", "xz"),
    (b"\x7fELF", "elf"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"BZh", "bzip2"),
    (b"\x1f\x8b", "gzip"),
    (b"#!", "script"),
];

/// Tells what bytes hold, from the first of them: elf, script, gzip, zip, zstd, xz, bzip2,
/// sqlite, text, empty, or data for all else.
#[must_use]
pub(super) fn content(first: &[u8]) -> &'static str {
    if first.is_empty() {
        return "empty";
    }
    if let Some((_, word)) = MAGIC.iter().find(|(magic, _)| first.starts_with(magic)) {
        return word;
    }
    let head = first.get(..FIRST_BYTES).unwrap_or(first);
    if is_text(head) { "text" } else { "data" }
}

/// UTF-8 (its last character may be cut off) without control characters that no text holds.
fn is_text(head: &[u8]) -> bool {
    let whole = match std::str::from_utf8(head) {
        Ok(_) => head,
        Err(e) if e.error_len().is_none() => head.get(..e.valid_up_to()).unwrap_or_default(),
        Err(_) => return false,
    };
    // Tab, line feed, form feed, carriage return and escape stand in ordinary text.
    !whole.is_empty()
        && whole.iter().all(|b| *b >= 0x20 && *b != 0x7f || matches!(b, 9 | 10 | 12 | 13 | 27))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words() {
        for (bytes, word) in [
            (&b""[..], "empty"),
            (b"\x7fELF\x02\x01", "elf"),
            (b"#!/bin/sh\n", "script"),
            (b"\x1f\x8b\x08", "gzip"),
            (b"{\"pools\": []}\n", "text"),
            ("žluťoučký".as_bytes(), "text"),
            (b"\xc5", "data"),
            (b"a\xc5", "text"),
            (b"\0\0\0\0", "data"),
            (b"\xff\xfe", "data"),
        ] {
            assert_eq!(content(bytes), word, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_have_a_word(bytes: Vec<u8>) {
            prop_assert!(!content(&bytes).is_empty());
        }
    }
}

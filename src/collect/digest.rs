//! A file's bytes, read once: digests, what they hold, and whoever else wants to see them go by.

use super::content::{FIRST_BYTES, content};
use md5::Md5;
use sha2::{Digest, Sha256};
use std::io::{self, Read};

/// How much is read at a time.
const CHUNK: usize = 256 * 1024;

/// What a pass over a file's bytes gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Digests {
    /// Lower-case hexadecimal, where it was wanted.
    pub sha256: Option<String>,
    /// Lower-case hexadecimal, where it was wanted.
    pub md5: Option<String>,
    /// What the first bytes say it holds.
    pub content: &'static str,
    /// Bytes read.
    pub size: u64,
    /// False where the file went on beyond the limit: then the digests are of no file.
    pub whole: bool,
}

/// Which digests a pass makes. MD5 has no help from the processor: over all that a server maps it
/// cost more than everything else, so it is made where a package's list is to be compared alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Ours.
    Sha256,
    /// What dpkg keeps.
    Md5,
    /// Both.
    Both,
}

/// Reads at most `limit` bytes and digests them. `watch` sees every chunk with its offset.
///
/// # Errors
/// The reader's own.
pub(super) fn digest(
    reader: &mut dyn Read,
    limit: u64,
    wanted: Wanted,
    watch: &mut dyn FnMut(u64, &[u8]),
) -> io::Result<Digests> {
    let mut buffer = vec![0_u8; CHUNK];
    let mut sha256 = (wanted != Wanted::Md5).then(Sha256::new);
    let mut md5 = (wanted != Wanted::Sha256).then(Md5::new);
    let mut first: Vec<u8> = Vec::with_capacity(FIRST_BYTES);
    let mut size = 0_u64;
    loop {
        let got = match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(got) => got,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        };
        let left = usize::try_from(limit.saturating_sub(size)).unwrap_or(usize::MAX);
        let chunk = buffer.get(..got.min(left)).unwrap_or_default();
        if first.len() < FIRST_BYTES {
            first.extend(chunk.iter().take(FIRST_BYTES - first.len()));
        }
        if let Some(sha256) = &mut sha256 {
            sha256.update(chunk);
        }
        if let Some(md5) = &mut md5 {
            md5.update(chunk);
        }
        watch(size, chunk);
        size += chunk.len() as u64;
        if chunk.len() < got {
            return Ok(finish(sha256, md5, &first, size, false));
        }
    }
    Ok(finish(sha256, md5, &first, size, true))
}

fn finish(
    sha256: Option<Sha256>,
    md5: Option<Md5>,
    first: &[u8],
    size: u64,
    whole: bool,
) -> Digests {
    Digests {
        sha256: sha256.map(|digest| hex(&digest.finalize())),
        md5: md5.map(|digest| hex(&digest.finalize())),
        content: content(first),
        size,
        whole,
    }
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
        }
        text
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn of_known_bytes() {
        let mut seen = Vec::new();
        let mut watch = |at: u64, bytes: &[u8]| {
            assert_eq!(at, seen.len() as u64);
            seen.extend_from_slice(bytes);
        };
        let digests = digest(&mut &b"abc"[..], 100, Wanted::Both, &mut watch).unwrap();
        assert_eq!(
            digests.sha256.as_deref(),
            Some("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        );
        assert_eq!(digests.md5.as_deref(), Some("900150983cd24fb0d6963f7d28e17f72"));
        assert_eq!((digests.content, digests.size, digests.whole), ("text", 3, true));
        assert_eq!(seen, b"abc");
    }

    #[test]
    fn beyond_the_limit_is_told() {
        let digests = digest(&mut &b"abcd"[..], 3, Wanted::Sha256, &mut |_, _| {}).unwrap();
        assert_eq!((digests.size, digests.whole), (3, false));
        let digests = digest(&mut &b"abc"[..], 3, Wanted::Sha256, &mut |_, _| {}).unwrap();
        assert!(digests.whole);
    }
}

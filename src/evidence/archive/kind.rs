//! What a file is, by its first bytes.

use super::super::unpack;
use std::io::{self, Cursor, Read};
use std::path::Path;

/// What holds the members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    /// tar, in whatever compression.
    Tar,
    /// zip.
    Zip,
}

impl Container {
    /// By a file's first bytes, compressed or not. Some hundred bytes suffice.
    #[must_use]
    pub fn told_by(head: &[u8]) -> Option<Self> {
        let (mut plain, _) = unpack(Box::new(Cursor::new(head.to_vec())));
        let mut first = Vec::new();
        // The head is cut off somewhere: what came out before counts.
        let _ = plain.by_ref().take(512).read_to_end(&mut first);
        Self::of_plain(&first)
    }

    pub(super) fn of_plain(first: &[u8]) -> Option<Self> {
        if first.starts_with(b"PK\x03\x04") || first.starts_with(b"PK\x05\x06") {
            return Some(Self::Zip);
        }
        is_tar(first).then_some(Self::Tar)
    }
}

/// By the header's own checksum: old tars have no mark.
pub(in crate::evidence) fn is_tar(header: &[u8]) -> bool {
    let Some(header) = header.get(..512) else { return false };
    let Some(field) = header.get(148..156) else { return false };
    let digits: String = field
        .iter()
        .map(|b| char::from(*b))
        .skip_while(|c| *c == ' ')
        .take_while(char::is_ascii_digit)
        .collect();
    let Ok(stated) = u64::from_str_radix(&digits, 8) else { return false };
    let blanked = header.iter().enumerate().map(|(at, byte)| {
        if (148..156).contains(&at) { u64::from(b' ') } else { u64::from(*byte) }
    });
    header.first() != Some(&0) && blanked.sum::<u64>() == stated
}

/// Takes the compression off and tells what is inside.
pub(super) fn open(stream: Box<dyn Read + Send>) -> io::Result<(Container, Box<dyn Read + Send>)> {
    let (mut plain, layers) = unpack(stream);
    let mut first = Vec::new();
    let read = plain.by_ref().take(512).read_to_end(&mut first);
    match Container::of_plain(&first) {
        Some(container) => Ok((container, Box::new(Cursor::new(first).chain(plain)))),
        None => {
            read?;
            let words: Vec<&str> = layers.iter().map(|layer| layer.word()).collect();
            let inside = if words.is_empty() {
                String::new()
            } else {
                format!(" inside {}", words.join(" inside "))
            };
            let why = if first.is_empty() {
                format!("empty{inside}")
            } else {
                format!("neither tar nor zip{inside}")
            };
            Err(io::Error::new(io::ErrorKind::InvalidData, why))
        }
    }
}

/// Whether a file is a zip itself, and not packed once more.
pub(super) fn is_plain_zip(path: &Path) -> bool {
    let mut first = [0; 4];
    std::fs::File::open(path)
        .and_then(|mut file| file.read_exact(&mut first))
        .is_ok_and(|()| first.starts_with(b"PK"))
}

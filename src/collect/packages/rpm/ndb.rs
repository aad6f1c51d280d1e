//! Packages.db of SUSE: slots of 16 bytes at the front, each leading to a header. Little-endian.

use super::{MOST_HEADER, Read};
use crate::evidence::ReadSeek;
use std::io::SeekFrom;

const FILE: &[u8; 4] = b"RpmP";
const SLOT: &[u8; 4] = b"Slot";
const BLOB: &[u8; 4] = b"BlbS";
/// Offsets count blocks of this size.
const BLOCK: u64 = 16;
const PAGE: u64 = 4096;
/// Slots are pages of 256; 4,096 pages are a million packages.
const MOST_PAGES: u64 = 4096;

/// Every header.
pub(super) fn blobs(file: &mut dyn ReadSeek, size: u64, visit: &mut dyn FnMut(&[u8])) -> Read {
    let slots = slots(file, size)?;
    let mut damaged = 0_u32;
    // Two slots on one place would be read twice, and many of them without end.
    let mut left = size.saturating_mul(2);
    for (index, block) in slots {
        match blob(file, size, index, block).filter(|blob| blob.len() as u64 <= left) {
            Some(blob) => {
                left -= blob.len() as u64;
                visit(&blob);
            }
            None => damaged += 1,
        }
    }
    if damaged > 0 { Err(format!("{damaged} slots lead to no header")) } else { Ok(()) }
}

/// Package index and block of every slot in use.
fn slots(file: &mut dyn ReadSeek, size: u64) -> Result<Vec<(u32, u64)>, String> {
    let head = piece(file, 0, 32).ok_or("shorter than its head")?;
    if !head.starts_with(FILE) {
        return Err("not a package database of rpm".to_owned());
    }
    let pages = u64::from(word(&head, 12)).min(MOST_PAGES);
    let length = (pages * PAGE).min(size);
    let table = piece(file, 0, length).ok_or("shorter than its slots")?;
    let slots = table.chunks_exact(16).skip(2).filter(|slot| slot.starts_with(SLOT));
    let used = slots.map(|slot| (word(slot, 4), u64::from(word(slot, 8))));
    Ok(used.filter(|(_, block)| *block > 0).collect())
}

fn blob(file: &mut dyn ReadSeek, size: u64, index: u32, block: u64) -> Option<Vec<u8>> {
    let at = block * BLOCK;
    let head = piece(file, at, 16)?;
    let length = u64::from(word(&head, 12));
    let fits = length <= MOST_HEADER as u64 && at + 16 + length <= size;
    if !head.starts_with(BLOB) || word(&head, 4) != index || !fits {
        return None;
    }
    piece(file, at + 16, length)
}

fn piece(file: &mut dyn ReadSeek, at: u64, length: u64) -> Option<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(length).ok()?];
    file.seek(SeekFrom::Start(at)).ok()?;
    file.read_exact(&mut bytes).ok()?;
    Some(bytes)
}

fn word(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(<[u8]>::first_chunk::<4>).map_or(0, |four| u32::from_le_bytes(*four))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Cursor;

    fn database(blobs: &[&[u8]]) -> Vec<u8> {
        let mut bytes = vec![0; PAGE as usize];
        let mut put = |at: usize, words: &[[u8; 4]]| {
            for (i, word) in words.iter().enumerate() {
                if let Some(slot) = bytes.get_mut(at + i * 4..at + i * 4 + 4) {
                    slot.copy_from_slice(word);
                }
            }
        };
        put(0, &[*FILE, 0_u32.to_le_bytes(), 1_u32.to_le_bytes(), 1_u32.to_le_bytes()]);
        let mut block = (PAGE / BLOCK) as u32;
        for (i, blob) in blobs.iter().enumerate() {
            let index = (i as u32 + 1).to_le_bytes();
            put(32 + i * 16, &[*SLOT, index, block.to_le_bytes(), [0; 4]]);
            block += 1 + blob.len().div_ceil(16) as u32;
        }
        for (i, blob) in blobs.iter().enumerate() {
            bytes.extend_from_slice(BLOB);
            bytes.extend((i as u32 + 1).to_le_bytes());
            bytes.extend(1_u32.to_le_bytes());
            bytes.extend((blob.len() as u32).to_le_bytes());
            bytes.extend_from_slice(blob);
            bytes.resize(bytes.len().next_multiple_of(16), 0);
        }
        bytes
    }

    fn read(bytes: Vec<u8>) -> (Vec<Vec<u8>>, Read) {
        let mut seen = Vec::new();
        let size = bytes.len() as u64;
        let answer = blobs(&mut Cursor::new(bytes), size, &mut |blob| seen.push(blob.to_vec()));
        (seen, answer)
    }

    #[test]
    fn slots_lead_to_headers() {
        let (seen, answer) = read(database(&[b"one header", b"another one, longer than a block"]));
        assert_eq!(answer, Ok(()));
        assert_eq!(seen, [b"one header".to_vec(), b"another one, longer than a block".to_vec()]);
    }

    proptest! {
        #[test]
        fn any_bytes(bytes: Vec<u8>) {
            let _ = read(bytes);
        }

        #[test]
        fn damaged(at in 0_usize..5000, byte: u8) {
            let mut bytes = database(&[b"one header", b"another"]);
            let at = at % bytes.len();
            if let Some(slot) = bytes.get_mut(at) { *slot = byte; }
            let _ = read(bytes);
        }
    }
}

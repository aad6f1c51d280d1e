//! Packages of older hosts: a Berkeley DB hash, whose values lie on chains of overflow pages.

use super::{MOST_HEADER, Read};
use crate::evidence::ReadSeek;
use std::io::SeekFrom;

/// The magic of a hash, at byte 12.
const HASH: u32 = 0x0006_1561;
/// Types of pages: a hash's, in its two forms, and overflow.
const HASH_UNSORTED: u8 = 2;
const HASH_SORTED: u8 = 13;
const OVERFLOW: u8 = 7;
/// An item that says where its value is.
const OFF_PAGE: u8 = 3;
/// Bytes of a page before its items.
const HEAD: usize = 26;
/// Pages walked: 64 GiB of the smallest would be no package database.
const MOST_PAGES: u32 = 4 << 20;

/// Page size and byte order.
struct Layout {
    page: usize,
    last: u32,
    big: bool,
}

impl Layout {
    fn word(&self, bytes: &[u8], at: usize) -> u32 {
        let four = bytes.get(at..).and_then(<[u8]>::first_chunk::<4>).copied().unwrap_or_default();
        if self.big { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) }
    }

    fn half(&self, bytes: &[u8], at: usize) -> usize {
        let two = bytes.get(at..).and_then(<[u8]>::first_chunk::<2>).copied().unwrap_or_default();
        usize::from(if self.big { u16::from_be_bytes(two) } else { u16::from_le_bytes(two) })
    }
}

/// Every header.
pub(super) fn blobs(file: &mut dyn ReadSeek, size: u64, visit: &mut dyn FnMut(&[u8])) -> Read {
    let layout = layout(file, size)?;
    let mut page = vec![0; layout.page];
    let mut damaged = 0_u32;
    // Chains that share pages would be read over and over.
    let mut left = size.saturating_mul(2);
    for number in 1..=layout.last {
        if read_page(file, &layout, number, &mut page).is_none() {
            return Err(format!("ends before page {number} of {}", layout.last));
        }
        if !matches!(page.get(25), Some(&HASH_UNSORTED | &HASH_SORTED)) {
            continue;
        }
        // Items come in pairs, key and value.
        let count = layout.half(&page, 20).min((layout.page - HEAD) / 2);
        for item in (1..count).step_by(2) {
            let at = layout.half(&page, HEAD + 2 * item);
            let Some(entry) = page.get(at..at + 12).filter(|e| e.first() == Some(&OFF_PAGE)) else {
                continue;
            };
            let (first, length) = (layout.word(entry, 4), layout.word(entry, 8));
            match chain(file, &layout, first, length).filter(|b| b.len() as u64 <= left) {
                Some(blob) => {
                    left -= blob.len() as u64;
                    visit(&blob);
                }
                None => damaged += 1,
            }
        }
    }
    if damaged > 0 { Err(format!("{damaged} values are cut off")) } else { Ok(()) }
}

fn layout(file: &mut dyn ReadSeek, size: u64) -> Result<Layout, String> {
    let mut head = [0; 512];
    file.seek(SeekFrom::Start(0)).map_err(|e| e.to_string())?;
    file.read_exact(&mut head).map_err(|e| e.to_string())?;
    let big = match head.get(12..).and_then(<[u8]>::first_chunk::<4>) {
        Some(magic) if u32::from_le_bytes(*magic) == HASH => false,
        Some(magic) if u32::from_be_bytes(*magic) == HASH => true,
        _ => return Err("not a hash of Berkeley DB".to_owned()),
    };
    let mut layout = Layout { page: 512, last: 0, big };
    let page = layout.word(&head, 20) as usize;
    if !page.is_power_of_two() || !(512..=65536).contains(&page) {
        return Err(format!("pages of {page} bytes"));
    }
    let pages = u32::try_from(size / page as u64).unwrap_or(u32::MAX).saturating_sub(1);
    layout.page = page;
    layout.last = layout.word(&head, 32).min(pages).min(MOST_PAGES);
    Ok(layout)
}

fn read_page(file: &mut dyn ReadSeek, layout: &Layout, number: u32, into: &mut [u8]) -> Option<()> {
    let at = u64::from(number) * layout.page as u64;
    file.seek(SeekFrom::Start(at)).ok()?;
    file.read_exact(into).ok()
}

/// The value that begins on an overflow page.
fn chain(file: &mut dyn ReadSeek, layout: &Layout, first: u32, length: u32) -> Option<Vec<u8>> {
    let length = usize::try_from(length).ok().filter(|length| *length <= MOST_HEADER)?;
    let mut page = vec![0; layout.page];
    let mut value = Vec::new();
    let mut number = first;
    while value.len() < length {
        if number == 0 || number > layout.last {
            return None;
        }
        read_page(file, layout, number, &mut page)?;
        // On overflow pages this half-word counts the bytes in use. None means a loop.
        let used = layout.half(&page, 22);
        let bytes = page.get(HEAD..HEAD + used).filter(|bytes| !bytes.is_empty())?;
        if page.get(25) != Some(&OVERFLOW) {
            return None;
        }
        value.extend_from_slice(bytes);
        number = layout.word(&page, 16);
    }
    value.truncate(length);
    Some(value)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;
    use std::io::Cursor;

    const PAGE: usize = 512;

    fn database(blobs: &[&[u8]], big: bool) -> Vec<u8> {
        let word = |value: u32| if big { value.to_be_bytes() } else { value.to_le_bytes() };
        let half = |value: u16| if big { value.to_be_bytes() } else { value.to_le_bytes() };
        let mut pages: Vec<Vec<u8>> = vec![vec![0; PAGE], vec![0; PAGE]];
        let mut entries = Vec::new();
        for blob in blobs {
            entries.push((pages.len() as u32, blob.len() as u32));
            let chunks: Vec<&[u8]> = blob.chunks(PAGE - HEAD).collect();
            for (i, chunk) in chunks.iter().enumerate() {
                let mut page = vec![0; PAGE];
                let next = if i + 1 < chunks.len() { pages.len() as u32 + 1 } else { 0 };
                page[16..20].copy_from_slice(&word(next));
                page[22..24].copy_from_slice(&half(chunk.len() as u16));
                page[25] = OVERFLOW;
                page[HEAD..HEAD + chunk.len()].copy_from_slice(chunk);
                pages.push(page);
            }
        }
        let last = pages.len() as u32 - 1;
        let meta = &mut pages[0];
        meta[12..16].copy_from_slice(&word(HASH));
        meta[20..24].copy_from_slice(&word(PAGE as u32));
        meta[25] = 8;
        meta[32..36].copy_from_slice(&word(last));
        let hash = &mut pages[1];
        hash[20..22].copy_from_slice(&half(2 * entries.len() as u16));
        hash[25] = HASH_SORTED;
        for (i, (first, length)) in entries.iter().enumerate() {
            let at = PAGE - 12 * (i + 1);
            hash[HEAD + 4 * i + 2..HEAD + 4 * i + 4].copy_from_slice(&half(at as u16));
            hash[at] = OFF_PAGE;
            hash[at + 4..at + 8].copy_from_slice(&word(*first));
            hash[at + 8..at + 12].copy_from_slice(&word(*length));
        }
        pages.concat()
    }

    fn read(bytes: Vec<u8>) -> (Vec<Vec<u8>>, Read) {
        let mut seen = Vec::new();
        let size = bytes.len() as u64;
        let answer = blobs(&mut Cursor::new(bytes), size, &mut |blob| seen.push(blob.to_vec()));
        (seen, answer)
    }

    #[test]
    fn values_on_chains_of_pages_in_either_byte_order() {
        let long: Vec<u8> = (0..1500_u32).map(|n| n.to_le_bytes()[0]).collect();
        for big in [false, true] {
            let (seen, answer) = read(database(&[b"short", &long], big));
            assert_eq!(answer, Ok(()));
            assert_eq!(seen, [b"short".to_vec(), long.clone()]);
        }
    }

    #[test]
    fn a_chain_that_bites_its_tail_ends() {
        let mut bytes = database(&[&[7; 600]], false);
        // The second overflow page leads back to the first, and the value is said to be huge.
        bytes[3 * PAGE + 16..3 * PAGE + 20].copy_from_slice(&2_u32.to_le_bytes());
        bytes[PAGE + PAGE - 4..2 * PAGE].copy_from_slice(&(60_u32 << 20).to_le_bytes());
        let (seen, answer) = read(bytes);
        assert!(seen.is_empty());
        assert!(answer.is_err());
    }

    proptest! {
        #[test]
        fn any_bytes(mut bytes in proptest::collection::vec(any::<u8>(), 0..3000), magic: bool) {
            if magic && bytes.len() > 24 {
                bytes[12..16].copy_from_slice(&HASH.to_le_bytes());
                bytes[20..24].copy_from_slice(&512_u32.to_le_bytes());
            }
            let _ = read(bytes);
        }

        #[test]
        fn damaged(at in 0_usize..3000, byte: u8) {
            let mut bytes = database(&[b"short", &[1; 1000]], false);
            let at = at % bytes.len();
            bytes[at] = byte;
            let _ = read(bytes);
        }
    }
}

//! Images of a whole machine's memory: LiME's, and AVML's, whose blocks are packed with Snappy.
//!
//! Both are ranges, each behind a header of 32 bytes that says which physical addresses follow.

use super::core::{Layout, Segment};
use crate::evidence::filled;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

/// Bytes of a header: magic, version, first and last address, eight of padding.
const HEADER: usize = 32;

/// Ranges believed of one image: AVML begins one every 16 MiB, so that this is two terabytes.
const MOST: usize = 1 << 17;

/// Bytes of a packed chunk, and what it may give: the format's own limits.
const PACKED: usize = 76_490 + 4;
const CHUNK: usize = 65_536;

/// A range's addresses, and whether its bytes are packed.
#[derive(Clone, Copy)]
struct Header {
    start: u64,
    size: u64,
    packed: bool,
}

impl Header {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let (magic, rest) = bytes.split_first_chunk::<8>()?;
        let packed = match magic {
            [b'E', b'M', b'i', b'L', 1, 0, 0, 0] => false,
            [b'A', b'V', b'M', b'L', 2, 0, 0, 0] => true,
            _ => return None,
        };
        let (start, rest) = rest.split_first_chunk::<8>()?;
        let (last, rest) = rest.split_first_chunk::<8>()?;
        let (start, last) = (u64::from_le_bytes(*start), u64::from_le_bytes(*last));
        let size = last.checked_sub(start)?.checked_add(1)?;
        (rest.len() >= 8).then_some(Self { start, size, packed })
    }
}

/// Whether a file that begins so is an image; true within for one whose blocks are packed.
#[must_use]
pub fn is_image(head: &[u8]) -> Option<bool> {
    Header::parse(head).map(|header| header.packed)
}

/// The ranges of a LiME image that can be read anywhere, and what is wrong with it.
pub fn ranges(file: &File) -> io::Result<(Layout, Option<String>)> {
    let size = file.metadata()?.len();
    let (mut layout, mut at) = (Layout::default(), 0_u64);
    let mut bytes = [0; HEADER];
    while at < size && layout.segments.len() < MOST {
        let whole = size - at >= HEADER as u64;
        if whole {
            file.read_exact_at(&mut bytes, at)?;
        }
        let Some(header) = Header::parse(&bytes).filter(|header| whole && !header.packed) else {
            return Ok((layout, Some(format!("no range begins at {at:#x}, where one should"))));
        };
        let offset = at + HEADER as u64;
        layout.segments.push(segment(offset, header));
        at = offset.saturating_add(header.size);
    }
    let problem = if at < size {
        Some(format!("more than {MOST} ranges: where further bytes lay is not told"))
    } else {
        (at > size).then(|| "cut short: its last range is not whole".to_owned())
    };
    Ok((layout, problem))
}

fn segment(offset: u64, header: Header) -> Segment {
    Segment { offset, size: header.size, address: header.start, name: "physical memory".to_owned() }
}

/// The bytes of an image as they were in memory, range after range, read forward; the ranges met
/// are kept.
pub struct Unfolded<R> {
    from: R,
    /// What was met so far: offsets count the bytes given out.
    pub layout: Layout,
    /// Packed chunks that could not be unpacked, and are given as zeros.
    pub lost: u64,
    given: u64,
    /// Bytes of the range that are still to come.
    left: u64,
    packed: bool,
    chunk: Vec<u8>,
    taken: usize,
    inflate: snap::raw::Decoder,
}

impl<R: Read> Unfolded<R> {
    /// Reads an image from its first byte on.
    pub fn new(from: R) -> Self {
        Self {
            from,
            layout: Layout::default(),
            lost: 0,
            given: 0,
            left: 0,
            packed: false,
            chunk: Vec::new(),
            taken: 0,
            inflate: snap::raw::Decoder::new(),
        }
    }

    /// Begins the next range; false at the end.
    fn range(&mut self) -> io::Result<bool> {
        if self.packed {
            // The length of the packed block, known only now.
            let mut length = [0; 8];
            if fill(&mut self.from, &mut length)? < 8 {
                return Ok(false);
            }
        }
        let mut bytes = [0; HEADER];
        match fill(&mut self.from, &mut bytes)? {
            0 => return Ok(false),
            HEADER => {}
            _ => return Err(damaged("cut short within a header")),
        }
        let header = Header::parse(&bytes)
            .filter(|_| self.layout.segments.len() < MOST)
            .ok_or_else(|| damaged("no range begins where one should"))?;
        self.layout.segments.push(segment(self.given, header));
        (self.left, self.packed) = (header.size, header.packed);
        Ok(true)
    }

    /// Instead of a damaged chunk as many zeros as it must have had, so that those behind it keep their
    /// addresses.
    fn lose(&mut self) {
        self.lost = self.lost.saturating_add(1);
        self.chunk.clear();
        self.chunk.resize(usize::try_from(self.left).unwrap_or(usize::MAX).min(CHUNK), 0);
    }

    /// Unpacks the next chunk of Snappy's frames.
    fn unpack(&mut self) -> io::Result<()> {
        loop {
            let mut head = [0; 4];
            if fill(&mut self.from, &mut head)? < 4 {
                return Err(damaged("cut short within a packed block"));
            }
            let [kind, a, b, c] = head;
            let length = u32::from_le_bytes([a, b, c, 0]) as usize;
            if length > PACKED && !(0x80..=0xfe).contains(&kind) {
                return Err(damaged("a packed chunk longer than the format has them"));
            }
            let mut body = vec![0; length.min(PACKED)];
            if fill(&mut self.from, &mut body)? < body.len() {
                return Err(damaged("cut short within a packed block"));
            }
            // What is longer may be skipped.
            io::copy(&mut self.from.by_ref().take((length - body.len()) as u64), &mut io::sink())?;
            let bytes = body.get(4..).unwrap_or_default();
            self.taken = 0;
            match kind {
                0 => {
                    let size = snap::raw::decompress_len(bytes).unwrap_or(usize::MAX);
                    self.chunk.resize(size.min(CHUNK), 0);
                    match self.inflate.decompress(bytes, &mut self.chunk) {
                        Ok(got) => self.chunk.truncate(got),
                        Err(_) => self.lose(),
                    }
                }
                1 => {
                    self.chunk.clear();
                    self.chunk
                        .extend_from_slice(bytes.get(..CHUNK.min(bytes.len())).unwrap_or_default());
                }
                0x80..=0xff => continue,
                _ => self.lose(),
            }
            if !self.chunk.is_empty() {
                return Ok(());
            }
        }
    }
}

impl<R: Read> Read for Unfolded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.left == 0 {
            if !self.range()? {
                return Ok(0);
            }
        }
        let room = usize::try_from(self.left).unwrap_or(usize::MAX).min(into.len());
        let into = into.get_mut(..room).unwrap_or_default();
        let got = if self.packed {
            if self.taken >= self.chunk.len() {
                self.unpack()?;
            }
            let rest = self.chunk.get(self.taken..).unwrap_or_default();
            let got = rest.len().min(into.len());
            if let (Some(to), Some(from)) = (into.get_mut(..got), rest.get(..got)) {
                to.copy_from_slice(from);
            }
            self.taken += got;
            got
        } else {
            self.from.read(into)?
        };
        if got == 0 && !into.is_empty() {
            return Err(damaged("cut short: its last range is not whole"));
        }
        self.left = self.left.saturating_sub(got as u64);
        self.given = self.given.saturating_add(got as u64);
        Ok(got)
    }
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

/// Reads until the buffer is full or there is no more; how much there was.
fn fill(from: &mut impl Read, into: &mut [u8]) -> io::Result<usize> {
    match filled(from, into) {
        (have, None) => Ok(have),
        (_, Some(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;
    use std::io::Write;

    fn header(magic: &[u8; 4], version: u32, start: u64, size: u64) -> Vec<u8> {
        let mut out = magic.to_vec();
        out.extend(version.to_le_bytes());
        out.extend([start, start + size - 1, 0].iter().flat_map(|n| n.to_le_bytes()));
        out
    }

    fn ranges_of() -> Vec<(u64, Vec<u8>)> {
        let noise = (0..200_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes());
        vec![
            (0x1000, b"first".repeat(900)),
            (0x10_0000, noise.collect()),
            (0x9000_0000, vec![0; 70_000]),
        ]
    }

    fn lime() -> Vec<u8> {
        let mut out = Vec::new();
        for (start, bytes) in ranges_of() {
            out.extend(header(b"EMiL", 1, start, bytes.len() as u64));
            out.extend(bytes);
        }
        out
    }

    fn avml() -> Vec<u8> {
        let mut out = Vec::new();
        for (start, bytes) in ranges_of() {
            out.extend(header(b"AVML", 2, start, bytes.len() as u64));
            let mut packed = snap::write::FrameEncoder::new(Vec::new());
            packed.write_all(&bytes).unwrap();
            let packed = packed.into_inner().unwrap();
            out.extend(&packed);
            out.extend((packed.len() as u64).to_le_bytes());
        }
        out
    }

    #[test]
    fn both_give_the_memory_and_where_it_lay() {
        let plain: Vec<u8> = ranges_of().into_iter().flat_map(|(_, bytes)| bytes).collect();
        for image in [lime(), avml()] {
            let mut unfolded = Unfolded::new(image.as_slice());
            let mut all = Vec::new();
            unfolded.read_to_end(&mut all).unwrap();
            assert!(all == plain);
            assert_eq!(unfolded.layout.address(4500), Some((0x10_0000, "physical memory")));
            assert_eq!(unfolded.layout.segments.len(), 3);
        }
    }

    #[test]
    fn a_file_tells_its_ranges_without_being_read() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&lime()).unwrap();
        let (layout, problem) = ranges(&file).unwrap();
        assert_eq!((layout.segments.len(), problem), (3, None));
        assert_eq!(layout.address(32), Some((0x1000, "physical memory")));
        file.set_len(100).unwrap();
        assert!(ranges(&file).unwrap().1.is_some());
        // A range as large as all addresses.
        file.write_all_at(&header(b"EMiL", 1, 0, u64::MAX - 1), 0).unwrap();
        assert!(ranges(&file).unwrap().1.is_some());
    }

    #[test]
    fn a_damaged_chunk_costs_itself_alone() {
        let mut image = avml();
        // Within the packed noise of the second range.
        let at = image.len() / 2;
        image.get_mut(at..at + 4).unwrap().fill(0xff);
        // The kind of the first chunk of the first range.
        *image.get_mut(HEADER + 10).unwrap() = 0x7f;
        let mut unfolded = Unfolded::new(image.as_slice());
        let mut all = Vec::new();
        unfolded.read_to_end(&mut all).unwrap();
        let plain: Vec<u8> = ranges_of().into_iter().flat_map(|(_, bytes)| bytes).collect();
        assert_eq!(all.len(), plain.len());
        let wrong = all.chunks(4096).zip(plain.chunks(4096)).filter(|(a, b)| a != b).count();
        assert!(unfolded.lost >= 1 && wrong <= 20, "{} lost, {wrong} pages", unfolded.lost);
    }

    proptest! {
        #[test]
        fn lies_end(at in 0_usize..600, byte: u8, cut in 0_usize..900_000, packed: bool) {
            let mut image = if packed { avml() } else { lime() };
            if let Some(place) = image.get_mut(at) {
                *place = byte;
            }
            image.truncate(cut);
            let mut unfolded = Unfolded::new(image.as_slice());
            let _ = io::copy(&mut unfolded.by_ref().take(8 << 20), &mut io::sink());
        }
    }
}

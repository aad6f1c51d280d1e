//! Opens gzip, zstd and xz as they come: streamed, so that a bomb costs time and no memory.

use ruzstd::decoding::{FrameDecoder, StreamingDecoder};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::sync::{Arc, Mutex, PoisonError};

/// Layers opened, one inside another.
const LAYERS: usize = 3;

/// How bytes are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packed {
    /// RFC 1952, also several members in a row.
    Gzip,
    /// RFC 8878.
    Zstd,
    /// The .xz format.
    Xz,
}

impl Packed {
    /// By the first bytes.
    #[must_use]
    pub fn told_by(first: &[u8]) -> Option<Self> {
        match first {
            [0x1f, 0x8b, 0x08, ..] => Some(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Self::Zstd),
            [0xfd, b'7', b'z', b'X', b'Z', 0x00, ..] => Some(Self::Xz),
            _ => None,
        }
    }

    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Xz => "xz",
        }
    }
}

/// Takes off up to three layers of compression, and tells which.
///
/// # Errors
/// The reader's, or a layer that is damaged in its first bytes.
pub fn unpack(reader: Box<dyn Read + Send>) -> io::Result<(Box<dyn Read + Send>, Vec<Packed>)> {
    let mut reader = reader;
    let mut layers = Vec::new();
    loop {
        let mut first = Vec::new();
        reader.by_ref().take(6).read_to_end(&mut first)?;
        let packed = Packed::told_by(&first).filter(|_| layers.len() < LAYERS);
        let whole = Cursor::new(first).chain(reader);
        let Some(packed) = packed else {
            return Ok((Box::new(whole), layers));
        };
        layers.push(packed);
        let buffered = BufReader::with_capacity(256 * 1024, whole);
        reader = match packed {
            Packed::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(buffered)),
            Packed::Zstd => Box::new(Frames::new(buffered)?),
            Packed::Xz => Box::new(lzma_rust2::XzReader::new(buffered, true)),
        };
    }
}

/// Where a frame of zstd begins: in the file, and in what comes out of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub packed: u64,
    pub plain: u64,
}

/// Frames whose place is noted: at davy's size of them some terabytes.
const NOTED: usize = 1_000_000;

/// A file of zstd from its first byte on, and where its frames turned out to begin.
///
/// # Errors
/// Where the first frame is damaged.
pub(super) fn frames(file: File) -> io::Result<(impl Read + Send, Arc<Mutex<Vec<Frame>>>)> {
    let frames = Frames::new(BufReader::with_capacity(256 * 1024, file))?;
    let seen = Arc::clone(&frames.seen);
    Ok((frames, seen))
}

/// Counts what is taken from a reader.
struct Counted<R> {
    inner: R,
    taken: u64,
}

impl<R: BufRead> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(into)?;
        self.taken = self.taken.saturating_add(got as u64);
        Ok(got)
    }
}

impl<R: BufRead> BufRead for Counted<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        self.taken = self.taken.saturating_add(count as u64);
        self.inner.consume(count);
    }
}

/// A zstd stream of any number of frames, one after another.
struct Frames<R: BufRead> {
    open: Option<StreamingDecoder<Counted<R>, FrameDecoder>>,
    seen: Arc<Mutex<Vec<Frame>>>,
    plain: u64,
}

impl<R: BufRead> Frames<R> {
    fn new(reader: R) -> io::Result<Self> {
        let open = Some(frame(Counted { inner: reader, taken: 0 })?);
        let seen = Arc::new(Mutex::new(vec![Frame { packed: 0, plain: 0 }]));
        Ok(Self { open, seen, plain: 0 })
    }
}

fn frame<R: BufRead>(reader: R) -> io::Result<StreamingDecoder<R, FrameDecoder>> {
    StreamingDecoder::new(reader)
        .map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e.to_string()))
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let Some(open) = self.open.as_mut() else { return Ok(0) };
            let got = open.read(into)?;
            if got > 0 || into.is_empty() {
                self.plain = self.plain.saturating_add(got as u64);
                return Ok(got);
            }
            let Some(ended) = self.open.take() else { return Ok(0) };
            let mut rest = ended.into_inner();
            if rest.fill_buf()?.is_empty() {
                return Ok(0);
            }
            let begins = Frame { packed: rest.taken, plain: self.plain };
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            if seen.len() < NOTED {
                seen.push(begins);
            }
            drop(seen);
            self.open = Some(frame(rest)?);
        }
    }
}

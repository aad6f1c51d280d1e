//! Opens gzip, zstd and xz as they come: streamed, so that a bomb costs time and no memory. Where one is
//! damaged or cut, all that came before is given, then the error, then nothing more.

mod gzip;
mod rewound;
mod xz;
mod zstd;

pub use zstd::OWN;
pub(super) use zstd::{Frame, frames, one};

use std::io::{self, BufReader, Cursor, Read};

/// Layers opened, one inside another.
const LAYERS: usize = 3;

/// Packed bytes held.
const BUFFER: usize = 256 << 10;

/// Bytes that a layer may ask to look back at, and hold: as many as `zstd --long` writes. What asks for
/// more is refused, and that is said.
const WINDOW: u64 = 128 << 20;

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

/// Takes off the layers; the same for what may go to another thread and for what may not.
macro_rules! layers {
    ($reader:expr, $boxed:ty, $window:expr) => {{
        let mut reader: $boxed = $reader;
        let mut layers = Vec::new();
        loop {
            let (first, whole) = started(reader, 6);
            let packed = Packed::told_by(&first).filter(|_| layers.len() < LAYERS);
            let Some(packed) = packed else { return (Box::new(whole), layers) };
            layers.push(packed);
            let buffered = BufReader::with_capacity(BUFFER, whole);
            reader = match packed {
                Packed::Gzip => Box::new(Fused::new(packed, gzip::Members::new(buffered))),
                Packed::Zstd => Box::new(Fused::new(packed, zstd::Frames::new(buffered, $window))),
                Packed::Xz => Box::new(Fused::new(packed, xz::Streams::new(buffered, $window))),
            };
        }
    }};
}

/// Takes off up to three layers of compression, and tells which.
#[must_use]
pub fn unpack(reader: Box<dyn Read + Send>) -> (Box<dyn Read + Send>, Vec<Packed>) {
    layers!(reader, Box<dyn Read + Send>, WINDOW)
}

/// The same, where a layer may hold no more than so many bytes to look back at.
#[must_use]
pub fn unpack_sparing(
    reader: Box<dyn Read + Send>,
    window: u64,
) -> (Box<dyn Read + Send>, Vec<Packed>) {
    layers!(reader, Box<dyn Read + Send>, window)
}

/// The same of what is read from within something else.
pub(super) fn unpack_within<'a>(reader: Box<dyn Read + 'a>) -> (Box<dyn Read + 'a>, Vec<Packed>) {
    layers!(reader, Box<dyn Read + 'a>, WINDOW)
}

/// The first bytes, at most so many, and a reader that gives them and then the rest. An error among them
/// is given after them.
#[must_use]
pub fn begins(reader: Box<dyn Read + Send>, bytes: u64) -> (Vec<u8>, Box<dyn Read + Send>) {
    let (first, whole) = started(reader, bytes);
    (first, Box::new(whole))
}

/// [`begins`] of any reader.
pub(super) fn started<R: Read>(mut reader: R, bytes: u64) -> (Vec<u8>, impl Read + use<R>) {
    let mut first = Vec::new();
    let read = reader.by_ref().take(bytes).read_to_end(&mut first);
    let broken = Broken(read.err());
    (first.clone(), Cursor::new(first).chain(broken).chain(reader))
}

/// Gives an error once.
struct Broken(Option<io::Error>);

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

/// Ends with the first error, and tells of which packing it is and how much came before.
struct Fused<R> {
    packed: Packed,
    inner: Option<R>,
    given: u64,
}

impl<R> Fused<R> {
    const fn new(packed: Packed, inner: R) -> Self {
        Self { packed, inner: Some(inner), given: 0 }
    }
}

impl<R: Read> Read for Fused<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let Some(inner) = &mut self.inner else { return Ok(0) };
        match inner.read(into) {
            Ok(got) => {
                self.given = self.given.saturating_add(got as u64);
                Ok(got)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                self.inner = None;
                let (word, given) = (self.packed.word(), self.given);
                let words = format!("{word} damaged or cut after {given} unpacked bytes: {error}");
                Err(io::Error::new(error.kind(), words))
            }
        }
    }
}

fn invalid(words: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, words.into())
}

#[cfg(test)]
mod tests;

//! Where an archive goes: a file or standard output, compressed as it is written.

use crate::evidence::davy::FRAME;
use flate2::Compression;
use flate2::write::GzEncoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use std::io::{self, Write};

/// How an archive is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Packing {
    /// zstd: fast, and small enough for a slow link
    Zstd,
    /// gzip: every other tool reads it
    Gzip,
    /// A plain tar
    None,
}

/// Packs what is written to it.
pub enum Sink<W: Write> {
    Zstd { to: W, frame: Vec<u8> },
    Gzip(Box<GzEncoder<W>>),
    None(W),
}

impl<W: Write> Sink<W> {
    pub fn new(to: W, packing: Packing) -> Self {
        match packing {
            Packing::Zstd => Self::Zstd { to, frame: Vec::with_capacity(FRAME) },
            Packing::Gzip => Self::Gzip(Box::new(GzEncoder::new(to, Compression::fast()))),
            Packing::None => Self::None(to),
        }
    }

    /// Writes what is still held.
    ///
    /// # Errors
    /// The writer's.
    pub fn finish(self) -> io::Result<W> {
        let mut to = match self {
            Self::Zstd { mut to, frame } => {
                to.write_all(&compress_to_vec(frame.as_slice(), CompressionLevel::Fastest))?;
                to
            }
            Self::Gzip(encoder) => encoder.finish()?,
            Self::None(to) => to,
        };
        to.flush()?;
        Ok(to)
    }
}

impl<W: Write> Write for Sink<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Zstd { to, frame } => {
                let room = FRAME.saturating_sub(frame.len()).min(bytes.len());
                frame.extend_from_slice(bytes.get(..room).unwrap_or_default());
                if frame.len() >= FRAME {
                    to.write_all(&compress_to_vec(frame.as_slice(), CompressionLevel::Fastest))?;
                    frame.clear();
                }
                Ok(room)
            }
            Self::Gzip(encoder) => encoder.write(bytes),
            Self::None(to) => to.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            // A frame is written when it is full: flushing early would make it small.
            Self::Zstd { to, .. } => to.flush(),
            Self::Gzip(encoder) => encoder.flush(),
            Self::None(to) => to.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::evidence::unpack;
    use std::io::{Cursor, Read};

    #[test]
    fn what_goes_in_comes_out() {
        let bytes: Vec<u8> = (0..9_000_000_u32).map(|n| (n / 7 % 251) as u8).collect();
        for packing in [Packing::Zstd, Packing::Gzip, Packing::None] {
            let mut sink = Sink::new(Vec::new(), packing);
            for chunk in bytes.chunks(100_000) {
                sink.write_all(chunk).unwrap();
            }
            let packed = sink.finish().unwrap();
            let (mut plain, _) = unpack(Box::new(Cursor::new(packed)));
            let mut out = Vec::new();
            plain.read_to_end(&mut out).unwrap();
            assert!(out == bytes, "{packing:?}");
        }
    }
}

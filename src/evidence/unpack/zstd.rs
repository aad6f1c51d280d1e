//! zstd: frames in a row, also those to be skipped.

use super::{BUFFER, WINDOW, invalid};
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::sync::{Arc, Mutex, PoisonError};

/// Where a frame begins: in the file, and in what comes out of it.
#[derive(Clone, Copy, Debug)]
pub(in crate::evidence) struct Frame {
    pub packed: u64,
    pub plain: u64,
}

/// Frames whose place is noted: at davy's size of them some terabytes.
const NOTED: usize = 1_000_000;

/// The last block of a frame, empty, and a checksum: what is given to the decoder where a frame is cut,
/// so that it lets go of what it still holds.
const END: &[u8] = &[1, 0, 0, 0, 0, 0, 0];

/// A file of zstd from its first byte on, and where its frames turn out to begin.
pub(in crate::evidence) fn frames(file: File) -> (impl Read + Send, Arc<Mutex<Vec<Frame>>>) {
    let frames = Frames::new(BufReader::with_capacity(BUFFER, file), WINDOW);
    let seen = Arc::clone(&frames.seen);
    (frames, seen)
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

/// A zstd stream of any number of frames, one after another.
pub(super) struct Frames<R: BufRead> {
    packed: Counted<R>,
    decoder: FrameDecoder,
    window: u64,
    /// Whether a frame has begun and is not given to its end.
    within: bool,
    seen: Arc<Mutex<Vec<Frame>>>,
    plain: u64,
    failed: Option<io::Error>,
    ended: bool,
}

impl<R: BufRead> Frames<R> {
    pub(super) fn new(packed: R, window: u64) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(window);
        Self {
            packed: Counted { inner: packed, taken: 0 },
            decoder,
            window,
            within: false,
            seen: Arc::default(),
            plain: 0,
            failed: None,
            ended: false,
        }
    }

    /// Begins the next frame, where there is one.
    fn next(&mut self) -> io::Result<bool> {
        loop {
            if self.packed.inner.fill_buf()?.is_empty() {
                return Ok(false);
            }
            let frame = Frame { packed: self.packed.taken, plain: self.plain };
            match self.decoder.reset(&mut self.packed) {
                Ok(()) => {
                    let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
                    if seen.len() < NOTED {
                        seen.push(frame);
                    }
                    return Ok(true);
                }
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    let length = u64::from(length);
                    let skipped =
                        io::copy(&mut self.packed.by_ref().take(length), &mut io::sink())?;
                    if skipped < length {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                Err(FrameDecoderError::WindowSizeTooBig { requested, .. }) => {
                    return Err(invalid(format!(
                        "it asks for a window of {} MiB, more than {}",
                        requested >> 20,
                        self.window >> 20
                    )));
                }
                Err(_) => {
                    return Err(invalid(format!(
                        "no frame begins where one should, at packed byte {}",
                        frame.packed
                    )));
                }
            }
        }
    }

    /// Decodes until there is something to give, or the frame ends.
    fn decode(&mut self) {
        while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
            let one = BlockDecodingStrategy::UptoBlocks(1);
            if self.decoder.decode_blocks(&mut self.packed, one).is_err() {
                let at = self.packed.taken;
                self.failed = Some(invalid(format!("a bad or cut block before packed byte {at}")));
                let one = BlockDecodingStrategy::UptoBlocks(1);
                if self.decoder.decode_blocks(END, one).is_err() {
                    return;
                }
            }
        }
    }

    /// What is wrong with the frame that was given to its end.
    fn wrong(&mut self) -> Option<io::Error> {
        let sums = (self.decoder.get_checksum_from_data(), self.decoder.get_calculated_checksum());
        self.failed.take().or_else(|| match sums {
            (Some(told), Some(reckoned)) if told != reckoned => {
                Some(invalid("its checksum is not that of what came out"))
            }
            _ => None,
        })
    }
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while !self.ended && !into.is_empty() {
            if !self.within {
                self.within = match self.next() {
                    Ok(more) => more,
                    Err(error) => {
                        self.ended = true;
                        return Err(error);
                    }
                };
                self.ended = !self.within;
                continue;
            }
            self.decode();
            let got = self.decoder.read(into)?;
            if got > 0 {
                self.plain = self.plain.saturating_add(got as u64);
                return Ok(got);
            }
            self.within = false;
            if let Some(error) = self.wrong() {
                self.ended = true;
                return Err(error);
            }
        }
        Ok(0)
    }
}

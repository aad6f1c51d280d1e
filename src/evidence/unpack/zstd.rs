//! zstd: frames in a row, also those to be skipped.

use super::rewound::Rewound;
use super::{BUFFER, WINDOW, invalid};
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
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

/// The first bytes of a frame.
const MAGIC: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// The last block of a frame, empty, and a checksum: what is given to the decoder where a frame is cut,
/// so that it lets go of what it still holds.
const END: &[u8] = &[1, 0, 0, 0, 0, 0, 0];

/// Plain bytes of each frame of davy's own archives but the last.
pub const OWN: usize = 4 << 20;

/// Places at which a frame seems to begin that are tried in one stream: whoever wrote what is in it may
/// have put thousands there.
const TRIED: usize = 4096;

/// A stream of davy's own frames from its first byte on, and where they turn out to begin. Where one is
/// damaged, an error is given in its place, and then the next one.
pub(in crate::evidence) fn frames<R: Read + Send>(
    packed: R,
) -> (impl Read + Send, Arc<Mutex<Vec<Frame>>>) {
    let packed = BufReader::with_capacity(BUFFER, packed);
    let mut frames = Frames::new(packed, WINDOW);
    frames.packed.keep();
    let seen = Arc::clone(&frames.seen);
    (frames, seen)
}

/// What one frame holds, at most so many bytes of it; of a damaged one, what comes before the damage.
pub(in crate::evidence) fn one(packed: impl Read, most: u64) -> Vec<u8> {
    let mut frames = Frames::new(BufReader::new(packed), WINDOW);
    let mut bytes = Vec::new();
    if let Ok(true) = frames.next() {
        while (bytes.len() as u64) < most {
            frames.decode();
            let mut part = vec![0; frames.decoder.can_collect()];
            match frames.decoder.read(&mut part) {
                Ok(got) if got > 0 => bytes.extend_from_slice(part.get(..got).unwrap_or_default()),
                _ => break,
            }
        }
    }
    bytes
}

/// A zstd stream of any number of frames, one after another.
pub(super) struct Frames<R: BufRead> {
    packed: Rewound<R>,
    decoder: FrameDecoder,
    window: u64,
    /// A frame that was found behind a damaged one, and what of it was given.
    found: Option<(Vec<u8>, usize)>,
    tried: usize,
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
            packed: Rewound::new(packed),
            decoder,
            window,
            found: None,
            tried: 0,
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
            if self.packed.is_empty()? {
                return Ok(false);
            }
            self.packed.mark();
            let packed = self.packed.at();
            match self.decoder.reset(&mut self.packed) {
                Ok(()) => {
                    self.note(packed);
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
                        "no frame begins where one should, at packed byte {packed}"
                    )));
                }
            }
        }
    }

    /// Notes where a frame begins.
    fn note(&self, packed: u64) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() < NOTED {
            seen.push(Frame { packed, plain: self.plain });
        }
    }

    /// Decodes until there is something to give, or the frame ends.
    fn decode(&mut self) {
        while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
            let one = BlockDecodingStrategy::UptoBlocks(1);
            if self.decoder.decode_blocks(&mut self.packed, one).is_err() {
                let at = self.packed.at();
                let bad = if self.packed.keeps() { "bad" } else { "bad or cut" };
                self.failed = Some(invalid(format!("a {bad} block before packed byte {at}")));
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

impl<R: BufRead> Frames<R> {
    /// Looks for the frame behind the one that failed; what is to be said of both.
    fn resume(&mut self, error: &io::Error) -> io::Error {
        let (began, plain) = (self.packed.marked(), self.plain);
        self.within = false;
        self.packed.rewind();
        while self.tried < TRIED && self.packed.find(MAGIC).unwrap_or(false) {
            self.tried += 1;
            self.packed.mark();
            if let Some(bytes) = self.own() {
                let at = self.packed.marked();
                self.note(at);
                self.found = Some((bytes, 0));
                let lost = at.saturating_sub(began);
                return invalid(format!(
                    "zstd damaged after {plain} unpacked bytes: {error}; the next frame that is whole begins \
                     at packed byte {at}, {lost} after this one"
                ));
            }
            self.packed.rewind();
        }
        self.ended = true;
        let kind = error.kind();
        io::Error::new(kind, format!("zstd damaged or cut after {plain} unpacked bytes: {error}"))
    }

    /// The frame that begins here, where it is one of davy's and whole: what a member holds may look like a
    /// frame as well.
    fn own(&mut self) -> Option<Vec<u8>> {
        self.decoder.reset(&mut self.packed).ok()?;
        let mut bytes = Vec::new();
        while !self.decoder.is_finished() {
            let one = BlockDecodingStrategy::UptoBlocks(1);
            self.decoder.decode_blocks(&mut self.packed, one).ok()?;
            let mut part = vec![0; self.decoder.can_collect()];
            let got = self.decoder.read(&mut part).ok()?;
            bytes.extend_from_slice(part.get(..got)?);
            if bytes.len() > OWN {
                return None;
            }
        }
        let fits = bytes.len() == OWN || self.packed.is_empty().unwrap_or(true);
        (fits && self.wrong().is_none()).then_some(bytes)
    }
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if let Some((bytes, given)) = &mut self.found {
            let rest = bytes.get(*given..).unwrap_or_default();
            let got = rest.len().min(into.len());
            for (to, from) in into.iter_mut().zip(rest) {
                *to = *from;
            }
            *given = given.saturating_add(got);
            self.plain = self.plain.saturating_add(got as u64);
            if got > 0 || into.is_empty() {
                return Ok(got);
            }
            self.found = None;
        }
        while !self.ended && !into.is_empty() {
            if !self.within {
                self.within = match self.next() {
                    Ok(more) => more,
                    Err(error) if self.packed.keeps() => return Err(self.resume(&error)),
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
            let began = self.seen.lock().unwrap_or_else(PoisonError::into_inner).last().copied();
            let length = self.plain.saturating_sub(began.map_or(0, |frame| frame.plain));
            let right = self.failed.is_none() && length == OWN as u64;
            if let Some(error) = self.wrong() {
                if self.packed.keeps() && right {
                    // All is in its place: the digests of what lies in it tell what is not right.
                    continue;
                }
                if self.packed.keeps() {
                    return Err(self.resume(&error));
                }
                self.ended = true;
                return Err(error);
            }
        }
        Ok(0)
    }
}

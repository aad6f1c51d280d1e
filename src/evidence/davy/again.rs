//! Members that are too many to hold are read again from the archive's file when they are asked
//! for: of a plain tar at their place, of one in frames of zstd by opening the frame they lie in.

use super::super::recording::ReadAt;
use super::super::unpack::{Frame, Packed, frames, one};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, PoisonError};

/// The longest frame that is opened for some bytes of it: davy's own have 4 MiB.
const LONGEST: u64 = 16 << 20;
/// Frames kept open: two readers, each at the end of one frame and the beginning of the next.
const OPEN: usize = 4;

/// Frames that were opened, by their number.
type Opened = VecDeque<(usize, Arc<[u8]>)>;

/// The archive's file.
#[derive(Debug)]
pub(super) struct Again {
    file: File,
    /// Where each frame begins; `None` for a plain tar.
    frames: Option<Arc<Mutex<Vec<Frame>>>>,
    opened: Mutex<Opened>,
}

/// A stream of plain bytes.
type Plain = Box<dyn Read + Send>;

/// A file's plain bytes from the first on, and, where it can be, the means to read them again.
pub(super) fn open(file: File) -> io::Result<(Plain, Option<Arc<Again>>)> {
    let mut head = [0; 6];
    let got = file.read_at(&mut head, 0)?;
    match Packed::told_by(head.get(..got).unwrap_or_default()) {
        None => {
            let stream = BufReader::with_capacity(256 * 1024, file.try_clone()?);
            Ok((Box::new(stream), Some(Again::of(file, None))))
        }
        Some(Packed::Zstd) => {
            let (stream, index) = frames(file.try_clone()?);
            Ok((Box::new(stream), Some(Again::of(file, Some(index)))))
        }
        Some(_) => Ok((super::super::unpack(Box::new(file)).0, None)),
    }
}

/// The plain bytes of what comes but once, from the first on.
pub(super) fn pass(stream: Plain) -> Plain {
    let (head, whole) = super::super::unpack::begins(stream, 6);
    match Packed::told_by(&head) {
        Some(Packed::Zstd) => Box::new(frames(whole).0),
        _ => super::super::unpack(whole).0,
    }
}

impl Again {
    fn of(file: File, frames: Option<Arc<Mutex<Vec<Frame>>>>) -> Arc<Self> {
        Arc::new(Self { file, frames, opened: Mutex::default() })
    }

    /// The frame in which a byte lies, opened, and where in it the byte is.
    fn frame(&self, frames: &Mutex<Vec<Frame>>, at: u64) -> Option<(Arc<[u8]>, usize)> {
        let (number, frame) = {
            let frames = frames.lock().unwrap_or_else(PoisonError::into_inner);
            let number = frames.partition_point(|frame| frame.plain <= at).checked_sub(1)?;
            let end = frames.get(number.saturating_add(1)).map_or(at, |next| next.plain);
            let frame = *frames.get(number)?;
            if end.max(at).saturating_sub(frame.plain) > LONGEST {
                return None;
            }
            (number, frame)
        };
        let inside = usize::try_from(at.saturating_sub(frame.plain)).ok()?;
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, bytes)) = opened.iter().find(|(known, _)| *known == number) {
            return Some((Arc::clone(bytes), inside));
        }
        let packed = Positioned { file: &self.file, at: frame.packed };
        let bytes: Arc<[u8]> = one(packed, LONGEST).into();
        if opened.len() >= OPEN {
            opened.pop_front();
        }
        opened.push_back((number, Arc::clone(&bytes)));
        Some((bytes, inside))
    }
}

impl ReadAt for Again {
    fn read_at(&self, at: u64, into: &mut [u8]) -> usize {
        let Some(frames) = &self.frames else { return self.file.read_at(into, at).unwrap_or(0) };
        let Some((bytes, inside)) = self.frame(frames, at) else { return 0 };
        let rest = bytes.get(inside..).unwrap_or_default();
        let count = rest.len().min(into.len());
        if let (Some(to), Some(from)) = (into.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        count
    }
}

/// A file from a place on, whatever else reads it.
struct Positioned<'a> {
    file: &'a File,
    at: u64,
}

impl Read for Positioned<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let got = self.file.read_at(into, self.at)?;
        self.at = self.at.saturating_add(got as u64);
        Ok(got)
    }
}

//! What can be read but once: standard input, what is packed, a member of an archive as it goes by.

use super::core::{HEAD, Layout};
use super::image::{Unfolded, is_image};
use super::scan::Found;
use crate::evidence::{Packed, begins, unpack_sparing};
use std::io::{self, Cursor, Read};
use std::ops::Range;

/// Bytes that what is packed may look back at.
const WINDOW: u64 = 128 << 20;

/// What reading gave beside indicators.
#[derive(Default)]
pub struct Streamed {
    /// The first bytes, at most [`HEAD`]; of an image none.
    pub head: Vec<u8>,
    /// Where they lay in memory, of an image or a core dump.
    pub layout: Option<Layout>,
    /// Why not all of it was read.
    pub problem: Option<String>,
    /// Bytes carved, unpacked.
    pub bytes: u64,
}

/// What can be read but once, from the first byte to the last. What could be read is carved, even
/// where the rest is damaged.
pub fn carve_stream(reader: Box<dyn Read + Send>, found: &mut Found) -> Streamed {
    carve_stream_within(reader, WINDOW, u64::MAX, found)
}

/// The same, where what is packed may ask for a window of so many bytes, and `most` bytes of what comes out
/// are looked at.
pub(super) fn carve_stream_within(
    reader: Box<dyn Read + Send>,
    window: u64,
    most: u64,
    found: &mut Found,
) -> Streamed {
    let mut seen = Streamed::default();
    let read = || -> io::Result<u64> {
        let (plain, layers) = unpack_sparing(reader, window);
        let plain: Box<dyn Read + Send> = Box::new(plain.take(most));
        let (first, whole) = begins(plain, 64);
        if let Some(packed) = Packed::told_by(&first) {
            let (word, times) = (packed.word(), layers.len());
            let deep = format!("{word} within {times} layers of packing, which is not opened");
            seen.problem = Some(deep);
        }
        if is_image(&first).is_some() {
            let mut image = Unfolded::new(whole);
            let read = super::carve(&mut image, 0, found);
            if image.lost > 0 {
                let lost = image.lost;
                seen.problem = Some(format!("{lost} packed chunks are damaged, and left out"));
            }
            seen.layout = Some(image.layout);
            return read;
        }
        let mut whole = whole;
        let first = whole.by_ref().take(HEAD as u64).read_to_end(&mut seen.head);
        let notes = Layout::notes_of(&seen.head).unwrap_or_default();
        // Known before its bytes go by, where the notes stand at the beginning.
        let stack = Layout::parse(&seen.head).and_then(|layout| layout.stack());
        let at = seen.head.len() as u64;
        let rest = Kept { from: whole, at, place: notes.clone(), kept: Vec::new() };
        let place = stack.unwrap_or_default();
        let mut top = part(&seen.head, &place);
        let mut rest = Kept { from: rest, at, place, kept: Vec::new() };
        let head = Cursor::new(seen.head.as_slice());
        let carved = super::carve(head.chain(&mut rest), 0, found);
        let Kept { from: Kept { kept, .. }, kept: behind, .. } = rest;
        top.extend(behind);
        seen.layout = Layout::read(&seen.head, &|place| {
            (place == notes && !kept.is_empty()).then(|| kept.clone())
        });
        if let Some(layout) = &mut seen.layout {
            layout.began = layout.began(&top);
        }
        first.and(carved)
    };
    let total = read();
    match total {
        Ok(total) => {
            seen.bytes = total;
            if total >= most {
                let more = format!("{most} bytes came out, and what may follow was not looked at");
                seen.problem.get_or_insert(more);
            }
            if let Some(layout) = seen.layout.as_mut().filter(|layout| layout.core) {
                layout.measure(total);
            }
        }
        Err(error) => {
            seen.problem.get_or_insert(error.to_string());
        }
    }
    seen
}

/// As much of a place as lies in these first bytes.
fn part(head: &[u8], place: &Range<u64>) -> Vec<u8> {
    let within = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(head.len());
    head.get(within(place.start)..within(place.end)).unwrap_or_default().to_vec()
}

/// A stream of which one place is kept as it goes by, as far as it lies behind the head.
struct Kept<R> {
    from: R,
    at: u64,
    place: Range<u64>,
    kept: Vec<u8>,
}

impl<R: Read> Read for Kept<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let got = self.from.read(into)?;
        let end = self.at.saturating_add(got as u64);
        let (from, to) = (self.place.start.max(self.at), self.place.end.min(end));
        if from < to {
            let within = |place: u64| usize::try_from(place - self.at).unwrap_or(usize::MAX);
            self.kept.extend_from_slice(into.get(within(from)..within(to)).unwrap_or_default());
        }
        self.at = end;
        Ok(got)
    }
}

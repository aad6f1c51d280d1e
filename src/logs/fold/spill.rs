//! Sorted runs in unnamed files, and merging them: what does not fit into memory is put aside, and
//! nothing of it stays behind, however the program ends.

use super::MOST_SPANS;
use super::spans::Spans;
use super::table::Slot;
use rustix::fs::OFlags;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;

/// Which minutes of a conversation are covered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Minutes {
    /// Its records have no times, or minutes are not followed.
    Unknown,
    /// In more pieces than are followed.
    TooMany,
    /// These.
    Known(Spans),
}

impl Minutes {
    fn joined(self, other: Self) -> Self {
        match (self, other) {
            (Self::TooMany, _) | (_, Self::TooMany) => Self::TooMany,
            (Self::Unknown, known) | (known, Self::Unknown) => known,
            (Self::Known(mut spans), Self::Known(others)) => {
                others.all().iter().for_each(|span| spans.add(*span));
                if spans.len() > MOST_SPANS { Self::TooMany } else { Self::Known(spans) }
            }
        }
    }
}

/// One conversation, out of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub key: Vec<u8>,
    pub sums: Vec<u64>,
    pub spans: Minutes,
}

/// A run in a file that has no name.
pub(super) struct Run(File);

impl Run {
    pub(super) fn write(ordered: impl Iterator<Item = Held>) -> io::Result<Self> {
        let flag = i32::try_from(OFlags::TMPFILE.bits()).map_err(io::Error::other)?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).mode(0o600).custom_flags(flag);
        let file = options.open(std::env::temp_dir())?;
        let mut out = BufWriter::with_capacity(1 << 20, &file);
        for held in ordered {
            let short = |length: usize| u16::try_from(length).map_err(io::Error::other);
            out.write_all(&short(held.key.len())?.to_le_bytes())?;
            out.write_all(&held.key)?;
            out.write_all(&short(held.sums.len())?.to_le_bytes())?;
            for sum in &held.sums {
                out.write_all(&sum.to_le_bytes())?;
            }
            match &held.spans {
                Minutes::Unknown => out.write_all(&[0])?,
                Minutes::TooMany => out.write_all(&[1])?,
                Minutes::Known(spans) => {
                    out.write_all(&[2])?;
                    out.write_all(&short(spans.len())?.to_le_bytes())?;
                    for (start, end) in spans.all() {
                        out.write_all(&start.to_le_bytes())?;
                        out.write_all(&end.to_le_bytes())?;
                    }
                }
            }
        }
        out.flush()?;
        drop(out);
        Ok(Self(file))
    }
}

/// Reads a run from its beginning.
struct Reader<'a>(BufReader<&'a File>);

impl Reader<'_> {
    fn bytes<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.0.read_exact(&mut bytes).map(|()| bytes)
    }

    fn short(&mut self) -> io::Result<usize> {
        self.bytes().map(u16::from_le_bytes).map(usize::from)
    }

    /// The next conversation; [`None`] at the end.
    fn next(&mut self) -> io::Result<Option<Held>> {
        let length = match self.short() {
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut key = vec![0; length];
        self.0.read_exact(&mut key)?;
        let width = self.short()?;
        let sums =
            (0..width).map(|_| self.bytes().map(u64::from_le_bytes)).collect::<io::Result<_>>()?;
        let spans = match self.bytes::<1>()? {
            [0] => Minutes::Unknown,
            [1] => Minutes::TooMany,
            _ => {
                let count = self.short()?;
                let mut spans: Option<Spans> = None;
                for _ in 0..count {
                    let span = (
                        self.bytes().map(i64::from_le_bytes)?,
                        self.bytes().map(i64::from_le_bytes)?,
                    );
                    match &mut spans {
                        Some(spans) => spans.add(span),
                        None => spans = Some(Spans::of(span)),
                    }
                }
                spans.map_or(Minutes::Unknown, Minutes::Known)
            }
        };
        Ok(Some(Held { key, sums, spans }))
    }
}

/// Hands on each key once, in order, with what all runs and the memory have of it.
pub(super) fn merge<E: From<io::Error>>(
    runs: &mut [Run],
    mut memory: impl Iterator<Item = Held>,
    slots: &[Slot],
    mut give: impl FnMut(Held) -> Result<(), E>,
) -> Result<(), E> {
    let mut readers = Vec::new();
    for run in runs.iter_mut() {
        run.0.rewind()?;
        readers.push(Reader(BufReader::with_capacity(256 << 10, &run.0)));
    }
    // The memory is the last of the sources.
    let count = readers.len();
    let mut next = |source: usize| match readers.get_mut(source) {
        Some(reader) => reader.next(),
        None => Ok(memory.next()),
    };
    let mut heads: Vec<Option<Held>> = Vec::new();
    let mut heap = BinaryHeap::new();
    for source in 0..=count {
        let held = next(source)?;
        if let Some(held) = &held {
            heap.push(Reverse((held.key.clone(), source)));
        }
        heads.push(held);
    }
    let mut present: Option<Held> = None;
    while let Some(Reverse((_, source))) = heap.pop() {
        let Some(held) = heads.get_mut(source).and_then(Option::take) else { continue };
        if let Some(following) = next(source)? {
            heap.push(Reverse((following.key.clone(), source)));
            if let Some(head) = heads.get_mut(source) {
                *head = Some(following);
            }
        }
        present = Some(match present.take() {
            Some(mut same) if same.key == held.key => {
                for ((sum, other), slot) in same.sums.iter_mut().zip(&held.sums).zip(slots) {
                    *sum = slot.joined(*sum, *other);
                }
                same.spans = same.spans.joined(held.spans);
                same
            }
            Some(done) => {
                give(done)?;
                held
            }
            None => held,
        });
    }
    present.map_or(Ok(()), give)
}

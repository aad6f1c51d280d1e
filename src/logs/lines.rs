//! Lines out of a stream, each lent from one buffer: no line is copied, none can fill the memory.

use std::io::{self, Read};

/// A line longer than this is skipped and counted.
pub(super) const LONGEST: usize = 4 << 20;

/// The buffer's first size: large enough that few lines straddle its end.
const BLOCK: usize = 256 << 10;

/// One line, without its end.
pub(super) enum Line<'a> {
    /// All of it.
    Whole(&'a [u8]),
    /// The last, whose end is missing.
    Cut(&'a [u8]),
    /// Longer than [`LONGEST`]: skipped.
    TooLong,
}

/// A stream as lines.
pub(super) struct Lines<R> {
    reader: R,
    buffer: Vec<u8>,
    /// What is not yet given out lies from here …
    start: usize,
    /// … to here.
    end: usize,
    over: bool,
}

impl<R: Read> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, buffer: vec![0; BLOCK], start: 0, end: 0, over: false }
    }

    /// What comes next, without taking it: at least `wanted` bytes where there are so many.
    pub(super) fn peek(&mut self, wanted: usize) -> io::Result<&[u8]> {
        while !self.over && self.end - self.start < wanted {
            self.fill()?;
        }
        Ok(self.buffer.get(self.start..self.end).unwrap_or_default())
    }

    /// Leaves so many bytes that were peeked at.
    pub(super) fn leave(&mut self, bytes: usize) {
        self.start = self.start.saturating_add(bytes).min(self.end);
    }

    /// Reads on; makes room first.
    fn fill(&mut self) -> io::Result<()> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        let room = self.buffer.get_mut(self.end..).unwrap_or_default();
        match self.reader.read(room) {
            Ok(0) => self.over = true,
            Ok(read) => self.end += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                self.over = true;
                return Err(error);
            }
        }
        Ok(())
    }

    /// The next line; [`None`] at the end. After an error what was read before it still comes.
    pub(super) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        let mut seen = self.start;
        loop {
            let fresh = self.buffer.get(seen..self.end).unwrap_or_default();
            if let Some(at) = memchr::memchr(b'\n', fresh) {
                let (from, to) = (self.start, seen + at);
                self.start = to + 1;
                let line = self.buffer.get(from..to).unwrap_or_default();
                return Ok(Some(Line::Whole(line.strip_suffix(b"\r").unwrap_or(line))));
            }
            if self.over {
                let rest = self.buffer.get(self.start..self.end).unwrap_or_default();
                self.start = self.end;
                return Ok((!rest.is_empty()).then_some(Line::Cut(rest)));
            }
            if self.end - self.start > LONGEST {
                return self.skip().map(|()| Some(Line::TooLong));
            }
            seen = self.end - self.start;
            self.fill()?;
        }
    }

    /// Leaves the rest of a line.
    fn skip(&mut self) -> io::Result<()> {
        loop {
            let fresh = self.buffer.get(self.start..self.end).unwrap_or_default();
            if let Some(at) = memchr::memchr(b'\n', fresh) {
                self.start += at + 1;
                return Ok(());
            }
            (self.start, self.end) = (0, 0);
            if self.over {
                return Ok(());
            }
            self.fill()?;
        }
    }

    /// All that remains as one stream.
    pub(super) fn into_stream(self) -> impl Read {
        let rest = self.buffer.get(self.start..self.end).unwrap_or_default().to_vec();
        io::Cursor::new(rest).chain(self.reader)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;

    /// A stream that gives a few bytes at a time.
    struct Slow<'a>(&'a [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(into.len()).min(self.0.len());
            (&self.0[..count]).read_exact(&mut into[..count])?;
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    fn all(bytes: &[u8], step: usize) -> Vec<Vec<u8>> {
        let mut lines = Lines::new(Slow(bytes, step));
        let mut out = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            out.push(match line {
                Line::Whole(line) | Line::Cut(line) => line.to_vec(),
                Line::TooLong => b"too long".to_vec(),
            });
        }
        out
    }

    #[test]
    fn a_line_that_is_too_long_costs_itself_alone() {
        let mut text = b"a\n".to_vec();
        text.resize(text.len() + LONGEST * 2, b'x');
        text.extend(b"\nb");
        assert_eq!(all(&text, 1 << 20), [&b"a"[..], b"too long", b"b"]);
    }

    proptest! {
        #[test]
        fn lines_are_those_of_the_text(text in "[ab\n]{0,200}", step in 1usize..50) {
            let lines = all(text.as_bytes(), step);
            let wanted: Vec<&[u8]> = text.lines().map(str::as_bytes).collect();
            prop_assert_eq!(lines, wanted);
        }
    }
}

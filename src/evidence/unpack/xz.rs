//! xz: streams in a row.

use super::invalid;
use lzma_rust2::{Action, Status, XzStream};
use std::io::{self, BufRead, Read};

pub(super) struct Streams<R> {
    packed: R,
    stream: XzStream,
    window: u64,
    failed: Option<io::Error>,
    ended: bool,
}

impl<R: BufRead> Streams<R> {
    pub(super) fn new(packed: R, window: u64) -> Self {
        // With what the decoder needs beside the window.
        let kib = u32::try_from(window >> 10).unwrap_or(u32::MAX).saturating_add(1 << 10);
        let stream = XzStream::new_mem_limit(true, kib);
        Self { packed, stream, window, failed: None, ended: false }
    }
}

impl<R: BufRead> Read for Streams<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while !self.ended && !into.is_empty() {
            if let Some(error) = self.failed.take() {
                self.ended = true;
                return Err(error);
            }
            let packed = self.packed.fill_buf()?;
            let action = if packed.is_empty() { Action::Finish } else { Action::Run };
            let before = self.stream.total_out();
            match self.stream.process(packed, into, action) {
                Ok(done) => {
                    self.packed.consume(done.bytes_consumed);
                    self.ended = done.status == Status::StreamEnd;
                    if done.bytes_produced > 0 {
                        return Ok(done.bytes_produced);
                    }
                    if action == Action::Finish && !self.ended {
                        self.ended = true;
                        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it ends early"));
                    }
                }
                Err(error) => {
                    self.failed = Some(match error.kind() {
                        io::ErrorKind::OutOfMemory => invalid(format!(
                            "it asks for a window of more than {} MiB",
                            self.window >> 20
                        )),
                        _ => error,
                    });
                    // What was unpacked before the damage was met.
                    let given = self.stream.total_out().saturating_sub(before);
                    if given > 0 {
                        return Ok(usize::try_from(given).unwrap_or(0).min(into.len()));
                    }
                }
            }
        }
        Ok(0)
    }
}

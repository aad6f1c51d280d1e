//! gzip: members in a row, with zeros behind them or not.

use super::invalid;
use flate2::bufread::GzDecoder;
use std::io::{self, BufRead, Read};

/// Bytes asked for at once: where the data is damaged, so much at most of what came before is lost.
const AT_ONCE: usize = 16 << 10;

pub(super) struct Members<R: BufRead> {
    open: Option<GzDecoder<R>>,
}

impl<R: BufRead> Members<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { open: Some(GzDecoder::new(reader)) }
    }
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = into.len().min(AT_ONCE);
        let Some(into) = into.get_mut(..most).filter(|into| !into.is_empty()) else { return Ok(0) };
        loop {
            let Some(open) = self.open.as_mut() else { return Ok(0) };
            let got = open.read(into)?;
            if got > 0 {
                return Ok(got);
            }
            let Some(ended) = self.open.take() else { return Ok(0) };
            let mut rest = ended.into_inner();
            match first_but_zeros(&mut rest)? {
                None => return Ok(0),
                Some(0x1f) => self.open = Some(GzDecoder::new(rest)),
                Some(_) => return Err(invalid("what stands behind the last member is no gzip")),
            }
        }
    }
}

/// Tapes and disks pad with zeros, which nobody counts as damage.
fn first_but_zeros(reader: &mut impl BufRead) -> io::Result<Option<u8>> {
    loop {
        let bytes = reader.fill_buf()?;
        if bytes.is_empty() {
            return Ok(None);
        }
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        let first = bytes.get(zeros).copied();
        reader.consume(zeros);
        if first.is_some() {
            return Ok(first);
        }
    }
}

//! Messages for a terminal: they quote names that the suspect chose.

use crate::report::escape::visible;
use std::io::{self, Write};

/// Characters of one line that are shown: an error may quote megabytes of what it could not read.
const LINE: usize = 2_000;

/// Writes text on, with all that would act on a terminal made visible; lines stay lines, and none
/// is longer than anybody reads.
pub struct Plain<'a> {
    to: &'a mut dyn Write,
    /// Characters of this line so far.
    shown: usize,
}

impl<'a> Plain<'a> {
    pub fn new(to: &'a mut dyn Write) -> Self {
        Self { to, shown: 0 }
    }

    fn piece(&mut self, piece: &str) -> io::Result<()> {
        let room = LINE.saturating_sub(self.shown);
        if room == 0 {
            return Ok(());
        }
        // What is made visible grows: the text itself is cut first.
        let end = piece.char_indices().nth(room).map_or(piece.len(), |(at, _)| at);
        let text = visible(piece.get(..end).unwrap_or_default());
        let end = text.char_indices().nth(room).map_or(text.len(), |(at, _)| at);
        let cut = end < text.len() || text.len() < piece.len();
        let text = text.get(..end).unwrap_or_default();
        self.shown = self.shown.saturating_add(text.chars().count());
        self.to.write_all(text.as_bytes())?;
        if cut {
            self.shown = LINE;
            self.to.write_all(" …".as_bytes())?;
        }
        Ok(())
    }
}

impl Write for Plain<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        for piece in text.split_inclusive('\n') {
            let line = piece.strip_suffix('\n');
            self.piece(line.unwrap_or(piece))?;
            if line.is_some() {
                self.shown = 0;
                self.to.write_all(b"\n")?;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn nothing_of_the_suspect_steers_the_terminal() {
        let mut out = Vec::new();
        let name = "\x1b[31mX\u{202e}";
        writeln!(Plain::new(&mut out), "davy: {name}: no such file\nnext").unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "davy: \\x1b[31mX\\u{202e}: no such file\nnext\n"
        );
    }

    #[test]
    fn no_line_is_longer_than_anybody_reads() {
        let mut out = Vec::new();
        let mut plain = Plain::new(&mut out);
        writeln!(plain, "davy: {}{}", "\0".repeat(1 << 20), "x".repeat(1 << 20)).unwrap();
        writeln!(plain, "next").unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.len() < 2 * LINE, "{}", text.len());
        assert!(text.starts_with("davy: \\x00") && text.ends_with(" …\nnext\n"), "{text}");
    }
}

//! Messages for a terminal: they quote names that the suspect chose.

use crate::report::escape::visible;
use std::io::{self, Write};

/// Writes text on, with all that would act on a terminal made visible; lines stay lines.
pub struct Plain<'a>(pub &'a mut dyn Write);

impl Write for Plain<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        for piece in text.split_inclusive('\n') {
            match piece.strip_suffix('\n') {
                Some(line) => writeln!(self.0, "{}", visible(line))?,
                None => self.0.write_all(visible(piece).as_bytes())?,
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
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
        writeln!(Plain(&mut out), "davy: {name}: no such file\nnext").unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "davy: \\x1b[31mX\\u{202e}: no such file\nnext\n"
        );
    }
}

//! Base64 and hexadecimal digits, decoded as they come, in one line or in lines of one width as `base64`
//! and `xxd -p` write them; a backslash before the line's end, and blanks after it, as scripts have them.

/// Lines that are parts of one run are so wide; shorter ones stand each for itself.
const NARROWEST: usize = 56;
pub(crate) const WIDEST: usize = 1024;

/// Blanks before a line.
pub(crate) const INDENT: usize = 16;

/// What the letters stand for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Alphabet {
    Base64,
    Hex,
}

impl Alphabet {
    /// The bits of a letter.
    pub(crate) const fn bits(self, letter: u8) -> Option<u8> {
        Some(match (self, letter) {
            (Self::Hex, b'0'..=b'9') => letter - b'0',
            (Self::Hex, b'a'..=b'f') => letter - b'a' + 10,
            (Self::Hex, b'A'..=b'F') => letter - b'A' + 10,
            (Self::Base64, b'A'..=b'Z') => letter - b'A',
            (Self::Base64, b'a'..=b'z') => letter - b'a' + 26,
            (Self::Base64, b'0'..=b'9') => letter - b'0' + 52,
            (Self::Base64, b'+') => 62,
            (Self::Base64, b'/') => 63,
            _ => return None,
        })
    }

    /// Whether lines of so many letters may be parts of one run.
    pub(crate) fn wraps(self, width: usize) -> bool {
        let whole = if self == Self::Hex { 2 } else { 4 };
        (NARROWEST..=WIDEST).contains(&width) && width.is_multiple_of(whole)
    }
}

#[derive(Clone, Copy)]
enum At {
    /// In the first line.
    First,
    /// Behind a line: whether its end was seen, and blanks since.
    Between { ended: bool, blanks: usize },
    /// In a further line.
    Further,
}

/// A run that is being decoded.
pub(crate) struct Letters {
    alphabet: Alphabet,
    at: At,
    /// Letters of the first line, and so of each.
    width: usize,
    /// A further line, which counts when it has ended as one does.
    line: Vec<u8>,
    /// Bits that make no byte yet, and how many they are.
    held: u32,
    bits: u32,
    /// Bytes seen, and those up to the last letter that counts.
    seen: u64,
    counted: u64,
}

impl Letters {
    pub(crate) const fn new(alphabet: Alphabet) -> Self {
        Self {
            alphabet,
            at: At::First,
            width: 0,
            line: Vec::new(),
            held: 0,
            bits: 0,
            seen: 0,
            counted: 0,
        }
    }

    /// Letters, and what parts them, from the beginning to the last that counts.
    pub(crate) const fn counted(&self) -> u64 {
        self.counted
    }

    /// Decodes these bytes; returns whether the run ended in them.
    pub(crate) fn take(&mut self, bytes: &[u8], into: &mut Vec<u8>) -> bool {
        bytes.iter().any(|byte| {
            let ended = self.one(*byte, into);
            self.seen += 1;
            ended
        })
    }

    /// No more bytes come.
    pub(crate) fn end(&mut self, into: &mut Vec<u8>) {
        if !self.line.is_empty() {
            self.line(into);
        }
    }

    fn one(&mut self, byte: u8, into: &mut Vec<u8>) -> bool {
        let letter = self.alphabet.bits(byte);
        match self.at {
            At::First => match letter {
                Some(bits) => {
                    self.push(bits, into);
                    self.width += 1;
                    self.counted = self.seen + 1;
                }
                None if breaks(byte) && self.alphabet.wraps(self.width) => self.broken(byte),
                None => return true,
            },
            At::Between { ended, blanks } => match byte {
                b'\r' if !ended => {}
                b'\n' if !ended => self.broken(byte),
                b' ' | b'\t' if ended && blanks < INDENT => {
                    self.at = At::Between { ended, blanks: blanks + 1 };
                }
                _ if ended && letter.is_some() => {
                    self.line.clear();
                    self.line.push(byte);
                    self.at = At::Further;
                }
                _ => return true,
            },
            At::Further if letter.is_some() => {
                self.line.push(byte);
                if self.line.len() > self.width {
                    // A longer line is no part of this.
                    self.line.clear();
                    return true;
                }
            }
            At::Further => {
                let whole = self.line.len() == self.width;
                if whole || closes(byte) {
                    self.line(into);
                }
                self.line.clear();
                if !whole || !breaks(byte) {
                    return true;
                }
                self.broken(byte);
            }
        }
        false
    }

    const fn broken(&mut self, byte: u8) {
        self.at = At::Between { ended: byte == b'\n', blanks: 0 };
    }

    /// A further line counts.
    fn line(&mut self, into: &mut Vec<u8>) {
        let (line, alphabet) = (std::mem::take(&mut self.line), self.alphabet);
        for bits in line.iter().filter_map(|letter| alphabet.bits(*letter)) {
            self.push(bits, into);
        }
        self.line = line;
        self.line.clear();
        self.counted = self.seen;
    }

    fn push(&mut self, bits: u8, into: &mut Vec<u8>) {
        let each = if self.alphabet == Alphabet::Hex { 4 } else { 6 };
        self.held = self.held << each | u32::from(bits);
        self.bits += each;
        if self.bits >= 8 {
            self.bits -= 8;
            into.push((self.held >> self.bits & 0xff) as u8);
            self.held &= (1 << self.bits) - 1;
        }
    }
}

/// What stands behind a line that another follows.
const fn breaks(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r' | b'\\')
}

/// What stands behind the last line.
const fn closes(byte: u8) -> bool {
    matches!(
        byte,
        0 | b'=' | b'\n' | b'\r' | b'\\' | b'"' | b'\'' | b'`' | b')' | b'<' | b'|' | b';' | b','
    )
}

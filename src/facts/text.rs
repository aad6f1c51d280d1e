//! Bytes as the host gave them: names, command lines and paths are not promised to be UTF-8.

use std::fmt;

/// Bytes of a suspect host that are meant as text.
///
/// Displayed and stored as UTF-8 in which each byte that is not is written `\xNN`; a literal
/// backslash before an `x` is written `\x5c`, so that the escape can be undone. Control
/// characters are kept: whoever prints to a terminal or a page escapes for that medium.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostText(pub Vec<u8>);

impl HostText {
    /// The raw bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// True where there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The reversible UTF-8 form.
    #[must_use]
    pub fn escaped(&self) -> String {
        escape(&self.0)
    }

    /// Undoes [`escaped`](Self::escaped).
    #[must_use]
    pub fn unescape(text: &str) -> Self {
        let mut out = Vec::with_capacity(text.len());
        let mut rest = text.as_bytes();
        while let Some((&byte, tail)) = rest.split_first() {
            if let [b'\\', b'x', high, low, after @ ..] = rest
                && let (Some(high), Some(low)) = (hex(*high), hex(*low))
            {
                out.push(high << 4 | low);
                rest = after;
                continue;
            }
            out.push(byte);
            rest = tail;
        }
        Self(out)
    }
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|v| u8::try_from(v).ok())
}

/// Whether a text is its own escaped form. Hardly any holds a backslash at all.
pub(super) fn is_plain(text: &str) -> bool {
    memchr::memchr(b'\\', text.as_bytes()).is_none() || !text.contains("\\x")
}

fn escape(bytes: &[u8]) -> String {
    use fmt::Write;
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        let mut chars = chunk.valid().chars().peekable();
        while let Some(c) = chars.next() {
            if c == '\\' && chars.peek() == Some(&'x') {
                out.push_str("\\x5c");
            } else {
                out.push(c);
            }
        }
        for byte in chunk.invalid() {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

impl fmt::Display for HostText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match std::str::from_utf8(&self.0) {
            Ok(text) if is_plain(text) => f.write_str(text),
            _ => f.write_str(&self.escaped()),
        }
    }
}

impl fmt::Debug for HostText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.escaped())
    }
}

impl From<&[u8]> for HostText {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl From<&str> for HostText {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

impl From<Vec<u8>> for HostText {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn escaping_is_reversible(bytes: Vec<u8>) {
            prop_assert_eq!(HostText::unescape(&escape(&bytes)).0, bytes);
        }

        #[test]
        fn escaping_is_reversible_among_backslashes(text in r"[\\x0-9a-f]{0,12}") {
            prop_assert_eq!(HostText::unescape(&escape(text.as_bytes())).0, text.into_bytes());
        }
    }
}

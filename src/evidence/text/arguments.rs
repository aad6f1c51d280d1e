//! The words of a directive, taken one by one, so that what nobody took is an error.

use super::error::Fault;
use super::lines::Directive;
use super::words::Word;
use crate::evidence::HostPath;
use crate::facts::Time;
use std::str::FromStr;

/// The words that are left.
pub(super) struct Arguments<'a> {
    pub line: usize,
    verb: &'a str,
    words: Vec<&'a Word>,
}

impl<'a> Arguments<'a> {
    pub(super) fn new(directive: &'a Directive) -> Self {
        Self {
            line: directive.line,
            verb: &directive.verb,
            words: directive.words.iter().collect(),
        }
    }

    pub(super) fn fault(&self, message: impl AsRef<str>) -> Fault {
        Fault::new(self.line, format!("{}: {}", self.verb, message.as_ref()))
    }

    /// The value of `key=value`.
    pub(super) fn key(&mut self, key: &str) -> Option<&'a [u8]> {
        let at = self.words.iter().position(|w| w.key.as_deref() == Some(key))?;
        Some(&self.words.remove(at).value)
    }

    /// The value of `key=value` and the quoted words right after it.
    pub(super) fn list(&mut self, key: &str) -> Option<Vec<&'a [u8]>> {
        let at = self.words.iter().position(|w| w.key.as_deref() == Some(key))?;
        let more = self.words.iter().skip(at + 1).take_while(|w| w.quoted).count();
        let end = at.saturating_add(more).saturating_add(1);
        Some(self.words.drain(at..end).map(|w| w.value.as_slice()).collect())
    }

    /// The next word without a key.
    pub(super) fn bare(&mut self) -> Option<&'a [u8]> {
        let at = self.words.iter().position(|w| w.key.is_none())?;
        Some(&self.words.remove(at).value)
    }

    /// The next word as it stands, key and all.
    pub(super) fn whole(&mut self) -> Option<&'a [u8]> {
        (!self.words.is_empty()).then(|| self.words.remove(0).whole.as_slice())
    }

    /// The next bare word, which must be there.
    pub(super) fn need(&mut self, what: &str) -> Result<&'a [u8], Fault> {
        self.bare().ok_or_else(|| self.fault(format!("expected {what}")))
    }

    /// The next bare word as an absolute path.
    pub(super) fn path(&mut self) -> Result<HostPath, Fault> {
        let path = HostPath::new(self.need("an absolute path")?);
        if path.is_absolute() && !path.as_bytes().contains(&0) {
            return Ok(path);
        }
        Err(self.fault(format!("expected an absolute path, found {path}")))
    }

    /// Whether a bare word is there.
    pub(super) fn flag(&mut self, word: &str) -> bool {
        let at = self.words.iter().position(|w| w.key.is_none() && w.value == word.as_bytes());
        at.map(|at| self.words.remove(at)).is_some()
    }

    /// The next word such as `r-xp`.
    pub(super) fn permissions(&mut self) -> Option<&'a [u8]> {
        let fits = |w: &[u8]| {
            w.len() == 4 && w.iter().zip([b"r-", b"w-", b"x-", b"ps"]).all(|(b, ok)| ok.contains(b))
        };
        let at = self.words.iter().position(|w| w.key.is_none() && fits(&w.value))?;
        Some(&self.words.remove(at).value)
    }

    /// A decimal number.
    pub(super) fn number<T: FromStr>(&mut self, key: &str) -> Result<Option<T>, Fault> {
        let Some(value) = self.key(key) else { return Ok(None) };
        self.parsed(key, value, "a number").map(Some)
    }

    /// A text; bytes that are not UTF-8 are no text.
    pub(super) fn text(&mut self, key: &str) -> Result<Option<&'a str>, Fault> {
        let Some(value) = self.key(key) else { return Ok(None) };
        let text = std::str::from_utf8(value);
        text.map(Some).map_err(|_| self.fault(format!("expected UTF-8 text after {key}=")))
    }

    /// Permission bits in octal.
    pub(super) fn mode(&mut self) -> Result<Option<u32>, Fault> {
        let Some(value) = self.key("mode") else { return Ok(None) };
        let text = String::from_utf8_lossy(value);
        u32::from_str_radix(&text, 8)
            .ok()
            .filter(|m| *m <= 0o7777)
            .map(Some)
            .ok_or_else(|| self.fault(format!("expected an octal mode such as 0644, found {text}")))
    }

    /// A point in time, RFC 3339.
    pub(super) fn time(&mut self, key: &str) -> Result<Option<Time>, Fault> {
        let Some(value) = self.key(key) else { return Ok(None) };
        let text = String::from_utf8_lossy(value).into_owned();
        let stamp = text.parse::<jiff::Timestamp>().ok();
        stamp
            .and_then(|s| i64::try_from(s.as_nanosecond()).ok())
            .map(|ns| Some(Time(ns)))
            .ok_or_else(|| {
                let example = "2026-11-20T03:12:01Z";
                self.fault(format!("expected {key}= a time such as {example}, found {text}"))
            })
    }

    pub(super) fn parsed<T: FromStr>(
        &self,
        what: &str,
        value: &[u8],
        expected: &str,
    ) -> Result<T, Fault> {
        let text = String::from_utf8_lossy(value);
        text.parse().map_err(|_| self.fault(format!("expected {what} {expected}, found {text}")))
    }

    /// Nothing may be left.
    pub(super) fn finish(self) -> Result<(), Fault> {
        match self.words.first() {
            None => Ok(()),
            Some(word) => {
                let word = String::from_utf8_lossy(&word.whole);
                Err(self.fault(format!("did not expect {word}")))
            }
        }
    }
}

/// Content lines or `content-hex=` as bytes; `None` where neither is given.
pub(super) fn content(
    directive: &Directive,
    words: &mut Arguments<'_>,
) -> Result<Option<Vec<u8>>, Fault> {
    let Some(hex) = words.key("content-hex") else {
        return Ok(directive.content.clone());
    };
    let digits: Option<Vec<u32>> = hex.iter().map(|b| char::from(*b).to_digit(16)).collect();
    let digits = digits.filter(|d| d.len() % 2 == 0);
    let Some(digits) = digits else {
        return Err(words.fault("expected an even number of hexadecimal digits"));
    };
    let byte = |pair: &[u32]| match pair {
        [high, low] => u8::try_from(high << 4 | low).unwrap_or_default(),
        _ => 0,
    };
    Ok(Some(digits.chunks(2).map(byte).collect()))
}

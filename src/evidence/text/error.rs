//! What is wrong with a text host, and where.

use std::fmt;

/// A text host could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextError {
    /// The file, as the caller named it.
    pub name: String,
    /// The line, from 1; 0 where the file as a whole is meant.
    pub line: usize,
    /// What was expected, and what was found.
    pub message: String,
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            return write!(f, "{}: {}", self.name, self.message);
        }
        write!(f, "{}:{}: {}", self.name, self.line, self.message)
    }
}

impl std::error::Error for TextError {}

/// A fault within a line, before the file's name is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub line: usize,
    pub message: String,
}

impl Fault {
    pub(super) fn new(line: usize, message: impl Into<String>) -> Self {
        Self { line, message: message.into() }
    }

    pub(super) fn named(self, name: &str) -> TextError {
        TextError { name: name.to_owned(), line: self.line, message: self.message }
    }
}

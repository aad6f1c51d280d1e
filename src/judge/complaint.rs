//! What is wrong with a playbook or lookup, and where: file, line, column, caret.

use std::fmt;

/// Something is wrong at a place of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// The file.
    pub file: String,
    /// Line, from 1; 0 where the file as a whole is meant.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// How many characters are meant, at least 1.
    pub length: usize,
    /// The line itself.
    pub text: String,
    /// What is wrong.
    pub message: String,
    /// What would be right; empty where that is not known.
    pub help: String,
}

impl Complaint {
    /// About a file as a whole.
    #[must_use]
    pub fn of_file(file: &str, message: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line: 0,
            column: 0,
            length: 0,
            text: String::new(),
            message: message.into(),
            help: String::new(),
        }
    }

    /// About a place in `source`; `line` and `column` count from 1.
    #[must_use]
    pub fn at(
        file: &str,
        source: &str,
        (line, column, length): (usize, usize, usize),
        message: impl Into<String>,
    ) -> Self {
        let text = source.lines().nth(line.saturating_sub(1)).unwrap_or_default();
        Self {
            line,
            column: column.max(1),
            length: length.max(1),
            text: text.to_owned(),
            ..Self::of_file(file, message)
        }
    }

    /// With a word on what would be right.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }
}

impl std::error::Error for Complaint {}

impl fmt::Display for Complaint {
    /// ```text
    /// x.yml:7:12: no such column: p.exee
    ///   7 |   SELECT p.exee FROM processes p
    ///     |          ^^^^^^
    ///   help: processes has exe, exe_link
    /// ```
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            write!(f, "{}: {}", self.file, self.message)?;
        } else {
            write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)?;
            let number = self.line.to_string();
            let before: String = self
                .text
                .chars()
                .take(self.column.saturating_sub(1))
                .map(|c| if c == '\t' { '\t' } else { ' ' })
                .collect();
            let room = self.text.chars().count().saturating_sub(self.column.saturating_sub(1));
            let carets = "^".repeat(self.length.min(room.max(1)));
            write!(f, "\n  {number} | {}", self.text)?;
            write!(f, "\n  {:1$} | {before}{carets}", "", number.len())?;
        }
        if !self.help.is_empty() {
            write!(f, "\n  help: {}", self.help)?;
        }
        Ok(())
    }
}

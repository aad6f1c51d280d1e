//! Lines on a terminal: wrapped to its width, coloured only if asked.

use super::super::escape::visible_within;
use std::io::{self, Write};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Longer than any line worth reading: what is cut stands whole in report.json.
const LONGEST: usize = 800;
/// Narrower, and wrapping makes a column of syllables.
const NARROWEST: usize = 40;

/// How a stretch of text looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Bold,
    Dim,
    Command,
    Critical,
    High,
    Medium,
    Low,
}

impl Style {
    const fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Bold => "1",
            Self::Dim => "2",
            Self::Command => "36",
            Self::Critical => "1;97;41",
            Self::High => "1;31",
            Self::Medium => "33",
            Self::Low => "34",
        }
    }
}

/// Where the text goes. Every text is made visible here, on the way out, so that no caller can
/// forget it.
pub(super) struct Page<'a> {
    out: &'a mut dyn Write,
    width: usize,
    color: bool,
}

impl<'a> Page<'a> {
    pub(super) fn new(out: &'a mut dyn Write, width: usize, color: bool) -> Self {
        Self { out, width: width.max(NARROWEST), color }
    }

    pub(super) const fn width(&self) -> usize {
        self.width
    }

    pub(super) fn blank(&mut self) -> io::Result<()> {
        writeln!(self.out)
    }

    pub(super) fn rule(&mut self, style: Style) -> io::Result<()> {
        let line = "─".repeat(self.width);
        self.styled(style, &line)?;
        self.blank()
    }

    pub(super) fn heading(&mut self, text: &str) -> io::Result<()> {
        self.blank()?;
        self.paragraph("", "", text, Style::Bold)?;
        self.blank()
    }

    /// Wrapped text with `first` before its first line and spaces of that width before the rest.
    pub(super) fn paragraph(
        &mut self,
        indent: &str,
        first: &str,
        text: &str,
        style: Style,
    ) -> io::Result<()> {
        self.labelled(indent, (first, Style::Plain), text, style)
    }

    /// As [`paragraph`](Self::paragraph), with the label in its own style.
    pub(super) fn labelled(
        &mut self,
        indent: &str,
        label: (&str, Style),
        text: &str,
        style: Style,
    ) -> io::Result<()> {
        let before = indent.width().saturating_add(label.0.width());
        let room = self.width.saturating_sub(before).max(NARROWEST / 2);
        for (number, line) in wrap(&visible_within(text, LONGEST), room).iter().enumerate() {
            if number == 0 {
                write!(self.out, "{indent}")?;
                self.styled(label.1, label.0)?;
            } else {
                write!(self.out, "{:before$}", "")?;
            }
            self.styled(style, line)?;
            self.blank()?;
        }
        Ok(())
    }

    /// A line to be copied: not wrapped, whatever its length.
    pub(super) fn command(&mut self, indent: &str, text: &str) -> io::Result<()> {
        write!(self.out, "{indent}$ ")?;
        self.styled(Style::Command, &visible_within(text, LONGEST.saturating_mul(5)))?;
        self.blank()
    }

    /// Writes text that is visible already.
    fn styled(&mut self, style: Style, text: &str) -> io::Result<()> {
        if self.color && style != Style::Plain && !text.is_empty() {
            write!(self.out, "\x1b[{}m{text}\x1b[0m", style.code())
        } else {
            write!(self.out, "{text}")
        }
    }
}

/// Breaks at spaces, and inside words that are too long: after a slash where there is one not far
/// before the end, so that a path's names stay whole. No character is lost but the spaces at
/// which it breaks.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0_usize;
    for (number, word) in text.split(' ').enumerate() {
        let length = word.width();
        if number > 0 {
            if used.saturating_add(length).saturating_add(1) <= width {
                line.push(' ');
                used = used.saturating_add(1);
            } else {
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
        }
        for c in word.chars() {
            let wide = c.width().unwrap_or(0);
            if used.saturating_add(wide) > width && used > 0 {
                let slash = line.rfind('/').map_or(line.len(), |at| at.saturating_add(1));
                let rest = line.get(slash..).unwrap_or_default().to_owned();
                used = 0;
                if rest.width() <= width / 3 * 2
                    && rest.width().saturating_add(wide) <= width
                    && !rest.contains(' ')
                {
                    line.truncate(slash);
                    used = rest.width();
                    lines.push(std::mem::replace(&mut line, rest));
                } else {
                    lines.push(std::mem::take(&mut line));
                }
            }
            line.push(c);
            used = used.saturating_add(wide);
        }
    }
    lines.push(line);
    for line in &mut lines {
        line.truncate(line.trim_end_matches(' ').len());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn wide_letters_count_twice() {
        assert_eq!(wrap("ab 漢字漢字", 6), ["ab", "漢字漢", "字"]);
        assert_eq!(wrap("", 6), [""]);
    }

    #[test]
    fn names_of_paths_stay_whole() {
        assert_eq!(wrap("in /etc/cron.d/x", 9), ["in", "/etc/", "cron.d/x"]);
        assert_eq!(wrap("abcdefghijkl", 6), ["abcdef", "ghijkl"]);
        assert_eq!(wrap("a/bcdefghijkl", 6), ["a/", "bcdefg", "hijkl"]);
    }

    proptest! {
        #[test]
        fn lines_fit_and_lose_nothing(text in r"[a-z/漢 ]{0,80}", width in 2_usize..30) {
            let lines = wrap(&text, width);
            prop_assert!(lines.iter().all(|line| line.width() <= width));
            let joined: String = lines.concat();
            prop_assert_eq!(joined.replace(' ', ""), text.replace(' ', ""));
        }
    }
}

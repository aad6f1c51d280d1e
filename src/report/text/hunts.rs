//! The first rows of hunts, as columns.

use super::super::escape::visible_within;
use super::groups::clock;
use super::page::{Page, Style};
use super::{Case, more_of};
use crate::judge::Brief;
use serde_json::Value;
use std::io;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// A cell is cut there at the latest.
const WIDEST: usize = 60;

/// Columns that are text are not made narrower than this.
const NARROWEST: usize = 8;

/// Spaces before a row.
const INDENT: usize = 4;

pub(super) fn hunts(case: &Case, page: &mut Page<'_>) -> io::Result<()> {
    if case.hunts.is_empty() {
        return Ok(());
    }
    page.heading("WHAT THE LOGS SHOW, the first rows of each hunt")?;
    for hunt in &case.hunts {
        let label = format!("{}  ", hunt.id);
        let title = format!("{}{}", hunt.title, rest(hunt));
        page.labelled("  ", (&label, Style::Bold), &title, Style::Dim)?;
        if let Some(why) = &hunt.failed {
            page.paragraph("    ", "", &format!("not answered: {why}"), Style::Plain)?;
        }
        for (number, line) in lines(hunt, page.width().saturating_sub(INDENT)).iter().enumerate() {
            let style = if number == 0 { Style::Dim } else { Style::Plain };
            page.paragraph("    ", "", line, style)?;
        }
        page.blank()?;
    }
    page.paragraph("  ", "", "All rows and columns of one of them, by its name:", Style::Plain)?;
    match case.hunts.first() {
        Some(hunt) => page.command("  ", &hunt.command),
        None => Ok(()),
    }
}

/// How many of its rows are shown, where that is not all.
fn rest(hunt: &Brief) -> String {
    more_of(hunt).map(|rest| format!(" ({rest})")).unwrap_or_default()
}

/// A header and a line a row, none wider than `width` where that can be.
fn lines(hunt: &Brief, width: usize) -> Vec<String> {
    if hunt.rows.is_empty() {
        return Vec::new();
    }
    let cell = |value: Option<&Value>| visible_within(&shown(value), WIDEST);
    let mut rows: Vec<Vec<String>> = vec![hunt.columns.clone()];
    rows.extend(
        hunt.rows.iter().map(|row| hunt.columns.iter().map(|name| cell(row.get(name))).collect()),
    );
    let widest = |at: usize| {
        rows.iter().filter_map(|row| row.get(at)).map(|text| text.width()).max().unwrap_or(0)
    };
    let mut widths: Vec<usize> = (0..hunt.columns.len()).map(widest).collect();
    loop {
        let used: usize = widths.iter().sum::<usize>() + widths.len().saturating_sub(1) * 2;
        let Some(most) = widths.iter_mut().max() else { break };
        if used <= width || *most <= NARROWEST {
            break;
        }
        *most -= 1;
    }
    let number = |at: usize| {
        let name = hunt.columns.get(at);
        hunt.rows.iter().all(|row| !name.and_then(|n| row.get(n)).is_some_and(Value::is_string))
    };
    let numbers: Vec<bool> = (0..hunt.columns.len()).map(number).collect();
    rows.iter()
        .map(|row| {
            let cells = row.iter().zip(&widths).zip(&numbers);
            let cells = cells.map(|((text, width), right)| fitted(text, *width, *right));
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        })
        .collect()
}

/// A value as it is read.
pub(in crate::report) fn shown(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) if text.parse::<jiff::Timestamp>().is_ok() => clock(text),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

fn fitted(text: &str, width: usize, right: bool) -> String {
    let whole = text.width() <= width;
    let room = if whole { width } else { width.saturating_sub(1) };
    if !whole && text.starts_with('/') {
        // Of a path the end tells most.
        let tail: Vec<char> = text.chars().rev().take(room).collect();
        let tail: String = tail.into_iter().rev().collect();
        if tail.width() <= room {
            return format!("…{tail}");
        }
    }
    let mut out = String::new();
    let mut used = 0_usize;
    for c in text.chars() {
        let wide = c.width().unwrap_or(0);
        if used + wide > room {
            break;
        }
        out.push(c);
        used += wide;
    }
    if !whole {
        out.push('…');
        used += 1;
    }
    let pad = " ".repeat(width.saturating_sub(used));
    if right { pad + &out } else { out + &pad }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_fit_the_page_and_numbers_stand_right() {
        let rows = [("10.0.0.5", "a very long reason that no page has room for at all", 3)];
        let hunt = Brief {
            columns: vec!["who".to_owned(), "why".to_owned(), "count".to_owned()],
            rows: rows
                .iter()
                .map(|(who, why, count)| {
                    [("who", (*who).into()), ("why", (*why).into()), ("count", (*count).into())]
                        .map(|(name, value): (_, Value)| (name.to_owned(), value))
                        .into()
                })
                .collect(),
            ..Brief::default()
        };
        let lines = lines(&hunt, 40);
        assert!(lines.iter().all(|line| line.width() <= 40), "{lines:?}");
        assert_eq!(
            lines.last().map(String::as_str),
            Some("10.0.0.5  a very long reason tha…      3")
        );
    }
}

//! Lists of lines: a value a line, or CSV with or without a header.

use super::form::{Form, told};
use super::{Ioc, Iocs};

/// Columns that hold the value, in the words of common feeds.
const VALUES: &[&str] = &[
    "value",
    "indicator",
    "ioc",
    "ioc_value",
    "indicator_value",
    "observable",
    "ip",
    "ip_address",
    "dst_ip",
    "address",
    "domain",
    "host",
    "hostname",
    "name",
    "fqdn",
    "url",
    "hash",
    "md5",
    "sha1",
    "sha256",
    "sha256_hash",
    "wallet",
];

/// Columns that say something of it.
const LABELS: &[&str] = &[
    "comment",
    "description",
    "label",
    "labels",
    "malware",
    "threat",
    "tags",
    "note",
    "malware_printable",
];

pub(super) fn read(text: &str, list: &str, into: &mut Iocs) {
    let mut values: Vec<usize> = Vec::new();
    let mut labels: Vec<usize> = Vec::new();
    let mut first = true;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) || line.starts_with("//") {
            continue;
        }
        let comma = cells(line);
        let semicolon = || line.split(';').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
        let cells = if comma.len() == 1 && line.contains('\t') {
            line.split('\t').map(|cell| cell.trim().to_owned()).collect()
        } else if comma.len() == 1 && line.contains(';') && !line.contains("://") {
            semicolon()
        } else {
            comma
        };
        if std::mem::take(&mut first) && cells.len() > 1 {
            let named = |words: &[&str]| -> Vec<usize> {
                let is = |cell: &str| words.contains(&cell.trim().to_ascii_lowercase().as_str());
                cells.iter().enumerate().filter(|(_, cell)| is(cell)).map(|(at, _)| at).collect()
            };
            values = named(VALUES);
            labels = named(LABELS);
            if !values.is_empty() {
                continue;
            }
        }
        let mut used = false;
        let label = |at: usize| -> String {
            let others = cells.iter().enumerate().filter(|(place, cell)| {
                *place != at && !cell.is_empty() && (labels.is_empty() || labels.contains(place))
            });
            others.map(|(_, cell)| cell.as_str()).collect::<Vec<_>>().join(", ")
        };
        for (at, cell) in cells.iter().enumerate() {
            if !values.is_empty() && !values.contains(&at) {
                continue;
            }
            // `203.0.113.5  # seen on web-03`
            let (cell, remark) = match cell.split_once(" #") {
                Some((cell, remark)) => (cell.trim(), remark.trim()),
                None => (cell.as_str(), ""),
            };
            let Some((form, value, port)) = told(cell) else { continue };
            // Where no header says which cell it is, words are no indicators but when alone.
            if form == Form::Text && (value.contains(' ') || values.is_empty() && cells.len() > 1) {
                continue;
            }
            let label = if remark.is_empty() { label(at) } else { remark.to_owned() };
            let (list, line) = (list.to_owned(), number + 1);
            into.push(Ioc { form, value, port, label, list, line });
            used = true;
        }
        if !used {
            into.problem(format!("{list}:{}: no indicator: {}", number + 1, short(line)));
        }
    }
}

fn short(line: &str) -> String {
    line.chars().take(60).collect()
}

/// The cells of a line of CSV, quotes taken off. A quote that is not closed ends with the line.
fn cells(line: &str) -> Vec<String> {
    let (mut cells, mut cell, mut quoted) = (Vec::new(), String::new(), false);
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                cell.push('"');
                chars.next();
            }
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(std::mem::take(&mut cell).trim().to_owned()),
            c => cell.push(c),
        }
    }
    cells.push(cell.trim().to_owned());
    cells
}

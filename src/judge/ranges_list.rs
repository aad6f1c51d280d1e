//! Lists of addresses, ranges and names that a user wrote, as `allow` and `internal_ranges`: what
//! such lists keep from being blocked must not be lost for a header of another name, and a row that
//! is not understood is an error and no remark.

use super::Complaint;
use super::lookup::{Lookup, records};
use std::net::IpAddr;

/// The lists that are read so.
pub(super) const NAMES: [&str; 2] = ["allow", "internal_ranges"];

/// Headers of the column that holds them.
const RANGE: &[&str] = &[
    "range",
    "ip",
    "address",
    "addr",
    "cidr",
    "network",
    "subnet",
    "name",
    "domain",
    "host",
    "indicator",
];

/// Reads such a list: with a header or without, and of further cells the first is what it is for.
pub(super) fn parse(name: &str, file: &str, text: &str) -> (Lookup, Vec<Complaint>) {
    let mut lookup = Lookup {
        name: name.to_owned(),
        columns: vec!["range".to_owned(), "what".to_owned()],
        rows: Vec::new(),
    };
    let mut complaints = Vec::new();
    let mut places: Option<(usize, Option<usize>)> = None;
    for (line, cells) in records(text) {
        let mut complain = |message: String| {
            complaints.push(Complaint::at(file, text, (line, 1, 1), message));
        };
        let cells = match cells {
            Ok(cells) => cells,
            Err(message) => {
                complain(message.to_owned());
                continue;
            }
        };
        if places.is_none() {
            let header: Vec<String> = cells.iter().map(|c| c.trim().to_ascii_lowercase()).collect();
            if let Some(at) = header.iter().position(|c| RANGE.contains(&c.as_str())) {
                let what = header.iter().position(|c| c == "what");
                places = Some((at, what.or_else(|| (0..header.len()).find(|other| *other != at))));
                continue;
            }
            places = Some((0, Some(1)));
        }
        let (at, what) = places.unwrap_or((0, Some(1)));
        let cell = |place: usize| cells.get(place).map(|c| c.trim()).filter(|c| !c.is_empty());
        match cell(at) {
            None => complain(format!("{name}: no address, range or name in this row")),
            Some(range) => match understood(range, name == "allow") {
                Some(range) => {
                    let what = what.and_then(cell).map(str::to_owned);
                    lookup.rows.push(vec![Some(range), what]);
                }
                None => complain(format!(
                    "{name}: `{range}` is not understood: an address, a range as 192.0.2.0/24{}",
                    if name == "allow" { ", or a name" } else { "" }
                )),
            },
        }
    }
    (lookup, complaints)
}

/// As the list holds it; [`None`] for what is neither an address, a range nor, where these may be,
/// a name.
fn understood(text: &str, names: bool) -> Option<String> {
    if let Some((base, bits)) = text.split_once('/') {
        let base: IpAddr = base.trim().parse().ok()?;
        let most = if base.is_ipv4() { 32 } else { 128 };
        let bits: u8 = bits.trim().parse().ok().filter(|bits| *bits <= most)?;
        return Some(format!("{base}/{bits}"));
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address.to_string());
    }
    let name = text.trim_start_matches("*.").trim_start_matches('.').trim_end_matches('.');
    let letters = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let last = name.rsplit('.').next()?;
    let sound = name.split('.').all(letters) && last.bytes().any(|b| b.is_ascii_alphabetic());
    (names && sound).then(|| name.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(text: &str) -> (Vec<String>, Vec<usize>) {
        let (lookup, complaints) = parse("allow", "al.csv", text);
        let ranges = lookup.rows.iter().filter_map(|row| row.first().cloned().flatten()).collect();
        (ranges, complaints.iter().map(|complaint| complaint.line).collect())
    }

    #[test]
    fn lists_are_read_as_people_write_them() {
        for text in [
            "range,what\n45.9.9.9,x\n",
            "ip\n45.9.9.9\n",
            "45.9.9.9\n",
            "what,address\nx,45.9.9.9\n",
            "range,what\n45.9.9.9\n",
        ] {
            assert_eq!(read(text), (vec!["45.9.9.9".to_owned()], vec![]), "{text}");
        }
        assert_eq!(read("*.Example.com\n10.0.0.0/8,ours\n").0, ["example.com", "10.0.0.0/8"]);
    }

    #[test]
    fn a_row_that_is_not_understood_is_told_with_its_line() {
        let text = "range\n45.9.9.*\n45.9.9.0/255.255.255.0\n45.9.9.9-45.9.9.20\n45.9.9.0/33\nfoo bar\n45.9.9.9\n";
        assert_eq!(read(text), (vec!["45.9.9.9".to_owned()], vec![2, 3, 4, 5, 6]));
    }
}

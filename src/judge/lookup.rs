//! Lookups: lists that playbooks join with, as CSV files of a header and rows.
//!
//! A lookup is a temporary table of the name of its file. Its columns are text, but for those
//! whose names say that they hold whole numbers; an empty cell is NULL.

use super::Complaint;
use rusqlite::Connection;

/// Rows of a list beyond this are left out, and that is said.
const MOST_ROWS: usize = 1_000_000;
/// Rows that one statement inserts.
const AT_ONCE: usize = 50;
/// Lists longer than this get an index on their first column.
const INDEXED: usize = 100;
/// Bad lines that are named one by one.
const MOST_COMPLAINTS: usize = 20;

/// A list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lookup {
    /// The table's name.
    pub name: String,
    /// The header.
    pub columns: Vec<String>,
    /// As many cells as there are columns; [`None`] for an empty one.
    pub rows: Vec<Vec<Option<String>>>,
}

/// Whether a column of this name holds whole numbers.
#[must_use]
pub fn is_number(column: &str) -> bool {
    const NAMES: &[&str] =
        &["port", "pid", "uid", "low", "high", "bits", "size", "count", "pools", "endpoints"];
    NAMES.iter().any(|name| {
        column == *name || column.strip_suffix(name).is_some_and(|head| head.ends_with('_'))
    })
}

/// A name that needs no quotes in SQL.
fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_ascii_lowercase())
        && text.len() <= 64
        && chars.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

impl Lookup {
    /// Reads a list: the first line that is no comment is the header. Lines of another number
    /// of cells are left out and named; where there is no usable header, there are no rows.
    #[must_use]
    pub fn parse(name: &str, file: &str, text: &str) -> (Self, Vec<Complaint>) {
        let mut lookup = Self { name: name.to_owned(), ..Self::default() };
        let mut problems = Problems::default();
        if !is_name(name) {
            problems.add(Complaint::of_file(
                file,
                format!("`{name}` is not a lookup's name: lower case letters, digits and _"),
            ));
            return (lookup, problems.all(file));
        }
        for (line, cells) in records(text) {
            let complain = |message: String| Complaint::at(file, text, (line, 1, 1), message);
            let cells = match cells {
                Ok(cells) => cells,
                Err(message) => {
                    problems.add(complain(message.to_owned()));
                    continue;
                }
            };
            if lookup.columns.is_empty() {
                let header: Vec<String> = cells.iter().map(|c| c.trim().to_owned()).collect();
                let twice = (1..header.len()).any(|i| {
                    header.get(..i).is_some_and(|h| header.get(i).is_some_and(|c| h.contains(c)))
                });
                if twice || !header.iter().all(|c| is_name(c)) {
                    problems.add(complain("not a header: names in lower case, each once".into()));
                    break;
                }
                lookup.columns = header;
            } else if cells.len() != lookup.columns.len() {
                let wanted = lookup.columns.len();
                problems.add(complain(format!("{} cells, not {wanted}", cells.len())));
            } else if lookup.rows.len() >= MOST_ROWS {
                problems.add(complain(format!("more than {MOST_ROWS} rows; the rest is left out")));
                break;
            } else {
                let cell = |c: String| if c.is_empty() { None } else { Some(c) };
                lookup.rows.push(cells.into_iter().map(cell).collect());
            }
        }
        if lookup.columns.is_empty() && problems.first.is_empty() {
            problems.add(Complaint::of_file(file, "no header"));
        }
        (lookup, problems.all(file))
    }

    /// Adds another list's rows; columns are matched by name.
    pub fn add(&mut self, other: Self) {
        if self.columns.is_empty() {
            self.columns = other.columns.clone();
        }
        if self.columns == other.columns {
            self.rows.extend(other.rows);
            return;
        }
        let places: Vec<Option<usize>> =
            self.columns.iter().map(|c| other.columns.iter().position(|o| o == c)).collect();
        self.rows.extend(other.rows.into_iter().map(|row| {
            places.iter().map(|place| place.and_then(|p| row.get(p).cloned().flatten())).collect()
        }));
    }

    /// Makes the temporary table anew.
    ///
    /// # Errors
    /// Where SQLite refuses.
    pub fn load(&self, connection: &Connection) -> rusqlite::Result<()> {
        let name = &self.name;
        let kind = |c: &String| if is_number(c) { "INTEGER" } else { "TEXT" };
        let columns: Vec<String> =
            self.columns.iter().map(|c| format!("\"{c}\" {}", kind(c))).collect();
        connection.execute_batch(&format!(
            "DROP TABLE IF EXISTS temp.\"{name}\"; CREATE TEMP TABLE \"{name}\" ({})",
            columns.join(", ")
        ))?;
        let row = format!("({})", vec!["?"; self.columns.len()].join(", "));
        let insert = |rows: &[Vec<Option<String>>]| -> rusqlite::Result<()> {
            let places = vec![row.as_str(); rows.len()].join(", ");
            // The second and every further one of as many rows is prepared already.
            connection
                .prepare_cached(&format!("INSERT INTO temp.\"{name}\" VALUES {places}"))?
                .execute(rusqlite::params_from_iter(rows.iter().flatten()))
                .map(drop)
        };
        self.rows.chunks(AT_ONCE).try_for_each(insert)?;
        // Long lists are looked into once for each of very many rows of logs.
        if self.rows.len() > INDEXED
            && let Some(first) = self.columns.first()
        {
            connection.execute_batch(&format!(
                "CREATE INDEX temp.\"{name}_first\" ON \"{name}\" (\"{first}\")"
            ))?;
        }
        Ok(())
    }
}

#[derive(Default)]
struct Problems {
    first: Vec<Complaint>,
    more: usize,
}

impl Problems {
    fn add(&mut self, complaint: Complaint) {
        if self.first.len() < MOST_COMPLAINTS {
            self.first.push(complaint);
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    fn all(mut self, file: &str) -> Vec<Complaint> {
        if self.more > 0 {
            self.first.push(Complaint::of_file(file, format!("and {} bad lines more", self.more)));
        }
        self.first
    }
}

pub(super) type Record = (usize, Result<Vec<String>, &'static str>);

/// Splits CSV as RFC 4180 has it, with `#` comments. Each record with the line it begins on.
pub(super) fn records(text: &str) -> Vec<Record> {
    let mut out = Vec::new();
    let mut line = 1;
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    while !rest.is_empty() {
        let begin = line;
        let (this, next) = rest.split_once('\n').unwrap_or((rest, ""));
        let this = this.strip_suffix('\r').unwrap_or(this);
        if this.trim().is_empty() || this.starts_with('#') {
            rest = next;
            line += 1;
            continue;
        }
        // Hardly any list quotes at all.
        if !this.contains('"') && this.len() <= LONGEST_RECORD {
            out.push((begin, Ok(this.split(',').map(str::to_owned).collect())));
            rest = next;
            line += 1;
            continue;
        }
        match record(rest) {
            Ok((cells, used)) => {
                let (read, after) = rest.split_at_checked(used).unwrap_or((rest, ""));
                line += read.matches('\n').count();
                rest = after;
                out.push((begin, Ok(cells)));
            }
            // A quote that is never closed would take the whole rest with it: one line is lost.
            Err(message) => {
                out.push((begin, Err(message)));
                rest = next;
                line += 1;
            }
        }
    }
    out
}

/// Quoted cells do not run on for longer than this.
const LONGEST_RECORD: usize = 1 << 16;

fn record(text: &str) -> Result<(Vec<String>, usize), &'static str> {
    let mut cells = Vec::new();
    let mut cell = String::new();
    let mut chars = text.char_indices().peekable();
    let mut quoted = false;
    let mut fresh = true;
    while let Some((at, c)) = chars.next() {
        if at > LONGEST_RECORD {
            return Err("a record longer than 64 KiB; is a quote missing?");
        }
        match c {
            '"' if quoted && chars.peek().is_some_and(|(_, c)| *c == '"') => {
                cell.push('"');
                chars.next();
            }
            '"' if quoted => {
                quoted = false;
                if chars.peek().is_some_and(|(_, c)| !matches!(c, ',' | '\n' | '\r')) {
                    return Err("text after a closing quote");
                }
            }
            '"' if fresh => quoted = true,
            c if quoted => cell.push(c),
            ',' => {
                cells.push(std::mem::take(&mut cell));
                fresh = true;
                continue;
            }
            '\n' => {
                cells.push(cell);
                return Ok((cells, at + 1));
            }
            '\r' if chars.peek().is_some_and(|(_, c)| *c == '\n') => {}
            c => cell.push(c),
        }
        fresh = false;
    }
    if quoted {
        return Err("a quote is not closed");
    }
    cells.push(cell);
    Ok((cells, text.len()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> (Lookup, Vec<String>) {
        let (lookup, complaints) = Lookup::parse("pools", "pools.csv", text);
        (lookup, complaints.iter().map(|c| format!("{}: {}", c.line, c.message)).collect())
    }

    #[test]
    fn reads_quotes_comments_empty_cells_and_crlf() {
        let (lookup, problems) = read(
            "# source: https://example.org\r\nname,port,note\r\n\"a,\"\"b\"\"\",3333,\r\n\r\n\"two\nlines\",,x",
        );
        assert_eq!(problems, Vec::<String>::new());
        let cell = |s: &str| Some(s.to_owned());
        assert_eq!(
            lookup.rows,
            [vec![cell("a,\"b\""), cell("3333"), None], vec![cell("two\nlines"), None, cell("x")]]
        );
    }

    #[test]
    fn bad_lines_are_named_and_the_rest_is_used() {
        let (lookup, problems) = read("name,port\na,1\nb\n\"c\"x,2\n\"open,3\nd,4\n");
        assert_eq!(lookup.rows.len(), 2);
        assert_eq!(
            problems,
            ["3: 1 cells, not 2", "4: text after a closing quote", "5: a quote is not closed"]
        );
    }

    #[test]
    fn a_header_must_be_names() {
        assert_eq!(read("a b,c\n1,2").1, ["1: not a header: names in lower case, each once"]);
        assert_eq!(read("a,a\n1,2").1, ["1: not a header: names in lower case, each once"]);
        assert_eq!(read("# nothing\n").1, ["0: no header"]);
    }

    #[test]
    fn numbers_are_told_by_the_name_of_their_column() {
        assert!(is_number("port") && is_number("remote_port") && is_number("low"));
        assert!(is_number("pools") && is_number("ip_endpoints"));
        assert!(!is_number("support") && !is_number("name") && !is_number("ports"));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text: String) {
            let _ = read(&text);
        }

        #[test]
        fn a_line_without_quotes_is_read_as_any_other(text in "[a-z0-9, #]{1,20}(\r\n|\n)?") {
            if !text.trim().is_empty() && !text.starts_with('#') {
                let read = records(&text);
                let (cells, _) = record(&text).unwrap();
                prop_assert_eq!(read, [(1, Ok(cells))]);
            }
        }

        #[test]
        fn no_csv_makes_it_panic(text in "[a-z,\"\n\r#]{0,64}") {
            let (lookup, _) = read(&text);
            prop_assert!(lookup.rows.iter().all(|r| r.len() == lookup.columns.len()));
        }
    }
}

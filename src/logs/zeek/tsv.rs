//! The text format: `#fields` names the columns; a cluster puts columns of its own before them,
//! and a file may hold several headers.

use super::super::damage::Damage;
use super::super::format::{LineReader, Origin, Out, Took};
use super::{Fields, Path, conn, take};
use std::borrow::Cow;

/// Columns beyond this are not read.
const MOST: usize = 256;

/// The columns of conn.log, for a piece of one without its header.
const CONN: &str = "ts uid id.orig_h id.orig_p id.resp_h id.resp_p proto service duration \
    orig_bytes resp_bytes conn_state local_orig local_resp missed_bytes history orig_pkts \
    orig_ip_bytes resp_pkts resp_ip_bytes tunnel_parents ip_proto";

pub(super) fn tells(line: &[u8], _: &Origin) -> bool {
    line.starts_with(b"#separator ") || line.starts_with(b"#fields\t") || bare(line)
}

/// Whether a line is a row of conn.log whose header was cut off.
fn bare(line: &[u8]) -> bool {
    let columns: Vec<&[u8]> = line.split(|b| *b == b'\t').collect();
    (20..=22).contains(&columns.len())
        && columns.first().is_some_and(|ts| ts.contains(&b'.') && super::times::epoch(ts).is_some())
        && columns.get(2).is_some_and(|a| super::super::field::address(a).is_some())
        && columns.get(4).is_some_and(|a| super::super::field::address(a).is_some())
        && columns
            .get(6)
            .is_some_and(|p| matches!(*p, b"tcp" | b"udp" | b"icmp" | b"unknown_transport"))
}

pub(super) struct Tsv {
    separator: u8,
    empty: Vec<u8>,
    unset: Vec<u8>,
    path: Path,
    fields: Vec<String>,
    /// No header was seen: the rows tell by themselves what they are.
    headless: bool,
    conn: Option<conn::Columns>,
}

impl Default for Tsv {
    fn default() -> Self {
        Self {
            separator: b'\t',
            empty: b"(empty)".to_vec(),
            unset: b"-".to_vec(),
            path: Path::Other,
            fields: Vec::new(),
            headless: false,
            conn: None,
        }
    }
}

impl LineReader for Tsv {
    fn line(&mut self, line: &[u8], origin: &Origin, out: &mut dyn Out) -> Took {
        if let [b'#', header @ ..] = line {
            self.header(header, origin, out.brief());
            return Took::Heading;
        }
        if line.is_empty() {
            return Took::Heading;
        }
        if self.fields.is_empty() || self.headless {
            if !bare(line) {
                return Took::no("no header");
            }
            (self.path, self.headless) = (Path::Conn, true);
            // Newer versions have more columns, always behind the others.
            let columns = line.split(|b| *b == b'\t').count();
            if columns != self.fields.len() {
                self.columns(CONN.split_ascii_whitespace().take(columns), out.brief());
            }
        }
        if let Some(columns) = &self.conn {
            return columns.read(line, self.separator, &self.unset, out);
        }
        let values: Vec<&[u8]> = line.splitn(MOST, |b| *b == self.separator).collect();
        if values.len() != self.fields.len() {
            return Took::no("not as many columns as the header names");
        }
        let row = Row { tsv: self, values, damage: Damage::default() };
        let took = take(self.path, &row, out);
        row.damage.tell(out);
        took
    }
}

impl Tsv {
    fn header(&mut self, header: &[u8], origin: &Origin, brief: bool) {
        let split = |at: usize| {
            let (key, rest) = header.split_at_checked(at).unwrap_or((header, b""));
            (key, rest.get(1..).unwrap_or_default())
        };
        let end = header.iter().position(|b| *b == self.separator || *b == b' ');
        let (key, value) = split(end.unwrap_or(header.len()));
        match key {
            b"separator" => {
                // A new header: what an earlier one said no longer holds.
                *self = Self::default();
                if let [b'\\', b'x', high, low] = value.trim_ascii()
                    && let Ok(text) = std::str::from_utf8(&[*high, *low])
                    && let Ok(byte) = u8::from_str_radix(text, 16)
                {
                    self.separator = byte;
                }
            }
            b"empty_field" => self.empty = value.to_vec(),
            b"unset_field" => self.unset = value.to_vec(),
            b"path" => self.path = Path::named(&String::from_utf8_lossy(value)),
            b"fields" => {
                self.headless = false;
                if self.path == Path::Other
                    && let Some(path) = Path::of_file(origin)
                {
                    self.path = path;
                }
                let text = String::from_utf8_lossy(value).into_owned();
                let separator = char::from(self.separator);
                self.columns(text.split(separator), brief);
            }
            _ => {}
        }
    }

    fn columns<'a>(&mut self, names: impl Iterator<Item = &'a str>, brief: bool) {
        self.fields = names.take(MOST).map(str::to_owned).collect();
        self.conn = match self.path {
            Path::Conn | Path::OpenConn => {
                Some(conn::Columns::of(&self.fields, self.path == Path::OpenConn, brief))
            }
            _ => None,
        };
    }
}

/// One row of a log that is read by name.
struct Row<'a> {
    tsv: &'a Tsv,
    values: Vec<&'a [u8]>,
    damage: Damage,
}

impl Fields for Row<'_> {
    fn damage(&self) -> Option<&Damage> {
        Some(&self.damage)
    }
    fn get(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        let place = self.tsv.fields.iter().position(|field| field == name)?;
        let value = *self.values.get(place)?;
        let set = value != self.tsv.unset && value != self.tsv.empty && !value.is_empty();
        set.then(|| unescaped(value))
    }
}

/// `\x2c` and `\\` undone.
pub(super) fn unescaped(value: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'\\', value).is_none() {
        return Cow::Borrowed(value);
    }
    let hex = |digit: u8| char::from(digit).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let mut out = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((byte, tail)) = rest.split_first() {
        rest = match rest {
            [b'\\', b'x', high, low, after @ ..] if hex(*high).is_some() && hex(*low).is_some() => {
                out.push(hex(*high).unwrap_or(0) << 4 | hex(*low).unwrap_or(0));
                after
            }
            [b'\\', b'\\', after @ ..] => {
                out.push(b'\\');
                after
            }
            _ => {
                out.push(*byte);
                tail
            }
        };
    }
    Cow::Owned(out)
}

//! What a log format is to davy, and all that there are.

use super::damage::Fields;
use super::json::Object;
use super::row::Row;
use super::sink::Problems;
use crate::facts::Time;
use std::borrow::Cow;
use std::io;

/// Where bytes come from.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// The path as it is shown.
    pub name: String,
    /// When the file was last written: the year of times that have none.
    pub modified: Option<Time>,
}

impl Origin {
    /// The file's own name.
    #[must_use]
    pub fn file(&self) -> &str {
        self.name.rsplit(['/', ':']).next().unwrap_or_default()
    }
}

/// What a reader has to say besides rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// A time without zone was taken for UTC.
    ZoneAssumed,
    /// A time without year was given one by the file's own time.
    YearAssumed,
    /// The log itself says that evidence is missing, as SKIPDATA: what, and how many records.
    Lost(&'static str, u64),
    /// Something the reader of the report should know.
    Said(String),
}

/// Where a reader puts what it read.
pub trait Out {
    /// A row.
    fn row(&mut self, row: Row<'_>);
    /// A remark.
    fn note(&mut self, note: Note);
    /// A field that is none: its name, and what stands in its place.
    fn damaged(&mut self, name: &str, value: &[u8]);
    /// The fields that were found to be none.
    fn fields(&mut self) -> &mut Fields;
    /// Which record comes now, where the reader itself finds the records.
    fn place(&mut self, place: u64);
    /// Which record that is.
    fn at(&self) -> u64;
    /// Whether of a connection only its beginning, its ends, its service and its bytes are wanted.
    fn brief(&self) -> bool {
        false
    }
}

impl dyn Out + '_ {
    /// A row of an earlier record, of which later ones told more.
    pub(super) fn earlier(&mut self, place: u64, row: Row<'_>) {
        let now = self.at();
        self.place(place);
        self.row(row);
        self.place(now);
    }

    /// What was read of a field; told where it is none.
    #[inline]
    pub(super) fn told<T>(&mut self, name: &str, value: &[u8], read: Option<T>) -> Option<T> {
        if read.is_none() {
            self.damaged(name, value);
        }
        read
    }

    /// One record: of what is lost as a whole no fields are told.
    pub(super) fn record(&mut self, read: impl FnOnce(&mut Self) -> Took) -> Took {
        let mark = self.fields().mark();
        let took = read(self);
        if matches!(took, Took::No(_)) {
            self.fields().back(mark);
        }
        took
    }

    /// The time at a line's beginning; told where there stands one that is none.
    pub(super) fn stamp(
        &mut self,
        line: &[u8],
        origin: &Origin,
        read: Option<super::times::Read>,
    ) -> Option<Time> {
        // Without the file's time no year is known.
        if read.is_none() && origin.modified.is_some() && super::times::begins(line) {
            let end = line.len().min(40);
            self.damaged("time", line.get(..end).unwrap_or_default());
        }
        self.time(read)
    }

    /// An address, where other words may stand as well; told where it nearly is one.
    pub(super) fn host(&mut self, name: &str, value: &[u8]) -> Option<std::net::IpAddr> {
        let read = super::field::address(value);
        if read.is_none() && super::field::nearly_address(value) {
            self.damaged(name, value);
        }
        read
    }

    /// A time; what had to be assumed for it is noted.
    pub(super) fn time(&mut self, read: Option<super::times::Read>) -> Option<Time> {
        let read = read?;
        if read.zone_assumed {
            self.note(Note::ZoneAssumed);
        }
        if read.year_assumed {
            self.note(Note::YearAssumed);
        }
        Some(read.time)
    }
}

/// What a line was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Took {
    /// A record, read.
    Yes,
    /// No record: a heading, a comment, an empty line, a summary.
    Heading,
    /// A line of this log that tells nothing of interest.
    Other,
    /// Not understood, and why.
    No(Cow<'static, str>),
}

impl Took {
    /// Not understood.
    #[must_use]
    pub const fn no(why: &'static str) -> Self {
        Self::No(Cow::Borrowed(why))
    }
}

/// Reads lines of one format, with what it must remember between them.
pub trait LineReader {
    /// One line, without its end.
    fn line(&mut self, line: &[u8], origin: &Origin, out: &mut dyn Out) -> Took;
    /// The file's end: what was held back.
    fn end(&mut self, _out: &mut dyn Out) {}
}

/// How a format is framed, how it is told, how it is read.
pub enum Shape {
    /// Lines of text.
    Lines {
        /// Whether a line is of this format.
        tells: fn(&[u8], &Origin) -> bool,
        /// A reader for one file.
        reader: fn() -> Box<dyn LineReader>,
    },
    /// JSON objects.
    Json {
        /// Whether an object is of this format.
        tells: fn(Object<'_>, &Origin) -> bool,
        /// Reads one.
        read: fn(Object<'_>, &Origin, &mut dyn Out) -> Took,
    },
    /// Anything else.
    Binary {
        /// Whether a file that begins so is of this format.
        tells: fn(&[u8]) -> bool,
        /// Reads it all; tells what was not understood, with its place.
        read: fn(&mut dyn io::Read, &Origin, &mut dyn Out, &mut Problems) -> io::Result<()>,
    },
}

/// A log format.
pub struct Format {
    /// Its name, as `zeek`.
    pub name: &'static str,
    /// What it is, for the docs.
    pub doc: &'static str,
    /// The tables it fills.
    pub tables: &'static [&'static str],
    /// How it is read.
    pub shape: Shape,
}

/// Every format. The order is that in which a record is offered: the more particular first.
pub const FORMATS: &[Format] = &[
    super::zeek::TSV,
    super::zeek::JSON,
    super::suricata::FORMAT,
    super::snort::FAST,
    super::snort::JSON,
    super::snort_csv::FORMAT,
    super::nfdump::CSV,
    super::nfdump::JSON,
    super::nfdump_long::FORMAT,
    super::vpcflow::TEXT,
    super::vpcflow::JSON,
    super::parquet::FORMAT,
    super::refused::FORMAT,
    super::guardduty::FORMAT,
    super::route53::FORMAT,
    super::netflow::FORMAT,
    super::sysmon::FORMAT,
    super::auditd::FORMAT,
    super::netfilter::FORMAT,
    super::dnsmasq::FORMAT,
    super::unbound::FORMAT,
    super::bind::FORMAT,
    super::squid::FORMAT,
    super::elb::FORMAT,
    super::haproxy::FORMAT,
    super::combined::FORMAT,
];

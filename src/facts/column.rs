//! The types a column may have, and how each is stored.

use super::HostText;
use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

/// What a column holds, for the schema, the docs and whoever shows a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// A whole number.
    Integer,
    /// A number with a fraction.
    Real,
    /// Text; bytes that are not UTF-8 are written `\xNN`.
    Text,
    /// 0 or 1.
    Bool,
    /// Nanoseconds since 1970-01-01 UTC, shown as RFC 3339.
    Time,
}

impl ColumnKind {
    /// The SQLite type.
    #[must_use]
    pub const fn sql(self) -> &'static str {
        match self {
            Self::Integer | Self::Bool | Self::Time => "INTEGER",
            Self::Real => "REAL",
            Self::Text => "TEXT",
        }
    }

    /// The word used in docs/TABLES.md.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Integer => "integer",
            Self::Real => "real",
            Self::Text => "text",
            Self::Bool => "bool",
            Self::Time => "time",
        }
    }
}

/// A point in time: nanoseconds since 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub i64);

impl Time {
    /// From the seconds and nanoseconds of a file's or a clock's time; saturates.
    #[must_use]
    pub const fn new(seconds: i64, nanoseconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds))
    }

    /// Without what is less than a second: what a reader compares.
    #[must_use]
    pub const fn to_second(self) -> Self {
        Self::new(self.seconds(), 0)
    }

    /// In whole seconds, rounded down.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000_000)
    }

    /// Later (or, negative, earlier) by so many nanoseconds; saturates.
    #[must_use]
    pub const fn plus(self, nanoseconds: i64) -> Self {
        Self(self.0.saturating_add(nanoseconds))
    }
}

impl fmt::Display for Time {
    /// RFC 3339 in UTC, with as many fraction digits as are not zero.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_nanosecond(i128::from(self.0)) {
            Ok(stamp) => write!(f, "{stamp}"),
            Err(_) => write!(f, "{} ns", self.0),
        }
    }
}

/// A value that can stand in a column.
pub trait Column {
    /// What it is, for the schema.
    const KIND: ColumnKind;
    /// Whether it may be NULL, which means *not known*.
    const NULLABLE: bool = false;
    /// The stored form.
    fn column(&self) -> ToSqlOutput<'_>;
}

fn integer(value: i64) -> ToSqlOutput<'static> {
    ToSqlOutput::Owned(Value::Integer(value))
}

macro_rules! integer_column {
    ($($type:ty),*) => {$(
        impl Column for $type {
            const KIND: ColumnKind = ColumnKind::Integer;
            fn column(&self) -> ToSqlOutput<'_> {
                integer(i64::from(*self))
            }
        }
    )*};
}
integer_column!(i64, i32, u32, u16, u8);

impl Column for u64 {
    const KIND: ColumnKind = ColumnKind::Integer;
    /// SQLite has no unsigned 64-bit number: the few values above its range keep their bits.
    fn column(&self) -> ToSqlOutput<'_> {
        integer(self.cast_signed())
    }
}

impl Column for bool {
    const KIND: ColumnKind = ColumnKind::Bool;
    fn column(&self) -> ToSqlOutput<'_> {
        integer(i64::from(*self))
    }
}

impl Column for f64 {
    const KIND: ColumnKind = ColumnKind::Real;
    fn column(&self) -> ToSqlOutput<'_> {
        ToSqlOutput::Owned(Value::Real(*self))
    }
}

impl Column for Time {
    const KIND: ColumnKind = ColumnKind::Time;
    fn column(&self) -> ToSqlOutput<'_> {
        integer(self.0)
    }
}

impl Column for String {
    const KIND: ColumnKind = ColumnKind::Text;
    fn column(&self) -> ToSqlOutput<'_> {
        ToSqlOutput::Borrowed(ValueRef::Text(self.as_bytes()))
    }
}

impl Column for &'static str {
    const KIND: ColumnKind = ColumnKind::Text;
    fn column(&self) -> ToSqlOutput<'_> {
        ToSqlOutput::Borrowed(ValueRef::Text(self.as_bytes()))
    }
}

impl Column for Cow<'static, str> {
    const KIND: ColumnKind = ColumnKind::Text;
    fn column(&self) -> ToSqlOutput<'_> {
        ToSqlOutput::Borrowed(ValueRef::Text(self.as_bytes()))
    }
}

impl Column for IpAddr {
    const KIND: ColumnKind = ColumnKind::Text;
    fn column(&self) -> ToSqlOutput<'_> {
        ToSqlOutput::Owned(Value::Text(self.to_string()))
    }
}

impl Column for HostText {
    const KIND: ColumnKind = ColumnKind::Text;
    fn column(&self) -> ToSqlOutput<'_> {
        match std::str::from_utf8(&self.0) {
            Ok(text) if super::text::is_plain(text) => {
                ToSqlOutput::Borrowed(ValueRef::Text(self.as_bytes()))
            }
            _ => ToSqlOutput::Owned(Value::Text(self.escaped())),
        }
    }
}

impl<T: Column> Column for Option<T> {
    const KIND: ColumnKind = T::KIND;
    const NULLABLE: bool = true;
    fn column(&self) -> ToSqlOutput<'_> {
        match self {
            Some(value) => value.column(),
            None => ToSqlOutput::Owned(Value::Null),
        }
    }
}

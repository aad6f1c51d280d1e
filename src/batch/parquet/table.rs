//! One table of one host as a Parquet file: flat columns, all of which may be NULL, packed with
//! snappy, which everyone reads.

use ::parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use ::parquet::column::writer::ColumnWriter;
use ::parquet::data_type::ByteArray;
use ::parquet::errors::ParquetError;
use ::parquet::file::properties::{EnabledStatistics, WriterProperties};
use ::parquet::file::writer::SerializedFileWriter;
use ::parquet::schema::types::{Type, TypePtr};
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use std::io::Write;
use std::sync::Arc;

/// Rows and bytes of a row group: what is held of a table at once.
const ROWS: usize = 50_000;
const BYTES: usize = 16 << 20;

/// What went wrong.
#[derive(Debug)]
pub(super) enum Error {
    Facts(rusqlite::Error),
    Parquet(ParquetError),
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Facts(e) => e.fmt(f),
            Self::Parquet(e) => e.fmt(f),
        }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(e: rusqlite::Error) -> Self {
        Self::Facts(e)
    }
}

impl From<ParquetError> for Error {
    fn from(e: ParquetError) -> Self {
        Self::Parquet(e)
    }
}

/// The tables that have rows and whose names can be folders.
///
/// # Errors
/// Where they cannot be read.
pub(super) fn names(facts: &Connection) -> rusqlite::Result<Vec<String>> {
    let all = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name";
    let mut names = Vec::new();
    for name in facts.prepare(all)?.query_map([], |row| row.get::<_, String>(0))? {
        let name = name?;
        let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if plain && !name.is_empty() && !name.starts_with("sqlite_") {
            let any = format!("SELECT EXISTS (SELECT 1 FROM \"{name}\")");
            if facts.query_row(&any, [], |row| row.get(0))? {
                names.push(name);
            }
        }
    }
    Ok(names)
}

/// Values of one column, and which rows have one.
enum Values {
    Integer(Vec<i64>),
    Real(Vec<f64>),
    Text(Vec<ByteArray>),
    Bytes(Vec<ByteArray>),
}

struct Column {
    name: String,
    values: Values,
    present: Vec<i16>,
}

impl Column {
    fn new(name: String, declared: &str) -> Self {
        let values = match declared.to_ascii_uppercase().as_str() {
            "INTEGER" => Values::Integer(Vec::new()),
            "REAL" => Values::Real(Vec::new()),
            "BLOB" => Values::Bytes(Vec::new()),
            _ => Values::Text(Vec::new()),
        };
        Self { name, values, present: Vec::new() }
    }

    fn schema(&self) -> Result<TypePtr, ParquetError> {
        let (physical, logical) = match self.values {
            Values::Integer(_) => (Physical::INT64, None),
            Values::Real(_) => (Physical::DOUBLE, None),
            Values::Bytes(_) => (Physical::BYTE_ARRAY, None),
            Values::Text(_) => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        };
        let built = Type::primitive_type_builder(&self.name, physical)
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(logical)
            .build()?;
        Ok(Arc::new(built))
    }

    /// Adds a value, and tells about how many bytes it takes. SQLite lets a column hold what it was
    /// not declared for; davy's tables do not, and a text would show it as it is.
    fn add(&mut self, value: ValueRef<'_>) -> usize {
        let mut there = true;
        let mut size = 8;
        match (&mut self.values, value) {
            (Values::Integer(all), ValueRef::Integer(number)) => all.push(number),
            (Values::Real(all), ValueRef::Real(number)) => all.push(number),
            #[allow(clippy::cast_precision_loss)] // A whole number in a column of measures.
            (Values::Real(all), ValueRef::Integer(number)) => all.push(number as f64),
            (Values::Bytes(all), ValueRef::Text(bytes) | ValueRef::Blob(bytes)) => {
                size += bytes.len();
                all.push(bytes.to_vec().into());
            }
            (Values::Text(all), ValueRef::Text(bytes)) => {
                size += bytes.len();
                all.push(match std::str::from_utf8(bytes) {
                    Ok(text) => text.into(),
                    Err(_) => crate::facts::HostText::from(bytes).escaped().as_str().into(),
                });
            }
            (Values::Text(all), ValueRef::Integer(number)) => {
                all.push(number.to_string().as_str().into());
            }
            (Values::Text(all), ValueRef::Real(number)) => {
                all.push(number.to_string().as_str().into());
            }
            _ => there = false,
        }
        self.present.push(i16::from(there));
        size
    }

    fn flush(&mut self, writer: &mut ColumnWriter<'_>) -> Result<(), ParquetError> {
        let present = Some(self.present.as_slice());
        match (&mut self.values, writer) {
            (Values::Integer(all), ColumnWriter::Int64ColumnWriter(writer)) => {
                writer.write_batch(all, present, None)?;
                all.clear();
            }
            (Values::Real(all), ColumnWriter::DoubleColumnWriter(writer)) => {
                writer.write_batch(all, present, None)?;
                all.clear();
            }
            (
                Values::Text(all) | Values::Bytes(all),
                ColumnWriter::ByteArrayColumnWriter(writer),
            ) => {
                writer.write_batch(all, present, None)?;
                all.clear();
            }
            _ => return Err(ParquetError::General(format!("{}: of two types", self.name))),
        }
        self.present.clear();
        Ok(())
    }
}

/// The columns of a table. `host` is the folder's name to those who read these files: a column of
/// that name is called `named_host`.
fn columns(facts: &Connection, table: &str) -> rusqlite::Result<Vec<Column>> {
    let mut asked = facts.prepare("SELECT name, type FROM pragma_table_info(?) ORDER BY cid")?;
    let columns = asked.query_map([table], |row| {
        let (name, declared): (String, String) = (row.get(0)?, row.get(1)?);
        let name = if name == "host" { "named_host".to_owned() } else { name };
        Ok(Column::new(name, &declared))
    })?;
    columns.collect()
}

/// Writes a table's rows in their order, with the archive's digest before each.
///
/// # Errors
/// Where the table cannot be read, or the file not written.
pub(super) fn write<W: Write + Send>(
    facts: &Connection,
    table: &str,
    archive: &str,
    to: W,
) -> Result<(), Error> {
    let mut columns = columns(facts, table)?;
    columns.insert(0, Column::new("archive".to_owned(), "TEXT"));
    let fields = columns.iter().map(Column::schema).collect::<Result<Vec<_>, _>>()?;
    let schema = Type::group_type_builder(table).with_fields(fields).build()?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true)
        .set_created_by(format!("davy {}", env!("CARGO_PKG_VERSION")))
        .build();
    let mut file = SerializedFileWriter::new(to, Arc::new(schema), Arc::new(properties))?;
    let mut asked = facts.prepare(&format!("SELECT * FROM \"{table}\" ORDER BY rowid"))?;
    let mut rows = asked.query([])?;
    let (mut count, mut bytes) = (0, 0);
    while let Some(row) = rows.next()? {
        for (at, column) in columns.iter_mut().enumerate() {
            bytes += match at.checked_sub(1) {
                Some(at) => column.add(row.get_ref(at)?),
                None => column.add(ValueRef::Text(archive.as_bytes())),
            };
        }
        count += 1;
        if count >= ROWS || bytes >= BYTES {
            group(&mut file, &mut columns)?;
            (count, bytes) = (0, 0);
        }
    }
    if count > 0 {
        group(&mut file, &mut columns)?;
    }
    file.close()?;
    Ok(())
}

fn group<W: Write + Send>(
    file: &mut SerializedFileWriter<W>,
    columns: &mut [Column],
) -> Result<(), ParquetError> {
    let mut group = file.next_row_group()?;
    for column in columns {
        let next = group.next_column()?;
        let mut writer = next.ok_or_else(|| ParquetError::General("a column too many".into()))?;
        column.flush(writer.untyped())?;
        writer.close()?;
    }
    group.close()?;
    Ok(())
}

//! VPC flow logs as Parquet, in which AWS delivers them too: flat columns, dictionary or plain, in
//! gzip, snappy, zstd or nothing. The library that writes davy's own Parquet would take C for zstd; what
//! flow logs use of the format fits on two pages.

mod column;
mod thrift;

use super::format::{Format, Origin, Out, Shape, Took};
use super::sink::Problems;
use super::vpcflow::{What, record};
use column::Column;
use std::borrow::Cow;
use std::io::{self, Read};
use thrift::Value;

pub(super) const FORMAT: Format = Format {
    name: "vpc-parquet",
    doc: "VPC flow logs as Parquet",
    tables: &["flows", "conversations"],
    shape: Shape::Binary { tells, read },
};

/// A file is read as a whole, since what tells of its content stands at its end.
const LARGEST: u64 = 512 << 20;

/// Rows of one group.
const MOST_ROWS: i64 = 20_000_000;

fn tells(head: &[u8]) -> bool {
    head.starts_with(b"PAR1")
}

fn wrong(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.to_owned())
}

fn read(
    stream: &mut dyn Read,
    _: &Origin,
    out: &mut dyn Out,
    problems: &mut Problems,
) -> io::Result<()> {
    let mut file = Vec::new();
    stream.take(LARGEST).read_to_end(&mut file)?;
    let footer =
        footer(&file).ok_or_else(|| wrong("a Parquet file that is cut off or too large"))?;
    let bad = || wrong("a Parquet file whose description is damaged");
    let schema = footer.get(2).map(Value::list).ok_or_else(bad)?;
    // The first is the root; flow logs are flat.
    let columns: Vec<(What, bool)> = schema
        .iter()
        .skip(1)
        .map(|element| {
            let name = element.get(4).map(Value::bytes).unwrap_or_default();
            let what = What::named(std::str::from_utf8(name).unwrap_or_default());
            (what, element.get(3).and_then(Value::number) == Some(1))
        })
        .collect();
    if !columns.iter().any(|(what, _)| *what == What::Source)
        && !columns.iter().any(|(what, _)| *what == What::PacketSource)
    {
        return Err(wrong("a Parquet file, but no VPC flow log: no srcaddr among its columns"));
    }
    let mut number = 0;
    for group in footer.get(4).map(Value::list).unwrap_or_default() {
        let rows = group.get(3).and_then(Value::number).unwrap_or(0);
        if !(0..=MOST_ROWS).contains(&rows) {
            return Err(wrong("a Parquet file with a group of very many rows"));
        }
        let rows = usize::try_from(rows).unwrap_or(0);
        let chunks = group.get(1).map(Value::list).unwrap_or_default();
        let mut wanted: Vec<(What, Column)> = Vec::new();
        for (chunk, (what, optional)) in chunks.iter().zip(&columns) {
            if *what == What::Skip {
                continue;
            }
            let meta = chunk.get(3).ok_or_else(bad)?;
            wanted.push((*what, column::decode(&file, meta, *optional, rows)?));
        }
        for row in 0..rows {
            number += 1;
            out.place(number);
            let cells = wanted
                .iter()
                .filter_map(|(what, column)| Some((*what, Cow::into_owned(column.cell(row)?))))
                .map(|(what, cell)| (what, Cow::Owned(cell)));
            if let Took::No(why) = out.record(|out| record(cells, out)) {
                problems.add(number, &why);
            }
        }
    }
    Ok(())
}

/// What stands at the end: its length and the mark behind it.
fn footer(file: &[u8]) -> Option<Value<'_>> {
    let (rest, mark) = file.split_last_chunk::<4>()?;
    let (rest, length) = rest.split_last_chunk::<4>()?;
    if mark != b"PAR1" {
        return None;
    }
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let from = rest.len().checked_sub(length)?;
    thrift::structure(rest.get(from..)?).map(|(value, _)| value)
}

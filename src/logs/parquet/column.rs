//! One column of one group: its pages unpacked, its levels and values decoded.

use super::thrift::{self, Value};
use super::wrong;
use std::borrow::Cow;
use std::io::{self, Read};

/// Bytes that one page may unpack to.
const PAGE: usize = 256 << 20;

/// A column's values by row.
pub(super) enum Column {
    /// Numbers.
    Numbers(Vec<Option<i64>>),
    /// Texts of a dictionary, by place; [`u32::MAX`] is null.
    Texts(Vec<Vec<u8>>, Vec<u32>),
}

impl Column {
    /// A row's value as text.
    pub(super) fn cell(&self, row: usize) -> Option<Cow<'_, [u8]>> {
        match self {
            Self::Numbers(numbers) => {
                let number = (*numbers.get(row)?)?;
                Some(Cow::Owned(number.to_string().into_bytes()))
            }
            Self::Texts(texts, places) => {
                let place = usize::try_from(*places.get(row)?).ok()?;
                texts.get(place).map(|text| Cow::Borrowed(text.as_slice()))
            }
        }
    }
}

fn damaged() -> io::Error {
    wrong("a Parquet file with a damaged page")
}

/// Decodes a column chunk.
pub(super) fn decode(
    file: &[u8],
    meta: &Value<'_>,
    optional: bool,
    rows: usize,
) -> io::Result<Column> {
    let number = |field| meta.get(field).and_then(Value::number);
    let kind = number(1).unwrap_or(-1);
    let codec = number(4).unwrap_or(0);
    let start = number(11).filter(|at| *at > 0).or_else(|| number(9)).unwrap_or(0);
    let start = usize::try_from(start).map_err(|_| damaged())?;
    let length = usize::try_from(number(7).unwrap_or(0)).map_err(|_| damaged())?;
    let mut rest = file.get(start..).ok_or_else(damaged)?;
    rest = rest.get(..length).unwrap_or(rest);
    let mut column = match kind {
        1 | 2 => Column::Numbers(Vec::new()),
        6 => Column::Texts(Vec::new(), Vec::new()),
        _ => return Err(wrong("a Parquet file whose columns are neither numbers nor texts")),
    };
    let mut numbers: Vec<i64> = Vec::new();
    let mut have = 0;
    while have < rows {
        let (header, used) = thrift::structure(rest).ok_or_else(damaged)?;
        let size = header.get(3).and_then(Value::number).unwrap_or(-1);
        let size = usize::try_from(size).map_err(|_| damaged())?;
        let packed = rest.get(used..).and_then(|r| r.get(..size)).ok_or_else(damaged)?;
        rest = rest.get(used + size..).unwrap_or_default();
        let whole = header.get(2).and_then(Value::number).unwrap_or(0);
        let whole = usize::try_from(whole).ok().filter(|w| *w <= PAGE).ok_or_else(damaged)?;
        match header.get(1).and_then(Value::number) {
            Some(2) => {
                let page = unpack(codec, packed, whole)?;
                let count = header.get(7).and_then(|d| d.get(1)).and_then(Value::number);
                let count = usize::try_from(count.unwrap_or(0)).map_err(|_| damaged())?;
                let mut plain = Plain(&page);
                match &mut column {
                    Column::Numbers(_) => {
                        numbers = plain.numbers(kind, count).ok_or_else(damaged)?;
                    }
                    Column::Texts(texts, _) => *texts = plain.texts(count).ok_or_else(damaged)?,
                }
            }
            Some(0) => {
                let page = unpack(codec, packed, whole)?;
                let data = header.get(5).ok_or_else(damaged)?;
                let field = |n| data.get(n).and_then(Value::number).unwrap_or(-1);
                let count = usize::try_from(field(1)).map_err(|_| damaged())?;
                let mut bytes = page.as_slice();
                let mut defined = vec![1; count.min(rows)];
                if optional {
                    let (length, after) = bytes.split_first_chunk::<4>().ok_or_else(damaged)?;
                    let length = u32::from_le_bytes(*length) as usize;
                    let (levels, after) = after.split_at_checked(length).ok_or_else(damaged)?;
                    defined = hybrid(levels, 1, count.min(rows)).ok_or_else(damaged)?;
                    bytes = after;
                }
                fill(&mut column, &numbers, bytes, field(2), &defined, kind).ok_or_else(damaged)?;
                have += defined.len().max(1);
            }
            Some(3) => {
                let data = header.get(8).ok_or_else(damaged)?;
                let field = |n| data.get(n).and_then(Value::number).unwrap_or(0);
                let count = usize::try_from(field(1)).map_err(|_| damaged())?.min(rows);
                let levels = usize::try_from(field(5) + field(6)).map_err(|_| damaged())?;
                let (levels, values) = packed.split_at_checked(levels).ok_or_else(damaged)?;
                let plain = data.get(7).and_then(Value::number) == Some(0);
                let size = whole.saturating_sub(levels.len());
                let page = unpack(if plain { 0 } else { codec }, values, size)?;
                let defined = match optional {
                    true => hybrid(levels, 1, count).ok_or_else(damaged)?,
                    false => vec![1; count],
                };
                fill(&mut column, &numbers, &page, field(4), &defined, kind).ok_or_else(damaged)?;
                have += defined.len().max(1);
            }
            _ => {}
        }
        if rest.is_empty() && have < rows {
            return Err(damaged());
        }
    }
    Ok(column)
}

/// Adds a page's values; where a level is 0 the value is null.
fn fill(
    column: &mut Column,
    dictionary: &[i64],
    bytes: &[u8],
    encoding: i64,
    defined: &[u32],
    kind: i64,
) -> Option<()> {
    let set = defined.iter().filter(|level| **level == 1).count();
    let by_dictionary = matches!(encoding, 2 | 8);
    let places = if by_dictionary {
        match bytes.split_first() {
            Some((width, rest)) => hybrid(rest, u32::from(*width), set)?,
            None => Vec::new(),
        }
    } else {
        Vec::new()
    };
    match column {
        Column::Numbers(all) => {
            let values: Vec<i64> = if by_dictionary {
                places
                    .iter()
                    .map(|p| dictionary.get(*p as usize).copied())
                    .collect::<Option<_>>()?
            } else {
                (encoding == 0).then(|| Plain(bytes).numbers(kind, set))??
            };
            let mut values = values.into_iter();
            for level in defined {
                all.push(if *level == 1 { Some(values.next()?) } else { None });
            }
        }
        Column::Texts(texts, all) => {
            let mut places = if by_dictionary {
                places.into_iter()
            } else {
                let plain = (encoding == 0).then(|| Plain(bytes).texts(set))??;
                let from = u32::try_from(texts.len()).ok()?;
                texts.extend(plain);
                (from..u32::try_from(texts.len()).ok()?).collect::<Vec<_>>().into_iter()
            };
            for level in defined {
                all.push(if *level == 1 { places.next()? } else { u32::MAX });
            }
        }
    }
    Some(())
}

fn unpack(codec: i64, packed: &[u8], whole: usize) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    let limit = whole as u64;
    match codec {
        0 => page.extend_from_slice(packed),
        1 => {
            // Its own head says how much it becomes: not more than the page's does.
            if snap::raw::decompress_len(packed).map_err(io::Error::other)? > whole {
                return Err(damaged());
            }
            page = snap::raw::Decoder::new().decompress_vec(packed).map_err(io::Error::other)?;
        }
        2 => {
            flate2::read::MultiGzDecoder::new(packed).take(limit).read_to_end(&mut page)?;
        }
        6 => {
            let decoder = ruzstd::decoding::StreamingDecoder::new(packed);
            let decoder = decoder.map_err(|e| io::Error::other(e.to_string()))?;
            decoder.take(limit).read_to_end(&mut page)?;
        }
        _ => return Err(wrong("a Parquet file in a compression that davy does not open")),
    }
    Ok(page)
}

/// Values written one after another.
struct Plain<'a>(&'a [u8]);

impl Plain<'_> {
    fn numbers(&mut self, kind: i64, count: usize) -> Option<Vec<i64>> {
        if kind == 1 {
            let (all, _) = self.0.as_chunks::<4>();
            return all
                .get(..count)
                .map(|a| a.iter().map(|n| i32::from_le_bytes(*n).into()).collect());
        }
        let (all, _) = self.0.as_chunks::<8>();
        all.get(..count).map(|a| a.iter().map(|n| i64::from_le_bytes(*n)).collect())
    }

    fn texts(&mut self, count: usize) -> Option<Vec<Vec<u8>>> {
        let mut out = Vec::new();
        for _ in 0..count {
            let (length, rest) = self.0.split_first_chunk::<4>()?;
            let (text, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
            out.push(text.to_vec());
            self.0 = rest;
        }
        Some(out)
    }
}

/// Runs of one value, and groups of eight packed by bits, in turn.
fn hybrid(bytes: &[u8], width: u32, count: usize) -> Option<Vec<u32>> {
    if width > 32 {
        return None;
    }
    let mut out = Vec::with_capacity(count.min(1 << 20));
    let mut rest = bytes;
    while out.len() < count {
        let (mut head, mut shift) = (0u64, 0u32);
        loop {
            let (byte, after) = rest.split_first()?;
            rest = after;
            head |= u64::from(byte & 0x7f).checked_shl(shift)?;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let left = count - out.len();
        if head & 1 == 0 {
            let size = width.div_ceil(8) as usize;
            let (value, after) = rest.split_at_checked(size)?;
            rest = after;
            let value = value.iter().rev().fold(0u32, |sum, byte| sum << 8 | u32::from(*byte));
            let run = usize::try_from(head >> 1).ok()?;
            out.extend(std::iter::repeat_n(value, run.min(left)));
            if run == 0 {
                return None;
            }
        } else {
            let groups = usize::try_from(head >> 1).ok()?;
            let size = groups.checked_mul(width as usize)?;
            // The last group may be cut short at the page's end.
            let (packed, after) = rest.split_at_checked(size).unwrap_or((rest, b""));
            rest = after;
            let (mut bits, mut have) = (0u64, 0u32);
            let mut bytes = packed.iter();
            for _ in 0..(groups.checked_mul(8)?).min(left) {
                while have < width {
                    bits |= u64::from(*bytes.next()?) << have;
                    have += 8;
                }
                out.push(u32::try_from(bits & ((1u64 << width) - 1)).ok()?);
                bits >>= width;
                have -= width;
            }
            if groups == 0 {
                return None;
            }
        }
    }
    Some(out)
}

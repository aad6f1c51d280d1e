//! Thrift's compact protocol, as much as Parquet's descriptions use of it.

use std::collections::BTreeMap;

/// How deep structures stand within one another.
const DEPTH: u32 = 16;
/// Values of one description.
const MOST: u32 = 1_000_000;

/// A value; structures by the numbers of their fields.
pub(super) enum Value<'a> {
    Number(i64),
    Bytes(&'a [u8]),
    List(Vec<Self>),
    Structure(BTreeMap<i64, Self>),
}

impl<'a> Value<'a> {
    pub(super) fn get(&self, field: i64) -> Option<&Self> {
        match self {
            Self::Structure(fields) => fields.get(&field),
            _ => None,
        }
    }
    pub(super) const fn number(&self) -> Option<i64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }
    pub(super) const fn bytes(&self) -> &'a [u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            _ => &[],
        }
    }
    pub(super) fn list(&self) -> &[Self] {
        match self {
            Self::List(list) => list,
            _ => &[],
        }
    }
}

/// Reads a structure and tells how many bytes it took.
pub(super) fn structure(bytes: &[u8]) -> Option<(Value<'_>, usize)> {
    let mut reader = Reader { bytes, left: MOST };
    let value = reader.structure(0)?;
    Some((value, bytes.len() - reader.bytes.len()))
}

struct Reader<'a> {
    bytes: &'a [u8],
    left: u32,
}

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(*byte)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut sum = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            sum |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(sum);
            }
        }
        None
    }

    fn zigzag(&mut self) -> Option<i64> {
        let raw = self.varint()?;
        Some((raw >> 1).cast_signed() ^ -(raw & 1).cast_signed())
    }

    fn structure(&mut self, depth: u32) -> Option<Value<'a>> {
        let mut fields = BTreeMap::new();
        let mut number = 0i64;
        loop {
            let head = self.byte()?;
            if head == 0 {
                return Some(Value::Structure(fields));
            }
            number = match head >> 4 {
                0 => self.zigzag()?,
                delta => number.checked_add(delta.into())?,
            };
            let value = self.value(head & 0x0f, depth + 1, false)?;
            fields.insert(number, value);
        }
    }

    fn value(&mut self, kind: u8, depth: u32, listed: bool) -> Option<Value<'a>> {
        self.left = self.left.checked_sub(1)?;
        if depth > DEPTH {
            return None;
        }
        Some(match kind {
            // Within lists truth is a byte; in fields the type itself says it.
            1 | 2 if listed => Value::Number(i64::from(self.byte()? == 1)),
            1 => Value::Number(1),
            2 => Value::Number(0),
            3 => Value::Number(self.byte()?.into()),
            4..=6 => Value::Number(self.zigzag()?),
            7 => {
                let (eight, rest) = self.bytes.split_at_checked(8)?;
                self.bytes = rest;
                Value::Bytes(eight)
            }
            8 => {
                let length = usize::try_from(self.varint()?).ok()?;
                let (text, rest) = self.bytes.split_at_checked(length)?;
                self.bytes = rest;
                Value::Bytes(text)
            }
            9 | 10 => {
                let head = self.byte()?;
                let count = match head >> 4 {
                    15 => self.varint()?,
                    count => count.into(),
                };
                let mut list = Vec::new();
                for _ in 0..count {
                    list.push(self.value(head & 0x0f, depth + 1, true)?);
                }
                Value::List(list)
            }
            12 => self.structure(depth)?,
            _ => return None,
        })
    }
}

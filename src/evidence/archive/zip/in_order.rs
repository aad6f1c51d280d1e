//! A zip whose directory is cut off, or lies: its members in their order, by the header that stands
//! before each. Whoever writes a zip to a stream (Velociraptor does) says the sizes only behind the
//! bytes: then these tell themselves where they end.

use super::{Spool, Wanted, file};
use flate2::bufread::DeflateDecoder;
use std::io::{self, BufRead, BufReader, Cursor, Read};

/// The marks before a member, before the directory, and behind the bytes of a member.
const MEMBER: [u8; 4] = *b"PK\x03\x04";
const DIRECTORY: [u8; 4] = *b"PK\x01\x02";
const END: [u8; 4] = *b"PK\x05\x06";
const BEHIND: [u8; 4] = *b"PK\x07\x08";

/// Bytes that may stand behind those of a member: a mark, a checksum, two sizes.
const MOST_BEHIND: usize = 24 + 4;

/// What stands before a member.
struct Header {
    method: u16,
    encrypted: bool,
    /// Packed and unpacked size; `None` where they stand behind the bytes.
    sizes: Option<(u64, u64)>,
    name: Vec<u8>,
}

/// Reads all members, as far as they go.
pub(super) fn read(
    spool: &mut Spool,
    before: &[u8],
    stream: impl Read,
    wanted: Wanted<'_>,
    depth: u32,
) {
    let mut stream = BufReader::new(stream);
    let mut last = before.to_vec();
    let mut mark = [0; 4];
    let cut = |spool: &mut Spool, last: &[u8], e: &io::Error| {
        spool.damage(last, format!("cut or damaged after this: {e}"));
    };
    if let Err(e) = stream.read_exact(&mut mark) {
        return cut(spool, &last, &e);
    }
    while mark != DIRECTORY && mark != END {
        if mark != MEMBER {
            return cut(spool, &last, &io::Error::other("no member begins here"));
        }
        if !spool.counted() {
            return;
        }
        let header = match header(&mut stream) {
            Ok(header) => header,
            Err(e) => return cut(spool, &last, &e),
        };
        last = [before, &header.name].concat();
        let after = member(spool, before, &header, &mut stream, wanted, depth);
        match after.and_then(|()| next(&mut stream)) {
            Ok(next) => mark = next,
            Err(e) => return cut(spool, &last, &e),
        }
    }
}

/// The header behind its mark.
fn header(stream: &mut impl Read) -> io::Result<Header> {
    let mut fixed = [0; 26];
    stream.read_exact(&mut fixed)?;
    let bytes = |at: usize, count: usize| fixed.get(at..at + count).unwrap_or_default();
    let word = |at| u16::from_le_bytes(bytes(at, 2).try_into().unwrap_or_default());
    let long = |at| u32::from_le_bytes(bytes(at, 4).try_into().unwrap_or_default());
    let (flags, packed, size) = (word(2), long(14), long(18));
    let mut name = vec![0; word(22).into()];
    let mut extra = vec![0; word(24).into()];
    stream.read_exact(&mut name)?;
    stream.read_exact(&mut extra)?;
    let sizes = if packed == u32::MAX || size == u32::MAX {
        large(&extra)
    } else if flags & 8 != 0 && packed == 0 {
        None
    } else {
        Some((packed.into(), size.into()))
    };
    Ok(Header { method: word(4), encrypted: flags & 1 != 0, sizes, name })
}

/// Sizes of 64 bits, from a header's extra fields.
fn large(mut extra: &[u8]) -> Option<(u64, u64)> {
    while let Some(([a, b, c, d], rest)) = extra.split_first_chunk::<4>() {
        let length = usize::from(u16::from_le_bytes([*c, *d]));
        let body = rest.get(..length)?;
        if u16::from_le_bytes([*a, *b]) == 1 {
            let (size, body) = body.split_first_chunk::<8>()?;
            let (packed, _) = body.split_first_chunk::<8>()?;
            let (packed, size) = (u64::from_le_bytes(*packed), u64::from_le_bytes(*size));
            return (packed > 0 || size == 0).then_some((packed, size));
        }
        extra = rest.get(length..)?;
    }
    None
}

/// Takes one member in; the stream stands behind its bytes afterwards.
fn member(
    spool: &mut Spool,
    before: &[u8],
    header: &Header,
    stream: &mut impl BufRead,
    wanted: Wanted<'_>,
    depth: u32,
) -> io::Result<()> {
    let Some((packed, size)) = header.sizes else {
        let most = spool.limits.one;
        let (bytes, size, failed) = if header.encrypted {
            (Vec::new(), 0, Some(io::Error::other("encrypted, and without its size")))
        } else if header.method == 8 {
            inflated(stream, most)
        } else {
            stored(stream, most)
        };
        // What came before the cut is used as far as it goes.
        let stated = size.saturating_add(u64::from(failed.is_some()));
        file(spool, before, &header.name, stated, Box::new(Cursor::new(bytes)), wanted, depth);
        return failed.map_or(Ok(()), Err);
    };
    let mut own = stream.take(packed);
    if header.encrypted || !matches!(header.method, 0 | 8) {
        let why = if header.encrypted { "encrypted" } else { "packed in a way davy does not know" };
        spool.problem(&[before, &header.name].concat(), format!("{why}; left out"));
    } else if header.method == 8 {
        let bytes = Box::new(DeflateDecoder::new(&mut own));
        file(spool, before, &header.name, size, bytes, wanted, depth);
    } else {
        file(spool, before, &header.name, size, Box::new(&mut own), wanted, depth);
    }
    io::copy(&mut own, &mut io::sink())?;
    if own.limit() > 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}

/// Bytes, how many there were in all, and why there are no more.
type Unpacked = (Vec<u8>, u64, Option<io::Error>);

/// Unpacks what ends by itself; holds at most so many bytes.
fn inflated(stream: &mut impl BufRead, most: u64) -> Unpacked {
    let mut decoder = DeflateDecoder::new(stream);
    let mut bytes = Vec::new();
    let mut failed = decoder.by_ref().take(most).read_to_end(&mut bytes).err();
    let mut size = bytes.len() as u64;
    if failed.is_none() {
        match io::copy(&mut decoder.take(1 << 40), &mut io::sink()) {
            Ok(more) => size = size.saturating_add(more),
            Err(e) => failed = Some(e),
        }
    }
    (bytes, size, failed)
}

/// Bytes as they are, up to a mark behind them that tells how many they were.
fn stored(stream: &mut impl BufRead, most: u64) -> Unpacked {
    let mut bytes = Vec::new();
    loop {
        let (used, ended) = match stream.fill_buf() {
            Ok([]) => (0, Some(io::ErrorKind::UnexpectedEof.into())),
            Ok(_) if bytes.len() as u64 > most => {
                let why = "stored without its size, and more than davy holds";
                (0, Some(io::Error::other(why)))
            }
            Ok(chunk) => {
                let end = chunk.iter().position(|byte| {
                    bytes.push(*byte);
                    told_behind(&bytes).is_some()
                });
                (end.map_or(chunk.len(), |at| at.saturating_add(1)), None)
            }
            Err(e) => (0, Some(e)),
        };
        stream.consume(used);
        if let Some(length) = told_behind(&bytes) {
            bytes.truncate(length);
            return (bytes, length as u64, None);
        }
        if ended.is_some() {
            let size = bytes.len() as u64;
            return (bytes, size, ended);
        }
    }
}

/// How many bytes stand before the mark, checksum and size with which these end, where that size says
/// so.
fn told_behind(bytes: &[u8]) -> Option<usize> {
    let (before, [p, k, seven, eight, _, _, _, _, size @ ..]) = bytes.split_last_chunk::<12>()?;
    let told = u32::from_le_bytes(*size);
    let marked = [*p, *k, *seven, *eight] == BEHIND;
    (marked && u64::from(told) == before.len() as u64).then_some(before.len())
}

/// The next mark, past what may stand behind a member's bytes.
fn next(stream: &mut impl Read) -> io::Result<[u8; 4]> {
    let mut mark = [0; 4];
    stream.read_exact(&mut mark)?;
    for _ in 0..MOST_BEHIND {
        if [MEMBER, DIRECTORY, END].contains(&mark) {
            return Ok(mark);
        }
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        let [_, b, c, d] = mark;
        mark = [b, c, d, byte[0]];
    }
    Ok(mark)
}

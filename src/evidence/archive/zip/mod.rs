//! zip: by its central directory, which stands at the end.

mod in_order;

use super::{Member, Spool, Wanted, guest};
use crate::evidence::{Body, FileKind};
use crate::facts::HostText;
use ::zip::ZipArchive;
use ::zip::read::ZipFile;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

/// Bytes of a zip that comes as a stream and must be held whole.
const HELD: u64 = 256 << 20;

/// Holds a zip that cannot be sought in.
///
/// # Errors
/// Where it is too long.
pub(super) fn whole(stream: Box<dyn Read + Send>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    stream.take(HELD + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > HELD {
        let why =
            "a zip from a stream must be held whole, and this one is over 256 MiB: name the file";
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    }
    Ok(bytes)
}

/// Reads all members.
///
/// # Errors
/// Where it is no zip, or nothing of it can be read.
pub(super) fn read(
    spool: &mut Spool,
    before: &[u8],
    mut file: impl Read + Seek,
    wanted: Wanted<'_>,
    depth: u32,
) -> io::Result<()> {
    if let Some(why) = contradiction(&mut file) {
        spool.damage(before, format!("{why}: members are taken in their order instead"));
        file.rewind()?;
        in_order::read(spool, before, file, wanted, depth);
        return Ok(());
    }
    file.rewind()?;
    let mut archive = match ZipArchive::new(&mut file) {
        Ok(archive) => archive,
        Err(e) => {
            let why = format!(
                "its directory, which stands at its end, cannot be read ({e}): members are taken \
                 in their order, as far as they go"
            );
            spool.damage(before, why);
            file.rewind()?;
            in_order::read(spool, before, file, wanted, depth);
            return Ok(());
        }
    };
    for index in 0..archive.len() {
        if !spool.counted() {
            return Ok(());
        }
        match archive.by_index(index) {
            Ok(mut entry) => member(spool, before, &mut entry, wanted, depth),
            Err(e) => spool.problem(format!("member {index}").as_bytes(), e.to_string()),
        }
    }
    Ok(())
}

/// Where a zip's directory and its members say different things, so that two programs would read two
/// archives out of it: how.
fn contradiction(file: &mut (impl Read + Seek)) -> Option<String> {
    let mut archive = ZipArchive::new(&mut *file).ok()?;
    let directory = archive.central_directory_start();
    let listed: Vec<(u64, Vec<u8>)> = (0..archive.len())
        .filter_map(|index| {
            let entry = archive.by_index_raw(index).ok()?;
            Some((entry.header_start(), entry.name_raw().to_vec()))
        })
        .collect();
    let count = archive.len();
    drop(archive);
    if entries(file, directory).is_some_and(|there| there != count as u64) {
        return Some(format!("its end counts {count} members, and its directory others"));
    }
    for (at, name) in listed {
        let mut header = [0; 30];
        file.seek(SeekFrom::Start(at)).ok()?;
        file.read_exact(&mut header).ok()?;
        let [.., low, high, _, _] = header;
        let length = u64::from(u16::from_le_bytes([low, high]));
        let mut own = Vec::new();
        file.by_ref().take(length).read_to_end(&mut own).ok()?;
        if own != name {
            let text = |bytes: &[u8]| HostText::from(bytes).escaped();
            return Some(format!(
                "a member is {} in its directory and {} where it lies",
                text(&name),
                text(&own)
            ));
        }
    }
    None
}

/// How many entries stand in a directory that begins here.
fn entries(file: &mut (impl Read + Seek), directory: u64) -> Option<u64> {
    file.seek(SeekFrom::Start(directory)).ok()?;
    let mut reader = BufReader::new(file);
    let mut count = 0;
    let mut header = [0; 46];
    while reader.read_exact(&mut header).is_ok() && header.starts_with(b"PK\x01\x02") {
        let word = |at: usize| {
            let pair = header.get(at..at + 2).and_then(|pair| pair.try_into().ok());
            u64::from(pair.map_or(0, u16::from_le_bytes))
        };
        let rest = word(28) + word(30) + word(32);
        io::copy(&mut reader.by_ref().take(rest), &mut io::sink()).ok()?;
        count += 1;
    }
    Some(count)
}

/// Takes one member in.
fn member<R: Read>(
    spool: &mut Spool,
    before: &[u8],
    entry: &mut ZipFile<'_, R>,
    wanted: Wanted<'_>,
    depth: u32,
) {
    let name = entry.name_raw().to_vec();
    let mode = entry.unix_mode().unwrap_or(0o644);
    let size = entry.size();
    let kind = match FileKind::from_mode(mode) {
        _ if entry.is_dir() => FileKind::Directory,
        FileKind::Other => FileKind::File,
        kind => kind,
    };
    kept(spool, before, (&name, kind, mode, size), Box::new(&mut *entry), wanted, depth);
}

/// Takes in a file or folder of which no more is known than what stands before it.
fn file(
    spool: &mut Spool,
    before: &[u8],
    name: &[u8],
    size: u64,
    reader: Box<dyn Read + '_>,
    wanted: Wanted<'_>,
    depth: u32,
) {
    let folder = name.ends_with(b"/");
    let kind = if folder { FileKind::Directory } else { FileKind::File };
    kept(spool, before, (name, kind, 0o644, size), reader, wanted, depth);
}

/// Takes one member in: its name, what it is, permissions, size.
fn kept(
    spool: &mut Spool,
    before: &[u8],
    (raw, kind, mode, size): (&[u8], FileKind, u32, u64),
    mut reader: Box<dyn Read + '_>,
    wanted: Wanted<'_>,
    depth: u32,
) {
    let Some(name) = spool.named(before, raw) else { return };
    let mut member = Member {
        kind,
        mode: mode & 0o7777,
        uid: 0,
        gid: 0,
        size,
        mtime: 0,
        link: Vec::new(),
        body: Body::Unheld,
        cut: false,
    };
    if kind == FileKind::Link {
        let _ = reader.by_ref().take(4096).read_to_end(&mut member.link);
        member.size = member.link.len() as u64;
    }
    if let Err(e) = guest::take(spool, &name, member, reader, wanted, depth) {
        spool.damage(&name, format!("damaged: {e}"));
    }
}

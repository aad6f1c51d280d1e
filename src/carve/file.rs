//! A file that can be read anywhere: in parts, by all cores, its holes left out.

use super::scan::{AHEAD, Found, OVERLAP, Stream};
use rayon::prelude::*;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

/// Bytes that one core takes at a time.
const PART: u64 = 32 << 20;

/// Carves a regular file, and returns how many bytes of it were read. Holes are not read: a
/// sparse file of a terabyte costs what it holds.
///
/// # Errors
/// The first part's that could not be read; what the others gave is in `found`.
pub fn carve_file(file: &File, found: &mut Found) -> io::Result<u64> {
    let size = file.metadata()?.len();
    let parts = parts(file, size);
    let (mut total, mut failed) = (0_u64, None);
    // As many at a time as there are cores, so that what they found is not all held at once.
    for together in parts.chunks(rayon::current_num_threads().max(1)) {
        let fresh: Vec<Found> = together.iter().map(|_| found.another()).collect();
        let results: Vec<(Found, io::Result<u64>)> = together
            .par_iter()
            .zip(fresh)
            .map(|(part, mut found)| {
                let read = carve_part(file, part, size, &mut found);
                (found, read)
            })
            .collect();
        for (part, read) in results {
            found.merge(part);
            match read {
                Ok(read) => total = total.saturating_add(read),
                Err(error) => {
                    failed.get_or_insert(error);
                }
            }
        }
    }
    failed.map_or(Ok(total), Err)
}

/// The stretches that hold data, cut into parts.
fn parts(file: &File, size: u64) -> Vec<Range<u64>> {
    let mut parts = Vec::new();
    let mut at = 0;
    while at < size {
        let data = match rustix::fs::seek(file, rustix::fs::SeekFrom::Data(at)) {
            Ok(data) => data,
            // No data from here on.
            Err(rustix::io::Errno::NXIO) => break,
            // A file system that cannot tell: all of it is data.
            Err(_) => at,
        };
        let hole = rustix::fs::seek(file, rustix::fs::SeekFrom::Hole(data))
            .unwrap_or(size)
            .clamp(data, size);
        let hole = if hole == data { size } else { hole };
        let mut from = data;
        while from < hole {
            let to = hole.min(from.saturating_add(PART));
            parts.push(from..to);
            from = to;
        }
        at = hole;
    }
    parts
}

fn carve_part(file: &File, part: &Range<u64>, size: u64, found: &mut Found) -> io::Result<u64> {
    let mut at = part.start.saturating_sub(OVERLAP as u64);
    let end = part.end.saturating_add(AHEAD as u64).min(size);
    let mut stream = Stream::part(found, at, part.clone());
    loop {
        if at >= end {
            // A compressed member that begins in this part is followed into the next.
            stream.owned();
            if at >= size || !stream.goes_on() {
                break;
            }
        }
        let rest = if at < end { end - at } else { size - at };
        let asked = usize::try_from(rest).unwrap_or(super::READ).min(super::READ);
        match file.read_at(stream.room(asked), at) {
            Ok(0) => {
                stream.filled(asked, 0);
                break;
            }
            Ok(got) => {
                stream.filled(asked, got);
                at = at.saturating_add(got as u64);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => stream.filled(asked, 0),
            Err(error) => {
                stream.filled(asked, 0);
                return Err(error);
            }
        }
    }
    Ok(at.min(part.end).saturating_sub(part.start))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::io::Write;

    #[test]
    fn a_member_is_followed_across_the_edge_of_two_parts() {
        use flate2::{Compression, write::GzEncoder};
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        // Digits, so that nothing is stored as it is.
        let noise: String =
            (0..400_000_u32).map(|n| format!("{:x} ", n.wrapping_mul(2_654_435_761))).collect();
        gzip.write_all(noise.as_bytes()).unwrap();
        gzip.write_all(b"\0http://198.51.100.7/deep\0").unwrap();
        gzip.write_all(noise.as_bytes()).unwrap();
        let member = gzip.finish().unwrap();
        for at in [PART - 5000, PART - 400_000, 77] {
            let file = tempfile::tempfile().unwrap();
            file.set_len(PART + (8 << 20)).unwrap();
            file.write_all_at(&member, at).unwrap();
            file.write_all_at(&[0xff; 8], PART + (8 << 20) - 8).unwrap();
            let mut found = Found::default();
            carve_file(&file, &mut found).unwrap();
            let (all, cut) = found.finish();
            let url = all.iter().find(|c| c.value == b"http://198.51.100.7/deep").unwrap();
            assert_eq!((url.offset, url.way.to_string().as_str(), url.count), (at, "gzip", 1));
            assert!(cut.nothing() && cut.longer == 0, "{cut}");
        }
    }

    #[test]
    fn parts_give_what_the_whole_gives_and_holes_cost_nothing() {
        let mut file = tempfile::tempfile().unwrap();
        file.set_len(1 << 40).unwrap();
        let edge = PART - 9;
        for at in [0, edge, 900 << 30] {
            file.write_all_at(b"http://198.51.100.7/first\0", at).unwrap();
        }
        // Across the edge of two parts.
        file.write_all_at(&vec![b'.'; 4096], PART - 2048).unwrap();
        file.write_all_at(b"\0http://198.51.100.7/second\0", edge).unwrap();
        file.flush().unwrap();
        let mut found = Found::default();
        let read = carve_file(&file, &mut found).unwrap();
        assert!(read < 1 << 20, "{read}");
        let (all, cut) = found.finish();
        let seen: Vec<_> = all
            .iter()
            .map(|c| (String::from_utf8_lossy(&c.value).into_owned(), c.offset, c.count))
            .collect();
        let expected = [
            ("http://198.51.100.7/first".to_owned(), 0, 2),
            ("http://198.51.100.7/second".to_owned(), edge + 1, 1),
        ];
        assert_eq!(seen, expected);
        assert!(cut.nothing(), "{cut}");
    }
}

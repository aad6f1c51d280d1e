//! Reading until a buffer is full.

use std::io::{self, Read};

/// How much came until the buffer was full or there was no more, and the error that ended it. What came
/// before an error counts; whether it is enough, the caller knows.
pub fn filled(from: &mut (impl Read + ?Sized), into: &mut [u8]) -> (usize, Option<io::Error>) {
    let mut have = 0_usize;
    while let Some(room) = into.get_mut(have..).filter(|room| !room.is_empty()) {
        match from.read(room) {
            Ok(0) => break,
            Ok(got) => have = have.saturating_add(got),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (have, Some(error)),
        }
    }
    (have, None)
}

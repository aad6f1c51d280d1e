//! wtmp and btmp of archives that hold only what was printed of them.

use super::output::last;
use crate::evidence::{Assembly, Body, FileKind, HostPath};

/// What is printed, in which file it was, and the kind of its records.
pub(super) const FILES: [(&str, i16); 2] = [("/var/log/wtmp", 7), ("/var/log/btmp", 6)];

/// Makes the file of what was printed of it, unless it was taken itself. True where it is there.
pub(super) fn place(
    host: &mut Assembly,
    (path, kind): (&str, i16),
    text: &[u8],
    offset: i64,
    member: &str,
) -> bool {
    let path = HostPath::from(path);
    if host.bytes(&path).is_some() {
        return true;
    }
    let records = last::records(text, kind, offset);
    if records.is_empty() {
        return false;
    }
    let mut stat = host.stat(FileKind::File, 0o664);
    stat.size = records.len() as u64;
    let body = Body::Bytes(records.into());
    match host.find(&path, false) {
        Some(known) => {
            host.restate(known, |known| known.size = stat.size);
            host.fill(known, body);
        }
        None => {
            host.file(&path, &stat, body);
        }
    }
    host.origin(&path, member);
    true
}

//! What can be said of an archive's integrity.

use crate::evidence::Told;
use crate::facts::Status;

/// Something in an archive that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The member; empty for the archive.
    pub member: String,
    /// What is wrong.
    pub why: String,
}

/// What can be said of an archive's integrity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Custody {
    /// Name of the host.
    pub host: String,
    /// Number of the last segment that is there.
    pub segments: u64,
    /// Segments that are there.
    pub present: u64,
    /// The first and the last of those that are missing between others.
    pub missing: Vec<(u64, u64)>,
    /// Whether the last segment names the digest of every other one.
    pub tied: bool,
    /// Members that these vouch for.
    pub members: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// Digest of the last segment; of a whole archive, its root.
    pub root: String,
    /// Whether the last segment is there.
    pub whole: bool,
    /// What is not as it was written.
    pub faults: Vec<Fault>,
    /// Members after the last segment: nothing vouches for them, and nothing of them is used.
    pub unvouched: u64,
    /// What the collector read and did not keep, by its limits.
    pub left_out: Vec<(String, u64)>,
    /// Members for whose permissions, owners and times in the tar's headers nothing vouches: an older
    /// davy wrote them.
    pub bare: u64,
}

/// What is wrong or was left out, as coverage; nothing where nothing is.
pub(super) fn told(name: &str, custody: &Custody, (members, bytes): (u64, u64)) -> Option<Told> {
    let mut told = Told::default();
    if members > 0 {
        let why = format!(
            "{name}: {members} members ({bytes} bytes) are more than davy holds, and were left out: \
             what comes through a pipe, is encrypted or is packed as one piece cannot be read again; name a file \
             that is packed with zstd, as davy collect does, or not at all"
        );
        told.beyond.push(("archive members".to_owned(), why));
    }
    told.damaged = custody.faults.first().map(|Fault { member, why }| {
        let what = if member.is_empty() { "the archive" } else { member };
        format!("{name}: {what}: {why}")
    });
    for Fault { member, why } in &custody.faults {
        let what = if member.is_empty() { "the archive" } else { member };
        let row = (format!("archive {what}"), Status::Partial, format!("{name}: {what}: {why}"));
        told.coverage.push(row);
    }
    for (path, bytes) in &custody.left_out {
        let why =
            format!("{path}: {bytes} bytes were read and not kept, by the collector's limits");
        told.coverage.push((format!("archive {path}"), Status::NotCaptured, why));
    }
    (!told.coverage.is_empty() || !told.beyond.is_empty()).then_some(told)
}

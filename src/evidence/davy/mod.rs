//! davy's own archive: a recording as a tar that is written as it grows and verified as it is read.
//!
//! `davy.json` comes first, then members in the order in which they were read from the host, and
//! after every few of them a segment of the manifest, `manifest/00001.jsonl`. A segment holds the
//! digests of the members since the last one, what the host answered to every question, and the
//! digest of the segment before it. So a cut archive can be trusted up to its last segment, and the
//! digest of the last segment (the root) stands for the whole.

mod about;
mod again;
mod blocks;
mod custody;
mod done;
mod header;
mod held;
mod read;
mod reader;
mod wire;
mod write;

pub use super::unpack::OWN as FRAME;
pub use custody::{Custody, Fault};
pub(super) use read::begins;
pub use read::{HELD, open, read, read_holding, stream, told_by};
pub use write::{About, Writer};

/// The first member.
const ABOUT: &str = "davy.json";
/// Where the segments lie.
const MANIFEST: &str = "manifest/";
/// The word in `davy.json` that names the format.
pub(super) const FORMAT: &str = "davy.archive/1";

/// Lower-case hexadecimal of a SHA-256.
fn sha256(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    hex(&Sha256::digest(bytes))
}

/// Lower-case hexadecimal.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

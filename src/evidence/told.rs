//! What a collector says of the host in words of its own, where it took no raw files: what its
//! programs printed. Kept apart from the file system, where a suspect could have put the same.

use super::{HostPath, Passed, Pid};
use crate::facts::{HostText, Status, Time};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Digests of one file, lower-case hexadecimal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToldDigests {
    /// MD5.
    pub md5: Option<String>,
    /// SHA-1.
    pub sha1: Option<String>,
    /// SHA-256.
    pub sha256: Option<String>,
}

/// A package, as `dpkg -l` or `rpm -qa` printed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToldPackage {
    /// dpkg, rpm or apk.
    pub manager: &'static str,
    /// Name.
    pub name: HostText,
    /// Version.
    pub version: Option<HostText>,
    /// Architecture.
    pub architecture: Option<HostText>,
    /// Installed, where that was printed.
    pub installed: Option<Time>,
    /// Archive member and line.
    pub source: String,
}

/// Whose bytes a member holds that went by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    /// A process's.
    Process {
        /// The process.
        pid: Pid,
        /// What of it: `memory`, `executable` or `deleted-file`.
        what: &'static str,
    },
    /// Those of a file of the host.
    File(HostPath),
}

/// All of it.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// Digests of what processes run, read through their exe links.
    pub executables: BTreeMap<Pid, ToldDigests>,
    /// Strings of what processes run (gzip or plain), where the program itself was not taken.
    pub strings: BTreeMap<Pid, Arc<[u8]>>,
    /// Strings of processes' readable memory (gzip or plain).
    pub memory_strings: BTreeMap<Pid, Arc<[u8]>>,
    /// Stretches of a process's memory whose addresses cannot be trusted.
    pub memory_pieces: BTreeMap<Pid, Vec<Arc<[u8]>>>,
    /// Owners of files that the package manager named.
    pub owners: BTreeMap<HostPath, HostText>,
    /// Packages, where no database was taken.
    pub packages: Vec<ToldPackage>,
    /// Package files that the package manager found altered.
    pub altered: Vec<HostPath>,
    /// When packages were installed, sorted; for owners that nobody named.
    pub installed: Vec<Time>,
    /// Files whose whole content the package manager found as installed cannot be told, but what
    /// follows was seen or missed: coverage rows of the layout's own.
    pub coverage: Vec<(String, Status, String)>,
    /// Members that were too large to hold, and who looked at them as they went by.
    pub passed: Passed,
    /// Whose bytes these are, where their names tell.
    pub whose: BTreeMap<Vec<u8>, Whose>,
    /// What is in the archive and more than davy holds: what, and how much, in words.
    pub beyond: Vec<(String, String)>,
    /// Where the archive is first cut off or damaged, in words: what is missing may be anything.
    pub damaged: Option<String>,
}

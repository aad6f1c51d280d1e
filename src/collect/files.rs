//! Files that the other facts speak of: executables, libraries, persistence, and what lies in
//! temporary and hidden folders.

use super::{Collector, Host, Outcome, Run};
use crate::evidence::HostPath;
use crate::facts::{Facts, HostText, Table, Time};

crate::table! {
    pub struct FileRow in files, "Files that processes run, map or start from, that lie in temporary folders, or beside a suspect's executable.";
    root_id: String, "", "Which root the path is in, as processes.root_id.";
    path: HostPath, "", "Path in that root.";
    why: &'static str, "", "executable, library, persistence, temporary, neighbour.";
    kind: &'static str, "", "file, directory, link, fifo, …";
    mode: u32, "", "Type and permission bits.";
    uid: u32, "", "Owner.";
    gid: u32, "", "Group.";
    size: u64, "bytes", "Size.";
    nlink: u32, "", "Names that lead to it; 0 for deleted.";
    dev: u64, "", "Device, major << 32 | minor.";
    inode: u64, "", "Inode.";
    mtime: Option<Time>, "", "Content last changed.";
    ctime: Option<Time>, "", "Inode last changed.";
    btime: Option<Time>, "", "Made in this file system.";
    atime: Option<Time>, "", "Last read, before davy read it.";
    content: Option<&'static str>, "", "By its first bytes: elf, script, text, gzip, …; NULL where not read.";
    sha256: Option<String>, "", "Of its bytes; NULL where not read.";
    package: Option<HostText>, "", "Package that owns the path; NULL where none does, or no database was read.";
    package_intact: Option<bool>, "", "Its digest is the package's; NULL where not compared.";
}

pub(super) const COLLECTOR: Collector =
    Collector { name: "files", tables: &[FileRow::DEF], run: Run::Host(collect) };

fn collect(_host: &Host<'_>, _facts: &Facts) -> Outcome {
    Ok(())
}

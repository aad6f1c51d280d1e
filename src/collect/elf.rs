//! The executables that run, read through /proc/PID/exe: the true bytes, even of a deleted file.

use super::{Collector, Host, Outcome, Run};
use crate::evidence::HostPath;
use crate::facts::{Facts, HostText, Table, Time};

crate::table! {
    pub struct Elf in elf, "The distinct executables of all processes, one row a device and inode.";
    path: HostPath, "", "Path, as the first process that runs it has it.";
    root_id: String, "", "Root the path is in, as processes.root_id.";
    pid: u32, "", "The first process that runs it; its exe link is where the bytes were read.";
    dev: u64, "", "Device, major << 32 | minor.";
    inode: u64, "", "Inode.";
    nlink: u32, "", "Names that lead to it; 0 for deleted.";
    size: u64, "bytes", "Size.";
    mtime: Option<Time>, "", "Content last changed; taken before the file was read.";
    ctime: Option<Time>, "", "Inode last changed; likewise.";
    btime: Option<Time>, "", "Made; likewise.";
    atime: Option<Time>, "", "Last read; likewise.";
    sha256: Option<String>, "", "Of its bytes.";
    object: Option<&'static str>, "", "executable, pie, library, core or other; NULL where it is not ELF.";
    machine: Option<&'static str>, "", "Processor.";
    linking: Option<&'static str>, "", "static or dynamic.";
    stripped: Option<bool>, "", "No symbol table.";
    interpreter: Option<HostText>, "", "Loader.";
    libraries: Option<HostText>, "", "Needed libraries, separated by spaces.";
    imports: Option<HostText>, "", "Imported functions, separated by spaces, at most 4,096.";
    build_id: Option<String>, "", "GNU build id, hexadecimal.";
    sections: Option<u32>, "", "Sections; 0 is a sign of a packer.";
    entropy: Option<f64>, "bits/byte", "Highest entropy of an executable segment or section of at least 4 KiB.";
    packer: Option<String>, "", "Signs of a packer: UPX, UPX with altered magic, or none (NULL).";
    language: Option<&'static str>, "", "go, rust or c, by its sections and strings; NULL where not told.";
}

pub(super) const COLLECTOR: Collector =
    Collector { name: "elf", tables: &[Elf::DEF], run: Run::Host(collect) };

fn collect(_host: &Host<'_>, _facts: &Facts) -> Outcome {
    Ok(())
}

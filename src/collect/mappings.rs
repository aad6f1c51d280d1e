//! What is mapped into every process.

use super::{Collector, Outcome, ProcessDir, Run};
use crate::evidence::HostPath;
use crate::facts::{Facts, Table};

crate::table! {
    pub struct Mapping in mappings, "Every stretch of every process's address space, from /proc/PID/maps.";
    pid: u32, "", "Process id.";
    start: u64, "", "First address.";
    end: u64, "", "Address after the last.";
    permissions: String, "", "As `r-xp`.";
    executable: bool, "", "May be run.";
    writable: bool, "", "May be written.";
    offset: u64, "bytes", "Offset into the file.";
    dev: u64, "", "Device, major << 32 | minor; 0 for none.";
    inode: u64, "", "Inode; 0 for none.";
    path: Option<HostPath>, "", "What is mapped, without the kernel's mark of deletion; `[heap]`, `[stack]` and the like as they are; NULL for anonymous.";
    kind: &'static str, "", "file, anonymous, heap, stack, kernel (vdso, vvar, vsyscall), memfd, shared (SysV, /dev/zero), device.";
    deleted: Option<bool>, "", "For files: no name leads to the mapped file any more, by st_nlink of map_files or of the executable; NULL where it could not be asked.";
}

pub(super) const COLLECTOR: Collector =
    Collector { name: "mappings", tables: &[Mapping::DEF], run: Run::Process(collect) };

fn collect(_process: &ProcessDir<'_>, _facts: &Facts) -> Outcome {
    Ok(())
}

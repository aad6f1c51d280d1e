//! The address space that every ordinary process has: its executable, heap, libc, stack.

use super::super::elf::elf;
use super::Maker;
use super::container::Root;
use super::image::{Image, PAGE};
use super::maps::Mapping;
use super::process::Process;
use crate::evidence::HostPath;
use crate::evidence::tree::Body;

const EXECUTABLE: u64 = 0x5555_5555_4000;
const HEAP: u64 = 0x5555_5570_0000;
const LIBC: u64 = 0x7fff_f7c0_0000;
const LOADER: u64 = 0x7fff_f7fc_5000;
const VVAR: u64 = 0x7fff_f7fc_0000;
const VDSO: u64 = 0x7fff_f7fc_4000;
const STACK: u64 = 0x7fff_fffd_e000;

const LIBRARIES: &[(u64, &str)] = &[
    (LIBC, "/usr/lib/x86_64-linux-gnu/libc.so.6"),
    (LOADER, "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"),
];

impl Maker {
    /// Mappings and present pages of a process without being told; none for a kernel thread.
    pub(super) fn default_maps(
        &mut self,
        process: &Process,
        root: &Root,
        image: &mut Image,
    ) -> Vec<Mapping> {
        let Some(exe) = process.exe.as_ref().filter(|_| process.state != b'Z') else {
            return Vec::new();
        };
        let mut mappings = Vec::new();
        let bytes = match self.tree.get(exe.node).map(|n| &n.body) {
            Some(Body::Bytes(bytes)) => bytes.to_vec(),
            _ => Vec::new(),
        };
        // All of the file is readable at its start, its code behind it.
        let length = (bytes.len() as u64).max(1).next_multiple_of(PAGE).min(HEAP - EXECUTABLE);
        let code = EXECUTABLE + length;
        for (start, permissions) in [(EXECUTABLE, "r--p"), (code, "r-xp"), (code + PAGE, "rw-p")] {
            let end = if start == EXECUTABLE { code } else { start + PAGE };
            let mut mapping = Mapping::plain(start, end, permissions, b"");
            mapping.file = Some((exe.node, exe.text.clone()));
            mappings.push(mapping);
        }
        image.put(EXECUTABLE, bytes);
        mappings.push(Mapping::plain(HEAP, HEAP + 33 * PAGE, "rw-p", b"[heap]"));
        image.put(HEAP, Vec::new());
        for (start, path) in LIBRARIES {
            let attributes = self.on_disk(0o755);
            let path = HostPath::from(*path);
            let node = self.file_at(root.node, &path, &attributes, None, || elf(&[]));
            for (start, permissions) in [(*start, "r--p"), (*start + PAGE, "r-xp")] {
                let mut mapping = Mapping::plain(start, start + PAGE, permissions, b"");
                mapping.file = Some((node, path.as_bytes().to_vec()));
                mappings.push(mapping);
            }
        }
        mappings.push(Mapping::plain(VVAR, VDSO, "r--p", b"[vvar]"));
        mappings.push(Mapping::plain(VDSO, LOADER, "r-xp", b"[vdso]"));
        mappings.push(Mapping::plain(STACK, STACK + 33 * PAGE, "rw-p", b"[stack]"));
        let arguments = [process.cmdline.as_slice(), &process.environ].concat();
        image.put(STACK, arguments);
        mappings
    }
}

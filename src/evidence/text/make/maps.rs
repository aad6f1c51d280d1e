//! `map` and `memory`: the address space, its files and its content.

use super::super::arguments::{Arguments, content};
use super::super::elf::elf;
use super::super::error::Fault;
use super::super::lines::Directive;
use super::container::Root;
use super::image::{Image, PAGE};
use super::process::Process;
use super::{Maker, SHMEM};
use crate::evidence::HostPath;
use crate::evidence::tree::{Attributes, Body, NodeId};

/// One line of /proc/PID/maps.
pub(super) struct Mapping {
    pub start: u64,
    pub end: u64,
    pub permissions: String,
    pub offset: u64,
    /// The mapped file, with the text of its name.
    pub file: Option<(NodeId, Vec<u8>)>,
    /// `[heap]` and the like.
    pub label: Vec<u8>,
}

impl Mapping {
    /// One without a file.
    pub(super) fn plain(start: u64, end: u64, permissions: &str, label: &[u8]) -> Self {
        let permissions = permissions.to_owned();
        Self { start, end, permissions, offset: 0, file: None, label: label.to_vec() }
    }
}

impl Maker {
    /// Writes maps, map_files and the memory of a process.
    pub(super) fn mapped(
        &mut self,
        directive: &Directive,
        directory: NodeId,
        process: &Process,
        root: &Root,
    ) -> Result<(), Fault> {
        let mut image = Image::default();
        let mut mappings = self.default_maps(process, root, &mut image);
        for detail in &directive.details {
            let mut words = Arguments::new(detail);
            let mapping = match detail.verb.as_str() {
                "map" => self.map(detail, &mut words, root, &mut image)?,
                "memory" => memory(detail, &mut words, &mut mappings, &mut image)?,
                _ => continue,
            };
            words.finish()?;
            mappings.extend(mapping);
        }
        mappings.sort_by_key(|m| m.start);
        let attributes = self.in_proc(0o500);
        let files = self.tree.directory(directory, b"map_files", &attributes);
        let mut text = Vec::new();
        for mapping in &mappings {
            text.extend_from_slice(&self.line(mapping));
            if let Some((node, name)) = &mapping.file {
                let range = format!("{:x}-{:x}", mapping.start, mapping.end);
                self.magic(files, &range, name, *node);
            }
        }
        self.put_proc(directory, "maps", text);
        self.memory.insert(process.pid, image);
        Ok(())
    }

    /// `map START-END PERMS [PATH] [deleted] [offset=HEX] [elf …]`.
    fn map(
        &mut self,
        detail: &Directive,
        words: &mut Arguments<'_>,
        root: &Root,
        image: &mut Image,
    ) -> Result<Option<Mapping>, Fault> {
        let range = words.need("an address range such as 7f00-8f00")?;
        let (start, end) = range_of(range).ok_or_else(|| {
            words.fault("expected an address range such as 7f0000000000-7f0000010000")
        })?;
        let permissions = permissions(words, b"r--p")?;
        let deleted = words.flag("deleted");
        let stated = Self::stated_bytes(detail, words)?;
        let offset = match words.text("offset")? {
            Some(text) => number(text.as_bytes()).ok_or_else(|| {
                words.fault(format!("expected offset= hexadecimal, found {text}"))
            })?,
            None => 0,
        };
        let usual = self.on_disk(0o644);
        let attributes = self.attributes(words, usual)?;
        let path = words.bare().map(HostPath::new);
        let mut mapping = Mapping { offset, ..Mapping::plain(start, end, &permissions, b"") };
        match path {
            None => {
                if let Some(bytes) = stated {
                    image.put(start, bytes);
                }
            }
            Some(path) if !path.is_absolute() => mapping.label = path.as_bytes().to_vec(),
            Some(path) => {
                // Shared anonymous memory and SysV segments are deleted files of the kernel's own.
                let of_kernel =
                    path.as_bytes() == b"/dev/zero" || path.as_bytes().starts_with(b"/SYSV");
                let dev = if of_kernel { SHMEM } else { attributes.dev };
                let attributes = Attributes { dev, ..attributes };
                let deleted = deleted || of_kernel;
                let to = self.leads_to(root.node, &path, deleted, &attributes, stated, || elf(&[]));
                if let Some(Body::Bytes(bytes)) = self.tree.get(to.node).map(|n| &n.body) {
                    let from = usize::try_from(offset).unwrap_or(usize::MAX);
                    let length = usize::try_from(end - start).unwrap_or(usize::MAX);
                    let bytes = bytes.get(from..).unwrap_or_default();
                    image.put(start, bytes.iter().take(length).copied().collect());
                }
                mapping.file = Some((to.node, to.text));
            }
        }
        Ok(Some(mapping))
    }

    fn line(&self, mapping: &Mapping) -> Vec<u8> {
        let stat = mapping.file.as_ref().and_then(|(id, _)| self.tree.get(*id)).map(|n| &n.stat);
        let (dev, inode) = stat.map_or((0, 0), |s| (s.dev, s.inode));
        let (major, minor) = (dev >> 32, dev & 0xffff_ffff);
        let Mapping { start, end, permissions, offset, .. } = mapping;
        let mut line = format!(
            "{start:08x}-{end:08x} {permissions} {offset:08x} {major:02x}:{minor:02x} {inode} "
        )
        .into_bytes();
        let name = mapping.file.as_ref().map_or(&mapping.label, |(_, text)| text);
        if !name.is_empty() {
            // The kernel pads the name to column 73 and escapes newlines in it alone.
            line.resize(line.len().max(73), b' ');
            for byte in name {
                match byte {
                    b'\n' => line.extend_from_slice(b"\\012"),
                    other => line.push(*other),
                }
            }
        }
        line.push(b'\n');
        line
    }
}

/// `memory 0x7f1000000000 [PERMS]`, `memory heap`, `memory stack`: content in memory.
fn memory(
    detail: &Directive,
    words: &mut Arguments<'_>,
    mappings: &mut [Mapping],
    image: &mut Image,
) -> Result<Option<Mapping>, Fault> {
    let place = words.need("an address, heap or stack")?;
    let permissions = permissions(words, b"rw-p")?;
    let bytes = content(detail, words)?.unwrap_or_default();
    let length = (bytes.len() as u64).max(1).next_multiple_of(PAGE);
    let label: &[u8] = match place {
        b"heap" => b"[heap]",
        b"stack" => b"[stack]",
        address => {
            let start =
                number(address).filter(|a| a % PAGE == 0 && a.checked_add(length).is_some());
            let start = start.ok_or_else(|| {
                words.fault("expected an address such as 0x7f1000000000, a multiple of 0x1000")
            })?;
            image.put(start, bytes);
            return Ok(Some(Mapping::plain(
                start,
                start.saturating_add(length),
                &permissions,
                b"",
            )));
        }
    };
    let Some(mapping) = mappings.iter_mut().find(|m| m.label == label) else {
        return Err(words.fault("this process has no such mapping"));
    };
    // The first page holds what the process itself put there.
    let start = mapping.start.saturating_add(PAGE);
    mapping.end = mapping.end.max(start.saturating_add(length));
    image.put(start, bytes);
    Ok(None)
}

fn permissions(words: &mut Arguments<'_>, usual: &[u8]) -> Result<String, Fault> {
    let Some(word) = words.permissions() else {
        return Ok(String::from_utf8_lossy(usual).into_owned());
    };
    Ok(String::from_utf8_lossy(word).into_owned())
}

/// Hexadecimal, with or without 0x.
fn number(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?;
    u64::from_str_radix(text.strip_prefix("0x").unwrap_or(text), 16).ok()
}

fn range_of(text: &[u8]) -> Option<(u64, u64)> {
    let at = text.iter().position(|b| *b == b'-')?;
    let (start, end) = text.split_at_checked(at)?;
    let (start, end) = (number(start)?, number(end.get(1..)?)?);
    (start < end).then_some((start, end))
}

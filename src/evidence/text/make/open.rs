//! `fd`: descriptors and their information.

use super::super::arguments::Arguments;
use super::super::error::Fault;
use super::super::lines::Directive;
use super::container::Root;
use super::process::Process;
use super::{ANONYMOUS, DEV, Maker, PIPES, SOCKETS};
use crate::evidence::tree::{Attributes, NodeId};
use crate::evidence::{FileKind, HostPath};

impl Maker {
    /// The descriptors of a process; 0, 1 and 2 are on /dev/null where nothing else is said.
    pub(super) fn opened(
        &mut self,
        directive: &Directive,
        directory: NodeId,
        process: &Process,
        root: &Root,
    ) -> Result<(), Fault> {
        let attributes = self.in_proc(0o500);
        let fds = self.tree.directory(directory, b"fd", &attributes);
        self.tree.directory(directory, b"fdinfo", &attributes);
        for detail in directive.details.iter().filter(|d| d.verb == "fd") {
            let mut words = Arguments::new(detail);
            self.fd(detail, &mut words, directory, root)?;
            words.finish()?;
        }
        if process.kthread || process.state == b'Z' && process.exe.is_none() {
            return Ok(());
        }
        for number in ["0", "1", "2"] {
            if self.tree.child(fds, number.as_bytes()).is_none() {
                let null = HostPath::from("/dev/null");
                let to = self.lead(root.node, &null);
                self.descriptor(directory, number, b"/dev/null", to, "0100002", 0);
            }
        }
        Ok(())
    }

    fn fd(
        &mut self,
        detail: &Directive,
        words: &mut Arguments<'_>,
        directory: NodeId,
        root: &Root,
    ) -> Result<(), Fault> {
        let number = words.need("a descriptor number")?;
        let number: u32 = words.parsed("the descriptor", number, "a number")?;
        if !words.flag("->") {
            return Err(words.fault("expected `fd NUMBER -> TARGET`"));
        }
        let target = HostPath::new(words.need("a target")?);
        let deleted = words.flag("deleted");
        let flags = match words.text("flags")? {
            Some(flags) => flags.to_owned(),
            None => access(words)?.to_owned(),
        };
        let position: u64 = words.number("pos")?.unwrap_or(0);
        let stated = Self::stated_bytes(detail, words)?;
        let usual = self.on_disk(0o644);
        let attributes = self.attributes(words, usual)?;
        let (text, to) = match anonymous(&target) {
            Some((kind, dev, inode)) => {
                let inode = inode.unwrap_or(1);
                let time = self.about.taken;
                (target.as_bytes().to_vec(), self.shared(kind, dev, inode, time))
            }
            None if !target.is_absolute() => {
                return Err(words.fault(format!(
                    "expected an absolute path, pipe:[N], socket:[N] or anon_inode:…, found {target}"
                )));
            }
            None => {
                let found = self.find(root.node, &target).filter(|_| stated.is_none() && !deleted);
                match found {
                    Some(id) => (target.as_bytes().to_vec(), id),
                    None if target.as_bytes().starts_with(b"/dev/")
                        && !target.as_bytes().starts_with(b"/dev/shm/") =>
                    {
                        (target.as_bytes().to_vec(), self.lead(root.node, &target))
                    }
                    None => {
                        let exe = self.leads_to(
                            root.node,
                            &target,
                            deleted,
                            &attributes,
                            stated,
                            Vec::new,
                        );
                        (exe.text, exe.node)
                    }
                }
            }
        };
        self.descriptor(directory, &number.to_string(), &text, to, &flags, position);
        Ok(())
    }

    /// A device file, made where it is missing.
    fn lead(&mut self, root: NodeId, path: &HostPath) -> NodeId {
        if let Some(id) = self.find(root, path) {
            return id;
        }
        let attributes = Attributes::new(0o620, self.about.booted, DEV);
        let id = self.tree.add_special(&attributes, FileKind::CharDevice);
        let (directory, name) = self.place_in(root, path);
        self.tree.name(directory, &name, id);
        id
    }

    /// One node for each pipe, socket or anonymous inode, whoever holds it.
    fn shared(&mut self, kind: FileKind, dev: u64, inode: u64, time: crate::facts::Time) -> NodeId {
        let key = (crate::evidence::tree::Tree::ROOT, format!("{dev}:{inode}").into_bytes());
        if let Some(id) = self.ghosts.get(&key) {
            return *id;
        }
        let id = self.nameless(kind, dev, inode, time);
        self.ghosts.insert(key, id);
        id
    }

    /// A socket's descriptor.
    pub(super) fn socket_descriptor(&mut self, directory: NodeId, number: u32, inode: u64) {
        let time = self.about.taken;
        let to = self.shared(FileKind::Socket, SOCKETS, inode, time);
        let text = format!("socket:[{inode}]");
        self.descriptor(directory, &number.to_string(), text.as_bytes(), to, "02004002", 0);
    }

    fn descriptor(
        &mut self,
        directory: NodeId,
        number: &str,
        text: &[u8],
        to: NodeId,
        flags: &str,
        position: u64,
    ) {
        let inode = self.tree.get(to).map_or(0, |n| n.stat.inode);
        if let Some(fds) = self.tree.child(directory, b"fd") {
            self.magic(fds, number, text, to);
        }
        if let Some(infos) = self.tree.child(directory, b"fdinfo") {
            let text = format!("pos:\t{position}\nflags:\t{flags}\nmnt_id:\t24\nino:\t{inode}\n");
            self.put_proc(infos, number, text);
        }
    }
}

/// `mode=r|w|rw` as open flags in octal; reading and writing where nothing is said.
fn access(words: &mut Arguments<'_>) -> Result<&'static str, Fault> {
    match words.key("mode") {
        Some(b"r") => Ok("0100000"),
        Some(b"w") => Ok("0100001"),
        Some(b"rw") | None => Ok("0100002"),
        Some(other) => {
            let other = String::from_utf8_lossy(other).into_owned();
            Err(words.fault(format!("expected mode=r, w or rw, found {other}")))
        }
    }
}

/// Kind, device and inode of what is no path: `pipe:[1234]`, `socket:[5]`, `anon_inode:[eventpoll]`.
fn anonymous(target: &HostPath) -> Option<(FileKind, u64, Option<u64>)> {
    let text = std::str::from_utf8(target.as_bytes()).ok()?;
    let number = |rest: &str| rest.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    if let Some(rest) = text.strip_prefix("pipe:") {
        return Some((FileKind::Fifo, PIPES, number(rest)));
    }
    if let Some(rest) = text.strip_prefix("socket:") {
        return Some((FileKind::Socket, SOCKETS, number(rest)));
    }
    text.starts_with("anon_inode:").then_some((FileKind::Other, ANONYMOUS, Some(1056)))
}

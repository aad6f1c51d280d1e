//! `file`, `link`, `directory`, `raw`, `user` and `mount`.

use super::super::arguments::{Arguments, content};
use super::super::elf::elf;
use super::super::error::Fault;
use super::super::lines::Directive;
use super::{Maker, Tree};
use crate::evidence::tree::{Attributes, Body, NodeId};
use crate::evidence::{FileKind, HostPath};

impl Maker {
    /// `mode=`, `uid=`, `gid=` and the times, over what is usual. A change time that is not
    /// stated is that of the content, as after an ordinary write.
    pub(super) fn attributes(
        &self,
        words: &mut Arguments<'_>,
        usual: Attributes,
    ) -> Result<Attributes, Fault> {
        let stated = words.time("mtime")?;
        let mtime = stated.unwrap_or(usual.mtime);
        let or = |usual| if stated.is_some() { mtime } else { usual };
        Ok(Attributes {
            mode: words.mode()?.unwrap_or(usual.mode),
            uid: words.number("uid")?.unwrap_or(usual.uid),
            gid: words.number("gid")?.unwrap_or(usual.gid),
            mtime,
            ctime: words.time("ctime")?.unwrap_or(or(usual.ctime)),
            atime: words.time("atime")?.unwrap_or(or(usual.atime)),
            btime: words.time("btime")?.or(usual.btime.map(or)),
            dev: usual.dev,
        })
    }

    /// Content as stated: `elf`, lines, or `content-hex=`; `None` where nothing is.
    pub(super) fn stated_bytes(
        directive: &Directive,
        words: &mut Arguments<'_>,
    ) -> Result<Option<Vec<u8>>, Fault> {
        let is_elf = words.flag("elf");
        let strings = words.list("strings");
        let lines = content(directive, words)?;
        if !is_elf {
            if strings.is_some() {
                return Err(words.fault("strings= belongs to elf: expected `elf strings=…`"));
            }
            return Ok(lines);
        }
        let mut bytes = elf(&strings.unwrap_or_default());
        // Whatever lines follow stand after the last section, as a payload would.
        bytes.extend(lines.unwrap_or_default());
        Ok(Some(bytes))
    }

    pub(super) fn stated_file(
        &mut self,
        directive: &Directive,
        words: &mut Arguments<'_>,
    ) -> Result<(), Fault> {
        let path = words.path()?;
        let altered = words.flag("altered");
        let unheld = words.flag("unheld");
        let kind = match () {
            () if words.flag("fifo") => Some(FileKind::Fifo),
            () if words.flag("socket") => Some(FileKind::Socket),
            () if words.flag("chardev") => Some(FileKind::CharDevice),
            () if words.flag("blockdev") => Some(FileKind::BlockDevice),
            () => None,
        };
        let bytes = Self::stated_bytes(directive, words)?;
        let is_elf = bytes.as_ref().is_some_and(|b| b.starts_with(b"\x7fELF"));
        let script = bytes.as_ref().is_some_and(|b| b.starts_with(b"#!"));
        let usual = self.on_disk(if is_elf || script { 0o755 } else { 0o644 });
        let attributes = self.attributes(words, usual)?;
        let id = match kind {
            Some(kind) => {
                let id = self.tree.add_special(&attributes, kind);
                let (directory, name) = self.place(&path);
                self.tree.name(directory, &name, id);
                id
            }
            None => self.put(Tree::ROOT, &path, &attributes, &bytes.unwrap_or_default()),
        };
        if let Some(size) = words.number::<u64>("size")?
            && let Some(node) = self.tree.get_mut(id)
        {
            node.stat.size = size;
        }
        if unheld && let Some(node) = self.tree.get_mut(id) {
            node.body = Body::Unheld;
        }
        if altered {
            self.altered.insert(id);
        }
        Ok(())
    }

    pub(super) fn stated_link(&mut self, words: &mut Arguments<'_>) -> Result<(), Fault> {
        let path = words.path()?;
        if !words.flag("->") {
            return Err(words.fault("expected `link PATH -> TARGET`"));
        }
        let target = words.need("a target")?;
        let usual = self.on_disk(0o777);
        let attributes = self.attributes(words, usual)?;
        let id = self.tree.add(&attributes, Body::Link(target.to_vec()));
        let (directory, name) = self.place(&path);
        self.tree.name(directory, &name, id);
        Ok(())
    }

    pub(super) fn stated_directory(&mut self, words: &mut Arguments<'_>) -> Result<(), Fault> {
        let path = words.path()?;
        let usual = self.on_disk(0o755);
        let attributes = self.attributes(words, usual)?;
        let id = self.tree.directory(Tree::ROOT, path.as_bytes(), &attributes);
        if let Some(node) = self.tree.get_mut(id) {
            node.stat.mode = 0o040_000 | attributes.mode;
            node.stat.uid = attributes.uid;
            node.stat.gid = attributes.gid;
            node.stat.mtime = Some(attributes.mtime);
            node.stat.ctime = Some(attributes.ctime);
        }
        Ok(())
    }

    /// Any file verbatim; it wins over what the directives make.
    pub(super) fn stated_raw(
        &mut self,
        directive: &Directive,
        words: &mut Arguments<'_>,
    ) -> Result<(), Fault> {
        let path = words.path()?;
        let bytes = content(directive, words)?.unwrap_or_default();
        // `raw /proc/4242/cmdline nul`: each line is an argument.
        let nul = words.flag("nul");
        let bytes: Vec<u8> =
            bytes.iter().map(|b| if nul && *b == b'\n' { 0 } else { *b }).collect();
        let is_proc = path.as_bytes().starts_with(b"/proc/");
        let usual = if is_proc { self.in_proc(0o444) } else { self.on_disk(0o644) };
        let attributes = self.attributes(words, usual)?;
        let id = self.put(Tree::ROOT, &path, &attributes, &bytes);
        if is_proc && let Some(node) = self.tree.get_mut(id) {
            node.stat.size = 0;
        }
        Ok(())
    }

    /// `user NAME uid=1000 [gid= home= shell= password= gecos=]`.
    pub(super) fn stated_user(&mut self, words: &mut Arguments<'_>) -> Result<(), Fault> {
        let name = String::from_utf8_lossy(words.need("a user name")?).into_owned();
        let uid: u32 = words.number("uid")?.ok_or_else(|| words.fault("expected uid="))?;
        let gid: u32 = words.number("gid")?.unwrap_or(uid);
        let home = words.text("home")?.map_or_else(|| format!("/home/{name}"), str::to_owned);
        let shell = words.text("shell")?.unwrap_or("/bin/bash");
        let gecos = words.text("gecos")?.unwrap_or("");
        let password = words.text("password")?.unwrap_or("!");
        self.append("/etc/passwd", &format!("{name}:x:{uid}:{gid}:{gecos}:{home}:{shell}\n"));
        self.append("/etc/shadow", &format!("{name}:{password}:19700:0:99999:7:::\n"));
        self.append("/etc/group", &format!("{name}:x:{gid}:\n"));
        let mut attributes = self.on_disk(0o700);
        attributes.uid = uid;
        attributes.gid = gid;
        self.tree.directory(Tree::ROOT, home.as_bytes(), &attributes);
        Ok(())
    }

    /// `mount POINT TYPE [device=] [options=] [dev=MAJOR:MINOR]`.
    pub(super) fn stated_mount(&mut self, words: &mut Arguments<'_>) -> Result<(), Fault> {
        let point = words.path()?;
        let kind = String::from_utf8_lossy(words.need("a file system type")?).into_owned();
        let device = words.text("device")?.unwrap_or("none").to_owned();
        let options = words.text("options")?.unwrap_or("rw,relatime").to_owned();
        let root = words.text("root")?.unwrap_or("/").to_owned();
        let number = words.text("dev")?.unwrap_or("0:60").to_owned();
        let point = point.to_string();
        let id = 40 + self.mounts.len();
        self.mounts.push(format!(
            "{id} 24 {number} {root} {point} {options} shared:{id} - {kind} {device} rw"
        ));
        let attributes = self.on_disk(0o755);
        self.tree.directory(Tree::ROOT, point.as_bytes(), &attributes);
        Ok(())
    }

    fn append(&mut self, path: &str, text: &str) {
        let Some(id) = self.find(Tree::ROOT, &HostPath::from(path)) else {
            return self.put_text(path, text);
        };
        let Some(node) = self.tree.get_mut(id) else { return };
        if let Body::Bytes(bytes) = &mut node.body {
            let mut longer = bytes.to_vec();
            longer.extend_from_slice(text.as_bytes());
            node.stat.size = longer.len() as u64;
            *bytes = longer.into();
        }
    }

    /// The file at a path: as it is, or made now with what is stated or usual.
    pub(super) fn file_at(
        &mut self,
        root: NodeId,
        path: &HostPath,
        attributes: &Attributes,
        stated: Option<Vec<u8>>,
        usual: impl FnOnce() -> Vec<u8>,
    ) -> NodeId {
        match (self.find(root, path), stated) {
            (Some(id), None) => id,
            (_, Some(bytes)) => self.put(root, path, attributes, &bytes),
            (None, None) => self.put(root, path, attributes, &usual()),
        }
    }
}

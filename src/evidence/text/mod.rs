//! A whole host on one page of text.
//!
//! The format is told in docs/EVIDENCE.md. A page is parsed into directives ([`lines`],
//! [`words`]) and these are expanded into the files that Linux would show ([`make`]): the
//! collectors read a text host as they read any other.

mod arguments;
mod elf;
mod error;
mod lines;
mod make;
mod words;

pub use error::TextError;

use super::tree::{Tree, TreeDir};
use super::{Clock, Dir, Evidence, HostPath, Memory, Pid, Reason, SourceKind, Unavailable};
use error::Fault;
use make::Image;
use std::collections::BTreeMap;
use std::path::Path;

/// A host described in a `.host` file.
pub struct TextHost {
    name: String,
    tree: Tree,
    clock: Clock,
    memory: BTreeMap<Pid, Image>,
}

impl TextHost {
    /// Expands the text of a host. `name` is for messages and for the report.
    ///
    /// # Errors
    /// The first line that is not understood, and what was expected there.
    pub fn parse(name: &str, text: &str) -> Result<Self, TextError> {
        let made = lines::directives(text).and_then(|d| make::make(&d));
        let made = made.map_err(|fault: Fault| fault.named(name))?;
        Ok(Self { name: name.to_owned(), tree: made.tree, clock: made.clock, memory: made.memory })
    }

    /// Reads and expands a `.host` file.
    ///
    /// # Errors
    /// Where the file cannot be read, or as [`parse`](Self::parse).
    pub fn open(path: &Path) -> Result<Self, TextError> {
        let name = path.display().to_string();
        let text =
            std::fs::read_to_string(path).map_err(|e| Fault::new(0, e.to_string()).named(&name))?;
        Self::parse(&name, &text)
    }
}

impl Evidence for TextHost {
    fn kind(&self) -> SourceKind {
        SourceKind::Text
    }

    fn name(&self) -> String {
        self.name.clone()
    }

    fn dir(&self, path: &HostPath) -> Result<Box<dyn Dir + '_>, Unavailable> {
        Ok(Box::new(TreeDir::open(&self.tree, path, false)?))
    }

    fn root_of(&self, pid: Pid) -> Result<Box<dyn Dir + '_>, Unavailable> {
        let path = HostPath::new(format!("/proc/{pid}/root"));
        Ok(Box::new(TreeDir::open(&self.tree, &path, true)?))
    }

    fn memory(&self, pid: Pid) -> Result<Box<dyn Memory + '_>, Unavailable> {
        let path = HostPath::new(format!("/proc/{pid}/mem"));
        // Whoever may not read `mem` is told so here, as by the kernel.
        let found = self.tree.resolve(Tree::ROOT, Tree::ROOT, path.as_bytes(), true);
        let refused = found.map_or_else(Some, |id| self.tree.get(id).and_then(|n| n.refusal));
        if let Some(reason) = refused {
            return Err(Unavailable::new(&path, reason, ""));
        }
        match self.memory.get(&pid) {
            Some(image) => Ok(Box::new(image)),
            None => Err(Unavailable::new(&path, Reason::Absent, "")),
        }
    }

    fn clock(&self) -> Clock {
        self.clock.clone()
    }
}

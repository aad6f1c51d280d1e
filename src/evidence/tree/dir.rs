//! A handle on a directory of the tree.

use super::{Body, Node, NodeId, Tree};
use crate::evidence::{Dir, FileKind, HostPath, ReadSeek, Reason, Stat, Unavailable};
use std::borrow::Cow;
use std::io::{Cursor, Read};

/// Bytes unpacked of one file that is kept as gzip.
const UNPACKED: u64 = 128 << 20;

/// A directory held open, and the root that its absolute links count from.
pub(in crate::evidence) struct TreeDir<'a> {
    tree: &'a Tree,
    root: NodeId,
    here: NodeId,
    base: HostPath,
}

impl<'a> TreeDir<'a> {
    /// Opens the directory at `path` of the tree.
    pub(in crate::evidence) fn open(
        tree: &'a Tree,
        path: &HostPath,
        own_root: bool,
    ) -> Result<Self, Unavailable> {
        let fail = |reason: Reason| Unavailable::new(path, reason, "");
        let here = tree.resolve(Tree::ROOT, Tree::ROOT, path.as_bytes(), true).map_err(fail)?;
        let node = tree.get(here).ok_or_else(|| fail(Reason::Absent))?;
        if let Some(reason) = node.refusal {
            return Err(fail(reason));
        }
        if node.stat.kind != FileKind::Directory {
            return Err(Unavailable::new(path, Reason::Absent, "not a directory"));
        }
        let root = if own_root { here } else { Tree::ROOT };
        Ok(Self { tree, root, here, base: path.clone() })
    }

    fn find(&self, name: &HostPath, follow: bool) -> Result<&'a Node, Unavailable> {
        // A leading slash counts from this directory, and `..` must not lead above the root.
        let bytes = name.as_bytes();
        let start = bytes.iter().take_while(|b| **b == b'/').count();
        let relative = bytes.get(start..).unwrap_or_default();
        self.tree
            .resolve(self.root, self.here, relative, follow)
            .ok()
            .and_then(|id| self.tree.get(id))
            .ok_or_else(|| {
                let reason = self.tree.resolve(self.root, self.here, relative, follow).err();
                Unavailable::new(&self.base.join(name), reason.unwrap_or(Reason::Absent), "")
            })
    }

    fn readable(&self, name: &HostPath) -> Result<&'a Node, Unavailable> {
        let node = self.find(name, true)?;
        match node.refusal {
            Some(reason) => Err(Unavailable::new(&self.base.join(name), reason, "")),
            None => Ok(node),
        }
    }

    fn bytes(&self, name: &HostPath) -> Result<Cow<'a, [u8]>, Unavailable> {
        let node = self.readable(name)?;
        match &node.body {
            Body::Bytes(bytes) => Ok(Cow::Borrowed(bytes)),
            Body::Gzip(packed) => {
                let mut bytes = Vec::new();
                let decoder = flate2::read::MultiGzDecoder::new(&packed[..]);
                match decoder.take(UNPACKED).read_to_end(&mut bytes) {
                    // What a damaged stream gave before it broke is better than nothing.
                    Err(e) if bytes.is_empty() => {
                        Err(Unavailable::new(&self.base.join(name), Reason::Damaged, e.to_string()))
                    }
                    _ => Ok(Cow::Owned(bytes)),
                }
            }
            Body::Unheld => {
                let path = self.base.join(name);
                Err(Unavailable::new(
                    &path,
                    Reason::NotCaptured,
                    "its bytes are not in the evidence",
                ))
            }
            _ => {
                let word = node.stat.kind.word();
                Err(Unavailable::new(&self.base.join(name), Reason::NotRegular, word))
            }
        }
    }
}

impl Dir for TreeDir<'_> {
    fn open(&self, name: &HostPath) -> Result<Box<dyn ReadSeek + '_>, Unavailable> {
        Ok(Box::new(Cursor::new(self.bytes(name)?)))
    }

    fn read(&self, name: &HostPath, limit: usize, into: &mut Vec<u8>) -> Result<bool, Unavailable> {
        let bytes = self.bytes(name)?;
        into.extend_from_slice(bytes.get(..limit).unwrap_or(&bytes));
        Ok(bytes.len() > limit)
    }

    fn list(&self, name: &HostPath) -> Result<Vec<HostPath>, Unavailable> {
        match &self.readable(name)?.body {
            Body::Names(names) if names.is_empty() && !self.readable(name)?.whole => {
                let path = self.base.join(name);
                Err(Unavailable::new(&path, Reason::NotCaptured, "not listed in the evidence"))
            }
            Body::Names(names) => Ok(names.keys().map(|n| HostPath::new(n.as_slice())).collect()),
            _ => {
                let path = self.base.join(name);
                Err(Unavailable::new(&path, Reason::Absent, "not a directory"))
            }
        }
    }

    fn link(&self, name: &HostPath) -> Result<HostPath, Unavailable> {
        let node = self.find(name, false)?;
        let path = || self.base.join(name);
        match (&node.body, node.refusal) {
            (_, Some(reason)) => Err(Unavailable::new(&path(), reason, "")),
            (Body::Link(text) | Body::Magic(text, _), None) => Ok(HostPath::new(text.as_slice())),
            _ => Err(Unavailable::new(&path(), Reason::Damaged, "not a link")),
        }
    }

    fn stat(&self, name: &HostPath) -> Result<Stat, Unavailable> {
        self.stated(name, true)
    }

    fn stat_link(&self, name: &HostPath) -> Result<Stat, Unavailable> {
        self.stated(name, false)
    }
}

impl TreeDir<'_> {
    /// The kernel tells what a file is also to those who may not read it.
    fn stated(&self, name: &HostPath, follow: bool) -> Result<Stat, Unavailable> {
        let node = self.find(name, follow)?;
        match node.refusal {
            None | Some(Reason::Denied) => Ok(node.stat.clone()),
            Some(reason) => Err(Unavailable::new(&self.base.join(name), reason, "")),
        }
    }
}

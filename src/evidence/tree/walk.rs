//! Path resolution inside the tree, as the kernel does it.

use super::{Body, NodeId, Tree};
use crate::evidence::Reason;

/// Links followed in one lookup, as the kernel's limit.
const LINKS: u32 = 40;

impl Tree {
    /// What `path` leads to from `here`, without leaving `root`. `follow` tells whether a link
    /// as the last component is followed.
    pub(in crate::evidence) fn resolve(
        &self,
        root: NodeId,
        here: NodeId,
        path: &[u8],
        follow: bool,
    ) -> Result<NodeId, Reason> {
        let mut links = LINKS;
        self.walk(root, here, path, follow, &mut links)
    }

    fn walk(
        &self,
        root: NodeId,
        here: NodeId,
        path: &[u8],
        follow: bool,
        links: &mut u32,
    ) -> Result<NodeId, Reason> {
        let mut here = if path.first() == Some(&b'/') { root } else { here };
        let ends_in_slash = path.last() == Some(&b'/');
        let mut names =
            path.split(|b| *b == b'/').filter(|c| !c.is_empty() && *c != b".").peekable();
        while let Some(name) = names.next() {
            let last = names.peek().is_none() && !ends_in_slash;
            let node = self.get(here).ok_or(Reason::Absent)?;
            if let Some(reason) = node.refusal {
                return Err(reason);
            }
            let Body::Names(children) = &node.body else {
                return Err(Reason::Absent);
            };
            if name == b".." {
                here = if here == root { root } else { node.parent };
                continue;
            }
            let missing = if node.whole { Reason::Absent } else { Reason::NotCaptured };
            let child = *children.get(name).ok_or(missing)?;
            if last && !follow {
                return Ok(child);
            }
            here = self.step(root, here, child, links)?;
        }
        Ok(here)
    }

    /// Follows a link until something else is reached.
    fn step(
        &self,
        root: NodeId,
        here: NodeId,
        child: NodeId,
        links: &mut u32,
    ) -> Result<NodeId, Reason> {
        let node = self.get(child).ok_or(Reason::Absent)?;
        match &node.body {
            Body::Link(_) | Body::Magic(..) if node.refusal.is_some() => {
                Err(node.refusal.unwrap_or(Reason::Absent))
            }
            Body::Magic(_, to) => Ok(*to),
            Body::Link(text) => {
                *links = links.checked_sub(1).ok_or(Reason::Damaged)?;
                self.walk(root, here, text, true, links)
            }
            _ => Ok(child),
        }
    }
}

//! Path lookup below a directory: with the kernel's own confinement, or without it by hand.

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// Links followed in one lookup, as the kernel's limit.
const LINKS: u32 = 40;
/// openat2 asks to try again when a directory was renamed meanwhile.
const TRIES: u32 = 8;

const HANDLE: OFlags = OFlags::PATH.union(OFlags::CLOEXEC);

/// A handle (`O_PATH`) on what `name` leads to; opening it this way has no effect on the file.
pub(super) fn handle(dir: &OwnedFd, name: &OsStr, follow: bool) -> Result<OwnedFd, Errno> {
    rustix::fs::openat(dir, name, flags(follow), Mode::empty())
}

/// The same, without ever leaving `root`: absolute links and `..` count from it.
pub(super) fn handle_inside(root: &OwnedFd, name: &OsStr, follow: bool) -> Result<OwnedFd, Errno> {
    for _ in 0..TRIES {
        let opened = rustix::fs::openat2(
            root,
            name,
            flags(follow),
            Mode::empty(),
            ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS,
        );
        match opened {
            Err(Errno::AGAIN) => {}
            // Linux before 5.6 has no openat2, and old sandboxes answer EPERM to what they do
            // not know.
            Err(Errno::NOSYS | Errno::PERM) => return walk(root, name, follow),
            other => return other,
        }
    }
    Err(Errno::AGAIN)
}

const fn flags(follow: bool) -> OFlags {
    if follow { HANDLE } else { HANDLE.union(OFlags::NOFOLLOW) }
}

/// What is still to be walked: components in reverse, and whether the last one was given.
fn push(todo: &mut Vec<Vec<u8>>, path: &[u8]) {
    let names = path.split(|b| *b == b'/').filter(|c| !c.is_empty() && *c != b".");
    todo.extend(names.rev().map(<[u8]>::to_vec));
}

/// One component at a time, links read and resolved here: nothing is left to the kernel that
/// could lead outside.
pub(super) fn walk(root: &OwnedFd, name: &OsStr, follow: bool) -> Result<OwnedFd, Errno> {
    let mut links = LINKS;
    let mut todo = Vec::new();
    push(&mut todo, name.as_bytes());
    // The way from the root; `..` takes the last step back.
    let mut way: Vec<OwnedFd> = Vec::new();
    let directory = |way: &[OwnedFd]| -> Result<(), Errno> {
        let Some(last) = way.last() else { return Ok(()) };
        match rustix::fs::FileType::from_raw_mode(rustix::fs::fstat(last)?.st_mode) {
            rustix::fs::FileType::Directory => Ok(()),
            _ => Err(Errno::NOTDIR),
        }
    };
    while let Some(component) = todo.pop() {
        directory(&way)?;
        if component == b".." {
            way.pop();
            continue;
        }
        let here: BorrowedFd<'_> = way.last().map_or_else(|| root.as_fd(), AsFd::as_fd);
        let name = OsStr::from_bytes(&component);
        let next = rustix::fs::openat(here, name, flags(false), Mode::empty())?;
        let kind = rustix::fs::FileType::from_raw_mode(rustix::fs::fstat(&next)?.st_mode);
        if kind != rustix::fs::FileType::Symlink || (todo.is_empty() && !follow) {
            way.push(next);
            continue;
        }
        links = links.checked_sub(1).ok_or(Errno::LOOP)?;
        let target = rustix::fs::readlinkat(&next, "", Vec::new())?.into_bytes();
        if target.first() == Some(&b'/') {
            way.clear();
        }
        push(&mut todo, &target);
    }
    match way.pop() {
        Some(last) => Ok(last),
        None => rustix::fs::openat(root, ".", flags(true), Mode::empty()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::fs::symlink;

    fn tree() -> (tempfile::TempDir, OwnedFd) {
        let outer = tempfile::tempdir().unwrap();
        let root = outer.path().join("root");
        std::fs::create_dir_all(root.join("a/b")).unwrap();
        std::fs::write(outer.path().join("secret"), "outside").unwrap();
        std::fs::write(root.join("secret"), "inside").unwrap();
        std::fs::write(root.join("a/b/file"), "x").unwrap();
        symlink("/secret", root.join("a/absolute")).unwrap();
        symlink("../../../../secret", root.join("a/b/up")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        symlink("/a/b", root.join("jump")).unwrap();
        symlink(outer.path(), root.join("out")).unwrap();
        let fd = rustix::fs::open(&root, HANDLE | OFlags::DIRECTORY, Mode::empty()).unwrap();
        (outer, fd)
    }

    fn number(fd: Result<OwnedFd, Errno>) -> Result<(u64, u64), Errno> {
        let stat = rustix::fs::fstat(fd?)?;
        Ok((stat.st_dev, stat.st_ino))
    }

    #[test]
    fn the_walk_by_hand_agrees_with_the_kernel_and_never_leaves() {
        let (_outer, root) = tree();
        let inside = number(handle(&root, OsStr::new("secret"), false)).unwrap();
        for name in
            ["a/absolute", "a/b/up", "../secret", "jump/up", "jump/../../../secret", "a/../secret"]
        {
            let name = OsStr::new(name);
            assert_eq!(number(handle_inside(&root, name, true)).unwrap(), inside, "{name:?}");
            assert_eq!(number(walk(&root, name, true)).unwrap(), inside, "{name:?}");
        }
        for (name, follow) in [
            ("a/absolute", false),
            ("loop", true),
            ("loop", false),
            ("out", true),
            ("nothing", true),
            ("secret/x", true),
            ("..", true),
            (".", true),
            ("jump", true),
            ("jump/file", true),
            ("secret/..", true),
        ] {
            let name = OsStr::new(name);
            assert_eq!(
                number(walk(&root, name, follow)),
                number(handle_inside(&root, name, follow)),
                "{name:?}"
            );
        }
    }
}

//! A folder into which a collector wrote, or someone unpacked, its files.

use super::{Member, Spool, Want, Wanted, guest};
use crate::evidence::{Body, FileKind};
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Folders within folders.
const DEPTH: usize = 64;

/// Reads all files below `top`; no link is followed.
pub(super) fn read(spool: &mut Spool, top: &Path, wanted: Wanted<'_>) -> io::Result<()> {
    let mut open: Vec<(PathBuf, usize)> = vec![(top.to_owned(), 0)];
    while let Some((folder, depth)) = open.pop() {
        let listed = match fs::read_dir(&folder) {
            Ok(listed) => listed,
            Err(e) if depth == 0 => return Err(e),
            Err(e) => {
                spool.problem(folder.as_os_str().as_bytes(), e.to_string());
                continue;
            }
        };
        let mut names: Vec<PathBuf> = listed.filter_map(|e| e.ok().map(|e| e.path())).collect();
        names.sort();
        for path in names {
            if !spool.counted() {
                return Ok(());
            }
            let Ok(relative) = path.strip_prefix(top) else { continue };
            let name = relative.as_os_str().as_bytes().to_vec();
            if let Err(e) = one(spool, &path, &name, wanted) {
                spool.problem(&name, e.to_string());
            }
            if fs::symlink_metadata(&path).is_ok_and(|m| m.is_dir()) && depth < DEPTH {
                open.push((path, depth + 1));
            }
        }
    }
    Ok(())
}

fn one(spool: &mut Spool, path: &Path, name: &[u8], wanted: Wanted<'_>) -> io::Result<()> {
    let found = fs::symlink_metadata(path)?;
    let kind = FileKind::from_mode(found.mode());
    let link = if kind == FileKind::Link {
        fs::read_link(path)?.as_os_str().as_bytes().to_vec()
    } else {
        Vec::new()
    };
    let member = Member {
        kind,
        mode: found.mode() & 0o7777,
        uid: found.uid(),
        gid: found.gid(),
        size: found.len(),
        mtime: found.mtime(),
        link,
        body: Body::Unheld,
        cut: false,
    };
    if kind != FileKind::File {
        return spool.take(name, member, &mut io::empty(), Want::Name);
    }
    match opened(path) {
        Ok(file) => guest::take(spool, name, member, Box::new(file), wanted, 0),
        Err(e) => {
            spool.problem(name, e.to_string());
            spool.take(name, member, &mut io::empty(), Want::Name)
        }
    }
}

/// Opens a file unless a link was put in its place.
fn opened(path: &Path) -> io::Result<File> {
    let nofollow = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
    fs::OpenOptions::new().read(true).custom_flags(nofollow).open(path)
}

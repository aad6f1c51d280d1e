//! The database of rpm, in its three forms: SQLite, ndb and Berkeley DB. All hold one header a
//! package.

mod bdb;
mod header;
mod ndb;
mod sqlite;

use super::owners::{Digest, Owned, Wanted};
use super::{Installed, Package};
use crate::collect::Gaps;
use crate::evidence::{Dir, HostPath, Reason, Unavailable};
use crate::facts::{HostText, Time};
use header::Header;

/// Where a database shows itself, newest form first. An upgraded host may keep an old one.
pub(super) const PLACES: &[&str] = &[
    "usr/lib/sysimage/rpm/rpmdb.sqlite",
    "var/lib/rpm/rpmdb.sqlite",
    "usr/lib/sysimage/rpm/Packages.db",
    "var/lib/rpm/Packages.db",
    "usr/lib/sysimage/rpm/Packages",
    "var/lib/rpm/Packages",
];

/// A header is some 10 KiB; that of a kernel with its 30,000 files some MiB.
const MOST_HEADER: usize = 64 << 20;

/// What reading a form of the database gives: an error in words.
type Read = Result<(), String>;

/// Hands every package's header to `visit`. False where the root has no database of rpm.
fn headers(root: &dyn Dir, gaps: &Gaps, visit: &mut dyn FnMut(&HostPath, &Header<'_>)) -> bool {
    let present = PLACES.iter().map(|place| HostPath::from(*place));
    let Some((path, size)) = present
        .filter_map(|path| root.stat(&path).ok().map(|stat| (path, stat.size)))
        .find(|(_, size)| *size > 0)
    else {
        return false;
    };
    let mut damaged = 0_u32;
    let mut blob = |bytes: &[u8]| match header::parse(bytes) {
        Some(header) => visit(&path, &header),
        None => damaged += 1,
    };
    let answer = match root.open(&path) {
        Err(why) => {
            gaps.missed("packages", &why);
            return false;
        }
        Ok(mut file) if path.file_name() == b"rpmdb.sqlite" => {
            sqlite::blobs(file.as_mut(), size, &mut blob)
        }
        Ok(mut file) if path.file_name() == b"Packages.db" => {
            ndb::blobs(file.as_mut(), size, &mut blob)
        }
        Ok(mut file) => bdb::blobs(file.as_mut(), size, &mut blob),
    };
    if let Err(what) = answer {
        gaps.missed("packages", &Unavailable::new(&path, Reason::Damaged, what));
    }
    if damaged > 0 {
        let what = format!("{damaged} headers of packages could not be read");
        gaps.missed("packages", &Unavailable::new(&path, Reason::Damaged, what));
    }
    true
}

/// Every installed package.
pub(super) fn packages(root: &dyn Dir, gaps: &Gaps) -> Vec<Installed> {
    let mut all = Vec::new();
    headers(root, gaps, &mut |path, header| {
        let Some(name) = header.text(header::NAME) else { return };
        let version = [header.text(header::VERSION), header.text(header::RELEASE)];
        let version: Vec<&[u8]> = version.into_iter().flatten().collect();
        all.push(Installed {
            source: format!("/{path}"),
            package: Package {
                manager: "rpm",
                owns: false,
                name: HostText::from(name),
                version: (!version.is_empty()).then(|| HostText(version.join(&b'-'))),
                architecture: header.text(header::ARCH).map(HostText::from),
                installed: header
                    .number(header::INSTALLTIME, 0)
                    .map(|seconds| Time::new(i64::from(seconds), 0)),
            },
        });
    });
    all.sort_by(|a, b| {
        let key = |i: &Installed| (i.package.name.clone(), i.package.version.clone());
        key(a).cmp(&key(b))
    });
    all
}

/// Notes who owns a wanted path. False where the root has no database of rpm.
pub(super) fn owners(root: &dyn Dir, wanted: &mut Wanted, gaps: &Gaps) -> bool {
    headers(root, gaps, &mut |_, header| own(header, wanted))
}

/// The file is configuration: its owner is expected to change it.
const CONFIGURATION: u32 = 1;
/// The state of a file that is where the package put it.
const NORMAL: u8 = 0;

fn own(header: &Header<'_>, wanted: &mut Wanted) {
    let Some(name) = header.text(header::NAME) else { return };
    let folders: Vec<&[u8]> = header.texts(header::DIRNAMES).collect();
    // Most packages hold nothing that is asked for.
    if !folders.iter().any(|folder| wanted.folder(folder)) {
        return;
    }
    let sha256 = header.number(header::FILEDIGESTALGO, 0) == Some(8);
    let md5 = matches!(header.number(header::FILEDIGESTALGO, 0), None | Some(1));
    let mut digests = header.texts(header::FILEDIGESTS);
    for (base, place) in header.texts(header::BASENAMES).zip(0_usize..) {
        let digest = digests.next().filter(|digest| !digest.is_empty());
        let folder = header
            .number(header::DIRINDEXES, place)
            .and_then(|index| folders.get(usize::try_from(index).ok()?));
        let Some(folder) = folder.filter(|folder| wanted.folder(folder)) else { continue };
        let Some(index) = wanted.index(&[folder, base].concat()) else { continue };
        let configuration =
            header.number(header::FILEFLAGS, place).is_some_and(|flags| flags & CONFIGURATION != 0);
        let normal = header.byte(header::FILESTATES, place).is_none_or(|s| s == NORMAL);
        let digest = digest.filter(|_| !configuration && normal).and_then(|digest| {
            let text = String::from_utf8_lossy(digest).to_ascii_lowercase();
            match (sha256, md5) {
                (true, _) => Some(Digest::Sha256(text)),
                (_, true) => Some(Digest::Md5(text)),
                _ => None,
            }
        });
        wanted.own(index, Owned { package: HostText::from(name), digest });
    }
}

#[cfg(test)]
pub(super) mod header_for_tests {
    pub(in crate::collect::packages) use super::header::tests::build;
    pub(in crate::collect::packages) use super::header::{
        BASENAMES, DIRINDEXES, DIRNAMES, FILEDIGESTALGO, FILEDIGESTS, FILEFLAGS, INSTALLTIME, NAME,
        RELEASE, VERSION,
    };
}

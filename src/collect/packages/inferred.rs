//! Owners by time, for evidence without the lists of packages' files: what was put on disk within
//! the minutes in which a package was installed came with it, and what was put there at another
//! time did not. Nobody but the kernel sets the times of birth and of change that this rests on.

use super::owners::{Owned, Wanted};
use crate::evidence::{Dir, HostPath, Told};
use crate::facts::{HostText, Time};

const INFO: &str = "var/lib/dpkg/info";

/// Unpacking goes before the list is written, and setting up comes after it.
const BEFORE: i64 = 180 * 1_000_000_000;
const AFTER: i64 = 60 * 1_000_000_000;

/// Places into which packages put files; elsewhere nothing is inferred.
const PLACES: &[&[u8]] = &[b"/usr/", b"/bin/", b"/sbin/", b"/lib", b"/etc/", b"/boot/"];

/// The name of the package that nobody named.
const BY_TIME: &str = "(by its time)";

/// Notes owners by time. False where no time of an installation is known.
pub(super) fn owners(root: &dyn Dir, told: &Told, wanted: &mut Wanted) -> bool {
    let mut installed = told.installed.clone();
    let folder = HostPath::from(INFO);
    for name in root.list(&folder).unwrap_or_default() {
        if name.as_bytes().ends_with(b".list")
            && let Ok(stat) = root.stat(&folder.join(&name))
        {
            // An image made of layers keeps the time of writing and has a change time of its own.
            installed.extend([stat.mtime, stat.ctime].into_iter().flatten());
        }
    }
    installed.sort_unstable();
    installed.dedup();
    if installed.is_empty() {
        return false;
    }
    // What dpkg has in /etc it lists by itself, with digests.
    let listed = conffiles(root, wanted);
    let mut dated = false;
    for index in 0..wanted.len() {
        let Some(path) = wanted.path(index).cloned() else { continue };
        let bytes = path.as_bytes();
        let place = PLACES.iter().any(|place| bytes.starts_with(place));
        let hidden = path.components().any(|part| part.starts_with(b"."));
        let elsewhere = bytes.starts_with(b"/usr/local/") || listed && bytes.starts_with(b"/etc/");
        if !place || hidden || elsewhere {
            continue;
        }
        let Ok(stat) = root.stat(&path) else { continue };
        dated |= stat.ctime.is_some();
        if [stat.btime, stat.ctime].into_iter().flatten().any(|time| near(&installed, time)) {
            wanted.own(index, Owned { package: HostText::from(BY_TIME), digest: None });
        }
    }
    dated
}

/// Notes the configuration files that dpkg's status names, with their digests; false where there
/// are none.
fn conffiles(root: &dyn Dir, wanted: &mut Wanted) -> bool {
    let mut status = Vec::new();
    if root.read(&HostPath::from("var/lib/dpkg/status"), MOST, &mut status).is_err() {
        return false;
    }
    let (mut package, mut any): (&[u8], bool) = (b"", false);
    for line in status.split(|b| *b == b'\n') {
        if let Some(name) = line.strip_prefix(b"Package:") {
            package = name.trim_ascii();
        }
        // ` /etc/cron.d/x 64 digits`, perhaps with `obsolete` behind it.
        let Some(rest) = line.strip_prefix(b" /") else { continue };
        let mut words = rest.split(|b| *b == b' ');
        let (Some(path), Some(digest)) = (words.next(), words.next()) else { continue };
        if digest.len() != 32 || !digest.iter().all(u8::is_ascii_hexdigit) {
            continue;
        }
        any = true;
        if let Some(index) = wanted.index(&[b"/", path].concat()) {
            let digest = String::from_utf8_lossy(digest).to_ascii_lowercase();
            let digest = Some(super::owners::Digest::Md5(digest));
            wanted.own(index, Owned { package: HostText::from(package), digest });
        }
    }
    any
}

/// Bytes of dpkg's status.
const MOST: usize = 128 << 20;

/// Whether a package was installed so close to a time.
fn near(installed: &[Time], time: Time) -> bool {
    let from = time.0.saturating_sub(AFTER);
    let at = installed.partition_point(|t| t.0 < from);
    installed.get(at).is_some_and(|t| t.0 <= time.0.saturating_add(BEFORE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_around_an_installation() {
        let at = |seconds| Time::new(seconds, 0);
        let installed = [at(1000), at(5000)];
        assert!(near(&installed, at(1000)));
        assert!(near(&installed, at(830)), "unpacked before");
        assert!(near(&installed, at(1050)), "set up after");
        assert!(!near(&installed, at(1100)));
        assert!(!near(&installed, at(700)));
        assert!(!near(&installed, at(9000)));
    }
}

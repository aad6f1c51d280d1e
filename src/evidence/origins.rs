//! Which member of an archive a path's facts come from.

use super::HostPath;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Members by the paths of the host.
#[derive(Debug, Default)]
pub(super) struct Origins {
    /// Where a member was named for a path.
    pub members: BTreeMap<Vec<u8>, Arc<str>>,
    /// What stands before all other paths, in the archive.
    pub base: Option<Arc<str>>,
}

/// The member in which a source is found, the line behind it kept.
pub(super) fn located(archive: &str, origins: &Origins, source: &str) -> Option<String> {
    let (root, path) = match source.split_once('!') {
        // A path in a container's root.
        Some((root, path)) if !root.starts_with('/') => (Some(root), path),
        _ => (None, source),
    };
    if !path.starts_with('/') {
        return None;
    }
    let (plain, line) = match path.rsplit_once([':', '#']) {
        Some((plain, line)) if line.bytes().all(|b| b.is_ascii_digit()) => {
            (plain, path.get(plain.len()..).unwrap_or_default())
        }
        _ => (path, ""),
    };
    let mut known = HostPath::unescape(plain);
    // A file that only the listing of its folder tells of is found through that.
    while !known.as_bytes().is_empty() && !origins.members.is_empty() {
        if let Some(member) = origins.members.get(known.as_bytes()) {
            let line = if known.as_bytes().len() == plain.len() { line } else { "" };
            let root = root.map(|root| format!(" ({root})")).unwrap_or_default();
            return Some(format!("{archive}:{member}{line}{root}"));
        }
        if known.as_bytes() == b"/" {
            break;
        }
        known = known.parent();
    }
    Some(match &origins.base {
        Some(base) => format!("{archive}:{base}{}", path.trim_start_matches('/')),
        None => format!("{archive}:{path}"),
    })
}

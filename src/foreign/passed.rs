//! Members that hold memory, or are too large to be held: which are, and whose they are by their names.

use super::output::{find, number, split};
use crate::evidence::{Assembly, HostPath, Pid, Spool, Whose};

/// What of a process is more than this is carved and no more: a dump, its strings.
const LARGE: u64 = 32 << 20;

/// Whether a member is an image of a machine's memory or a dump, by where it lies: too large to hold by its
/// nature, however small this one is; or so much of a process that it is carved and no more.
pub(super) fn by_nature(name: &[u8], size: u64) -> bool {
    if size > LARGE && process(name).is_some() {
        return true;
    }
    let last = name.rsplit(|b| *b == b'/').next().unwrap_or_default();
    let image = last.ends_with(b".lime") || last.starts_with(b"avml.");
    let rooted = [b"/", name].concat();
    let kept = [&b"/var/lib/systemd/coredump/"[..], b"/var/crash/"];
    image || kept.iter().any(|folder| find(&rooted, folder).is_some())
}

/// Tells whose the members are that went by, for the host; `roots` are where in the archive files of the
/// host begin.
pub(super) fn tell(host: &mut Assembly, spool: &Spool, roots: &[Vec<u8>]) {
    for name in &spool.passed.members {
        let file = roots.iter().find_map(|root| name.strip_prefix(root.as_slice()));
        let whose = match file {
            Some(path) => Some(Whose::File(HostPath::new([b"/", path].concat()))),
            None => process(name),
        };
        if let Some(whose) = whose {
            host.told.whose.insert(name.clone(), whose);
        }
    }
    // A layout may have shown more of what it holds.
    let shown = std::mem::take(&mut host.told.passed.members);
    host.told.passed = spool.passed.clone();
    host.told.passed.members.extend(shown);
}

/// `live_response/process/proc/44/recovered_exe`, `memory_dump/proc/44/…`, `uploads/process/44`,
/// `memory_dump/process/44.dmp`, `name-44.dmp`, `core.44`.
fn process(name: &[u8]) -> Option<Whose> {
    let below = [&b"process/proc/"[..], b"memory_dump/proc/", b"memory_dump/process/"];
    let at = |folder: &[u8]| name.get(find(name, folder)? + folder.len()..);
    if let Some((pid, file)) = below.iter().find_map(|folder| split(at(folder)?, b"/"))
        && let Some(pid) = number::<Pid>(pid)
    {
        let starts = |start: &[u8]| file.starts_with(start);
        let what = if starts(b"recovered_exe") || starts(b"strings.txt") {
            "executable"
        } else if starts(b"fd/") {
            "deleted-file"
        } else {
            "memory"
        };
        return Some(Whose::Process { pid, what });
    }
    let folders = [&b"uploads/process/"[..], b"memory_dump/process/", b"process_dumps/"];
    let last = name.rsplit(|b| *b == b'/').next().unwrap_or_default();
    let ends = [&b".gz"[..], b".zst", b".xz", b".dmp", b".mem", b".core"];
    let stem = ends.iter().fold(last, |name, end| name.strip_suffix(*end).unwrap_or(name));
    let dump = folders.iter().any(|folder| find(name, folder).is_some())
        || stem.starts_with(b"core.")
        || stem.len() < last.len() && find(last, b".dmp").is_some();
    let pid = stem.rsplit(|b| !b.is_ascii_digit()).next().and_then(number::<Pid>);
    pid.filter(|_| dump).map(|pid| Whose::Process { pid, what: "memory" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_by_their_names() {
        for (name, pid, what) in [
            ("live_response/process/proc/44/recovered_exe", 44, "executable"),
            ("live_response/process/proc/44/strings.txt.gz", 44, "executable"),
            ("live_response/process/proc/44/fd/3/recovered_file", 44, "deleted-file"),
            ("x/memory_dump/proc/44/memory_strings.txt.gz", 44, "memory"),
            ("memory_dump/proc/44/sections/7f00-8f00.mem.swab.gz", 44, "memory"),
            ("memory_dump/process/44/7f00-8f00.mem", 44, "memory"),
            ("uploads/process/44", 44, "memory"),
            ("uploads/process/crond-44.dmp", 44, "memory"),
            ("cores/core.44", 44, "memory"),
            ("cores/core.44.gz", 44, "memory"),
        ] {
            let whose = process(name.as_bytes());
            assert_eq!(whose, Some(Whose::Process { pid, what }), "{name}");
        }
        for name in ["memory_dump/avml.lime", "uploads/file/data4", "bodyfile/bodyfile.txt"] {
            assert_eq!(process(name.as_bytes()), None, "{name}");
        }
    }

    #[test]
    fn what_holds_memory_by_where_it_lies() {
        for name in
            ["memory_dump/avml.lime", "memory_dump/avml.raw", "host.lime", "[root]/var/crash/c"]
        {
            assert!(by_nature(name.as_bytes(), 1), "{name}");
        }
        assert!(!by_nature(b"[root]/etc/passwd", 1 << 30));
        let dump = b"memory_dump/process/44/heap.mem";
        assert!(by_nature(dump, 1 << 30) && !by_nature(dump, 1));
    }
}

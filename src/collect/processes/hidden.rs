//! Whether the reader sees all processes: a /proc mounted with hidepid shows an ordinary user
//! its own alone, and nothing in the listing tells of the others.

use super::status::Status;
use crate::collect::Host;
use crate::collect::host::reader;
use crate::collect::mounts::{self, Mount};
use crate::evidence::{HostPath, Pid, Reason, Unavailable};
use std::collections::BTreeSet;

/// Who has it sees all: CAP_SYS_PTRACE.
const SYS_PTRACE: u64 = 1 << 19;

/// The processes of which some file is covered by a mount: theirs are read from the first thread's
/// folder, which has the same files. Who mounted there is for the playbooks to say.
pub(super) fn covered(host: &Host<'_>) -> BTreeSet<Pid> {
    let text = mounts::own(host).unwrap_or_default();
    mounts::lines(&text).filter_map(|mount| below_process(&mount.mount_point)).collect()
}

/// The process that a path lies below: of `/proc/7/stat`, not of `/proc/7`.
fn below_process(path: &HostPath) -> Option<Pid> {
    let rest = path.as_bytes().strip_prefix(b"/proc/")?;
    let slash = rest.iter().position(|b| *b == b'/')?;
    std::str::from_utf8(rest.get(..slash)?).ok()?.parse().ok()
}

/// Counts it as a gap where /proc hides processes from the reader.
pub(super) fn note(host: &Host<'_>) {
    let mut text = Vec::new();
    let path = HostPath::from("proc/self/mountinfo");
    // Without a reader in the evidence there is nobody to hide from.
    let Some(reader) = reader(host) else { return };
    if host.root.read(&path, 16 * 1024 * 1024, &mut text).is_err() {
        return;
    }
    if let Some(how) = hides(&text, &reader) {
        let why = format!("mounted with {how}: processes of other users are not seen");
        let why = Unavailable::new(&HostPath::from("/proc"), Reason::Denied, why);
        host.gaps.missed("processes of others", &why);
    }
}

/// The option of /proc that hides processes from this reader.
fn hides(mountinfo: &[u8], reader: &Status) -> Option<String> {
    let on_proc = |mount: &Mount| {
        mount.mount_point.as_bytes() == b"/proc" && mount.fs_type.as_bytes() == b"proc"
    };
    // The last one mounted covers those before it.
    let mount = mounts::lines(mountinfo).filter(on_proc).last()?;
    let options = mount.super_options.escaped();
    let option =
        |key: &str| options.split(',').find_map(|o| o.strip_prefix(key)?.strip_prefix('='));
    let how = option("hidepid").filter(|how| !matches!(*how, "0" | "off"))?;
    let capabilities = reader.capabilities.as_deref().and_then(|hex| std::str::from_utf8(hex).ok());
    let capabilities = capabilities.and_then(|hex| u64::from_str_radix(hex, 16).ok()).unwrap_or(0);
    let exempt = option("gid").and_then(|gid| gid.parse().ok()).unwrap_or(0_u32);
    let in_group = reader.gid == Some(exempt) || reader.groups.contains(&exempt);
    let sees = capabilities & SYS_PTRACE != 0 || in_group && !matches!(how, "4" | "ptraceable");
    (!sees).then(|| format!("hidepid={how}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mountinfo(options: &str) -> Vec<u8> {
        format!("22 27 0:21 / /proc rw,relatime shared:5 - proc proc {options}\n").into_bytes()
    }

    fn reader(capabilities: &str, group: u32) -> Status {
        Status {
            gid: Some(1000),
            groups: vec![group],
            capabilities: Some(capabilities.into()),
            ..Status::default()
        }
    }

    #[test]
    fn what_lies_below_a_process() {
        assert_eq!(below_process(&"/proc/7/stat".into()), Some(7));
        assert_eq!(below_process(&"/proc/7/task/7/stat".into()), Some(7));
        for path in ["/proc/7", "/proc/sys/fs/binfmt_misc", "/proc", "/srv/7/stat"] {
            assert_eq!(below_process(&path.into()), None, "{path}");
        }
    }

    #[test]
    fn from_whom() {
        let user = reader("0000000000000000", 1000);
        let hidden = mountinfo("rw,gid=27,hidepid=invisible");
        assert_eq!(hides(&hidden, &user).as_deref(), Some("hidepid=invisible"));
        assert_eq!(hides(&hidden, &reader("0000000000000000", 27)), None, "the exempt group");
        assert_eq!(hides(&hidden, &reader("000001ffffffffff", 0)), None, "root");
        assert_eq!(hides(&mountinfo("rw"), &user), None);
        assert_eq!(hides(&mountinfo("rw,hidepid=off"), &user), None);
        assert_eq!(hides(b"", &user), None);
    }
}

//! Where the modules lie that are loaded at boot.

use super::Outcome;
use crate::collect::Host;
use crate::evidence::HostPath;
use crate::facts::Facts;
use std::collections::HashMap;

/// Bytes of modules.dep that are read: those of distributions are 0.5 to 1 MiB.
const MOST_BYTES: usize = 8 << 20;

/// Fills in the program of entries that load a module: its file, by the list of the running kernel.
pub(super) fn resolve(host: &Host<'_>, facts: &Facts) -> Outcome {
    const LOADED: &str = "FROM persistence WHERE kind = 'module' AND schedule = 'boot'";
    let names: Vec<String> =
        facts.rows(&format!("SELECT DISTINCT command {LOADED}"), [], |row| row.get(0))?;
    if names.is_empty() {
        return Ok(());
    }
    let kernels = facts.rows("SELECT kernel FROM host", [], |row| row.get::<_, String>(0))?;
    let Some(kernel) = kernels.first().filter(|kernel| !kernel.is_empty()) else { return Ok(()) };
    let folder = format!("/lib/modules/{kernel}");
    let list = HostPath::from(format!("{folder}/modules.dep").as_str());
    let mut bytes = Vec::new();
    if host.root.read(&list, MOST_BYTES, &mut bytes).is_err() {
        return Ok(());
    }
    let files = files(&bytes);
    for name in names {
        if let Some(file) = files.get(plain(name.as_bytes()).as_slice()) {
            let path = HostPath::new([folder.as_bytes(), b"/", file].concat());
            facts.change(
                "UPDATE persistence SET program = ? \
                 WHERE kind = 'module' AND schedule = 'boot' AND command = ?",
                (path.to_string(), name),
            )?;
        }
    }
    Ok(())
}

/// Files of modules by their names: `kernel/drivers/block/loop.ko.xz: …` is `loop`.
fn files(bytes: &[u8]) -> HashMap<Vec<u8>, &[u8]> {
    let file = |line: &'_ [u8]| line.iter().position(|b| *b == b':');
    bytes
        .split(|b| *b == b'\n')
        .filter_map(|line| {
            let path = line.get(..file(line)?)?;
            let name = path.rsplit(|b| *b == b'/').next()?;
            let stem = name.get(..memchr::memmem::find(name, b".ko")?)?;
            Some((plain(stem), path))
        })
        .collect()
}

/// `-` and `_` are one in names of modules.
fn plain(name: &[u8]) -> Vec<u8> {
    name.iter().map(|b| if *b == b'-' { b'_' } else { *b }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn files_by_name() {
        let all = files(b"kernel/net/ip-set.ko.xz: kernel/a.ko\nextra/x.ko:\nbad\n");
        assert_eq!(all.get(&b"ip_set"[..]), Some(&&b"kernel/net/ip-set.ko.xz"[..]));
        assert_eq!(all.get(&b"x"[..]), Some(&&b"extra/x.ko"[..]));
        assert_eq!(all.len(), 2);
    }

    proptest! {
        #[test]
        fn any_bytes(bytes: Vec<u8>) {
            files(&bytes);
        }
    }
}

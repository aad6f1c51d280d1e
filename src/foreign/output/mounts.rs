//! `/proc/PID/mounts`, `mount` and `findmnt`, as the mountinfo that collectors read.

use super::{find, lines, words};
use std::fmt::Write;

/// A bind mount that `findmnt` tells of: the directory mounted, and where.
pub(in crate::foreign) struct Bind {
    /// Which directory of the file system: `/43` of `proc[/43]`.
    pub root: Vec<u8>,
    /// The mount point.
    pub at: Vec<u8>,
}

/// Mountinfo made of /proc/mounts lines; ids and devices are of our own counting.
pub(in crate::foreign) fn mountinfo(mounts: &[u8], binds: &[Bind]) -> Vec<u8> {
    let mut out = Vec::new();
    for (line, id) in lines(mounts).filter(|l| !l.is_empty()).zip(21_u32..) {
        let mut fields = words(line);
        let (Some(device), Some(point), Some(kind), Some(options)) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        let root = binds.iter().find(|b| b.at == point).map_or(&b"/"[..], |b| &b.root);
        out.extend_from_slice(format!("{id} 20 0:{id} ").as_bytes());
        out.extend_from_slice(root);
        out.push(b' ');
        out.extend_from_slice(point);
        out.push(b' ');
        out.extend_from_slice(options);
        out.extend_from_slice(b" - ");
        out.extend_from_slice(kind);
        out.push(b' ');
        out.extend_from_slice(device);
        out.push(b' ');
        out.extend_from_slice(options);
        out.push(b'\n');
    }
    out
}

/// `o on / type overlay (rw,relatime)` as /proc/mounts has it.
pub(in crate::foreign) fn from_mount(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for line in lines(text) {
        let (Some(on), Some(kind)) = (find(line, b" on "), rfind(line, b" type ")) else {
            continue;
        };
        let device = line.get(..on).unwrap_or_default();
        let Some(point) = line.get(on + 4..kind) else { continue };
        let rest = line.get(kind + 6..).unwrap_or_default();
        let Some((fs, options)) = super::split(rest, b" (") else { continue };
        let options = options.split(|b| *b == b')').next().unwrap_or_default();
        for part in [device, point, fs, options] {
            escape(part, &mut out);
            out.push(b' ');
        }
        out.extend_from_slice(b"0 0\n");
    }
    out
}

fn rfind(text: &[u8], what: &[u8]) -> Option<usize> {
    memchr::memmem::rfind(text, what)
}

fn escape(part: &[u8], out: &mut Vec<u8>) {
    for byte in part {
        match byte {
            b' ' | b'\t' | b'\n' | b'\\' => {
                let mut text = String::new();
                // Writing to a String cannot fail.
                let _ = write!(text, "\\{byte:03o}");
                out.extend_from_slice(text.as_bytes());
            }
            other => out.push(*other),
        }
    }
}

/// The bind mounts of `findmnt -J` or `findmnt`: those whose source names a directory in brackets.
pub(in crate::foreign) fn binds(findmnt: &[u8]) -> Vec<Bind> {
    let mut found = Vec::new();
    if let Ok(json) = serde_json::from_slice::<serde_json::Value>(findmnt) {
        let mut open: Vec<&serde_json::Value> = json
            .get("filesystems")
            .into_iter()
            .flat_map(|f| f.as_array().into_iter().flatten())
            .collect();
        while let Some(one) = open.pop() {
            open.extend(
                one.get("children").into_iter().flat_map(|c| c.as_array().into_iter().flatten()),
            );
            let text = |key| one.get(key).and_then(serde_json::Value::as_str).unwrap_or_default();
            bind(text("source").as_bytes(), text("target").as_bytes(), &mut found);
        }
        return found;
    }
    for line in lines(findmnt) {
        // The tree is drawn before the target.
        let text = String::from_utf8_lossy(line);
        let text = text.trim_start_matches(|c: char| {
            !c.is_ascii() || c == ' ' || c == '|' || c == '`' || c == '-'
        });
        let mut fields = text.split_whitespace();
        if let (Some(target), Some(source)) = (fields.next(), fields.next()) {
            bind(source.as_bytes(), target.as_bytes(), &mut found);
        }
    }
    found
}

fn bind(source: &[u8], target: &[u8], found: &mut Vec<Bind>) {
    let Some((_, root)) = super::split(source, b"[/") else { return };
    let Some(root) = root.strip_suffix(b"]") else { return };
    found.push(Bind { root: [b"/", root].concat(), at: target.to_vec() });
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn of_mounts() {
        let mounts = from_mount(b"proc on /mnt/two words type proc (rw,relatime)\n");
        assert_eq!(mounts, b"proc /mnt/two\\040words proc rw,relatime 0 0\n");
        let found = binds(br#"{"filesystems":[{"target":"/","source":"o","children":[{"target":"/proc/42","source":"proc[/43]"}]}]}"#);
        assert_eq!(
            (found[0].root.as_slice(), found[0].at.as_slice()),
            (&b"/43"[..], &b"/proc/42"[..])
        );
        let info = mountinfo(b"proc /proc/42 proc rw 0 0\n", &found);
        assert_eq!(info, b"21 20 0:21 /43 /proc/42 rw - proc proc rw\n");
    }
}

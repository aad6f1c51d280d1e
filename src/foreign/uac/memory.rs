//! What UAC keeps of programs and of memory: their strings, and sections, each pair of bytes swapped.

use super::Uac;
use super::processes::FOLDER;
use crate::evidence::{Body, HostPath, Pid, Whose};
use crate::facts::{HostText, Status};
use crate::foreign::output::{number, split};
use crate::foreign::process::Seen;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read};
use std::sync::Arc;

/// Bytes that are held of all sections, unpacked: a few KiB of them can be gigabytes of zeros.
const SECTIONS: usize = 48 << 20;

impl Uac<'_> {
    /// Strings of programs and of memory, and stretches of memory.
    pub(super) fn memory(&mut self, all: &BTreeMap<Pid, Seen>) {
        let (mut left, mut beyond) = (SECTIONS, 0_u64);
        for folder in [FOLDER, "memory_dump"] {
            let folder = [self.base, folder.as_bytes(), b"/proc/"].concat();
            let (mut whole, mut torn) = (BTreeSet::new(), BTreeSet::new());
            for (rest, full, member) in self.spool.below(&folder) {
                let Some((pid, file)) = split(rest, b"/") else { continue };
                let Some(pid) = number::<Pid>(pid).filter(|pid| all.contains_key(pid)) else {
                    continue;
                };
                let held: Arc<[u8]> = match &member.body {
                    Body::Bytes(bytes) | Body::Gzip(bytes) => Arc::clone(bytes),
                    Body::Unheld => continue,
                };
                let told = &mut self.host.told;
                let origin = HostText::from(full).escaped();
                let file = String::from_utf8_lossy(file);
                if file.starts_with("strings.txt") {
                    told.strings.insert(pid, held);
                    self.host.origin(
                        &HostPath::from(format!("/proc/{pid}/exe.strings").as_str()),
                        &origin,
                    );
                } else if file.starts_with("memory_strings.txt") {
                    told.memory_strings.insert(pid, held);
                    self.host.origin(
                        &HostPath::from(format!("/proc/{pid}/mem.strings").as_str()),
                        &origin,
                    );
                } else if let Some(name) = file.strip_prefix("sections/") {
                    let Some(bytes) = unpacked(&held, left) else {
                        beyond += 1;
                        if let Some(by) = self.spool.passed.by.clone() {
                            by.look(full, held.len() as u64, &mut Cursor::new(held));
                            told.passed.members.push(full.to_vec());
                            let what = "memory";
                            told.whose.insert(full.to_vec(), Whose::Process { pid, what });
                        }
                        continue;
                    };
                    left = left.saturating_sub(bytes.len());
                    let bytes = swapped(&bytes);
                    let range = name.split('.').next().and_then(range);
                    match range {
                        // One pipe served several readers: a file may hold another's bytes.
                        Some((start, end)) if end.saturating_sub(start) == bytes.len() as u64 => {
                            self.host.memory(pid, start, bytes.into());
                            whole.insert(pid);
                        }
                        _ => {
                            self.host.told.memory_pieces.entry(pid).or_default().push(bytes.into());
                            torn.insert(pid);
                        }
                    }
                    self.host.origin(&HostPath::from(format!("/proc/{pid}/mem").as_str()), &origin);
                }
            }
            for pid in torn {
                let why = "some of UAC's sections have not the length of their range: they are carved without addresses";
                self.cover(&format!("memory of pid {pid} by address"), Status::Partial, why);
            }
        }
        if beyond > 0 {
            let most = SECTIONS >> 20;
            let then = if self.spool.passed.by.is_some() {
                "were carved without addresses"
            } else {
                "were left out"
            };
            let why =
                format!("sections of more than {most} MiB, unpacked: {beyond} of them {then}");
            self.cover("memory by address", Status::Partial, why);
        }
    }
}

fn range(name: &str) -> Option<(u64, u64)> {
    let (start, end) = name.split_once('-')?;
    let number = |text: &str| u64::from_str_radix(text.trim_start_matches("0x"), 16).ok();
    Some((number(start)?, number(end)?))
}

/// The bytes, unpacked, where they are no more than `most`; what came before damage counts.
fn unpacked(bytes: &[u8], most: usize) -> Option<Vec<u8>> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return (bytes.len() <= most).then(|| bytes.to_vec());
    }
    let mut out = Vec::new();
    let limit = (most as u64).saturating_add(1);
    let _ = flate2::read::MultiGzDecoder::new(bytes).take(limit).read_to_end(&mut out);
    (out.len() <= most).then_some(out)
}

/// Undoes `dd conv=swab`: each pair of bytes changes places, an odd last byte stays.
pub(super) fn swapped(bytes: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    for pair in out.chunks_exact_mut(2) {
        pair.reverse();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn swapped_bytes() {
        assert_eq!(swapped(b"badcx"), b"abcdx");
        assert_eq!(range("7f00-8f00"), Some((0x7f00, 0x8f00)));
    }

    proptest! {
        #[test]
        fn swapping_twice_is_nothing(bytes: Vec<u8>) {
            prop_assert_eq!(swapped(&swapped(&bytes)), bytes);
        }
    }
}

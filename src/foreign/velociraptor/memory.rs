//! uploads/process/PID: memory of a process without its holes, and the index that tells where each
//! stretch was.

use super::{Collection, number};
use crate::evidence::{HostPath, Pid};
use crate::facts::{HostText, Status};
use crate::foreign::process::Seen;
use serde_json::Value;
use std::collections::BTreeMap;

/// Ranges believed of one index.
const MOST: usize = 100_000;

/// Address, and place and length in the file, of the stretches that are in it.
fn ranges(index: &[u8]) -> Vec<(u64, u64, u64)> {
    let Ok(json) = serde_json::from_slice::<Value>(index) else { return Vec::new() };
    let none = Vec::new();
    let all = json.get("ranges").and_then(Value::as_array).unwrap_or(&none);
    all.iter()
        .take(MOST)
        .filter_map(|range| {
            // Fields that are zero are left out; without a length in the file it is a hole.
            let length = number(range, &["file_length"])?;
            let address = number(range, &["original_offset"]).unwrap_or(0);
            Some((address, number(range, &["file_offset"]).unwrap_or(0), length))
        })
        .collect()
}

impl Collection<'_> {
    pub(super) fn dumps(&mut self, all: &BTreeMap<Pid, Seen>) {
        let folder = [self.base, b"uploads/process/"].concat();
        let mut dumped = Vec::new();
        for (name, full, member) in self.spool.below(&folder) {
            if name.ends_with(b".idx") {
                continue;
            }
            // `1234`, or `name-1234.dmp`.
            let stem = name.strip_suffix(b".dmp").unwrap_or(name);
            let pid = stem
                .rsplit(|b| *b == b'-' || *b == b'/')
                .next()
                .and_then(crate::foreign::output::number::<Pid>);
            let (Some(pid), Some(bytes)) = (pid, member.bytes()) else { continue };
            let index = self.spool.members.get(&[full, b".idx"].concat()).and_then(|m| m.bytes());
            let found = index.map(ranges).unwrap_or_default();
            let origin = HostText::from(full).escaped();
            self.host.origin(&HostPath::from(format!("/proc/{pid}/mem").as_str()), &origin);
            if found.is_empty() || !all.contains_key(&pid) {
                self.host.told.memory_pieces.entry(pid).or_default().push(bytes.into());
            }
            for (address, at, length) in found {
                let from = usize::try_from(at).unwrap_or(usize::MAX);
                let to = from
                    .saturating_add(usize::try_from(length).unwrap_or(usize::MAX))
                    .min(bytes.len());
                if let Some(stretch) = bytes.get(from..to).filter(|s| !s.is_empty()) {
                    self.host.memory(pid, address, stretch.into());
                }
            }
            dumped.push(pid);
        }
        if dumped.is_empty() {
            self.cover("memory", Status::NotCaptured, "no memory of processes among the uploads");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn of_the_notes() {
        let index = br#"{"ranges":[{"file_length":5,"length":5},{"file_offset":5,"original_offset":5,"length":5},{"file_offset":5,"original_offset":10,"file_length":3,"length":3}]}"#;
        assert_eq!(ranges(index), [(0, 0, 5), (10, 5, 3)]);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = ranges(&bytes);
        }
    }
}

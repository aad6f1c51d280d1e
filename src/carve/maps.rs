//! /proc/PID/maps, as far as carving one process needs it.

/// A stretch of an address space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) start: u64,
    pub(super) end: u64,
    /// Path and permissions.
    pub(super) name: String,
}

/// The stretches that may be read: neither a device's nor the kernel's. Lines that make no sense
/// are left out.
pub(super) fn parse(maps: &[u8]) -> Vec<Line> {
    maps.split(|b| *b == b'\n').filter_map(line).collect()
}

fn line(line: &[u8]) -> Option<Line> {
    let line = String::from_utf8_lossy(line);
    let mut words = line.splitn(6, ' ');
    let (start, end) = words.next()?.split_once('-')?;
    let permissions = words.next()?;
    let path = words.nth(3).unwrap_or_default().trim_start();
    let device = path.starts_with("/dev/")
        && !path.starts_with("/dev/shm/")
        && !path.starts_with("/dev/zero");
    if device || path.starts_with("[v") {
        return None;
    }
    let name = if path.is_empty() { "anonymous" } else { path };
    let (start, end) = (u64::from_str_radix(start, 16).ok()?, u64::from_str_radix(end, 16).ok()?);
    (start < end).then(|| Line { start, end, name: format!("{name} {permissions}") })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn devices_and_the_kernels_own_are_left_out() {
        let maps = b"00400000-00401000 r-xp 00000000 08:01 12 /usr/sbin/a b\n\
            7f00-7f10 rw-p 00000000 00:00 0 \n\
            7f20-7f30 rw-s 00000000 00:05 9   /dev/mem\n\
            7ffd-7ffe r-xp 00000000 00:00 0 [vdso]\nnonsense\n";
        let names: Vec<String> = parse(maps).into_iter().map(|line| line.name).collect();
        assert_eq!(names, ["/usr/sbin/a b r-xp", "anonymous rw-p"]);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_fail(bytes: Vec<u8>) {
            parse(&bytes);
        }
    }
}

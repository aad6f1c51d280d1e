//! /proc/PID/status.

/// What davy takes from it; `None` where a kernel does not tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::collect) struct Status {
    pub uid: Option<u32>,
    pub euid: Option<u32>,
    pub gid: Option<u32>,
    /// Supplementary groups.
    pub groups: Vec<u32>,
    pub tracer: Option<u32>,
    pub parent: Option<u32>,
    /// The id in the innermost namespace.
    pub ns_pid: Option<u32>,
    /// In bytes.
    pub vm_rss: Option<u64>,
    pub vm_size: Option<u64>,
    /// Effective capabilities, hexadecimal.
    pub capabilities: Option<Vec<u8>>,
}

/// The kernel escapes line ends in the name, so no name can forge a line.
pub(in crate::collect) fn parse(bytes: &[u8]) -> Status {
    let mut status = Status::default();
    for line in bytes.split(|b| *b == b'\n') {
        let Some(colon) = line.iter().position(|b| *b == b':') else { continue };
        let (key, value) = line.split_at(colon);
        let value = value.get(1..).unwrap_or_default();
        let mut words = words(value);
        match key {
            b"Uid" => {
                status.uid = words.next().and_then(number);
                status.euid = words.next().and_then(number);
            }
            b"Gid" => status.gid = words.next().and_then(number),
            b"Groups" => status.groups = words.filter_map(number).collect(),
            b"PPid" => status.parent = words.next().and_then(number),
            b"TracerPid" => status.tracer = words.next().and_then(number),
            b"NSpid" => status.ns_pid = words.last().and_then(number),
            b"VmRSS" => status.vm_rss = words.next().and_then(kibibytes),
            b"VmSize" => status.vm_size = words.next().and_then(kibibytes),
            b"CapEff" => status.capabilities = words.next().map(<[u8]>::to_vec),
            _ => {}
        }
    }
    status
}

fn words(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|b| b.is_ascii_whitespace()).filter(|w| !w.is_empty())
}

fn number(word: &[u8]) -> Option<u32> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

fn kibibytes(word: &[u8]) -> Option<u64> {
    std::str::from_utf8(word).ok()?.parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_process_in_a_container() {
        let text = b"Name:\tsh:\\nUid: 0\nPPid:\t7\nTracerPid:\t0\nUid:\t1000\t0\t0\t0\nGid:\t100\t1\t1\t1\n\
            Groups:\t4 24 27 \nNSpid:\t4242\t17\nVmSize:\t    4096 kB\nVmRSS:\t  12 kB\n\
            CapEff:\t000001ffffffffff\n";
        let expect = Status {
            uid: Some(1000),
            euid: Some(0),
            gid: Some(100),
            groups: vec![4, 24, 27],
            tracer: Some(0),
            parent: Some(7),
            ns_pid: Some(17),
            vm_rss: Some(12 * 1024),
            vm_size: Some(4096 * 1024),
            capabilities: Some(b"000001ffffffffff".to_vec()),
        };
        assert_eq!(parse(text), expect);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = parse(&bytes);
        }

        #[test]
        fn no_line_panics(text in "((Uid|Groups|NSpid|VmRSS|CapEff):[ \t0-9a-f]{0,30}\n){0,8}") {
            let _ = parse(text.as_bytes());
        }
    }
}

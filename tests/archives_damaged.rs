//! davy's own archives, packed and damaged: what is lost is named, and the rest is vouched for and used.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use davy::evidence::davy::{About, Custody, FRAME, stream};
use davy::evidence::{Directory, Evidence, HostPath, Recording, Replay};
use std::io::{Cursor, Write};
use std::process::Command;

const FILES: usize = 560;

/// Text that no two files have in common, and that packs to a part of its length.
fn text(number: usize) -> Vec<u8> {
    let mut state = number as u64 + 1;
    let mut bytes = Vec::new();
    while bytes.len() < 24_000 {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        writeln!(bytes, "line {number} {:x} of a file that is like others", state >> 33).unwrap();
    }
    bytes
}

fn name(number: usize) -> HostPath {
    HostPath::new(format!("/etc/file-{number:04}"))
}

/// A recording of many files as one step, and the root.
fn plain() -> (Vec<u8>, String) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("etc")).unwrap();
    for number in 0..FILES {
        std::fs::write(folder.path().join(format!("etc/file-{number:04}")), text(number)).unwrap();
    }
    let recording = Recording::new(Directory::open(folder.path()).unwrap());
    let about = About { tool: "davy".into(), arguments: Vec::new(), memory: "none".into() };
    let mut writer = recording.archive(Vec::new(), &about).unwrap();
    let root = recording.dir(&HostPath::from("/")).unwrap();
    for number in 0..FILES {
        root.read(&name(number), 1 << 20, &mut Vec::new()).unwrap();
        root.stat(&name(number)).unwrap();
    }
    recording.write(&mut writer, false).unwrap();
    recording.write(&mut writer, true).unwrap();
    writer.finish().unwrap()
}

/// As `davy collect` packs it: frames of 4 MiB; and where each begins.
fn zstd(bytes: &[u8]) -> (Vec<u8>, Vec<usize>) {
    let (mut packed, mut begins) = (Vec::new(), Vec::new());
    for frame in bytes.chunks(FRAME) {
        begins.push(packed.len());
        let level = ruzstd::encoding::CompressionLevel::Fastest;
        packed.extend(ruzstd::encoding::compress_to_vec(frame, level));
    }
    (packed, begins)
}

fn opened(bytes: &[u8]) -> (Replay, Custody) {
    stream(Box::new(Cursor::new(bytes.to_vec())), "x.tar.zst", true)
        .unwrap_or_else(|e| panic!("{e}"))
}

/// Which files are read as they were.
fn there(replay: &Replay) -> Vec<bool> {
    let root = replay.dir(&HostPath::from("/")).unwrap();
    (0..FILES)
        .map(|number| {
            let mut bytes = Vec::new();
            let read = root.read(&name(number), 1 << 20, &mut bytes).is_ok();
            // What is given is what was there, whatever was damaged.
            assert!(!read || bytes == text(number), "{number}");
            read
        })
        .collect()
}

fn davy(arguments: &[&str], bytes: &[u8]) -> (i32, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.tar.zst");
    std::fs::write(&path, bytes).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_davy"));
    let output = command.arg(arguments[0]).arg(&path).args(&arguments[1..]).output().unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (output.status.code().unwrap(), text.replace(&path.display().to_string(), "x.tar.zst"))
}

#[test]
fn a_flipped_bit_costs_no_more_than_its_frame() {
    let (plain, root) = plain();
    let (whole, begins) = zstd(&plain);
    assert!(begins.len() >= 4, "{begins:?}");
    let (replay, custody) = opened(&whole);
    assert!(custody.whole && custody.faults.is_empty() && custody.root == root, "{custody:?}");
    assert!(there(&replay).iter().all(|there| *there));
    // Everywhere in the second frame, also in its first bytes and its checksum.
    let (from, to) = (begins[1], begins[2]);
    let mut lost = 0;
    for at in (from..from + 6).chain((from..to).step_by((to - from) / 6)).chain(to - 5..to) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        let (replay, custody) = opened(&bytes);
        assert!(
            custody.whole && custody.root == root,
            "{at}: it is damaged and not cut: {custody:?}"
        );
        let there = there(&replay);
        let count = there.iter().filter(|there| !**there).count();
        lost = lost.max(count);
        assert!(count == 0 || !custody.faults.is_empty(), "{at}: {custody:?}");
        // What stood in the first frame and from the third on, but for segments that the damage reaches into.
        // The first segment stands in the second frame.
        let first = custody.missing.is_empty()
            && custody.faults.iter().all(|fault| fault.member != "manifest/00001.jsonl");
        assert!(!first || there[..100].iter().all(|there| *there), "{at}");
        assert!(there[520..].iter().all(|there| *there), "{at}: {:?}", custody.faults);
        // Read again from the file, too.
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        std::fs::write(&path, &bytes).unwrap();
        let file = std::fs::File::open(&path).unwrap();
        let (again, same) = davy::evidence::davy::open(file, "x", 0).unwrap();
        assert_eq!(same.faults, custody.faults, "{at}");
        assert_eq!(self::there(&again), there, "{at}");
    }
    assert!(lost > 20, "some of these do harm");
}

#[test]
fn what_is_lost_is_named() {
    let (whole, begins) = zstd(&plain().0);
    let root = plain_root(&whole);
    // A bit that makes a block one that cannot be opened; others make of its bytes other ones.
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        bytes
    };
    let lost =
        |at: &usize| opened(&flipped(*at)).1.faults.iter().any(|f| f.why.contains(" bad block"));
    let near = (begins[1] + begins[2]) / 2;
    let bytes = flipped((near - 60_000..near).step_by(97).find(lost).unwrap());
    let (code, text) = davy(&["verify", "--root", &root], &bytes);
    assert_eq!(code, 4, "{text}");
    for words in [
        "the archive is damaged here",
        "the next frame that is whole begins at packed byte",
        "within [root]/etc/file-0",
        " members are not used, since the segment that vouches for them is missing: [root]/etc/file-0",
        "segment 1 of the manifest is missing",
        "[root]/etc/file-0300: is missing",
        "vouched for: ",
        &format!("root sha256:{root}"),
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(!text.contains("cut") && !text.contains("NOT the archive"), "{text}");
}

fn plain_root(bytes: &[u8]) -> String {
    opened(bytes).1.root
}

#[test]
fn the_first_frame() {
    let (plain, root) = plain();
    let (mut bytes, _) = zstd(&plain);
    bytes[40] ^= 0x10;
    let (replay, custody) = opened(&bytes);
    assert!(custody.whole && custody.root == root && !custody.faults.is_empty(), "{custody:?}");
    assert!(there(&replay)[520..].iter().all(|there| *there));
}

#[test]
fn frames_within_a_damaged_one_are_not_the_archives() {
    // A file packed with zstd, in a frame that cannot be opened up to there.
    let inner = zstd(&text(3)).0;
    let mut noise = inner.repeat(40);
    noise.truncate(100_000);
    let (plain, root) = plain();
    let (whole, begins) = zstd(&plain);
    let mut bytes = whole[..begins[1]].to_vec();
    bytes.extend_from_slice(&[0x28, 0xb5, 0x2f, 0xfd, 0xff, 0xff]);
    bytes.extend_from_slice(&noise);
    bytes.extend_from_slice(&whole[begins[2]..]);
    let (replay, custody) = opened(&bytes);
    assert!(custody.whole && custody.root == root, "{custody:?}");
    assert!(there(&replay)[520..].iter().all(|there| *there));
}

#[test]
fn segments_are_bounded_and_each_is_lost_alone() {
    let (plain, root) = plain();
    let place = |name: &str| {
        let wanted = format!("{name}\0");
        (0..plain.len()).step_by(512).find(|at| plain[*at..].starts_with(wanted.as_bytes()))
    };
    // 560 members of one step.
    let second = place("manifest/00002.jsonl").unwrap();
    assert!(place("manifest/00003.jsonl").is_some());
    let mut bytes = plain.clone();
    bytes[second + 3] ^= 1;
    let (replay, custody) = opened(&bytes);
    assert!(custody.whole && custody.root == root && custody.tied, "{custody:?}");
    assert_eq!(custody.missing, [(2, 2)]);
    let there = there(&replay);
    assert_eq!(there.iter().filter(|there| !**there).count(), 256);
    let (code, text) = davy(&["verify", "--root", &root], &bytes);
    assert!(code == 4 && text.contains("segment 2 of the manifest is missing"), "{text}");
    assert!(text.contains("256 members are not used") && !text.contains("put in later"), "{text}");
    assert!(text.contains("the last segment names the digest of every other one"), "{text}");
    // Where the last one says that a segment was another, that is told.
    let first = place("manifest/00001.jsonl").unwrap();
    let at = first + memchr::memmem::find(&plain[first..], b"\"mtime\":").unwrap() + 9;
    bytes[at] = if bytes[at] == b'1' { b'2' } else { b'1' };
    let (_, custody) = opened(&bytes);
    let fault = custody.faults.iter().find(|f| f.why.contains("than the last segment says"));
    assert_eq!(fault.unwrap().member, "manifest/00001.jsonl");
    // Cut: what is there is vouched for up to the last segment.
    let third = place("manifest/00003.jsonl").unwrap();
    let (replay, custody) = opened(&plain[..third]);
    assert!(!custody.whole && custody.segments == 2, "{custody:?}");
    assert_eq!(self::there(&replay).iter().filter(|there| **there).count(), 511);
}

#[test]
fn what_verify_says_first() {
    let (plain, root) = plain();
    let (whole, begins) = zstd(&plain);
    let wrong = "0".repeat(64);
    let (code, text) = davy(&["verify", "--root", &wrong], &whole);
    assert!(
        code == 4 && text.starts_with("x.tar.zst: NOT the archive that was collected"),
        "{text}"
    );
    assert!(!text.contains(": sound: "), "{text}");
    let (code, text) =
        davy(&["verify", "--root", &format!("sha256:{}", root.to_uppercase())], &whole);
    assert!(code == 0 && text.starts_with("x.tar.zst: sound: "), "{text}");
    for no in ["00", "", &wrong[1..], &wrong.replace('0', "g")] {
        let (code, text) = davy(&["verify", "--root", no], &whole);
        assert!(code == 2 && text.contains("64 hexadecimal digits"), "{no}: {code} {text}");
    }
    // The beginning of it: the root is that of the end.
    let (code, text) = davy(&["verify", "--root", &root], &whole[..begins[3] + 1000]);
    assert!(code == 4 && text.contains("the end of the archive is missing"), "{text}");
    assert!(
        text.contains("follows from the beginning") && !text.contains("NOT the archive"),
        "{text}"
    );
}

#[test]
fn what_to_do_where_there_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let said = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_davy"));
        let output = command.current_dir(folder.path()).args(arguments).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!text.contains("os error"), "{text}");
        (output.status.code().unwrap(), text)
    };
    std::fs::write(folder.path().join("notes.txt"), "twenty bytes of text").unwrap();
    for (arguments, code, words) in [
        (&["verify", "notes.txt"][..], 1, "not an archive that davy collect wrote"),
        (&["verify", "nothere"], 1, "there is no such file"),
        (&["verify", "."], 1, "name the archive"),
        (&["triage", "nothere"], 2, "there is no such file"),
        (&["triage", "--root", "nothere"], 2, "there is no such file"),
        (&["collect", "-q", "-o", "notes.txt"], 1, "davy writes over none: name another"),
        (&["collect", "-q", "-o", "no/x"], 1, "there is no such folder: make it first"),
    ] {
        let (found, text) = said(arguments);
        assert!(found == code && text.contains(words), "{arguments:?}: {found} {text}");
    }
    assert_eq!(std::fs::read(folder.path().join("notes.txt")).unwrap(), b"twenty bytes of text");
}

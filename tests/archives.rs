//! Archives: davy's own obeys the law of recordings, and those that are cut, changed or made to harm
//! are told as what they are.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use davy::evidence::davy::{About, Custody, open, read};
use davy::evidence::{Evidence, Recording, Replay, TextHost};
use davy::facts::Facts;
use flate2::Compression;
use flate2::write::GzEncoder;
use rusqlite::types::Value;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Cursor, Write};
use std::path::Path;

type Tables = BTreeMap<String, Vec<Vec<Value>>>;

fn facts(evidence: &dyn Evidence) -> Tables {
    let facts = Facts::in_memory(&davy::tables()).unwrap();
    davy::collect::collect(evidence, &facts, &|_| ()).unwrap();
    let mut tables = Tables::new();
    for name in davy::tables().iter().map(|t| t.name).chain(["coverage"]) {
        let sql = format!("SELECT * FROM \"{name}\" ORDER BY rowid");
        let mut statement = facts.connection().prepare(&sql).unwrap();
        let columns = statement.column_count();
        let rows = statement
            .query_map([], |row| (0..columns).map(|at| row.get::<_, Value>(at)).collect())
            .unwrap()
            .map(Result::unwrap)
            .collect();
        tables.insert(name.to_owned(), rows);
    }
    tables
}

/// The archive of a host, and what the host told while it was made.
fn archived(host: TextHost) -> (Vec<u8>, Tables, String) {
    let recording = Recording::new(host);
    let about = About { tool: "davy".into(), arguments: Vec::new(), memory: "none".into() };
    let writer = recording.archive(Vec::new(), &about).unwrap();
    let writer = std::cell::RefCell::new(writer);
    let facts_of = Facts::in_memory(&davy::tables()).unwrap();
    let step = |_: &str| recording.write(&mut writer.borrow_mut(), false).unwrap();
    davy::collect::collect(&recording, &facts_of, &step).unwrap();
    let told = facts(&recording);
    let mut writer = writer.into_inner();
    recording.write(&mut writer, true).unwrap();
    let (bytes, root) = writer.finish().unwrap();
    (bytes, told, root)
}

fn opened(bytes: &[u8]) -> (Replay, Custody) {
    read(Cursor::new(bytes), "x.tar", true).unwrap()
}

fn pages() -> Vec<std::path::PathBuf> {
    let hosts = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/hosts");
    let mut pages: Vec<_> = std::fs::read_dir(hosts)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "host"))
        .collect();
    pages.sort();
    pages
}

#[test]
fn an_archive_tells_what_the_host_tells() {
    for page in pages() {
        let (bytes, told, root) = archived(TextHost::open(&page).unwrap());
        let (replay, custody) = opened(&bytes);
        assert!(custody.whole && custody.faults.is_empty(), "{}: {custody:?}", page.display());
        assert_eq!(custody.root, root);
        let again = facts(&replay);
        for (name, rows) in &told {
            assert_eq!(rows, &again[name], "{}: table {name}", page.display());
        }
    }
}

/// What is too much to hold is read again from the file, and is the same.
#[test]
fn what_is_not_held_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["fake-crond", "db-miner", "memfd-exe"] {
        let page =
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/hosts/{name}.host"));
        let (bytes, told, root) = archived(TextHost::open(&page).unwrap());
        let framed: Vec<u8> = bytes
            .chunks(10_000)
            .flat_map(|part| compress_to_vec(part, CompressionLevel::Fastest))
            .collect();
        for (packing, packed) in [("tar", &bytes), ("zst", &framed)] {
            let path = folder.path().join(format!("{name}.{packing}"));
            std::fs::write(&path, packed).unwrap();
            let (replay, custody) = open(File::open(&path).unwrap(), "x.tar", 0).unwrap();
            assert!(custody.whole && custody.faults.is_empty(), "{custody:?}");
            assert_eq!(custody.root, root);
            let again = facts(&replay);
            for (table, rows) in &told {
                assert_eq!(rows, &again[table], "{name} {packing}: table {table}");
            }
        }
    }
}

/// Of a pipe nothing is read again: what is too much is left out, and that is told.
#[test]
fn what_cannot_be_held_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/hosts/fake-crond.host");
    let (bytes, ..) = archived(TextHost::open(&page).unwrap());
    let path = folder.path().join("x.tar.gz");
    let mut packed = GzEncoder::new(File::create(&path).unwrap(), Compression::fast());
    packed.write_all(&bytes).unwrap();
    packed.finish().unwrap();
    let (replay, custody) = open(File::open(&path).unwrap(), "x.tar.gz", 20_000).unwrap();
    assert!(custody.whole && custody.faults.is_empty(), "it verifies all the same: {custody:?}");
    let told = format!("{:?}", replay.told().unwrap().beyond);
    assert!(told.contains("are more than davy holds, and were left out"), "{told}");
    let _ = facts(&replay);
}

fn small() -> Vec<u8> {
    let page = "process 50 comm=x exe=/tmp/x args=\"/tmp/x\"\n  exe deleted\n";
    archived(TextHost::parse("small", page).unwrap()).0
}

#[test]
fn a_changed_member_is_named() {
    let mut bytes = small();
    let at = bytes.windows(8).position(|w| w == b"Name:\tx\n").unwrap();
    bytes[at + 6] = b'y';
    let (_, custody) = opened(&bytes);
    let named: Vec<&str> = custody.faults.iter().map(|f| f.member.as_str()).collect();
    assert_eq!(named, ["[root]/proc/50/status"]);
}

#[test]
fn a_changed_segment_breaks_the_chain() {
    let mut bytes = small();
    let at = bytes.windows(10).position(|w| w == b"\"segment\":").unwrap();
    let digit = bytes[at..].windows(8).position(|w| w == b"\"sha256\"").unwrap() + at + 12;
    bytes[digit] = if bytes[digit] == b'0' { b'1' } else { b'0' };
    let (_, custody) = opened(&bytes);
    assert!(custody.faults.iter().any(|f| f.member == "manifest/00002.jsonl"), "{custody:?}");
}

#[test]
fn a_cut_archive_is_trusted_up_to_its_last_segment() {
    let bytes = small();
    let whole = opened(&bytes).1;
    for part in 1..20 {
        let cut = &bytes[..bytes.len() * part / 20];
        let Ok((replay, custody)) = read(Cursor::new(cut), "x.tar", true) else { continue };
        assert!(custody.members <= whole.members);
        if !custody.whole {
            assert!(!custody.faults.is_empty(), "{part}");
            assert!(custody.faults.iter().all(|f| !f.why.contains("changed:")), "{custody:?}");
        }
        let _ = facts(&replay);
    }
}

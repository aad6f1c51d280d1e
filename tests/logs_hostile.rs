//! Logs that an attacker or a full disk wrote: whatever the bytes, nothing panics, what is lost is
//! counted, and what is whole is used.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use davy::facts::{Facts, Time};
use davy::logs::{Logs, Origin, Told, Wanted};
use proptest::prelude::*;
use std::io::Read;
use std::path::Path;
use std::sync::LazyLock;

fn origin() -> Origin {
    Origin { name: "conn.log".into(), modified: Some(Time(1_796_000_000_000_000_000)) }
}

fn read(reader: &mut dyn Read) -> (Facts, Told) {
    let facts = Facts::in_memory(davy::logs::TABLES).unwrap();
    let mut logs = Logs::new(vec![(&facts, Wanted::ALL)]);
    let told = logs.read(&origin(), reader).unwrap();
    logs.finish().unwrap();
    (facts, told)
}

/// Every log of the fixtures: of each format some.
static LOGS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/logs");
    let mut files = Vec::new();
    for case in std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()) {
        if case.is_dir() {
            files.extend(std::fs::read_dir(case).unwrap().map(|e| e.unwrap().path()));
        }
    }
    files.sort();
    files.retain(|file| file.extension().is_none_or(|e| e != "host"));
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
});

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_damage_makes_a_reader_panic(
        which: prop::sample::Index,
        cuts in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0usize..3), 0..12),
        from: prop::sample::Index,
        to: prop::sample::Index,
    ) {
        let mut bytes = which.get(&LOGS).clone();
        bytes.truncate(20_000);
        for (place, byte, how) in cuts {
            if bytes.is_empty() {
                break;
            }
            let at = place.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => drop(bytes.remove(at)),
            }
        }
        if !bytes.is_empty() {
            let (a, b) = (from.index(bytes.len()), to.index(bytes.len()));
            let (_, told) = read(&mut &bytes[a.min(b)..a.max(b)]);
            prop_assert!(told.problems.lost + told.others <= told.records + 1);
            read(&mut bytes.as_slice());
        }
    }

    #[test]
    fn two_logs_in_one_file_are_both_read_without_panic(
        a: prop::sample::Index, b: prop::sample::Index, cut: prop::sample::Index,
    ) {
        let mut bytes = a.get(&LOGS).clone();
        bytes.truncate(8000);
        let end = cut.index(bytes.len() + 1);
        bytes.truncate(end);
        bytes.extend(b.get(&LOGS).iter().take(8000));
        read(&mut bytes.as_slice());
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes: Vec<u8>) {
        read(&mut bytes.as_slice());
    }
}

#[test]
fn a_line_of_a_gigabyte_costs_itself_alone() {
    let head = b"#separator \\x09\n#path\tconn\n#fields\tts\tid.orig_h\tid.resp_h\n1.5\t10.0.0.1\t10.0.0.2\n";
    let row = b"\n2.5\t10.0.0.1\t10.0.0.2\n";
    let mut reader = head.chain(std::io::repeat(b'x').take(1 << 30)).chain(row.as_slice());
    let (facts, told) = read(&mut reader);
    assert_eq!(told.problems.lost, 1, "{}", told.problems);
    assert!(told.problems.to_string().contains("line 5: longer than 4 MiB"), "{}", told.problems);
    let rows = facts.rows("SELECT count(*) FROM flows", [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(rows, [2]);
}

#[test]
fn json_without_an_end_costs_itself_alone() {
    let mut bytes = b"[\n{\"event_type\":\"flow\",\"timestamp\":\"2026-11-22T06:00:00Z\",\"src_ip\":\"10.0.0.1\",\"dest_ip\":\"10.0.0.2\",\"flow\":{}},\n{\"event_type\":\"".to_vec();
    bytes.resize(9 << 20, b'x');
    let (facts, told) = read(&mut bytes.as_slice());
    assert_eq!(told.problems.lost, 1, "{}", told.problems);
    let rows = facts.rows("SELECT count(*) FROM flows", [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(rows, [1]);
}

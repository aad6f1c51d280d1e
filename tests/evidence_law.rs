//! The law: facts(replay of a recording) == facts(the recorded host).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use davy::evidence::{
    Evidence, HostPath, Live, Reason, Recording, RecordingLimits, Replay, TextHost,
};
use davy::facts::Facts;
use rusqlite::types::Value;
use std::collections::BTreeMap;
use std::path::Path;

type Tables = BTreeMap<String, Vec<Vec<Value>>>;

/// Every row of every table, after all collectors.
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

fn same(left: &Tables, right: &Tables, what: &str) {
    for (name, rows) in left {
        let others = &right[name];
        for (number, (row, other)) in rows.iter().zip(others).enumerate() {
            assert_eq!(row, other, "{what}: table {name}, row {number}");
        }
        assert_eq!(rows.len(), others.len(), "{what}: rows of table {name}");
    }
}

fn replay_of<E: Evidence>(recording: Recording<E>, what: &str) -> Replay {
    let while_recording = facts(&recording);
    let replay = recording.replay();
    same(&while_recording, &facts(&replay), what);
    same(&while_recording, &facts(&replay), &format!("{what}, replayed again"));
    replay
}

#[test]
fn replays_of_text_hosts_tell_what_the_hosts_tell() {
    let hosts = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/hosts");
    let mut seen = 0;
    for entry in std::fs::read_dir(&hosts).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "host") {
            continue;
        }
        let what = path.display().to_string();
        let host = TextHost::open(&path).unwrap_or_else(|e| panic!("{e}"));
        let told = facts(&host);
        let recording = Recording::new(host);
        same(&told, &facts(&recording), &what);
        same(&told, &facts(&recording.replay()), &what);
        seen += 1;
    }
    eprintln!("{seen} hosts");
}

#[test]
fn a_small_host_obeys_the_law() {
    let page = "process 50 comm=x exe=/tmp/x\n  exe deleted\n  fd 3 -> /tmp/log deleted\n  | lines\n  \
                socket fd=4 tcp 10.0.0.5:4000 -> 203.0.113.9:3956\n\
                denied /proc/50/environ\nvanished /proc/2/status\n";
    let _ = replay_of(Recording::new(TextHost::parse("small", page).unwrap()), "small");
}

#[test]
fn a_live_recording_replays_as_it_was_collected() {
    // What else runs here may be larger than the default limits allow.
    let limits = RecordingLimits { one: 512 << 20, all: 4 << 30 };
    let _ = replay_of(Recording::with_limits(Live::new(), limits), "live");
}

#[test]
fn what_was_not_asked_was_not_captured() {
    let page = "file /a\n| one\nfile /b\n| two\nprocess 50 exe=/x\n";
    let recording = Recording::new(TextHost::parse("x", page).unwrap());
    {
        let root = recording.dir(&"/".into()).unwrap();
        let mut bytes = Vec::new();
        assert!(root.read(&"a".into(), 2, &mut bytes).unwrap());
        assert_eq!(root.stat(&"none".into()).unwrap_err().reason, Reason::Absent);
        let mut file = root.open(&"b".into()).unwrap();
        let mut two = [0; 2];
        std::io::Read::read_exact(&mut file, &mut two).unwrap();
        drop(file);
        assert!(recording.dir(&"/nowhere".into()).is_err());
        let memory = recording.memory(50).unwrap();
        assert_eq!(memory.read(0x5555_5555_4000, &mut [0; 16]).unwrap(), 16);
        assert_eq!(memory.read(0x10, &mut [0; 16]).unwrap(), 0);
    }
    let replay = recording.replay();
    let root = replay.dir(&"/".into()).unwrap();
    let mut bytes = Vec::new();
    assert!(root.read(&"a".into(), 2, &mut bytes).unwrap());
    assert_eq!(bytes, b"on");
    assert!(root.read(&"a".into(), 1, &mut bytes).unwrap());
    let more = root.read(&"a".into(), 3, &mut bytes).unwrap_err();
    assert_eq!(more.reason, Reason::NotCaptured);
    assert_eq!(root.stat(&"none".into()).unwrap_err().reason, Reason::Absent);
    assert_eq!(root.stat(&"a".into()).unwrap_err().reason, Reason::NotCaptured);
    let mut file = root.open(&"b".into()).unwrap();
    let mut all = Vec::new();
    let error = std::io::Read::read_to_end(&mut file, &mut all).unwrap_err();
    assert_eq!(all, b"tw");
    let why = davy::evidence::Unavailable::from_io(&"b".into(), &error);
    assert_eq!(why.reason, Reason::NotCaptured);
    assert_eq!(replay.dir(&"/nowhere".into()).err().unwrap().reason, Reason::Absent);
    assert_eq!(replay.dir(&"/etc".into()).err().unwrap().reason, Reason::NotCaptured);
    let memory = replay.memory(50).unwrap();
    let mut bytes = [0; 4];
    assert_eq!(memory.read(0x5555_5555_4000, &mut bytes).unwrap(), 4);
    assert_eq!(&bytes, b"\x7fELF");
    assert_eq!(memory.read(0x10, &mut bytes).unwrap(), 0);
    assert!(memory.read(0x5555_5570_0000, &mut bytes).is_err());
    assert_eq!(replay.memory(1).err().unwrap().reason, Reason::NotCaptured);
}

#[test]
fn a_recording_answers_twice_the_same() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("f"), "before").unwrap();
    let path = HostPath::new(std::os::unix::ffi::OsStrExt::as_bytes(dir.path().as_os_str()));
    let recording = Recording::new(Live::new());
    let here = recording.dir(&path).unwrap();
    let read = || {
        let mut bytes = Vec::new();
        here.read(&"f".into(), 100, &mut bytes).map(|_| bytes)
    };
    assert_eq!(read().unwrap(), b"before");
    let stat = here.stat(&"f".into()).unwrap();
    std::fs::write(dir.path().join("f"), "after!!").unwrap();
    assert_eq!(read().unwrap(), b"before");
    assert_eq!(here.stat(&"f".into()).unwrap(), stat);
}

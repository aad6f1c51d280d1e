//! Any bytes as a log: every reader sees them, nothing panics, and no memory grows without bound.
#![no_main]

use davy::facts::{Facts, Time};
use davy::logs::{Logs, Origin, Wanted};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(facts) = Facts::in_memory(davy::logs::TABLES) else { return };
    let mut logs = Logs::new(vec![(&facts, Wanted::ALL)]);
    let origin = Origin { name: "conn.log".into(), modified: Some(Time(1_796_000_000_000_000_000)) };
    let mut reader = bytes;
    let _ = logs.read(&origin, &mut reader);
    let _ = logs.finish();
});

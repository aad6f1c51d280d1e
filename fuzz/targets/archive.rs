//! Any bytes as an archive: recognised, spooled, put together as a host, and collected from.
#![no_main]

use davy::facts::Facts;
use libfuzzer_sys::fuzz_target;
use std::io::Cursor;

fuzz_target!(|input: &[u8]| {
    let Ok(host) = davy::foreign::open("fuzz", Box::new(Cursor::new(input.to_vec())), None) else { return };
    let facts = Facts::in_memory(&davy::tables()).unwrap();
    davy::collect::collect(host.as_ref(), &facts, &|_| {}).unwrap();
});

//! Lists of indicators from anywhere, then looked for in bytes and held against facts.
#![no_main]

use davy::carve::{Carver, Iocs};
use davy::facts::Facts;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let (list, bytes) = input.split_at(input.len() / 2);
    let mut iocs = Iocs::default();
    iocs.add("list", list);
    let _ = iocs.problems();
    let carver = Carver::looking_for(iocs);
    let mut found = carver.found();
    davy::carve::carve(bytes, 0, &mut found).unwrap();
    let _ = davy::carve::finish(found);
    let facts = Facts::in_memory(&davy::tables()).unwrap();
    carver.store(&facts).unwrap();
    carver.hold(&facts).unwrap();
});

//! Bytes of any kind through the carver: what is found never panics and never grows without bound.
#![no_main]

use davy::carve::Found;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let mut found = Found::default();
    davy::carve::carve(input, 0, &mut found).unwrap();
    let (all, _) = found.finish();
    assert!(all.iter().all(|one| one.count > 0));
});

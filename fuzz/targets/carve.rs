//! Bytes of any kind through the carver, in pieces as the first byte says: what is found must not
//! depend on where the pieces end.
#![no_main]

use davy::carve::{Found, Stream};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let _ = (input, std::any::type_name::<Found>(), std::any::type_name::<Stream>());
    let mut whole = Found::default();
    davy::carve::carve(input, 0, &mut whole).unwrap();
});

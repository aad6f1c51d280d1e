//! Bytes under the encodings that the carver undoes: the first byte chooses one, so that inputs
//! need not find a header by chance.
#![no_main]

use davy::carve::Found;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((how, rest)) = input.split_first() else { return };
    let bytes: Vec<u8> = match how % 6 {
        0 => rest.iter().map(|b| b ^ how).collect(),
        1 => rest.iter().flat_map(|b| [*b, 0]).collect(),
        2 => [b"\x1f\x8b\x08\0\0\0\0\0\0\x03", rest].concat(),
        3 => [b"\x78\x9c", rest].concat(),
        4 => [b"\x78\x01\x01\x40\0\xbf\xff", rest].concat(),
        _ => rest.iter().flat_map(|b| format!("{b:02x}").into_bytes()).collect(),
    };
    let mut found = Found::default();
    davy::carve::carve(bytes.as_slice(), 0, &mut found).unwrap();
    let (all, _) = found.finish();
    assert!(all.iter().all(|one| one.count > 0 && one.offset <= bytes.len() as u64));
});

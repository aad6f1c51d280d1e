//! Files that are nearly core dumps, and images of a machine's memory: what they say of themselves
//! may be anything.
#![no_main]

use davy::carve::{Found, Layout, Unfolded};
use libfuzzer_sys::fuzz_target;
use std::io::Read;

fuzz_target!(|input: &[u8]| {
    if let Some(mut layout) = Layout::parse(input) {
        layout.measure(input.len() as u64);
        for offset in [0, 1, 64, input.len() as u64, u64::MAX] {
            let _ = layout.address(offset);
        }
    }
    let mut image = Unfolded::new(input);
    let mut found = Found::default();
    let _ = davy::carve::carve(image.by_ref().take(4 << 20), 0, &mut found);
    let _ = image.layout.address(0);
});

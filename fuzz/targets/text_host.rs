//! Pages that are nearly text hosts.
#![no_main]

use davy::evidence::TextHost;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    if let Ok(host) = TextHost::parse("fuzz.host", input) {
        let facts = davy::facts::Facts::in_memory(&davy::tables()).unwrap();
        davy::collect::collect(&host, &facts, &|_| {}).unwrap();
    }
});

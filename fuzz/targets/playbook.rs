//! Playbooks and lookups from anywhere: parsed, checked and run.
#![no_main]

use davy::facts::Facts;
use davy::judge::Playbooks;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    let mut playbooks = Playbooks::empty();
    match input.split_once('\u{1}') {
        Some((lookup, playbook)) => {
            playbooks.insert_lookup("pools", "fuzz.csv", lookup);
            playbooks.insert("fuzz.yml", playbook);
        }
        None => playbooks.insert("fuzz.yml", input),
    }
    let tables = davy::tables();
    let facts = Facts::in_memory(&tables).unwrap();
    let _ = davy::judge::judge(&facts, &playbooks, &tables);
});

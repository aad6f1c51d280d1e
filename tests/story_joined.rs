//! What one intruder laid is one incident: who names the same address outside, and files of the same
//! bytes. Shells join nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use davy::carve::Carver;
use davy::evidence::TextHost;
use davy::facts::Facts;
use davy::graph::Step;
use davy::judge::{self, Playbooks};
use davy::{carve, collect, graph};
use std::collections::BTreeSet;
use std::path::Path;

fn story(name: &str) -> Vec<Step> {
    let host = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/hosts").join(name);
    let host = TextHost::open(&host.with_extension("host")).unwrap();
    let tables = davy::tables();
    let facts = Facts::in_memory(&tables).unwrap();
    let carver = Carver::default();
    collect::collect(&host, &facts, &|_| {}).unwrap();
    carve::carve_files(&host, &facts, &carver, &|_| {}).unwrap();
    let judgement = judge::judge(&facts, &Playbooks::embedded(), &tables).unwrap();
    graph::build(&facts).unwrap();
    graph::story(&facts, &judgement, None).unwrap().steps
}

/// The incidents in which a file is named.
fn incidents(steps: &[Step], path: &str) -> BTreeSet<usize> {
    steps
        .iter()
        .filter(|s| s.from.contains(path) || s.to.contains(path))
        .map(|s| s.incident)
        .collect()
}

#[test]
fn one_address_and_one_content_are_one_hand() {
    let steps = story("one-hand");
    let of = |path: &str| {
        let found = incidents(&steps, path);
        assert_eq!(found.len(), 1, "{path}: {steps:#?}");
        found.first().copied()
    };
    let first = of("/etc/cron.d/0systask");
    assert_eq!(first, of("/var/spool/cron/crontabs/root"));
    assert_eq!(first, of("/etc/cron.d/zz"));
    assert_eq!(of("/etc/cron.d/kw"), of("/etc/systemd/system/kw.service"));
    assert_ne!(first, of("/etc/cron.d/kw"));
    // Both begin with /bin/bash, and name different addresses.
    assert_ne!(of("/etc/systemd/system/other.service"), of("/etc/systemd/system/another.service"));
    assert!(incidents(&steps, "/etc/passwd").is_empty(), "{steps:#?}");
    assert!(steps.iter().any(|step| step.edge == "same as"), "{steps:#?}");
}

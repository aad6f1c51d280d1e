//! Every host of `fixtures/hosts` as UAC would have archived it: what is clean stays quiet, and what
//! the archive holds of a compromise is found.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod as_uac;

use davy::carve::Carver;
use davy::evidence::{Evidence, TextHost};
use davy::facts::Facts;
use davy::judge::{self, Judgement, Level, Playbooks};
use davy::{carve, collect, foreign};
use std::io::Cursor;
use std::path::{Path, PathBuf};

fn pages() -> Vec<PathBuf> {
    let hosts = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/hosts");
    let mut pages: Vec<_> = std::fs::read_dir(hosts)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "host"))
        .collect();
    pages.sort();
    pages
}

fn triage(host: &dyn Evidence, playbooks: &Playbooks) -> Judgement {
    let tables = davy::tables();
    let facts = Facts::in_memory(&tables).unwrap();
    let carver = Carver::default();
    carver.store(&facts).unwrap();
    collect::collect(host, &facts, &|_| {}).unwrap();
    carve::carve_files(host, &facts, &carver, &|_| {}).unwrap();
    carve::carve_memory(host, &facts, &carver, &[], &|_| {}).unwrap();
    carver.hold(&facts).unwrap();
    let judgement = judge::judge(&facts, playbooks, &tables).unwrap();
    let suspects: Vec<u32> = judge::suspects(&judgement).into_iter().collect();
    carve::carve_memory(host, &facts, &carver, &suspects, &|_| {}).unwrap();
    judge::judge(&facts, playbooks, &tables).unwrap()
}

#[test]
fn hosts_as_archives() {
    let playbooks = Playbooks::embedded();
    let (mut wanted, mut found, mut wolves) = (0, 0, Vec::new());
    for page in pages() {
        let name = page.file_stem().unwrap().to_string_lossy().into_owned();
        let host = TextHost::open(&page).unwrap();
        let archive = as_uac::uac(&host, true);
        if let Some(folder) = std::env::var_os("DAVY_KEEP_ARCHIVES") {
            std::fs::write(Path::new(&folder).join(format!("{name}.tar")), &archive).unwrap();
        }
        let stream = Box::new(Cursor::new(archive));
        let opened = foreign::open(&format!("{name}.tar"), stream, None)
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        let judged = triage(opened.as_ref(), &playbooks);
        let expected = std::fs::read_to_string(page.with_extension("expected")).unwrap_or_default();
        let live: Vec<(String, Level)> = triage(&host, &playbooks)
            .findings
            .iter()
            .map(|f| (f.playbook.clone(), f.level))
            .collect();
        for line in expected.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                ["quiet", "at", level] => {
                    let level = Level::from_word(level).unwrap();
                    for finding in judged.findings.iter().filter(|f| f.level >= level) {
                        wolves.push(format!(
                            "{name}: {} {}: {}",
                            finding.level.word(),
                            finding.playbook,
                            finding.because
                        ));
                    }
                }
                ["verdict" | "could-not-check", ..] => {}
                [playbook, level, ..] => {
                    let Some(level) = Level::from_word(level) else { continue };
                    wanted += 1;
                    let best = judged
                        .findings
                        .iter()
                        .filter(|f| f.playbook == *playbook)
                        .map(|f| f.level)
                        .max();
                    if best.is_some_and(|best| best >= level) {
                        found += 1;
                    } else {
                        eprintln!(
                            "{name}: {playbook} {} expected, {:?} in the archive",
                            level.word(),
                            best.map(Level::word)
                        );
                    }
                }
                _ => {}
            }
        }
        // What the archive says more gravely than the host itself does.
        for finding in judged.findings.iter().filter(|f| f.level >= Level::High) {
            if !live
                .iter()
                .any(|(playbook, level)| *playbook == finding.playbook && *level >= Level::High)
            {
                eprintln!(
                    "{name}: in the archive alone: {} {}: {}",
                    finding.level.word(),
                    finding.playbook,
                    finding.because
                );
            }
        }
    }
    eprintln!("{found} of {wanted} expected findings");
    assert!(wolves.is_empty(), "cries wolf:\n{}", wolves.join("\n"));
    assert!(found * 10 >= wanted * 7, "{found} of {wanted}");
}

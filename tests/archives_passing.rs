//! Members of archives that are too large to hold, or hold memory: carved as they go by. The pages
//! `fixtures/archives/NAME.members` are archives of UAC with more members in them:
//!
//! - `host NAME`: the host of `fixtures/hosts` that was archived;
//! - `image MEMBER`: an image of memory (LiME) with these content lines in it;
//! - `member MEMBER`: a member of these content lines.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod as_uac;

use davy::carve::{Carver, Passers};
use davy::evidence::{Evidence, Passing, Spool, SpoolLimits, TextHost, Want};
use davy::facts::Facts;
use davy::judge::{self, Judgement, Level, Playbooks};
use davy::{carve, collect, foreign};
use std::collections::BTreeMap;
use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn fixtures(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(folder)
}

const LOGIN: &str = r#"{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3XjrpDtQGv7SqSsaBYBb98uNbr2VBBEt7f2wfn3RVGQBEP3A","pass":"x","agent":"XMRig/6.21.0"}}"#;

/// An image of two ranges, the words in the second.
fn lime(words: &[u8]) -> Vec<u8> {
    let mut second = vec![0; 40_000];
    second.extend_from_slice(words);
    let mut out = Vec::new();
    for (start, bytes) in [(0x1000_u64, vec![7; 30_000]), (0x10_0000, second)] {
        out.extend(b"EMiL");
        out.extend(1_u32.to_le_bytes());
        let last = start + bytes.len() as u64 - 1;
        out.extend([start, last, 0].iter().flat_map(|n| n.to_le_bytes()));
        out.extend(bytes);
    }
    out
}

/// A host of `fixtures/hosts` as UAC archived it, with these members beside its own.
fn archive(host: &str, members: &[(String, Vec<u8>)]) -> Vec<u8> {
    let host = TextHost::open(&fixtures("hosts").join(format!("{host}.host"))).unwrap();
    let plain = as_uac::uac(&host, false);
    let mut out = tar::Builder::new(Vec::new());
    let mut all = tar::Archive::new(plain.as_slice());
    for entry in all.entries().unwrap() {
        let mut entry = entry.unwrap();
        let (mut header, path) = (entry.header().clone(), entry.path().unwrap().into_owned());
        match entry.link_name().unwrap() {
            Some(target) => {
                let target = target.into_owned();
                out.append_link(&mut header, path, target).unwrap();
            }
            None => {
                let mut bytes = Vec::new();
                entry.read_to_end(&mut bytes).unwrap();
                out.append_data(&mut header, path, bytes.as_slice()).unwrap();
            }
        }
    }
    for (name, bytes) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o600);
        out.append_data(&mut header, name, bytes.as_slice()).unwrap();
    }
    out.into_inner().unwrap()
}

fn triage(bytes: Vec<u8>) -> (Judgement, Facts) {
    let (tables, carver) = (davy::tables(), Carver::default());
    let by = Arc::new(Passers::new(&carver));
    let host = foreign::open_beside("x.tar", Box::new(Cursor::new(bytes)), None, Some(by)).unwrap();
    let host: &dyn Evidence = host.as_ref();
    let facts = Facts::in_memory(&tables).unwrap();
    carver.store(&facts).unwrap();
    collect::collect(host, &facts, &|_| {}).unwrap();
    carve::carve_files(host, &facts, &carver, &|_| {}).unwrap();
    carve::carve_memory(host, &facts, &carver, &[], &|_| {}).unwrap();
    let playbooks = Playbooks::embedded();
    let judgement = judge::judge(&facts, &playbooks, &tables).unwrap();
    let suspects: Vec<u32> = judge::suspects(&judgement).into_iter().collect();
    carve::carve_memory(host, &facts, &carver, &suspects, &|_| {}).unwrap();
    (judge::judge(&facts, &playbooks, &tables).unwrap(), facts)
}

fn page(path: &Path) -> Vec<u8> {
    let text = std::fs::read_to_string(path).unwrap();
    let mut host = String::new();
    let mut members: Vec<(bool, String, Vec<u8>)> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        match line.split_once(' ').unwrap() {
            ("host", name) => name.clone_into(&mut host),
            ("image", name) => members.push((true, name.to_owned(), Vec::new())),
            ("member", name) => members.push((false, name.to_owned(), Vec::new())),
            ("|", content) => writeln!(members.last_mut().unwrap().2, "{content}").unwrap(),
            _ => panic!("{}: {line}", path.display()),
        }
    }
    let members: Vec<(String, Vec<u8>)> = members
        .into_iter()
        .map(|(image, name, words)| (name, if image { lime(&words) } else { words }))
        .collect();
    archive(&host, &members)
}

#[test]
fn every_page_is_told_as_expected_and_proves_its_playbooks() {
    let mut judged = BTreeMap::new();
    for entry in std::fs::read_dir(fixtures("archives")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|end| end != "members") {
            continue;
        }
        let name = format!("archives/{}", path.file_stem().unwrap().to_str().unwrap());
        let judgement = triage(page(&path)).0;
        let shown: Vec<String> = judgement
            .findings
            .iter()
            .map(|f| format!("{} {} {:?}: {}", f.level.word(), f.playbook, f.subject, f.because))
            .collect();
        for line in std::fs::read_to_string(path.with_extension("expected")).unwrap().lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let level = |word: &str| Level::from_word(word).unwrap();
            let worst = judgement.findings.iter().map(|f| f.level).max();
            let holds = match words.as_slice() {
                ["quiet", "at", at] => worst.is_none_or(|worst| worst < level(at)),
                ["verdict", at] => worst == Some(level(at)),
                [playbook, at, subject] => judgement.findings.iter().any(|f| {
                    f.playbook == *playbook
                        && f.level == level(at)
                        && f.subject.path.as_deref() == Some(*subject)
                }),
                _ => false,
            };
            assert!(holds, "{name}: {line}\n{}", shown.join("\n"));
        }
        judged.insert(name, judgement);
    }
    for playbook in Playbooks::embedded().iter() {
        let Some(test) = &playbook.test else { continue };
        for (pages, fires) in [(&test.fires, true), (&test.quiet, false)] {
            for page in pages.iter().filter(|page| page.text.starts_with("archives/")) {
                let judgement = judged.get(&page.text).unwrap();
                let fired = judgement.findings.iter().any(|f| f.playbook == playbook.id.text);
                assert_eq!(fired, fires, "{} on {}", playbook.id.text, page.text);
            }
        }
    }
}

/// What a dump too large to hold gives is its process's, by the member's name; and of a program that was
/// too large its file's.
#[test]
fn what_is_too_large_to_hold_is_carved_as_it_goes_by() {
    let large = |step: u32| {
        let mut noise: Vec<u8> =
            (0..9_000_000_u32).flat_map(|n| n.wrapping_mul(step).to_le_bytes()).collect();
        noise.extend_from_slice(LOGIN.as_bytes());
        noise
    };
    let members = [
        ("memory_dump/process/740/heap.mem".to_owned(), large(2_654_435_761)),
        ("[root]/opt/big.bin".to_owned(), large(40_503)),
    ];
    let (judgement, facts) = triage(archive("daemon-upgraded", &members));
    let rows = facts
        .rows(
            "SELECT place, pid, path FROM indicators WHERE kind = 'wallet' ORDER BY place",
            [],
            |row| {
                Ok((
                    row.get::<_, String>(0)?,
                    row.get::<_, Option<u32>>(1)?,
                    row.get::<_, String>(2)?,
                ))
            },
        )
        .unwrap();
    let large = ("large-file".to_owned(), None, "/opt/big.bin".to_owned());
    let memory = ("memory".to_owned(), Some(740), "/usr/local/bin/prometheus".to_owned());
    assert_eq!(rows, [large, memory]);
    let of_the_process = judgement
        .findings
        .iter()
        .find(|f| f.playbook == "mining-in-memory" && f.subject.pid == Some(740));
    assert!(of_the_process.is_some_and(|f| f.level >= Level::High));
    let told = facts
        .rows(
            "SELECT detail FROM coverage WHERE what = 'archive members too large to hold'",
            [],
            |row| row.get::<_, String>(0),
        )
        .unwrap();
    assert!(told[0].starts_with("2 members (72000"), "{told:?}");
}

/// UAC's sections are swapped and packed: beyond what can be held they are unswapped as they go by, and a
/// core dump that names its process in the member goes to that process.
#[test]
fn sections_and_dumps_of_a_process_go_to_it() {
    let mut plain: Vec<u8> =
        (0..9_000_000_u32).flat_map(|n| n.wrapping_mul(2_246_822_519).to_le_bytes()).collect();
    plain.extend_from_slice(LOGIN.as_bytes());
    if plain.len() % 2 == 1 {
        plain.push(0);
    }
    plain.chunks_exact_mut(2).for_each(<[u8]>::reverse);
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    packed.write_all(&plain).unwrap();
    let mut core = b"\x7fELF\x02\x01\x01".to_vec();
    core.resize(16, 0);
    core.extend([4, 0]);
    core.resize(70_000, 0);
    core.extend_from_slice(LOGIN.as_bytes());
    let members = [
        (
            "memory_dump/proc/740/sections/7f00000000-7f02400000.mem.swab.gz".to_owned(),
            packed.finish().unwrap(),
        ),
        ("cores/core.702".to_owned(), core),
    ];
    let (_, facts) = triage(archive("daemon-upgraded", &members));
    let found = facts
        .rows("SELECT pid FROM indicators WHERE kind = 'wallet' ORDER BY pid", [], |row| {
            row.get::<_, u32>(0)
        })
        .unwrap();
    assert_eq!(found, [702, 740]);
}

/// Keeps what goes by.
#[derive(Default)]
struct Keeper(std::sync::Mutex<Vec<(Vec<u8>, usize)>>);

impl Passing for Keeper {
    fn claims(&self, first: &[u8]) -> bool {
        first.starts_with(b"EMiL")
    }

    fn look(&self, member: &[u8], _: u64, bytes: &mut dyn Read) {
        let mut all = Vec::new();
        bytes.read_to_end(&mut all).unwrap();
        self.0.lock().unwrap().push((member.to_vec(), all.len()));
    }
}

/// Each member is held or goes by, and what gives way goes by when it does.
#[test]
fn what_is_not_held_goes_by_whole() {
    let mut out = tar::Builder::new(Vec::new());
    for (name, bytes) in [
        ("tmp/a", vec![1; 3000]),
        ("etc/large", vec![2; 5000]),
        ("etc/b", vec![3; 3500]),
        ("etc/image", lime(b"x")),
        ("usr/share/named", vec![4; 70_000]),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o600);
        out.append_data(&mut header, name, bytes.as_slice()).unwrap();
    }
    let bytes = out.into_inner().unwrap();
    let wanted = |name: &[u8], _: u64| match name {
        b"tmp/a" => Want::Spare,
        b"usr/share/named" => Want::Name,
        _ => Want::Bytes,
    };
    let limits = SpoolLimits { one: 4000, all: 6000, ..SpoolLimits::default() };
    let keeper = Arc::new(Keeper::default());
    let by: Arc<dyn Passing> = keeper.clone();
    let stream = Box::new(Cursor::new(bytes));
    let spool = Spool::read("x.tar", stream, None, limits, &wanted, Some(by)).unwrap();
    let seen = keeper.0.lock().unwrap().clone();
    let image = lime(b"x").len();
    let expected = [(&b"etc/large"[..], 5000), (b"tmp/a", 3000), (b"etc/image", image)];
    assert_eq!(seen, expected.map(|(name, size)| (name.to_vec(), size)));
    assert_eq!(spool.passed.members, seen.into_iter().map(|(name, _)| name).collect::<Vec<_>>());
    assert_eq!(spool.passed.named, (1, 70_000));
    assert!(spool.members[&b"etc/b"[..]].bytes().is_some());
}

/// A few KiB of a section can be gigabytes of zeros: they are not held, and what is in them is found.
#[test]
fn sections_that_unpack_to_much_are_carved_and_not_held() {
    let mut plain = vec![0; 60 << 20];
    plain.extend_from_slice(LOGIN.as_bytes());
    plain.resize(plain.len().next_multiple_of(4096), 0);
    plain.chunks_exact_mut(2).for_each(<[u8]>::reverse);
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(&plain).unwrap();
    let name = "memory_dump/proc/740/sections/7f0000000000-7f0003c01000.mem.swab.gz".to_owned();
    let members = [(name, packed.finish().unwrap())];
    let (_, facts) = triage(archive("daemon-upgraded", &members));
    let found = facts
        .rows("SELECT pid FROM indicators WHERE kind = 'wallet'", [], |row| row.get::<_, u32>(0))
        .unwrap();
    assert_eq!(found, [740]);
    let told = facts
        .rows("SELECT detail FROM coverage WHERE what = 'memory by address'", [], |row| {
            row.get::<_, String>(0)
        })
        .unwrap();
    assert_eq!(told.len(), 1);
    assert!(told[0].ends_with("1 of them were carved without addresses"), "{told:?}");
}

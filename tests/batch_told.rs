//! What a batch says of its hosts: what is not known is not told as clean, what was passed over is
//! counted, and hosts read as hosts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod batching;

use batching::{archive, batch, davy, fleet};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// fleet.json and fleet.html.
fn told(out: &Path) -> (Value, String) {
    let [json, html, _] = fleet(out);
    (serde_json::from_slice(&json).unwrap(), String::from_utf8(html).unwrap())
}

#[test]
fn a_host_that_could_not_be_looked_at_is_not_told_as_clean() {
    let folder = tempfile::tempdir().unwrap();
    let (sources, out) = (folder.path().join("in"), folder.path().join("out"));
    // Of one there is no more than a list of accounts.
    fs::create_dir_all(sources.join("dark/etc")).unwrap();
    fs::write(sources.join("dark/etc/hostname"), "dark-01\n").unwrap();
    fs::write(sources.join("dark/etc/passwd"), "root:x:0:0::/root:/bin/sh\n").unwrap();
    let hosts = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/hosts");
    fs::copy(hosts.join("debian-clean.host"), sources.join("clean.host")).unwrap();
    fs::write(sources.join("bad.tar"), archive("fake-crond")).unwrap();
    let run = batch(&sources, &out, &["-q"]);
    let line = String::from_utf8(run.stdout).unwrap();
    assert!(line.contains("1 high, 1 not determined, 1 no findings; "), "{line}");
    let (json, html) = told(&out);
    assert_eq!(json["levels"]["not determined"], 1);
    let order: Vec<&str> =
        json["hosts"].as_array().unwrap().iter().map(|h| h["level"].as_str().unwrap()).collect();
    assert_eq!(order, ["high", "not determined", "no findings"]);
    assert!(html.contains("1 not determined</span>"), "{html}");
    assert!(!html.contains("1 informational<") && !html.contains("nothing found<"), "{html}");
}

#[test]
fn files_that_are_no_archives_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let sources = folder.path().join("in");
    // A batch's own folder among its sources is not counted.
    let out = sources.join("out");
    fs::create_dir_all(sources.join("deep")).unwrap();
    fs::write(sources.join("a.tar"), archive("debian-clean")).unwrap();
    fs::write(sources.join("notes.txt"), "not an archive").unwrap();
    fs::write(sources.join("deep/hash.md5"), "neither").unwrap();
    let says =
        "2 files of the folders are no archives and were passed over: deep/hash.md5, notes.txt";
    for _ in 0..2 {
        let run = batch(&sources, &out, &["-q"]);
        let said = String::from_utf8_lossy(&run.stderr).into_owned();
        assert_eq!(run.status.code(), Some(0), "{said}");
        assert!(said.contains(says), "{said}");
        let (json, html) = told(&out);
        assert_eq!(json["no_archives"]["count"], 2);
        assert_eq!(json["no_archives"]["names"][1], "notes.txt");
        assert!(html.contains(says), "{html}");
    }
    let merged = folder.path().join("merged");
    let run = davy().args(["batch", "--merge"]).arg(&out).arg("-o").arg(&merged).output().unwrap();
    assert!(String::from_utf8_lossy(&run.stderr).contains(says));
    assert_eq!(run.status.code(), Some(0));
    assert!(fleet(&merged) == fleet(&out));
}

#[test]
fn what_was_put_aside_is_tried_again_by_the_command_that_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let sources = folder.path().join("the evidence");
    fs::create_dir(&sources).unwrap();
    fs::write(sources.join("a.tar"), archive("debian-clean")).unwrap();
    fs::write(sources.join("b.tar"), [7; 5000]).unwrap();
    let command = |run: &std::process::Output| {
        assert_eq!(run.status.code(), Some(4));
        let said = String::from_utf8_lossy(&run.stderr).into_owned();
        let line =
            said.lines().find_map(|l| l.strip_prefix("davy: to try again what was put aside: "));
        line.unwrap_or_else(|| panic!("{said}")).to_owned()
    };
    // By a path that another folder does not know.
    let mut run = davy();
    run.args(["batch", "the evidence", "-o", "out", "-q", "--jobs", "2"]);
    let whole = command(&run.current_dir(folder.path()).output().unwrap());
    let out = folder.path().join("out");
    let html = told(&out).1;
    assert!(html.contains("davy batch SOURCE… -o DIR --again"), "{html}");
    let merged = folder.path().join("merged");
    let run = davy().args(["batch", "--merge"]).arg(&out).arg("-o").arg(&merged).output().unwrap();
    assert_eq!(command(&run), whole);
    assert!(!merged.join(".work").exists());
    // It runs as it stands, elsewhere, and tries again.
    let program = davy().get_program().to_owned();
    let words = whole.replacen("davy", &program.to_string_lossy(), 1);
    let mut records = fs::read_dir(out.join("done")).unwrap().map(|e| e.unwrap().path());
    let record = records.find(|p| fs::read_to_string(p).unwrap().contains("put-aside")).unwrap();
    let before = fs::metadata(&record).unwrap().modified().unwrap();
    let mut shell = std::process::Command::new("sh");
    for name in batching::ENGINES {
        shell.env_remove(name);
    }
    let run = shell.arg("-c").arg(&words).current_dir("/").output().unwrap();
    assert_eq!(command(&run), whole);
    assert_ne!(fs::metadata(&record).unwrap().modified().unwrap(), before);
}

//! The case folder: whole files, a manifest over all of them, and no other case overwritten.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod report_sample;
use davy::report::folder;
use sha2::{Digest, Sha256};
use std::fs;
use std::os::unix::fs::PermissionsExt;

#[test]
fn the_manifest_tells_every_file() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("case");
    folder::create(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    let facts = report_sample::exercise_facts();
    let case = report_sample::case(&facts, &report_sample::exercise_judgement(), None);
    facts.save(&path.join("facts.db")).unwrap();
    fs::create_dir(path.join("recovered")).unwrap();
    fs::write(path.join("recovered/2591-3"), b"pool = x").unwrap();
    let written = folder::write(&case, &path).unwrap();
    let names: Vec<&str> = written.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(
        names,
        ["facts.db", "recovered/2591-3", "report.html", "report.json", "timeline.jsonl"]
    );
    let manifest: serde_json::Value =
        serde_json::from_slice(&fs::read(path.join(folder::MANIFEST)).unwrap()).unwrap();
    for file in manifest["files"].as_array().unwrap() {
        let bytes = fs::read(path.join(file["path"].as_str().unwrap())).unwrap();
        let digest: String = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(file["sha256"], digest);
        assert_eq!(file["size"], bytes.len());
    }
    assert!(
        fs::read_dir(&path).unwrap().all(|e| !e
            .unwrap()
            .file_name()
            .to_string_lossy()
            .ends_with(".part"))
    );
}

#[test]
fn a_folder_with_something_in_it_is_refused() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("other-case"), b"").unwrap();
    let refused = folder::create(place.path()).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::AlreadyExists);
    assert!(refused.to_string().contains("not empty"));
    // An empty one is as good as a new one.
    let empty = place.path().join("empty");
    fs::create_dir(&empty).unwrap();
    folder::create(&empty).unwrap();
}

#[test]
fn what_cannot_be_written_is_named_and_the_rest_kept() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("case");
    folder::create(&path).unwrap();
    // A directory in its place: what a full disk does, but at will.
    fs::create_dir_all(path.join("report.json/x")).unwrap();
    let failed = folder::write(&report_sample::exercise(None), &path).unwrap_err();
    assert!(failed.to_string().contains("report.json"), "{failed}");
    assert!(path.join("report.html").is_file());
    assert!(!path.join("report.json.part").exists());
    assert!(!path.join(folder::MANIFEST).exists());
}

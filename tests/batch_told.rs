//! What a batch says of its hosts: what is not known is not told as clean, what was passed over is
//! counted, and hosts read as hosts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod batching;

use batching::{archive, batch, fleet};
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

//! The graph's questions over alerts with planted groups, and what they cost beside reading them:
//! 10,000, 100,000 and 1,000,000 alerts. `cargo bench --bench graph`; numbers as arguments take the
//! place of these. What counts is the ratio within one run.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod planted;

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

const HELPER: &str = "import resource, subprocess, sys, time
began = time.time()
code = subprocess.call(sys.argv[2:], stdout=open(sys.argv[1], 'wb'))
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(code, used.ru_utime + used.ru_stime, time.time() - began, used.ru_maxrss // 1024)";

/// Runs davy, and gives its processor seconds by the kernel's accounts.
fn measure(name: &str, arguments: &[&str], out: &str, base: Option<f64>) -> f64 {
    let done = Command::new("python3")
        .args(["-c", HELPER, out, env!("CARGO_BIN_EXE_davy")])
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    let text = String::from_utf8(done.stdout).unwrap();
    let words: Vec<f64> = text.split_whitespace().map(|word| word.parse().unwrap()).collect();
    let [code, cpu, wall, mib] = words[..] else { panic!("{text}") };
    assert_eq!(code, 0.0, "{name}");
    let ratio = base.map_or(1.0, |base| cpu / base);
    println!("{name:32} {cpu:7.2} CPU s  {wall:7.2} s  {mib:5.0} MiB  {ratio:5.2} x reading");
    cpu
}

fn main() {
    let given: Vec<u64> = std::env::args().skip(1).filter_map(|a| a.parse().ok()).collect();
    let sizes = if given.is_empty() { vec![10_000, 100_000, 1_000_000] } else { given };
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    for alerts in sizes {
        let log = place("eve.json");
        // Twenty alerts a source, as of 50,000 sources with a million.
        let sources = (alerts / 20).max(100);
        let truth =
            planted::write(log.as_ref(), alerts, sources, (sources / 800).clamp(8, 60), 500);
        println!("\n{alerts} alerts of {sources} sources, 500 signatures, a tenth noise");
        let count = "SELECT count(*) FROM alerts";
        let out = place("out");
        let base = measure("reading them", &["query", &log, count, "-q"], &out, None);
        let rows = place("campaigns.json");
        let hunt = ["hunt", "campaigns", &log, "--format", "json", "-q"];
        measure("davy hunt campaigns", &hunt, &rows, Some(base));
        measure("davy hunt offenders", &["hunt", "offenders", &log, "-q"], &out, Some(base));
        for exporter in davy::report::graph::EXPORTERS {
            if matches!(exporter.name, "json" | "graphml" | "nftables" | "svg" | "html") {
                let file = place(exporter.name);
                let asked = ["graph", &log, "--format", exporter.name, "-o", &file, "-q"];
                measure(&format!("davy graph, {}", exporter.name), &asked, &out, Some(base));
            }
        }
        let found: Vec<serde_json::Value> =
            serde_json::from_slice(&std::fs::read(&rows).unwrap()).unwrap();
        let mut sets = BTreeMap::new();
        for (number, row) in found.iter().enumerate() {
            for member in row["members"].as_array().unwrap() {
                sets.insert(member.as_str().unwrap().to_owned(), number);
            }
        }
        let rand = planted::adjusted_rand(&truth, &sets);
        println!("{} sets; adjusted Rand index {rand:.3}", found.len());
    }
}

//! What an archive costs: the hosts of the fixtures as archives of UAC, 10, 100 and 1,000 of them,
//! by one worker and by two, and `gzip -dc | sha256sum` beside them. Run on an idle machine:
//! `cargo bench --bench archive`.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "../tests/as_uac/mod.rs"]
mod as_uac;

use davy::evidence::TextHost;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn davy() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_davy"))
}

/// User and system time of children so far.
fn children() -> Duration {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let tail = text.rsplit(')').next().unwrap();
    let fields: Vec<u64> = tail.split_whitespace().filter_map(|f| f.parse().ok()).collect();
    // cutime and cstime, the state left out.
    Duration::from_millis((fields[12] + fields[13]) * 10)
}

fn timed(command: &mut Command) -> (Duration, Duration) {
    let (begun, used) = (Instant::now(), children());
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    assert!(matches!(status.code(), Some(0 | 4)), "{status}");
    (begun.elapsed(), children() - used)
}

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let hosts = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/hosts");
    let mut pages: Vec<PathBuf> = std::fs::read_dir(hosts)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "host"))
        .collect();
    pages.sort();
    let archives: Vec<Vec<u8>> =
        pages.iter().map(|page| as_uac::uac(&TextHost::open(page).unwrap(), false)).collect();
    for count in [10, 100, 1000] {
        let input = folder.path().join(format!("in-{count}"));
        std::fs::create_dir(&input).unwrap();
        let mut bytes = 0;
        for number in 0..count {
            // Each is another archive: a digest is done but once.
            let mut tar = archives[number % archives.len()].clone();
            tar.extend_from_slice(format!("{number:0512}").as_bytes());
            let path = input.join(format!("{number}.tar.gz"));
            let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            out.write_all(&tar).unwrap();
            let packed = out.finish().unwrap();
            bytes += packed.len();
            std::fs::write(path, packed).unwrap();
        }
        let shell = format!("for f in {}/*; do gzip -dc $f | sha256sum; done", input.display());
        let (_, plain) = timed(Command::new("sh").args(["-c", &shell]));
        for jobs in ["1", "2"] {
            let out = folder.path().join(format!("out-{count}-{jobs}"));
            let mut command = Command::new(davy());
            command.arg("batch").arg(&input).arg("-o").arg(&out).args(["-q", "--jobs", jobs]);
            let (wall, cpu) = timed(&mut command);
            println!(
                "{count:5} archives ({:.1} MB), {jobs} at once: {:.2} s, {:.2} CPU-s, {:.1} ms each; gzip -dc | sha256sum {:.2} CPU-s",
                bytes as f64 / 1e6,
                wall.as_secs_f64(),
                cpu.as_secs_f64(),
                cpu.as_secs_f64() * 1e3 / count as f64,
                plain.as_secs_f64()
            );
            std::fs::remove_dir_all(out).unwrap();
        }
    }
}

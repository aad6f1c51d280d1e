//! What an archive costs: one, and one with a gigabyte of logs and programs in it; then the hosts of
//! the fixtures as archives of UAC, 10, 100 and 1,000 of them, by one worker and by two; and
//! `gzip -dc | sha256sum` beside them. Run on an idle machine: `cargo bench --bench archive`
//! (`-- one` for the first part alone).
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
    // The terminal is -1 where there is none.
    let fields: Vec<i64> = tail.split_whitespace().filter_map(|f| f.parse().ok()).collect();
    // cutime and cstime, the state left out.
    Duration::from_millis((fields[12] + fields[13]).unsigned_abs() * 10)
}

fn timed(command: &mut Command) -> (Duration, Duration) {
    let (begun, used) = (Instant::now(), children());
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    assert!(matches!(status.code(), Some(0 | 4)), "{status}");
    (begun.elapsed(), children() - used)
}

/// The most memory that a triage of this archive has, in MiB.
fn peak(archive: &Path) -> u64 {
    let mut command = Command::new(davy());
    command.arg("triage").arg(archive).arg("-q").stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    while child.try_wait().unwrap().is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|l| l.split_whitespace().next()?.parse::<u64>().ok());
        most = most.max(kib.unwrap_or(0));
        std::thread::sleep(Duration::from_millis(2));
    }
    most / 1024
}

/// A member of a UAC archive.
fn member(tar: &mut tar::Builder<impl Write>, name: &str, bytes: &[u8]) {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, name, bytes).unwrap();
}

/// An archive of UAC, with so many MiB of what large ones are made of: half log lines, half bytes
/// that do not pack.
fn padded(page: &Path, path: &Path, mib: usize) {
    let whole = as_uac::uac(&TextHost::open(page).unwrap(), false);
    let file = std::fs::File::create(path).unwrap();
    let mut out = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    // Without the two empty blocks at its end.
    let end = whole.len() - whole.iter().rev().take_while(|b| **b == 0).count();
    out.write_all(&whole[..end.next_multiple_of(512)]).unwrap();
    let mut tar = tar::Builder::new(out);
    let mut state = 7_u64;
    let mut random = move || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    for number in 0..mib / 16 {
        let mut log = Vec::new();
        while log.len() < 8 << 20 {
            let (a, b, c) = (random() % 250, random() % 1_000_000, random());
            writeln!(log, "10.0.3.{a} - - [22/Nov/2026:06:24:17 +0000] \"GET /p/{b}?q={c:x} HTTP/1.1\" 200 {b}").unwrap();
        }
        member(&mut tar, &format!("[root]/var/log/nginx/access.log.{number}"), &log);
        let program: Vec<u8> = (0..1 << 20).flat_map(|_| random().to_le_bytes()).collect();
        member(&mut tar, &format!("[root]/tmp/build/{number}.o"), &program);
    }
    tar.into_inner().unwrap().finish().unwrap();
}

/// One archive, small and large, beside reading it.
fn one(folder: &Path) {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/hosts/fake-crond.host");
    for mib in [0, 1024] {
        let path = folder.join(format!("{mib}.tar.gz"));
        padded(&page, &path, mib);
        let size = std::fs::metadata(&path).unwrap().len();
        let least = |command: &mut dyn FnMut() -> Command| {
            (0..3).map(|_| timed(&mut command()).1).min().unwrap().as_secs_f64()
        };
        let shell = format!("gzip -dc {} | sha256sum", path.display());
        let plain = least(&mut || {
            let mut sh = Command::new("sh");
            sh.args(["-c", &shell]);
            sh
        });
        let triage = least(&mut || {
            let mut command = Command::new(davy());
            command.arg("triage").arg(&path).arg("-q");
            command
        });
        println!(
            "one archive, {:.1} MB packed, {mib} MiB of padding: {triage:.2} CPU-s; gzip -dc | sha256sum {plain:.2} CPU-s; peak {} MiB",
            size as f64 / 1e6,
            peak(&path)
        );
        std::fs::remove_file(path).unwrap();
    }
}

fn main() {
    let folder = tempfile::tempdir().unwrap();
    one(folder.path());
    if std::env::args().any(|word| word == "one") {
        return;
    }
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

//! How fast carving is, beside reading the bytes and beside what a responder would otherwise use.
//!
//! `cargo bench --bench carve [-- MIB…]` makes memory-like data of so many MiB (512 where none is
//! named) in a temporary folder: a third zero pages, a third bytes of this machine's binaries,
//! a sixth text, a sixth random, with indicators planted in ASCII and UTF-16LE. It prints CPU
//! seconds (least of three), the rate, and the cost in units of reading and summing the bytes; then
//! what a GiB costs in places of 256 MiB to 8 GiB that are made while they are read.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, missing_docs)]

use davy::carve::{Carver, Found, Iocs, carve, carve_file, finish};
use std::fs::File;
use std::io::{BufWriter, Read, Seek, Write};
use std::path::Path;
use std::process::{Command, Stdio};

/// The patterns that the other tools are given; far fewer than davy looks for.
const PATTERNS: &str = r#"stratum\+[a-z]+://[^ ]+|"method": ?"(login|submit|mining\.[a-z_]+)"|[0-9]{1,3}(\.[0-9]{1,3}){3}:[0-9]{2,5}|https?://[^ "<>]+|[48][1-9A-HJ-NP-Za-km-z]{94}|bc1[02-9ac-hj-np-z]{39,59}|luckpool\.net|nanopool\.org|supportxmr\.com|moneroocean\.stream|hashvault\.pro|donate-level|/dev/tcp/|base64 -d"#;

fn main() {
    let sizes: Vec<u64> = std::env::args().skip(1).filter_map(|a| a.parse().ok()).collect();
    let sizes = if sizes.is_empty() { vec![512] } else { sizes };
    let doubled = doubled();
    let folder = tempfile::tempdir().expect("a temporary folder");
    for mib in sizes {
        let path = folder.path().join("memory.bin");
        make(&path, mib << 20);
        println!("{mib} MiB, page cache warm, CPU seconds, least of three");
        println!("{:<44}{:>9}{:>10}{:>9}", "", "CPU s", "GB/CPU s", "x read");
        let size = (mib << 20) as f64 / 1e9;
        let read = least(|| sum(&path));
        let line = |name: &str, seconds: f64| {
            println!("{name:<44}{seconds:>9.3}{:>10.2}{:>9.2}", size / seconds, seconds / read);
        };
        line("read 1 MiB and sum", read);
        line("davy, one core", least(|| one_core(&path)));
        line("davy, all cores", least(|| all_cores(&path)));
        line("davy, one core, twice the literals", least(|| twice(&path, &doubled)));
        if mib <= 2048 && std::env::var_os("DAVY_BENCH_ALONE").is_none() {
            let shown = path.display();
            for (name, command) in [
                (
                    "strings -a -n 6 | grep -aoE",
                    format!("strings -a -n 6 {shown} | LC_ALL=C grep -aoE '{PATTERNS}'"),
                ),
                ("rg -a -o -j1", format!("rg -a -o -j1 --no-config -N '{PATTERNS}' {shown}")),
            ] {
                let tool = name.split(' ').next().unwrap();
                if Command::new(tool).arg("--version").stdout(Stdio::null()).status().is_ok() {
                    line(name, least(|| shell(&command)));
                } else {
                    println!("{name:<44}{:>9}", "not here");
                }
            }
        }
    }
    growth(folder.path());
    repeated();
}

/// What an attacker's heap may be full of: anchors one after the other.
fn repeated() {
    println!("anchors repeated, one core, CPU seconds a MiB");
    for text in [
        "\"pools\":[{\"url\":\"",
        "{\"url\":\"a.bc:33\",\"algo\":\"rx/0\"},",
        "stratum+tcp://",
        "http://a.com/",
        "| bash",
        "a@b.kz ",
        "1.2.3.4:5 ",
    ] {
        let bytes = text.repeat((16 << 20) / text.len());
        let before = cpu();
        let mut found = Found::default();
        carve(bytes.as_bytes(), 0, &mut found).unwrap();
        std::hint::black_box(finish(found));
        println!("{text:<44}{:>9.3}", (cpu() - before) / 16.0);
    }
}

/// As many names more as davy has literals of its own, as a user's list brings them.
fn doubled() -> Carver {
    let mut list = String::new();
    let mut state = 1_u64;
    for _ in 0..700 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        list.push_str(&format!("{:x}.listed-{}.example\n", state >> 40, state >> 52));
    }
    let mut iocs = Iocs::default();
    iocs.add("list", list.as_bytes());
    Carver::new(iocs, davy::carve::Held::None)
}

fn twice(path: &Path, carver: &Carver) {
    let mut found = carver.found();
    carve(File::open(path).unwrap(), 0, &mut found).unwrap();
    std::hint::black_box(finish(found));
}

/// The same bytes over and over, made while they are read: what a place of any size costs.
struct Again<'a> {
    bytes: &'a [u8],
    at: usize,
    left: u64,
}

impl Read for Again<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let rest = &self.bytes[self.at..];
        let got = rest.len().min(into.len()).min(usize::try_from(self.left).unwrap_or(usize::MAX));
        into[..got].copy_from_slice(&rest[..got]);
        self.at = (self.at + got) % self.bytes.len();
        self.left -= got as u64;
        Ok(got)
    }
}

/// Carves from 256 MiB to 8 GiB that are nowhere kept, and prints what each GiB costs.
fn growth(folder: &Path) {
    let path = folder.join("sample.bin");
    make(&path, 64 << 20);
    let bytes = std::fs::read(&path).unwrap();
    println!("made while it is read, one core, CPU seconds with the copying");
    for mib in [256_u64, 512, 1024, 2048, 4096, 8192] {
        let before = cpu();
        let mut found = Found::default();
        carve(Again { bytes: &bytes, at: 0, left: mib << 20 }, 0, &mut found).unwrap();
        std::hint::black_box(finish(found));
        let seconds = cpu() - before;
        let each = seconds / (mib as f64 / 1024.0);
        println!("{mib:>6} MiB{seconds:>9.2} s{each:>8.3} s a GiB{:>8} KiB peak", peak());
    }
}

/// The most memory that this process had.
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().to_owned()
}

fn sum(path: &Path) {
    let mut file = File::open(path).unwrap();
    let mut buffer = vec![0_u8; 1 << 20];
    let mut total = 0_u64;
    loop {
        let got = file.read(&mut buffer).unwrap();
        if got == 0 {
            break;
        }
        for word in buffer[..got].as_chunks::<8>().0 {
            total = total.wrapping_add(u64::from_ne_bytes(*word));
        }
    }
    std::hint::black_box(total);
}

fn one_core(path: &Path) {
    let mut found = Found::default();
    carve(File::open(path).unwrap(), 0, &mut found).unwrap();
    std::hint::black_box(finish(found));
}

fn all_cores(path: &Path) {
    let mut found = Found::default();
    carve_file(&File::open(path).unwrap(), &mut found).unwrap();
    std::hint::black_box(finish(found));
}

fn shell(command: &str) {
    Command::new("sh").args(["-c", command]).stdout(Stdio::null()).status().unwrap();
}

/// CPU seconds of this process and of children waited for.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let (_, rest) = stat.rsplit_once(')').unwrap();
    let ticks: f64 =
        rest.split_whitespace().skip(11).take(4).map(|n| n.parse::<f64>().unwrap()).sum();
    ticks / 100.0
}

fn least(run: impl Fn()) -> f64 {
    run();
    (0..3)
        .map(|_| {
            let before = cpu();
            run();
            cpu() - before
        })
        .fold(f64::INFINITY, f64::min)
        .max(0.005)
}

/// Plants every indicator of the tests' kind at a fixed stride.
fn make(path: &Path, size: u64) {
    let mut binaries = Vec::new();
    for name in [
        "/usr/bin/python3",
        "/bin/bash",
        "/usr/lib/x86_64-linux-gnu/libcrypto.so.3",
        "/usr/lib/x86_64-linux-gnu/libc.so.6",
        "/usr/bin/git",
    ] {
        if let Ok(bytes) = std::fs::read(name) {
            binaries.extend(bytes);
        }
    }
    if binaries.len() < 1 << 20 {
        binaries = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    }
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path).unwrap());
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let (mut written, mut at, mut number) = (0_u64, 0_usize, 0_u64);
    let mut piece = vec![0_u8; 64 * 1024];
    while written < size {
        match number % 6 {
            0 | 1 => piece.fill(0),
            2 | 3 => {
                for byte in &mut piece {
                    *byte = binaries[at];
                    at = (at + 1) % binaries.len();
                }
            }
            4 => {
                piece.clear();
                while piece.len() < 64 * 1024 {
                    let n = random();
                    let line = format!(
                        "2026-11-22T06:{:02}:{:02}Z host{} app[{}]: request {{\"id\":{},\"path\":\"/api/v1/items/{}\",\"took\":{}}} done\n",
                        n % 60,
                        n / 60 % 60,
                        n % 7,
                        n % 9000,
                        n,
                        n % 100,
                        n % 1000
                    );
                    piece.extend(line.bytes());
                }
                piece.truncate(64 * 1024);
            }
            _ => {
                for word in piece.as_chunks_mut::<8>().0 {
                    *word = random().to_ne_bytes();
                }
            }
        }
        if number % 64 == 5 {
            let text = format!(
                "\0stratum+tcp://pool{number}.luckpool.net:3956\0http://198.51.100.{}/x\0",
                number % 250
            );
            let planted: Vec<u8> = if number % 128 == 5 {
                text.bytes().collect()
            } else {
                text.bytes().flat_map(|b| [b, 0]).collect()
            };
            piece[1000..1000 + planted.len()].copy_from_slice(&planted);
        }
        out.write_all(&piece).unwrap();
        written += piece.len() as u64;
        number += 1;
    }
    out.flush().unwrap();
    out.rewind().unwrap();
}

//! What the first looks at a conn.log cost: `talkers`, `services` and `bytes` in one pass over
//! 2,000,000 rows, once with the skew of real traffic and once at its worst, beside what else could
//! answer. `cargo bench --bench logs`; a number as argument multiplies the rows, and
//! `DAVY_DUCKDB=/path/to/python` names a Python that has DuckDB.
//!
//! All of it is measured from outside, by the kernel's accounts of each child: processor time and
//! the greatest resident size. What counts is the ratio within one run.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};

/// Rows of the log.
const ROWS: u64 = 2_000_000;

/// A generator whose numbers are the same on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }

    /// Small numbers are many times likelier than large ones, as with hosts and ports.
    fn skewed(&mut self, most: u64) -> u64 {
        let wide = self.below(most) + 1;
        self.below(wide)
    }
}

fn generate(path: &Path, rows: u64, worst: bool) {
    let mut out = BufWriter::with_capacity(1 << 20, std::fs::File::create(path).unwrap());
    out.write_all(
        b"#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n\
        #fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tduration\torig_bytes\tresp_bytes\tconn_state\tlocal_orig\tlocal_resp\tmissed_bytes\thistory\torig_pkts\torig_ip_bytes\tresp_pkts\tresp_ip_bytes\ttunnel_parents\n",
    )
    .unwrap();
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let services = [("-", 0), ("dns", 53), ("ssl", 443), ("http", 80), ("ssh", 22), ("-", 3333)];
    for row in 0..rows {
        let (from, to, port, service) = if worst {
            let port = random.below(50_000) + 1000;
            (random.below(60_000), random.below(1 << 24), port, "-")
        } else {
            let (service, port) = services[random.skewed(6) as usize];
            let port = if port == 0 { 1024 + random.skewed(40) } else { port };
            (random.skewed(400), random.skewed(900), port, service)
        };
        let (orig, resp) = (random.below(20_000), random.skewed(2_000_000));
        writeln!(
            out,
            "{}.{:06}\tC{row:012x}aQ\t10.{}.{}.{}\t{}\t203.{}.{}.{}\t{port}\ttcp\t{service}\t{}.{:06}\t{orig}\t{resp}\tSF\tT\tF\t0\tShADadFf\t{}\t{}\t{}\t{}\t-",
            1_795_300_000 + row / 20,
            row % 20 * 50_000,
            from >> 16, from >> 8 & 255, from & 255,
            32_768 + random.below(28_000),
            to >> 16, to >> 8 & 255, to & 255,
            random.skewed(300), random.below(1_000_000),
            orig / 500 + 2, orig + 80, resp / 1200 + 2, resp + 80,
        )
        .unwrap();
    }
}

/// Runs a command and prints what it took, by the kernel's accounts.
fn measure(name: &str, program: &str, arguments: &[&str], first: &mut Option<f64>) -> Option<f64> {
    const HELPER: &str = "import resource, subprocess, sys, time\n\
        began = time.time()\n\
        code = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL)\n\
        used = resource.getrusage(resource.RUSAGE_CHILDREN)\n\
        print(code, used.ru_utime + used.ru_stime, time.time() - began, used.ru_maxrss // 1024)";
    let out = Command::new("python3")
        .args(["-c", HELPER, program])
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()
        .ok()?;
    let text = String::from_utf8(out.stdout).ok()?;
    let words: Vec<f64> = text.split_whitespace().filter_map(|w| w.parse().ok()).collect();
    let [code, cpu, wall, mib] = words[..] else { return None };
    if code != 0.0 {
        println!("{name:34} failed");
        return None;
    }
    let base = *first.get_or_insert(cpu);
    println!(
        "{name:34} {cpu:6.2} CPU s  {wall:6.2} s  {mib:5.0} MiB  {:6.1} x reading",
        cpu / base.max(0.01)
    );
    Some(cpu)
}

const DUCKDB: &str = "
import duckdb, sys
c = duckdb.connect()
c.execute('SET threads TO 1')
names = 'ts uid orig_h orig_p resp_h resp_p proto service duration orig_bytes resp_bytes conn_state local_orig local_resp missed history orig_pkts orig_ip resp_pkts resp_ip tunnel'.split()
columns = {name: 'BIGINT' if name.endswith('_bytes') else 'VARCHAR' for name in names}
src = f\"read_csv('{sys.argv[1]}', delim='\\t', header=false, auto_detect=false, comment='#', nullstr='-', columns={columns}, quote='', escape='')\"
c.execute(f'SELECT orig_h, resp_p, resp_h, count(*) n FROM {src} GROUP BY ALL ORDER BY n DESC LIMIT 100').fetchall()
c.execute(f'SELECT resp_p, service, count(*) n FROM {src} GROUP BY ALL ORDER BY n DESC LIMIT 1000').fetchall()
c.execute(f'SELECT uid, orig_h, resp_h, orig_bytes, resp_bytes, orig_bytes + resp_bytes t FROM {src} ORDER BY t DESC LIMIT 100').fetchall()
";

fn main() {
    let davy = env!("CARGO_BIN_EXE_davy");
    let factor: u64 = std::env::args().skip(1).find_map(|a| a.parse().ok()).unwrap_or(1);
    let folder = tempfile::tempdir().unwrap();
    for (shape, worst) in [("skewed as real traffic is", false), ("at its worst", true)] {
        let path = folder.path().join("conn.log");
        generate(&path, ROWS * factor, worst);
        let size = std::fs::metadata(&path).unwrap().len() >> 20;
        println!("\n{} rows, {size} MiB, {shape}", ROWS * factor);
        let log = path.to_str().unwrap();
        let mut base = None;
        measure("reading the bytes (wc -l)", "wc", &["-l", log], &mut base);
        let ours = measure(
            "davy hunt, three answers",
            davy,
            &["hunt", "talkers,services,bytes", log, "-q"],
            &mut base,
        );
        if factor == 1 {
            let awk = format!(
                "grep -v '^#' {log} | awk -F'\\t' '{{print $3, $6, $5}}' | LC_ALL=C sort | uniq -c | sort -rn | head -100"
            );
            measure("awk | sort | uniq -c, one answer", "sh", &["-c", &awk], &mut base);
        }
        if let Ok(python) = std::env::var("DAVY_DUCKDB") {
            let theirs = measure("DuckDB, three answers", &python, &["-c", DUCKDB, log], &mut base);
            if let (Some(ours), Some(theirs)) = (ours, theirs) {
                println!("{:34} {:.2} of DuckDB's", "davy", ours / theirs);
            }
        }
    }
}

//! The host itself.

use super::processes::status;
use super::{Collector, Host, Outcome, Run};
use crate::evidence::{HostPath, Pid, Reason};
use crate::facts::{Facts, HostText, Table, Time};

crate::table! {
    pub struct HostRow in host, "The host: one row.";
    hostname: HostText, "", "Node name; empty where not known.";
    kernel: HostText, "", "Kernel release; empty where not known, as for an image of a disk.";
    kernel_version: HostText, "", "Kernel build, as uname -v has it; empty where not known.";
    architecture: HostText, "", "Machine, as uname -m has it; empty where not known.";
    os: Option<HostText>, "", "PRETTY_NAME of os-release.";
    machine_id: Option<HostText>, "", "/etc/machine-id.";
    boot_id: Option<HostText>, "", "/proc/sys/kernel/random/boot_id.";
    cmdline: Option<HostText>, "", "Kernel command line.";
    booted: Option<Time>, "", "Boot, measured: realtime less boottime.";
    taken: Time, "", "The host's wall clock when the evidence was taken.";
    boottime: Option<i64>, "ns", "CLOCK_BOOTTIME at that moment.";
    monotonic: Option<i64>, "ns", "CLOCK_MONOTONIC at that moment.";
    ticks_per_second: i64, "1/s", "Unit of the kernel's process times.";
    page_size: u64, "bytes", "Page size.";
    zone: String, "", "Time zone; empty where not known.";
    cpus: Option<u32>, "", "Processors online.";
    memory_total: Option<u64>, "bytes", "Memory.";
    memory_available: Option<u64>, "bytes", "Memory available.";
    load: Option<HostText>, "", "/proc/loadavg.";
    tainted: Option<i64>, "", "Kernel taint bits.";
    reader_uid: Option<u32>, "", "Whom davy ran as; NULL for evidence taken earlier.";
    reader_pid: Option<u32>, "", "davy's own process, which is in no other table; NULL for evidence taken earlier.";
    reader_parent: Option<u32>, "", "The process that started davy: its ancestors are the responder's.";
}

pub(super) const COLLECTOR: Collector =
    Collector { name: "host", tables: &[HostRow::DEF], run: Run::Host(collect) };

/// Each of these files is a line or a page.
const LIMIT: usize = 256 * 1024;

fn collect(host: &Host<'_>, facts: &Facts) -> Outcome {
    let clock = &host.clock;
    let meminfo = bytes(host, "host.memory_total", &["proc/meminfo"]).unwrap_or_default();
    let os = bytes(host, "host.os", &["etc/os-release", "usr/lib/os-release"]);
    let line =
        |what, names: &[&str]| bytes(host, what, names).map(|b| HostText::from(b.trim_ascii()));
    let sysctl = "proc/sys/kernel";
    let row = HostRow {
        hostname: line("host.hostname", &[&format!("{sysctl}/hostname"), "etc/hostname"])
            .unwrap_or_default(),
        kernel: line("host.kernel", &[&format!("{sysctl}/osrelease")]).unwrap_or_default(),
        kernel_version: line("host.kernel_version", &[&format!("{sysctl}/version")])
            .unwrap_or_default(),
        architecture: HostText::from(architecture(host).as_bytes()),
        os: os.as_deref().and_then(pretty_name),
        machine_id: line("host.machine_id", &["etc/machine-id", "var/lib/dbus/machine-id"])
            .filter(|id| !id.is_empty()),
        boot_id: line("host.boot_id", &[&format!("{sysctl}/random/boot_id")]),
        cmdline: line("host.cmdline", &["proc/cmdline"]),
        booted: clock.booted(),
        taken: clock.realtime,
        boottime: clock.boottime,
        monotonic: clock.monotonic,
        ticks_per_second: clock.ticks_per_second,
        page_size: clock.page_size,
        zone: clock.zone.clone(),
        cpus: bytes(host, "host.cpus", &["proc/stat"]).as_deref().and_then(processors),
        memory_total: kibibytes(&meminfo, b"MemTotal:"),
        memory_available: kibibytes(&meminfo, b"MemAvailable:"),
        load: line("host.load", &["proc/loadavg"]),
        tainted: line("host.tainted", &[&format!("{sysctl}/tainted")])
            .and_then(|text| std::str::from_utf8(text.as_bytes()).ok()?.parse().ok()),
        reader_uid: reader(host).and_then(|reader| reader.euid),
        reader_pid: reader_pid(host),
        reader_parent: reader(host).and_then(|reader| reader.parent),
    };
    host.gaps.read("host");
    facts.insert(1, "/proc", &row)
}

/// Davy's own id, as the evidence's /proc numbers it; none where davy is not on that host.
pub(super) fn reader_pid(host: &Host<'_>) -> Option<Pid> {
    let link = host.root.link(&HostPath::from("proc/self")).ok()?;
    std::str::from_utf8(link.file_name()).ok()?.parse().ok()
}

/// The first of these files that there is.
fn bytes(host: &Host<'_>, what: &str, names: &[&str]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut failed = None;
    for name in names {
        match host.root.read(&HostPath::from(*name), LIMIT, &mut bytes) {
            Ok(_) => return Some(bytes),
            Err(why) => {
                bytes.clear();
                failed = failed.or(Some(why));
            }
        }
    }
    if let Some(why) = failed {
        host.gaps.missed(what, &why);
    }
    None
}

/// Who reads, where evidence says: davy itself on a live host.
pub(super) fn reader(host: &Host<'_>) -> Option<status::Status> {
    let mut bytes = Vec::new();
    host.root.read(&HostPath::from("proc/self/status"), LIMIT, &mut bytes).ok()?;
    Some(status::parse(&bytes))
}

/// PRETTY_NAME, without the shell's quotes.
fn pretty_name(os_release: &[u8]) -> Option<HostText> {
    let lines = || os_release.split(|b| *b == b'\n');
    let value = |key: &[u8]| lines().find_map(|line| line.strip_prefix(key));
    let value = value(b"PRETTY_NAME=").or_else(|| value(b"NAME="))?.trim_ascii();
    let quote = value.first().filter(|b| matches!(b, b'"' | b'\''));
    let inner = quote.and_then(|q| value.get(1..)?.strip_suffix(&[*q])).unwrap_or(value);
    let mut text = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => text.extend(bytes.next()),
            other => text.push(*other),
        }
    }
    Some(HostText(text))
}

/// Lines `cpu0 …` of /proc/stat are the processors online; the line `cpu ` is their sum.
fn processors(stat: &[u8]) -> Option<u32> {
    let numbered = |line: &&[u8]| {
        line.strip_prefix(b"cpu").and_then(<[u8]>::first).is_some_and(u8::is_ascii_digit)
    };
    let count = stat.split(|b| *b == b'\n').filter(numbered).count();
    u32::try_from(count).ok().filter(|count| *count > 0)
}

fn kibibytes(meminfo: &[u8], key: &[u8]) -> Option<u64> {
    let line = meminfo.split(|b| *b == b'\n').find_map(|line| line.strip_prefix(key))?;
    let number = std::str::from_utf8(line).ok()?.trim().strip_suffix("kB")?;
    number.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// The kernel tells since 6.1; before that, the program of the first process does.
fn architecture(host: &Host<'_>) -> String {
    let mut text = Vec::new();
    if host.root.read(&HostPath::from("proc/sys/kernel/arch"), LIMIT, &mut text).is_ok() {
        return String::from_utf8_lossy(text.trim_ascii()).into_owned();
    }
    let mut failed = None;
    for name in ["proc/1/exe", "proc/self/exe", "bin/sh"] {
        let mut head = Vec::new();
        match host.root.read(&HostPath::from(name), 64, &mut head) {
            Ok(_) => {
                if let Some(machine) = machine(&head) {
                    return machine.to_owned();
                }
            }
            Err(why) => failed = failed.or(Some(why)),
        }
    }
    if let Some(why) = failed.filter(|why| why.reason != Reason::Absent) {
        host.gaps.missed("host.architecture", &why);
    }
    String::new()
}

/// The machine of an ELF header, in uname's words.
fn machine(elf: &[u8]) -> Option<&'static str> {
    use goblin::elf::header::{
        EM_386, EM_AARCH64, EM_ARM, EM_LOONGARCH, EM_PPC64, EM_RISCV, EM_S390, EM_X86_64,
        machine_to_str,
    };
    let (head, rest) = elf.split_at_checked(18)?;
    if !head.starts_with(b"\x7fELF") {
        return None;
    }
    let little = head.get(5) == Some(&1);
    let word: [u8; 2] = rest.get(..2)?.try_into().ok()?;
    let machine = if little { u16::from_le_bytes(word) } else { u16::from_be_bytes(word) };
    Some(match machine {
        EM_X86_64 => "x86_64",
        EM_386 => "i686",
        EM_AARCH64 => "aarch64",
        EM_ARM => "armv7l",
        EM_PPC64 if little => "ppc64le",
        EM_PPC64 => "ppc64",
        EM_S390 => "s390x",
        EM_RISCV => "riscv64",
        EM_LOONGARCH => "loongarch64",
        other => machine_to_str(other),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_of_systems() {
        let name = |text: &str| pretty_name(text.as_bytes()).map(|t| t.to_string());
        assert_eq!(name("ID=x\nPRETTY_NAME=\"A \\\"B\\\" 1\"\n").as_deref(), Some("A \"B\" 1"));
        assert_eq!(name("PRETTY_NAME='Debian'\n").as_deref(), Some("Debian"));
        assert_eq!(name("NAME=Alpine\n").as_deref(), Some("Alpine"));
        assert_eq!(name("PRETTY_NAME=\"").as_deref(), Some("\""));
        assert_eq!(name("ID=x\n"), None);
    }

    #[test]
    fn processors_and_memory() {
        assert_eq!(processors(b"cpu  1 2\ncpu0 1\ncpu1 1\nctxt 1\n"), Some(2));
        assert_eq!(processors(b""), None);
        let meminfo = b"MemTotal:       2048 kB\nMemAvailable:    1024 kB\n";
        assert_eq!(kibibytes(meminfo, b"MemAvailable:"), Some(1024 * 1024));
        assert_eq!(kibibytes(meminfo, b"SwapTotal:"), None);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = (pretty_name(&bytes), processors(&bytes), kibibytes(&bytes, b"M"), machine(&bytes));
        }

        #[test]
        fn no_header_panics(tail: Vec<u8>) {
            let _ = machine(&[b"\x7fELF", &tail[..]].concat());
        }
    }
}

//! One artefact of a host replaced by hostile bytes, then the whole triage: whatever parser reads
//! that path meets them as it would on a suspect server.
#![no_main]

use davy::carve::Carver;
use davy::evidence::TextHost;
use davy::facts::Facts;
use davy::judge::Playbooks;
use libfuzzer_sys::fuzz_target;
use std::fmt::Write;

const PATHS: &[&str] = &[
    "/proc/7/stat",
    "/proc/7/status",
    "/proc/7/cmdline",
    "/proc/7/environ",
    "/proc/7/maps",
    "/proc/7/cgroup",
    "/proc/7/fdinfo/3",
    "/proc/7/net/tcp",
    "/proc/7/net/tcp6",
    "/proc/7/net/udp",
    "/proc/7/net/unix",
    "/proc/7/net/packet",
    "/proc/net/route",
    "/proc/net/arp",
    "/proc/net/fib_trie",
    "/proc/self/mountinfo",
    "/proc/stat",
    "/etc/os-release",
    "/etc/passwd",
    "/etc/crontab",
    "/var/spool/cron/crontabs/root",
    "/etc/systemd/system/x.service",
    "/etc/udev/rules.d/x.rules",
    "/etc/ld.so.preload",
    "/root/.bashrc",
    "/var/lib/dpkg/status",
    "/var/lib/dpkg/info/cron.list",
    "/var/lib/dpkg/diversions",
    "/var/lib/rpm/Packages",
    "/var/lib/rpm/Packages.db",
    "/var/lib/rpm/rpmdb.sqlite",
    "/lib/apk/db/installed",
    "/tmp/x",
    "/usr/sbin/thing",
];

fuzz_target!(|input: &[u8]| {
    let Some((which, bytes)) = input.split_first() else { return };
    let path = PATHS[usize::from(*which) % PATHS.len()];
    let mut page = String::from(
        "host hostname=fuzz\nprocess 7 comm=thing exe=/usr/sbin/thing\n  fd 3 -> /tmp/x deleted\n  | x\n",
    );
    write!(page, "raw {path} content-hex=").unwrap();
    bytes.iter().for_each(|byte| write!(page, "{byte:02x}").unwrap());
    page.push('\n');
    let Ok(host) = TextHost::parse("fuzz.host", &page) else { return };
    let tables = davy::tables();
    let facts = Facts::in_memory(&tables).unwrap();
    davy::collect::collect(&host, &facts, &|_| {}).unwrap();
    davy::carve::carve_files(&host, &facts, &Carver::default(), &|_| {}).unwrap();
    davy::carve::carve_memory(&host, &facts, &Carver::default(), &[7], &|_| {}).unwrap();
    let _ = davy::judge::judge(&facts, &Playbooks::empty(), &tables).unwrap();
    davy::timeline::build(&facts).unwrap();
    davy::graph::build(&facts).unwrap();
});

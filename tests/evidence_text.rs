//! A page of text, read as a host.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use davy::evidence::{Dir, Evidence, FileKind, HostPath, Reason, TextHost};
use proptest::prelude::*;

const PAGE: &str = r#"
# A host with something wrong.
host hostname=web-03 booted=2026-11-01T00:00:00Z taken=2026-11-22T06:24:17Z
address eth0 10.0.0.5/24 gateway=10.0.0.1
process 40 comm=kworker/0:1 kthread
process 4242 comm=crond exe=/usr/sbin/crond args="/usr/sbin/crond -n" started=2026-11-20T03:12:01Z nice=19 loginuid=1000 threads=4 cpu=3600
  exe deleted
  exe elf strings="http://198.51.100.7/x" "Payload dropped to: %s"   # a comment
  env LD_PRELOAD=/tmp/x.so HOME=/root
  fd 3 -> /usr/lib/x86_64-linux-gnu/libfoo.so deleted mode=r
  | {"url": "stratum+tcp://203.0.113.99:3956"}
  fd 4 -> pipe:[1234]
  socket fd=5 tcp 10.0.0.5:43210 -> 203.0.113.99:3956 ESTABLISHED
  map 7f0000000000-7f0000010000 r-xp
  map 7f0000020000-7f0000021000 r--p /usr/lib/x86_64-linux-gnu/libfoo.so deleted
  memory 0x7f1000000000 rw-p
  | {"method":"login"}
file /etc/cron.d/job mode=0644 mtime=2026-11-20T03:12:00Z
| * * * * * root curl http://198.51.100.7
link /a -> /etc/cron.d
directory /var/tmp mode=1777
package cron version=3.0 manager=dpkg /usr/sbin/cron
raw /proc/40/status
| Name:	kworker
denied /proc/1/environ
"#;

fn root(host: &TextHost) -> Box<dyn Dir + '_> {
    host.dir(&HostPath::from("/")).unwrap()
}

fn text(dir: &dyn Dir, path: &str) -> String {
    let mut bytes = Vec::new();
    dir.read(&HostPath::from(path), 1 << 20, &mut bytes).unwrap_or_else(|e| panic!("{e}"));
    String::from_utf8_lossy(&bytes).into_owned()
}

fn parse(page: &str) -> TextHost {
    TextHost::parse("page.host", page).unwrap_or_else(|e| panic!("{e}"))
}

#[test]
fn proc_is_what_linux_shows() {
    let host = parse(PAGE);
    let root = root(&host);
    let root = root.as_ref();
    let stat = text(root, "/proc/4242/stat");
    assert!(stat.starts_with("4242 (crond) S 1 4242 4242 0 -1 "), "{stat}");
    assert_eq!(stat.split_whitespace().count(), 52);
    // 2026-11-20T03:12:01 is 19 d 3 h 12 min 1 s after boot.
    assert_eq!(stat.split_whitespace().nth(21), Some("165312100"));
    assert_eq!(stat.split_whitespace().nth(13), Some("360000"));
    let kernel_thread = text(root, "/proc/40/stat");
    let flags: u64 = kernel_thread.split_whitespace().nth(8).unwrap().parse().unwrap();
    assert_ne!(flags & 0x20_0000, 0);
    assert_eq!(text(root, "/proc/4242/cmdline"), "/usr/sbin/crond\0-n\0");
    assert!(text(root, "/proc/4242/environ").contains("LD_PRELOAD=/tmp/x.so\0HOME=/root\0"));
    assert_eq!(text(root, "/proc/4242/loginuid"), "1000");
    assert_eq!(text(root, "/proc/40/status"), "Name:\tkworker\n");
    let tcp = text(root, "/proc/net/tcp");
    assert!(tcp.contains("   0: 0500000A:A8CA 637100CB:0F74 01 "), "{tcp}");
    assert_eq!(tcp, text(root, "/proc/4242/net/tcp"));
    assert!(text(root, "/proc/1/mountinfo").contains(" / / rw,relatime"));
}

#[test]
fn a_deleted_file_has_no_name_and_still_has_its_bytes() {
    let host = parse(PAGE);
    let process = host.dir(&HostPath::from("/proc/4242")).unwrap();
    let exe = process.stat(&HostPath::from("exe")).unwrap();
    assert!(exe.deleted());
    assert_eq!(exe.kind, FileKind::File);
    assert_eq!(process.link(&HostPath::from("exe")).unwrap(), "/usr/sbin/crond (deleted)".into());
    assert!(text(process.as_ref(), "exe").contains("Payload dropped to: %s"));
    assert!(text(process.as_ref(), "fd/3").contains("stratum+tcp"));
    // The descriptor and the mapping are one inode.
    let open = process.stat(&HostPath::from("fd/3")).unwrap();
    let mapped = process.stat(&HostPath::from("map_files/7f0000020000-7f0000021000")).unwrap();
    assert_eq!(open, mapped);
    assert!(root(&host).stat(&HostPath::from("/usr/sbin/crond")).is_err());
    let kernel_thread = host.dir(&HostPath::from("/proc/40")).unwrap();
    assert_eq!(kernel_thread.link(&HostPath::from("exe")).unwrap_err().reason, Reason::Absent);
}

#[test]
fn descriptors_are_what_they_say() {
    let host = parse(PAGE);
    let process = host.dir(&HostPath::from("/proc/4242")).unwrap();
    let names: Vec<String> =
        process.list(&HostPath::from("fd")).unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(names, ["0", "1", "2", "3", "4", "5"]);
    assert_eq!(process.stat(&HostPath::from("fd/0")).unwrap().kind, FileKind::CharDevice);
    assert_eq!(process.stat(&HostPath::from("fd/4")).unwrap().kind, FileKind::Fifo);
    assert_eq!(process.stat(&HostPath::from("fd/4")).unwrap().inode, 1234);
    let refused = process.open(&HostPath::from("fd/4")).err().unwrap();
    assert_eq!(refused.reason, Reason::NotRegular);
    let socket = process.link(&HostPath::from("fd/5")).unwrap().to_string();
    let inode = socket.trim_start_matches("socket:[").trim_end_matches(']');
    assert!(text(process.as_ref(), "net/tcp").contains(&format!(" {inode} 1 0000")));
    assert!(text(process.as_ref(), "fdinfo/3").contains("flags:\t0100000\n"));
}

#[test]
fn memory_has_its_content() {
    let host = parse(PAGE);
    let memory = host.memory(4242).unwrap();
    assert_eq!(
        memory.present(0x7f10_0000_0000, 0x7f20_0000_0000).unwrap(),
        [(0x7f10_0000_0000, 0x7f10_0000_1000)]
    );
    let mut bytes = [0; 18];
    assert_eq!(memory.read(0x7f10_0000_0000, &mut bytes).unwrap(), 18);
    assert_eq!(&bytes, b"{\"method\":\"login\"}");
    let process = host.dir(&HostPath::from("/proc/4242")).unwrap();
    let maps = text(process.as_ref(), "maps");
    assert!(maps.contains("7f1000000000-7f1000001000 rw-p 00000000 00:00 0 \n"), "{maps}");
    let line = maps.lines().find(|l| l.ends_with("libfoo.so (deleted)")).unwrap();
    assert_eq!(line.find('/'), Some(73));
}

#[test]
fn links_resolve_and_refusals_refuse() {
    let host = parse(PAGE);
    let root = root(&host);
    assert!(text(root.as_ref(), "/a/job").contains("curl"));
    assert_eq!(text(root.as_ref(), "/a/../hostname"), "web-03\n");
    let denied = root.open(&HostPath::from("/proc/1/environ")).err().unwrap();
    assert_eq!(denied.reason, Reason::Denied);
    let status = text(root.as_ref(), "/var/lib/dpkg/status");
    assert!(status.contains("Package: cron\nStatus: install ok installed"), "{status}");
    assert!(text(root.as_ref(), "/var/lib/dpkg/info/cron.list").contains("/usr/sbin/cron\n"));
}

#[test]
fn a_container_has_its_own_root() {
    let host = parse(
        "process 50 exe=/app/server\n  root container=mnt:4026532201 net=4026532300\n  \
         socket fd=3 tcp 0.0.0.0:80 LISTEN\n\
         file /var/lib/docker/overlay2/4026532201/merged/etc/hostname\n| inside\n\
         link /var/lib/docker/overlay2/4026532201/merged/up -> /../../etc/hostname\n",
    );
    let inside = host.root_of(50).unwrap();
    assert_eq!(text(inside.as_ref(), "/etc/hostname"), "inside\n");
    assert_eq!(text(inside.as_ref(), "/up"), "inside\n");
    assert_eq!(text(inside.as_ref(), "../../../etc/hostname"), "inside\n");
    assert!(inside.stat(&HostPath::from("/app/server")).is_ok());
    let root = root(&host);
    assert!(root.stat(&HostPath::from("/app/server")).is_err());
    assert!(!text(root.as_ref(), "/proc/net/tcp").contains(":0050 "));
    assert!(text(root.as_ref(), "/proc/50/net/tcp").contains(":0050 "));
    assert_eq!(root.link(&HostPath::from("/proc/50/ns/mnt")).unwrap(), "mnt:[4026532201]".into());
    assert!(text(root.as_ref(), "/proc/50/cgroup").contains("docker-"));
}

#[test]
fn names_are_bytes() {
    let host = parse(
        "file \"/tmp/\\xff\\n\\x1b[31m<b>\"\n| x\nprocess 60 comm=\"a) R\\n(\\xfe\" exe=\"/tmp/e (deleted)\"\n",
    );
    let root = root(&host);
    let names = root.list(&HostPath::from("/tmp")).unwrap();
    assert!(names.contains(&HostPath::new(&b"\xff\n\x1b[31m<b>"[..])));
    // The file's own name ends so; its link count tells that it is there.
    assert_eq!(root.link(&"/proc/60/exe".into()).unwrap(), "/tmp/e (deleted)".into());
    assert!(!root.stat(&"/proc/60/exe".into()).unwrap().deleted());
    let mut stat = Vec::new();
    root.read(&"/proc/60/stat".into(), 4096, &mut stat).unwrap();
    assert!(stat.starts_with(b"60 (a) R\n(\xfe) S 1 "));
}

#[test]
fn errors_name_file_line_and_what_was_expected() {
    let error = |page: &str| TextHost::parse("x.host", page).err().unwrap().to_string();
    assert!(error("host\nproces 3\n").starts_with("x.host:2: expected one of host, address"));
    assert_eq!(error("file etc/x\n"), "x.host:1: file: expected an absolute path, found etc/x");
    assert_eq!(
        error("process 7 comm=x\n"),
        "x.host:1: expected exe=PATH, or kthread, or state=Z for one that has ended"
    );
    assert_eq!(
        error("process 7 exe=/x colour=red\n"),
        "x.host:1: process: did not expect colour=red"
    );
    assert_eq!(error("host os=\"x\n"), "x.host:1: expected a closing quote");
    assert!(
        error("process 7 exe=/x\n  fd 3 -> a\n").starts_with("x.host:2: fd: expected an absolute")
    );
    assert!(error("process 7 exe=/x\nprocess 7 exe=/y\n").starts_with("x.host:2: process 7 was"));
    assert!(error("| x\n").starts_with("x.host:1: "));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_page_makes_the_parser_panic(page in "[ -~\n]{0,400}") {
        let _ = TextHost::parse("x", &page);
    }

    #[test]
    fn no_likely_page_makes_the_parser_panic(
        lines in prop::collection::vec(
            (
                "(host|process|  fd|  exe|  map|  memory|  socket|  root|file|link|directory|package|raw|absent|denied|address|user|mount|route|neighbour|\\| x)",
                prop::collection::vec(
                    "(1|7|4294967295|18446744073709551615|-1|exe=/x|exe=/memfd:a|kthread|comm=\"\\\\xff\"|->|/a|/|/proc/1|/proc/7/fd/3|\\.\\.|/\\.\\./a|deleted|elf|strings=\"a\"|tcp|udp6|raw|unix|packet|1\\.2\\.3\\.4:5|\\[::1\\]:9|LISTEN|0-ffffffffffffffff|ffffffffffff0000-ffffffffffffffff|r-xp|0xfffffffffffff000|heap|offset=ffffffffffffffff|eth0|10\\.0\\.0\\.1/24|fe80::1/64|fd=3|cpu=1e300|threads=9223372036854775807|nice=9223372036854775807|started=1700-01-01T00:00:00Z|booted=9999-01-01T00:00:00Z|container=mnt:5|mode=7777|uid=5|slept=9223372036854775807)",
                    0..5,
                ),
            ),
            0..12,
        )
    ) {
        let page: String =
            lines.iter().map(|(verb, words)| format!("{verb} {}\n", words.join(" "))).collect();
        if let Ok(host) = TextHost::parse("x", &page) {
            let _ = root(&host).list(&HostPath::from("/proc"));
        }
    }
}

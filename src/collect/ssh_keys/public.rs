//! Public keys as files hold them: lines of authorized_keys and known_hosts, and .pub files.

use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use sha2::{Digest, Sha256};

/// What stands before a key's type, its type, the key and its comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::collect) struct Line<'a> {
    pub options: &'a [u8],
    pub kind: &'a [u8],
    pub key: &'a [u8],
    pub comment: &'a [u8],
}

/// `options type key comment`; the options may be left away. [`None`] for what is no key.
pub(in crate::collect) fn authorized(line: &[u8]) -> Option<Line<'_>> {
    let line = line.trim_ascii();
    if line.starts_with(b"#") {
        return None;
    }
    let (before, rest) = if is_type(word(line).0) { (&b""[..], line) } else { options(line) };
    key(rest).map(|key| Line { options: before, ..key })
}

/// `[@marker] names type key comment`: the names, and the key.
pub(super) fn known(line: &[u8]) -> Option<(&[u8], Line<'_>)> {
    let line = line.trim_ascii();
    let (marker, rest) = match word(line) {
        (mark, rest) if mark.starts_with(b"@") => (mark, rest),
        _ => (&b""[..], line),
    };
    let (names, rest) = word(rest);
    (!names.starts_with(b"#")).then_some(())?;
    key(rest).map(|key| (names, Line { options: marker, ..key }))
}

fn key(rest: &[u8]) -> Option<Line<'_>> {
    let (kind, rest) = word(rest);
    let (key, comment) = word(rest);
    is_type(kind).then_some(Line { options: b"", kind, key, comment })
}

fn is_type(word: &[u8]) -> bool {
    [&b"ssh-"[..], b"ecdsa-", b"sk-"].iter().any(|head| word.starts_with(head))
}

/// Splits off the first word, at blanks.
fn word(line: &[u8]) -> (&[u8], &[u8]) {
    let line = line.trim_ascii_start();
    let end = line.iter().position(u8::is_ascii_whitespace).unwrap_or(line.len());
    let (word, rest) = line.split_at_checked(end).unwrap_or((line, b""));
    (word, rest.trim_ascii())
}

/// Splits the options off: they end at the first blank that is not quoted.
fn options(line: &[u8]) -> (&[u8], &[u8]) {
    let (mut quoted, mut escaped) = (false, false);
    let end = line.iter().position(|b| {
        match b {
            b'"' if !escaped => quoted = !quoted,
            b' ' | b'\t' if !quoted => return true,
            _ => {}
        }
        escaped = *b == b'\\' && !escaped;
        false
    });
    line.split_at_checked(end.unwrap_or(line.len())).unwrap_or((line, b""))
}

/// The value of `command="…"`.
pub(in crate::collect) fn forced(options: &[u8]) -> Option<Vec<u8>> {
    let lower = options.to_ascii_lowercase();
    let at = memchr::memmem::find(&lower, b"command=\"")? + b"command=\"".len();
    let mut out = Vec::new();
    let mut escaped = false;
    for byte in options.get(at..)? {
        match byte {
            b'"' if !escaped => break,
            b'\\' if !escaped => escaped = true,
            byte => {
                if escaped && *byte != b'"' {
                    out.push(b'\\');
                }
                out.push(*byte);
                escaped = false;
            }
        }
    }
    Some(out)
}

/// Bytes of base64, padded or not.
pub(super) fn decoded(text: &[u8]) -> Option<Vec<u8>> {
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let engine = GeneralPurpose::new(&base64::alphabet::STANDARD, config);
    engine.decode(text).ok().filter(|bytes| !bytes.is_empty())
}

/// As `ssh-keygen -l` and sshd's log write it.
pub(super) fn fingerprint(key: &[u8]) -> String {
    let digest = Sha256::digest(key);
    format!("SHA256:{}", base64::engine::general_purpose::STANDARD_NO_PAD.encode(digest))
}

impl Line<'_> {
    /// The key's fingerprint, where its text is one.
    pub(super) fn fingerprint(&self) -> Option<String> {
        decoded(self.key).map(|key| fingerprint(&key))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    /// Made by ssh-keygen, which gave the fingerprint.
    const KEY: &[u8] = b"AAAAC3NzaC1lZDI1NTE5AAAAIFymVYZijzsNqur5K/Qg3fFPvi+WrRA7RGRd/sjX1NwP";
    const PRINT: &str = "SHA256:2Xqysq40Y6lKBARc3ASrPNDhTjioYRCEGftz7Ghe5X0";

    #[test]
    fn a_fingerprint_is_that_of_ssh_keygen() {
        let line =
            [b"no-pty,command=\"a \\\"b\\\" c\" ssh-ed25519 ", KEY, b" me@here now"].concat();
        let line = authorized(&line).unwrap();
        assert_eq!(line.fingerprint().as_deref(), Some(PRINT));
        assert_eq!((line.kind, line.comment), (&b"ssh-ed25519"[..], &b"me@here now"[..]));
        assert_eq!(forced(line.options).unwrap(), b"a \"b\" c");
    }

    #[test]
    fn lines_of_known_hosts() {
        let line = [b"@revoked web-03,203.0.113.9 ssh-ed25519 ", KEY].concat();
        let (names, key) = known(&line).unwrap();
        assert_eq!((names, key.options), (&b"web-03,203.0.113.9"[..], &b"@revoked"[..]));
        let line = [b"|1|c2FsdA==|aGFzaA== ssh-ed25519 ", KEY].concat();
        assert!(known(&line).unwrap().0.starts_with(b"|1|"));
        assert_eq!(known(b"# web-03 ssh-rsa AAAA"), None);
        assert_eq!(authorized(b"REDIS0009"), None);
    }

    proptest! {
        #[test]
        fn any_bytes(bytes: Vec<u8>) {
            let _ = (authorized(&bytes).and_then(|l| l.fingerprint()), known(&bytes));
            let _ = (forced(&bytes), decoded(&bytes));
        }

        #[test]
        fn nearly_right(text in r#"([a-z="\\ ,|@]{0,5}(command="|ssh-rsa|AAAAC3Nz|)){0,6}"#) {
            let _ = (authorized(text.as_bytes()), known(text.as_bytes()), forced(text.as_bytes()));
        }
    }
}

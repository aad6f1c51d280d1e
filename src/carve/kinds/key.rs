//! SSH keys: public ones as `authorized_keys` holds them, told by their fingerprint, and private
//! ones, told by their form and never shown.

use super::{Kind, encoded};
use crate::carve::scan::{Found, Hit, REACH, Text, printable};
use sha2::{Digest, Sha256};
use std::ops::Range;

const LITERALS: &[&str] = &[
    "ssh-rsa AAAA",
    "ssh-dss AAAA",
    "ssh-ed25519 AAAA",
    "ssh-ed25519@openssh.com AAAA",
    "ecdsa-sha2-nistp",
    PRIVATE,
];

const PRIVATE: &str = " PRIVATE KEY-----";

/// Letters of a private key that must follow its heading: programs that read keys have the
/// heading alone.
const BODY: usize = 32;

pub(super) const KIND: Kind = Kind { literals: || LITERALS.to_vec(), examine };

fn examine(text: &Text<'_>, range: Range<usize>, number: usize, found: &mut Found) {
    if LITERALS.get(number) == Some(&PRIVATE) {
        private(text, range, found)
    } else {
        public(text, range, found)
    }
}

fn public(text: &Text<'_>, range: Range<usize>, found: &mut Found) {
    let word = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'@' | b'.');
    let start = text.back(range.start, 4, |b| matches!(b, b's' | b'k' | b'-'));
    let end = text.forward(start, 48, word);
    if text.byte(end) != b' ' {
        return;
    }
    let name = text.slice(start..end);
    let letters = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/');
    let close = text.forward(end + 1, REACH, letters);
    let mut blob = Vec::new();
    encoded::unbase64(text.slice(end + 1..close), &mut blob);
    let Some((first, _)) = field(&blob).filter(|(first, _)| *first == name) else { return };
    let name = String::from_utf8_lossy(first).into_owned();
    if !whole(&blob) {
        let why = "an SSH public key that is cut short";
        found.add(text, Hit::new("ssh-key", start, name, why).detail("cut"));
        return;
    }
    let digest = encoded::base64(&Sha256::digest(&blob));
    let after = text.forward(close, 3, |b| b == b'=');
    let comment_end = text.forward(after + 1, 100, |b| printable(b) && b != b'"' && b != b'\\');
    let comment = match text.byte(after) {
        b' ' => String::from_utf8_lossy(text.slice(after + 1..comment_end)).trim().to_owned(),
        _ => String::new(),
    };
    let value = format!("{name} SHA256:{digest}");
    let mut hit = Hit::new("ssh-key", start, value, "an SSH public key");
    if !comment.is_empty() {
        hit = hit.detail(comment);
    }
    found.add(text, hit);
}

/// A length of four bytes and so many bytes more; and what follows.
fn field(blob: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = blob.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

/// Whether a key's fields fill it to the end; a type, and one number at least.
fn whole(blob: &[u8]) -> bool {
    let (mut rest, mut fields) = (blob, 0);
    while let Some((_, after)) = field(rest) {
        rest = after;
        fields += 1;
    }
    rest.is_empty() && fields >= 2
}

fn private(text: &Text<'_>, range: Range<usize>, found: &mut Found) {
    let start = text.back(range.start, 40, |b| b.is_ascii_uppercase() || b == b' ' || b == b'-');
    let head = text.slice(start..range.end);
    let Some(at) = memchr::memmem::find(head, b"-----BEGIN ") else { return };
    let form = String::from_utf8_lossy(text.slice(start + at + 11..range.end - 5)).into_owned();
    // A line break as it is, or as JSON and shell scripts write it.
    let breaks = |b: u8| matches!(b, b'\r' | b'\n' | b'\\' | b'n' | b'r');
    let body = text.forward(range.end, 6, breaks);
    let letters = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/');
    if body == range.end || text.forward(body, BODY, letters) < body + BODY {
        return;
    }
    let end = text.forward(body, REACH, |b| b != b'-');
    let digest = Sha256::digest(text.slice(body..end));
    let digest: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let value = format!("{form} {digest}");
    let why = "a private key; the digest is of its text, which is not shown";
    found.add(text, Hit::new("private-key", start + at, value, why).secret());
}

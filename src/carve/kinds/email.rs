//! E-mail addresses: whom a miner's account or a ransom note names.

use super::{pool, url};
use crate::carve::scan::{Found, Hit, Text};

/// Last labels that no domain has: units of systemd, pictures, parts of packages.
const NO_DOMAIN: &[&[u8]] = &[
    b"socket",
    b"target",
    b"slice",
    b"timer",
    b"mount",
    b"automount",
    b"swap",
    b"path",
    b"scope",
    b"device",
    b"png",
    b"jpg",
    b"jpeg",
    b"svg",
    b"gif",
    b"webp",
    b"css",
    b"next",
    b"latest",
    b"local",
    b"localdomain",
    b"invalid",
    b"test",
    b"example",
    b"plt",
    b"got",
    b"dll",
    b"exe",
];

/// Looks at a sign `@` with letters or digits on both sides.
pub(in crate::carve) fn at_sign(text: &Text<'_>, at: usize, found: &mut Found) {
    let local = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'%' | b'+' | b'-');
    let start = text.back(at, 65, local);
    let start =
        start + text.slice(start..at).iter().take_while(|b| !b.is_ascii_alphanumeric()).count();
    let end = text.forward(at + 1, 200, pool::name_byte);
    let tail = text.slice(at + 1..end).iter().rev().take_while(|b| !b.is_ascii_alphabetic());
    let end = end - tail.count();
    let (name, host) = (text.slice(start..at), text.slice(at + 1..end));
    let last = host.rsplit(|b| *b == b'.').next().unwrap_or_default().to_ascii_lowercase();
    // So the mask of anchors has it.
    let worth = text.before(at).is_ascii_alphanumeric()
        && (2..=64).contains(&name.len())
        && !name.contains(&b'%')
        && !host.contains(&b'_')
        && host.len() >= 5
        && last.len() <= 24
        && pool::named_host(host)
        && written(text.slice(start..end), host)
        && !NO_DOMAIN.contains(&last.as_slice())
        && !matches!(text.byte(end), b':' | b'@' | b'/' | b'\\')
        && !matches!(text.before(start), b'/' | b':' | b'@' | b'\\')
        && !url::boilerplate(host, b"");
    if worth {
        let mut value = name.to_vec();
        value.push(b'@');
        value.extend(host.to_ascii_lowercase());
        found.add(text, Hit::new("email", start, value, "an e-mail address").host(host, None));
    }
}

/// Whether someone wrote it so: random bytes make short ones, of letters in any case.
fn written(whole: &[u8], host: &[u8]) -> bool {
    let lower = host.iter().any(u8::is_ascii_lowercase);
    let upper = host.iter().any(u8::is_ascii_uppercase);
    whole.len() >= 9 && !(lower && upper && whole.len() < 16)
}

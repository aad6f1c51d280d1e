//! What an archive must not carry away: the digests of passwords. Whoever finds the archive could
//! guess them; that one is set, and how it is kept, is all that is ever asked.

use crate::evidence::HostPath;
use std::borrow::Cow;

/// What stands in a digest's place: as long as the shortest, of the characters they are made of.
const GONE: &[u8] = b"withheld.davy";

/// The bytes of a file as they may be kept: in /etc/shadow and its copies, `$6$salt$digest` is
/// `$6$withheld.davy`, and the fields after it stay. Elsewhere, too, where a line is one of shadow's: a
/// link of any name may lead there.
pub(super) fn kept<'a>(path: &HostPath, bytes: &'a [u8]) -> Cow<'a, [u8]> {
    let secret = [&b"/etc/shadow"[..], b"/etc/shadow-", b"/etc/gshadow", b"/etc/gshadow-"];
    let named = secret.contains(&path.as_bytes());
    if !named
        && memchr::memmem::find(bytes, b":$").or(memchr::memmem::find(bytes, b":!$")).is_none()
    {
        return Cow::Borrowed(bytes);
    }
    let each = |text: &[u8]| if named || digested(text) { line(text) } else { text.to_vec() };
    let lines: Vec<Vec<u8>> = bytes.split(|b| *b == b'\n').map(each).collect();
    Cow::Owned(lines.join(&b'\n'))
}

/// Whether a line is an account's, with the digest of a password: `name:$6$…:`.
fn digested(line: &[u8]) -> bool {
    let mut fields = line.splitn(3, |b| *b == b':');
    let (Some(name), Some(digest), Some(_)) = (fields.next(), fields.next(), fields.next()) else {
        return false;
    };
    let digest = digest.strip_prefix(b"!").unwrap_or(digest);
    (1..=32).contains(&name.len())
        && !name.iter().any(u8::is_ascii_whitespace)
        && digest.len() >= 16
        && digest.first() == Some(&b'$')
        && digest.iter().filter(|b| **b == b'$').count() >= 2
        && digest.iter().all(|b| b.is_ascii_graphic())
}

fn line(line: &[u8]) -> Vec<u8> {
    let mut fields: Vec<&[u8]> = line.split(|b| *b == b':').collect();
    let mut without = Vec::new();
    if let Some(digest) = fields.get_mut(1) {
        let bars = digest.iter().take_while(|b| matches!(b, b'!' | b' ')).count();
        let (locked, rest) = digest.split_at_checked(bars).unwrap_or((b"", digest));
        // `*`, `x`, `*LK*`, nothing: no digest.
        if rest.len() >= 8 {
            let scheme = match rest {
                // What is longer is no scheme.
                [b'$', after @ ..] => {
                    memchr::memchr(b'$', after).filter(|at| *at < 6).map_or(1, |at| at + 2)
                }
                [b'_', ..] => 1,
                _ => 0,
            };
            without = [locked, rest.get(..scheme).unwrap_or_default(), GONE].concat();
        }
        if !without.is_empty() {
            *digest = &without;
        }
    }
    fields.join(&b':')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn digests_of_passwords_are_withheld() {
        let text = b"root:$y$j9T$salt$digest:19700:0:\na:!$6$salt$digest:1:\nb:ab01FAX.bQRSU:1:\nc:!*:2:\nd::3:\n";
        let shown = kept(&HostPath::from("/etc/shadow"), text);
        assert_eq!(
            String::from_utf8_lossy(&shown),
            "root:$y$withheld.davy:19700:0:\na:!$6$withheld.davy:1:\nb:withheld.davy:1:\nc:!*:2:\nd::3:\n"
        );
        // A link to it, and an account whose digest stands where all can read it.
        for path in ["/etc/cron.d/sh", "/etc/passwd"] {
            let text = b"# a comment: $6$salt$digest\nroot:$6$saltsalt$digestdigest:0:0::/root:/bin/sh\nPATH=$HOME:$X:\n";
            let shown = kept(&HostPath::from(path), text);
            assert_eq!(
                String::from_utf8_lossy(&shown),
                "# a comment: $6$salt$digest\nroot:$6$withheld.davy:0:0::/root:/bin/sh\nPATH=$HOME:$X:\n"
            );
        }
    }

    proptest! {
        #[test]
        fn what_is_withheld_stays_so(text in r"([a-z:!*$_6 ]{0,9}\n?){0,9}") {
            let path = HostPath::from("/etc/shadow");
            let once = kept(&path, text.as_bytes()).into_owned();
            prop_assert_eq!(kept(&path, &once).into_owned(), once.clone());
        }
    }
}

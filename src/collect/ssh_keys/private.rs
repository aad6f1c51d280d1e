//! Private keys: that one is there, of what form, whether it asks for a password, and the public
//! half where that stands in front. The secret half is not read, so that no archive holds it.

use super::public;
use crate::evidence::{Dir, HostPath, Unavailable};
use base64::Engine;

/// What is told of a private key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Private {
    pub kind: String,
    pub encrypted: Option<bool>,
    pub fingerprint: Option<String>,
}

/// `-----BEGIN OPENSSH PRIVATE KEY-----` and the end of the line.
const OPENSSH: usize = 36;
/// As far as `-----BEGIN EC PRIVATE KEY-----` and `Proc-Type:` go; without the latter, no byte of
/// the secret lies before.
const PEM: usize = 41;
/// Base64 goes in lines of so many characters.
const COLUMNS: usize = 70;
/// A public half is some hundred bytes.
const MOST_PUBLIC: usize = 4096;
const MAGIC: &[u8] = b"openssh-key-v1\0";

/// What a file holds, if it is a private key. Reads its first line, and of OpenSSH's own form what
/// stands before the secret.
pub(super) fn look(root: &dyn Dir, path: &HostPath) -> Result<Option<Private>, Unavailable> {
    let mut head = Vec::new();
    root.read(path, PEM, &mut head)?;
    let Some(kind) = head.strip_prefix(b"-----BEGIN ").and_then(|rest| {
        let end = memchr::memmem::find(rest, b"PRIVATE KEY--")?;
        rest.get(..end).map(|kind| String::from_utf8_lossy(kind.trim_ascii()).into_owned())
    }) else {
        let putty = head.starts_with(b"PuTTY-User-Key-File-");
        return Ok(putty.then(|| Private { kind: "putty".to_owned(), ..Private::default() }));
    };
    let mut found = Private { kind: kind.to_ascii_lowercase(), ..Private::default() };
    match kind.as_str() {
        "OPENSSH" => openssh(root, path, &mut found)?,
        "ENCRYPTED" => found.encrypted = Some(true),
        "" => found.encrypted = Some(false),
        _ => found.encrypted = Some(memchr::memmem::find(&head, b"Proc-Type").is_some()),
    }
    Ok(Some(found))
}

/// Reads the cipher's name first, then as far as the public half goes.
fn openssh(root: &dyn Dir, path: &HostPath, found: &mut Private) -> Result<(), Unavailable> {
    // Three bytes of every four characters, and the ends of lines.
    let mut least = 36_usize;
    for _ in 0..8 {
        let characters = least.div_ceil(3) * 4;
        let limit = OPENSSH + characters + characters / COLUMNS;
        let mut bytes = Vec::new();
        root.read(path, limit, &mut bytes)?;
        let text: Vec<u8> = bytes
            .get(OPENSSH..)
            .unwrap_or_default()
            .iter()
            .copied()
            .filter(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/'))
            .collect();
        let whole = text.get(..text.len() / 4 * 4).unwrap_or_default();
        let Ok(known) = base64::engine::general_purpose::STANDARD_NO_PAD.decode(whole) else {
            return Ok(());
        };
        match header(&known, found) {
            Some(more) if more > known.len() && more <= MOST_PUBLIC => least = more,
            _ => return Ok(()),
        }
    }
    Ok(())
}

/// Takes the header apart as far as it is there; how many bytes it needs.
fn header(bytes: &[u8], found: &mut Private) -> Option<usize> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let (cipher, rest) = match string(rest) {
        Ok(parts) => parts,
        Err(more) => return Some(bytes.len() + more),
    };
    found.encrypted = Some(cipher != b"none");
    let mut rest = rest;
    // How the key is made of the password, its settings; then the number of keys, which is 1.
    for _ in 0..2 {
        rest = match string(rest) {
            Ok((_, rest)) => rest,
            Err(more) => return Some(bytes.len() + more),
        };
    }
    let Some(rest) = rest.get(4..) else { return Some(bytes.len() + 8) };
    match string(rest) {
        Ok((public, _)) => {
            found.fingerprint = Some(public::fingerprint(public));
            if let Ok((kind, _)) = string(public) {
                found.kind = String::from_utf8_lossy(kind).into_owned();
            }
            Some(0)
        }
        Err(more) => Some(bytes.len() + more),
    }
}

/// A string behind its length, and what follows; or how many bytes are missing.
fn string(bytes: &[u8]) -> Result<(&[u8], &[u8]), usize> {
    let Some((length, rest)) = bytes.split_first_chunk::<4>() else { return Err(4) };
    let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
    rest.split_at_checked(length).ok_or_else(|| length.saturating_sub(rest.len()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::evidence::{Evidence, TextHost};

    /// Keys that ssh-keygen made for this test and that open nothing.
    const PLAIN: &str = "\
| -----BEGIN OPENSSH PRIVATE KEY-----
| b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW
| QyNTUxOQAAACBcplWGYo87Darq+Sv0IN3xT74vlq0QO0RkXf7I19TcDwAAAIjgDipa4A4q
| WgAAAAtzc2gtZWQyNTUxOQAAACBcplWGYo87Darq+Sv0IN3xT74vlq0QO0RkXf7I19TcDw
";
    const SEALED: &str = "\
| -----BEGIN OPENSSH PRIVATE KEY-----
| b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHIAAAAGYmNyeXB0AAAAGAAAABBjTfuL5c
| n1tKpc5Y0EDBP0AAAAEAAAAAEAAAAzAAAAC3NzaC1lZDI1NTE5AAAAIPGORqQ8XtjSWgmN
| wwNZGb0dcjyC6kZ3VilgOPhmea8YAAAAkDoRlOKUlEokblfFgN0iOb1RG99VhnTMpV3mZ+
";

    fn seen(content: &str) -> Option<Private> {
        let page = format!("host hostname=a\nfile /root/.ssh/k\n{content}");
        let host = TextHost::parse("page", &page).unwrap();
        let root = host.dir(&HostPath::from("/")).unwrap();
        look(root.as_ref(), &HostPath::from("/root/.ssh/k")).unwrap()
    }

    #[test]
    fn the_public_half_stands_in_front() {
        let plain = seen(PLAIN).unwrap();
        let print = "SHA256:2Xqysq40Y6lKBARc3ASrPNDhTjioYRCEGftz7Ghe5X0";
        assert_eq!(plain.fingerprint.as_deref(), Some(print));
        assert_eq!((plain.kind.as_str(), plain.encrypted), ("ssh-ed25519", Some(false)));
        let sealed = seen(SEALED).unwrap();
        let print = "SHA256:8P8xAqF6m6523zMQ3Nndur9iML5GtNjeY1zBGZBB9SA";
        assert_eq!(sealed.fingerprint.as_deref(), Some(print));
        assert_eq!(sealed.encrypted, Some(true));
    }

    #[test]
    fn other_forms() {
        let ec = seen("| -----BEGIN EC PRIVATE KEY-----\n| MHcCAQEEIEGJUoLqznB2ArD\n").unwrap();
        assert_eq!((ec.kind.as_str(), ec.encrypted), ("ec", Some(false)));
        let rsa = "| -----BEGIN RSA PRIVATE KEY-----\n| Proc-Type: 4,ENCRYPTED\n";
        assert_eq!(seen(rsa).unwrap().encrypted, Some(true));
        assert_eq!(seen("| Host *\n|   ForwardAgent no\n"), None);
        assert_eq!(seen("| -----BEGIN OPENSSH PRIVATE KEY-----\n| !!!\n").unwrap().encrypted, None);
    }
}

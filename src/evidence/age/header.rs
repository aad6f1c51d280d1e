//! The header: the key of the file, wrapped once for each recipient, and a digest over all of it.

use super::key::{Identity, Recipient};
use super::{VERSION, bad, derive, random};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::io::{self, Read};
use x25519_dalek::{X25519_BASEPOINT_BYTES, x25519};

/// Bytes of a header, which has a line or two for each recipient.
const MOST: usize = 64 * 1024;
/// What the wrapping key is derived for.
const LABEL: &[u8] = b"age-encryption.org/v1/X25519";

/// The key of one file.
pub(super) type FileKey = [u8; 16];

fn digest(key: &FileKey, header: &[u8]) -> io::Result<Hmac<Sha256>> {
    let key = derive(key, b"", b"header")?;
    let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(&key)
        .map_err(|_| bad("a key of the wrong length"))?;
    mac.update(header);
    Ok(mac)
}

/// The cipher that wraps a file's key; each of its keys is used once, so that its nonce is zero.
fn wrapping(shared: [u8; 32], share: &[u8; 32], public: &[u8; 32]) -> io::Result<ChaCha20Poly1305> {
    if shared == [0; 32] {
        return Err(bad("a key exchange that gives nothing"));
    }
    let key = derive(&shared, &[*share, *public].concat(), LABEL)?;
    Ok(ChaCha20Poly1305::new(&key.into()))
}

/// A header for a new file, and the file's key.
pub(super) fn write(recipients: &[Recipient]) -> io::Result<(Vec<u8>, FileKey)> {
    let key: FileKey = random()?;
    let mut header = VERSION.to_vec();
    for recipient in recipients {
        let secret: [u8; 32] = random()?;
        let share = x25519(secret, X25519_BASEPOINT_BYTES);
        let cipher = wrapping(x25519(secret, recipient.0), &share, &recipient.0)?;
        let mut wrapped = key.to_vec();
        cipher
            .encrypt_in_place(&[0; 12].into(), b"", &mut wrapped)
            .map_err(|_| bad("the key cannot be wrapped"))?;
        let (share, wrapped) = (BASE64.encode(share), BASE64.encode(wrapped));
        header.extend_from_slice(format!("-> X25519 {share}\n{wrapped}\n").as_bytes());
    }
    header.extend_from_slice(b"---");
    let digest = BASE64.encode(digest(&key, &header)?.finalize().into_bytes());
    header.extend_from_slice(format!(" {digest}\n").as_bytes());
    Ok((header, key))
}

/// Reads a header, and nothing behind it; the file's key, where one of these identities may have it.
pub(super) fn read(stream: &mut impl Read, identities: &[Identity]) -> io::Result<FileKey> {
    let mut header = Vec::new();
    let (mut key, mut words) = (None, Vec::new());
    // What a stanza says, and its body so far.
    let mut stanza: Option<(Vec<String>, Vec<u8>)> = None;
    let mut place = 0;
    loop {
        let begun = header.len();
        line(stream, &mut header)?;
        place += 1;
        let text = header.get(begun..).unwrap_or_default().trim_ascii_end();
        let text = std::str::from_utf8(text).map_err(|_| bad("its header of age is damaged"))?;
        if place == 1 {
            continue;
        }
        if let Some((said, body)) = stanza.as_mut() {
            let decoded = BASE64.decode(text);
            body.extend(decoded.map_err(|_| bad("its header of age is damaged"))?);
            // A full line is followed by another.
            if text.len() < 64 {
                key = key.or_else(|| unwrap(said, body, identities));
                words.extend(said.first().cloned());
                stanza = None;
            }
        } else if let Some(said) = text.strip_prefix("-> ") {
            stanza = Some((said.split(' ').map(str::to_owned).collect(), Vec::new()));
        } else if let Some(stated) = text.strip_prefix("--- ") {
            let Some(key) = key else { return Err(bad(&locked(&words, identities))) };
            let stated = BASE64.decode(stated).unwrap_or_default();
            let covered = header.get(..begun + 3).unwrap_or_default();
            let sound = digest(&key, covered)?.verify_slice(&stated);
            return sound.map(|()| key).map_err(|_| bad("its header of age was changed"));
        } else {
            return Err(bad("its header of age is damaged"));
        }
    }
}

fn line(stream: &mut impl Read, into: &mut Vec<u8>) -> io::Result<()> {
    loop {
        let mut byte = [0];
        stream.read_exact(&mut byte).map_err(|_| bad("cut off in its header of age"))?;
        into.extend_from_slice(&byte);
        if byte == *b"\n" {
            return Ok(());
        }
        if into.len() > MOST {
            return Err(bad("its header of age is too long"));
        }
    }
}

fn unwrap(said: &[String], body: &[u8], identities: &[Identity]) -> Option<FileKey> {
    let [kind, share] = said else { return None };
    let share: [u8; 32] = BASE64.decode(share).ok()?.try_into().ok()?;
    identities.iter().filter(|_| kind == "X25519").find_map(|identity| {
        let shared = x25519(identity.secret, share);
        let cipher = wrapping(shared, &share, &identity.public).ok()?;
        let mut key = body.to_vec();
        cipher.decrypt_in_place(&[0; 12].into(), b"", &mut key).ok()?;
        key.try_into().ok()
    })
}

/// Why it stays closed.
fn locked(words: &[String], identities: &[Identity]) -> String {
    if words.iter().any(|word| word == "scrypt") {
        return "encrypted with age by a passphrase: age --decrypt opens it".to_owned();
    }
    if identities.is_empty() {
        return "encrypted with age: --identity FILE names the key that opens it".to_owned();
    }
    if words.iter().any(|word| word.starts_with("ssh-")) {
        return "encrypted with age for an SSH key: age --decrypt -i KEY opens it".to_owned();
    }
    "encrypted with age, and none of the identities is one that it was encrypted for".to_owned()
}

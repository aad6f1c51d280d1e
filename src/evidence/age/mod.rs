//! Archives for one reader's eyes: the age format (age-encryption.org/v1) with X25519 recipients,
//! written and read as a stream in pieces of 64 KiB, each of which is authenticated by itself.
//!
//! The cryptography is RustCrypto's and dalek's; here is how age puts it together. The age crate
//! does the same, and brings 149 packages for passphrases, plugins, and messages in several
//! languages.

mod header;
mod key;
mod stream;

pub use key::{Identity, Recipient};
pub use stream::Writer;

use std::io::{self, Cursor, Read};

/// The first line of every such file.
const VERSION: &[u8] = b"age-encryption.org/v1\n";
/// The first line of one that was made to be pasted into a mail.
const ARMOUR: &[u8] = b"-----BEGIN AGE ENCRYPTED FILE-----";

/// Whether a file is encrypted with age, by its first bytes.
#[must_use]
pub fn told_by(head: &[u8]) -> bool {
    head.starts_with(VERSION) || head.starts_with(ARMOUR)
}

/// The stream as it was before it was encrypted; one that is not encrypted as it is. Tells which.
///
/// # Errors
/// The reader's; where it is encrypted, and for none of these identities; where its header is
/// damaged. What is damaged later is an error of the stream, after all that was sound.
pub fn open(
    mut stream: Box<dyn Read + Send>,
    identities: &[Identity],
) -> io::Result<(Box<dyn Read + Send>, bool)> {
    let mut first = Vec::new();
    stream.by_ref().take(ARMOUR.len() as u64).read_to_end(&mut first)?;
    let encrypted = told_by(&first);
    let armoured = first.starts_with(ARMOUR);
    let mut whole = Cursor::new(first).chain(stream);
    if !encrypted {
        return Ok((Box::new(whole), false));
    }
    if armoured {
        return Err(io::Error::other(
            "encrypted with age, as text: age --decrypt -i FILE makes the archive of it",
        ));
    }
    let key = header::read(&mut whole, identities)?;
    Ok((Box::new(stream::Reader::new(whole, &key)?), true))
}

fn bad(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.to_owned())
}

/// Bytes that nobody can foretell, from the kernel.
fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    let got = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())?;
    if got == N { Ok(bytes) } else { Err(io::Error::other("the kernel gave too few random bytes")) }
}

/// HKDF with SHA-256, 32 bytes.
fn derive(secret: &[u8], salt: &[u8], label: &[u8]) -> io::Result<[u8; 32]> {
    let mut key = [0; 32];
    hkdf::Hkdf::<sha2::Sha256>::new(Some(salt), secret)
        .expand(label, &mut key)
        .map_err(|_| bad("no key can be derived"))?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use std::io::Write;

    /// One that age-keygen made, for these tests.
    const IDENTITY: &str =
        "AGE-SECRET-KEY-1FZUL0E2Y8Q2SNSUNKDW4HWU835AW6JU49VAQVE2LU2Q48DX8RSCQYM4TAH";

    fn sealed(bytes: &[u8]) -> Vec<u8> {
        let identity = Identity::parse(IDENTITY).unwrap();
        let mut writer = Writer::new(Vec::new(), &[identity.recipient()]).unwrap();
        for piece in bytes.chunks(50_000) {
            writer.write_all(piece).unwrap();
        }
        writer.finish().unwrap()
    }

    fn opened(sealed: Vec<u8>) -> (Vec<u8>, io::Result<usize>) {
        let identity = Identity::parse(IDENTITY).unwrap();
        let (mut stream, _) = open(Box::new(Cursor::new(sealed)), &[identity]).unwrap();
        let mut out = Vec::new();
        let ended = stream.read_to_end(&mut out);
        (out, ended)
    }

    #[test]
    fn what_goes_in_comes_out() {
        for size in [0, 1, 65_535, 65_536, 65_537, 131_072, 300_000] {
            let bytes: Vec<u8> = (0..size).map(|n: u32| (n / 3 % 251) as u8).collect();
            let (out, ended) = opened(sealed(&bytes));
            assert!(ended.is_ok() && out == bytes, "{size}");
        }
    }

    /// What age 1.1.1 wrote, for this identity and another.
    const OF_AGE: &str = "\
        6167652d656e6372797074696f6e2e6f72672f76310a2d3e205832353531392041585341446d6c51674d69\
        52437a764a7144673058616f596b71724f4631684867557a79687a725a6d44380a764a6f774b3261625251\
        45795a464d5574742b6a625171613456526c4133704c544948524648416c7079670a2d3e20583235353139\
        205873556f70385a456e3554507938627862327576646848505164475635506964434d5632386348316d69\
        490a794153787971677542634d306d2b6c6246504d62564c444e3031324c7a2f72327a726b5977584f7a41\
        42770a2d2d2d2049577966594a78787a434b4167624839566a334c784e6b41523330397933684c47445271\
        74756d79574a6f0a58cbd58fecb036cdbc11e662a311f24e5644fda3b7579211e7b801ec8c05da4021bb33\
        950f4a2ccfc32f";

    #[test]
    fn what_age_wrote_is_read() {
        let bytes: Vec<u8> = OF_AGE
            .as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect();
        let (out, ended) = opened(bytes);
        assert!(ended.is_ok());
        assert_eq!(out, b"hello davy");
    }

    #[test]
    fn of_one_that_is_cut_or_changed_the_sound_part_is_read() {
        let bytes = vec![7; 300_000];
        let whole = sealed(&bytes);
        for at in [whole.len() - 1, whole.len() - 70_000, 65_536 + 500] {
            let (out, ended) = opened(whole[..at].to_vec());
            assert!(ended.is_err() && bytes.starts_with(&out), "{at}");
            let mut changed = whole.clone();
            changed[at] ^= 1;
            let (out, ended) = opened(changed);
            assert!(ended.is_err() && bytes.starts_with(&out), "{at}");
        }
        // Cut where one piece ends and the next begins, nothing is wrong but the missing end.
        let header = whole.len() - 300_000 - 5 * 16;
        let (out, ended) = opened(whole[..header + 65_536 + 16].to_vec());
        assert_eq!((out.len(), ended.is_err()), (65_536, true));
        // More after the end is not silently left out.
        let (_, ended) = opened([whole.as_slice(), b"more"].concat());
        assert!(ended.is_err());
    }

    #[test]
    fn one_for_somebody_else() {
        let whole = sealed(b"x");
        let other = Identity::of([9; 32]);
        for (identities, why) in [(vec![], "--identity"), (vec![other], "none of the identities")] {
            let Err(e) = open(Box::new(Cursor::new(whole.clone())), &identities) else {
                unreachable!("opened without its key");
            };
            assert!(e.to_string().contains(why), "{e}");
        }
        let mut damaged = whole;
        damaged[30] ^= 1;
        assert!(
            open(Box::new(Cursor::new(damaged)), &[Identity::parse(IDENTITY).unwrap()]).is_err()
        );
        let (mut plain, encrypted) = open(Box::new(Cursor::new(b"plain".to_vec())), &[]).unwrap();
        let mut out = Vec::new();
        plain.read_to_end(&mut out).unwrap();
        assert!(!encrypted && out == b"plain");
    }
}

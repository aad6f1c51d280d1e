//! Keys as age writes them: bech32, `age1…` for those who encrypt and `AGE-SECRET-KEY-1…` for the one
//! who reads.

use bech32::Bech32;
use bech32::primitives::decode::CheckedHrpstring;
use x25519_dalek::{X25519_BASEPOINT_BYTES, x25519};

/// Whom an archive is for: a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recipient(pub(super) [u8; 32]);

/// Who may read it: a secret key.
#[derive(Clone)]
pub struct Identity {
    pub(super) secret: [u8; 32],
    pub(super) public: [u8; 32],
}

fn decode(text: &str, human: &str) -> Option<[u8; 32]> {
    let checked = CheckedHrpstring::new::<Bech32>(text).ok()?;
    let right = checked.hrp().to_string().eq_ignore_ascii_case(human);
    let bytes: Vec<u8> = checked.byte_iter().collect();
    bytes.try_into().ok().filter(|_| right)
}

impl Recipient {
    /// From `age1…`.
    ///
    /// # Errors
    /// What it should be, in words for the user.
    pub fn parse(text: &str) -> Result<Self, String> {
        decode(text.trim(), "age").map(Self).ok_or_else(|| {
            "not a recipient of age: age1… and 58 characters more, as age-keygen prints".to_owned()
        })
    }
}

impl Identity {
    /// From the secret itself.
    #[must_use]
    pub fn of(secret: [u8; 32]) -> Self {
        Self { secret, public: x25519(secret, X25519_BASEPOINT_BYTES) }
    }

    /// From `AGE-SECRET-KEY-1…`.
    ///
    /// # Errors
    /// What it should be, in words for the user.
    pub fn parse(text: &str) -> Result<Self, String> {
        decode(text.trim(), "age-secret-key-")
            .map(Self::of)
            .ok_or_else(|| "not an identity of age: AGE-SECRET-KEY-1…".to_owned())
    }

    /// All of a file as age-keygen writes it: an identity a line, and comments.
    ///
    /// # Errors
    /// The line that is neither, or that there is none; in words for the user.
    pub fn all(text: &str) -> Result<Vec<Self>, String> {
        let lines = text.lines().zip(1..).map(|(line, number)| (line.trim(), number));
        let found = lines
            .filter(|(line, _)| !line.is_empty() && !line.starts_with('#'))
            .map(|(line, number)| {
                // The line itself is a secret, or may be one.
                Self::parse(line).map_err(|why| format!("line {number}: {why}"))
            })
            .collect::<Result<Vec<_>, _>>()?;
        if found.is_empty() { Err("holds no identity of age".to_owned()) } else { Ok(found) }
    }

    /// Whom to encrypt for, so that this one can read it.
    #[must_use]
    pub const fn recipient(&self) -> Recipient {
        Recipient(self.public)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn keys_are_checked() {
        // A pair that age-keygen made, for this test.
        let secret = "AGE-SECRET-KEY-1FZUL0E2Y8Q2SNSUNKDW4HWU835AW6JU49VAQVE2LU2Q48DX8RSCQYM4TAH";
        let public = "age1lq4tdwmxlpkk3c8wx05pevaf0t99r8htjpcf47fmrp9gx8xas3mqsw0z4j";
        let pair = format!("# public key: {public}\n{secret}\n");
        let identities = Identity::all(&pair).unwrap();
        assert_eq!(identities.first().unwrap().recipient(), Recipient::parse(public).unwrap());
        assert!(Recipient::parse(secret).is_err() && Identity::parse(public).is_err());
        for bad in ["", "age1", "age1qqqq", "AGE-SECRET-KEY-1"] {
            assert!(Recipient::parse(bad).is_err());
        }
        assert!(Identity::all("# nothing\n\n").is_err());
        assert!(Identity::all("x").err().unwrap().starts_with("line 1: "));
    }
}

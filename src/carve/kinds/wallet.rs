//! Wallet addresses whose checksum holds. A checksum is worth more than any word around it.

use crate::carve::scan::{Found, Hit, Text};
use sha3::{Digest, Keccak256};
use std::ops::Range;

/// The shortest and longest words that may be a wallet: a base58check address, a CryptoNote
/// address with a payment id.
const SHORTEST: usize = 25;
pub(super) const LONGEST: usize = 110;

/// Looks at a word of letters and digits.
pub(super) fn word(text: &Text<'_>, word: &Range<usize>, owned: &Range<usize>, found: &mut Found) {
    let start = word.start;
    if (SHORTEST..=LONGEST).contains(&word.len()) && owned.contains(&start) {
        let word = text.slice(word.clone());
        if let Some(coin) = coin(word) {
            let why = if coin.checked {
                "a wallet whose checksum holds"
            } else {
                "a wallet address in a mining context"
            };
            if coin.checked || mining_near(text, start) {
                found.add(text, Hit::new("wallet", start, word, why).detail(coin.name));
            }
        }
    }
}

/// Whether a word is a wallet by its checksum.
pub(in crate::carve) fn wallet_coin(word: &[u8]) -> bool {
    (SHORTEST..=LONGEST).contains(&word.len()) && coin(word).is_some_and(|coin| coin.checked)
}

/// What a word is the address of.
struct Coin {
    name: String,
    /// Whether a checksum says so.
    checked: bool,
}

fn coin(word: &[u8]) -> Option<Coin> {
    let text = std::str::from_utf8(word).ok()?;
    let checked = |name: &str| Some(Coin { name: name.to_owned(), checked: true });
    match (word.first()?, word.len()) {
        (b'0', 42) if word.starts_with(b"0x") => ethereum(text),
        (b'b' | b'B' | b'l' | b'L', 42 | 43 | 62 | 63) if is_segwit(text) => {
            checked(if text.get(..1)?.eq_ignore_ascii_case("b") { "BTC" } else { "LTC" })
        }
        (_, 95..=LONGEST) => cryptonote(text),
        (b'1' | b'3' | b'L' | b'M' | b'D' | b'R' | b'X' | b't' | b'i' | b'A' | b'9', 25..=36) => {
            base58check(text)
        }
        _ => None,
    }
}

fn base58check(text: &str) -> Option<Coin> {
    // A name of a program's function can have the length and the letters, but seldom digits.
    if !text.bytes().any(|b| b.is_ascii_digit())
        || text.bytes().any(|b| matches!(b, b'0' | b'O' | b'I' | b'l'))
    {
        return None;
    }
    let bytes = bs58::decode(text).with_check(None).into_vec().ok()?;
    let name = match (bytes.as_slice(), bytes.len()) {
        ([0x00, ..], 21) => "BTC",
        ([0x05, ..], 21) => "BTC or LTC (script)",
        ([0x30, ..], 21) => "LTC",
        ([0x32, ..], 21) => "LTC (script)",
        ([0x1e, ..], 21) => "DOGE",
        ([0x16, ..], 21) => "DOGE (script)",
        // One version byte serves several coins; the pool tells which.
        ([0x3c, ..], 21) => "RVN, VRSC or KMD",
        ([0x66, ..], 21) => "VRSC (identity)",
        ([0x4c, ..], 21) => "DASH",
        ([0x1c, 0xb8, ..], 22) => "ZEC",
        ([0x1c, 0xbd, ..], 22) => "ZEC (script)",
        _ => return None,
    };
    Some(Coin { name: name.to_owned(), checked: true })
}

fn cryptonote(text: &str) -> Option<Coin> {
    let bytes = base58_monero::decode_check(text).ok()?;
    // The tag is a variable-length number: seven bits a byte, the lowest first.
    let mut tag = 0_u64;
    for (place, byte) in bytes.iter().take(4).enumerate() {
        tag |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            break;
        }
    }
    let name = match tag {
        18 => "XMR".to_owned(),
        42 => "XMR (subaddress)".to_owned(),
        19 => "XMR (integrated)".to_owned(),
        other => format!("CryptoNote coin with tag {other}"),
    };
    Some(Coin { name, checked: true })
}

fn is_segwit(text: &str) -> bool {
    let known =
        |prefix: &str| text.get(..prefix.len()).is_some_and(|p| p.eq_ignore_ascii_case(prefix));
    (known("bc1") || known("ltc1")) && bech32::segwit::decode(text).is_ok()
}

/// Mixed case carries a checksum (EIP-55); one case carries none, and then only the context
/// tells an address from any other forty digits.
fn ethereum(text: &str) -> Option<Coin> {
    let digits = text.get(2..)?;
    if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let (lower, upper) = (
        digits.bytes().any(|b| b.is_ascii_lowercase()),
        digits.bytes().any(|b| b.is_ascii_uppercase()),
    );
    if lower && upper {
        let hash = Keccak256::digest(digits.to_ascii_lowercase());
        let nibbles = hash.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        let holds = digits.bytes().zip(nibbles).all(|(digit, nibble)| {
            !digit.is_ascii_alphabetic() || digit.is_ascii_uppercase() == (nibble >= 8)
        });
        return holds.then(|| Coin { name: "ETH".to_owned(), checked: true });
    }
    let varied = digits.bytes().collect::<std::collections::HashSet<u8>>().len() >= 6;
    varied.then(|| Coin { name: "ETH".to_owned(), checked: false })
}

pub(super) fn mining_near(text: &Text<'_>, at: usize) -> bool {
    let around =
        text.slice(at.saturating_sub(256)..(at + 300).min(text.bytes.len())).to_ascii_lowercase();
    let words: [&[u8]; 7] =
        [b"stratum", b"mining.", b"eth_submit", b"ethproxy", b"--algo", b"ethash", b"\"pools\""];
    words.iter().any(|word| memchr::memmem::find(&around, word).is_some())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn named(word: &str) -> Option<String> {
        coin(word.as_bytes()).map(|coin| coin.name)
    }

    #[test]
    fn knows_addresses_whose_checksum_holds() {
        let genesis = "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa";
        assert_eq!(named(genesis).as_deref(), Some("BTC"));
        assert_eq!(named("bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq").as_deref(), Some("BTC"));
        assert_eq!(named("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed").as_deref(), Some("ETH"));
        for (version, name) in
            [(0x30, "LTC"), (0x1e, "DOGE"), (0x3c, "RVN, VRSC or KMD"), (0x4c, "DASH")]
        {
            let mut bytes = vec![version];
            bytes.extend_from_slice(&[7; 20]);
            assert_eq!(
                named(&bs58::encode(bytes).with_check().into_string()).as_deref(),
                Some(name)
            );
        }
        for (tag, length, name) in
            [(18, 65, "XMR"), (42, 65, "XMR (subaddress)"), (19, 73, "XMR (integrated)")]
        {
            let mut bytes = vec![tag];
            bytes.extend((1..length).map(|n: u8| n.wrapping_mul(37)));
            assert_eq!(named(&base58_monero::encode_check(&bytes).unwrap()).as_deref(), Some(name));
        }
    }

    #[test]
    fn refuses_what_only_looks_like_one() {
        assert_eq!(named("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb"), None);
        assert_eq!(named("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD"), None);
        assert_eq!(named("bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdx"), None);
        assert_eq!(named("ZN4llvm12DenseMapBaseINS8"), None);
    }
}

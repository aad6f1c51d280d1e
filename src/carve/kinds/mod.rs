//! The kinds of indicators, one file a family: the literals that announce one, and the grammar
//! that decides. A grammar sees an anchor and the text around it, and adds what it finds.

mod address;
mod cron;
mod dropper;
mod email;
mod encoded;
mod hidden;
mod key;
mod library;
mod member;
mod miner;
mod onion;
mod pool;
mod resolvers;
mod rivals;
mod shell;
mod stratum;
mod url;
mod wallet;

pub(super) use address::dots;
pub(super) use email::at_sign;
pub(super) use hidden::hidden;
pub(super) use member::member;
pub(super) use pool::named_host;
pub(super) use wallet::wallet_coin;

use super::scan::{Found, Text};
use std::ops::Range;

/// Looks at a literal: where it stands, and its number among the kind's own.
pub(super) type Examine = fn(&Text<'_>, Range<usize>, usize, &mut Found);

/// A family of indicators that literals announce.
pub(super) struct Kind {
    /// At least six bytes each; case does not matter.
    pub(super) literals: fn() -> Vec<&'static str>,
    pub(super) examine: Examine,
}

/// Every family with literals. URLs, addresses and wallets are found by their shape.
pub(super) const KINDS: &[Kind] = &[
    pool::KIND,
    stratum::KIND,
    miner::KIND,
    shell::KIND,
    dropper::KIND,
    encoded::KIND,
    onion::KIND,
    key::KIND,
    cron::KIND,
    rivals::KIND,
    library::KIND,
];

/// The longest word that is followed to both sides.
const WORD: usize = wallet::LONGEST + 1;

/// Looks at a long word: a wallet, or something encoded. Returns where it need not be looked at
/// again.
pub(super) fn word(text: &Text<'_>, here: usize, owned: &Range<usize>, found: &mut Found) -> usize {
    let alphanumeric = |b: u8| b.is_ascii_alphanumeric();
    let word = text.back(here, WORD, alphanumeric)..text.forward(here, WORD, alphanumeric);
    encoded::word(text, here, &word, owned, found);
    wallet::word(text, &word, owned, found);
    word.end
}

/// Looks at a colon: a URL, an address in brackets or a miner's `-o host:port`.
pub(super) fn colon(text: &Text<'_>, at: usize, found: &mut Found) {
    match text.byte(at + 1) {
        b'/' if text.byte(at + 2) == b'/' => url::examine(text, at, found),
        b'0'..=b'9' => match text.before(at) {
            b']' => address::bracketed(text, at, found),
            b'a'..=b'z' | b'A'..=b'Z' => miner::option_target(text, at, found),
            _ => {}
        },
        _ => {}
    }
}

#[cfg(test)]
mod tests;

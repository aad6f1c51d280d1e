//! Stratum in its dialects: Bitcoin's, CryptoNote's login, ethproxy, NiceHash, Zcash.

use super::{Kind, pool};
use crate::carve::scan::{Found, Hit, Text, printable};
use std::ops::Range;

const LITERALS: &[&str] = &[
    "mining.subscribe",
    "mining.authorize",
    "mining.submit",
    "mining.notify",
    "mining.configure",
    "mining.set_difficulty",
    "mining.set_target",
    "mining.set_extranonce",
    "mining.set_version_mask",
    "mining.extranonce.subscribe",
    "mining.suggest_difficulty",
    "mining.hello",
    "eth_submitLogin",
    "eth_getWork",
    "eth_submitWork",
    "eth_submitHashrate",
    "EthereumStratum/",
    "\"keepalived\"",
    "client.reconnect",
    "stratum+",
    "stratum://",
    "stratums://",
    METHOD,
    JOB,
];

/// How far from its method's name a message names who speaks.
const MESSAGE: usize = 512;

const METHOD: &str = "\"method\"";
const JOB: &str = "\"job_id\"";

pub(super) const KIND: Kind = Kind { literals: || LITERALS.to_vec(), examine };

/// Words beside an anchor that tell what it is.
const WORDS: &[&str] = &[
    METHOD,
    JOB,
    "\"blob\"",
    "\"target\"",
    "\"nonce\"",
    "\"result\"",
    "\"id\"",
    "\"params\"",
    "\"jsonrpc\"",
    "\"login\":",
    "\"login\" :",
    "\"agent\"",
    "\"pass\"",
    "\"algo\"",
    "\"wallet_address\"",
    "\"reserve_size\"",
];

/// Which of the [`WORDS`] stand in the run around a place.
#[derive(Clone, Copy)]
struct Run(u64);

impl Run {
    fn around(text: &Text<'_>, at: usize, found: &mut Found) -> Self {
        let stand = text.stand(at, printable);
        let look = || {
            let run = text.slice(text.run(stand));
            let has = |word: &&str| memchr::memmem::find(run, word.as_bytes()).is_some();
            WORDS.iter().rev().fold(0, |bits, word| bits << 1 | u64::from(has(word)))
        };
        Self(found.begun().look("stratum", text.place(stand), look))
    }

    fn has(self, word: &str) -> bool {
        WORDS.iter().position(|known| *known == word).is_some_and(|at| self.0 >> at & 1 == 1)
    }
}

fn examine(text: &Text<'_>, range: Range<usize>, number: usize, found: &mut Found) {
    let Some(&literal) = LITERALS.get(number) else { return };
    let at = range.start;
    if literal.starts_with("stratum") {
        return bare_scheme(text, at, found);
    }
    let run = Run::around(text, at, found);
    match literal {
        METHOD => method(text, range, run, found),
        JOB => {
            let job = run.has("\"blob\"") && run.has("\"target\"");
            let share = run.has("\"nonce\"") && run.has("\"result\"") && run.has("\"id\"");
            // A message that names its method is told by it.
            if (job || share) && !run.has(METHOD) {
                message(text, at, "job", "a mining job or share of a CryptoNote pool", found);
            }
        }
        "client.reconnect" => {
            if run.has(METHOD) {
                message(text, at, literal, "a Stratum message", found);
            }
        }
        _ => {
            // A message has its method's name in quotes; a line that speaks of one has not.
            let named = text.before(at) == b'"' || text.before(at) == b'\'';
            let message_text = named && (run.has(METHOD) || run.has("\"params\""));
            let why =
                if message_text { "a Stratum message" } else { "the name of a Stratum method" };
            message(text, at, literal, why, found);
            if literal == "mining.subscribe" && message_text {
                subscribed_host(text, range.end, found);
            }
        }
    }
}

/// A scheme without a host; with one it is a URL, and told there.
fn bare_scheme(text: &Text<'_>, at: usize, found: &mut Found) {
    let end =
        text.forward(at, 24, |b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b':' | b'/'));
    let value = text.slice(at..end).to_ascii_lowercase();
    if value.ends_with(b"://")
        && !matches!(text.byte(end), b'[' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z')
    {
        found.add(text, Hit::new("stratum", at, value, "the scheme of mining URLs"));
    }
}

fn message(text: &Text<'_>, at: usize, value: &str, why: &str, found: &mut Found) {
    let value = value.trim_matches('"');
    let near = text.back(at, MESSAGE, printable)..text.forward(at, MESSAGE, printable);
    let run = text.slice(near);
    let mut hit = Hit::new("stratum", at, value, why);
    let parts: Vec<String> = ["agent", "login", "rigid"]
        .iter()
        .filter_map(|key| {
            quoted(run, key).map(|value| format!("{key}={}", String::from_utf8_lossy(value)))
        })
        .collect();
    if !parts.is_empty() {
        hit = hit.detail(parts.join(" "));
    }
    found.add(text, hit);
    pool::near(text, at, "near a Stratum message", found);
}

/// The value of `"key":"value"` in a run.
pub(super) fn quoted<'a>(run: &'a [u8], key: &str) -> Option<&'a [u8]> {
    let mut rest = run;
    loop {
        let at = memchr::memmem::find(rest, key.as_bytes())?;
        let after = rest.get(at + key.len()..)?;
        let opened = rest.get(..at).is_some_and(|before| before.last() == Some(&b'"'));
        rest = after;
        if !opened {
            continue;
        }
        let Some(value) = after.strip_prefix(b"\"") else { continue };
        let value = value.trim_ascii_start();
        let Some(value) = value.strip_prefix(b":") else { continue };
        let value = value.trim_ascii_start();
        let Some(value) = value.strip_prefix(b"\"") else { continue };
        let end = memchr::memchr(b'"', value).unwrap_or(value.len());
        return value.get(..end.min(200));
    }
}

/// CryptoNote's methods are everyday words: more of the message must be there.
fn method(text: &Text<'_>, range: Range<usize>, run: Run, found: &mut Found) {
    let after = text.slice(range.end..text.forward(range.end, 40, |b| b != b',' && b != b'}'));
    let value = after.trim_ascii_start().strip_prefix(b":").unwrap_or_default().trim_ascii();
    let rpc = run.has("\"params\"") || run.has("\"jsonrpc\"");
    let known = match value {
        b"\"login\"" => {
            rpc && run.has("\"login\":") | run.has("\"login\" :")
                && (run.has("\"agent\"") || run.has("\"pass\"") || run.has("\"algo\""))
        }
        b"\"job\"" => run.has("\"blob\"") || run.has("\"job_id\"") || run.has("\"target\""),
        b"\"submit\"" => run.has("\"nonce\"") && run.has("\"job_id\""),
        b"\"keepalived\"" => true,
        b"\"getjob\"" => rpc,
        b"\"getblocktemplate\"" => run.has("\"wallet_address\"") || run.has("\"reserve_size\""),
        _ => false,
    };
    if known {
        let name = String::from_utf8_lossy(value).into_owned();
        message(text, range.start, &name, "a Stratum message of the CryptoNote form", found);
    }
}

/// Zcash's subscribe names the pool as the miner was told it, even behind an address or a proxy:
/// `["agent", null, "host", "port"]`.
fn subscribed_host(text: &Text<'_>, from: usize, found: &mut Found) {
    let open = text.forward(from, 60, |b| b != b'[');
    let end = text.forward(open, 400, |b| b != b']');
    let mut at = open;
    while let Some(quote) = memchr::memchr(b'"', text.slice(at..end)) {
        let start = at + quote + 1;
        let close = text.forward(start, 200, |b| b != b'"');
        let host = text.slice(start..close);
        at = close + 1;
        let is_address =
            std::str::from_utf8(host).is_ok_and(|s| s.parse::<std::net::Ipv4Addr>().is_ok());
        if !is_address && !pool::named_host(host) {
            continue;
        }
        let digits = text.forward(at, 4, |b| matches!(b, b',' | b' ' | b'"'));
        let digits_end = text.forward(digits, 5, |b| b.is_ascii_digit());
        let port =
            std::str::from_utf8(text.slice(digits..digits_end)).ok().and_then(|s| s.parse().ok());
        if port.is_some() {
            pool::add(text, start, host, port, "the pool's host in a Stratum subscribe", found);
        }
    }
}

/// A mining URL with a host.
pub(super) fn scheme<'a>(
    text: &Text<'a>,
    at: usize,
    scheme: &[u8],
    host: &'a [u8],
    port: Option<u16>,
    found: &mut Found,
) {
    let mut value = scheme.to_vec();
    value.extend_from_slice(b"://");
    value.extend_from_slice(host);
    if let Some(port) = port {
        value.extend_from_slice(format!(":{port}").as_bytes());
    }
    found.add(text, Hit::new("stratum", at, value, "a mining URL").host(host, port));
}

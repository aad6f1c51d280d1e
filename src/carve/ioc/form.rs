//! What a listed value is, and where in text it stands for itself.

use crate::carve::kinds::{named_host, wallet_coin};
use std::net::IpAddr;

/// The form of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// IPv4 or IPv6.
    Address,
    /// `203.0.113.0/24`.
    Range,
    /// A host's name; names below it count.
    Name,
    /// A URL; what goes on from it counts.
    Url,
    /// Digits of a digest.
    Hash,
    /// A wallet whose checksum holds.
    Wallet,
    /// An e-mail address.
    Email,
    /// An absolute path.
    Path,
    /// Any other word.
    Text,
}

impl Form {
    /// As in `iocs.kind`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Range => "range",
            Self::Name => "name",
            Self::Url => "url",
            Self::Hash => "hash",
            Self::Wallet => "wallet",
            Self::Email => "email",
            Self::Path => "path",
            Self::Text => "text",
        }
    }
}

/// An entry of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ioc {
    /// Its form.
    pub form: Form,
    /// Refanged, without a port.
    pub value: String,
    /// The port listed with it.
    pub port: Option<u16>,
    /// What the list says of it.
    pub label: String,
    /// The list's file.
    pub list: String,
    /// The line or the number of the entry.
    pub line: usize,
}

/// The shortest word that is worth looking for.
const SHORTEST: usize = 6;
const LONGEST: usize = 2048;

/// Undoes what keeps a value from being clicked: `hxxp`, `[.]`, `[:]`.
#[must_use]
pub fn refang(value: &str) -> String {
    let mut text =
        value.trim().trim_matches(|c| matches!(c, '"' | '\'' | '`' | '<' | '>')).to_owned();
    for (from, to) in [
        ("[.]", "."),
        ("(.)", "."),
        ("{.}", "."),
        ("[dot]", "."),
        ("[:]", ":"),
        ("[://]", "://"),
        ("[@]", "@"),
        ("[at]", "@"),
    ] {
        text = text.replace(from, to);
    }
    let head = text.get(..4).map(str::to_ascii_lowercase);
    match head.as_deref() {
        Some("hxxp") => format!("http{}", text.get(4..).unwrap_or_default()),
        _ => text,
    }
}

/// What a value is; `None` where it is nothing to look for.
pub(super) fn told(value: &str) -> Option<(Form, String, Option<u16>)> {
    let text = refang(value);
    if text.len() > LONGEST || text.chars().any(char::is_control) {
        return None;
    }
    if text.contains("://") {
        return (text.len() >= 10).then_some((Form::Url, text, None));
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some((Form::Address, address.to_string(), None));
    }
    if let Ok(with_port) = text.parse::<std::net::SocketAddr>() {
        return Some((Form::Address, with_port.ip().to_string(), Some(with_port.port())));
    }
    if let Some((address, bits)) = text.split_once('/')
        && let (Ok(address), Ok(bits)) = (address.parse::<IpAddr>(), bits.parse::<u8>())
    {
        let whole = if address.is_ipv4() { 32 } else { 128 };
        return match bits {
            bits if bits == whole => Some((Form::Address, address.to_string(), None)),
            // The whole world is no indicator.
            8..=127 if bits < whole => Some((Form::Range, format!("{address}/{bits}"), None)),
            _ => None,
        };
    }
    let hexadecimal = text.bytes().all(|b| b.is_ascii_hexdigit());
    if hexadecimal && matches!(text.len(), 32 | 40 | 56 | 64 | 96 | 128) {
        return Some((Form::Hash, text.to_ascii_lowercase(), None));
    }
    if wallet_coin(text.as_bytes()) {
        return Some((Form::Wallet, text, None));
    }
    if text.starts_with('/') {
        return (text.len() >= SHORTEST).then_some((Form::Path, text, None));
    }
    if let Some((_, host)) = text.split_once('@')
        && named_host(host.as_bytes())
    {
        return Some((Form::Email, text.to_ascii_lowercase(), None));
    }
    let (name, port) = match text.rsplit_once(':') {
        Some((name, port)) => (name, port.parse::<u16>().ok()),
        None => (text.as_str(), None),
    };
    let name = name.trim_start_matches("*.").trim_end_matches('.');
    if named_host(name.as_bytes())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
    {
        return Some((Form::Name, name.to_ascii_lowercase(), port));
    }
    (text.len() >= SHORTEST).then_some((Form::Text, text, None))
}

impl Ioc {
    /// Whether a digest of this length is never made by davy.
    pub(super) fn unseen_digest(&self) -> bool {
        self.form == Form::Hash && !matches!(self.value.len(), 32 | 64)
    }

    /// The text to look for: with the port where the list names one.
    pub(in crate::carve) fn literal(&self) -> String {
        match self.port {
            Some(port) if self.value.contains(':') => format!("[{}]:{port}", self.value),
            Some(port) => format!("{}:{port}", self.value),
            None => self.value.clone(),
        }
    }

    /// The text by which it is looked for in bytes. Of a range of IPv6 the groups that all of it share;
    /// nothing of one of IPv4.
    pub(in crate::carve) fn anchor(&self) -> String {
        if self.form != Form::Range {
            return self.literal();
        }
        let Some((Ok(base), Ok(bits))) =
            self.value.split_once('/').map(|(base, bits)| (base.parse(), bits.parse::<usize>()))
        else {
            return String::new();
        };
        let base: std::net::Ipv6Addr = base;
        base.segments().iter().take(bits / 16).map(|group| format!("{group:x}:")).collect()
    }

    /// Whether what stands there, and the bytes around it, are this value and no part of another.
    pub(in crate::carve) fn stands(&self, before: u8, found: &[u8], after: u8, next: u8) -> bool {
        let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        let exact = || found == self.literal().as_bytes();
        match self.form {
            // `evil.org` is in `x.evil.org`, and not in `evil.org.example`.
            Form::Name => {
                !word(before)
                    && before != b'-'
                    && !word(after)
                    && after != b'-'
                    && !(after == b'.' && word(next))
            }
            Form::Address | Form::Email => {
                let goes_on = word(after) || after == b'.' && word(next);
                !(word(before) || before == b'.' || goes_on)
            }
            Form::Url => self.value.ends_with('/') || !word(after) && after != b'-',
            Form::Hash | Form::Wallet => {
                !word(before) && !word(after) && (self.form == Form::Hash || exact())
            }
            Form::Path => !word(before) && !word(after) && !matches!(after, b'-' | b'.') && exact(),
            Form::Text => {
                !word(before) && before != b'-' && !word(after) && after != b'-' && exact()
            }
            Form::Range => false,
        }
    }

    /// Whether an address lies in this range.
    pub(in crate::carve) fn holds(&self, address: IpAddr) -> bool {
        let Some((base, bits)) = self.value.split_once('/') else { return false };
        let (Ok(base), Ok(bits)) = (base.parse::<IpAddr>(), bits.parse::<u32>()) else {
            return false;
        };
        match (base, address) {
            (IpAddr::V4(base), IpAddr::V4(address)) => {
                let shift = 32_u32.saturating_sub(bits).min(31);
                base.to_bits() >> shift == address.to_bits() >> shift
            }
            (IpAddr::V6(base), IpAddr::V6(address)) => {
                let shift = 128_u32.saturating_sub(bits).min(127);
                base.to_bits() >> shift == address.to_bits() >> shift
            }
            _ => false,
        }
    }
}

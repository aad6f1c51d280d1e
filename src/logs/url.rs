//! Host and port out of what requests name.

use super::field::{address, port};
use crate::facts::HostText;

/// `host:port`, `host`, `[v6]:port`, in lower case.
pub(super) fn host_port(text: &[u8]) -> (Option<HostText>, Option<u16>) {
    let (host, number) = match memchr::memrchr(b':', text) {
        // An address of IPv6 without brackets has no port.
        Some(colon) if address(text).is_none() => {
            let (host, tail) = text.split_at_checked(colon).unwrap_or((text, b""));
            match port(tail.get(1..).unwrap_or_default()) {
                Some(number) => (host, Some(number)),
                None => (text, None),
            }
        }
        _ => (text, None),
    };
    let host = host.strip_prefix(b"[").and_then(|h| h.strip_suffix(b"]")).unwrap_or(host);
    (super::row::name(host), number)
}

/// Host and port of a URL, or of a `host:port` that a CONNECT names.
pub(super) fn of_url(url: &[u8]) -> (Option<HostText>, Option<u16>) {
    let Some(at) = memchr::memmem::find(url, b"://") else {
        return if url.starts_with(b"/") || url == b"*" || url == b"-" {
            (None, None)
        } else {
            host_port(url)
        };
    };
    let rest = url.get(at + 3..).unwrap_or_default();
    let end = rest.iter().position(|b| matches!(b, b'/' | b'?' | b'#')).unwrap_or(rest.len());
    let authority = rest.get(..end).unwrap_or_default();
    let host = authority
        .iter()
        .rposition(|b| *b == b'@')
        .map_or(authority, |at| authority.get(at + 1..).unwrap_or_default());
    let (host, number) = host_port(host);
    let implied = match url.get(..at) {
        Some(b"http" | b"ws") => Some(80),
        Some(b"https" | b"wss") => Some(443),
        _ => None,
    };
    (host, number.or(implied))
}

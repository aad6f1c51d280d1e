//! The combined log of Apache and nginx, with whatever stands before or behind it; squid writes it
//! too, with its own result at the end.

use super::field::{address, count};
use super::format::{Format, LineReader, Origin, Out, Shape, Took};
use super::row::{Http, Row, name, text};
use super::{times, url};

pub(super) const FORMAT: Format = Format {
    name: "combined",
    doc: "the common and combined logs of Apache, nginx and squid, with or without a virtual host before them",
    tables: &["http"],
    shape: Shape::Lines { tells, reader: || Box::new(Combined) },
};

fn tells(line: &[u8], _: &Origin) -> bool {
    parts(line).is_some()
}

/// A quoted text and what follows it; quotes within are escaped with a backslash.
fn quoted(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let inner = text.trim_ascii_start().strip_prefix(b"\"")?;
    let mut escaped = false;
    let end = inner.iter().position(|b| {
        let ends = *b == b'"' && !escaped;
        escaped = *b == b'\\' && !escaped;
        ends
    })?;
    Some((inner.get(..end)?, inner.get(end + 1..)?))
}

struct Parts<'a> {
    before: Vec<&'a [u8]>,
    time: times::Read,
    request: &'a [u8],
    rest: &'a [u8],
}

fn parts(line: &[u8]) -> Option<Parts<'_>> {
    let open = memchr::memchr(b'[', line.get(..400).unwrap_or(line))?;
    let close = memchr::memchr(b']', line.get(open..)?)? + open;
    let time = times::day_month_year(line.get(open + 1..close)?)?;
    let (request, rest) = quoted(line.get(close + 1..)?)?;
    let before = line.get(..open)?.split(|b| *b == b' ').filter(|w| !w.is_empty()).collect();
    Some(Parts { before, time, request, rest })
}

struct Combined;

impl LineReader for Combined {
    fn line(&mut self, line: &[u8], _: &Origin, out: &mut dyn Out) -> Took {
        let Some(parts) = parts(line) else {
            return Took::no("no time in brackets and request in quotes");
        };
        // `vhost:443 10.0.0.1 - user`: the client is the first address.
        let host_of = |word: &[u8]| address(word.strip_suffix(b",").unwrap_or(word));
        let place = parts.before.iter().position(|w| host_of(w).is_some());
        let client = place.and_then(|p| parts.before.get(p)).and_then(|w| host_of(w));
        if client.is_none() {
            for word in &parts.before {
                out.host("client", word);
            }
        }
        let vhost = place
            .filter(|p| *p > 0)
            .and_then(|p| parts.before.get(p - 1))
            .map(|v| url::host_port(v));
        let user = parts
            .before
            .last()
            .filter(|w| **w != b"-" && place.is_some_and(|p| parts.before.len() > p + 1));
        let mut words = parts.request.split(|b| *b == b' ');
        let (method, target) = (words.next().unwrap_or_default(), words.next());
        let (host, port) = match target.map(url::of_url) {
            Some((Some(host), port)) => (Some(host), port),
            _ => vhost.unwrap_or((None, None)),
        };
        let mut after = parts.rest.trim_ascii_start().split(|b| *b == b' ');
        let mut number = |name| {
            let cell = after.next()?;
            out.told(name, cell, count(cell))
        };
        let (status, bytes) = (number("status"), number("bytes"));
        let quotes = parts.rest.iter().position(|b| *b == b'"').and_then(|at| parts.rest.get(at..));
        let referrer = quotes.and_then(quoted);
        let agent = referrer.and_then(|(_, rest)| quoted(rest));
        let action = agent.map_or(&b""[..], |(_, rest)| rest.trim_ascii());
        let unset = |value: &&[u8]| **value != *b"-" && !value.is_empty();
        // squid: `TCP_MISS:HIER_DIRECT`.
        let proxied = action.starts_with(b"TCP_") || action.starts_with(b"NONE");
        let kind = if proxied { "squid" } else { "combined" };
        let time = out.time(Some(parts.time));
        out.row(Row::Http(Http {
            time,
            client,
            server_port: port.filter(|_| proxied),
            method: text(method),
            host: host.and_then(|host| name(&host.0)),
            port,
            uri: target.and_then(text),
            user_agent: agent.map(|(agent, _)| agent).filter(unset).and_then(text),
            referrer: referrer.map(|(referrer, _)| referrer).filter(unset).and_then(text),
            status: status.and_then(|s| u32::try_from(s).ok()),
            response_bytes: bytes,
            action: text(action).filter(|_| proxied),
            user: user.and_then(|user| text(user)),
            ..Http::new(kind)
        }));
        Took::Yes
    }
}

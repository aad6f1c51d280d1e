//! HAProxy's HTTP and TCP logs: client, frontend, backend/server, status, bytes, request.

use super::field::{count, endpoint};
use super::flow::FlowSeen;
use super::format::{Format, LineReader, Origin, Out, Shape, Took};
use super::row::{Http, Row, text};
use super::{times, url};

pub(super) const FORMAT: Format = Format {
    name: "haproxy",
    doc: "HAProxy's HTTP and TCP logs",
    tables: &["http", "flows", "conversations"],
    shape: Shape::Lines { tells, reader: || Box::new(Haproxy) },
};

/// `10.0.1.2:33317 [06/Feb/2009:12:14:14.655] frontend backend/server …`
fn body(line: &[u8]) -> Option<(&[u8], times::Read, &[u8])> {
    let open = memchr::memmem::find(line.get(..300).unwrap_or(line), b" [")?;
    let close = memchr::memchr(b']', line.get(open..)?)? + open;
    let stamp = line.get(open + 2..close)?;
    // The fraction is what a web server's log has not.
    stamp.contains(&b'.').then_some(())?;
    let client = line.get(..open)?.split(|b| *b == b' ').next_back()?;
    endpoint(client)?.1?;
    Some((client, times::day_month_year(stamp)?, line.get(close + 1..)?.trim_ascii_start()))
}

fn tells(line: &[u8], _: &Origin) -> bool {
    body(line).is_some_and(|(_, _, rest)| {
        rest.split(|b| *b == b' ').nth(1).is_some_and(|backend| backend.contains(&b'/'))
    })
}

struct Haproxy;

impl LineReader for Haproxy {
    fn line(&mut self, line: &[u8], _: &Origin, out: &mut dyn Out) -> Took {
        let Some((client, read, rest)) = body(line) else {
            return if memchr::memmem::find(line, b"haproxy").is_some() {
                Took::Other
            } else {
                Took::no("no connection")
            };
        };
        let (host, port) = endpoint(client).map_or((None, None), |(a, p)| (Some(a), p));
        let words: Vec<&[u8]> = rest.splitn(12, |b| *b == b' ').collect();
        let time = out.time(Some(read));
        let request = memchr::memchr(b'"', rest).and_then(|at| rest.get(at + 1..));
        let request = request.map(|r| r.strip_suffix(b"\"").unwrap_or(r));
        let backend = words.get(1).copied().and_then(text);
        let Some(request) = request else {
            // TCP: frontend backend/server Tw/Tc/Tt bytes termination …
            let total = words.get(2).and_then(|t| t.split(|b| *b == b'/').next_back());
            let total = total.and_then(|total| number(out, "Tt", total));
            let flow = FlowSeen {
                started: time,
                duration: total.and_then(|ms| i64::try_from(ms).ok()?.checked_mul(1_000_000)),
                originator: host,
                originator_port: port,
                protocol: Some("tcp".into()),
                resp_bytes: words.get(3).and_then(|b| number(out, "bytes_read", b)),
                detail: words.get(1).map(|b| (*b).into()),
                ..FlowSeen::new("haproxy")
            };
            out.row(Row::Flow(flow));
            return Took::Yes;
        };
        let mut parts = request.split(|b| *b == b' ');
        let (method, target) = (parts.next().unwrap_or_default(), parts.next());
        let (asked, asked_port) = target.map_or((None, None), url::of_url);
        let row = Http {
            time,
            client: host,
            client_port: port,
            method: text(method),
            host: asked,
            port: asked_port,
            uri: target.and_then(text),
            status: words
                .get(3)
                .and_then(|s| number(out, "status_code", s))
                .and_then(|s| u32::try_from(s).ok()),
            response_bytes: words.get(4).and_then(|b| number(out, "bytes_read", b)),
            action: backend,
            ..Http::new("haproxy")
        };
        out.row(Row::Http(row));
        Took::Yes
    }
}

/// A count, which has a plus before it where the log was written before the end; -1 where there was none.
fn number(out: &mut dyn Out, name: &str, cell: &[u8]) -> Option<u64> {
    let cell = cell.strip_prefix(b"+").unwrap_or(cell);
    if cell == b"-1" { None } else { out.told(name, cell, count(cell)) }
}

//! Access logs of AWS's application and network load balancers.

use super::damage::Damage;
use super::field::{count, endpoint, nano};
use super::flow::FlowSeen;
use super::format::{Format, LineReader, Origin, Out, Shape, Took};
use super::row::{Http, Row, Tls, name, text};
use super::{times, url};
use std::borrow::Cow;
use std::net::IpAddr;

pub(super) const FORMAT: Format = Format {
    name: "elb",
    doc: "access logs of AWS ALB, NLB and the classic balancer",
    tables: &["http", "tls", "flows", "conversations"],
    shape: Shape::Lines { tells, reader: || Box::new(Elb) },
};

/// Words, where quotes hold spaces.
fn words(line: &[u8]) -> Vec<&[u8]> {
    let mut out = Vec::new();
    let mut rest = line;
    while out.len() < 64 {
        rest = rest.trim_ascii_start();
        if rest.is_empty() {
            break;
        }
        let (word, after) = match rest.strip_prefix(b"\"") {
            Some(inner) => {
                let mut escaped = false;
                let end = inner.iter().position(|b| {
                    let ends = *b == b'"' && !escaped;
                    escaped = *b == b'\\' && !escaped;
                    ends
                });
                let end = end.unwrap_or(inner.len());
                (inner.get(..end), inner.get(end + 1..))
            }
            None => {
                let end = memchr::memchr(b' ', rest).unwrap_or(rest.len());
                (rest.get(..end), rest.get(end..))
            }
        };
        out.push(word.unwrap_or_default());
        rest = after.unwrap_or_default();
    }
    out
}

fn tells(line: &[u8], _: &Origin) -> bool {
    let mut words = line.split(|b| *b == b' ');
    match words.next() {
        Some(b"http" | b"https" | b"h2" | b"ws" | b"wss" | b"grpcs") => {
            words.next().is_some_and(|t| times::iso(t).is_some())
                && words.nth(1).is_some_and(|c| endpoint(c).is_some())
        }
        Some(b"tls" | b"tcp") => words.nth(1).is_some_and(|t| times::iso(t).is_some()),
        Some(stamp) => classic(stamp, line),
        None => false,
    }
}

/// A classic load balancer's line begins with its time.
fn classic(stamp: &[u8], line: &[u8]) -> bool {
    stamp.len() >= 20
        && stamp.ends_with(b"Z")
        && times::iso(stamp).is_some()
        && matches!(words(line).as_slice(), [_, _, client, _, a, b, c, ..]
            if endpoint(client).is_some_and(|c| c.1.is_some()) && [a, b, c].iter().all(|n| nano(n).is_some()))
}

struct Elb;

impl LineReader for Elb {
    fn line(&mut self, line: &[u8], origin: &Origin, out: &mut dyn Out) -> Took {
        if !tells(line, origin) {
            return Took::no("no request");
        }
        let words = words(line);
        if words.first().is_some_and(|stamp| times::iso(stamp).is_some()) {
            return classical(&words, out);
        }
        match words.first() {
            Some(&(b"tls" | b"tcp")) => network(&words, out),
            _ => application(&words, out),
        }
    }
}

/// `address:port` of a column; told where it is none.
fn side(out: &mut dyn Out, name: &str, cell: &[u8]) -> Side {
    let damage = Damage::default();
    let side = damage.end(name, cell);
    damage.tell(out);
    side
}

/// A time that something took; -1 where there was none.
fn lasting(out: &mut dyn Out, cell: &[u8]) -> Option<i64> {
    let read = nano(cell).filter(|nanos| *nanos >= 0);
    if cell == b"-1" { None } else { out.told("time", cell, read) }
}

/// A count of a column; told where it is none.
fn number(out: &mut dyn Out, name: &str, cell: &[u8]) -> Option<u64> {
    out.told(name, cell, count(cell))
}

type Side = (Option<IpAddr>, Option<u16>);

/// A connection of TCP through a balancer of this name, and the bytes that it received and sent.
fn connection<'a>(
    kind: &'static str,
    balancer: &'a [u8],
    (client, server): (Side, Side),
    (received, sent): (&[u8], &[u8]),
    out: &mut dyn Out,
) -> FlowSeen<'a> {
    FlowSeen {
        originator: client.0,
        originator_port: client.1,
        responder: server.0,
        responder_port: server.1,
        protocol: Some("tcp".into()),
        orig_bytes: number(out, "received_bytes", received),
        resp_bytes: number(out, "sent_bytes", sent),
        sensor: Some(Cow::Borrowed(balancer)),
        ..FlowSeen::new(kind)
    }
}

/// type time elb client:port target:port request_time target_time response_time elb_status
/// target_status received sent "request" "user_agent" cipher protocol target_group trace "domain" …
fn application(words: &[&[u8]], out: &mut dyn Out) -> Took {
    let [
        _,
        stamp,
        lb,
        client,
        target,
        _,
        _,
        _,
        status,
        _,
        received,
        sent,
        request,
        agent,
        more @ ..,
    ] = words
    else {
        return Took::no("fewer columns than an ALB writes");
    };
    let client = side(out, "client:port", client);
    let server = side(out, "target:port", target);
    let mut parts = request.split(|b| *b == b' ');
    let (method, uri) = (parts.next().unwrap_or_default(), parts.next());
    let (host, port) = uri.map_or((None, None), url::of_url);
    let read = times::iso(stamp);
    let time = out.time(read);
    let row = Http {
        time,
        client: client.0,
        client_port: client.1,
        server: server.0,
        server_port: server.1,
        method: text(method),
        host: host.or_else(|| more.get(4).copied().and_then(name)),
        port,
        uri: uri.and_then(text),
        user_agent: text(agent).filter(|a| a.as_bytes() != b"-"),
        status: out.told(
            "elb_status_code",
            status,
            count(status).and_then(|s| u32::try_from(s).ok()),
        ),
        request_bytes: number(out, "received_bytes", received),
        response_bytes: number(out, "sent_bytes", sent),
        sensor: text(lb),
        ..Http::new("alb")
    };
    out.row(Row::Http(row));
    Took::Yes
}

/// time elb client:port backend:port request_time backend_time response_time elb_status
/// backend_status received sent "request" "user_agent" cipher protocol; of TCP without a request.
fn classical(words: &[&[u8]], out: &mut dyn Out) -> Took {
    let [stamp, lb, client, target, _, lasted, _, status, _, received, sent, rest @ ..] = words
    else {
        return Took::no("fewer columns than a load balancer writes");
    };
    let request = rest.first().copied().unwrap_or_default();
    if request.starts_with(b"- - -") || request.is_empty() {
        let client = side(out, "client:port", client);
        let server = side(out, "target:port", target);
        let started = out.time(times::iso(stamp));
        let row = FlowSeen {
            started,
            duration: lasting(out, lasted),
            ..connection("elb", lb, (client, server), (received, sent), out)
        };
        out.row(Row::Flow(row));
        return Took::Yes;
    }
    let agent = rest.get(1).copied().unwrap_or(b"-");
    let none: &[u8] = b"-";
    let as_alb = [
        none, stamp, lb, client, target, none, none, none, status, none, received, sent, request,
        agent,
    ];
    application(&as_alb, out)
}

/// type version time elb listener client:port destination:port connection_time tls_handshake_time
/// received sent alert cert serial cipher version named_group domain …
fn network(words: &[&[u8]], out: &mut dyn Out) -> Took {
    let [_, _, stamp, lb, _, client, target, lasted, _, received, sent, more @ ..] = words else {
        return Took::no("fewer columns than an NLB writes");
    };
    let client = side(out, "client:port", client);
    let server = side(out, "target:port", target);
    let read = times::iso(stamp);
    let time = out.time(read);
    let set = |place: usize| more.get(place).copied().filter(|value| *value != b"-");
    let row = FlowSeen {
        started: time,
        // Milliseconds: a thousandth of what is read as seconds.
        duration: lasting(out, lasted).map(|nanos| nanos / 1000),
        ..connection("nlb", lb, (client, server), (received, sent), out)
    };
    out.row(Row::Flow(row));
    let row = Tls {
        time,
        client: client.0,
        client_port: client.1,
        server: server.0,
        server_port: server.1,
        server_name: set(6).and_then(name),
        version: set(4).and_then(text),
        cipher: set(3).and_then(text),
        established: Some(set(3).is_some()),
        sensor: text(lb),
        ..Tls::new("nlb")
    };
    out.row(Row::Tls(row));
    Took::Yes
}

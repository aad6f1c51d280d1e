//! dnsmasq's query log, plain and `log-queries=extra`: a question and its answers are lines of
//! their own, joined by the serial number or by the name.

use super::field::{address, endpoint};
use super::format::{Format, LineReader, Origin, Out, Shape, Took};
use super::row::{Dns, Row, name, text};
use super::times;
use std::collections::BTreeMap;
use std::net::IpAddr;

pub(super) const FORMAT: Format = Format {
    name: "dnsmasq",
    doc: "dnsmasq with log-queries, plain and extra",
    tables: &["dns"],
    shape: Shape::Lines { tells, reader: || Box::new(Dnsmasq::default()) },
};

/// Questions that wait for their answers.
const MOST: usize = 4096;

/// What follows `dnsmasq[pid]: `.
fn body(line: &[u8]) -> Option<&[u8]> {
    let at = memchr::memmem::find(line.get(..200).unwrap_or(line), b"dnsmasq[")?;
    let rest = line.get(at..)?;
    let colon = memchr::memmem::find(rest, b"]: ")?;
    rest.get(colon + 3..)
}

fn tells(line: &[u8], _: &Origin) -> bool {
    body(line).is_some()
}

/// A question's place among the lines, its row, and the answers so far.
type Waiting = (u64, Dns, Vec<Vec<u8>>);

#[derive(Default)]
struct Dnsmasq {
    /// By the serial number or, without, by the name.
    waiting: BTreeMap<Vec<u8>, Waiting>,
    /// The question whose answer so far is another name: the lines of that name follow.
    alias: Option<Vec<u8>>,
}

impl Dnsmasq {
    fn flush(&mut self, key: &[u8], out: &mut dyn Out) {
        if let Some((place, row, answers)) = self.waiting.remove(key) {
            out.earlier(place, Row::Dns(with(row, &answers)));
        }
    }
}

fn with(mut row: Dns, answers: &[Vec<u8>]) -> Dns {
    row.answers = text(&answers.join(&b' '));
    row
}

impl LineReader for Dnsmasq {
    fn line(&mut self, line: &[u8], origin: &Origin, out: &mut dyn Out) -> Took {
        let Some(body) = body(line) else { return Took::no("no dnsmasq line") };
        let mut words = body.split(|b| *b == b' ').filter(|w| !w.is_empty()).peekable();
        // `1 127.0.0.1/57649 query[A] …`
        let (mut serial, mut pair) = (None, None);
        let mut asker: Option<(IpAddr, Option<u16>)> = None;
        if words.peek().is_some_and(|w| super::field::count(w).is_some()) {
            serial = words.next();
            let client = words.next().unwrap_or_default();
            pair = Some(client);
            let slash = client.iter().position(|b| *b == b'/').unwrap_or(client.len());
            let (host, port) = client.split_at_checked(slash).unwrap_or((client, b""));
            asker = address(host)
                .map(|host| (host, super::field::port(port.get(1..).unwrap_or_default())));
        }
        let verb = words.next().unwrap_or_default();
        let mut asked = words.next().unwrap_or_default();
        // Pi-hole: `gravity blocked NAME is 0.0.0.0`.
        let blocked = matches!(verb, b"gravity" | b"regex" | b"exactly" | b"special")
            && matches!(asked, b"blocked" | b"denied" | b"blacklisted" | b"domain");
        if blocked {
            asked = words.next().unwrap_or_default();
        }
        let mut key = serial.unwrap_or(asked).to_vec();
        if let Some(qtype) = verb.strip_prefix(b"query[").and_then(|q| q.strip_suffix(b"]")) {
            self.flush(&key, out);
            self.alias = None;
            if let (Some(pair), None | Some((_, None))) = (pair, asker) {
                out.damaged("client", pair);
            }
            let from = words.nth(1).and_then(|from| out.told("from", from, endpoint(from)));
            let client = asker.or(from);
            let read = times::syslog(line, origin.modified).and_then(|(read, _)| read);
            let row = Dns {
                time: out.stamp(line, origin, read),
                client: client.map(|c| c.0),
                client_port: client.and_then(|c| c.1),
                query: name(asked),
                qtype: text(qtype),
                ..Dns::new("dnsmasq")
            };
            self.waiting.insert(key, (out.at(), row, Vec::new()));
            if self.waiting.len() > MOST {
                self.end(out);
            }
            return Took::Yes;
        }
        // An answer comes from upstream, the cache, or a file: `config`, `/etc/hosts`.
        let source = verb;
        let answer = words.nth(1).unwrap_or_default();
        let answers = blocked
            || matches!(source, b"reply" | b"cached" | b"cached-stale" | b"config" | b"validation")
            || source.starts_with(b"/");
        if answers && !self.waiting.contains_key(&key) {
            key = self.alias.clone().unwrap_or(key);
        }
        if answers && serial.is_none() && answer == b"<CNAME>" {
            self.alias = Some(key.clone());
        }
        if answers && let Some((_, row, list)) = self.waiting.get_mut(&key) {
            if matches!(answer, b"NXDOMAIN" | b"NODATA" | b"SERVFAIL" | b"REFUSED")
                || answer.starts_with(b"NODATA")
                || answer.starts_with(b"NXDOMAIN")
            {
                row.rcode = text(answer);
            } else if list.len() < 64 {
                row.rcode = text(b"NOERROR");
                list.push(answer.to_vec());
            }
            if blocked {
                // As Route 53's firewall says it.
                row.action = text(b"BLOCK");
            } else if source == b"config" || source.starts_with(b"/") {
                row.action = text(source);
            }
            return Took::Yes;
        }
        if matches!(source, b"forwarded")
            && let Some((_, row, _)) = self.waiting.get_mut(&key)
        {
            row.server = words.next().and_then(address).or(address(answer));
            return Took::Yes;
        }
        Took::Other
    }

    fn end(&mut self, out: &mut dyn Out) {
        let mut rest: Vec<_> = std::mem::take(&mut self.waiting).into_values().collect();
        rest.sort_by_key(|(place, ..)| *place);
        for (place, row, answers) in rest {
            out.earlier(place, Row::Dns(with(row, &answers)));
        }
    }
}

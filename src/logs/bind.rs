//! BIND's query log, with or without severity and category, in a file of its own or in syslog.

use super::field::address;
use super::format::{Format, LineReader, Origin, Out, Shape, Took};
use super::row::{Dns, Row, name, text};
use super::times;

pub(super) const FORMAT: Format = Format {
    name: "bind",
    doc: "BIND's query log",
    tables: &["dns"],
    shape: Shape::Lines { tells, reader: || Box::new(Bind) },
};

fn tells(line: &[u8], _: &Origin) -> bool {
    parts(line).is_some()
}

/// The client, what stands in parentheses, and what follows `query: `.
fn parts(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = memchr::memmem::find(line, b"client ")?;
    let query = memchr::memmem::find(line.get(at..)?, b": query: ")? + at;
    let client = line.get(at + 7..query)?;
    // `@0x7f… 127.0.0.1#49883 (NAME)`, of views with `: view internal` behind.
    let client = client.split(|b| *b == b' ').find(|word| word.contains(&b'#'))?;
    Some((client, line.get(query + 9..)?))
}

struct Bind;

impl LineReader for Bind {
    fn line(&mut self, line: &[u8], origin: &Origin, out: &mut dyn Out) -> Took {
        let Some((client, rest)) = parts(line) else {
            let own = memchr::memmem::find(line, b"named[").is_some()
                || times::day_month_year(line.get(..24).unwrap_or_default()).is_some();
            return if own { Took::Other } else { Took::no("no query") };
        };
        let hash = client.iter().position(|b| *b == b'#').unwrap_or(client.len());
        let (host, port) = client.split_at_checked(hash).unwrap_or((client, b""));
        let mut words = rest.split(|b| *b == b' ');
        let (asked, _class, qtype) = (words.next(), words.next(), words.next());
        let server = rest
            .strip_suffix(b")")
            .and_then(|r| r.get(memchr::memrchr(b'(', r)? + 1..))
            .and_then(|server| out.host("server", server));
        let day = line.get(..24).and_then(times::day_month_year);
        let read = day
            .or_else(|| line.get(..20).and_then(times::day_month_year))
            .or_else(|| times::syslog(line, origin.modified).and_then(|(read, _)| read));
        let time = out.stamp(line, origin, read);
        let port = port.get(1..).unwrap_or_default().trim_ascii();
        let row = Dns {
            time,
            client: out.told("client", host, address(host)),
            client_port: out.told("port", port, super::field::port(port)),
            server,
            query: asked.and_then(name),
            qtype: qtype.and_then(text),
            ..Dns::new("bind")
        };
        out.row(Row::Dns(row));
        Took::Yes
    }
}

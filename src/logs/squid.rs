//! squid's own access log. It keeps no user agent: a miner's is not to be seen in it, and that is
//! said.

use super::field::count;
use super::format::{Format, LineReader, Note, Origin, Out, Shape, Took};
use super::row::{Http, Row, text};
use super::{times, url};

pub(super) const FORMAT: Format = Format {
    name: "squid",
    doc: "squid's native access log",
    tables: &["http"],
    shape: Shape::Lines { tells, reader: || Box::new(Squid::default()) },
};

/// The ten words of a line, syslog's head taken away.
fn words(line: &[u8]) -> Option<Vec<&[u8]>> {
    let line = match memchr::memmem::find(line.get(..120).unwrap_or(line), b"squid") {
        Some(at) => line.get(memchr::memmem::find(line.get(at..)?, b": ")? + at + 2..)?,
        None => line,
    };
    let words: Vec<&[u8]> = line.split(|b| *b == b' ').filter(|w| !w.is_empty()).take(12).collect();
    let fits = words.len() >= 9
        && words.first().is_some_and(|t| {
            t.len() >= 13 && t.get(10) == Some(&b'.') && times::epoch(t).is_some()
        })
        && words.get(1).is_some_and(|w| count(w).is_some())
        && words.get(3).is_some_and(|w| w.contains(&b'/'));
    fits.then_some(words)
}

fn tells(line: &[u8], _: &Origin) -> bool {
    words(line).is_some()
}

#[derive(Default)]
struct Squid {
    told: bool,
}

impl LineReader for Squid {
    fn line(&mut self, line: &[u8], _: &Origin, out: &mut dyn Out) -> Took {
        let Some(words) = words(line) else { return Took::no("not squid's ten words") };
        if !self.told {
            self.told = true;
            out.note(Note::Said("squid's own format keeps no user agent".to_owned()));
        }
        let [time, _, client, result, bytes, method, target, user, peer, ..] = words.as_slice()
        else {
            return Took::no("not squid's ten words");
        };
        let (host, port) = url::of_url(target);
        let half = |word: &[u8], second: bool| {
            let mut parts = word.splitn(2, |b| *b == b'/');
            let first = parts.next().map(<[u8]>::to_vec);
            if second { parts.next().map(<[u8]>::to_vec) } else { first }
        };
        let row = Http {
            time: out.told("time", time, times::epoch(time)),
            client: out.host("client", client),
            server: half(peer, true).and_then(|peer| out.host("peer", &peer)),
            server_port: port,
            method: text(method),
            host,
            port,
            uri: text(target),
            status: half(result, true).and_then(|status| {
                out.told("status", &status, count(&status).and_then(|s| u32::try_from(s).ok()))
            }),
            response_bytes: out.told("bytes", bytes, count(bytes)),
            action: half(result, false).and_then(|action| text(&action)),
            user: text(user).filter(|user| user.as_bytes() != b"-"),
            ..Http::new("squid")
        };
        out.row(Row::Http(row));
        Took::Yes
    }
}

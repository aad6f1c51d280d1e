//! unbound with log-queries and log-replies: a reply repeats its question and says how it ended.

use super::field::address;
use super::format::{Format, LineReader, Origin, Out, Shape, Took};
use super::row::{Dns, Row, name, text};
use super::times;

pub(super) const FORMAT: Format = Format {
    name: "unbound",
    doc: "unbound with log-queries and log-replies",
    tables: &["dns"],
    shape: Shape::Lines { tells, reader: || Box::new(Unbound::default()) },
};

/// What follows `unbound[pid:thread] info: `.
fn body(line: &[u8]) -> Option<&[u8]> {
    let at = memchr::memmem::find(line.get(..200).unwrap_or(line), b"unbound")?;
    let rest = line.get(at..)?;
    // log-tag-queryreply writes what it is in the place of the level.
    let head = rest.get(..40).unwrap_or(rest);
    let tag = ["info: ", "query: ", "reply: "]
        .iter()
        .filter_map(|tag| Some((memchr::memmem::find(head, tag.as_bytes())?, tag.len())))
        .min()?;
    rest.get(tag.0 + tag.1..)
}

fn tells(line: &[u8], _: &Origin) -> bool {
    body(line).is_some()
}

/// The last question, which a reply may follow.
#[derive(Default)]
struct Unbound {
    waiting: Option<(u64, Dns)>,
}

impl Unbound {
    fn flush(&mut self, out: &mut dyn Out) {
        if let Some((place, row)) = self.waiting.take() {
            out.earlier(place, Row::Dns(row));
        }
    }
}

impl LineReader for Unbound {
    fn line(&mut self, line: &[u8], origin: &Origin, out: &mut dyn Out) -> Took {
        let Some(body) = body(line) else {
            return if memchr::memmem::find(line, b"unbound").is_some() {
                Took::Other
            } else {
                Took::no("no unbound line")
            };
        };
        // log-tag-queryreply puts a word before the address.
        let body =
            body.strip_prefix(b"query: ").or_else(|| body.strip_prefix(b"reply: ")).unwrap_or(body);
        let words: Vec<&[u8]> = body.split(|b| *b == b' ').collect();
        let (Some(client), [_, asked, qtype, class, rest @ ..]) =
            (words.first().and_then(|w| address(w)), words.as_slice())
        else {
            return Took::Other;
        };
        if !matches!(*class, b"IN" | b"CH" | b"HS" | b"ANY") {
            return Took::Other;
        }
        // `[1795326600] unbound[…` where it writes its own file.
        let own =
            line.strip_prefix(b"[").and_then(|l| times::epoch(l.split(|b| *b == b']').next()?));
        let time = own.or_else(|| {
            let read = times::syslog(line, origin.modified).and_then(|(read, _)| read);
            out.stamp(line, origin, read)
        });
        let row = Dns {
            time,
            client: Some(client),
            query: name(asked),
            qtype: text(qtype),
            rcode: rest.first().copied().and_then(text),
            ..Dns::new("unbound")
        };
        let same = self.waiting.as_ref().is_some_and(|(_, w)| {
            w.client == row.client && w.query == row.query && w.qtype == row.qtype
        });
        if row.rcode.is_some() {
            if same {
                self.waiting = None;
            } else {
                self.flush(out);
            }
            out.row(Row::Dns(row));
        } else {
            self.flush(out);
            self.waiting = Some((out.at(), row));
        }
        Took::Yes
    }

    fn end(&mut self, out: &mut dyn Out) {
        self.flush(out);
    }
}

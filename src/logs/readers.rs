//! The readers of one file, and which of them a record is for.

use super::carried::{self, Entry};
use super::damage::Damage;
use super::format::{Format, LineReader, Note, Origin, Out, Shape, Took};
use super::json::Object;
use super::read::Told;
use super::recognise::{json_format, line_format};
use super::sink::Fan;
use std::collections::BTreeMap;

/// The readers of one file's lines: most often one, several where programs share a log.
#[derive(Default)]
pub(super) struct Readers {
    /// The entry of a journal that is being read, field by field.
    entry: Entry,
    made: BTreeMap<&'static str, Box<dyn LineReader>>,
    current: Option<&'static str>,
}

impl Readers {
    pub(super) fn take(
        &mut self,
        line: &[u8],
        origin: &Origin,
        sink: &mut Fan<'_, '_>,
        told: &mut Told,
    ) -> Took {
        if let [b'{', ..] = line {
            return self.object(line, origin, sink, told);
        }
        if self.entry.field(line) {
            return match self.entry.line() {
                Some(carried) => self.carried(&carried, origin, sink, told),
                None => Took::Heading,
            };
        }
        if line.iter().all(|b| matches!(b, b'-' | b'=')) && line.len() > 3 {
            // What a tool draws between records.
            return Took::Heading;
        }
        if line.trim_ascii().is_empty() {
            // It may end a block, and is never lost.
            if let Some(reader) = self.current.and_then(|name| self.made.get_mut(name)) {
                reader.line(line, origin, sink);
            }
            return Took::Heading;
        }
        let mut first = None;
        if let Some(reader) = self.current.and_then(|name| self.made.get_mut(name)) {
            match ask(&mut **reader, line, origin, sink) {
                Took::No(why) => first = Some(why),
                took => return took,
            }
        }
        // Another program's line within the same file, or a new header.
        if let Some(Format { name, shape: Shape::Lines { reader, .. }, .. }) =
            line_format(line, origin)
            && (first.is_none() || self.current != Some(name))
        {
            let reader = self.made.entry(name).or_insert_with(reader);
            let took = ask(&mut **reader, line, origin, sink);
            if !matches!(took, Took::No(_)) {
                self.current = Some(name);
                told.formats.insert(name);
            }
            return took;
        }
        // A row under a header that was read before another program's lines came between.
        let current = self.current;
        let mut other = false;
        for (name, reader) in self.made.iter_mut().filter(|(name, _)| Some(**name) != current) {
            match ask(&mut **reader, line, origin, sink) {
                Took::No(_) => {}
                Took::Other => other = true,
                took => {
                    self.current = Some(name);
                    return took;
                }
            }
        }
        if other {
            return Took::Other;
        }
        if let Some(object) = carried::behind_head(line) {
            return self.object(object, origin, sink, told);
        }
        if super::times::syslog(line, None).is_some() {
            // Lines of other programs in a shared log.
            return Took::Other;
        }
        Took::No(first.unwrap_or("of no format that davy knows".into()))
    }

    /// An object, however it is framed: a record, an outer one, or one that carries a line.
    pub(super) fn object(
        &mut self,
        bytes: &[u8],
        origin: &Origin,
        sink: &mut Fan<'_, '_>,
        told: &mut Told,
    ) -> Took {
        let Some((map, mended)) = super::mend::object(bytes) else { return Took::no("not JSON") };
        if mended {
            let words =
                "JSON that is none by the letter, in its texts or numbers, read all the same";
            sink.note(Note::Said(words.to_owned()));
        }
        if let Some(took) = record(Object::from(&map), origin, sink, told) {
            return took;
        }
        // Several records in one object that stands on one line.
        let mut took = Took::Other;
        for inner in super::json::wrapped(&map) {
            match record(inner, origin, sink, told) {
                None => (told.records, told.others) = (told.records + 1, told.others + 1),
                Some(Took::Other) => {}
                Some(lost @ Took::No(_)) => return lost,
                Some(read) => took = read,
            }
        }
        match carried::of_object(Object::from(&map)) {
            Some(line) if took == Took::Other => self.carried(&line, origin, sink, told),
            _ => took,
        }
    }

    /// A line within another record; what no reader knows is another program's.
    fn carried(
        &mut self,
        line: &[u8],
        origin: &Origin,
        sink: &mut Fan<'_, '_>,
        told: &mut Told,
    ) -> Took {
        if let [b'{', ..] = line {
            let Some((map, _)) = super::mend::object(line) else { return Took::Other };
            return record(Object::from(&map), origin, sink, told).unwrap_or(Took::Other);
        }
        if line.first().is_none_or(|b| *b == b'_') {
            return Took::Other;
        }
        match self.take(line, origin, sink, told) {
            Took::No(_) if line_format(line, origin).is_none() => Took::Other,
            took => took,
        }
    }

    /// The file's end: what was held back.
    pub(super) fn end(&mut self, origin: &Origin, sink: &mut Fan<'_, '_>, told: &mut Told) {
        if let Some(line) = self.entry.line() {
            told.records += 1;
            if self.carried(&line, origin, sink, told) == Took::Other {
                told.others += 1;
            }
        }
        for reader in self.made.values_mut() {
            reader.end(sink);
        }
    }
}

/// One object of a format that is known.
fn record(
    object: Object<'_>,
    origin: &Origin,
    sink: &mut Fan<'_, '_>,
    told: &mut Told,
) -> Option<Took> {
    let Format { name, shape: Shape::Json { read, .. }, .. } = json_format(object, origin)? else {
        return None;
    };
    told.formats.insert(name);
    let out: &mut dyn Out = sink;
    let damage = Damage::default();
    let took = read(object.telling(&damage), origin, out);
    if !matches!(took, Took::No(_)) {
        damage.tell(out);
    }
    Some(took)
}

/// One line, by one reader.
fn ask(reader: &mut dyn LineReader, line: &[u8], origin: &Origin, sink: &mut Fan<'_, '_>) -> Took {
    let out: &mut dyn Out = sink;
    out.record(|out| reader.line(line, origin, out))
}

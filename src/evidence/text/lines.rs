//! Lines into directives: a directive, its details and their content.

use super::error::Fault;
use super::words::{Word, words};

/// A directive or a detail of one: its words, its content lines, its details.
#[derive(Clone, Debug, Default)]
pub(super) struct Directive {
    /// Its line, from 1.
    pub line: usize,
    /// The first word.
    pub verb: String,
    /// The rest.
    pub words: Vec<Word>,
    /// The `| ` lines below it, each ended by a newline; `None` where there are none.
    pub content: Option<Vec<u8>>,
    /// The indented lines below it.
    pub details: Vec<Directive>,
}

/// Most bytes of one text host: it is a page, not an image.
const LARGEST: usize = 64 << 20;

/// Reads the whole text.
pub(super) fn directives(text: &str) -> Result<Vec<Directive>, Fault> {
    if text.len() > LARGEST {
        return Err(Fault::new(0, "a text host is at most 64 MiB"));
    }
    let mut directives: Vec<Directive> = Vec::new();
    for (number, line) in (1..).zip(text.split('\n')) {
        let indented = line.starts_with([' ', '\t']);
        let inner = line.trim_start_matches([' ', '\t']);
        if let Some(content) = content_of(inner) {
            let last = directives.last_mut().ok_or_else(|| {
                Fault::new(number, "expected a directive before the first content line")
            })?;
            let owner = last.details.last_mut().filter(|_| indented);
            let bytes = owner.map_or(&mut last.content, |d| &mut d.content);
            let bytes = bytes.get_or_insert_default();
            bytes.extend_from_slice(content.as_bytes());
            bytes.push(b'\n');
            continue;
        }
        let inner = inner.trim_end();
        if inner.is_empty() || inner.starts_with('#') {
            continue;
        }
        let directive = directive(number, inner)?;
        if indented {
            let last = directives
                .last_mut()
                .ok_or_else(|| Fault::new(number, "expected a directive before its details"))?;
            last.details.push(directive);
        } else {
            directives.push(directive);
        }
    }
    Ok(directives)
}

/// The text after `| `.
fn content_of(line: &str) -> Option<&str> {
    let rest = line.strip_prefix('|')?;
    Some(rest.strip_prefix(' ').unwrap_or(rest))
}

fn directive(line: usize, text: &str) -> Result<Directive, Fault> {
    let mut words = words(line, text)?.into_iter();
    let Some(verb) = words.next() else {
        return Err(Fault::new(line, "expected a directive"));
    };
    let verb = String::from_utf8_lossy(&verb.whole).into_owned();
    Ok(Directive { line, verb, words: words.collect(), content: None, details: Vec::new() })
}

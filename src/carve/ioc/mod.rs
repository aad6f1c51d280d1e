//! Indicators that the user lists: addresses, names, URLs, hashes, wallets, paths. They are looked
//! for in bytes as davy's own kinds are, and held against every text in the facts.

mod against;
mod form;
mod lines;
mod misp;
mod stix;
mod whole;

pub use against::{IocMatch, hold};
pub use form::{Form, Ioc, refang};
pub(super) use whole::whole;

use super::scan::RANGES;
use crate::facts::{Error, Facts, HostText, Status};
use std::collections::HashSet;

/// Entries of all lists that are believed.
const MOST: usize = 1_000_000;

/// Entries that are looked for in bytes; the others are held against the facts alone.
pub(super) const IN_BYTES: usize = 15_000;

/// Entries that were not understood and are named one by one.
const NAMED: usize = 20;

crate::table! {
    pub struct Listed in iocs, "Indicators that the user listed (--ioc): one row an entry. Empty where none were.";
    kind: &'static str, "", "address, range, name, url, hash, wallet, email, path or text.";
    value: HostText, "", "The value, refanged; names and hashes in lower case, without the port.";
    port: Option<u16>, "", "The port that belongs to it, where the list names one.";
    label: String, "", "What the list says of it.";
    list: HostText, "", "The list's file.";
}

/// All that the user listed.
#[derive(Clone, Debug, Default)]
pub struct Iocs {
    entries: Vec<Ioc>,
    seen: HashSet<(Form, String, Option<u16>)>,
    /// Entries met, also those that another list had.
    met: usize,
    problems: Vec<String>,
    more: usize,
    /// A list gave nothing.
    unused: bool,
}

impl Iocs {
    /// Reads a list in any of its forms: STIX 2.1 and MISP in JSON, CSV, or a value a line.
    pub fn add(&mut self, list: &str, text: &[u8]) {
        let text = decoded(text);
        let text = text.trim_start_matches('\u{feff}');
        let before = self.met;
        if text.trim_start().starts_with(['{', '[']) {
            match serde_json::from_str(text) {
                Ok(json) => {
                    if !stix::read(&json, list, self) && !misp::read(&json, list, self) {
                        self.problem(format!("{list}: JSON, but neither STIX nor MISP"));
                    }
                }
                Err(error) => self.problem(format!("{list}: {error}")),
            }
        } else {
            lines::read(text, list, self);
        }
        if self.met == before {
            self.unused = true;
            self.problem(format!("{list}: gave no indicator"));
        }
    }

    /// Whether a list gave nothing, or entries are not looked for everywhere.
    #[must_use]
    pub const fn incomplete(&self) -> bool {
        self.unused || self.more > 0 || self.entries.len() > IN_BYTES
    }

    fn push(&mut self, ioc: Ioc) {
        self.met = self.met.saturating_add(1);
        if self.entries.len() >= MOST {
            self.more = self.more.saturating_add(1);
        } else if self.seen.insert((ioc.form, ioc.value.clone(), ioc.port)) {
            self.entries.push(ioc);
        }
    }

    fn problem(&mut self, problem: String) {
        if self.problems.len() < NAMED {
            self.problems.push(problem);
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    /// What was read, each once, in the order of the lists.
    #[must_use]
    pub fn entries(&self) -> &[Ioc] {
        &self.entries
    }

    /// What could not be used, in words for the user.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut all = self.problems.clone();
        if self.more > 0 {
            all.push(format!("and {} entries more that were not used", self.more));
        }
        let digests = self.entries.iter().filter(|ioc| ioc.unseen_digest()).count();
        if digests > 0 {
            all.push(format!(
                "{digests} hashes are neither SHA-256 nor MD5: davy makes no such digests, and \
                 finds them only where text holds them"
            ));
        }
        if self.entries.len() > IN_BYTES {
            let (all_of_them, others) = (self.entries.len(), self.entries.len() - IN_BYTES);
            all.push(format!(
                "of {all_of_them} entries the last {others} are not looked for in bytes, as in files, \
                 dumps and memory: only in what is known of processes, sockets and logs"
            ));
        }
        let ranges = self.entries.iter().filter(|ioc| ioc.form == Form::Range).count();
        if ranges > RANGES {
            all.push(format!("of {ranges} ranges the first {RANGES} are looked for in bytes"));
        }
        all
    }

    /// Leaves the list in the facts.
    ///
    /// # Errors
    /// Where facts cannot be stored.
    pub fn store(&self, facts: &Facts) -> Result<(), Error> {
        facts.together(|facts| {
            for (number, ioc) in self.entries.iter().enumerate() {
                let row = Listed {
                    kind: ioc.form.word(),
                    value: HostText::from(ioc.value.as_str()),
                    port: ioc.port,
                    label: ioc.label.clone(),
                    list: HostText::from(ioc.list.as_str()),
                };
                facts.insert(number + 1, &format!("{}:{}", ioc.list, ioc.line), &row)?;
            }
            // Nothing listed is nothing missed.
            let detail = format!("{} entries listed", self.entries.len());
            match self.problems.first().filter(|_| self.incomplete()) {
                Some(problem) => {
                    facts.cover("iocs", Status::Partial, format!("{detail}; {problem}"))?;
                }
                None => facts.cover("iocs", Status::Complete, detail)?,
            }
            facts.cover("ioc_matches", Status::Complete, "")
        })
    }
}

/// A list as text: Windows writes UTF-16, old systems end lines with CR alone.
fn decoded(bytes: &[u8]) -> String {
    let wide = |little: bool| {
        let units = bytes.as_chunks::<2>().0.iter().map(|pair| match little {
            true => u16::from_le_bytes(*pair),
            false => u16::from_be_bytes(*pair),
        });
        char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    };
    let text: String = match bytes {
        [0xff, 0xfe, ..] => wide(true),
        [0xfe, 0xff, ..] => wide(false),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    };
    if text.contains('\r') && !text.contains('\n') { text.replace('\r', "\n") } else { text }
}

#[cfg(test)]
mod tests;

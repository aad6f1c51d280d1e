//! Indicators that the user lists: addresses, names, URLs, hashes, wallets, paths. They are looked
//! for in bytes as davy's own kinds are, and held against every text in the facts.

mod against;
mod form;
mod lines;
mod misp;
mod stix;

pub use against::{IocMatch, hold};
pub use form::{Form, Ioc, refang};

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
}

impl Iocs {
    /// Reads a list in any of its forms: STIX 2.1 and MISP in JSON, CSV, or a value a line.
    pub fn add(&mut self, list: &str, text: &[u8]) {
        let text = String::from_utf8_lossy(text);
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
            self.problem(format!("{list}: gave no indicator"));
        }
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
            all.push(format!(
                "the first {IN_BYTES} entries are looked for in bytes, all of them in facts"
            ));
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
            facts.cover("iocs", Status::Complete, detail)?;
            facts.cover("ioc_matches", Status::Complete, "")
        })
    }
}

#[cfg(test)]
mod tests;

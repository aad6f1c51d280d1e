//! Matches as rows, and as what `davy carve` prints.

use super::Match;
use crate::carve::place::Place;
use crate::carve::scan::{Carved, Way};
use crate::evidence::{HostPath, Pid};
use crate::facts::{Error, Facts, HostText};

crate::table! {
    pub struct YaraMatch in yara_matches, "YARA rules that matched: one row for each rule and place. Davy's own rules look at running programs that no package vouches for, deleted files and suspects' memory; the user's (--yara) at the same.";
    rule: HostText, "", "The rule's name.";
    file: HostText, "", "The file that it came in; davy/… for davy's own.";
    tags: String, "", "Its tags, parted by blanks.";
    meta: String, "", "Its metadata, as a JSON object.";
    strings: String, "", "Its strings with their offsets (for memory, addresses), at most 16: $a@0x1f30 $b@0x2000.";
    count: u64, "", "Occurrences of all its strings, at most 100 of each.";
    place: &'static str, "", "As in indicators.";
    pid: Option<Pid>, "", "The process whose executable, file or memory it is.";
    path: Option<HostPath>, "", "The file; for memory, the process's executable.";
    origin: String, "", "Fact id of what was looked at.";
}

impl Match {
    /// Its strings with their offsets, in one line.
    #[must_use]
    pub fn shown(&self) -> String {
        let all: Vec<String> =
            self.strings.iter().map(|(name, at)| format!("{name}@{at:#x}")).collect();
        all.join(" ")
    }

    fn meta(&self) -> serde_json::Map<String, serde_json::Value> {
        self.meta.iter().cloned().collect()
    }

    /// As an indicator, for printing.
    #[must_use]
    pub fn carved(&self) -> Carved {
        let meta = self.meta();
        let word = |key: &str| meta.get(key).and_then(serde_json::Value::as_str);
        let what = word("description").unwrap_or("a YARA rule matches");
        Carved {
            kind: "yara",
            value: self.rule.clone().into_bytes(),
            detail: (!self.tags.is_empty()).then(|| self.tags.join(" ")),
            host: None,
            port: None,
            offset: self.strings.first().map_or(0, |(_, at)| *at),
            way: Way::ASCII,
            context: self.shown().into_bytes(),
            count: self.count.max(1),
            why: format!("{what} ({})", self.file),
        }
    }
}

impl Place {
    /// Adds the rows.
    pub(in crate::carve) fn store_matches(
        &self,
        facts: &Facts,
        next: &mut u64,
        matches: Vec<Match>,
    ) -> Result<(), Error> {
        for one in matches {
            let row = YaraMatch {
                tags: one.tags.join(" "),
                meta: serde_json::Value::Object(one.meta()).to_string(),
                strings: one.shown(),
                rule: HostText::from(one.rule.as_str()),
                file: HostText::from(one.file.as_str()),
                count: one.count,
                place: self.place,
                pid: self.pid,
                path: self.path.clone(),
                origin: self.origin.clone(),
            };
            *next = next.saturating_add(1);
            facts.insert(*next, &self.source, &row)?;
        }
        Ok(())
    }
}

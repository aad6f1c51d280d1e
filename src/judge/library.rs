//! All playbooks and lookups of a run: those that davy carries, and the user's.

use super::alike::alike;
use super::answer::sources;
use super::lookup::Lookup;
use super::ranges_list;
use super::reputation;
use super::{Complaint, Playbook};
use crate::facts::TableDef;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

mod embedded {
    include!(concat!(env!("OUT_DIR"), "/embedded.rs"));
}

/// Files of one folder of playbooks beyond this are not read.
const MOST_FILES: usize = 10_000;

/// Bytes of a user's list; one of a million rows is some 30 MB.
const MOST_LOOKUP: u64 = 64 << 20;

/// Playbooks and lookups.
#[derive(Clone, Debug, Default)]
pub struct Playbooks {
    playbooks: BTreeMap<String, Playbook>,
    lookups: BTreeMap<String, Lookup>,
    /// What could not be read: its file's name without the extension, and why.
    broken: Vec<(String, Complaint)>,
    /// Of those, rows of lists that say what is ours and what is never blocked.
    refused: Vec<String>,
    /// Said to the user: what replaced what.
    notes: Vec<String>,
    texts: BTreeMap<String, [u8; 32]>,
    /// Playbooks' files and texts, the broken ones too.
    sources: Vec<(String, String)>,
}

impl Playbooks {
    /// Those that davy carries.
    #[must_use]
    pub fn embedded() -> Self {
        let mut all = Self::default();
        for (file, text) in embedded::LOOKUPS {
            let name = stem(Path::new(file));
            all.insert_lookup(&name, file, text);
        }
        // Read from YAML while davy was built.
        let mut read =
            serde_json::from_str::<Vec<Playbook>>(embedded::READ).unwrap_or_default().into_iter();
        for (file, text) in embedded::PLAYBOOKS {
            let of_it = read.next().filter(|playbook| playbook.file == *file);
            let playbook = match of_it {
                Some(playbook) => Ok(Playbook { source: (*text).to_owned(), ..playbook }),
                None => Playbook::parse(file, text),
            };
            all.add(file, text, playbook);
        }
        all
    }

    /// None at all; for tests and for one playbook alone.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// Adds a playbook's text. One of the same id is replaced, and a note says so.
    pub fn insert(&mut self, file: &str, text: &str) {
        self.add(file, text, Playbook::parse(file, text));
    }

    fn add(&mut self, file: &str, text: &str, playbook: Result<Playbook, Complaint>) {
        self.texts.insert(file.to_owned(), Sha256::digest(text).into());
        self.sources.push((file.to_owned(), text.to_owned()));
        match playbook {
            Ok(playbook) => {
                let id = playbook.id.text.clone();
                if let Some(before) = self.playbooks.insert(id.clone(), playbook) {
                    self.notes.push(format!("{file}: {id} replaces the one of {}", before.file));
                }
            }
            Err(complaint) => self.broken.push((stem(Path::new(file)), complaint)),
        }
    }

    /// Adds a lookup's rows; they join those of the same name.
    pub fn insert_lookup(&mut self, name: &str, file: &str, text: &str) {
        self.texts.insert(file.to_owned(), Sha256::digest(text).into());
        let (mut lookup, mut complaints) = if ranges_list::NAMES.contains(&name) {
            let (lookup, complaints) = ranges_list::parse(name, file, text);
            self.refused.extend(complaints.iter().map(ToString::to_string));
            (lookup, complaints)
        } else {
            Lookup::parse(name, file, text)
        };
        if name == reputation::NAME && !lookup.columns.is_empty() {
            let (normal, told) = reputation::normal(&lookup, file);
            lookup = normal;
            complaints.extend(told);
        }
        self.broken.extend(complaints.into_iter().map(|c| (format!("lookup {name}"), c)));
        if lookup.columns.is_empty() {
            return;
        }
        if let Some(there) = self.lookups.get(name)
            && let Some(unknown) = lookup.columns.iter().find(|c| !there.columns.contains(c))
        {
            let known = there.columns.join(", ");
            self.notes.push(format!("{file}: {name} has no column {unknown}, only {known}"));
        }
        self.lookups
            .entry(name.to_owned())
            .or_insert_with(|| Lookup { name: name.to_owned(), ..Lookup::default() })
            .add(lookup);
    }

    /// Adds `*.yml`, `*.yaml` and `lookups/*.csv` below a folder, in order of their names.
    ///
    /// # Errors
    /// Where the folder itself cannot be read; a file that cannot is noted.
    pub fn add_folder(&mut self, folder: &Path) -> std::io::Result<()> {
        let mut files = Vec::new();
        gather(folder, 0, &mut files)?;
        files.sort();
        for file in files {
            let shown = file.display().to_string();
            let extension = file.extension().and_then(|e| e.to_str()).unwrap_or_default();
            if !matches!(extension, "yml" | "yaml" | "csv") {
                continue;
            }
            match std::fs::read_to_string(&file) {
                Ok(text) if extension == "csv" => self.insert_lookup(&stem(&file), &shown, &text),
                Ok(text) => self.insert(&shown, &text),
                Err(error) => {
                    self.broken.push((stem(&file), Complaint::of_file(&shown, error.to_string())))
                }
            }
        }
        Ok(())
    }

    /// Adds a user's list under a name: `--lookup NAME=FILE`. Playbooks that use a list of the
    /// user's own come before it.
    ///
    /// # Errors
    /// In words for the user: the name is a table's, or no playbook uses a list of that name; the
    /// file is none, is over 64 MiB, or is no text.
    pub fn add_lookup(
        &mut self,
        name: &str,
        file: &Path,
        tables: &[TableDef],
    ) -> Result<(), String> {
        self.lookup_name(name, tables)?;
        let shown = file.display();
        let text = lookup_text(file).map_err(|why| format!("{shown}: {why}"))?;
        let rows = |all: &Self| all.lookups.get(name).map_or(0, |list| list.rows.len());
        let before = rows(self);
        self.insert_lookup(name, &shown.to_string(), &text);
        if rows(self) > before {
            return Ok(());
        }
        let why = self.broken.iter().rev().find(|(_, c)| c.file == shown.to_string());
        let why = why.map(|(_, c)| format!(": {}", c.message)).unwrap_or_default();
        Err(format!("{shown}: no row of it can be used{why}"))
    }

    /// Whether a list of that name would be read by anything.
    fn lookup_name(&self, name: &str, tables: &[TableDef]) -> Result<(), String> {
        if tables.iter().any(|table| table.name.eq_ignore_ascii_case(name)) {
            return Err(format!("`{name}` is a table of facts; a lookup needs another name"));
        }
        let mut queries = self.playbooks.values().map(|p| p.query.text.to_ascii_lowercase());
        if self.lookups.contains_key(name) || queries.any(|sql| sources(&sql).any(|s| s == name)) {
            return Ok(());
        }
        let known: Vec<&str> = self.lookups.keys().map(String::as_str).collect();
        let near = alike(name, known.iter().copied());
        let near = near.first().map(|near| format!("; did you mean {near}?")).unwrap_or_default();
        Err(format!("no playbook uses a lookup `{name}`{near} (there is {})", known.join(", ")))
    }

    /// In order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = &Playbook> {
        self.playbooks.values()
    }

    /// One by its id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Playbook> {
        self.playbooks.get(id)
    }

    /// The files of all playbooks with their texts, those that are broken too.
    pub fn sources(&self) -> impl Iterator<Item = (&str, &str)> {
        self.sources.iter().map(|(file, text)| (file.as_str(), text.as_str()))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.playbooks.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.playbooks.is_empty()
    }

    /// The lists, by name.
    pub fn lookups(&self) -> impl Iterator<Item = &Lookup> {
        self.lookups.values()
    }

    /// What could not be read, with the name it would have had.
    #[must_use]
    pub fn broken(&self) -> &[(String, Complaint)] {
        &self.broken
    }

    /// What of `allow` and `internal_ranges` was not understood: whoever judges without these rows
    /// would block what they protect.
    #[must_use]
    pub fn refused(&self) -> &[String] {
        &self.refused
    }

    /// What the user should hear: what replaced what.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// SHA-256 over the names and digests of all texts, hexadecimal.
    #[must_use]
    pub fn sha256(&self) -> String {
        let mut hash = Sha256::new();
        for (file, digest) in &self.texts {
            hash.update(file.as_bytes());
            hash.update([0]);
            hash.update(digest);
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// A list's text. A FIFO or a device would hold us for ever, a huge file fill the memory.
fn lookup_text(file: &Path) -> Result<String, String> {
    let about = std::fs::metadata(file).map_err(|e| e.to_string())?;
    if !about.is_file() {
        return Err("not a file".to_owned());
    }
    let too_long = || format!("a lookup of more than {} MiB is not read", MOST_LOOKUP >> 20);
    if about.len() > MOST_LOOKUP {
        return Err(too_long());
    }
    let mut text = String::new();
    let opened = std::fs::File::open(file).map_err(|e| e.to_string())?;
    let read = opened.take(MOST_LOOKUP + 1).read_to_string(&mut text).map_err(|e| e.to_string())?;
    if read as u64 > MOST_LOOKUP { Err(too_long()) } else { Ok(text) }
}

fn stem(file: &Path) -> String {
    file.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn gather(folder: &Path, depth: u32, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        // Links are not followed: a folder may hold one to itself. Nor is a FIFO ever opened.
        let kind = entry.file_type()?;
        if kind.is_dir() && depth < 8 {
            gather(&entry.path(), depth + 1, files)?;
        } else if kind.is_file() && files.len() < MOST_FILES {
            files.push(entry.path());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_was_read_while_building_is_what_the_files_say() {
        let read: Vec<Playbook> = serde_json::from_str(embedded::READ).unwrap();
        assert_eq!(read.len(), embedded::PLAYBOOKS.len());
        for (playbook, (file, text)) in read.into_iter().zip(embedded::PLAYBOOKS) {
            let playbook = Playbook { source: (*text).to_owned(), ..playbook };
            assert_eq!(playbook, Playbook::parse(file, text).unwrap(), "{file}");
        }
    }
}

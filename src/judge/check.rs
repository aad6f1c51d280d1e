//! `davy playbook check`: what is wrong with a playbook, each with its line and a caret.

mod query;
#[cfg(test)]
mod tests;

use super::template::{Piece, pieces};
use super::{Complaint, Kind, Placed, Playbook, Playbooks, attack, is_number, prepare};
use crate::facts::{self, Facts, TableDef};
use std::path::Path;

/// Examines playbooks against empty facts of all tables.
pub struct Checker<'a> {
    facts: Facts,
    playbooks: &'a Playbooks,
    tables: &'a [TableDef],
}

impl<'a> Checker<'a> {
    /// With these lookups and tables.
    ///
    /// # Errors
    /// Where SQLite cannot start.
    pub fn new(playbooks: &'a Playbooks, tables: &'a [TableDef]) -> Result<Self, facts::Error> {
        let facts = Facts::in_memory(tables)?;
        prepare(&facts, playbooks, tables)?;
        Ok(Self { facts, playbooks, tables })
    }

    /// All that is wrong with a playbook's text, in order of its lines; nothing where it is right.
    #[must_use]
    pub fn check(&self, file: &str, source: &str) -> Vec<Complaint> {
        let playbook = match Playbook::parse(file, source) {
            Ok(playbook) => playbook,
            Err(complaint) => return vec![complaint],
        };
        let mut out = Vec::new();
        name(&playbook, &mut out);
        for tag in &playbook.tags {
            if let Some((message, help)) = attack::wrong(&tag.text, self.playbooks) {
                out.push(playbook.complain(tag, 0, tag.text.len(), message).help(help));
            }
        }
        self.needs(&playbook, &mut out);
        if playbook.kind == Kind::Finding {
            tested(&playbook, &mut out);
            for (key, text) in
                [("title", &playbook.title), ("false_positives", &playbook.false_positives)]
            {
                if text.trim().is_empty() {
                    out.push(playbook.lacks(key));
                }
            }
        }
        // Where the query is wrong, its columns are not known and nothing can be held to them.
        match query::columns(self, &playbook) {
            Ok(columns) => {
                for name in playbook.report.iter().flat_map(|report| &report.columns) {
                    if !columns.contains(name) {
                        let message = format!("report: the query returns no column `{name}`");
                        out.push(Complaint::of_file(file, message));
                    }
                }
                query::subject(&playbook, &columns, &mut out);
                words(&playbook, &playbook.because, &columns, &mut out);
                for next in &playbook.next {
                    words(&playbook, next, &columns, &mut out);
                    quotes(&playbook, next, &mut out);
                }
            }
            Err(complaint) => out.push(*complaint),
        }
        out.sort_by_key(|complaint| (complaint.line, complaint.column));
        out
    }

    fn needs(&self, playbook: &Playbook, out: &mut Vec<Complaint>) {
        for need in &playbook.needs {
            let (name, column) = match need.text.split_once('.') {
                Some((name, column)) => (name, Some(column)),
                None => (need.text.as_str(), None),
            };
            let table = self.tables.iter().find(|table| table.name == name);
            // What coverage says of a process's memory is no table's.
            let known = match (table, column) {
                (Some(table), Some(column)) => table.columns.iter().any(|c| c.name == column),
                (Some(_), None) => true,
                (None, _) => need.text == "memory",
            };
            if !known {
                let message = format!("no table or column `{}`", need.text);
                out.push(playbook.complain(need, 0, need.text.len(), message));
            }
        }
    }
}

/// A reader looks for a playbook by its id.
fn name(playbook: &Playbook, out: &mut Vec<Complaint>) {
    let stem = Path::new(&playbook.file).file_stem().unwrap_or_default().to_string_lossy();
    let id = &playbook.id;
    if stem != id.text && playbook.file != "-" {
        let message = format!("the id is `{}`, but the file is named `{stem}`", id.text);
        out.push(playbook.complain(id, 0, id.text.len(), message));
    }
}

fn tested(playbook: &Playbook, out: &mut Vec<Complaint>) {
    let missing = match &playbook.test {
        None => vec!["test"],
        Some(test) => [("test.fires", &test.fires), ("test.quiet", &test.quiet)]
            .into_iter()
            .filter(|(_, hosts)| hosts.is_empty())
            .map(|(key, _)| key)
            .collect(),
    };
    for key in missing {
        out.push(playbook.lacks(key).help(
            "a host on which it fires and one on which it stays quiet: test: {fires: [hosts/…], quiet: [hosts/…]}",
        ));
    }
}

/// Each `{name}` is a column.
fn words(playbook: &Playbook, text: &Placed, columns: &[String], out: &mut Vec<Complaint>) {
    for piece in pieces(&text.text) {
        if let Piece::Column(name, at) = piece
            && !columns.iter().any(|column| column == name)
        {
            let message = format!("the query returns no column `{name}`");
            out.push(
                playbook
                    .complain(text, at, name.len().saturating_add(2), message)
                    .help(format!("it returns {}", columns.join(", "))),
            );
        }
    }
}

/// Values are quoted for the shell where they need it, and quotes within quotes undo each other:
/// a suspect's file name could then run a command. Numbers need none.
fn quotes(playbook: &Playbook, text: &Placed, out: &mut Vec<Complaint>) {
    let mut open = Quotes::default();
    for piece in pieces(&text.text) {
        match piece {
            Piece::Words(words) => open.read(words),
            Piece::Column(name, at) => {
                let number = is_number(name) || matches!(name, "ppid" | "fd" | "line" | "inode");
                if open.quoted() && !number {
                    let message = format!("`{{{name}}}` stands within quotes");
                    out.push(
                        playbook
                            .complain(text, at, name.len().saturating_add(2), message)
                            .help("leave the quotes away: values are quoted where they need it"),
                    );
                }
            }
        }
    }
}

/// Which quotes are open; a command substitution within them begins anew.
#[derive(Default)]
struct Quotes(Vec<char>);

impl Quotes {
    fn read(&mut self, words: &str) {
        let mut chars = words.chars().peekable();
        while let Some(c) = chars.next() {
            match (self.0.last(), c) {
                (Some('\''), '\'') | (Some('"'), '"') | (Some('('), ')') => {
                    self.0.pop();
                }
                (Some('\''), _) => {}
                (_, '\\') => {
                    chars.next();
                }
                (_, '$') if chars.peek() == Some(&'(') => {
                    chars.next();
                    self.0.push('(');
                }
                (Some('"'), _) => {}
                (_, '\'' | '"') => self.0.push(c),
                _ => {}
            }
        }
    }

    fn quoted(&self) -> bool {
        matches!(self.0.last(), Some('\'' | '"'))
    }
}

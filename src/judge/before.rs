//! What the playbooks were answered before: one whose tables have not grown since need not ask again.

use super::Playbook;
use super::round::Answered;
use crate::facts::{self, Facts, TableDef};
use std::collections::BTreeMap;

/// The answers of earlier calls over the same facts. Between two calls rows may be added, as
/// carving does, and coverage may change; no row is altered.
#[derive(Default)]
pub struct Before {
    answers: BTreeMap<String, Answered>,
    rows: BTreeMap<&'static str, i64>,
}

impl Before {
    /// Forgets what was answered by playbooks that read a table which has grown.
    pub(super) fn forget(
        &mut self,
        facts: &Facts,
        tables: &[TableDef],
    ) -> Result<(), facts::Error> {
        let mut grown = vec!["coverage", "sources"];
        for table in tables {
            let question = format!("SELECT count(*) FROM \"{}\"", table.name);
            let counted: Vec<i64> = facts.rows(&question, [], |row| row.get(0))?;
            let count = counted.first().copied().unwrap_or(0);
            if self.rows.insert(table.name, count) != Some(count) {
                grown.push(table.name);
            }
        }
        self.answers.retain(|_, (answer, asked)| {
            answer.is_ok() && !asked.reads.iter().any(|(table, _)| grown.contains(&table.as_str()))
        });
        Ok(())
    }

    pub(super) fn get(&self, playbook: &Playbook) -> Option<&Answered> {
        self.answers.get(&playbook.id.text)
    }

    pub(super) fn put(&mut self, playbook: &Playbook, answered: Answered) {
        self.answers.insert(playbook.id.text.clone(), answered);
    }
}

//! Tables that are made only where a question asks for them: they cost a pass over all alerts.

use super::{campaign, reach};
use crate::facts::{Error, Facts, Status};
use std::collections::BTreeMap;

/// Fills the tables that these queries name, each with its parameters; those of `reach` and
/// `paths` are the last one's. [`crate::judge::prepare`] must have run.
///
/// # Errors
/// Where SQLite fails.
pub fn make(facts: &Facts, sql: &str, params: &BTreeMap<String, String>) -> Result<(), Error> {
    if names(sql, &["actors", "campaigns", "campaign_members"]) && !made(facts)? {
        campaign::fill(facts)?;
        facts.cover(MADE, Status::Complete, "")?;
    }
    if names(sql, &["reach", "paths"]) {
        reach::fill(facts, params)?;
    }
    Ok(())
}

/// How coverage names them.
const MADE: &str = "actors";

fn made(facts: &Facts) -> Result<bool, Error> {
    let rows = facts.rows("SELECT 1 FROM coverage WHERE what = ?", [MADE], |_| Ok(()))?;
    Ok(!rows.is_empty())
}

/// Whether one of these words stands in the query. A word too many costs time and nothing else.
fn names(sql: &str, tables: &[&str]) -> bool {
    sql.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .any(|word| tables.iter().any(|table| word.eq_ignore_ascii_case(table)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_words_of_a_query() {
        assert!(names("SELECT * FROM Actors a", &["actors"]));
        assert!(names("SELECT campaigns.name", &["actors", "campaigns"]));
        assert!(!names("SELECT malefactors FROM x", &["actors"]));
    }
}

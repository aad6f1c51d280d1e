//! What makes a run partial.

use crate::facts::{self, Facts, Pieces};

/// The evidence that is there and could not be read: denied, timed out or damaged, and more than
/// a scratch, or cut off by davy's own limits. What a source by its nature lacks, and what is left out by
/// design or by choice, is coverage and no failure.
pub fn failing(facts: &Facts) -> Result<Vec<String>, facts::Error> {
    let sql = "SELECT status, read, missed, failed, cut, what, detail FROM coverage ORDER BY what";
    let rows = facts.rows(sql, [], |row| {
        let number = |column| -> rusqlite::Result<u64> {
            Ok(row.get::<_, Option<i64>>(column)?.unwrap_or(0).cast_unsigned())
        };
        let pieces =
            Pieces { read: number(1)?, missed: number(2)?, failed: number(3)?, cut: number(4)? };
        let (what, detail) = (row.get::<_, String>(5)?, row.get::<_, String>(6)?);
        Ok((row.get::<_, String>(0)?, pieces, format!("{what}: {detail}")))
    })?;
    Ok(rows
        .into_iter()
        .filter(|(status, pieces, _)| {
            matches!(status.as_str(), "denied" | "timed-out") || pieces.failing()
        })
        .map(|(.., words)| words)
        .collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::facts::Status;

    #[test]
    fn what_could_not_be_read_is_named_and_a_scratch_is_not() {
        let facts = Facts::in_memory(&[]).unwrap();
        let counted = |what: &str, read, missed| {
            let pieces = Pieces { read, missed, failed: missed, cut: 0 };
            let detail = format!("{read} read");
            facts.cover_counted(what.to_owned(), Status::Partial, detail, pieces).unwrap();
        };
        counted("environment", 8, 1);
        counted("processes.exe", 8, 2);
        facts.cover("accounts", Status::Denied, "2 denied").unwrap();
        facts.cover("logins", Status::Absent, "").unwrap();
        assert_eq!(failing(&facts).unwrap(), ["accounts: 2 denied", "processes.exe: 8 read"]);
    }
}

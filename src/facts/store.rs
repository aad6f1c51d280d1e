//! The SQLite store: in memory while a run lasts, then a file that any tool can open.

use super::guard::Guard;
use super::{Asked, Coverage, HostText, Limits, Pieces, Status, Table, TableDef};
use rusqlite::backup::Backup;
use rusqlite::{CachedStatement, Connection};
use std::fmt::Display;
use std::fs::OpenOptions;
use std::marker::PhantomData;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The store failed; what it was doing is told.
#[derive(Debug)]
pub enum Error {
    /// SQLite's own words.
    Sql {
        /// What was being done.
        doing: String,
        /// What SQLite says.
        cause: rusqlite::Error,
    },
    /// A facts file could not be made.
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
}

impl Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sql { doing, cause } => write!(f, "facts: {doing}: {cause}"),
            Self::File { path, cause } => write!(f, "{}: {cause}", path.display()),
        }
    }
}

impl std::error::Error for Error {}

crate::table! {
    pub struct Source in sources, "What was read: one row a live host, archive, dump or log.";
    kind: &'static str, "", "live, directory, recording, text, core or log.";
    name: String, "", "The host's name or the file's path.";
}

/// All that was seen.
pub struct Facts {
    connection: Connection,
    guard: Guard,
    origin: Option<Origin>,
}

/// Where a reader finds what a source names, as the member of an archive; `None` where the source
/// can be read as it is.
pub type Origin = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

impl Facts {
    /// An empty store in memory with these tables.
    ///
    /// # Errors
    /// Where SQLite cannot start or a table's declaration is not valid SQL.
    pub fn in_memory(tables: &[TableDef]) -> Result<Self, Error> {
        let connection = Connection::open_in_memory().map_err(sql("opening in memory"))?;
        let facts = Self::prepare(connection)?;
        for table in [Source::DEF, Coverage::DEF].iter().chain(tables) {
            facts
                .connection
                .execute_batch(&table.create())
                .map_err(sql(&format!("creating table {}", table.name)))?;
        }
        Ok(facts)
    }

    fn prepare(mut connection: Connection) -> Result<Self, Error> {
        // Whatever SQLite would put aside stays in memory: nothing is written to the suspect host.
        connection
            .execute_batch("PRAGMA journal_mode = OFF; PRAGMA temp_store = MEMORY;")
            .map_err(sql("setting up"))?;
        connection.set_prepared_statement_cache_capacity(128);
        let guard = Guard::install(&mut connection).map_err(sql("setting up"))?;
        Ok(Self { connection, guard, origin: None })
    }

    /// From now on, sources are written as a reader of the evidence finds them.
    pub fn set_origin(&mut self, origin: Option<Origin>) {
        self.origin = origin;
    }

    /// Adds a row. `key` makes the fact's id with the table's name: `processes/2584`.
    ///
    /// # Errors
    /// Where SQLite refuses, as on a full disk.
    pub fn insert<T: Table>(&self, key: impl Display, source: &str, row: &T) -> Result<(), Error> {
        self.inserter()?.insert(key, source, row)
    }

    /// For many rows of one table: what [`insert`](Self::insert) looks up is looked up once.
    ///
    /// # Errors
    /// Where SQLite does not know the table.
    pub fn inserter<T: Table>(&self) -> Result<Inserter<'_, T>, Error> {
        let statement = self.connection.prepare_cached(T::INSERT).map_err(adding::<T>)?;
        let origin = self.origin.as_ref();
        Ok(Inserter { statement, origin, text: String::new(), rows: PhantomData })
    }

    /// Notes how completely something was read.
    ///
    /// # Errors
    /// Where SQLite refuses.
    pub fn cover(
        &self,
        what: impl Into<String>,
        status: Status,
        detail: impl Into<String>,
    ) -> Result<(), Error> {
        self.covered(what.into(), status, detail.into(), None)
    }

    /// The same, with counts, by which the playbooks tell a hole from a scratch.
    ///
    /// # Errors
    /// Where SQLite refuses.
    pub fn cover_counted(
        &self,
        what: impl Into<String>,
        status: Status,
        detail: impl Into<String>,
        pieces: Pieces,
    ) -> Result<(), Error> {
        self.covered(what.into(), status, detail.into(), Some(pieces))
    }

    fn covered(
        &self,
        what: String,
        status: Status,
        detail: String,
        pieces: Option<Pieces>,
    ) -> Result<(), Error> {
        let row = Coverage {
            what,
            status: status.word(),
            detail,
            read: pieces.map(|p| p.read),
            missed: pieces.map(|p| p.missed),
            failed: pieces.map(|p| p.failed),
            cut: pieces.map(|p| p.cut),
        };
        let key = HostText::from(row.what.as_str());
        self.insert(format!("{key}/{}", row.status), "davy", &row)
    }

    /// Runs a step in one transaction, which is many times faster than a transaction a row.
    /// What the step had added when it failed is kept. Steps may stand inside steps.
    ///
    /// # Errors
    /// The step's own, or SQLite's.
    pub fn together<R, E: From<Error>>(
        &self,
        step: impl FnOnce(&Self) -> Result<R, E>,
    ) -> Result<R, E> {
        self.begin()?;
        let result = step(self);
        self.end()?;
        result
    }

    /// Begins a step of many rows, where no closure can hold it: [`end`](Self::end) ends it.
    ///
    /// # Errors
    /// Where SQLite refuses.
    pub fn begin(&self) -> Result<(), Error> {
        self.connection.execute_batch("SAVEPOINT step").map_err(sql("beginning"))
    }

    /// Ends what [`begin`](Self::begin) began.
    ///
    /// # Errors
    /// Where SQLite refuses.
    pub fn end(&self) -> Result<(), Error> {
        self.connection.execute_batch("RELEASE step").map_err(sql("committing"))
    }

    /// The rows of a query, for a collector that builds on what earlier ones left.
    ///
    /// # Errors
    /// Where SQLite refuses the query or a value is not of the type asked for.
    pub fn rows<R>(
        &self,
        query: &str,
        parameters: impl rusqlite::Params,
        row: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<R>,
    ) -> Result<Vec<R>, Error> {
        let fail = |cause| Error::Sql { doing: format!("asking {query}"), cause };
        let mut statement = self.connection.prepare_cached(query).map_err(fail)?;
        statement.query_map(parameters, row).map_err(fail)?.collect::<Result<_, _>>().map_err(fail)
    }

    /// Runs a statement that completes rows which an earlier collector left.
    ///
    /// # Errors
    /// Where SQLite refuses.
    pub fn change(&self, statement: &str, parameters: impl rusqlite::Params) -> Result<(), Error> {
        let fail = |cause| Error::Sql { doing: statement.to_owned(), cause };
        let mut prepared = self.connection.prepare_cached(statement).map_err(fail)?;
        prepared.execute(parameters).map_err(fail)?;
        Ok(())
    }

    /// Writes all of it to a new file that any tool can open: under a name of its own first, then
    /// renamed, so that the file is whole or absent.
    ///
    /// # Errors
    /// Where the file is there already or cannot be written, as on a full disk; the store in
    /// memory is unharmed.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        let file = |cause| Error::File { path: path.to_owned(), cause };
        if path.exists() {
            return Err(file(std::io::ErrorKind::AlreadyExists.into()));
        }
        let mut unfinished = path.as_os_str().to_owned();
        unfinished.push(".unfinished");
        let unfinished = PathBuf::from(unfinished);
        // The name goes in as an expression, never into the text of the statement.
        let name =
            unfinished.to_str().ok_or_else(|| file(std::io::ErrorKind::InvalidInput.into()))?;
        // Made by us, so that it is its owner's alone: facts hold what the host would keep secret.
        let placed = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&unfinished)
            .map_err(file)
            .and_then(|made| {
                let doing = format!("writing {}", path.display());
                self.connection.execute("VACUUM INTO ?", [name]).map_err(sql(&doing))?;
                made.sync_all().and_then(|()| std::fs::rename(&unfinished, path)).map_err(file)
            });
        if placed.is_err() {
            // Half a database is worse than none; that it could not be removed is not worth more words.
            let _ = std::fs::remove_file(&unfinished);
        }
        placed
    }

    /// Runs a question from elsewhere, as a playbook's: it may read and nothing else, within
    /// limits. Statements must be prepared inside, and not be cached.
    ///
    /// # Errors
    /// Where SQLite refuses the limits; the question's own errors are in its answer.
    pub fn read_only<R>(
        &self,
        limits: Limits,
        question: impl FnOnce(&Connection) -> R,
    ) -> Result<(R, Asked), Error> {
        self.guard.ask(&self.connection, limits, question)
    }

    /// How much the store holds, in bytes.
    ///
    /// # Errors
    /// Where SQLite refuses.
    pub fn bytes(&self) -> Result<u64, Error> {
        let question = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
        let bytes: i64 = self
            .connection
            .query_row(question, [], |row| row.get(0))
            .map_err(sql("measuring the store"))?;
        Ok(bytes.cast_unsigned())
    }

    /// The same facts once more, to be asked by another thread. What is temporary is not copied.
    ///
    /// # Errors
    /// Where memory is short.
    pub fn copy(&self) -> Result<Self, Error> {
        let copied = |mut copy: Connection| {
            let backup = Backup::new(&self.connection, &mut copy)?;
            // All pages at once.
            backup.step(-1)?;
            drop(backup);
            Ok(copy)
        };
        let copy = Connection::open_in_memory().and_then(copied);
        Self::prepare(copy.map_err(sql("copying the facts"))?)
    }

    /// SQLite itself, for those who ask questions.
    #[must_use]
    pub const fn connection(&self) -> &Connection {
        &self.connection
    }
}

/// Adds rows to one table.
pub struct Inserter<'f, T> {
    statement: CachedStatement<'f>,
    origin: Option<&'f Origin>,
    /// For ids and sources, over and over.
    text: String,
    rows: PhantomData<T>,
}

impl<T: Table> Inserter<'_, T> {
    /// Adds a row, as [`Facts::insert`].
    ///
    /// # Errors
    /// Where SQLite refuses, as on a full disk.
    pub fn insert(
        &mut self,
        key: impl Display,
        source: impl Display,
        row: &T,
    ) -> Result<(), Error> {
        self.write(format_args!("{}/{key}", T::DEF.name));
        self.statement.raw_bind_parameter(1, self.text.as_str()).map_err(adding::<T>)?;
        self.write(source);
        let found = self.origin.and_then(|origin| origin(&self.text));
        let source = found.as_deref().unwrap_or(&self.text);
        self.statement.raw_bind_parameter(2, source).map_err(adding::<T>)?;
        row.bind(&mut self.statement, 3).map_err(adding::<T>)?;
        self.statement.raw_execute().map_err(adding::<T>)?;
        Ok(())
    }

    fn write(&mut self, text: impl Display) {
        use std::fmt::Write;
        self.text.clear();
        // Writing to a String cannot fail.
        let _ = write!(self.text, "{text}");
    }
}

fn adding<T: Table>(cause: rusqlite::Error) -> Error {
    Error::Sql { doing: format!("adding to {}", T::DEF.name), cause }
}

fn sql(doing: &str) -> impl FnOnce(rusqlite::Error) -> Error {
    let doing = doing.to_owned();
    move |cause| Error::Sql { doing, cause }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn saved_facts_are_whole_or_absent() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("facts.db");
        let facts = Facts::in_memory(&[]).unwrap();
        facts.cover("processes", Status::Complete, "").unwrap();
        facts.save(&path).unwrap();
        let saved = Connection::open(&path).unwrap();
        let rows: i64 = saved.query_row("SELECT count(*) FROM coverage", [], |r| r.get(0)).unwrap();
        assert_eq!(rows, 1);
        assert!(facts.save(&path).is_err(), "a file that is there is not overwritten");
        let nowhere = folder.path().join("absent/facts.db");
        assert!(facts.save(&nowhere).is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no half files are left");
    }
}

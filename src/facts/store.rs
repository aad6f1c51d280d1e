//! The SQLite store: in memory for a quick look, or a file that any tool can open.

use super::{Coverage, HostText, Status, Table, TableDef};
use rusqlite::Connection;
use std::fmt::Display;
use std::path::{Path, PathBuf};

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
}

impl Facts {
    /// An empty store in memory with these tables.
    ///
    /// # Errors
    /// Where SQLite cannot start or a table's declaration is not valid SQL.
    pub fn in_memory(tables: &[TableDef]) -> Result<Self, Error> {
        let connection = Connection::open_in_memory().map_err(sql("opening in memory"))?;
        Self::prepare(connection, tables)
    }

    /// An empty store in a new file; one that is there already is not overwritten.
    ///
    /// # Errors
    /// Where the file cannot be made or is there already.
    pub fn create(path: &Path, tables: &[TableDef]) -> Result<Self, Error> {
        std::fs::File::create_new(path)
            .map_err(|cause| Error::File { path: path.to_owned(), cause })?;
        let connection = Connection::open(path).map_err(sql("opening the facts file"))?;
        Self::prepare(connection, tables)
    }

    fn prepare(connection: Connection, tables: &[TableDef]) -> Result<Self, Error> {
        // A case folder is made whole or not at all by its writer, so the database needs no
        // journal of its own; the rows of a run stand in one transaction per step.
        connection
            .execute_batch(
                "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA temp_store = MEMORY;",
            )
            .map_err(sql("setting up"))?;
        connection.set_prepared_statement_cache_capacity(128);
        let facts = Self { connection };
        for table in [Source::DEF, Coverage::DEF].iter().chain(tables) {
            facts
                .connection
                .execute_batch(&table.create())
                .map_err(sql(&format!("creating table {}", table.name)))?;
        }
        Ok(facts)
    }

    /// Adds a row. `key` makes the fact's id with the table's name: `processes/2584`.
    ///
    /// # Errors
    /// Where SQLite refuses, as on a full disk.
    pub fn insert<T: Table>(&self, key: impl Display, source: &str, row: &T) -> Result<(), Error> {
        let table = T::DEF;
        let fail = |cause| Error::Sql { doing: format!("adding to {}", table.name), cause };
        let mut statement = self.connection.prepare_cached(T::INSERT).map_err(fail)?;
        statement.raw_bind_parameter(1, format!("{}/{key}", table.name)).map_err(fail)?;
        statement.raw_bind_parameter(2, source).map_err(fail)?;
        row.bind(&mut statement, 3).map_err(fail)?;
        statement.raw_execute().map_err(fail)?;
        Ok(())
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
        let row = Coverage { what: what.into(), status: status.word(), detail: detail.into() };
        let key = HostText::from(row.what.as_str());
        self.insert(format!("{key}/{}", row.status), "davy", &row)
    }

    /// Runs a step in one transaction, which is many times faster than a transaction a row.
    /// What the step had added when it failed is kept.
    ///
    /// # Errors
    /// The step's own, or SQLite's.
    pub fn together<R, E: From<Error>>(
        &self,
        step: impl FnOnce(&Self) -> Result<R, E>,
    ) -> Result<R, E> {
        self.connection.execute_batch("BEGIN").map_err(sql("beginning"))?;
        let result = step(self);
        self.connection.execute_batch("COMMIT").map_err(sql("committing"))?;
        result
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

    /// SQLite itself, for those who ask questions.
    #[must_use]
    pub const fn connection(&self) -> &Connection {
        &self.connection
    }
}

fn sql(doing: &str) -> impl FnOnce(rusqlite::Error) -> Error {
    let doing = doing.to_owned();
    move |cause| Error::Sql { doing, cause }
}

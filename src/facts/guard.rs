//! Asking without harm: a question from elsewhere may read, for so long and in so much memory.
//!
//! SQLite calls the authorizer while it prepares a statement and the progress handler while it
//! runs one. Both are set once, when the store is made, and do nothing outside
//! [`Facts::read_only`](super::Facts::read_only).

use super::Error;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::{Connection, Result};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How much a question may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Wall-clock time from its first step.
    pub time: Duration,
    /// Bytes by which davy's resident memory may grow meanwhile.
    pub memory: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { time: Duration::from_secs(10), memory: 512 << 20 }
    }
}

/// What a question did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Tables and columns that it reads, whether a row was there or not. The column is empty
    /// where only the number of rows matters.
    pub reads: BTreeSet<(String, String)>,
    /// The first thing it was refused, as `writing to processes`.
    pub refused: Option<String>,
    /// Why it was stopped before its end.
    pub stopped: Option<Stopped>,
}

/// Why a question was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// Its time was up.
    Time,
    /// It took too much memory.
    Memory,
}

/// The state that the hooks share with the store.
#[derive(Clone, Default)]
pub(super) struct Guard(Arc<Mutex<Option<Watch>>>);

struct Watch {
    asked: Asked,
    limits: Limits,
    began: Instant,
    looked: Instant,
    resident: Option<u64>,
}

/// Longest text, blob or row inside a guarded question, in bytes.
const LENGTH: i32 = 16 << 20;
/// Steps of SQLite's machine between two looks at the clock: some 20 microseconds.
const STEPS: std::ffi::c_int = 1000;
/// Time between two looks at the memory, which cost a microsecond each.
const LOOK: Duration = Duration::from_millis(2);

impl Guard {
    /// Sets the hooks.
    pub(super) fn install(connection: &mut Connection) -> Result<Self> {
        let guard = Self::default();
        let authorizer = guard.clone();
        connection.authorizer(Some(move |context: AuthContext<'_>| {
            authorizer.lock().as_mut().map_or(Authorization::Allow, |watch| watch.allow(context))
        }))?;
        let clock = guard.clone();
        connection.progress_handler(
            STEPS,
            Some(move || clock.lock().as_mut().is_some_and(Watch::stop)),
        )?;
        Ok(guard)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Watch>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `question` under the hooks.
    pub(super) fn ask<R>(
        &self,
        connection: &Connection,
        limits: Limits,
        question: impl FnOnce(&Connection) -> R,
    ) -> std::result::Result<(R, Asked), Error> {
        let fail = |cause| Error::Sql { doing: "limiting a question".to_owned(), cause };
        let length = connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, LENGTH).map_err(fail)?;
        let attached = connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0).map_err(fail)?;
        let now = Instant::now();
        *self.lock() = Some(Watch {
            asked: Asked::default(),
            limits,
            began: now,
            looked: now,
            resident: None,
        });
        let answer = question(connection);
        let asked = self.lock().take().map(|watch| watch.asked).unwrap_or_default();
        connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, length).map_err(fail)?;
        connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, attached).map_err(fail)?;
        Ok((answer, asked))
    }
}

impl Watch {
    fn allow(&mut self, context: AuthContext<'_>) -> Authorization {
        let refused = match context.action {
            AuthAction::Select | AuthAction::Recursive => return Authorization::Allow,
            // The schema and the pragmas that pose as tables tell nothing of the host.
            AuthAction::Read { table_name, .. } if internal(table_name) => {
                format!("reading {table_name}")
            }
            AuthAction::Read { table_name, column_name } => {
                self.asked.reads.insert((table_name.to_owned(), column_name.to_owned()));
                return Authorization::Allow;
            }
            // The same facts must give the same findings.
            AuthAction::Function { function_name }
                if matches!(
                    function_name,
                    "load_extension" | "random" | "randomblob" | "fts3_tokenizer"
                ) =>
            {
                format!("calling {function_name}()")
            }
            AuthAction::Function { .. } => return Authorization::Allow,
            AuthAction::Insert { table_name }
            | AuthAction::Delete { table_name }
            | AuthAction::Update { table_name, .. } => format!("writing to {table_name}"),
            AuthAction::Pragma { pragma_name, .. } => format!("PRAGMA {pragma_name}"),
            AuthAction::Attach { .. } | AuthAction::Detach { .. } => {
                "attaching a database".to_owned()
            }
            AuthAction::Transaction { .. } | AuthAction::Savepoint { .. } => {
                "a transaction".to_owned()
            }
            _ => "changing the schema".to_owned(),
        };
        self.asked.refused.get_or_insert(refused);
        Authorization::Deny
    }

    fn stop(&mut self) -> bool {
        let now = Instant::now();
        if now.duration_since(self.began) > self.limits.time {
            self.asked.stopped = Some(Stopped::Time);
        } else if now.duration_since(self.looked) > LOOK {
            self.looked = now;
            // Most questions are answered before the first look, which is what the others grow from.
            match (self.resident, resident()) {
                (Some(before), Some(after))
                    if after.saturating_sub(before) > self.limits.memory =>
                {
                    self.asked.stopped = Some(Stopped::Memory);
                }
                (None, now) => self.resident = now,
                _ => {}
            }
        }
        self.asked.stopped.is_some()
    }
}

fn internal(table: &str) -> bool {
    let table = table.to_ascii_lowercase();
    table.starts_with("sqlite_") || table.starts_with("pragma_") || table == "dbstat"
}

/// davy's own resident memory in bytes; NULL where /proc is not there, and then memory is bounded
/// by time alone. SQLite's own limit holds for the whole process and cannot be taken back.
fn resident() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split(' ').nth(1)?.parse().ok()?;
    Some(pages.saturating_mul(u64::try_from(rustix::param::page_size()).ok()?))
}

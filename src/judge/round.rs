//! All playbooks asked, by two where there is much to read: each has facts of its own, since
//! SQLite lets one ask at a time.

use super::ask::{self, Failure, Rows};
use super::{Playbook, Playbooks, functions};
use crate::facts::{self, Asked, Facts, Limits, Stopped};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What one playbook was answered.
pub(super) type Answered = (Result<Rows, Failure>, Asked);

/// Facts of fewer bytes are asked sooner than copied.
const WORTH_COPYING: u64 = 8 << 20;

/// The answers to the playbooks' queries, in their order. [`prepare`](super::prepare) comes first.
///
/// # Errors
/// Where the facts cannot be copied.
pub(super) fn round(
    facts: &Facts,
    library: &Playbooks,
    playbooks: &[&Playbook],
    limits: Limits,
) -> Result<Vec<Answered>, facts::Error> {
    let next = AtomicUsize::new(0);
    let ask_on = |facts: &Facts| {
        let mut answers = Vec::new();
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(playbook) = playbooks.get(place) else { return answers };
            answers.push((place, ask(facts, playbook, limits)));
        }
    };
    let mut answers = if facts.bytes()? < WORTH_COPYING {
        ask_on(facts)
    } else {
        let copy = facts.copy()?;
        std::thread::scope(|scope| {
            let ask_on = &ask_on;
            let other = scope.spawn(move || {
                lists(&copy, library)?;
                Ok::<_, facts::Error>(ask_on(&copy))
            });
            let mut answers = ask_on(facts);
            match other.join() {
                Ok(theirs) => answers.extend(theirs?),
                Err(panic) => std::panic::resume_unwind(panic),
            }
            Ok(answers)
        })?
    };
    answers.sort_by_key(|(place, _)| *place);
    let alone = |(place, (answer, asked)): (usize, Answered)| match playbooks.get(place) {
        // Memory is the process's: what the other one took must not count against this one.
        Some(playbook) if asked.stopped == Some(Stopped::Memory) => ask(facts, playbook, limits),
        _ => (answer, asked),
    };
    Ok(answers.into_iter().map(alone).collect())
}

fn ask(facts: &Facts, playbook: &Playbook, limits: Limits) -> Answered {
    ask::ask(facts, playbook, &BTreeMap::new(), limits, ask::MOST_ROWS)
}

/// What a copy of the facts lacks: it holds the tables and indexes, but nothing temporary.
fn lists(copy: &Facts, library: &Playbooks) -> Result<(), facts::Error> {
    let connection = copy.connection();
    let load = || {
        functions::register(connection)?;
        library.lookups().try_for_each(|lookup| lookup.load(connection))
    };
    copy.together(|_| {
        load().map_err(|cause| facts::Error::Sql {
            doing: "preparing a copy for the playbooks".to_owned(),
            cause,
        })
    })
}

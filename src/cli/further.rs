//! Further archives of the host: each is looked at by itself, since pids and descriptors of minutes
//! later are others, and what was found is put together.

use super::investigate::{Looked, Memory, investigate};
use super::source::Sources;
use crate::carve::Carver;
use crate::evidence::Evidence;
use crate::facts::{self, Facts, Status};
use crate::judge::{Judgement, Playbooks};

/// What one more source gave.
pub struct Further<'a> {
    pub host: &'a dyn Evidence,
    pub facts: Facts,
    pub judgement: Judgement,
}

/// Looks at every further source of the host.
///
/// # Errors
/// In words for the user: where one is of another host, or facts cannot be stored.
pub fn look<'a>(
    sources: &'a Sources,
    first: &Facts,
    memory: Memory,
    lead: Option<&str>,
    carver: &Carver,
    playbooks: &Playbooks,
    step: &dyn Fn(&str),
) -> Result<Vec<Further<'a>>, String> {
    let words = |error: facts::Error| error.to_string();
    let known = Identity::of(first).map_err(words)?;
    let first_name = sources.host.as_ref().map(|host| host.name()).unwrap_or_default();
    let mut all = Vec::new();
    for host in &sources.further {
        let host = host.as_ref();
        let mut facts = Facts::in_memory(&crate::tables()).map_err(words)?;
        facts.set_origin(host.origin());
        let judgement =
            investigate(memory, lead, &Looked::at(host), &facts, carver, playbooks, step)
                .map_err(words)?;
        let own = Identity::of(&facts).map_err(words)?;
        let (name, first_name) = (host.name(), first_name.as_str());
        if let Some(why) = own.other_than(&known) {
            return Err(format!(
                "{name} and {first_name} are of different hosts ({why}): a case is of one host; \
                 davy batch {first_name} {name} -o DIR triages each and tells what they share"
            ));
        }
        if own.unknown() || known.unknown() {
            let why = format!("{name}: which host it is of was not told; taken for the same one");
            facts.cover("host.hostname", Status::NotCaptured, why).map_err(words)?;
        }
        all.push(Further { host, facts, judgement });
    }
    Ok(all)
}

/// By what a host is told from others.
struct Identity {
    hostname: String,
    machine_id: String,
}

impl Identity {
    fn of(facts: &Facts) -> Result<Self, facts::Error> {
        let rows = facts.rows("SELECT hostname, machine_id FROM host LIMIT 1", [], |row| {
            let text = |at| row.get::<_, Option<String>>(at).map(Option::unwrap_or_default);
            Ok((text(0)?, text(1)?))
        })?;
        let (hostname, machine_id) = rows.into_iter().next().unwrap_or_default();
        Ok(Self { hostname, machine_id })
    }

    const fn unknown(&self) -> bool {
        self.hostname.is_empty()
    }

    /// Why it is another host; cloned machines share their machine id, so both must agree.
    fn other_than(&self, other: &Self) -> Option<String> {
        let short = |name: &str| name.split('.').next().unwrap_or_default().to_lowercase();
        let differ = |a: &str, b: &str| !a.is_empty() && !b.is_empty() && a != b;
        if differ(&short(&self.hostname), &short(&other.hostname)) {
            return Some(format!("{} and {}", self.hostname, other.hostname));
        }
        differ(&self.machine_id, &other.machine_id)
            .then(|| format!("machine ids {} and {}", self.machine_id, other.machine_id))
    }
}

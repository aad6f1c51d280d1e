//! Why an address should be blocked: only on what speaks against it itself.

use super::{Actor, Actors};
use crate::judge::Level;

fn many(count: u64, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

impl Actors {
    /// Why it should be blocked; [`None`] where it should not, or must not be: an internal,
    /// reserved or allowed address never.
    #[must_use]
    pub fn block(&self, actor: &Actor) -> Option<String> {
        if !actor.blockable {
            return None;
        }
        let [high, medium] = actor.hostile;
        let targets = actor.hostile_targets;
        if let Some(level) = actor.called.filter(|level| *level >= Level::Medium) {
            let (who, signature) = actor.called_by.as_ref()?;
            let more = match actor.attackers {
                0 | 1 => "calls it".to_owned(),
                others => format!("and {} more call it", others - 1),
            };
            let signature = self.signature(*signature);
            return Some(format!("{who} {more}, {signature}, graded {}", level.word()));
        }
        let systems = many(targets, "system");
        let most = || {
            let most = actor.signatures.iter().max_by_key(|(_, count)| *count);
            most.map_or("", |(signature, _)| self.signature(*signature))
        };
        if high >= 2 {
            Some(format!("{high} alerts graded high or above, on {systems}, {}", most()))
        } else if high + medium >= 3 {
            let both = high + medium;
            Some(format!("{both} alerts graded medium or above, on {systems}, {}", most()))
        } else if targets >= 20 {
            Some(format!("alerts on {systems}, {}", most()))
        } else {
            None
        }
    }
}

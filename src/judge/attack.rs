//! ATT&CK: whether a tag names something that exists there. The list is the lookup `attack`, so
//! that a later version is a CSV file and no Rust.

use super::Playbooks;

/// Tactics, as tags name them: those of versions up to 18, and the two into which version 19
/// split defence evasion.
const TACTICS: &[&str] = &[
    "reconnaissance",
    "resource-development",
    "initial-access",
    "execution",
    "persistence",
    "privilege-escalation",
    "defense-evasion",
    "stealth",
    "defense-impairment",
    "credential-access",
    "discovery",
    "lateral-movement",
    "collection",
    "command-and-control",
    "exfiltration",
    "impact",
];

/// What is wrong with a tag, if anything, and what would be right.
pub(super) fn wrong(tag: &str, playbooks: &Playbooks) -> Option<(String, String)> {
    let Some((space, name)) = tag.split_once('.') else {
        return Some((
            format!("`{tag}` is not a tag"),
            "a tag is `attack.t1059.004`, or `cve.2026.1234`".to_owned(),
        ));
    };
    if space != "attack" || TACTICS.contains(&name) {
        return None;
    }
    if name.chars().any(|c| c.is_ascii_uppercase()) {
        return Some((
            format!("`{tag}` has capital letters"),
            format!("write {}", tag.to_ascii_lowercase()),
        ));
    }
    let digits =
        name.strip_prefix('t').is_some_and(|n| n.starts_with(|c: char| c.is_ascii_digit()));
    if !digits {
        return Some((
            format!("no ATT&CK tactic `{name}`"),
            format!("the tactics are {}", TACTICS.join(", ")),
        ));
    }
    let id = name.to_ascii_uppercase();
    if technique(&id, playbooks).is_some() {
        return None;
    }
    let parent = id.split('.').next().unwrap_or_default();
    let help = match technique(parent, playbooks) {
        Some(title) => format!("there is {parent} ({title}), but no such sub-technique"),
        None => "the lookup `attack` lists those of versions 16 to 19".to_owned(),
    };
    Some((format!("no ATT&CK technique {id}"), help))
}

/// A technique's name by its id.
#[must_use]
pub fn technique<'p>(id: &str, playbooks: &'p Playbooks) -> Option<&'p str> {
    let list = playbooks.lookups().find(|lookup| lookup.name == "attack")?;
    let row = list.rows.iter().find(|row| row.first().is_some_and(|i| i.as_deref() == Some(id)))?;
    row.get(1)?.as_deref()
}

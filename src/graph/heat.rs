//! What findings of medium or above speak of.

use crate::judge::{Finding, Judgement, Level};
use std::collections::BTreeMap;

/// How grave the worst finding on a node or a fact is; nothing below medium counts.
pub(super) struct Heat {
    nodes: BTreeMap<String, Level>,
    facts: BTreeMap<String, Level>,
}

impl Heat {
    pub(super) fn of(judgement: &Judgement) -> Self {
        let mut heat = Self { nodes: BTreeMap::new(), facts: BTreeMap::new() };
        for finding in judgement.findings.iter().filter(|f| f.level >= Level::Medium) {
            for node in nodes(finding) {
                raise(&mut heat.nodes, node, finding.level);
            }
            let cited = finding.evidence.iter().map(|evidence| &evidence.fact);
            for fact in cited.chain([&finding.subject.fact]) {
                raise(&mut heat.facts, fact.clone(), finding.level);
            }
        }
        heat
    }

    /// The nodes that findings are about.
    pub(super) fn nodes(&self) -> impl Iterator<Item = &String> {
        self.nodes.keys()
    }

    pub(super) fn node(&self, node: &str) -> Option<Level> {
        self.nodes.get(node).copied()
    }

    pub(super) fn fact(&self, fact: &str) -> Option<Level> {
        self.facts.get(fact).copied()
    }
}

fn raise(levels: &mut BTreeMap<String, Level>, key: String, level: Level) {
    let now = levels.entry(key).or_default();
    *now = level.max(*now);
}

fn nodes(finding: &Finding) -> Vec<String> {
    let subject = &finding.subject;
    let path = subject.path.as_deref();
    match (subject.pid, path, subject.kind.as_str()) {
        (_, Some(path), "persistence") => vec![format!("persistence/{path}")],
        (Some(pid), ..) => vec![format!("process/{pid}")],
        (None, Some(path), _) => vec![format!("file/{path}"), format!("persistence/{path}")],
        (None, None, _) => Vec::new(),
    }
}

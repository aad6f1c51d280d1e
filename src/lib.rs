//! `davy` looks into a Linux server that may be compromised, without disturbing it.
//!
//! The modules stand in the order in which data flow, and each may use only those before it:
//!
//! | module | what it does |
//! |---|---|
//! | [`facts`] | rows of tables in SQLite, their sources, and coverage: what was not read |
//! | [`evidence`] | a host, seen read-only: live, a directory, a recording, a text fixture |
//! | [`collect`] | artefacts of a host into facts, one file each |
//! | [`foreign`] | archives that other collectors left, shown as the hosts they were taken from |
//! | [`carve`] | bytes into indicators: URLs, wallets, pools, dropper messages |
//! | [`logs`] | network and cloud logs into facts: connections, questions, requests, alerts |
//! | [`judge`] | playbooks (YAML with SQL) over the facts, findings, the verdict |
//! | [`timeline`] | facts with times, in order, each with its bounds |
//! | [`graph`] | facts and findings as nodes and edges, and the story as a path through them |
//! | [`report`] | the case as text, JSON, HTML, Timesketch |
//! | [`batch`] | many archives: a child process each, shards, the fleet |
//! | [`cli`] | the commands |

pub mod batch;
pub mod carve;
pub mod cli;
pub mod collect;
pub mod evidence;
pub mod facts;
pub mod foreign;
pub mod graph;
pub mod judge;
pub mod logs;
pub mod report;
pub mod timeline;

/// Every table that a case holds, in the order of docs/TABLES.md.
#[must_use]
pub fn tables() -> Vec<facts::TableDef> {
    collect::tables()
        .chain(carve::TABLES.iter().copied())
        .chain(logs::TABLES.iter().copied())
        .chain(judge::TABLES.iter().copied())
        .chain(timeline::TABLES.iter().copied())
        .chain(graph::TABLES.iter().copied())
        .collect()
}

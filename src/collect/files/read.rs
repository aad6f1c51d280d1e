//! The bytes of files: which are read, within which bounds, and what they say.

use super::Present;
use crate::collect::Gaps;
use crate::collect::digest::{Digests, Wanted, digest};
use crate::collect::packages::Digest;
use crate::collect::roots::Root;
use crate::evidence::{Evidence, FileKind, HostPath, Reason, Unavailable};
use crate::facts::{self, Facts};
use std::collections::HashMap;

/// A file that no package owns is read up to this size.
const MOST_UNOWNED: u64 = 64 << 20;
/// A package's file is compared up to this size.
const MOST_OWNED: u64 = 32 << 20;
/// And all of them together up to these.
const ALL_UNOWNED: u64 = 512 << 20;
const ALL_OWNED: u64 = 256 << 20;

/// What is known of an inode's bytes already.
#[derive(Clone)]
pub(super) struct Known {
    sha256: Option<String>,
    md5: Option<String>,
    elf: bool,
}

/// What to do about a file's bytes.
pub(super) enum Plan {
    /// Leave them.
    Leave,
    /// Another collector read them.
    Known(Known),
    /// Read them.
    Read,
}

/// What came of it.
#[derive(Default)]
pub(super) struct Answer {
    pub content: Option<&'static str>,
    pub sha256: Option<String>,
    pub intact: Option<bool>,
    pub missed: Option<Unavailable>,
}

/// The inodes that were digested as executables.
pub(super) fn known(facts: &Facts) -> Result<HashMap<(u64, u64), Known>, facts::Error> {
    let sql = "SELECT dev, inode, sha256, md5, object IS NOT NULL FROM elf \
               WHERE sha256 IS NOT NULL";
    let rows = facts.rows(sql, [], |row| {
        let key = (row.get::<_, i64>(0)?.cast_unsigned(), row.get::<_, i64>(1)?.cast_unsigned());
        Ok((key, Known { sha256: row.get(2)?, md5: row.get(3)?, elf: row.get(4)? }))
    })?;
    Ok(rows.into_iter().collect())
}

/// Decides in order, so that the same host always has the same files read.
pub(super) fn plan(
    files: &[Present<'_>],
    known: &HashMap<(u64, u64), Known>,
    gaps: &Gaps,
) -> Vec<Plan> {
    let (mut unowned, mut owned) = (ALL_UNOWNED, ALL_OWNED);
    let plan = |file: &Present<'_>| {
        let stat = &file.stat;
        if stat.kind != FileKind::File {
            return Plan::Leave;
        }
        if let Some(known) = known.get(&(stat.dev, stat.inode)) {
            return Plan::Known(known.clone());
        }
        let (each, all) = match file.owned {
            Some(owner) if owner.digest.is_none() => return Plan::Leave,
            Some(_) => (MOST_OWNED, &mut owned),
            None => (MOST_UNOWNED, &mut unowned),
        };
        if stat.size > each || stat.size > *all {
            let detail = format!("{} bytes, over what is read", stat.size);
            let why = Unavailable::new(&file.candidate.path, Reason::NotCaptured, detail);
            gaps.missed("files.sha256", &why);
            return Plan::Leave;
        }
        gaps.read("files.sha256");
        *all -= stat.size;
        Plan::Read
    };
    files.iter().map(plan).collect()
}

/// Reads a file as planned, and compares it with its package's digest.
pub(super) fn read(
    evidence: &dyn Evidence,
    roots: &[Root],
    file: &Present<'_>,
    plan: Plan,
) -> Answer {
    let digests = match plan {
        Plan::Leave => return Answer::default(),
        Plan::Known(known) => {
            let intact = intact(file, known.sha256.as_deref(), known.md5.as_deref());
            let content = known.elf.then_some("elf");
            return Answer { content, sha256: known.sha256, intact, missed: None };
        }
        Plan::Read => bytes(evidence, roots, file),
    };
    match digests {
        Ok(digests) if digests.whole => Answer {
            content: Some(digests.content),
            intact: intact(file, digests.sha256.as_deref(), digests.md5.as_deref()),
            sha256: digests.sha256,
            missed: None,
        },
        // It grew while it was read.
        Ok(digests) => Answer { content: Some(digests.content), ..Answer::default() },
        Err(why) => Answer { missed: Some(why), ..Answer::default() },
    }
}

fn bytes(
    evidence: &dyn Evidence,
    roots: &[Root],
    file: &Present<'_>,
) -> Result<Digests, Unavailable> {
    let candidate = file.candidate;
    let gone = || Unavailable::new(&candidate.path, Reason::Absent, "its root is not known");
    let root = roots.get(candidate.root).ok_or_else(gone)?;
    let (dir, path) = match &candidate.via {
        None => (root.open(evidence)?, &candidate.path),
        Some(via) => (evidence.dir(&HostPath::from("/"))?, via),
    };
    let mut reader = dir.open(path)?;
    let wanted = match file.owned.and_then(|owned| owned.digest.as_ref()) {
        Some(Digest::Md5(_)) => Wanted::Md5,
        _ => Wanted::Sha256,
    };
    digest(&mut reader, MOST_UNOWNED, wanted, &mut |_, _| {})
        .map_err(|e| Unavailable::from_io(path, &e))
}

fn intact(file: &Present<'_>, sha256: Option<&str>, md5: Option<&str>) -> Option<bool> {
    match file.owned?.digest.as_ref()? {
        Digest::Md5(wanted) => Some(wanted == md5?),
        Digest::Sha256(wanted) => Some(wanted == sha256?),
    }
}

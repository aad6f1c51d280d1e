//! `davy verify`: whether an archive is as it was written.

use super::Exit;
use super::identity::Identities;
use crate::evidence::{age, davy, unpack};
use clap::Args;
use std::error::Error;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::PathBuf;

/// Check an archive of davy's: every member, the chain, and up to where a cut one can be trusted
#[derive(Args)]
pub struct Arguments {
    /// The archive; `-` is standard input
    archive: PathBuf,
    /// The digest that `davy collect` printed
    #[arg(long, value_name = "SHA256")]
    root: Option<String>,
    #[command(flatten)]
    identities: Identities,
}

/// Files that the collector did not keep, told one by one.
const MOST_TOLD: usize = 20;

/// Checks an archive.
///
/// # Errors
/// Where it cannot be read at all.
pub fn run(
    arguments: &Arguments,
    out: &mut dyn Write,
    messages: &mut dyn Write,
) -> Result<Exit, Box<dyn Error>> {
    let shown = arguments.archive.display().to_string();
    let stream: Box<dyn Read + Send> = if shown == "-" {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(&arguments.archive).map_err(|e| format!("{shown}: {e}"))?)
    };
    let identities = match arguments.identities.load() {
        Ok(identities) => identities,
        Err(complaint) => {
            let _ = writeln!(messages, "davy: {complaint}");
            return Ok(Exit::Usage);
        }
    };
    let (stream, _) = age::open(stream, &identities).map_err(|e| format!("{shown}: {e}"))?;
    let (plain, _) = unpack(stream);
    let (_, custody) = match davy::read(plain, &shown, false) {
        Ok(read) => read,
        Err(e) => return Err(format!("{shown}: no archive of davy's: {e}").into()),
    };
    let mut sound = custody.faults.is_empty();
    for fault in &custody.faults {
        let member =
            if fault.member.is_empty() { String::new() } else { format!("{}: ", fault.member) };
        writeln!(out, "{shown}: {member}{}", fault.why)?;
    }
    if custody.unvouched > 0 && !custody.whole {
        writeln!(
            out,
            "{shown}: {} members after the last segment: nothing vouches for them",
            custody.unvouched
        )?;
    }
    for (path, bytes) in custody.left_out.iter().take(MOST_TOLD) {
        let _ = writeln!(
            messages,
            "davy: {path}: the collector did not keep it, by its limits ({bytes} bytes)"
        );
    }
    if let Some(more) = custody.left_out.len().checked_sub(MOST_TOLD).filter(|more| *more > 0) {
        let _ = writeln!(messages, "davy: and {more} more, in the archive's manifest");
    }
    if custody.bare > 0 {
        writeln!(
            out,
            "{shown}: nothing vouches for permissions, owners and times in the headers of {} members: \
             an older davy wrote them",
            custody.bare
        )?;
    }
    let chain = format!(
        "{} members ({} bytes) in {} segments of host {}",
        custody.members, custody.bytes, custody.segments, custody.host
    );
    writeln!(out, "{shown}: {}: {chain}", if sound { "sound" } else { "vouched for" })?;
    writeln!(out, "{shown}: root sha256:{}", custody.root)?;
    if let Some(wanted) = &arguments.root {
        let wanted = wanted.strip_prefix("sha256:").unwrap_or(wanted);
        if !wanted.eq_ignore_ascii_case(&custody.root) {
            writeln!(
                out,
                "{shown}: the root is another than {wanted}: not the archive that was collected"
            )?;
            sound = false;
        }
    }
    Ok(if sound { Exit::Done } else { Exit::Partial })
}

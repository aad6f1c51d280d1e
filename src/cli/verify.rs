//! `davy verify`: whether an archive is as it was written.

use super::Exit;
use super::identity::Identities;
use super::unopened::unopened;
use crate::evidence::{age, davy};
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
    #[arg(long, value_name = "SHA256", value_parser = digest)]
    root: Option<String>,
    #[command(flatten)]
    identities: Identities,
}

/// A SHA-256 as `davy collect` prints it, with or without the word before it.
fn digest(text: &str) -> Result<String, String> {
    let digits = text.strip_prefix("sha256:").unwrap_or(text);
    if digits.len() != 64 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(
            "not a SHA-256: 64 hexadecimal digits, as davy collect printed them behind \"root\""
                .to_owned(),
        );
    }
    Ok(digits.to_ascii_lowercase())
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
        let file = File::open(&arguments.archive).map_err(|e| unopened(&arguments.archive, &e))?;
        if file.metadata().is_ok_and(|found| found.is_dir()) {
            return Err(
                format!("{shown}: a folder: name the archive that davy collect wrote").into()
            );
        }
        Box::new(file)
    };
    let identities = match arguments.identities.load() {
        Ok(identities) => identities,
        Err(complaint) => {
            let _ = writeln!(messages, "davy: {complaint}");
            return Ok(Exit::Usage);
        }
    };
    let (stream, _) = age::open(stream, &identities).map_err(|e| format!("{shown}: {e}"))?;
    let (_, custody) = match davy::stream(stream, &shown, false) {
        Ok(read) => read,
        Err(e) => {
            let why = format!(
                "{shown}: not an archive that davy collect wrote, and davy verify checks no others ({e}): if it \
                 should be one, copy it again from where it was made; what other collectors left, davy triage opens"
            );
            return Err(why.into());
        }
    };
    let sound = custody.faults.is_empty();
    let wanted = arguments.root.as_ref().filter(|wanted| **wanted != custody.root);
    if let Some(wanted) = wanted.filter(|_| custody.whole) {
        writeln!(
            out,
            "{shown}: NOT the archive that was collected: its root is another than {wanted}. What follows is \
             said by this archive of itself"
        )?;
    }
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
    if !custody.missing.is_empty() {
        let what = if custody.whole && custody.tied {
            "the last segment names the digest of every other one: all that is vouched for is as it was \
             written, if the root is the one that was printed"
        } else {
            "each segment names the digest of the one before it alone: what stands before those that are missing \
             follows from the beginning, what stands behind them leads to the root, and nothing ties the two \
             to each other"
        };
        writeln!(out, "{shown}: {what}")?;
    }
    let chain = format!(
        "{} members ({} bytes) in {} segments of host {}",
        custody.members, custody.bytes, custody.present, custody.host
    );
    let word = match (sound, wanted) {
        (true, None) => "sound",
        (true, Some(_)) => "sound in itself, but not what was collected",
        (false, _) => "vouched for",
    };
    writeln!(out, "{shown}: {word}: {chain}")?;
    if custody.whole {
        writeln!(out, "{shown}: root sha256:{}", custody.root)?;
    } else {
        writeln!(out, "{shown}: last segment that is there: sha256:{}", custody.root)?;
        let whether = if custody.missing.is_empty() {
            "what is vouched for follows from the beginning, segment by segment"
        } else {
            "what is vouched for does so by its own segments"
        };
        let cannot = if wanted.is_some() {
            ", so that --root cannot be held against it: that is the digest of the archive's end"
        } else {
            ""
        };
        writeln!(out, "{shown}: the end of the archive is missing{cannot}; {whether}")?;
    }
    Ok(if sound && wanted.is_none() { Exit::Done } else { Exit::Partial })
}

//! What the user names becomes evidence.

use crate::evidence::{Directory, Evidence, Live, TextHost};
use std::path::Path;

/// Opens what the user named: nothing for the live host, a directory that holds a root file
/// system, or a text host.
///
/// # Errors
/// What it is not, in words for the user.
pub fn open(source: Option<&Path>) -> Result<Box<dyn Evidence>, String> {
    let Some(path) = source else {
        return Ok(Box::new(Live::new()));
    };
    let shown = path.display();
    let named = std::fs::metadata(path).map_err(|e| format!("{shown}: {e}"))?;
    if named.is_dir() {
        return Directory::open(path)
            .map(|d| Box::new(d) as Box<dyn Evidence>)
            .map_err(|e| e.to_string());
    }
    if path.extension().is_some_and(|e| e == "host") {
        return TextHost::open(path)
            .map(|h| Box::new(h) as Box<dyn Evidence>)
            .map_err(|e| e.to_string());
    }
    Err(format!(
        "{shown}: not a source davy can triage: a directory that holds a root file system, or a \
         text host (*.host)"
    ))
}

//! What to look for beside davy's own kinds: the user's lists.

use super::library::printable;
use crate::carve::{Carver, Iocs};
use clap::Args;
use std::io::{Read, Write};
use std::path::PathBuf;

/// Bytes of one list that are read.
const LIST: u64 = 256 << 20;

/// The options that every command which carves has.
#[derive(Args)]
pub struct Wanted {
    /// Indicators to look for: STIX 2.1 or MISP in JSON, CSV, or a value a line
    #[arg(long, value_name = "FILE")]
    ioc: Vec<PathBuf>,
}

impl Wanted {
    /// Reads the lists. An entry that is not understood does not keep the others back: it is told.
    ///
    /// # Errors
    /// A file that the user named and that cannot be read, in words for the user.
    pub fn load(&self, messages: &mut dyn Write) -> Result<Carver, String> {
        let mut iocs = Iocs::default();
        for path in &self.ioc {
            let shown = path.display().to_string();
            let mut bytes = Vec::new();
            std::fs::File::open(path)
                .and_then(|file| file.take(LIST).read_to_end(&mut bytes))
                .map_err(|error| format!("{shown}: {error}"))?;
            if bytes.len() as u64 == LIST {
                let _ = writeln!(messages, "davy: {shown}: only its first 256 MiB were read");
            }
            iocs.add(&shown, &bytes);
        }
        for problem in iocs.problems() {
            let _ = writeln!(messages, "davy: {}", printable(&problem));
        }
        Ok(Carver::looking_for(iocs))
    }
}

//! What to look for beside davy's own kinds: the user's lists.

use super::library::printable;
use crate::carve::{Carver, Held, Iocs, Rules};
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
    /// YARA rules to hold against what is read: a file, or a folder of them
    #[arg(long, value_name = "FILE|DIR")]
    yara: Vec<PathBuf>,
}

impl Wanted {
    /// Reads the lists and rules. What is not understood does not keep the others back: it is
    /// told. `own` asks for davy's own rules where the user names none.
    ///
    /// # Errors
    /// A file that the user named and that cannot be read, in words for the user.
    pub fn load(&self, own: bool, messages: &mut dyn Write) -> Result<Carver, String> {
        let mut iocs = Iocs::default();
        for path in &self.ioc {
            let shown = path.display().to_string();
            let mut bytes = Vec::new();
            // A FIFO nobody writes to would hold us for ever, a device without end fill the memory.
            let about = std::fs::metadata(path).map_err(|error| format!("{shown}: {error}"))?;
            if !about.is_file() {
                return Err(format!("{shown}: not a file"));
            }
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
        let rules = if self.yara.is_empty() {
            if own { Held::Own } else { Held::None }
        } else {
            let rules = Rules::load(&self.yara)
                .map_err(|error| format!("--yara: {}", printable(&error.to_string())))?;
            for problem in &rules.problems {
                let _ = writeln!(messages, "davy: {}", printable(problem));
            }
            Held::Named(rules)
        };
        Ok(Carver::new(iocs, rules))
    }
}

//! The keys that open encrypted archives.

use crate::evidence::age::Identity;
use clap::Args;
use std::path::PathBuf;

/// The option of every command that reads archives.
#[derive(Args)]
pub struct Identities {
    /// The key that opens an archive which is encrypted with age, as age-keygen writes it
    #[arg(long = "identity", value_name = "FILE")]
    files: Vec<PathBuf>,
}

impl Identities {
    /// The same option once more, for a child.
    pub fn again(&self) -> Vec<String> {
        self.files
            .iter()
            .flat_map(|file| ["--identity".to_owned(), file.display().to_string()])
            .collect()
    }

    /// Reads them.
    ///
    /// # Errors
    /// The file that holds none, in words for the user.
    pub fn load(&self) -> Result<Vec<Identity>, String> {
        let mut all = Vec::new();
        for file in &self.files {
            let named = |why: String| format!("{}: {why}", file.display());
            let text = std::fs::read_to_string(file).map_err(|e| named(e.to_string()))?;
            all.extend(Identity::all(&text).map_err(named)?);
        }
        Ok(all)
    }
}

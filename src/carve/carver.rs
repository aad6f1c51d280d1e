//! What is looked for: davy's own kinds and rules always, and what the user lists.

use super::ioc::{self, Iocs};
use super::scan::{Carved, Found, Scanner};
use super::yara::{Held, Rules};
use crate::facts::{Error, Facts};
use std::sync::Arc;

/// What is looked for. Made once a run, and shared by all who carve.
pub struct Carver {
    scanner: Arc<Scanner>,
    iocs: Iocs,
    rules: Held,
}

impl Default for Carver {
    fn default() -> Self {
        Self { scanner: Scanner::own(), iocs: Iocs::default(), rules: Held::Own }
    }
}

impl Carver {
    /// Looks for these indicators too, and holds these rules against what is carved.
    #[must_use]
    pub fn new(iocs: Iocs, rules: Held) -> Self {
        let scanner = if iocs.entries().is_empty() {
            Scanner::own()
        } else {
            Arc::new(Scanner::new(iocs.entries()))
        };
        Self { scanner, iocs, rules }
    }

    /// Looks for these indicators too.
    #[must_use]
    pub fn looking_for(iocs: Iocs) -> Self {
        Self::new(iocs, Held::Own)
    }

    /// Gathers what is found in one place.
    #[must_use]
    pub fn found(&self) -> Found {
        Found::with(Arc::clone(&self.scanner))
    }

    /// The rules, where there are any.
    #[must_use]
    pub fn rules(&self) -> Option<&Rules> {
        match &self.rules {
            Held::None => None,
            Held::Own => Some(Rules::own()),
            Held::Named(rules) => Some(rules),
        }
    }

    /// Whether some of what the user listed is not looked for: indicators, or rules.
    #[must_use]
    pub fn incomplete(&self) -> bool {
        self.iocs.incomplete()
            || matches!(&self.rules, Held::Named(rules) if !rules.problems.is_empty())
    }

    /// The file whose digests are listed, as an indicator; its bytes are read once more, where the user
    /// listed digests that davy makes.
    ///
    /// # Errors
    /// The reader's.
    pub fn whole(&self, file: impl std::io::Read) -> std::io::Result<Vec<Carved>> {
        ioc::whole(&self.iocs, file)
    }

    /// Leaves the user's lists in the facts.
    ///
    /// # Errors
    /// Where facts cannot be stored.
    pub fn store(&self, facts: &Facts) -> Result<(), Error> {
        self.iocs.store(facts)
    }

    /// Holds the user's lists against all facts there are; again, when there are more.
    ///
    /// # Errors
    /// Where facts cannot be read or stored.
    pub fn hold(&self, facts: &Facts) -> Result<(), Error> {
        ioc::hold(&self.iocs, facts)
    }
}

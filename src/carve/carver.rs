//! What is looked for: davy's own kinds always, and what the user lists.

use super::ioc::{self, Iocs};
use super::scan::{Found, Scanner};
use crate::facts::{Error, Facts};
use std::sync::Arc;

/// What is looked for. Made once a run, and shared by all who carve.
pub struct Carver {
    scanner: Arc<Scanner>,
    iocs: Iocs,
}

impl Default for Carver {
    fn default() -> Self {
        Self { scanner: Scanner::own(), iocs: Iocs::default() }
    }
}

impl Carver {
    /// Looks for these indicators too.
    #[must_use]
    pub fn looking_for(iocs: Iocs) -> Self {
        if iocs.entries().is_empty() {
            return Self { iocs, ..Self::default() };
        }
        Self { scanner: Arc::new(Scanner::new(iocs.entries())), iocs }
    }

    /// Gathers what is found in one place.
    #[must_use]
    pub fn found(&self) -> Found {
        Found::with(Arc::clone(&self.scanner))
    }

    /// The user's lists.
    #[must_use]
    pub fn iocs(&self) -> &Iocs {
        &self.iocs
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

//! One event.

use crate::facts::Time;

crate::table! {
    pub struct Event in timeline, "Events in order of their best time.";
    time: Time, "", "Best estimate.";
    earliest: Time, "", "Not before.";
    latest: Time, "", "Not after.";
    kind: &'static str, "", "boot, process-start, file-made, file-changed, file-deleted, persistence-changed, package-installed, connection-seen, login, login-failed, account-changed, collected; of logs alert-raised, flow-seen, name-asked, request-sent, logged.";
    message: String, "", "What happened.";
    subject: String, "", "Fact id it was taken from.";
    findings: String, "", "Ids of findings on that fact, separated by spaces.";
}

/// An event and where the time was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Dated {
    /// The event.
    pub event: Event,
    /// Path or archive member.
    pub source: String,
}

//! What was read from a host, kept, and played back.

/// Keeps whatever is read through it.
pub struct Recording;

/// Answers from what a [`Recording`] kept.
pub struct Replay;

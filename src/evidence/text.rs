//! A whole host on one page of text.

/// A host described in a `.host` file.
pub struct TextHost;

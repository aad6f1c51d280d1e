//! A path on the suspect host: bytes, never assumed to be text.

use crate::facts::{Column, ColumnKind, HostText};
use rusqlite::types::ToSqlOutput;
use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;

/// A path of the host, absolute or relative to a [`Dir`](super::Dir).
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostPath(HostText);

impl HostPath {
    /// From bytes.
    #[must_use]
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(HostText(bytes.into()))
    }

    /// From the reversible form in which facts store it.
    #[must_use]
    pub fn unescape(text: &str) -> Self {
        Self(HostText::unescape(text))
    }

    /// The raw bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// For the standard library's and rustix's calls.
    #[must_use]
    pub fn as_os(&self) -> &OsStr {
        OsStr::from_bytes(self.as_bytes())
    }

    /// The last component; the whole path where there is no `/`.
    #[must_use]
    pub fn file_name(&self) -> &[u8] {
        self.as_bytes().rsplit(|b| *b == b'/').next().unwrap_or_default()
    }

    /// The path without its last component.
    #[must_use]
    pub fn parent(&self) -> Self {
        match self.as_bytes().iter().rposition(|b| *b == b'/') {
            Some(0) => Self::from("/"),
            Some(at) => Self::new(self.as_bytes().get(..at).unwrap_or_default()),
            None => Self::default(),
        }
    }

    /// With a component (or several) after it. An absolute one is put below, never replaces.
    #[must_use]
    pub fn join(&self, name: impl AsRef<[u8]>) -> Self {
        let mut bytes = self.as_bytes().to_vec();
        let name = name.as_ref();
        let name = name.strip_prefix(b"/").unwrap_or(name);
        if bytes.last() != Some(&b'/') && !bytes.is_empty() {
            bytes.push(b'/');
        }
        bytes.extend_from_slice(name);
        Self::new(bytes)
    }

    /// Whether it begins at the root.
    #[must_use]
    pub fn is_absolute(&self) -> bool {
        self.as_bytes().first() == Some(&b'/')
    }

    /// Its components, `.` and empty ones left out.
    pub fn components(&self) -> impl Iterator<Item = &[u8]> {
        self.as_bytes().split(|b| *b == b'/').filter(|c| !c.is_empty() && *c != b".")
    }

    /// As text of the host.
    #[must_use]
    pub const fn text(&self) -> &HostText {
        &self.0
    }
}

impl AsRef<[u8]> for HostPath {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl From<&str> for HostPath {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<&[u8]> for HostPath {
    fn from(bytes: &[u8]) -> Self {
        Self::new(bytes)
    }
}

impl fmt::Display for HostPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for HostPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Column for HostPath {
    const KIND: ColumnKind = ColumnKind::Text;
    fn column(&self) -> ToSqlOutput<'_> {
        self.0.column()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn joining_stays_below(base in "(/[a-z]{1,3}){1,3}", name: Vec<u8>) {
            let base = HostPath::from(base.as_str());
            let joined = base.join(&name);
            prop_assert!(joined.as_bytes().starts_with(base.as_bytes()));
            prop_assert_eq!(joined.as_bytes().get(base.as_bytes().len()), Some(&b'/'));
        }

        #[test]
        fn a_parent_is_shorter_and_its_child_comes_back(bytes: Vec<u8>) {
            let path = HostPath::new(bytes);
            let parent = path.parent();
            prop_assert!(parent.as_bytes().len() <= path.as_bytes().len().max(1));
            prop_assert!(!path.is_absolute() || parent.is_absolute());
            if !parent.as_bytes().is_empty() {
                let again = parent.join(path.file_name());
                prop_assert!(again.components().eq(path.components()));
            }
        }
    }
}

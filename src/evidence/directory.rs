//! A directory or mounted image, as a host.

/// A host's root file system under a directory of this machine.
pub struct Directory;

//! What the header of a member says beside its name and size: other tools restore a file by it.

use serde::{Deserialize, Serialize};

/// Permissions, owner and time of a member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Header {
    pub mode: u32,
    pub uid: u64,
    pub gid: u64,
    pub mtime: u64,
    /// A field that davy leaves empty is not: a kind, a link, a name of an owner.
    #[serde(skip)]
    strange: bool,
}

impl Header {
    pub const fn new(mode: u32, uid: u64, gid: u64, mtime: u64) -> Self {
        Self { mode, uid, gid, mtime, strange: false }
    }

    /// Of a segment of the manifest, and of what nobody had before davy wrote it.
    pub const fn of_manifest(taken: u64) -> Self {
        Self::new(0o600, 0, 0, taken)
    }

    /// What stands in a tar; a field that is no number is one that davy does not write.
    pub fn of(header: &tar::Header) -> Self {
        let filled = |field: Option<&[u8]>| field.is_some_and(|bytes| !bytes.is_empty());
        Self {
            mode: header.mode().unwrap_or(u32::MAX),
            uid: header.uid().unwrap_or(u64::MAX),
            gid: header.gid().unwrap_or(u64::MAX),
            mtime: header.mtime().unwrap_or(u64::MAX),
            strange: header.entry_type() != tar::EntryType::Regular
                || filled(header.link_name_bytes().as_deref())
                || filled(header.username_bytes())
                || filled(header.groupname_bytes()),
        }
    }

    /// How this differs from what was written, where it does.
    pub fn other_than(&self, written: &Self) -> Option<String> {
        let mut fields = Vec::new();
        if self.mode != written.mode {
            fields.push(format!("mode {:o} instead of {:o}", self.mode, written.mode));
        }
        for (field, is, was) in [
            ("uid", self.uid, written.uid),
            ("gid", self.gid, written.gid),
            ("mtime", self.mtime, written.mtime),
        ] {
            if is != was {
                fields.push(format!("{field} {is} instead of {was}"));
            }
        }
        if self.strange {
            fields.push("a kind, link or name of an owner that davy does not write".to_owned());
        }
        (!fields.is_empty()).then(|| {
            let fields = fields.join(", ");
            format!(
                "its header in the tar was changed ({fields}); its bytes are as they were written"
            )
        })
    }
}

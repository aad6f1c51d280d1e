//! What the kernel says of a file, in statx's terms.

use crate::facts::Time;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A FIFO or pipe.
    Fifo,
    /// A socket.
    Socket,
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
    /// None of these, as an anonymous inode.
    Other,
}

impl FileKind {
    /// From the mode's type bits.
    #[must_use]
    pub const fn from_mode(mode: u32) -> Self {
        match mode & 0o170_000 {
            0o100_000 => Self::File,
            0o040_000 => Self::Directory,
            0o120_000 => Self::Link,
            0o010_000 => Self::Fifo,
            0o140_000 => Self::Socket,
            0o020_000 => Self::CharDevice,
            0o060_000 => Self::BlockDevice,
            _ => Self::Other,
        }
    }

    /// The word in tables.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Directory => "directory",
            Self::Link => "link",
            Self::Fifo => "fifo",
            Self::Socket => "socket",
            Self::CharDevice => "character device",
            Self::BlockDevice => "block device",
            Self::Other => "other",
        }
    }
}

/// What the kernel says of a file. Times that a file system does not keep are `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    /// What it is.
    pub kind: FileKind,
    /// Type and permission bits.
    pub mode: u32,
    /// Names that lead to it; 0 means deleted.
    pub nlink: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Size in bytes.
    pub size: u64,
    /// Device it lies on, `major << 32 | minor`.
    pub dev: u64,
    /// For a device, which: `major << 32 | minor`.
    pub rdev: u64,
    /// Inode.
    pub inode: u64,
    /// Content last changed.
    pub mtime: Option<Time>,
    /// Last read.
    pub atime: Option<Time>,
    /// Inode last changed.
    pub ctime: Option<Time>,
    /// Made, in this file system.
    pub btime: Option<Time>,
}

impl Stat {
    /// Whether no name leads to it any more. The text of a link can lie about that; this cannot.
    #[must_use]
    pub const fn deleted(&self) -> bool {
        self.nlink == 0
    }
}

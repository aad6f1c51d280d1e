//! A host, seen read-only.
//!
//! Live kernel, directory, recording and text fixture are one trait, and nothing in it can
//! write. Collectors cannot tell which they read. The law that holds it together:
//! *facts(replay of a recording) == facts(the recorded host)*.

pub mod age;
mod archive;
mod assembly;
mod clock;
pub mod davy;
mod directory;
mod filled;
mod live;
mod origins;
mod path;
mod process;
mod recording;
mod stat;
mod text;
mod told;
mod tree;
mod unavailable;
mod unpack;

pub use archive::{
    Chooser, Container, Guest, Lines, Member, Passed, Passing, Spool, SpoolLimits, Want,
};
pub use assembly::{Assembled, Assembly, Body, Handle, Refused};
pub use clock::Clock;
pub use directory::Directory;
pub use filled::filled;
pub use live::Live;
pub use path::HostPath;
pub use process::{living_thread, process_dir};
pub use recording::{Recording, RecordingLimits, Replay};
pub use stat::{FileKind, Stat};
pub use text::{TextError, TextHost};
pub use told::{Told, ToldDigests, ToldPackage, Whose};
pub use unavailable::{Reason, Unavailable};
pub use unpack::{Packed, begins, unpack, unpack_sparing};

use std::io::{Read, Seek};

/// A process id, as the host numbers it.
pub type Pid = u32;

/// What kind of source this is; the word in `sources.kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// The running kernel.
    Live,
    /// A directory or mounted image.
    Directory,
    /// What was once read from a host, kept.
    Recording,
    /// A text fixture.
    Text,
    /// What another collector left: UAC, CatScale, Velociraptor, a tar.
    Archive,
}

impl SourceKind {
    /// The word in reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Directory => "directory",
            Self::Recording => "recording",
            Self::Text => "text",
            Self::Archive => "archive",
        }
    }
}

/// A readable, seekable stream of a file's bytes.
pub trait ReadSeek: Read + Seek + Send {}
impl<T: Read + Seek + Send> ReadSeek for T {}

/// A host, seen read-only. Nothing here can write, run or signal.
pub trait Evidence: Send + Sync {
    /// What kind of source it is.
    fn kind(&self) -> SourceKind;
    /// Its name for the report: a host name or a path.
    fn name(&self) -> String;
    /// A handle on a directory of the host. What is reached through it belongs to the directory
    /// that was opened, even when another takes its name: a pid that is reused cannot lend its
    /// files to the process that had it before.
    ///
    /// # Errors
    /// Why it cannot be had.
    fn dir(&self, path: &HostPath) -> Result<Box<dyn Dir + '_>, Unavailable>;
    /// The file system as process `pid` sees it: `/proc/PID/root`, with absolute symlinks
    /// resolved inside it, so that a container's paths are the container's.
    ///
    /// # Errors
    /// Why it cannot be had.
    fn root_of(&self, pid: Pid) -> Result<Box<dyn Dir + '_>, Unavailable>;
    /// The memory of a process: present pages only, never a device's.
    ///
    /// # Errors
    /// Why it cannot be had.
    fn memory(&self, pid: Pid) -> Result<Box<dyn Memory + '_>, Unavailable>;
    /// When it was taken, and what turns the kernel's ticks into time.
    fn clock(&self) -> Clock;
    /// What the collector that made this evidence says in words of its own; a host that is read
    /// directly says nothing.
    fn told(&self) -> Option<&Told> {
        None
    }
    /// Tells where a fact's source is to be found by a reader: `/proc/32/maps` is a member of an
    /// archive. `None` where sources can be read as they are.
    fn origin(&self) -> Option<crate::facts::Origin> {
        None
    }
}

impl<E: Evidence + ?Sized> Evidence for std::sync::Arc<E> {
    fn kind(&self) -> SourceKind {
        (**self).kind()
    }

    fn name(&self) -> String {
        (**self).name()
    }

    fn dir(&self, path: &HostPath) -> Result<Box<dyn Dir + '_>, Unavailable> {
        (**self).dir(path)
    }

    fn root_of(&self, pid: Pid) -> Result<Box<dyn Dir + '_>, Unavailable> {
        (**self).root_of(pid)
    }

    fn memory(&self, pid: Pid) -> Result<Box<dyn Memory + '_>, Unavailable> {
        (**self).memory(pid)
    }

    fn clock(&self) -> Clock {
        (**self).clock()
    }

    fn told(&self) -> Option<&Told> {
        (**self).told()
    }

    fn origin(&self) -> Option<crate::facts::Origin> {
        (**self).origin()
    }
}

/// Files below a directory that is held open. Names are relative to it; one that begins with
/// `/` counts from it too.
pub trait Dir: Send {
    /// Opens a regular file. Anything else (FIFO, device, socket) is refused unopened.
    ///
    /// # Errors
    /// Why it cannot be had.
    fn open(&self, name: &HostPath) -> Result<Box<dyn ReadSeek + '_>, Unavailable>;
    /// Appends a whole small file to `into`, at most `limit` bytes; true where there was more.
    ///
    /// # Errors
    /// Why it cannot be had; what was read before is kept in `into`.
    fn read(&self, name: &HostPath, limit: usize, into: &mut Vec<u8>) -> Result<bool, Unavailable>;
    /// The names in a directory, sorted, without `.` and `..`.
    ///
    /// # Errors
    /// Why it cannot be had.
    fn list(&self, name: &HostPath) -> Result<Vec<HostPath>, Unavailable>;
    /// A directory below, held open for many questions, where that makes them cheaper. It answers
    /// as this one does; whoever gets `None` asks here.
    fn held(&self, _name: &HostPath) -> Option<Box<dyn Dir + '_>> {
        None
    }
    /// Where a symbolic link points, its text untouched.
    ///
    /// # Errors
    /// Why it cannot be had.
    fn link(&self, name: &HostPath) -> Result<HostPath, Unavailable>;
    /// What a name leads to, links followed.
    ///
    /// # Errors
    /// Why it cannot be had.
    fn stat(&self, name: &HostPath) -> Result<Stat, Unavailable>;
    /// The name itself, a link not followed.
    ///
    /// # Errors
    /// Why it cannot be had.
    fn stat_link(&self, name: &HostPath) -> Result<Stat, Unavailable>;
    /// Size of the file system a name lies on, and what is free there for ordinary users, in
    /// bytes. Asks the file system itself: never of a network mount. Only a running host knows.
    ///
    /// # Errors
    /// Why it cannot be told.
    fn space(&self, name: &HostPath) -> Result<(u64, u64), Unavailable> {
        Err(Unavailable::new(name, Reason::Absent, "free space is known on a live host only"))
    }
}

/// The memory of one process.
pub trait Memory: Send {
    /// The stretches of `start..end` that are present (resident or in swap), in order. Reading
    /// elsewhere would fault pages in and change the suspect.
    ///
    /// # Errors
    /// Why it cannot be told.
    fn present(&self, start: u64, end: u64) -> Result<Vec<(u64, u64)>, Unavailable>;
    /// Reads at an address; fewer bytes than asked for where the mapping ends.
    ///
    /// # Errors
    /// Why it cannot be had.
    fn read(&self, address: u64, into: &mut [u8]) -> Result<usize, Unavailable>;
}

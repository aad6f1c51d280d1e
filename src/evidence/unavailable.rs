//! Why something could not be read: the reasons are told apart, since they mean different things.

use super::HostPath;
use std::fmt;

/// The kinds of absence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// It is not there.
    Absent,
    /// The reader may not.
    Denied,
    /// It was there when the walk began: a process that ended, a file that was removed.
    Vanished,
    /// It did not answer before the deadline, as on a dead network mount.
    TimedOut,
    /// It is not a regular file or directory, and opening it could change something.
    NotRegular,
    /// The collector that made this evidence did not take it.
    NotCaptured,
    /// It was cut off, damaged or not of the form it should have.
    Damaged,
    /// It is there, and more than davy reads of such a thing: whoever fills a place may hide behind
    /// what he filled it with.
    TooMuch,
}

impl Reason {
    /// From the word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        const ALL: [Reason; 8] = [
            Reason::Absent,
            Reason::Denied,
            Reason::Vanished,
            Reason::TimedOut,
            Reason::NotRegular,
            Reason::NotCaptured,
            Reason::Damaged,
            Reason::TooMuch,
        ];
        ALL.into_iter().find(|reason| reason.word() == word)
    }

    /// The word in coverage.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Denied => "denied",
            Self::Vanished => "vanished",
            Self::TimedOut => "timed out",
            Self::NotRegular => "not a regular file",
            Self::NotCaptured => "not captured",
            Self::Damaged => "damaged",
            Self::TooMuch => crate::facts::BEYOND,
        }
    }
}

/// Something could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unavailable {
    /// What.
    pub path: HostPath,
    /// Why.
    pub reason: Reason,
    /// In whose words: the system's error, or ours.
    pub detail: String,
}

impl Unavailable {
    /// A reason in our own words.
    #[must_use]
    pub fn new(path: &HostPath, reason: Reason, detail: impl Into<String>) -> Self {
        Self { path: path.clone(), reason, detail: detail.into() }
    }

    /// From the system's error.
    #[must_use]
    pub fn from_io(path: &HostPath, error: &std::io::Error) -> Self {
        use std::io::ErrorKind;
        // A stream of a recording can only answer with an error of the system's kind; ours is
        // inside.
        if let Some(ours) = error.get_ref().and_then(|e| e.downcast_ref::<Self>()) {
            return ours.clone();
        }
        let reason = match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => Reason::Absent,
            ErrorKind::PermissionDenied => Reason::Denied,
            ErrorKind::TimedOut => Reason::TimedOut,
            // ESRCH: the process behind an open /proc handle has ended.
            _ if error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error()) => {
                Reason::Vanished
            }
            _ => Reason::Damaged,
        };
        // Where the reason says all that the system says, once is enough. EPERM is told apart from
        // EACCES: the latter is what a mode denies.
        let plain = [rustix::io::Errno::ACCESS, rustix::io::Errno::NOENT];
        if plain.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error())) {
            return Self::new(path, reason, "");
        }
        Self::new(path, reason, error.to_string())
    }
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.reason.word())?;
        if !self.detail.is_empty() {
            write!(f, " ({})", self.detail)?;
        }
        Ok(())
    }
}

impl std::error::Error for Unavailable {}

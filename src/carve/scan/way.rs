//! The way by which text was decoded: nothing for ASCII as it lies, else the steps undone, the
//! outermost first.

use std::fmt;

/// Steps that are followed. What droppers do needs two and UTF-16, and more would be work without
/// an end.
const DEPTH: usize = 3;

/// One encoding undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// UTF-16LE.
    Wide,
    /// RFC 4648.
    Base64,
    /// Two digits a byte.
    Hex,
    /// `%3a`.
    Percent,
    /// Every byte with this one.
    Xor(u8),
    /// A gzip member.
    Gzip,
    /// A zlib stream.
    Zlib,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wide => f.write_str("utf-16le"),
            Self::Base64 => f.write_str("base64"),
            Self::Hex => f.write_str("hex"),
            Self::Percent => f.write_str("percent"),
            Self::Xor(key) => write!(f, "xor-{key:02x}"),
            Self::Gzip => f.write_str("gzip"),
            Self::Zlib => f.write_str("zlib"),
        }
    }
}

/// The steps undone. Shown as `ascii`, `utf-16le`, `base64>utf-16le`, `xor-5a`, `gzip>base64`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Way([Option<Step>; DEPTH]);

impl Way {
    /// As it lies.
    pub const ASCII: Self = Self([None; DEPTH]);

    /// One step further; `None` where it leads too deep, or where the step undoes itself.
    pub(crate) fn then(self, step: Step) -> Option<Self> {
        let again = |known: Step| {
            let pair = (known, step);
            matches!(pair, (Step::Xor(_), Step::Xor(_)) | (Step::Wide, Step::Wide))
        };
        if self.0.into_iter().flatten().any(again) {
            return None;
        }
        let mut way = self;
        let free = way.0.iter_mut().find(|slot| slot.is_none())?;
        *free = Some(step);
        Some(way)
    }

    /// Whether it is text as it lies.
    pub(crate) fn is_plain(self) -> bool {
        self == Self::ASCII
    }

    /// Whether the text was UTF-16 a step ago.
    pub(crate) fn ends_wide(self) -> bool {
        self.0.into_iter().flatten().last() == Some(Step::Wide)
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_plain() {
            return f.write_str("ascii");
        }
        for (number, step) in self.0.iter().flatten().enumerate() {
            let sign = if number == 0 { "" } else { ">" };
            write!(f, "{sign}{step}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_way_is_told_and_ends() {
        let way = Way::ASCII.then(Step::Gzip).unwrap().then(Step::Base64).unwrap();
        assert_eq!(way.to_string(), "gzip>base64");
        let way = way.then(Step::Wide).unwrap();
        assert!(way.ends_wide() && way.then(Step::Hex).is_none());
        let way = Way::ASCII.then(Step::Xor(0x5a)).unwrap();
        assert_eq!((way.to_string().as_str(), way.then(Step::Xor(1))), ("xor-5a", None));
        assert_eq!(Way::ASCII.to_string(), "ascii");
    }
}

//! A file that is named twice is read once, and one that begins as another does is told.

use crate::facts::{self, Facts, Status};
use std::collections::HashMap;
use std::fs::Metadata;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Cursor, Read};
use std::os::unix::fs::MetadataExt;

/// How much of a log's plain content is compared.
const HEAD: u64 = 64 << 10;

/// The files of a run so far.
#[derive(Default)]
pub struct Once {
    files: HashMap<(u64, u64), String>,
    heads: HashMap<u64, String>,
}

impl Once {
    /// Whether this very file was read before, by whatever name; that is told.
    ///
    /// # Errors
    /// The store's.
    pub fn again(
        &mut self,
        name: &str,
        about: &Metadata,
        stores: &[&Facts],
    ) -> Result<bool, facts::Error> {
        if !about.is_file() {
            return Ok(false);
        }
        let place = (about.dev(), about.ino());
        let Some(first) = self.files.get(&place) else {
            self.files.insert(place, name.to_owned());
            return Ok(false);
        };
        for facts in stores {
            let detail = format!("the same file as {first}: read once");
            facts.cover(format!("log {name}, named again"), Status::NotCaptured, detail)?;
        }
        Ok(true)
    }

    /// Hands the stream on; what begins as a file before did is told.
    ///
    /// # Errors
    /// The store's.
    pub fn copy(
        &mut self,
        name: &str,
        mut stream: Box<dyn Read + Send>,
        stores: &[&Facts],
    ) -> Result<Box<dyn Read + Send>, facts::Error> {
        let mut head = Vec::new();
        let failed = stream.by_ref().take(HEAD).read_to_end(&mut head).err();
        let mut hasher = DefaultHasher::new();
        head.hash(&mut hasher);
        if !head.is_empty() && failed.is_none() {
            if let Some(first) = self.heads.get(&hasher.finish()) {
                let same = if head.len() as u64 == HEAD {
                    "begins with the same 64 KiB as"
                } else {
                    "holds the same as"
                };
                let detail =
                    format!("{same} {first}: probably a copy, and what both tell of counts twice");
                for facts in stores {
                    facts.cover(format!("log {name}, a copy"), Status::Partial, detail.clone())?;
                }
            } else {
                self.heads.insert(hasher.finish(), name.to_owned());
            }
        }
        let head = Cursor::new(head);
        // What broke it off is told where it is read.
        Ok(match failed {
            Some(error) => Box::new(head.chain(Broken(Some(error)))),
            None => Box::new(head.chain(stream)),
        })
    }
}

/// The error that a stream broke off with.
struct Broken(Option<io::Error>);

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

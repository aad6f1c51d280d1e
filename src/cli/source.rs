//! What the user names becomes evidence: each thing is recognised by what it holds, not by its name.
//!
//! A new kind of source is one line in [`KINDS`]. Kinds are asked in order, and the first that
//! claims a source opens it.

use super::unopened::unopened;
use super::{core, folder};
use crate::carve::{Carver, Passers};
use crate::evidence::age::{self, Identity};
use crate::evidence::{Container, Directory, Evidence, Live, Passing, TextHost, davy, unpack};
use crate::facts::{self, Facts, Source};
use crate::foreign;
use std::cell::RefCell;
use std::fs::{File, Metadata};
use std::io::{self, Cursor, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes of a file that recognising it may look at: a block of zstd is up to 128 KiB, and opens whole.
const HEAD: usize = 256 * 1024;

/// What a source turned out to be.
pub enum Opened {
    /// A host, seen read-only: the collectors run over it.
    Host(Box<dyn Evidence>),
    /// Something else that adds facts to the case, as a core dump or a log.
    #[allow(dead_code)] // The first kinds of these are being written.
    Reader(Box<dyn Reader>),
    /// Logs: one file or a folder of them. All logs of a run are read together.
    Logs(super::logs::Place),
}

/// A source that is no host of files and processes, and leaves facts in the case by itself.
pub trait Reader {
    /// Its row in the table `sources`.
    fn source(&self) -> Source;
    /// Leaves its rows and its coverage; told once, after the host's collectors ran and before
    /// anything is judged.
    ///
    /// # Errors
    /// Where facts cannot be stored. What cannot be read is coverage.
    fn read(
        &self,
        facts: &Facts,
        carver: &Carver,
        progress: &dyn Fn(&str),
    ) -> Result<(), facts::Error>;
}

/// By what sources are opened.
#[derive(Clone, Copy)]
pub struct Opening<'a> {
    /// The keys of what is encrypted.
    pub identities: &'a [Identity],
    /// What is looked for in members of archives that are too large to hold.
    pub carver: &'a Carver,
}

/// What the user named, before anyone has claimed it.
pub struct Named {
    /// As the user wrote it; `-` is standard input.
    pub path: PathBuf,
    /// Whether it is a directory.
    pub directory: bool,
    /// The first bytes of a file, at most 256 KiB; empty for a directory.
    pub head: Vec<u8>,
    /// Whether it was encrypted: what is above is what was inside.
    pub encrypted: bool,
    rest: RefCell<Option<Box<dyn Read + Send>>>,
    identities: Vec<Identity>,
    by: Arc<dyn Passing>,
}

impl Named {
    /// Looks at what the user named; what is encrypted is opened by one of these identities.
    ///
    /// # Errors
    /// Why it cannot be read, in words for the user.
    pub fn look(path: &Path, opening: Opening<'_>) -> Result<Self, String> {
        let fail = |e: io::Error| unopened(path, &e);
        let mut named = Self {
            path: path.to_owned(),
            directory: false,
            head: Vec::new(),
            encrypted: false,
            rest: RefCell::new(None),
            identities: opening.identities.to_vec(),
            by: Arc::new(Passers::new(opening.carver)),
        };
        let mut stream: Box<dyn Read + Send> = if path.as_os_str() == "-" {
            Box::new(io::stdin())
        } else {
            let found = std::fs::metadata(path).map_err(fail)?;
            named.directory = found.is_dir();
            if named.directory {
                return Ok(named);
            }
            if !readable(&found) {
                return Err(format!("{}: neither a file nor a directory", path.display()));
            }
            Box::new(File::open(path).map_err(fail)?)
        };
        (stream, named.encrypted) = age::open(stream, opening.identities).map_err(fail)?;
        stream.by_ref().take(HEAD as u64).read_to_end(&mut named.head).map_err(fail)?;
        named.rest.replace(Some(stream));
        Ok(named)
    }

    /// All bytes from the first on. A file can be asked again; standard input but once.
    ///
    /// # Errors
    /// Where it cannot be opened again.
    pub fn reader(&self) -> io::Result<Box<dyn Read + Send>> {
        match self.rest.take() {
            Some(rest) => Ok(Box::new(Cursor::new(self.head.clone()).chain(rest))),
            None if self.path.as_os_str() == "-" => {
                Err(io::Error::other("standard input was read before"))
            }
            None => Ok(age::open(Box::new(File::open(&self.path)?), &self.identities)?.0),
        }
    }
}

/// Devices would be read for ever or not at all; a pipe is what `<(command)` is.
fn readable(found: &Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt;
    found.is_file() || found.file_type().is_fifo()
}

/// A kind of source.
struct Kind {
    /// What it is called where a source is none of them.
    name: &'static str,
    /// Opens what is of this kind; `None` where it is not. The error is for the user.
    open: fn(&Named) -> Option<Result<Opened, String>>,
}

const ARCHIVE: Kind = Kind { name: "an archive or folder that a collector left", open: archive };

/// The kinds that are opened where they are encrypted, too.
const KINDS_SEALED: &[Kind] = &[ARCHIVE];

/// Every kind of source, the surest to tell first.
const KINDS: &[Kind] = &[
    Kind { name: "a core dump, or an image of memory (LiME, AVML)", open: core::open },
    Kind { name: "a text host (*.host)", open: text_host },
    ARCHIVE,
    Kind { name: "network or cloud logs, a file or a folder of them", open: logs },
    Kind { name: "a capture", open: refused },
    Kind { name: "a directory that holds a root file system", open: directory },
];

fn text_host(named: &Named) -> Option<Result<Opened, String>> {
    let page = named.path.extension().is_some_and(|e| e == "host") && !named.directory;
    let open = || TextHost::open(&named.path).map_err(|e| e.to_string());
    page.then(|| open().map(|host| Opened::Host(Box::new(host))))
}

fn archive(named: &Named) -> Option<Result<Opened, String>> {
    let name = named.path.file_name().map_or_else(|| "-".into(), |name| name.to_string_lossy());
    let opened = if named.directory {
        foreign::folder(&name, &named.path, Some(Arc::clone(&named.by)))?
    } else if davy::told_by(&named.head) {
        let read = || {
            let file = std::fs::metadata(&named.path).is_ok_and(|found| found.is_file());
            if file && !named.encrypted {
                return davy::open(File::open(&named.path)?, &name, davy::HELD);
            }
            davy::stream(named.reader()?, &name, true)
        };
        read()
            .map(|(replay, _)| Box::new(replay) as Box<dyn Evidence>)
            .map_err(|e| format!("{}: {e}", named.path.display()))
    } else {
        Container::told_by(&named.head)?;
        let plain = named.path.as_os_str() != "-" && !named.encrypted;
        let path = plain.then_some(named.path.as_path());
        let shown = || named.path.display();
        named.reader().map_err(|e| format!("{}: {e}", shown())).and_then(|stream| {
            foreign::open_beside(&name, stream, path, Some(Arc::clone(&named.by)))
        })
    };
    Some(opened.map(Opened::Host))
}

fn logs(named: &Named) -> Option<Result<Opened, String>> {
    super::logs::are(named).then(|| Ok(Opened::Logs(super::logs::Place::of(named))))
}

/// What is none of these, but could be taken for one.
fn refused(named: &Named) -> Option<Result<Opened, String>> {
    super::logs::refused(named).map(Err)
}

fn directory(named: &Named) -> Option<Result<Opened, String>> {
    let open = || Directory::open(&named.path).map_err(|e| e.to_string());
    named.directory.then(|| open().map(|host| Opened::Host(Box::new(host))))
}

/// What is wrong with something that is packed and of which nothing tells what it is: nothing is in it,
/// or it is cut or damaged in its first bytes.
fn hollow(named: &Named) -> Option<String> {
    let (plain, layers) = unpack(Box::new(Cursor::new(named.head.clone())));
    let packed = layers.first()?;
    let mut first = Vec::new();
    let shown = named.path.display();
    match plain.take(512).read_to_end(&mut first) {
        Ok(0) => Some(format!("{shown}: there is nothing in it but its packing")),
        Err(e) if named.head.len() < HEAD => Some(format!(
            "{shown}: {}, cut or damaged in its first bytes, before anything tells what is in it \
             ({e}): copy it again from where it was made",
            packed.word()
        )),
        _ => None,
    }
}

/// Opens one thing that the user named.
///
/// # Errors
/// What it is not, in words for the user.
pub fn open(path: &Path, opening: Opening<'_>) -> Result<Opened, String> {
    // This host beside logs: without any source it is meant anyhow.
    if path.as_os_str() == "live" && !path.exists() {
        return Ok(Opened::Host(Box::new(Live::new())));
    }
    let named = Named::look(path, opening)?;
    if named.head.is_empty() && !named.directory {
        return Err(format!("{}: the file is empty", path.display()));
    }
    // Others read what they are named themselves, as it is.
    let kinds = if named.encrypted { KINDS_SEALED } else { KINDS };
    match kinds.iter().find_map(|kind| (kind.open)(&named)) {
        Some(opened) => opened,
        None => {
            if let Some(why) = hollow(&named) {
                return Err(why);
            }
            let kinds = kinds.iter().map(|kind| kind.name).filter(|name| *name != "a capture");
            let kinds: Vec<&str> = kinds.collect();
            let shown = path.display();
            Err(format!("{shown}: not a source davy can triage: {}", kinds.join(", or ")))
        }
    }
}

/// Why a file must not be written there: it is one of the sources, by whatever name, or lies in
/// a folder of them.
pub fn overwritten(output: &Path, sources: &[PathBuf]) -> Option<String> {
    let there = std::fs::metadata(output).ok()?;
    let whole = output.canonicalize().ok()?;
    let meets = |source: &&PathBuf| {
        let Ok(about) = std::fs::metadata(source) else { return false };
        let same = (about.dev(), about.ino()) == (there.dev(), there.ino());
        same || about.is_dir() && source.canonicalize().is_ok_and(|s| whole.starts_with(s))
    };
    let source = sources.iter().find(meets)?;
    Some(format!(
        "{}: this is evidence ({}) and would be overwritten: say another -o",
        output.display(),
        source.display()
    ))
}

/// All that a run looks at: one host, and whatever else the user named.
pub struct Sources {
    /// The host; none where only cores or logs were named.
    pub host: Option<Box<dyn Evidence>>,
    /// Further archives of that host.
    pub further: Vec<Box<dyn Evidence>>,
    /// Cores and the like.
    pub readers: Vec<Box<dyn Reader>>,
    /// Logs.
    pub logs: Vec<super::logs::Place>,
    /// What lies beside archives in a folder, and is not looked at: in words for the user.
    pub beside: Vec<String>,
}

impl Sources {
    /// Opens what the user named; nothing named is the live host.
    ///
    /// # Errors
    /// The first source that is none, in words for the user.
    pub fn open(paths: &[PathBuf], opening: Opening<'_>) -> Result<Self, String> {
        let mut all = Self::none();
        if paths.is_empty() {
            all.host = Some(Box::new(Live::new()));
        }
        all.add(paths, opening)?;
        Ok(all)
    }

    /// Nothing yet.
    pub const fn none() -> Self {
        Self {
            host: None,
            further: Vec::new(),
            readers: Vec::new(),
            logs: Vec::new(),
            beside: Vec::new(),
        }
    }

    /// Adds what the user named.
    ///
    /// # Errors
    /// The first source that is none, in words for the user.
    pub fn add(&mut self, paths: &[PathBuf], opening: Opening<'_>) -> Result<(), String> {
        for path in &self.spread(paths, opening.identities)? {
            match open(path, opening)? {
                Opened::Logs(path) => self.logs.push(path),
                Opened::Reader(reader) => self.readers.push(reader),
                Opened::Host(host) if self.host.is_none() => self.host = Some(host),
                Opened::Host(host) => self.further.push(host),
            }
        }
        Ok(())
    }

    /// What the user named, with the archives of a folder in the folder's place.
    ///
    /// # Errors
    /// Where a folder holds too many, in words for the user.
    pub fn spread(
        &mut self,
        paths: &[PathBuf],
        identities: &[Identity],
    ) -> Result<Vec<PathBuf>, String> {
        let mut all = Vec::new();
        for path in paths {
            let found =
                if foreign::is_folder(path) { None } else { folder::archives(path, identities) };
            match found {
                Some(found) => {
                    let found = found?;
                    all.extend(found.archives);
                    self.beside.extend(Some(found.beside).filter(|why| !why.is_empty()));
                }
                None => all.push(path.clone()),
            }
        }
        Ok(all)
    }

    /// The same, for those who ask one store of facts.
    ///
    /// # Errors
    /// As [`open`](Self::open), or a second host.
    pub fn one_host(paths: &[PathBuf], opening: Opening<'_>) -> Result<Self, String> {
        let all = Self::open(paths, opening)?;
        let first = || all.host.as_ref().map(|host| host.name()).unwrap_or_default();
        match all.further.first() {
            None => Ok(all),
            Some(second) => Err(format!(
                "{}: a second host beside {}: ask one at a time, or the facts.db that davy triage \
                 -o CASE leaves of both",
                second.name(),
                first()
            )),
        }
    }

    /// The host's kind, where there is a host.
    pub fn kind(&self) -> Option<crate::evidence::SourceKind> {
        self.host.as_ref().map(|host| host.kind())
    }
}

//! Which package owns a path: asked for all wanted paths of a root at once, so that the lists
//! of a database are streamed once and never held.

use super::{apk, dpkg, inferred, rpm};
use crate::collect::Gaps;
use crate::evidence::{Dir, HostPath, Told, Unavailable};
use crate::facts::HostText;
use std::collections::{HashMap, HashSet};

/// A digest that a package database keeps of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::collect) enum Digest {
    /// MD5, lower-case hexadecimal.
    Md5(String),
    /// SHA-256, lower-case hexadecimal.
    Sha256(String),
}

/// The package of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::collect) struct Owned {
    /// Its name.
    pub package: HostText,
    /// What the file's bytes should digest to; `None` for configuration and where none is kept.
    pub digest: Option<Digest>,
}

/// The answer for one root.
#[derive(Clone, Debug, Default)]
pub(in crate::collect) struct Owners {
    /// Whether the root has a package database at all. Where it has none, that no package owns
    /// a path means nothing.
    pub known: bool,
    found: HashMap<HostPath, Owned>,
}

impl Owners {
    /// The package that owns this path, where one does.
    pub fn of(&self, path: &HostPath) -> Option<&Owned> {
        self.found.get(path)
    }
}

/// Opens the root once more; each worker has a handle of its own.
pub(in crate::collect) type OpenRoot<'a> =
    dyn Fn() -> Result<Box<dyn Dir + 'a>, Unavailable> + Sync + 'a;

/// Looks up who owns `paths` in the root's databases.
pub(in crate::collect) fn owners<'a>(
    root: &dyn Dir,
    open: &OpenRoot<'a>,
    paths: impl Iterator<Item = HostPath>,
    told: Option<&Told>,
    gaps: &Gaps,
) -> Owners {
    let mut wanted = Wanted::new(paths, &aliases(root));
    // A host may have two: dpkg's own beside rpm's on a converted one.
    let known = [
        dpkg::owners(root, open, &mut wanted, gaps),
        rpm::owners(root, &mut wanted, gaps),
        apk::owners(root, &mut wanted, gaps),
    ]
    .contains(&true);
    let told_so = told.is_some_and(|told| !told.owners.is_empty());
    if let Some(told) = told {
        for (path, package) in &told.owners {
            if let Some(index) = wanted.index(path.as_bytes()) {
                wanted.own(index, Owned { package: package.clone(), digest: None });
            }
        }
    }
    let inferred = !known && told.is_some_and(|told| inferred::owners(root, told, &mut wanted));
    if inferred {
        let how = "no lists of packages' files: what was put on disk when packages were installed is taken for theirs";
        gaps.note("packages.owns", how.to_owned());
    }
    let known = known || told_so || inferred;
    Owners { known, found: wanted.finish() }
}

/// What tells one root's database from another's: sandboxes share the host's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::collect) struct Database {
    /// dpkg, rpm or apk.
    pub manager: &'static str,
    dev: u64,
    inode: u64,
}

/// The database of a root; `None` where it has none.
pub(in crate::collect) fn database(root: &dyn Dir) -> Option<Database> {
    let of = |manager, places: &[&'static str]| {
        places.iter().map(|place| (manager, *place)).collect::<Vec<_>>()
    };
    let mut places = [of("dpkg", dpkg::PLACES), of("rpm", rpm::PLACES), of("apk", apk::PLACES)]
        .concat()
        .into_iter();
    places.find_map(|(manager, path)| {
        let stat = root.stat(&HostPath::from(path)).ok()?;
        Some(Database { manager, dev: stat.dev, inode: stat.inode })
    })
}

/// Two prefixes of paths that mean the same directory, as `/bin/` and `/usr/bin/`.
type Alias = (Vec<u8>, Vec<u8>);

/// The directories of a merged /usr that are links: databases and the kernel may each name
/// either side.
fn aliases(root: &dyn Dir) -> Vec<Alias> {
    let link = |name: &str, base: &str| {
        let target = root.link(&HostPath::from(name)).ok()?;
        let target = target.as_bytes();
        let target = target.strip_prefix(b"./").unwrap_or(target);
        let full = match target.strip_prefix(b"/") {
            Some(absolute) => absolute.to_vec(),
            None => [base.as_bytes(), target].concat(),
        };
        let full = full.strip_suffix(b"/").unwrap_or(&full);
        (!full.is_empty() && !full.windows(2).any(|two| two == b".."))
            .then(|| (format!("/{name}/").into_bytes(), [b"/", full, b"/"].concat()))
    };
    let top = ["bin", "sbin", "lib", "lib32", "lib64", "libx32"];
    let merged = ["usr/sbin", "usr/lib64"];
    let top = top.iter().filter_map(|name| link(name, ""));
    top.chain(merged.iter().filter_map(|name| link(name, "usr/"))).collect()
}

/// Every way to write a path, itself first.
fn spellings(path: &[u8], aliases: &[Alias]) -> Vec<Vec<u8>> {
    let mut all = vec![path.to_vec()];
    // Two rounds: /sbin is usr/sbin, which may be bin.
    for _ in 0..2 {
        for (link, target) in aliases {
            for (from, to) in [(link, target), (target, link)] {
                let more: Vec<Vec<u8>> = all
                    .iter()
                    .filter_map(|p| p.strip_prefix(from.as_slice()).map(|rest| [to, rest].concat()))
                    .filter(|new| !all.contains(new))
                    .collect();
                all.extend(more);
            }
        }
    }
    all
}

/// The paths whose owner is asked, under every spelling.
pub(super) struct Wanted {
    paths: Vec<HostPath>,
    /// Spelling to index in `paths`.
    spelled: HashMap<Vec<u8>, usize>,
    /// The folders of all spellings, each with its last slash.
    folders: HashSet<Vec<u8>>,
    found: Vec<Option<Owned>>,
}

impl Wanted {
    fn new(paths: impl Iterator<Item = HostPath>, aliases: &[Alias]) -> Self {
        let paths: Vec<HostPath> = paths.collect();
        let mut spelled = HashMap::with_capacity(paths.len() * 2);
        for (index, path) in paths.iter().enumerate() {
            for spelling in spellings(path.as_bytes(), aliases) {
                spelled.entry(spelling).or_insert(index);
            }
        }
        let found = vec![None; paths.len()];
        let folder = |path: &Vec<u8>| {
            let end = path.iter().rposition(|b| *b == b'/').map_or(0, |slash| slash + 1);
            path.get(..end).unwrap_or_default().to_vec()
        };
        let folders = spelled.keys().map(folder).collect();
        Self { paths, spelled, folders, found }
    }

    /// Whether any wanted path lies in this folder, written with its last slash.
    pub fn folder(&self, folder: &[u8]) -> bool {
        self.folders.contains(folder)
    }

    /// How many paths are wanted.
    pub fn len(&self) -> usize {
        self.paths.len()
    }

    /// A wanted path by its index.
    pub fn path(&self, index: usize) -> Option<&HostPath> {
        self.paths.get(index)
    }

    /// Which wanted path a database's path is.
    pub fn index(&self, path: &[u8]) -> Option<usize> {
        self.spelled.get(path).copied()
    }

    /// Notes an owner; the first one stays.
    pub fn own(&mut self, index: usize, owned: Owned) {
        if let Some(slot) = self.found.get_mut(index)
            && slot.is_none()
        {
            *slot = Some(owned);
        }
    }

    fn finish(self) -> HashMap<HostPath, Owned> {
        // Two wanted paths may be one file under two spellings: both have its owner.
        let mut answer = HashMap::new();
        for (index, path) in self.paths.iter().enumerate() {
            let first = self.index(path.as_bytes()).unwrap_or(index);
            if let Some(owned) = self.found.get(first).and_then(Option::as_ref) {
                answer.insert(path.clone(), owned.clone());
            }
        }
        answer
    }
}

//! The usual web roots, walked as far as is bounded.

use crate::evidence::{Dir, FileKind, HostPath, Reason, Stat};
use crate::facts::Pieces;

/// Where web servers are told to serve from, by distributions and by custom.
const ROOTS: [&str; 12] = [
    "/var/www",
    "/srv/www",
    "/srv/http",
    "/usr/share/nginx/html",
    "/usr/local/apache2/htdocs",
    "/usr/local/www",
    "/var/lib/tomcat9/webapps",
    "/var/lib/tomcat10/webapps",
    "/opt/tomcat/webapps",
    "/usr/local/tomcat/webapps",
    "/opt/lampp/htdocs",
    "/home/www",
];

/// The same, below each folder of /home.
const AT_HOME: [&str; 3] = ["public_html", "www", "htdocs"];
const MOST_HOMES: usize = 256;

/// How deep folders within folders are followed.
const DEPTH: u32 = 10;
/// Names that are looked at in all.
const MOST_NAMES: u32 = 20_000;
/// Scripts that are read in all.
const MOST_SCRIPTS: usize = 4_000;
/// Larger scripts are not read; few are.
pub(super) const MOST_BYTES: usize = 256 << 10;

/// Endings of what a web server runs.
const ENDINGS: [&[u8]; 12] = [
    b".php", b".php3", b".php4", b".php5", b".php7", b".php8", b".phtml", b".phar", b".pht",
    b".inc", b".jsp", b".jspx",
];

/// What was looked at, and what not.
#[derive(Default)]
pub(super) struct Seen {
    roots: Vec<&'static str>,
    pub read: u64,
    pub unread: u64,
    large: u64,
    /// Names or scripts beyond the bounds.
    beyond: bool,
    deep: u64,
    /// Roots of which nobody tells whether they are there.
    unknown: u64,
}

impl Seen {
    /// Nothing was looked at, and nobody tells whether there was anything.
    pub(super) const fn uncaptured(&self) -> bool {
        self.roots.is_empty() && self.unknown > 0
    }

    pub(super) fn words(&self) -> String {
        if self.uncaptured() {
            return format!(
                "whether the usual web roots ({} …) are there was not captured",
                ROOTS.get(..3).unwrap_or_default().join(", ")
            );
        }
        if self.roots.is_empty() {
            return format!(
                "none of the usual web roots ({} …) is there; others are not looked for",
                ROOTS.get(..3).unwrap_or_default().join(", ")
            );
        }
        let mut words = format!(
            "{} scripts (PHP, JSP) below {} were read; other web roots are not looked for",
            self.read,
            self.roots.join(", ")
        );
        if self.large > 0 {
            words += &format!("; {} larger than 256 KiB were not", self.large);
        }
        if self.deep > 0 {
            words += &format!("; {} folders deeper than {DEPTH} were not walked", self.deep);
        }
        if self.beyond {
            words += &format!("; {MOST_NAMES} names or {MOST_SCRIPTS} scripts were, the rest not");
        }
        words
    }

    pub(super) const fn whole(&self) -> bool {
        self.large == 0 && self.deep == 0 && !self.beyond && self.unread == 0
    }

    /// What is left out by its size or depth is told, and no piece that failed.
    pub(super) fn pieces(&self) -> Pieces {
        let cut = u64::from(self.beyond);
        Pieces { read: self.read, missed: self.unread.saturating_add(cut), failed: 0, cut }
    }
}

pub(super) struct Walk<'a> {
    root: &'a dyn Dir,
    left: u32,
    found: Vec<(HostPath, Stat)>,
    pub seen: Seen,
}

impl<'a> Walk<'a> {
    pub(super) fn new(root: &'a dyn Dir) -> Self {
        Self { root, left: MOST_NAMES, found: Vec::new(), seen: Seen::default() }
    }

    /// The scripts, small enough to be read.
    pub(super) fn scripts(&mut self) -> Vec<(HostPath, Stat)> {
        for name in ROOTS {
            self.top(&HostPath::from(name), name);
        }
        let homes = HostPath::from("/home");
        for home in self.root.list(&homes).unwrap_or_default().iter().take(MOST_HOMES) {
            for (name, shown) in
                AT_HOME.iter().zip(["/home/*/public_html", "/home/*/www", "/home/*/htdocs"])
            {
                self.top(&homes.join(home).join(*name), shown);
            }
        }
        std::mem::take(&mut self.found)
    }

    fn top(&mut self, path: &HostPath, shown: &'static str) {
        let stat = match self.root.stat_link(path) {
            Ok(stat) => stat,
            Err(why) => {
                self.seen.unknown += u64::from(why.reason != Reason::Absent);
                return;
            }
        };
        if stat.kind == FileKind::Directory {
            if !self.seen.roots.contains(&shown) {
                self.seen.roots.push(shown);
            }
            self.inside(path, &stat, DEPTH);
        }
    }

    fn inside(&mut self, path: &HostPath, folder: &Stat, depth: u32) {
        for name in self.root.list(path).unwrap_or_default() {
            if self.left == 0 || self.found.len() >= MOST_SCRIPTS {
                self.seen.beyond = true;
                return;
            }
            self.left -= 1;
            let file = path.join(&name);
            let Ok(stat) = self.root.stat_link(&file) else { continue };
            match stat.kind {
                // Another file system may be a dead mount, which would hold us.
                FileKind::Directory if stat.dev == folder.dev => {
                    if depth > 1 {
                        self.inside(&file, &stat, depth - 1);
                    } else {
                        self.seen.deep += 1;
                    }
                }
                FileKind::File if script(name.as_bytes()) => {
                    if stat.size > MOST_BYTES as u64 {
                        self.seen.large += 1;
                    } else if stat.size > 0 {
                        self.found.push((file, stat));
                    }
                }
                _ => {}
            }
        }
    }
}

fn script(name: &[u8]) -> bool {
    let lower = name.to_ascii_lowercase();
    ENDINGS.iter().any(|end| lower.ends_with(end))
}

//! Places that have to be looked for: those that a file names, and Python's, whose folders carry a version.

use super::places::{At, place, scripts};
use super::walk::Walk;
use super::{Found, MOST_NAMES, doors, git, python};
use crate::collect::Outcome;
use crate::evidence::HostPath;
use crate::facts::HostText;

/// Files and folders that others name, of one host.
const MOST_NAMED: usize = 512;

/// How the entry says it that names a file of variables.
const ENVIRONMENT: &str = "EnvironmentFile";

/// What a file names that is read later.
pub(super) enum Beyond {
    /// A file of variables of a unit.
    Environment(HostPath),
    /// A folder of git's hooks, and whose.
    Hooks(HostPath, Option<HostText>),
}

impl Walk<'_, '_> {
    /// Takes out what only names further files, and remembers these.
    pub(super) fn look_beyond(
        &mut self,
        kind: &str,
        found: &mut Vec<Found>,
        owner: Option<&HostText>,
    ) {
        let mut named = Vec::new();
        if kind == "systemd" {
            let is = |entry: &Found| {
                entry.schedule.as_ref().is_some_and(|key| key.as_bytes() == ENVIRONMENT.as_bytes())
            };
            let files = found.iter().filter(|entry| is(entry));
            named.extend(
                files.map(|entry| Beyond::Environment(HostPath::new(entry.command.as_bytes()))),
            );
            found.retain(|entry| !is(entry));
        } else if kind == "git" {
            named.extend(found.iter().filter_map(git::hooks).filter_map(|folder| {
                let path = match folder.strip_prefix(b"~/") {
                    Some(rest) => self.home(owner)?.join(HostPath::new(rest)),
                    None => HostPath::new(folder),
                };
                path.is_absolute().then(|| Beyond::Hooks(path, owner.cloned()))
            }));
        }
        let room = MOST_NAMED.saturating_sub(self.beyond.len());
        self.beyond.extend(named.into_iter().take(room));
    }

    /// Reads them, and what Python reads.
    pub(super) fn beyond(&mut self) -> Outcome {
        for named in std::mem::take(&mut self.beyond) {
            match named {
                Beyond::Environment(path) => {
                    let of = place("systemd", At::File(""), doors::environment);
                    self.file(&of, &path, None)?;
                }
                Beyond::Hooks(path, owner) => {
                    let of = scripts("git", At::Folder(""), Some("git"));
                    self.folder(&of, &path, owner.as_ref())?;
                }
            }
        }
        self.pythons()
    }

    fn pythons(&mut self) -> Outcome {
        let own = python::FOLDERS.iter().map(|folder| (HostPath::from(*folder), None));
        let homes = self.homes.iter();
        let homes = homes.map(|(user, home)| (home.join(python::AT_HOME), Some(user.clone())));
        let of = place("python", At::File(""), python::lines);
        for (folder, owner) in own.chain(homes).collect::<Vec<_>>() {
            let versions = self.root().list(&folder).unwrap_or_default();
            let versions = versions.iter().filter(|name| name.as_bytes().starts_with(b"python"));
            for site in versions.flat_map(|name| {
                let python = folder.join(name);
                python::SITES.map(|site| python.join(site))
            }) {
                let names = self.root().list(&site).unwrap_or_default();
                let names = names.iter().take(MOST_NAMES);
                for name in names.filter(|name| python::is_read(name.as_bytes())) {
                    self.file(&of, &site.join(name), owner.as_ref())?;
                }
            }
        }
        Ok(())
    }
}

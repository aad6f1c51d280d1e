//! SSH keys: who is let in, whom this host knows, and what opens other doors from here.

mod private;
pub(super) mod public;

use super::accounts::homes;
use super::{Collector, Host, Outcome, Run};
use crate::evidence::{Dir, FileKind, HostPath, Reason, Stat, Unavailable};
use crate::facts::{Facts, HostText, Table, Time};
use public::Line;
use std::collections::{BTreeSet, HashSet};

crate::table! {
    pub struct SshKey in ssh_keys, "SSH keys of the host and of its accounts: one row a key. Of private keys only that they are there, and their public half.";
    kind: &'static str, "", "authorized: whoever has it is let in; host: the host's own; known-host: of a host that was logged in to; private: opens doors elsewhere; public: the other half of such a one.";
    path: HostPath, "", "The file.";
    line: Option<u32>, "", "Its line, from 1.";
    account: Option<HostText>, "", "The account in whose home it lies; NULL for the host's own and for files that hold for all accounts.";
    key_type: HostText, "", "ssh-ed25519, ssh-rsa …; of a private key in another form than OpenSSH's, that form.";
    fingerprint: Option<String>, "", "SHA256:…, as sshd logs it; NULL where the text is no key, or the public half of a private key is not known.";
    comment: Option<HostText>, "", "What stands behind the key.";
    options: Option<HostText>, "", "What stands before it: forced commands, addresses it may come from, @revoked.";
    names: Option<HostText>, "", "For a known host, its names and addresses; NULL where they are hashed.";
    encrypted: Option<bool>, "", "For a private key, whether it asks for a password; NULL where not known.";
    mtime: Option<Time>, "", "File last changed.";
    ctime: Option<Time>, "", "Inode last changed.";
    btime: Option<Time>, "", "File made.";
}

pub(super) const COLLECTOR: Collector =
    Collector { name: "ssh keys", tables: &[SshKey::DEF], run: Run::Host(collect) };

/// What the table is called in coverage.
const WHAT: &str = "ssh_keys";
/// Some thousand keys.
const MOST_BYTES: usize = 1 << 20;
/// Keys of one file that get a row.
const MOST_KEYS: usize = 2_000;
/// Names in one folder that are looked at.
const MOST_NAMES: usize = 256;
/// Where sshd looks if it is not told otherwise.
const USUAL: [&str; 2] = [".ssh/authorized_keys", ".ssh/authorized_keys2"];

fn collect(host: &Host<'_>, facts: &Facts) -> Outcome {
    host.gaps.read_many(WHAT, 0);
    let mut walk = Walk { host, facts, seen: HashSet::new() };
    let configured = configured(host);
    for (user, home) in homes(host, WHAT) {
        for name in USUAL {
            walk.lines("authorized", &home.join(name), Some(&user))?;
        }
        for pattern in &configured {
            walk.lines("authorized", &expanded(pattern, &user, &home), Some(&user))?;
        }
        walk.folder(&home.join(".ssh"), &user)?;
    }
    for pattern in configured.iter().filter(|pattern| pattern.starts_with('/')) {
        // Without a place for the account it is one file, which holds for all.
        if !pattern.contains('%') {
            walk.lines("authorized", &HostPath::from(pattern.as_str()), None)?;
        }
    }
    let folder = HostPath::from("/etc/ssh");
    walk.lines("known-host", &folder.join("ssh_known_hosts"), None)?;
    for name in host.root.list(&folder).unwrap_or_default().iter().take(MOST_NAMES) {
        let bytes = name.as_bytes();
        if bytes.starts_with(b"ssh_host_") && bytes.ends_with(b".pub") {
            walk.lines("host", &folder.join(name), None)?;
        }
    }
    Ok(())
}

/// The values of AuthorizedKeysFile in sshd's configuration, other than the usual ones.
fn configured(host: &Host<'_>) -> BTreeSet<String> {
    let folder = HostPath::from("/etc/ssh/sshd_config.d");
    let mut files = vec![HostPath::from("/etc/ssh/sshd_config")];
    let more = host.root.list(&folder).unwrap_or_default();
    files.extend(more.iter().take(MOST_NAMES).map(|name| folder.join(name)));
    let mut all = BTreeSet::new();
    for path in files {
        let mut bytes = Vec::new();
        if host.root.read(&path, MOST_BYTES, &mut bytes).is_err() {
            continue;
        }
        for line in String::from_utf8_lossy(&bytes).lines() {
            let mut words = line.split([' ', '\t', '=']).filter(|word| !word.is_empty());
            if words.next().is_some_and(|key| key.eq_ignore_ascii_case("AuthorizedKeysFile")) {
                let values = words.map(|word| word.trim_matches('"').to_owned());
                all.extend(values.filter(|v| !USUAL.contains(&v.as_str()) && v != "none"));
            }
        }
    }
    all
}

/// `%u` is the account's name, `%h` its home; what does not begin with a slash lies in the home.
fn expanded(pattern: &str, user: &HostText, home: &HostPath) -> HostPath {
    let text = pattern
        .replace("%u", &user.to_string())
        .replace("%h", &home.to_string())
        .replace("%%", "%");
    if text.starts_with('/') { HostPath::from(text.as_str()) } else { home.join(text.as_str()) }
}

struct Walk<'a, 'h> {
    host: &'a Host<'h>,
    facts: &'a Facts,
    /// Paths that were read, and the inodes.
    seen: HashSet<HostPath>,
}

impl Walk<'_, '_> {
    fn root(&self) -> &dyn Dir {
        self.host.root.as_ref()
    }

    fn missed(&self, why: &Unavailable) {
        // Most accounts have none.
        if why.reason != Reason::Absent {
            self.host.gaps.missed(WHAT, why);
        }
    }

    /// A regular file that was not met before.
    fn file(&mut self, path: &HostPath) -> Option<Stat> {
        match self.root().stat(path) {
            Ok(stat) if stat.kind == FileKind::File => {
                self.seen.insert(path.clone()).then_some(stat)
            }
            Ok(stat) if stat.kind == FileKind::Directory => None,
            Ok(stat) => {
                self.missed(&Unavailable::new(path, Reason::NotRegular, stat.kind.word()));
                None
            }
            Err(why) => {
                self.missed(&why);
                None
            }
        }
    }

    /// The keys of a file, one a line.
    fn lines(&mut self, kind: &'static str, path: &HostPath, user: Option<&HostText>) -> Outcome {
        let Some(stat) = self.file(path) else { return Ok(()) };
        let mut bytes = Vec::new();
        match self.root().read(path, MOST_BYTES, &mut bytes) {
            Ok(false) => {}
            Ok(true) => {
                let why = "more than 1 MiB; the first was read";
                self.missed(&Unavailable::new(path, Reason::TooMuch, why));
            }
            Err(why) => {
                self.missed(&why);
                return Ok(());
            }
        }
        self.host.gaps.read(WHAT);
        let mut kept = 0;
        for (number, line) in (1_u32..).zip(bytes.split(|b| *b == b'\n')) {
            let (names, key) = match kind {
                "known-host" => match public::known(line) {
                    Some((names, key)) => (Some(names), key),
                    None => continue,
                },
                _ => match public::authorized(line) {
                    Some(key) => (None, key),
                    None => continue,
                },
            };
            kept += 1;
            if kept > MOST_KEYS {
                let why = format!("more than {MOST_KEYS} keys: the others have no row");
                self.missed(&Unavailable::new(path, Reason::TooMuch, why));
                break;
            }
            let row = row(kind, path, number, &key, names, user, &stat);
            let at = format!("{path}:{number}");
            self.facts.insert(&at, &at, &row)?;
        }
        Ok(())
    }

    /// The other files of a folder `.ssh`.
    fn folder(&mut self, folder: &HostPath, user: &HostText) -> Outcome {
        let names = match self.root().list(folder) {
            Ok(names) => names,
            Err(why) => {
                self.missed(&why);
                return Ok(());
            }
        };
        if names.len() > MOST_NAMES {
            let why = format!("{} names; {MOST_NAMES} are looked at", names.len());
            self.missed(&Unavailable::new(folder, Reason::TooMuch, why));
        }
        for name in names.iter().take(MOST_NAMES) {
            let path = folder.join(name);
            match name.as_bytes() {
                name if name.starts_with(b"known_hosts") => {
                    self.lines("known-host", &path, Some(user))?;
                }
                name if name.ends_with(b".pub") => self.lines("public", &path, Some(user))?,
                _ => self.private(&path, user)?,
            }
        }
        Ok(())
    }

    fn private(&mut self, path: &HostPath, user: &HostText) -> Outcome {
        // Connections that are kept open are sockets here, and ssh reads no key from one.
        if self.root().stat(path).is_ok_and(|stat| stat.kind != FileKind::File) {
            return Ok(());
        }
        let Some(stat) = self.file(path) else { return Ok(()) };
        let found = match private::look(self.root(), path) {
            Ok(Some(found)) => found,
            Ok(None) => return Ok(()),
            Err(why) => {
                self.missed(&why);
                return Ok(());
            }
        };
        self.host.gaps.read(WHAT);
        let row = SshKey {
            kind: "private",
            path: path.clone(),
            line: None,
            account: Some(user.clone()),
            key_type: HostText::from(found.kind.as_str()),
            fingerprint: found.fingerprint,
            comment: None,
            options: None,
            names: None,
            encrypted: found.encrypted,
            mtime: stat.mtime,
            ctime: stat.ctime,
            btime: stat.btime,
        };
        self.facts.insert(path.to_string(), &path.to_string(), &row)
    }
}

fn row(
    kind: &'static str,
    path: &HostPath,
    line: u32,
    key: &Line<'_>,
    names: Option<&[u8]>,
    user: Option<&HostText>,
    stat: &Stat,
) -> SshKey {
    let text = |bytes: &[u8]| Some(HostText::from(bytes)).filter(|text| !text.is_empty());
    SshKey {
        kind,
        path: path.clone(),
        line: Some(line),
        account: user.cloned(),
        key_type: HostText::from(key.kind),
        fingerprint: key.fingerprint(),
        comment: text(key.comment),
        options: text(key.options),
        names: names.filter(|names| !names.starts_with(b"|")).and_then(text),
        encrypted: None,
        mtime: stat.mtime,
        ctime: stat.ctime,
        btime: stat.btime,
    }
}

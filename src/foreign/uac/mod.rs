//! UAC, the Unix-like Artifacts Collector, versions 2 and 3: tar, zip or folder.

mod files;
mod host;
mod log;
mod memory;
mod network;
mod packages;
mod processes;

use super::root;
use super::{Layout, logins};
use crate::evidence::{Assembly, Evidence, HostPath, Reason, Spool};
use crate::facts::Status;
use log::Log;

pub(super) const LAYOUT: Layout = Layout { name: "UAC", claims, open };

/// By `uac.log`, or by the folders that it leaves; they may lie in a folder of the archive.
fn claims(spool: &Spool, within: &[u8]) -> Option<Vec<u8>> {
    base(spool, within)
}

/// Where in an archive UAC's files begin, where it has such.
pub(super) fn base(spool: &Spool, within: &[u8]) -> Option<Vec<u8>> {
    let mut bases: Vec<&[u8]> = vec![b""];
    for (name, ..) in spool.own(within) {
        for mark in
            [&b"uac.log"[..], b"live_response/process/", b"[root]/etc/", b"bodyfile/bodyfile.txt"]
        {
            if let Some(at) = super::output::find(name, mark)
                && (at == 0 || name.get(at - 1).is_some_and(|b| matches!(b, b'/' | b'!')))
            {
                bases.push(name.get(..at).unwrap_or_default());
            }
        }
    }
    bases.sort_by_key(|base| base.len());
    bases.dedup();
    let is = |base: &&&[u8]| {
        let below = |folder: &[u8]| spool.below(&[within, base, folder].concat()).next().is_some();
        let has = |name: &[u8]| spool.members.contains_key(&[within, base, name].concat());
        has(b"uac.log")
            && (below(b"live_response/") || below(b"[root]/") || has(b"bodyfile/bodyfile.txt"))
            || below(b"live_response/process/")
            || below(b"live_response/") && below(b"[root]/")
            || below(b"[root]/") && has(b"bodyfile/bodyfile.txt")
    };
    bases.iter().find(is).map(|base| [within, base].concat())
}

/// An archive while its host is put together.
pub(super) struct Uac<'a> {
    spool: &'a Spool,
    base: &'a [u8],
    log: Log,
    host: Assembly,
}

impl<'a> Uac<'a> {
    /// The bytes of a member and its name, where it was taken.
    fn member(&self, name: &str) -> Option<(&'a [u8], String)> {
        let full = [self.base, name.as_bytes()].concat();
        let bytes = self.spool.members.get(&full)?.bytes()?;
        Some((bytes, crate::facts::HostText::from(full.as_slice()).escaped()))
    }

    /// The first of these members that there is.
    fn first(&self, names: &[&str]) -> Option<(&'a [u8], String)> {
        names.iter().find_map(|name| self.member(name))
    }

    fn cover(&mut self, what: &str, status: Status, words: impl Into<String>) {
        self.host.told.coverage.push((what.to_owned(), status, words.into()));
    }
}

pub(super) fn open(spool: Spool, base: &[u8]) -> Result<Box<dyn Evidence>, String> {
    let text = spool.members.get(&[base, b"uac.log"].concat()).and_then(|m| m.bytes());
    let log = Log::parse(text.unwrap_or_default());
    if let Some(system) = log.system.as_deref().filter(|s| *s != "linux") {
        return Err(format!("UAC of a host that runs {system}: davy reads Linux hosts"));
    }
    let host = Assembly::new(&spool.name, log.began.unwrap_or_default());
    let mut uac = Uac { spool: &spool, base, log, host };
    let booted = uac.booted();
    uac.files();
    uac.about(booted);
    uac.processes(booted);
    uac.network();
    uac.packages();
    uac.logins();
    root::problems(&mut uac.host, &spool, &[[base, b"[root]/"].concat()]);
    uac.unseen();
    let clock = uac.clock(booted);
    Ok(Box::new(uac.host.finish(clock)))
}

impl Uac<'_> {
    /// Who came in, as programs printed it. Times of `last` are those of UAC's own zone.
    fn logins(&mut self) {
        let offset = self.log.offset;
        for (file, program) in logins::FILES.into_iter().zip(["last", "lastb"]) {
            let dump = format!("utmpdump{}", file.0.replace('/', "_"));
            for name in [dump, format!("{program}_-a_-F"), format!("{program}_-F")] {
                let found = self.member(&format!("live_response/system/{name}.txt"));
                let Some((text, member)) = found else { continue };
                let text = text.to_vec();
                if logins::place(&mut self.host, file, &text, offset, &member) {
                    break;
                }
            }
        }
    }

    /// What UAC never takes.
    fn unseen(&mut self) {
        let version =
            self.log.version.clone().unwrap_or_else(|| "of an unknown version".to_owned());
        let live = self.spool.below(&[self.base, b"live_response/"].concat()).next().is_some();
        let mut words = format!("collected by UAC {version}");
        if let Some(line) = &self.log.command_line {
            words += &format!(" ({line})");
        }
        if let Some(user) = self.log.user.as_deref().filter(|user| *user != "root") {
            self.cover("processes of others", Status::Denied, format!("UAC ran as {user}"));
        }
        if let Some(excluded) = self.log.excluded.clone() {
            let words = format!("file systems that UAC was told to leave out: {excluded}");
            self.cover("files on excluded mounts", Status::NotCaptured, words);
        }
        self.cover("archive", Status::Complete, words);
        if !live {
            for what in ["processes", "open_files", "mappings", "sockets", "memory"] {
                let why = "UAC ran over a mounted image: nothing of what ran is in it";
                self.cover(what, Status::NotCaptured, why);
            }
            return;
        }
        for (what, why) in [
            (
                "sockets of other network namespaces",
                "UAC takes the tables of its own namespace only",
            ),
            ("processes.mnt_ns", "UAC takes no namespaces; a container is told by its mount table"),
        ] {
            self.cover(what, Status::NotCaptured, why);
        }
        // Programs that are still on disk are not in the archive.
        self.host.refuse(&HostPath::from("/proc/kcore"), Reason::NotCaptured);
    }
}

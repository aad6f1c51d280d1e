//! LinuxCatScale: a script whose output is listings, with small archives among them.

mod cut;
mod host;
mod processes;
mod timeline;

pub(super) use timeline::said;

use super::{Layout, logins, root};
use crate::evidence::{Assembly, Clock, Evidence, HostPath, Spool};
use crate::facts::{HostText, Status, Time};

pub(super) const LAYOUT: Layout = Layout { name: "CatScale", claims, open };

/// The folder and the end of the name by which the layout is known; what stands before the end,
/// the user chooses.
const MARK: &[u8] = b"Process_and_Network/";

fn claims(spool: &Spool, within: &[u8]) -> Option<Vec<u8>> {
    let sure = spool.own(within).find_map(|(name, ..)| {
        let at = super::output::find(name, MARK)?;
        let known = ["-process-exe-links.txt", "-process-details.txt", "-process-cmdline.txt"];
        let folder = at == 0 || name.get(at - 1).is_some_and(|b| matches!(b, b'/' | b'!'));
        (folder && known.iter().any(|end| name.ends_with(end.as_bytes())))
            .then(|| [within, name.get(..at).unwrap_or_default()].concat())
    });
    sure.or_else(|| cut::claims(spool, within))
}

/// Where a collection begins, if this member tells.
pub(super) fn begins(name: &[u8]) -> Option<&[u8]> {
    let at = super::output::find(name, MARK)?;
    name.ends_with(b"-process-exe-links.txt").then(|| name.get(..at))?
}

/// An archive while its host is put together.
struct CatScale<'a> {
    spool: &'a Spool,
    base: &'a [u8],
    host: Assembly,
}

impl<'a> CatScale<'a> {
    /// The member of a folder whose name ends so.
    fn member(&self, folder: &str, end: &str) -> Option<(&'a [u8], String)> {
        let folder = [self.base, folder.as_bytes(), b"/"].concat();
        let (_, full, member) = self
            .spool
            .below(&folder)
            .find(|(name, ..)| name.ends_with(end.as_bytes()) && !name.contains(&b'!'))?;
        Some((member.bytes()?, HostText::from(full).escaped()))
    }

    fn cover(&mut self, what: &str, status: Status, words: impl Into<String>) {
        self.host.told.coverage.push((what.to_owned(), status, words.into()));
    }
}

fn open(spool: Spool, base: &[u8]) -> Result<Box<dyn Evidence>, String> {
    let dated = spool.below(base).find_map(|(name, _, member)| {
        let known = [&b"-host-date-timezone.txt"[..], b"-console-error-log.txt"];
        known.iter().any(|end| name.ends_with(end)).then(|| member.bytes().and_then(host::date))?
    });
    let newest = || spool.below(base).map(|(.., member)| member.mtime).max().unwrap_or(0);
    let taken = dated.unwrap_or_else(|| Time::new(newest(), 0));
    let host = Assembly::new(&spool.name, taken);
    let mut cat = CatScale { spool: &spool, base, host };
    cat.files();
    cat.about();
    cat.processes();
    cat.packages();
    cat.logins();
    root::problems(&mut cat.host, &spool, &[]);
    cat.unseen();
    let clock = Clock {
        realtime: taken,
        boottime: None,
        monotonic: None,
        ticks_per_second: 100,
        page_size: 4096,
        zone: cat.zone().map(host::zone).unwrap_or_default(),
    };
    Ok(Box::new(cat.host.finish(clock)))
}

impl CatScale<'_> {
    /// The timeline, and the files of the archives within the archive.
    fn files(&mut self) {
        let listed = self.timeline();
        let mut bases: Vec<Vec<u8>> = Vec::new();
        for (name, full, _) in self.spool.below(self.base) {
            if let Some(at) = name.iter().position(|b| *b == b'!') {
                let end = full.len().saturating_sub(name.len().saturating_sub(at + 1));
                let base = full.get(..end).unwrap_or_default();
                if bases.last().is_none_or(|last| last != base) {
                    bases.push(base.to_vec());
                }
            }
        }
        for base in bases {
            root::place(&mut self.host, self.spool, &base, true);
        }
        self.crontabs();
        if !listed {
            for folder in ["/etc/cron.d", "/etc/systemd/system", "/var/spool/cron"] {
                self.host.whole_below(&HostPath::from(folder), true);
            }
            self.cover("files", Status::Partial, "no timeline: what lies on disk is not known");
        }
    }

    /// Seconds that the host's clock is ahead of UTC.
    fn zone(&self) -> Option<i64> {
        let (text, _) = self.member("System_Info", "-host-date-timezone.txt")?;
        host::offset(text)
    }

    /// Who came in, as `last` printed it in the host's own zone.
    fn logins(&mut self) {
        let offset = self.zone().unwrap_or(0);
        for (file, end) in logins::FILES.into_iter().zip(["-last-wtmp.txt", "-last-btmp.txt"]) {
            if let Some((text, member)) = self.member("Logs", end) {
                logins::place(&mut self.host, file, text, offset, &member);
            }
        }
    }

    /// What CatScale never takes.
    fn unseen(&mut self) {
        self.cover("archive", Status::Complete, "collected by CatScale");
        for (what, why) in [
            (
                "processes.started",
                "CatScale lists when a process began to the minute, and not when the host did",
            ),
            ("processes.loginuid", "CatScale does not take it"),
            ("processes.mnt_ns", "CatScale takes no namespaces"),
            ("elf", "CatScale takes digests of programs and not their bytes"),
            ("open_files.sha256", "CatScale saves no deleted files"),
            ("memory", "CatScale takes no memory"),
            ("sockets of other network namespaces", "CatScale asks ss in its own namespace only"),
        ] {
            self.cover(what, Status::NotCaptured, why);
        }
        let listed = [self.base, MARK].concat();
        let listed =
            self.spool.below(&listed).any(|(name, ..)| name.ends_with(b"-process-exe-links.txt"));
        if !listed {
            for what in ["processes", "open_files", "mappings", "sockets"] {
                let why = "the archive ends before CatScale's lists of what ran, which come last";
                self.cover(what, Status::NotCaptured, why);
            }
        }
        let why = "CatScale takes only the links of map_files: anonymous memory and permissions are not in it; \
            of a program or library mapped several times, the second stretch is taken for its code";
        self.cover("mappings", Status::Partial, why);
    }
}

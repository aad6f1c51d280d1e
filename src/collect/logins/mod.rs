//! Who came in, from where and how, and who tried: utmp, wtmp, btmp, and sshd's log.

mod gathered;
mod records;
mod sshd;
mod stamp;

use super::{Collector, Host, Outcome, Run};
use crate::evidence::{FileKind, HostPath, Reason, Stat, Unavailable, unpack};
use crate::facts::{Facts, HostText, Table, Time};
use gathered::{Gathered, Seen};
use stamp::Zone;
use std::io::{Cursor, Read, SeekFrom};
use std::net::IpAddr;

crate::table! {
    pub struct Login in logins, "Logins and attempts, from wtmp, utmp, btmp and the log of sshd; one login may stand in several of them. Failures of one source and user are one row.";
    event: &'static str, "", "login; failed; unknown-user: an account that is not there was asked for; erased: an empty record among others of wtmp; account-made, password-set, group-joined: what useradd, passwd and usermod logged.";
    record: &'static str, "", "Where it stands: wtmp, utmp (logged in when the host was read), btmp, log.";
    user: Option<HostText>, "", "Account; NULL where failures of many are one row.";
    method: Option<HostText>, "", "password, publickey, keyboard-interactive/pam …, as sshd says.";
    source_address: Option<IpAddr>, "", "From where; NULL for a login at the machine itself.";
    source_name: Option<HostText>, "", "From where, in the record's words, where they are no address: a name, a display; an address, where source_address is another.";
    source_port: Option<u16>, "", "Port of the one who came.";
    key_type: Option<HostText>, "", "Of the key, as sshd says: ED25519, RSA.";
    fingerprint: Option<HostText>, "", "Of the key; of a certificate, its signer's.";
    detail: Option<HostText>, "", "More of it: a certificate's name, a new account's number and shell.";
    terminal: Option<HostText>, "", "pts/0, tty1, ssh:notty.";
    recorder: Option<u32>, "", "Process that recorded it.";
    time: Option<Time>, "", "When; of several, the first.";
    last: Option<Time>, "", "The last of several.";
    ended: Option<Time>, "", "The login ended; NULL where that is not recorded.";
    count: u64, "", "How many this row stands for.";
    in_log: bool, "", "A login of wtmp or utmp that sshd's log has, too, and says more of.";
    path: HostPath, "", "The file.";
    line: Option<u32>, "", "Line or record in it, from 1, of the first; NULL in a file of which only the end was read.";
}

pub(super) const COLLECTOR: Collector =
    Collector { name: "logins", tables: &[Login::DEF], run: Run::Host(collect) };

/// What the table is called in coverage.
const WHAT: &str = "logins";
/// Bytes that are read of the end of one file.
const TAIL: u64 = 16 << 20;
/// Bytes that are read of all files of a kind; the newest first.
const ALL: u64 = 64 << 20;
/// Files of a kind: logrotate keeps some.
const MOST_FILES: usize = 64;
const LOGS: &str = "/var/log";
/// sshd's log on Debian and on Red Hat; what has neither writes all into one.
const OF_LOGINS: [&str; 2] = ["auth.log", "secure"];
const OF_ALL: [&str; 2] = ["messages", "syslog"];

fn collect(host: &Host<'_>, facts: &Facts) -> Outcome {
    let zone = Zone::of(host);
    let logs = HostPath::from(LOGS);
    let names = match host.root.list(&logs) {
        Ok(names) => names,
        Err(why) => {
            // Where the folder cannot be listed, the files may still be there by their names.
            if why.reason == Reason::Denied {
                host.gaps.missed(WHAT, &why);
            }
            let known = OF_LOGINS.iter().chain(&OF_ALL).chain(&["wtmp", "btmp"]);
            known.map(|name| HostPath::from(*name)).collect()
        }
    };
    let mut reader = Reader { host, into: Gathered::default(), notes: Vec::new(), read: 0 };
    for record in ["wtmp", "btmp"] {
        for (path, stat) in reader.rotated(&logs, &names, &[record]) {
            reader.records(record, &path, &stat);
        }
    }
    let now = ["/run/utmp", "/var/run/utmp"].map(HostPath::from);
    if let Some((path, stat)) = now.iter().find_map(|path| Some((path, host.root.stat(path).ok()?)))
    {
        reader.records("utmp", path, &stat);
    }
    let mut open = sshd::Open::default();
    let mut of_logins = reader.rotated(&logs, &names, &OF_LOGINS);
    let own = !of_logins.is_empty();
    let mut told = own;
    if !own {
        of_logins = reader.rotated(&logs, &names, &OF_ALL);
    }
    for (path, stat) in of_logins {
        if let Some((bytes, from)) = reader.bytes(&path, &stat) {
            let written = stat.mtime.unwrap_or(host.clock.realtime).min(host.clock.realtime);
            let (text, first) = whole_lines(&bytes, from);
            let before = reader.into.all;
            sshd::take(&path, text, first, &zone, written, &mut open, &mut reader.into);
            // A log of everything that says nothing of logins most likely is not where they go.
            if own || reader.into.all > before {
                reader.was_read();
                told = true;
            }
        }
    }
    if !told && names.iter().any(|name| name.as_bytes() == b"journal") {
        let why = "the journal is not read, and there is no other log of sshd";
        host.gaps.missed(WHAT, &Unavailable::new(&logs.join("journal"), Reason::NotCaptured, why));
    }
    reader.store(facts, &zone)
}

/// Of a file that was not read from its beginning, the first line is most likely cut.
fn whole_lines(bytes: &[u8], from: u64) -> (&[u8], Option<u32>) {
    if from == 0 {
        return (bytes, Some(1));
    }
    let start = memchr::memchr(b'\n', bytes).map_or(bytes.len(), |at| at + 1);
    (bytes.get(start..).unwrap_or_default(), None)
}

struct Reader<'a, 'h> {
    host: &'a Host<'h>,
    into: Gathered,
    notes: Vec<String>,
    read: u64,
}

impl Reader<'_, '_> {
    /// The files of these names and what logrotate made of them, the oldest first.
    fn rotated(
        &mut self,
        folder: &HostPath,
        names: &[HostPath],
        wanted: &[&str],
    ) -> Vec<(HostPath, Stat)> {
        let is = |name: &HostPath| {
            wanted.iter().any(|wanted| {
                let rest = name.as_bytes().strip_prefix(wanted.as_bytes());
                rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'.' | b'-')))
            })
        };
        let mut found: Vec<(HostPath, Stat)> = Vec::new();
        for name in names.iter().filter(|name| is(name)) {
            let path = folder.join(name);
            match self.host.root.stat(&path) {
                Ok(stat) if stat.kind == FileKind::File => found.push((path, stat)),
                Ok(stat) => {
                    let why = Unavailable::new(&path, Reason::NotRegular, stat.kind.word());
                    self.host.gaps.missed(WHAT, &why);
                }
                Err(why) => self.missed(&why),
            }
        }
        found.sort_by(|a, b| (b.1.mtime, &a.0).cmp(&(a.1.mtime, &b.0)));
        let mut left = ALL;
        let all = found.len();
        let mut kept = 0;
        for (_, stat) in &found {
            if kept == MOST_FILES || left == 0 {
                break;
            }
            left = left.saturating_sub(stat.size.min(TAIL));
            kept += 1;
        }
        found.truncate(kept);
        if kept < all {
            self.notes.push(format!(
                "of {all} files {}, the newest {kept} are read",
                wanted.join(" and ")
            ));
        }
        found.reverse();
        found
    }

    fn was_read(&mut self) {
        self.host.gaps.read(WHAT);
        self.read += 1;
    }

    fn missed(&self, why: &Unavailable) {
        if why.reason != Reason::Absent {
            self.host.gaps.missed(WHAT, why);
        }
    }

    /// A file's bytes, or those of its end, and where they begin; unpacked.
    fn bytes(&mut self, path: &HostPath, stat: &Stat) -> Option<(Vec<u8>, u64)> {
        let mut bytes = Vec::new();
        let limit = usize::try_from(TAIL).unwrap_or(usize::MAX);
        let root = &self.host.root;
        let mut from = 0;
        // Of what is packed only the beginning can be opened.
        let packed =
            [&b".gz"[..], b".xz", b".zst"].iter().any(|end| path.as_bytes().ends_with(end));
        let whole = (packed || stat.size <= TAIL)
            && match root.read(path, limit, &mut bytes) {
                Ok(true) if packed => {
                    self.notes.push(format!("of {path} the first {} MiB are read", TAIL >> 20));
                    true
                }
                Ok(more) => !more,
                Err(why) => {
                    self.missed(&why);
                    return None;
                }
            };
        if !whole {
            bytes.clear();
            let tail = root.open(path).and_then(|mut file| {
                let end =
                    file.seek(SeekFrom::End(0)).map_err(|e| Unavailable::from_io(path, &e))?;
                from = end.saturating_sub(TAIL);
                file.seek(SeekFrom::Start(from)).map_err(|e| Unavailable::from_io(path, &e))?;
                let mut rest = file.take(TAIL);
                rest.read_to_end(&mut bytes).map_err(|e| Unavailable::from_io(path, &e))
            });
            if let Err(why) = tail {
                self.missed(&why);
                return None;
            }
            self.notes.push(format!("of {path} the last {} MiB are read", TAIL >> 20));
        }
        if crate::evidence::Packed::told_by(&bytes).is_none() {
            return Some((bytes, from));
        }
        let held = bytes.len();
        let mut plain = Vec::new();
        let (reader, _) = unpack(Box::new(Cursor::new(bytes)));
        let unpacked = reader.take(ALL).read_to_end(&mut plain);
        // One that was cut here ends too early, which is told already.
        if let Err(error) = unpacked
            && held < limit
        {
            let why = Unavailable::new(path, Reason::Damaged, error.to_string());
            self.host.gaps.missed(WHAT, &why);
        }
        Some((plain, 0))
    }

    fn records(&mut self, record: &'static str, path: &HostPath, stat: &Stat) {
        let Some((bytes, offset)) = self.bytes(path, stat) else { return };
        self.was_read();
        let wrong = records::take(&records::File { path, record, offset }, &bytes, &mut self.into);
        if wrong > 0 {
            self.notes.push(format!("{wrong} bytes of {path} are of no whole record"));
        }
    }

    fn store(mut self, facts: &Facts, zone: &Zone) -> Outcome {
        let gaps = &self.host.gaps;
        if self.read == 0 {
            let why = Unavailable::new(&LOGS.into(), Reason::Absent, "no record of logins is kept");
            gaps.missed(WHAT, &why);
        }
        if let Some(name) = &zone.unknown
            && self.read > 0
        {
            let name = if name.is_empty() { "not known" } else { name };
            self.notes.push(format!("times without a zone are taken for UTC (zone: {name})"));
        }
        if self.into.folded > 0 {
            let folded = self.into.folded;
            self.notes.push(format!("{folded} further events are counted in rows of others"));
        }
        if !self.notes.is_empty() {
            gaps.note(WHAT, self.notes.join("; "));
        }
        self.into.mark_those_in_log();
        let mut rows = facts.inserter()?;
        for (number, seen) in (1_u32..).zip(self.into.rows()) {
            let at =
                seen.line.map_or_else(|| seen.path.to_string(), |n| format!("{}:{n}", seen.path));
            rows.insert(number, at, &Login::from(seen))?;
        }
        Ok(())
    }
}

impl From<Seen> for Login {
    fn from(seen: Seen) -> Self {
        Self {
            event: seen.event,
            record: seen.record,
            user: seen.user,
            method: seen.method,
            source_address: seen.address,
            source_name: seen.name,
            source_port: seen.port,
            key_type: seen.key_type,
            fingerprint: seen.fingerprint,
            detail: seen.detail,
            terminal: seen.terminal,
            recorder: seen.pid,
            time: seen.time,
            last: seen.last,
            ended: seen.ended,
            count: seen.count,
            in_log: seen.in_log,
            path: seen.path,
            line: seen.line,
        }
    }
}

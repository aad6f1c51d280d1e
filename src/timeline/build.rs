//! Events out of facts: one query a kind of event, merged into one order.

use super::{Dated, Event};
use crate::facts::{Error, Facts, Status, Time};
use rusqlite::{Connection, Row};
use std::collections::{BTreeMap, BTreeSet};

/// A kind of event and the query that finds it.
///
/// The query's columns: time, earliest, latest, kind, message, subject (a fact id), source, pid,
/// path. Findings are linked by the subject, by the pid and by the path. An earliest or latest
/// that is NULL is the time itself.
struct Kind {
    /// What it reads, for errors.
    name: &'static str,
    sql: &'static str,
}

/// Every kind of event. To add one, add an entry, and its word to `Event.kind`.
///
/// A time of 0 is none: file systems without a time of birth, and images built to be reproducible.
///
/// Sockets and carved strings have no time of their own: a socket stands in the timeline as an
/// interval, from its process's start to the collection, and only where a finding speaks of it.
const KINDS: &[Kind] = &[
    Kind {
        name: "boot",
        sql: "SELECT booted, booted - 1000000000 / max(ticks_per_second, 1),
                booted + 1000000000 / max(ticks_per_second, 1), 'boot',
                'The host booted (kernel ' || kernel || ')', fact, source, NULL, NULL
              FROM host WHERE booted IS NOT NULL",
    },
    Kind {
        name: "collection",
        sql: "SELECT taken, NULL, NULL, 'collected',
                CASE WHEN EXISTS (SELECT 1 FROM sources WHERE kind = 'archive') THEN 'what this is read from was collected'
                     ELSE 'davy read the host' END, fact, source, NULL, NULL
              FROM host",
    },
    Kind {
        name: "process starts",
        sql: "SELECT p.started, p.started - t.tick, p.started + t.tick, 'process-start',
                p.comm || ' (pid ' || p.pid || ') started' ||
                  CASE WHEN ifnull(p.cmdline, '') <> '' THEN ': ' || substr(p.cmdline, 1, 160) || CASE WHEN length(p.cmdline) > 160 THEN '…' ELSE '' END
                       WHEN p.exe IS NOT NULL THEN ': ' || p.exe ELSE '' END ||
                  CASE WHEN p.uid IS NOT NULL THEN ', as uid ' || p.uid ELSE '' END,
                p.fact, p.source, p.pid, NULL
              FROM processes p,
                (SELECT ifnull(min(1000000000 / max(ticks_per_second, 1)), 10000000) AS tick FROM host) t
              WHERE p.started IS NOT NULL AND NOT ifnull(p.kernel_thread, 0)",
    },
    Kind {
        name: "executables made",
        sql: "SELECT btime, NULL, NULL, 'file-made', path || ' was made (it runs as pid ' || pid || ')',
                fact, source, pid, path
              FROM elf WHERE btime > 0",
    },
    Kind {
        name: "executables changed",
        sql: "SELECT mtime, NULL, NULL, 'file-changed', path || ': content last changed (it runs as pid ' || pid || ')',
                fact, source, pid, path
              FROM elf WHERE mtime > 0 AND mtime IS NOT btime",
    },
    // Only a change that the other two times do not already tell: ctime cannot be set back.
    Kind {
        name: "executables' inodes changed",
        sql: "SELECT ctime, NULL, NULL, 'file-changed',
                path || ': inode last changed (it runs as pid ' || pid || ')',
                fact, source, pid, path
              FROM elf WHERE ctime IS NOT NULL AND nlink <> 0
                AND abs(ctime - ifnull(mtime, 0)) > 1000000000
                AND abs(ctime - ifnull(btime, 0)) > 1000000000",
    },
    // Removing the last name sets ctime; a later write or chmod sets it again, so it is the latest.
    Kind {
        name: "executables deleted",
        sql: "SELECT ctime, ifnull(min(btime, ctime), ctime), ctime, 'file-deleted',
                path || ' was deleted, at this time or before (it still runs as pid ' || pid || ')',
                fact, source, pid, path
              FROM elf WHERE ctime IS NOT NULL AND nlink = 0
                AND NOT EXISTS (SELECT 1 FROM processes p WHERE p.exe_file = elf.fact AND p.exe_memfd)",
    },
    Kind {
        name: "files made",
        sql: "SELECT f.btime, NULL, NULL, 'file-made', f.path || ' was made', f.fact, f.source, NULL, f.path
              FROM files f WHERE f.btime > 0 AND f.kind = 'file'
                AND NOT EXISTS (SELECT 1 FROM elf e WHERE e.inode = f.inode AND e.dev = f.dev)",
    },
    Kind {
        name: "files changed",
        sql: "SELECT f.mtime, NULL, NULL, 'file-changed', f.path || ': content last changed',
                f.fact, f.source, NULL, f.path
              FROM files f WHERE f.mtime > 0 AND f.mtime IS NOT f.btime AND f.kind = 'file'
                AND NOT EXISTS (SELECT 1 FROM elf e WHERE e.inode = f.inode AND e.dev = f.dev)",
    },
    Kind {
        name: "deleted open files made",
        sql: "SELECT min(o.btime), NULL, NULL, 'file-made',
                o.target || ' was made (deleted since; open in pid ' || min(o.pid) || ')',
                min(o.fact), min(o.source), min(o.pid), o.target
              FROM open_files o
              WHERE o.deleted AND o.btime IS NOT NULL AND o.kind IN ('file', 'memfd')
              GROUP BY o.dev, o.inode, o.target",
    },
    Kind {
        name: "deleted open files changed",
        sql: "SELECT min(o.mtime), NULL, NULL, 'file-changed',
                o.target || ': content last changed (deleted since; open in pid ' || min(o.pid) || ')',
                min(o.fact), min(o.source), min(o.pid), o.target
              FROM open_files o
              WHERE o.deleted AND o.mtime IS NOT NULL AND o.mtime IS NOT o.btime
                AND o.kind IN ('file', 'memfd')
              GROUP BY o.dev, o.inode, o.target",
    },
    Kind {
        name: "open files deleted",
        sql: "SELECT min(o.ctime), ifnull(min(min(o.btime), min(o.ctime)), min(o.ctime)), min(o.ctime), 'file-deleted',
                o.target || ' was deleted, at this time or before (pid ' || min(o.pid) || ' holds it open)',
                min(o.fact), min(o.source), min(o.pid), o.target
              FROM open_files o
              WHERE o.deleted AND o.ctime IS NOT NULL AND o.kind = 'file'
              GROUP BY o.dev, o.inode, o.target",
    },
    Kind {
        name: "persistence",
        sql: "SELECT coalesce(ctime, mtime), NULL, NULL, 'persistence-changed',
                path || ' (' || kind || ') last changed: ' || command, min(fact), min(source), NULL, path
              FROM persistence WHERE coalesce(ctime, mtime) IS NOT NULL
              GROUP BY path, coalesce(ctime, mtime)",
    },
    Kind {
        name: "packages",
        sql: "SELECT installed, NULL, NULL, 'package-installed',
                'Package ' || name || ifnull(' ' || version, '') || ' was installed or upgraded (' || manager || ')',
                fact, source, NULL, NULL
              FROM packages WHERE installed IS NOT NULL",
    },
    // Of a login that stands in wtmp and in sshd's log, what sshd says: it knows the key. The
    // newest, and whatever a finding cites.
    Kind {
        name: "logins",
        sql: "SELECT time, NULL, NULL, 'login',
                ifnull(user, 'somebody') || ' logged in' ||
                  ifnull(' from ' || coalesce(source_address, source_name), '') || ifnull(' on ' || terminal, '') ||
                  ifnull(' by ' || method, '') || ifnull(' with the key ' || fingerprint, '') ||
                  CASE WHEN count > 1 THEN ', ' || count || ' times' ELSE '' END,
                fact, source, NULL, NULL
              FROM logins WHERE time IS NOT NULL AND event = 'login' AND record <> 'utmp'
                AND (rowid IN (SELECT rowid FROM logins WHERE event = 'login' ORDER BY time DESC LIMIT 500)
                  OR fact IN (SELECT cited FROM finding_evidence))
                AND NOT in_log",
    },
    Kind {
        name: "failed logins",
        sql: "SELECT time, time, ifnull(last, time), 'login-failed',
                CASE event WHEN 'erased' THEN 'A record was erased from ' || path || ' after this time'
                  ELSE ifnull(user, 'Accounts') || ': ' || count || CASE WHEN count > 1 THEN ' logins' ELSE ' login' END || ' refused' ||
                    ifnull(' from ' || coalesce(source_address, source_name), '') END,
                fact, source, NULL, NULL
              FROM logins WHERE time IS NOT NULL AND event IN ('failed', 'unknown-user', 'erased')
                AND fact IN (SELECT cited FROM finding_evidence)",
    },
    Kind {
        name: "accounts made or changed",
        sql: "SELECT time, NULL, NULL, 'account-changed',
                CASE event WHEN 'account-made' THEN 'The account ' || user || ' was made'
                  WHEN 'group-joined' THEN user || ' was put into a group'
                  ELSE 'The password of ' || user || ' was set' END || ifnull(' (' || detail || ')', ''),
                fact, source, NULL, NULL
              FROM logins WHERE time IS NOT NULL AND event IN ('account-made', 'password-set', 'group-joined')",
    },
    // /etc/shadow keeps the day alone. Of accounts without a password it is the day they were made.
    Kind {
        name: "passwords set",
        sql: "SELECT password_changed, NULL, password_changed + 86399000000000, 'account-changed',
                'The password of ' || name || ' was set on this day', fact, source, NULL, NULL
              FROM accounts WHERE password_changed IS NOT NULL AND password IN ('set', 'locked')",
    },
    // Of logs, of which there are millions, only what a finding cites.
    Kind {
        name: "alerts",
        sql: "SELECT time, NULL, NULL, 'alert-raised',
                kind || ': ' || coalesce(signature, category, 'an alert') || ifnull(' on ' || client, '') ||
                  CASE WHEN coalesce(domain, server) IS NOT NULL
                    THEN ', ' || coalesce(domain, server || ifnull(' port ' || server_port, '')) ELSE '' END,
                fact, source, pid, NULL
              FROM alerts WHERE time IS NOT NULL AND fact IN (SELECT cited FROM finding_evidence)",
    },
    Kind {
        name: "flows",
        sql: "SELECT started, NULL, NULL, 'flow-seen',
                kind || ': ' || originator || ' began a connection with ' || responder ||
                  ifnull(' port ' || responder_port, '') || ifnull(', ' || (orig_bytes + resp_bytes) || ' bytes', ''),
                fact, source, pid, NULL
              FROM flows WHERE started IS NOT NULL AND originator IS NOT NULL AND responder IS NOT NULL
                AND fact IN (SELECT cited FROM finding_evidence)",
    },
    Kind {
        name: "names asked for",
        sql: "SELECT time, NULL, NULL, 'name-asked',
                kind || ': ' || coalesce(client, 'somebody') || ' asked for ' || query, fact, source, NULL, NULL
              FROM dns WHERE time IS NOT NULL AND query IS NOT NULL
                AND fact IN (SELECT cited FROM finding_evidence)",
    },
    Kind {
        name: "requests",
        sql: "SELECT time, NULL, NULL, 'request-sent',
                kind || ': ' || coalesce(client, 'somebody') || ' sent ' || ifnull(method || ' ', '') || 'to ' ||
                  coalesce(host, server, uri, '?') || ifnull(' port ' || port, ''), fact, source, NULL, NULL
              FROM http WHERE time IS NOT NULL AND fact IN (SELECT cited FROM finding_evidence)
              UNION ALL
              SELECT time, NULL, NULL, 'request-sent',
                kind || ': ' || coalesce(client, 'somebody') || ' began TLS with ' ||
                  coalesce(server_name, server, '?') || ifnull(' port ' || server_port, ''), fact, source, NULL, NULL
              FROM tls WHERE time IS NOT NULL AND fact IN (SELECT cited FROM finding_evidence)",
    },
    Kind {
        name: "logged events",
        sql: "SELECT time, NULL, NULL, CASE event WHEN 'process' THEN 'process-start' ELSE 'logged' END,
                kind || ': ' || coalesce(exe, comm, 'a process') || ifnull(' (pid ' || pid || ')', '') ||
                  CASE event WHEN 'network' THEN ' called ' || coalesce(remote_name, remote_address, '?') || ifnull(' port ' || remote_port, '')
                    WHEN 'process' THEN ifnull(': ' || command, ' started') ELSE ' ' || event || ifnull(' ' || path, '') END,
                fact, source, pid, NULL
              FROM events WHERE time IS NOT NULL AND fact IN (SELECT cited FROM finding_evidence)",
    },
    Kind {
        name: "connections",
        sql: "SELECT h.taken, ifnull(min(p.started, h.taken), h.taken), h.taken, 'connection-seen',
                p.comm || ' (pid ' || p.pid || ') was connected to ' || s.remote_address || ' port ' ||
                  s.remote_port || ' (' || s.protocol || ', ' || s.state ||
                  CASE WHEN count(DISTINCT s.inode) > 1
                    THEN ', ' || count(DISTINCT s.inode) || ' connections' ELSE '' END || ')',
                coalesce(min(CASE WHEN s.fact IN (SELECT cited FROM finding_evidence) THEN s.fact END),
                  min(s.fact)), min(s.source), p.pid, NULL
              FROM sockets s JOIN processes p ON p.pid = s.pid, host h
              WHERE s.state IN ('ESTABLISHED', 'SYN_SENT') AND s.remote_address IS NOT NULL
                AND (s.pid IN (SELECT pid FROM findings) OR s.fact IN (SELECT cited FROM finding_evidence))
              GROUP BY p.pid, s.remote_address, s.remote_port, s.protocol, s.state",
    },
];

/// Which findings speak of what.
struct Links {
    by_fact: BTreeMap<String, BTreeSet<String>>,
    by_pid: BTreeMap<i64, BTreeSet<String>>,
    by_path: BTreeMap<String, BTreeSet<String>>,
}

impl Links {
    fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let mut links =
            Self { by_fact: BTreeMap::new(), by_pid: BTreeMap::new(), by_path: BTreeMap::new() };
        let mut findings = connection
            .prepare("SELECT substr(fact, 10), subject, pid, path FROM findings ORDER BY fact")?;
        let mut rows = findings.query([])?;
        while let Some(row) = rows.next()? {
            let id: String = row.get(0)?;
            links.by_fact.entry(row.get(1)?).or_default().insert(id.clone());
            if let Some(pid) = row.get(2)? {
                links.by_pid.entry(pid).or_default().insert(id.clone());
            }
            if let Some(path) = row.get(3)? {
                links.by_path.entry(path).or_default().insert(id);
            }
        }
        let mut evidence = connection.prepare("SELECT finding, cited FROM finding_evidence")?;
        let mut rows = evidence.query([])?;
        while let Some(row) = rows.next()? {
            links.by_fact.entry(row.get(1)?).or_default().insert(row.get(0)?);
        }
        Ok(links)
    }

    fn of(&self, fact: &str, pid: Option<i64>, path: Option<&str>) -> String {
        let found: BTreeSet<&String> = self
            .by_fact
            .get(fact)
            .into_iter()
            .chain(pid.and_then(|pid| self.by_pid.get(&pid)))
            .chain(path.and_then(|path| self.by_path.get(path)))
            .flatten()
            .collect();
        found.into_iter().map(String::as_str).collect::<Vec<_>>().join(" ")
    }
}

fn event(row: &Row<'_>, links: &Links) -> rusqlite::Result<Dated> {
    let time = Time(row.get(0)?);
    let bound = |at: usize| row.get::<_, Option<i64>>(at).map(|b| b.map_or(time, Time));
    let subject: String = row.get(5)?;
    let path: Option<String> = row.get(8)?;
    let findings = links.of(&subject, row.get(7)?, path.as_deref());
    Ok(Dated {
        source: row.get(6)?,
        event: Event {
            time,
            earliest: bound(1)?,
            latest: bound(2)?,
            kind: word(&row.get::<_, String>(3)?),
            message: row.get(4)?,
            subject,
            findings,
        },
    })
}

/// The words of `Event.kind`.
const WORDS: &[&str] = &[
    "boot",
    "process-start",
    "file-made",
    "file-changed",
    "file-deleted",
    "persistence-changed",
    "package-installed",
    "account-changed",
    "login-failed",
    "login",
    "collected",
    "connection-seen",
    "alert-raised",
    "flow-seen",
    "name-asked",
    "request-sent",
    "logged",
];

fn word(kind: &str) -> &'static str {
    WORDS.iter().copied().find(|w| *w == kind).unwrap_or("other")
}

/// Makes the events of all facts, stores them in the table `timeline` and returns them in order:
/// by best time, then by kind, message and subject, so that the same facts give the same rows.
///
/// Run it after judging: events are linked to the findings that cite them.
///
/// # Errors
/// Where SQLite fails.
pub fn build(facts: &Facts) -> Result<Vec<Dated>, Error> {
    let fail = |doing: &str, cause| Error::Sql { doing: format!("timeline: {doing}"), cause };
    let connection = facts.connection();
    let links = Links::read(connection).map_err(|e| fail("findings", e))?;
    let mut events = Vec::new();
    for kind in KINDS {
        let gather = || -> rusqlite::Result<Vec<Dated>> {
            connection.prepare(kind.sql)?.query_map([], |row| event(row, &links))?.collect()
        };
        match gather() {
            Ok(found) => events.extend(found),
            // Times that are none, as an archive may hold, must not cost all others.
            Err(error) => {
                facts.cover("timeline", Status::Partial, format!("{}: {error}", kind.name))?
            }
        }
    }
    events.sort_by(|a, b| key(a).cmp(&key(b)));
    facts.together(|facts| {
        let mut rows = facts.inserter()?;
        for (number, dated) in events.iter().enumerate() {
            rows.insert(number, &dated.source, &dated.event)?;
        }
        Ok::<(), Error>(())
    })?;
    Ok(events)
}

fn key(dated: &Dated) -> (Time, usize, &str, &str) {
    let event = &dated.event;
    // What was made and deleted within one tick of the clock was made first.
    let rank = WORDS.iter().position(|word| *word == event.kind).unwrap_or(WORDS.len());
    (event.time, rank, &event.message, &event.subject)
}

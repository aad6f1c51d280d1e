//! Leads that no edge tells of, asked of the rows themselves.

use super::super::build::{file_node, host_node, split_port};
use super::{Found, MOST};
use crate::facts::Facts;
use rusqlite::params;

/// Carved texts that hold it, of which the worst are told.
const CARVED: u32 = 1000;

/// Sockets that no edge tells of: those without an owner that could be read, and those of
/// connections that are being closed.
pub(super) fn by_socket(facts: &Facts, lead: &str) -> rusqlite::Result<Vec<Found>> {
    let (host, port) = split_port(lead);
    let node = host_node(host);
    let address = node.strip_prefix("address/");
    if address.is_none() && port.is_none() {
        return Ok(Vec::new());
    }
    let told = if address.is_some() {
        String::new()
    } else {
        format!(
            "; the port is the alert's (davy resolves no names, so whether {host} is that address is for you to check)"
        )
    };
    facts
        .connection()
        .prepare(
            "SELECT s.remote_address, s.remote_port, s.state, s.uid, s.inode, s.fact, p.pid, p.comm
             FROM sockets s LEFT JOIN processes p ON p.pid = s.pid
             WHERE s.remote_address IS NOT NULL AND (?1 IS NULL OR s.remote_address = ?1)
               AND (?2 IS NULL OR s.remote_port = ?2)
               AND (p.pid IS NULL OR ifnull(s.state, '') NOT IN ('ESTABLISHED', 'SYN_SENT'))
               AND s.protocol NOT IN ('unix', 'packet')
             ORDER BY ifnull(s.state, '') <> 'ESTABLISHED', s.fact LIMIT ?3",
        )?
        .query_map(params![address, port, MOST], |row| {
            let remote: String = row.get(0)?;
            let port: Option<u16> = row.get(1)?;
            let state: Option<String> = row.get(2)?;
            let uid: Option<u32> = row.get(3)?;
            let (inode, pid): (i64, Option<u32>) = (row.get(4)?, row.get(6)?);
            let port = port.unwrap_or_default();
            let marks: Vec<String> =
                state.into_iter().chain(uid.map(|uid| format!("uid {uid}"))).collect();
            let marks = match marks.is_empty() {
                true => String::new(),
                false => format!(" ({})", marks.join(", ")),
            };
            let comm = row.get::<_, Option<String>>(7)?.unwrap_or_default();
            let whose = match pid {
                Some(pid) => format!(" belongs to {comm} (pid {pid})"),
                None if inode == 0 => "; no process holds it any more".to_owned(),
                None => "; whose it is could not be read".to_owned(),
            };
            Ok(Found {
                node: match pid {
                    Some(pid) => format!("process/{pid}"),
                    None => host_node(&remote),
                },
                label: match pid {
                    Some(pid) => format!("{comm} (pid {pid})"),
                    None if remote.contains(':') => format!("[{remote}]:{port}"),
                    None => format!("{remote}:{port}"),
                },
                because: format!("a connection to {remote} port {port}{marks}{whose}{told}"),
                fact: row.get(5)?,
            })
        })?
        .collect()
}

pub(super) fn by_process(facts: &Facts, lead: &str) -> rusqlite::Result<Vec<Found>> {
    let pid = lead.strip_prefix("pid:").unwrap_or(lead).parse::<u32>().ok();
    facts
        .connection()
        .prepare(
            "SELECT pid, comm, fact FROM processes WHERE pid = ?1 OR comm = ?2 ORDER BY pid LIMIT ?3",
        )?
        .query_map(params![pid, lead, MOST], |row| {
            let (pid, comm): (u32, String) = (row.get(0)?, row.get(1)?);
            Ok(Found {
                node: format!("process/{pid}"),
                because: format!("{comm} (pid {pid}) is running"),
                label: format!("{comm} (pid {pid})"),
                fact: row.get(2)?,
            })
        })?
        .collect()
}

pub(super) fn by_digest(facts: &Facts, lead: &str) -> rusqlite::Result<Vec<Found>> {
    if lead.len() != 64 || !lead.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(Vec::new());
    }
    facts
        .connection()
        .prepare(
            "SELECT path, fact FROM (
               SELECT path, fact, sha256 FROM elf
               UNION ALL SELECT path, fact, sha256 FROM files
               UNION ALL SELECT target, fact, sha256 FROM open_files WHERE sha256 IS NOT NULL)
             WHERE sha256 = lower(?1) ORDER BY path, fact LIMIT ?2",
        )?
        .query_map(params![lead, MOST], |row| {
            let path: String = row.get(0)?;
            Ok(Found {
                node: format!("file/{path}"),
                because: format!("{path} has this SHA-256"),
                label: path,
                fact: row.get(1)?,
            })
        })?
        .collect()
}

/// A file by its path or by its name alone: what is open, mapped, run, started, or was looked at.
pub(super) fn by_file(facts: &Facts, lead: &str) -> rusqlite::Result<Vec<Found>> {
    let name = match lead.rsplit_once('/') {
        None if lead.len() > 3 => lead,
        Some((_, name)) if lead.starts_with('/') => name,
        _ => return Ok(Vec::new()),
    };
    facts
        .connection()
        .prepare(
            "SELECT path, because, fact, root FROM (
               SELECT o.target AS path, 1 AS rank, o.fact, p.root_id AS root,
                 p.comm || ' (pid ' || p.pid || ') holds ' || o.target || ' open as descriptor ' || o.fd || CASE WHEN o.deleted THEN ', though the file was deleted' ELSE '' END AS because
               FROM open_files o JOIN processes p ON p.pid = o.pid WHERE instr(o.target, ?1) > 0
               UNION ALL
               SELECT p.exe, 0, p.fact, p.root_id, p.comm || ' (pid ' || p.pid || ') runs ' || p.exe FROM processes p WHERE instr(p.exe, ?1) > 0
               UNION ALL
               SELECT m.path, 2, m.fact, p.root_id, p.comm || ' (pid ' || p.pid || ') has ' || m.path || ' mapped'
               FROM mappings m JOIN processes p ON p.pid = m.pid WHERE instr(m.path, ?1) > 0
               UNION ALL
               SELECT e.program, 3, e.fact, '/', e.path || ' (' || e.kind || ') starts ' || e.program FROM persistence e WHERE instr(e.program, ?1) > 0
               UNION ALL
               SELECT f.path, 4, f.fact, f.root_id, f.path || ' lies there' FROM files f WHERE instr(f.path, ?1) > 0)
             WHERE path = ?2 OR (?1 = ?2 AND substr(path, -length(?1) - 1) = '/' || ?1)
             ORDER BY rank, fact",
        )?
        .query_map(params![name, lead], |row| {
            let (path, root): (String, String) = (row.get(0)?, row.get(3)?);
            Ok(Found {
                node: file_node(&root, &path),
                because: row.get(1)?,
                label: path,
                fact: row.get(2)?,
            })
        })?
        .collect()
}

/// Words of a command line, or of what a startup entry runs.
pub(super) fn by_command(facts: &Facts, lead: &str) -> rusqlite::Result<Vec<Found>> {
    facts
        .connection()
        .prepare(
            "SELECT 'process/' || pid, comm || ' (pid ' || pid || ')', comm || ' (pid ' || pid || ') was started with it in its command line', fact
             FROM processes WHERE instr(lower(cmdline), lower(?1)) > 0
             UNION ALL
             SELECT 'persistence/' || path, path || ' (' || kind || ')', path || ' (' || kind || ') names it: ' || substr(coalesce(decoded, command), 1, 200), fact
             FROM persistence WHERE instr(lower(coalesce(decoded, command)), lower(?1)) > 0
             ORDER BY 4",
        )?
        .query_map(params![lead], |row| {
            Ok(Found {
                node: row.get(0)?,
                label: row.get(1)?,
                because: row.get(2)?,
                fact: row.get(3)?,
            })
        })?
        .collect()
}

pub(super) fn by_carved_text(facts: &Facts, lead: &str) -> rusqlite::Result<Vec<Found>> {
    facts
        .connection()
        .prepare(
            "SELECT pid, path, place, value, fact FROM indicators
             WHERE instr(lower(value), lower(?1)) OR instr(lower(context), lower(?1))
             ORDER BY place = 'memory', fact LIMIT ?2",
        )?
        .query_map(params![lead, CARVED], |row| {
            let (pid, path): (Option<u32>, Option<String>) = (row.get(0)?, row.get(1)?);
            let (place, value): (String, String) = (row.get(2)?, row.get(3)?);
            let (node, label) = match (pid, path) {
                (Some(pid), path) if place == "memory" || path.is_none() => {
                    (format!("process/{pid}"), format!("pid {pid}"))
                }
                (_, Some(path)) => (format!("file/{path}"), path),
                (_, None) => (String::new(), String::new()),
            };
            Ok(Found {
                node,
                because: format!("it stands in the {place} of {label}: {value}"),
                label,
                fact: row.get(4)?,
            })
        })?
        .collect()
}

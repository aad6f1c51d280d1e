//! Whose memory is read although nothing points there yet: what a script or a program that came in
//! no package has in mind stands nowhere else. Bounded, so that a run stays short.

use crate::facts::{self, Facts};

/// Processes, and bytes of resident memory, of one and of all.
const MOST: usize = 12;
const ONE: u64 = 256 << 20;
const ALL: u64 = 512 << 20;

/// Interpreters and loaders that talk to anybody, programs of no package that talk to the outside,
/// and of these the busy ones even where they talk to nobody. The busiest first, as far as the bounds reach.
///
/// # Errors
/// Where the facts cannot be read. [`judge`](super::judge) comes first: it brings the lists.
pub fn worth_reading(facts: &Facts) -> Result<Vec<u32>, facts::Error> {
    let question = "WITH p AS (
            SELECT q.*, EXISTS (SELECT 1 FROM interpreters i WHERE i.kind = 'language' AND basename(q.exe) GLOB i.pattern)
                OR basename(q.exe) GLOB 'ld-*.so*' OR basename(q.exe) GLOB 'ld.so*' AS interpreted,
              q.cpu_seconds * 1000000000 > 0.2 * (h.taken - q.started) AND h.taken - q.started > 60000000000 AS busy,
              EXISTS (SELECT 1 FROM sockets s WHERE s.pid = q.pid AND s.state IN ('ESTABLISHED', 'SYN_SENT')
                AND NOT EXISTS (SELECT 1 FROM internal_ranges r WHERE cidr(s.remote_address, r.range))
                AND NOT EXISTS (SELECT 1 FROM sockets l WHERE l.state = 'LISTEN' AND l.local_port = s.local_port)) AS outside,
              EXISTS (SELECT 1 FROM sockets s WHERE s.pid = q.pid AND s.state IN ('ESTABLISHED', 'SYN_SENT')
                AND NOT EXISTS (SELECT 1 FROM sockets l WHERE l.state = 'LISTEN' AND l.local_port = s.local_port AND l.pid IS NOT s.pid)) AS connected
            FROM processes q, host h WHERE q.kernel_thread = 0 AND q.exe IS NOT NULL)
        SELECT pid, coalesce(vm_rss, 0) FROM p
        -- A script's way out may lead through another program of this host.
        WHERE connected AND interpreted OR (outside OR busy) AND (interpreted OR exe_package IS NULL AND EXISTS (SELECT 1 FROM packages WHERE owns))
        ORDER BY coalesce(cpu_seconds, 0) DESC, pid";
    let all = facts.rows(question, [], |row| {
        Ok((row.get::<_, u32>(0)?, row.get::<_, i64>(1)?.cast_unsigned()))
    })?;
    let mut left = ALL;
    let mut pids = Vec::new();
    for (pid, resident) in all {
        if pids.len() < MOST && resident <= ONE.min(left) {
            left -= resident;
            pids.push(pid);
        }
    }
    Ok(pids)
}

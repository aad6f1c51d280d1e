//! The kinds of edges: for each, the query that finds them in the facts.

/// A kind of edge.
///
/// The query's columns: origin, its label, target, its label, because, cited fact, time. Where
/// several rows join the same two nodes the first one stays. The views `program` (processes with
/// their node and label) and `place` (indicators with the node they lie in) and the functions
/// `host_node(host)`, `url_host(url)`, `url_in(text)`, `file_node(root_id, path)` and `stamp(time)` are
/// there to be used.
pub(super) struct EdgeKind {
    /// The word in the table and in reports.
    pub(super) word: &'static str,
    /// The query.
    pub(super) sql: &'static str,
}

/// What the queries below share. Temporary: a facts file does not keep it.
pub(super) const VIEWS: &str = "
    CREATE TEMP TABLE program AS
      SELECT pid, ppid, fact, 'process/' || pid AS node, comm || ' (pid ' || pid || ')' AS label,
        exe, exe_deleted, exe_memfd, exe_package, root_id, started, net_ns, cmdline,
        file_node(root_id, exe) AS exe_node,
        exe || CASE WHEN exe_deleted THEN ' (deleted)' ELSE '' END AS exe_label
      FROM processes WHERE NOT ifnull(kernel_thread, 0);
    CREATE INDEX temp.program_pid ON program (pid);
    CREATE INDEX temp.program_exe ON program (exe_node);
    CREATE TEMP TABLE made AS
      SELECT path, min(made) AS made FROM (
        SELECT path, coalesce(btime, ctime, mtime) AS made FROM elf
        UNION ALL SELECT path, coalesce(btime, ctime, mtime) FROM files)
      GROUP BY path;
    CREATE INDEX temp.made_path ON made (path);
    CREATE TEMP TABLE place AS
      SELECT i.fact, i.kind, i.value, i.detail, i.host, i.port, i.context, i.place, i.pid,
        CASE WHEN i.place = 'memory' OR i.path IS NULL THEN g.node
             ELSE file_node(coalesce(g.root_id, '/'), i.path) END AS node,
        CASE WHEN i.place = 'memory' OR i.path IS NULL THEN g.label
             ELSE i.path || CASE i.place WHEN 'deleted-file' THEN ' (deleted)'
               WHEN 'deleted-library' THEN ' (deleted)' ELSE '' END END AS label,
        CASE i.place WHEN 'memory' THEN 'The memory of ' || g.label
             WHEN 'deleted-file' THEN i.path || ifnull(', deleted but held open by ' || g.label || ',', ' (deleted)')
             WHEN 'deleted-library' THEN i.path || ifnull(', deleted but mapped by ' || g.label || ',', ' (deleted)')
             WHEN 'memfd' THEN ifnull(i.path, 'A file') || ', which is in memory alone' || ifnull(' and held by ' || g.label, '') || ','
             ELSE ifnull(i.path, i.origin) END AS speaker,
        CASE WHEN i.place = 'memory' OR i.region IS NOT NULL THEN printf(' (at address 0x%x)', i.offset)
             ELSE ' (at byte ' || i.offset || ')' END AS where_in
      FROM indicators i LEFT JOIN program g ON g.pid = i.pid;
";

/// Takes away what [`VIEWS`] made.
pub(super) const CLEANUP: &str =
    "DROP TABLE temp.place; DROP TABLE temp.made; DROP TABLE temp.program;";

/// The word of a kind as it is declared, for what was read back from the table or a story.
#[must_use]
pub fn word(text: &str) -> &'static str {
    let words = KINDS.iter().map(|kind| kind.word).chain(["concerns"]);
    words.into_iter().find(|word| *word == text).unwrap_or("ties to")
}

/// Every kind of edge. To add one, add an entry, and its word to the doc of `Edge.edge`.
pub(super) const KINDS: &[EdgeKind] = &[
    EdgeKind {
        word: "parent of",
        sql: "SELECT p.node, p.label, c.node, c.label, p.label || ' is the parent of ' || c.label,
                c.fact, c.started
              FROM program c JOIN program p ON p.pid = c.ppid",
    },
    EdgeKind {
        word: "runs",
        sql: "SELECT node, label, exe_node, exe_label,
                label || ' runs ' || exe ||
                  CASE WHEN exe_memfd THEN ', a program that lives in memory alone'
                       WHEN exe_deleted THEN ', which has been deleted' ELSE '' END ||
                  CASE WHEN exe_package IS NULL AND NOT ifnull(exe_memfd, 0) AND root_id = '/'
                         AND EXISTS (SELECT 1 FROM packages)
                       THEN ' (no package owns that path)' ELSE '' END ||
                  CASE WHEN exe_package IS NOT NULL AND cmdline LIKE '_% %'
                       THEN ': ' || substr(cmdline, 1, 120) || CASE WHEN length(cmdline) > 120 THEN '…' ELSE '' END ELSE '' END,
                fact, started
              FROM program WHERE exe IS NOT NULL",
    },
    EdgeKind {
        word: "dropped",
        sql: "SELECT ifnull(g.node, i.node), ifnull(g.label, i.label), file_node(ifnull(g.root_id, '/'), i.value), i.value,
                i.speaker || ' holds a message that a payload was written to ' || i.value || i.where_in ||
                  ': ' || trim(i.context),
                i.fact, m.made
              FROM place i LEFT JOIN program g ON g.pid = i.pid LEFT JOIN made m ON m.path = i.value
              WHERE i.kind = 'drop' AND i.value LIKE '/%'
              ORDER BY i.place <> 'memory', i.fact",
    },
    EdgeKind {
        word: "holds open",
        sql: "SELECT g.node, g.label, file_node(g.root_id, o.target), o.target || CASE WHEN o.deleted THEN ' (deleted)' ELSE '' END,
                g.label || ' holds ' || o.target || ' open as descriptor ' || o.fd ||
                  CASE WHEN o.kind = 'memfd' THEN ', a file that lives in memory alone'
                       ELSE ', though the file was deleted' || ifnull(' (not after ' || stamp(o.ctime) || ')', '') END ||
                  '; its bytes can still be read at /proc/' || g.pid || '/fd/' || o.fd ||
                  ifnull(' (davy kept them as ' || o.recovered || ')', ''),
                o.fact, CASE WHEN o.deleted THEN o.ctime ELSE o.btime END
              FROM open_files o JOIN program g ON g.pid = o.pid
              WHERE (o.deleted AND o.kind = 'file') OR o.kind = 'memfd'
              ORDER BY g.pid, o.fd",
    },
    EdgeKind {
        word: "maps",
        sql: "SELECT g.node, g.label, file_node(g.root_id, m.path), m.path || CASE WHEN m.deleted THEN ' (deleted)' ELSE '' END,
                g.label || ' has ' || m.path || ' mapped' ||
                  CASE WHEN m.deleted THEN ', though the file has been deleted' ELSE '' END,
                min(m.fact), NULL
              FROM mappings m JOIN program g ON g.pid = m.pid
              WHERE m.path IS NOT NULL AND m.kind IN ('file', 'memfd') AND m.path IS NOT g.exe
                AND (m.deleted OR m.kind = 'memfd')
              GROUP BY g.pid, m.path ORDER BY g.pid, m.path",
    },
    EdgeKind {
        word: "connects to",
        sql: "SELECT g.node, g.label, 'address/' || s.remote_address,
                CASE WHEN s.remote_address LIKE '%:%' THEN '[' || s.remote_address || ']' ELSE s.remote_address END || ':' || s.remote_port,
                g.label || CASE s.state WHEN 'SYN_SENT' THEN ' is trying to connect from ' ELSE ' has a connection from ' END ||
                  s.local_address || ' port ' || s.local_port || ' to ' || s.remote_address || ' port ' || s.remote_port ||
                  ' (' || s.protocol || ', ' || s.state || ')',
                s.fact, NULL
              FROM sockets s JOIN program g ON g.pid = s.pid
              WHERE s.state IN ('ESTABLISHED', 'SYN_SENT') AND s.remote_address IS NOT NULL
                AND s.remote_address NOT LIKE '127.%' AND s.remote_address NOT IN ('::1', '0.0.0.0', '::')
              ORDER BY g.pid, s.fd, s.fact",
    },
    EdgeKind {
        word: "traces",
        sql: "SELECT g.node, g.label, t.node, t.label,
                g.label || ' traces ' || t.label || ': it can read and change its memory', t.fact, NULL
              FROM processes p JOIN program t ON t.pid = p.pid JOIN program g ON g.pid = p.tracer
              WHERE p.tracer > 0 ORDER BY t.pid",
    },
    EdgeKind {
        word: "preloads",
        sql: "SELECT g.node, g.label, file_node(g.root_id, first_path(e.value)), first_path(e.value),
                g.label || ' was started with LD_PRELOAD=' || e.value || ', which loads that library before all others',
                e.fact, g.started
              FROM environment e JOIN processes p ON p.environment_pid = e.pid JOIN program g ON g.pid = p.pid
              WHERE e.name = 'LD_PRELOAD' AND first_path(e.value) IS NOT NULL ORDER BY g.pid",
    },
    EdgeKind {
        word: "names in memory",
        sql: "SELECT node, label, name_node(kind, value, host), value,
                speaker || ' names the ' || kind_word(kind) || ' ' || value || where_in, fact, NULL
              FROM place WHERE place = 'memory' AND node IS NOT NULL
                AND kind IN ('url', 'pool', 'address', 'domain', 'wallet') ORDER BY fact",
    },
    EdgeKind {
        word: "names in file",
        sql: "SELECT node, label, name_node(kind, value, host), value,
                speaker || ' names the ' || kind_word(kind) || ' ' || value || where_in, fact, NULL
              FROM place WHERE place <> 'memory' AND node IS NOT NULL
                AND kind IN ('url', 'pool', 'address', 'domain', 'wallet') ORDER BY fact",
    },
    // What a program reads it need not hold open.
    EdgeKind {
        word: "lies beside",
        sql: "SELECT g.node, g.label, file_node(g.root_id, i.path), i.path,
                g.exe || ', which ' || g.label || ' runs, lies beside ' || i.path || ', a file that names what miners name',
                min(i.fact), NULL
              FROM indicators i JOIN program g
                ON rtrim(g.exe, replace(g.exe, '/', '')) = rtrim(i.path, replace(i.path, '/', ''))
              WHERE i.place = 'file' AND i.kind IN ('pool', 'wallet', 'stratum', 'miner-config')
                AND g.exe_package IS NULL AND i.path <> g.exe
                AND rtrim(i.path, replace(i.path, '/', '')) NOT IN ('/tmp/', '/var/tmp/', '/dev/shm/', '/usr/local/bin/')
              GROUP BY g.pid, i.path ORDER BY g.pid, i.path",
    },
    // Nor need it run yet: an entry that starts it is enough.
    EdgeKind {
        word: "lies beside",
        sql: "SELECT file_node('/', e.program), e.program, file_node('/', i.path), i.path,
                e.program || ', which ' || e.path || ' starts, lies beside ' || i.path || ', a file that names what miners name',
                min(i.fact), NULL
              FROM persistence e JOIN indicators i
                ON rtrim(e.program, replace(e.program, '/', '')) = rtrim(i.path, replace(i.path, '/', ''))
              WHERE i.place = 'file' AND i.kind IN ('pool', 'wallet', 'stratum', 'miner-config')
                AND e.program IS NOT NULL AND e.program_package IS NULL AND i.path <> e.program
                AND rtrim(i.path, replace(i.path, '/', '')) NOT IN ('/tmp/', '/var/tmp/', '/dev/shm/', '/usr/local/bin/')
              GROUP BY e.program, i.path ORDER BY e.program, i.path",
    },
    EdgeKind {
        word: "served by",
        sql: "SELECT 'url/' || value, value, host_node(url_host(value)), url_host(value),
                'The host in ' || value || ' is ' || url_host(value), fact, NULL
              FROM place WHERE kind = 'url' AND url_host(value) IS NOT NULL
              GROUP BY value ORDER BY value",
    },
    EdgeKind {
        word: "persists",
        sql: "SELECT 'persistence/' || path, path || ' (' || kind || ')', file_node('/', program), program,
                path || ' (' || kind || ifnull(', ' || schedule, '') ||
                  CASE kind WHEN 'preload' THEN ') loads into every program ' ELSE ') starts ' END || program ||
                  ifnull(' as ' || user, '') || CASE WHEN command = program THEN '' ELSE ': ' || command END,
                fact, coalesce(ctime, mtime)
              FROM persistence WHERE program IS NOT NULL ORDER BY fact",
    },
    EdgeKind {
        word: "persists",
        sql: "SELECT 'persistence/' || path, path || ' (' || kind || ')', 'url/' || url_in(ifnull(decoded, command)),
                url_in(ifnull(decoded, command)),
                path || ' (' || kind || ifnull(', ' || schedule, '') || ') fetches ' || url_in(ifnull(decoded, command)) ||
                  ifnull(' as ' || user, '') || ': ' || ifnull(decoded, command),
                fact, coalesce(ctime, mtime)
              FROM persistence WHERE url_in(ifnull(decoded, command)) IS NOT NULL ORDER BY fact",
    },
    EdgeKind {
        word: "served by",
        sql: "SELECT 'url/' || url_in(ifnull(decoded, command)), url_in(ifnull(decoded, command)),
                host_node(url_host(url_in(ifnull(decoded, command)))), url_host(url_in(ifnull(decoded, command))),
                'The host in ' || url_in(ifnull(decoded, command)) || ' is ' || url_host(url_in(ifnull(decoded, command))),
                fact, NULL
              FROM persistence WHERE url_host(url_in(ifnull(decoded, command))) IS NOT NULL ORDER BY fact",
    },
    EdgeKind {
        word: "names",
        sql: "SELECT 'persistence/' || path, path || ' (' || kind || ')', 'address/' || address_in(ifnull(decoded, command)),
                address_in(ifnull(decoded, command)),
                path || ' (' || kind || ') names the address ' || address_in(ifnull(decoded, command)) || ': ' || ifnull(decoded, command),
                fact, coalesce(ctime, mtime)
              FROM persistence WHERE kind NOT IN ('account', 'sudoers') AND address_in(ifnull(decoded, command)) IS NOT NULL ORDER BY fact",
    },
    EdgeKind {
        word: "names",
        sql: "SELECT 'file/' || path, path, coalesce(host_node(url_host(url_in(ifnull(decoded, text)))), 'address/' || address_in(ifnull(decoded, text))),
                coalesce(url_host(url_in(ifnull(decoded, text))), address_in(ifnull(decoded, text))),
                path || ', a history of ' || user || ', names ' || coalesce(url_host(url_in(ifnull(decoded, text))), address_in(ifnull(decoded, text))) || ': ' || ifnull(decoded, text),
                fact, coalesce(time, mtime)
              FROM shell_history WHERE url_host(url_in(ifnull(decoded, text))) IS NOT NULL OR address_in(ifnull(decoded, text)) IS NOT NULL ORDER BY fact",
    },
    // What an entry runs is a script that is an entry's file itself: one matter.
    EdgeKind {
        word: "runs script",
        sql: "SELECT DISTINCT 'persistence/' || r.path, r.path || ' (' || r.kind || ')', 'persistence/' || e.path, e.path || ' (' || e.kind || ')',
                r.path || ' (' || r.kind || ') runs the script ' || e.path || ': ' || ifnull(r.decoded, r.command),
                r.fact, NULL
              FROM persistence e JOIN persistence r ON r.fact = e.run_by
              WHERE e.run_by IS NOT NULL ORDER BY e.fact",
    },
    // The same bytes in several places, none of them a package's. A few of each: pairs are many.
    EdgeKind {
        word: "same as",
        sql: "WITH f AS (
                SELECT path, sha256, CASE WHEN path IN (SELECT path FROM persistence) THEN 'persistence/' ELSE 'file/' END || path AS node,
                  row_number() OVER (PARTITION BY sha256 ORDER BY path) AS n, fact
                FROM (SELECT path, sha256, min(fact) AS fact FROM files
                      WHERE root_id = '/' AND sha256 IS NOT NULL AND package IS NULL AND size > 0 GROUP BY path, sha256))
              SELECT a.node, a.path, b.node, b.path, a.path || ' and ' || b.path || ' hold the same bytes (SHA-256 ' || substr(a.sha256, 1, 16) || '…)',
                b.fact, NULL
              FROM f a JOIN f b ON b.sha256 = a.sha256 AND b.n > a.n
              WHERE a.n <= 4 AND b.n <= 8 ORDER BY a.path, b.path",
    },
    // Who came in: one edge a source and account, however often.
    EdgeKind {
        word: "logged in as",
        sql: "SELECT 'address/' || source_address, source_address, 'account/' || user, user || ' (account)',
                source_address || ' logged in as ' || user || ifnull(' by ' || replace(group_concat(DISTINCT method), ',', ' and '), '') ||
                  CASE WHEN sum(count) > 1 THEN ', ' || sum(count) || ' times from ' || stamp(min(time)) || ' to ' || stamp(max(coalesce(last, time)))
                       ELSE ifnull(' at ' || stamp(min(time)), '') END,
                coalesce(min(CASE WHEN fact IN (SELECT cited FROM finding_evidence) OR fact IN (SELECT subject FROM findings) THEN fact END), min(fact)),
                min(time)
              FROM logins WHERE event = 'login' AND source_address IS NOT NULL AND user IS NOT NULL AND NOT in_log
              GROUP BY source_address, user ORDER BY min(time), source_address, user LIMIT 2000",
    },
    EdgeKind {
        word: "used key",
        sql: "SELECT 'address/' || source_address, source_address, 'key/' || fingerprint, 'key ' || fingerprint,
                source_address || ' logged in as ' || replace(group_concat(DISTINCT user), ',', ' and ') || ' with the key ' || fingerprint,
                coalesce(min(CASE WHEN fact IN (SELECT cited FROM finding_evidence) OR fact IN (SELECT subject FROM findings) THEN fact END), min(fact)),
                min(time)
              FROM logins WHERE event = 'login' AND source_address IS NOT NULL AND fingerprint LIKE 'SHA256:%'
              GROUP BY source_address, fingerprint ORDER BY min(time), source_address, fingerprint LIMIT 2000",
    },
    EdgeKind {
        word: "opens",
        sql: "SELECT 'key/' || fingerprint, 'key ' || ifnull(comment || ' ', '') || fingerprint, 'account/' || account, account || ' (account)',
                'Whoever has the key ' || fingerprint || ifnull(' (' || comment || ')', '') || ' is let in as ' || account ||
                  ': ' || path || ' line ' || line,
                fact, coalesce(ctime, mtime)
              FROM ssh_keys WHERE kind = 'authorized' AND fingerprint IS NOT NULL AND account IS NOT NULL ORDER BY fact LIMIT 2000",
    },
    // Whose session a suspect belongs to: the kernel keeps that however often it changed its user.
    EdgeKind {
        word: "started",
        sql: "SELECT 'account/' || a.name, a.name || ' (account)', g.node, g.label,
                g.label || ' was started in a session of ' || a.name, p.fact, g.started
              FROM processes p JOIN accounts a ON a.uid = p.loginuid JOIN program g ON g.pid = p.pid
              WHERE p.pid IN (SELECT pid FROM findings WHERE level IN ('medium', 'high', 'critical'))
              GROUP BY p.pid ORDER BY p.pid",
    },
    // davy resolves no names. That the pool a process names is the address it speaks to is
    // inferred from the port, and the sentence says so.
    EdgeKind {
        word: "probably is",
        sql: "SELECT host_node(i.host), i.host || ':' || i.port, 'address/' || s.remote_address,
                CASE WHEN s.remote_address LIKE '%:%' THEN '[' || s.remote_address || ']' ELSE s.remote_address END || ':' || s.remote_port,
                g.label || ' names ' || i.host || ' port ' || i.port || ', and its own connection goes to port ' ||
                  s.remote_port || ' of ' || s.remote_address || ' (inferred: davy resolves no names)',
                s.fact, NULL
              FROM place i JOIN program g ON g.pid = i.pid JOIN sockets s ON s.pid = i.pid
              WHERE i.kind IN ('pool', 'url') AND i.host IS NOT NULL AND i.port = s.remote_port
                AND i.port NOT IN (80, 443, 53)
                AND s.state IN ('ESTABLISHED', 'SYN_SENT') AND i.host <> s.remote_address
                AND host_node(i.host) LIKE 'name/%'
              ORDER BY i.fact",
    },
];

//! Carving over whole hosts: the rows it leaves, and the files it saves.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use davy::carve::Carver;
use davy::evidence::TextHost;
use davy::facts::Facts;
use davy::{carve, collect};

const HOST: &str = r#"
host hostname=web-03 booted=2026-11-01T00:00:00Z taken=2026-11-22T06:24:17Z
process 1 comm=systemd exe=/usr/lib/systemd/systemd args="/sbin/init"
process 2584 comm=crond exe=/usr/sbin/crond started=2026-11-20T03:12:01Z
  exe elf strings="http://102.208.3.5/cc/index.html" "Payload dropped to: %s" "https://www.gnu.org/licenses/"
  memory heap
  | [1795144321] Payload dropped to /usr/sbin/rsyslogd-worker
process 2591 ppid=2584 comm=rsyslogd-worker exe=/usr/sbin/rsyslogd-worker
  exe elf strings="nothing to see"
  fd 3 -> /usr/lib/x86_64-linux-gnu/libcron.so.1 deleted mode=r
  | {"pools":[{"url":"ap.luckpool.net:3956","user":"someone.web","pass":"x","algo":"verus"}],
  | "backup":"203.0.113.99"}
"#;

fn host() -> (TextHost, Facts) {
    let host = TextHost::parse("web-03.host", HOST).expect("a host");
    let facts = Facts::in_memory(&davy::tables()).expect("facts");
    collect::collect(&host, &facts, &|_| {}).expect("collected");
    carve::carve_files(&host, &facts, &Carver::default(), &|_| {}).expect("carved");
    carve::carve_memory(&host, &facts, &Carver::default(), &[2584], &|_| {}).expect("carved");
    (host, facts)
}

fn rows(facts: &Facts, query: &str) -> Vec<String> {
    let mut statement = facts.connection().prepare(query).expect("a query");
    let rows = statement.query_map([], |row| row.get(0)).expect("rows");
    rows.map(|row| row.expect("a row")).collect()
}

#[test]
fn a_droppers_binary_memory_and_deleted_configuration_give_their_indicators() {
    let (_, facts) = host();
    let rows = rows(
        &facts,
        "SELECT place || ' ' || pid || ' ' || kind || ' ' || value FROM indicators ORDER BY 1",
    );
    for expected in [
        "executable 2584 url http://102.208.3.5/cc/index.html",
        "executable 2584 drop-format Payload dropped to: %s",
        "memory 2584 drop /usr/sbin/rsyslogd-worker",
        "deleted-file 2591 pool ap.luckpool.net:3956",
        "deleted-file 2591 address 203.0.113.99",
        "deleted-file 2591 miner-config url=ap.luckpool.net:3956 user=someone.web pass=x algo=verus",
    ] {
        assert!(rows.iter().any(|row| row == expected), "{expected} is not among {rows:#?}");
    }
    assert!(!rows.iter().any(|row| row.contains("gnu.org")), "{rows:#?}");
}

#[test]
fn an_indicator_leads_back_to_the_bytes_and_the_fact_it_was_found_in() {
    let (_, facts) = host();
    let wrong = rows(
        &facts,
        "SELECT i.fact || ' ' || i.origin FROM indicators i WHERE NOT EXISTS (
            SELECT 1 FROM elf e WHERE e.fact = i.origin UNION SELECT 1 FROM open_files o WHERE o.fact = i.origin
            UNION SELECT 1 FROM mappings m WHERE m.fact = i.origin AND i.offset >= m.start AND i.offset < m.end
            UNION SELECT 1 FROM files f WHERE f.fact = i.origin)",
    );
    assert!(wrong.is_empty(), "{wrong:#?}");
    let covered = rows(
        &facts,
        "SELECT what FROM coverage WHERE what IN ('indicators', 'memory of pid 2584') AND status = 'complete'",
    );
    assert_eq!(covered.len(), 2, "{covered:?}");
}

#[test]
fn deleted_files_are_saved_under_names_that_harm_nobody() {
    let (host, facts) = host();
    let folder = tempfile::tempdir().expect("a folder");
    let saved = carve::recover(&host, &facts, folder.path(), 1).expect("recovered");
    let names: Vec<&str> = saved.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["recovered/2591-3-libcron.so.1"]);
    let bytes =
        std::fs::read(folder.path().join("recovered/2591-3-libcron.so.1")).expect("the copy");
    assert!(bytes.starts_with(b"{\"pools\""));
    assert_eq!(rows(&facts, "SELECT recovered FROM open_files WHERE recovered IS NOT NULL"), names);
}

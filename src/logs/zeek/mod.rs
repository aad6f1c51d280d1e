//! Zeek: its TSV with headers, and its JSON in both styles. Columns are found by name, never by
//! place; one file a log.

mod conn;
mod dns;
mod http;
mod notice;
mod ssl;
mod suricata;
mod tsv;

use super::damage::Damage;
use super::format::{Format, Origin, Out, Shape, Took};
use super::json::{Object, words};
use super::times;
use crate::facts::{HostText, Time};
use std::borrow::Cow;
use std::net::IpAddr;

/// Zeek's own text format.
pub(super) const TSV: Format = Format {
    name: "zeek",
    doc: "Zeek logs as TSV: conn, open_conn, dns, http, ssl, notice; other logs are recognised and counted",
    tables: &["flows", "conversations", "dns", "http", "tls", "alerts"],
    shape: Shape::Lines { tells: tsv::tells, reader: || Box::new(tsv::Tsv::default()) },
};

/// Zeek's logs as JSON.
pub(super) const JSON: Format = Format {
    name: "zeek-json",
    doc: "Zeek logs as JSON, of LogAscii::use_json or json-streaming-logs, with `id.orig_h` flat or nested",
    tables: &["flows", "conversations", "dns", "http", "tls", "alerts"],
    shape: Shape::Json { tells, read },
};

/// One record of a log: fields by name, whatever it is written in.
trait Fields {
    /// A field's text; [`None`] where it is unset or empty. Sets and vectors have commas between.
    fn get(&self, name: &str) -> Option<Cow<'_, [u8]>>;

    fn text(&self, name: &str) -> Option<HostText> {
        self.get(name).and_then(|bytes| super::row::text(&bytes))
    }
    fn name(&self, name: &str) -> Option<HostText> {
        self.get(name).and_then(|bytes| super::row::name(&bytes))
    }
    /// A list with spaces in place of commas.
    fn list(&self, name: &str) -> Option<HostText> {
        self.text(name).map(|mut text| {
            text.0.iter_mut().filter(|b| **b == b',').for_each(|b| *b = b' ');
            text
        })
    }
    /// Where a field that is none is told.
    fn damage(&self) -> Option<&Damage>;

    fn count(&self, name: &str) -> Option<u64> {
        told(self.damage(), name, self.get(name)?, super::field::count)
    }
    /// A count that is a small one.
    fn small(&self, name: &str) -> Option<u32> {
        let small = |bytes: &[u8]| u32::try_from(super::field::count(bytes)?).ok();
        told(self.damage(), name, self.get(name)?, small)
    }
    fn port(&self, name: &str) -> Option<u16> {
        told(self.damage(), name, self.get(name)?, super::field::port)
    }
    fn address(&self, name: &str) -> Option<IpAddr> {
        told(self.damage(), name, self.get(name)?, super::field::address)
    }
    fn bool(&self, name: &str) -> Option<bool> {
        told(self.damage(), name, self.get(name)?, |bytes| match bytes {
            b"T" | b"true" => Some(true),
            b"F" | b"false" => Some(false),
            _ => None,
        })
    }
    /// An interval as nanoseconds.
    fn interval(&self, name: &str) -> Option<i64> {
        let interval = |bytes: &[u8]| super::field::nano(bytes).filter(|nanos| *nanos >= 0);
        told(self.damage(), name, self.get(name)?, interval)
    }
    fn time(&self, out: &mut dyn Out) -> Option<Time> {
        out.time(told(self.damage(), "ts", self.get("ts")?, times::any))
    }
    fn sensor(&self) -> Option<HostText> {
        ["_node_name", "_system_name", "peer_descr"].into_iter().find_map(|name| self.text(name))
    }
}

/// What a field's text is read as; told where it is none.
fn told<T>(
    damage: Option<&Damage>,
    name: &str,
    bytes: Cow<'_, [u8]>,
    read: impl Fn(&[u8]) -> Option<T>,
) -> Option<T> {
    let found = read(&bytes);
    if let (None, Some(damage)) = (&found, damage) {
        damage.add(name, &bytes);
    }
    found
}

/// Which log a record is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Path {
    Conn,
    OpenConn,
    Dns,
    Http,
    Ssl,
    Notice,
    /// Suricata's alerts as Corelight's sensors write them.
    Suricata,
    /// A log that davy has no table for.
    Other,
}

impl Path {
    fn named(name: &str) -> Self {
        match name {
            "conn" => Self::Conn,
            "open_conn" | "conn_long" => Self::OpenConn,
            "dns" => Self::Dns,
            "http" | "open_http" => Self::Http,
            "ssl" | "open_ssl" => Self::Ssl,
            "notice" => Self::Notice,
            "suricata_corelight" => Self::Suricata,
            _ => Self::Other,
        }
    }

    /// By a file's name: `conn.00:00:00-01:00:00.log.gz`, `zeek-json_ssl.head3000.json.gz`.
    fn of_file(origin: &Origin) -> Option<Self> {
        let file = origin.name.rsplit('/').next().unwrap_or_default();
        let stem = file.split('.').next().unwrap_or_default();
        let stem = stem.split('-').next_back().unwrap_or_default();
        [stem, stem.split_once('_').map_or("", |(_, tail)| tail)]
            .into_iter()
            .map(Self::named)
            .find(|path| *path != Self::Other)
    }
}

/// A record of any log as rows.
fn take(path: Path, fields: &dyn Fields, out: &mut dyn Out) -> Took {
    match path {
        Path::Conn | Path::OpenConn => conn::read(path == Path::OpenConn, fields, out),
        Path::Dns => dns::read(fields, out),
        Path::Http => http::read(fields, out),
        Path::Ssl => ssl::read(fields, out),
        Path::Notice => notice::read(fields, out),
        Path::Suricata => suricata::read(fields, out),
        Path::Other => Took::Other,
    }
}

impl Fields for Object<'_> {
    fn damage(&self) -> Option<&Damage> {
        self.damage
    }
    fn get(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        let value = Object::get(*self, name)?;
        match words(value)? {
            Cow::Borrowed(text) => Some(Cow::Borrowed(text.as_bytes())),
            Cow::Owned(text) => Some(Cow::Owned(text.into_bytes())),
        }
    }
}

fn tells(object: Object<'_>, _: &Origin) -> bool {
    let ids = Object::get(object, "id.orig_h").is_some();
    Object::get(object, "ts").is_some()
        && (ids || Object::get(object, "_path").is_some() || Object::get(object, "note").is_some())
}

fn read(object: Object<'_>, origin: &Origin, out: &mut dyn Out) -> Took {
    let path = object.str("_path").map(Path::named).or_else(|| Path::of_file(origin));
    take(path.unwrap_or_else(|| shape(object)), &object, out)
}

/// Which log it must be, by the fields that no other has.
fn shape(object: Object<'_>) -> Path {
    let has = |name| Object::get(object, name).is_some();
    if has("conn_state") {
        Path::Conn
    } else if has("query") && has("trans_id") {
        Path::Dns
    } else if has("trans_depth") {
        Path::Http
    } else if has("cipher") || has("server_name") || has("ssl_history") {
        Path::Ssl
    } else if has("note") {
        Path::Notice
    } else {
        Path::Other
    }
}

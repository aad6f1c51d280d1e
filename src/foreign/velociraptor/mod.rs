//! Velociraptor's offline collections: a zip of uploaded files and of rows of JSON, an artifact each.
//!
//! Files that were uploaded lie at their paths; rows of artifacts that list processes, sockets,
//! mappings and crontabs become the kernel's files. An archive of UAC among the uploads is opened in
//! its place.

mod memory;
mod rows;

use super::{Layout, root, uac};
use crate::evidence::{Assembly, Clock, Evidence, FileKind, HostPath, Refused, Spool};
use crate::facts::{HostText, Status, Time};
use serde_json::Value;

pub(super) const LAYOUT: Layout = Layout { name: "Velociraptor", claims, open };

fn claims(spool: &Spool, within: &[u8]) -> Option<Vec<u8>> {
    spool.own(within).find_map(|(_, name, _)| {
        for mark in [
            &b"uploads.json"[..],
            b"collection_context.json",
            b"client_info.json",
            b"metadata.json",
        ] {
            let Some(base) = name.strip_suffix(mark) else { continue };
            if base == within || base.is_empty() || base.ends_with(b"/") || base.ends_with(b"!") {
                let has = |below: &[u8]| spool.below(&[base, below].concat()).next().is_some();
                let encrypted = mark == b"metadata.json" && has(b"data.zip");
                if has(b"results/") || has(b"uploads/") || encrypted {
                    return Some(base.to_vec());
                }
            }
        }
        None
    })
}

/// A collection while its host is put together.
struct Collection<'a> {
    spool: &'a Spool,
    base: &'a [u8],
    host: Assembly,
}

/// The objects of a file of JSON, one a line.
fn objects(bytes: &[u8]) -> impl Iterator<Item = Value> + '_ {
    bytes
        .split(|b| *b == b'\n')
        .filter(|line| !line.is_empty())
        .filter_map(|line| serde_json::from_slice(line).ok())
}

/// A text field; the first of these names that is there.
fn text<'a>(row: &'a Value, names: &[&str]) -> Option<&'a str> {
    names.iter().find_map(|name| row.get(*name).and_then(Value::as_str)).filter(|t| !t.is_empty())
}

/// A number, also where it was written as text.
fn number(row: &Value, names: &[&str]) -> Option<u64> {
    names.iter().find_map(|name| {
        let value = row.get(*name)?;
        value
            .as_u64()
            .or_else(|| value.as_f64().map(|f| f as u64))
            .or_else(|| value.as_str()?.parse().ok())
    })
}

/// RFC 3339, or seconds or nanoseconds since 1970.
fn time(value: &Value) -> Option<Time> {
    if let Some(text) = value.as_str() {
        let stamp: jiff::Timestamp = text.parse().ok()?;
        return i64::try_from(stamp.as_nanosecond()).ok().map(Time);
    }
    let number = value.as_i64().or_else(|| value.as_f64().map(|f| f as i64))?;
    Some(if number > 100_000_000_000 { Time(number) } else { Time::new(number, 0) })
}

fn open(spool: Spool, base: &[u8]) -> Result<Box<dyn Evidence>, String> {
    let has = |name: &[u8]| spool.members.contains_key(&[base, name].concat());
    if has(b"metadata.json") && has(b"data.zip") && !has(b"uploads.json") {
        return Err("an encrypted collection of Velociraptor: open it with its key first (velociraptor unzip)".to_owned());
    }
    // A whole collection of UAC among the uploads tells more than all else here.
    if let Some(inner) = uac::base(&spool, base) {
        return uac::open(spool, &inner);
    }
    let file =
        |name: &str| spool.members.get(&[base, name.as_bytes()].concat()).and_then(|m| m.bytes());
    let context =
        file("collection_context.json").and_then(|b| objects(b).next()).unwrap_or(Value::Null);
    let client = file("client_info.json").and_then(|b| objects(b).next()).unwrap_or(Value::Null);
    let newest = || spool.members.values().map(|member| member.mtime).max().unwrap_or(0);
    let begun = context.get("start_time").or_else(|| context.get("create_time")).and_then(time);
    let taken = begun.unwrap_or_else(|| Time::new(newest(), 0));
    let booted = client.get("BootTime").or_else(|| client.get("boot_time")).and_then(time);
    let host = Assembly::new(&spool.name, taken);
    let mut collection = Collection { spool: &spool, base, host };
    collection.about(&client);
    collection.uploads();
    collection.rows(booted);
    collection.damaged();
    let roots = [&b"uploads/file/"[..], b"uploads/auto/"].map(|folder| [base, folder].concat());
    root::problems(&mut collection.host, &spool, &roots);
    collection.unseen();
    let since = booted.map(|booted| taken.0.saturating_sub(booted.0)).filter(|since| *since >= 0);
    let clock = Clock {
        realtime: taken,
        boottime: since,
        monotonic: None,
        ticks_per_second: 100,
        page_size: 4096,
        zone: String::new(),
    };
    Ok(Box::new(collection.host.finish(clock)))
}

impl Collection<'_> {
    fn about(&mut self, client: &Value) {
        let info = client.get("os_info").unwrap_or(client);
        let name = text(client, &["Hostname", "hostname", "Fqdn"])
            .or_else(|| text(info, &["hostname", "fqdn"]));
        for (path, value) in [
            ("/proc/sys/kernel/hostname", name),
            ("/proc/sys/kernel/osrelease", text(client, &["KernelVersion", "kernel_version"])),
            (
                "/proc/sys/kernel/arch",
                text(client, &["Architecture"]).map(|a| if a == "amd64" { "x86_64" } else { a }),
            ),
        ] {
            if let Some(value) = value {
                self.host.proc(path, format!("{value}\n").into_bytes(), "client_info.json");
            }
        }
    }

    /// uploads/<accessor>/<components>; the real names are in uploads.json.
    fn uploads(&mut self) {
        let index = [self.base, b"uploads.json"].concat();
        let rows =
            self.spool.members.get(&index).and_then(|m| m.bytes()).unwrap_or_default().to_vec();
        let mut known = std::collections::BTreeMap::new();
        for row in objects(&rows) {
            let Some(parts) = row.get("_Components").and_then(Value::as_array) else { continue };
            let parts: Vec<&str> = parts.iter().filter_map(Value::as_str).collect();
            if let Some(path) = text(&row, &["vfs_path"]).filter(|path| path.starts_with('/')) {
                let plain: Vec<String> = parts.iter().map(|part| escaped(part)).collect();
                known.insert(plain.join("/"), path.replace('"', ""));
            }
        }
        let folder = [self.base, b"uploads/"].concat();
        for (rest, full, member) in self.spool.below(&folder) {
            if member.kind != FileKind::File
                || rest.ends_with(b".idx")
                || self.host.refuses(Refused::Files)
            {
                continue;
            }
            let shown = format!("uploads/{}", String::from_utf8_lossy(rest));
            let (accessor, inside) = super::output::split(rest, b"/").unwrap_or((rest, b""));
            if accessor == b"process" || inside.is_empty() {
                continue;
            }
            let path = match known.get(&shown) {
                Some(path) if !path.contains('\\') => HostPath::from(path.as_str()),
                _ => HostPath::new([b"/", unescaped(inside).as_slice()].concat()),
            };
            let stat = root::stat(&self.host, member, true);
            self.host.file(&path, &stat, root::body(member));
            self.host.origin(&path, &HostText::from(full).escaped());
        }
    }

    /// Results of which lines are no objects: they were cut, or somebody changed them.
    fn damaged(&mut self) {
        for (name, full, member) in self.spool.below(self.base) {
            let last = name.rsplit(|b| *b == b'/').next().unwrap_or_default();
            let result = name.starts_with(b"results/") && last.ends_with(b".json");
            let Some(bytes) = member.bytes().filter(|_| result) else { continue };
            let all = bytes.split(|b| *b == b'\n').filter(|line| !line.is_empty()).count();
            let read = objects(bytes).filter(Value::is_object).count();
            if read < all {
                let member = HostText::from(full).escaped();
                let why =
                    format!("{member}: {} of {all} lines are no objects; left out", all - read);
                let told = &mut self.host.told;
                told.damaged.get_or_insert_with(|| format!("{}: {why}", self.spool.name));
                told.coverage.push((format!("archive {member}"), Status::Partial, why));
            }
        }
    }

    fn cover(&mut self, what: &str, status: Status, words: impl Into<String>) {
        self.host.told.coverage.push((what.to_owned(), status, words.into()));
    }

    /// What a collection of artifacts does not take.
    fn unseen(&mut self) {
        self.cover("archive", Status::Complete, "collected by Velociraptor");
        for (what, why) in [
            ("processes.mnt_ns", "the artifacts take no namespaces"),
            ("processes.loginuid", "the artifacts do not take it"),
            ("environment", "the artifacts do not take it"),
            ("open_files", "the artifacts do not list descriptors"),
        ] {
            self.cover(what, Status::NotCaptured, why);
        }
        let why = "lines of maps without a file are not in Velociraptor's: anonymous memory is neither listed nor dumped";
        self.cover("mappings", Status::Partial, why);
    }
}

/// `%5C` and the like in a component.
fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, tail)) = rest.split_first() {
        let hex = tail.get(..2).filter(|_| *byte == b'%');
        let value = hex.and_then(|h| u8::from_str_radix(std::str::from_utf8(h).ok()?, 16).ok());
        match value {
            Some(value) => {
                out.push(value);
                rest = tail.get(2..).unwrap_or_default();
            }
            None => {
                out.push(*byte);
                rest = tail;
            }
        }
    }
    out
}

/// As the zip has a component.
fn escaped(part: &str) -> String {
    use std::fmt::Write;
    let mut out = String::new();
    for c in part.chars() {
        if matches!(c, '/' | '\\' | ':' | '"' | '%' | '*' | '?' | '<' | '>' | '|') || c.is_control()
        {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{:02X}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn components_come_back(part in "[ -~]{0,20}") {
            prop_assert_eq!(unescaped(escaped(&part).as_bytes()), part.as_bytes());
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = unescaped(&bytes);
            let _ = objects(&bytes).count();
        }
    }
}

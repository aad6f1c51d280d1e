//! Lines that another record carries: the journal's, as JSON and as `-o export`, those of shippers
//! and containers in a field of theirs, and objects behind syslog's head.

use super::json::Object;
use crate::facts::Time;
use serde_json::Value;
use std::collections::BTreeMap;

/// Where shippers, containers and CloudWatch put the line that they carry.
const FIELDS: &[&str] = &["message", "@message", "log", "MESSAGE"];

/// The line within an object.
pub(super) fn of_object(object: Object<'_>) -> Option<Vec<u8>> {
    if object.map.contains_key("__REALTIME_TIMESTAMP") {
        let mut entry = Entry::default();
        for (key, value) in object.map {
            // What is no text the journal writes as numbers.
            let bytes = match value {
                Value::Array(list) => list
                    .iter()
                    .map(|byte| u8::try_from(byte.as_u64().unwrap_or(0)).unwrap_or(b'?'))
                    .collect(),
                value => super::json::words(value).unwrap_or_default().into_owned().into_bytes(),
            };
            entry.keep(key.as_bytes(), &bytes);
        }
        return entry.line();
    }
    let text = FIELDS.iter().find_map(|key| object.str(key))?;
    let text = text.trim_end_matches(['\n', '\r']);
    (!text.contains('\n')).then(|| text.as_bytes().to_vec())
}

/// The object behind the head of a syslog line, as `… suricata[811]: {"timestamp"…}`.
pub(super) fn behind_head(line: &[u8]) -> Option<&[u8]> {
    let at = memchr::memmem::find(line.get(..300).unwrap_or(line), b": {\"")?;
    line.get(at + 2..).filter(|object| object.trim_ascii_end().ends_with(b"}"))
}

/// One entry of the journal: of its fields those that make a line of syslog.
#[derive(Default)]
pub(super) struct Entry {
    fields: BTreeMap<&'static str, Vec<u8>>,
    /// Whether lines are fields: from the first that only a journal has.
    open: bool,
}

const KEPT: &[&str] = &[
    "__REALTIME_TIMESTAMP",
    "_HOSTNAME",
    "SYSLOG_IDENTIFIER",
    "_COMM",
    "_PID",
    "_TRANSPORT",
    "_AUDIT_TYPE_NAME",
    "_AUDIT_ID",
    "MESSAGE",
];

impl Entry {
    /// Takes a line of `journalctl -o export`; whether it is one.
    pub(super) fn field(&mut self, line: &[u8]) -> bool {
        self.open |= line.starts_with(b"__CURSOR=") || line.starts_with(b"__REALTIME_TIMESTAMP=");
        if !self.open {
            return false;
        }
        if line.is_empty() {
            self.open = false;
            return true;
        }
        // What is no text stands behind a line of its name alone.
        let equals = memchr::memchr(b'=', line).unwrap_or(line.len());
        let (key, value) = line.split_at_checked(equals).unwrap_or((line, b""));
        let named = key.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'_');
        if named {
            self.keep(key, value.get(1..).unwrap_or_default());
        }
        self.open = named;
        named
    }

    fn keep(&mut self, key: &[u8], value: &[u8]) {
        if let Some(known) = KEPT.iter().find(|known| known.as_bytes() == key) {
            self.fields.insert(known, value.to_vec());
        }
    }

    /// The whole entry as syslog would have written it, once it has ended.
    pub(super) fn line(&mut self) -> Option<Vec<u8>> {
        if self.open {
            return None;
        }
        let mut fields = std::mem::take(&mut self.fields);
        let message = fields.remove("MESSAGE")?;
        let get = |name| fields.get(name).map(Vec::as_slice);
        let micros = super::field::count(get("__REALTIME_TIMESTAMP")?)?;
        let time = Time(i64::try_from(micros).ok()?.checked_mul(1000)?);
        if get("_TRANSPORT") == Some(b"audit") {
            let (kind, id) = (get("_AUDIT_TYPE_NAME")?, get("_AUDIT_ID")?);
            let (seconds, thousandths) = (micros / 1_000_000, micros / 1000 % 1000);
            let stamp = format!(" msg=audit({seconds}.{thousandths:03}:").into_bytes();
            let message = message.strip_prefix(kind).unwrap_or(&message);
            return Some([b"type=", kind, &stamp, id, b"):", message].concat());
        }
        let who = get("SYSLOG_IDENTIFIER").or_else(|| get("_COMM")).unwrap_or(b"-");
        let pid = get("_PID").map_or(Vec::new(), |pid| [b"[", pid, b"]"].concat());
        let host = get("_HOSTNAME").unwrap_or(b"-");
        let time = time.to_string();
        Some([time.as_bytes(), b" ", host, b" ", who, &pid, b": ", &message].concat())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_entry_is_a_line_of_syslog() {
        let mut entry = Entry::default();
        assert!(!entry.field(b"2 123456789010 eni-1"));
        for line in ["__CURSOR=s", "__REALTIME_TIMESTAMP=1795300000123456", "_HOSTNAME=web", "X=y"]
        {
            assert!(entry.field(line.as_bytes()));
            assert_eq!(entry.line(), None);
        }
        assert!(entry.field(b"SYSLOG_IDENTIFIER=dnsmasq") && entry.field(b"_PID=55"));
        assert!(entry.field(b"MESSAGE=query[A] x from 10.0.0.5") && entry.field(b""));
        let line = entry.line().unwrap();
        let text = String::from_utf8(line).unwrap();
        assert!(text.ends_with("Z web dnsmasq[55]: query[A] x from 10.0.0.5"), "{text}");
        assert!(text.starts_with("2026-11-21T22:26:40.123456Z "), "{text}");
        assert_eq!(entry.line(), None);
        assert!(!entry.field(b""));
    }

    #[test]
    fn what_the_journal_has_of_audit_is_auditds() {
        let object: Value = serde_json::from_str(
            r#"{"__REALTIME_TIMESTAMP":"1795300003123456","_TRANSPORT":"audit","_AUDIT_TYPE_NAME":"SYSCALL","_AUDIT_ID":"459","MESSAGE":"SYSCALL arch=c000003e pid=1"}"#,
        )
        .unwrap();
        let line = of_object(Object::from(object.as_object().unwrap())).unwrap();
        assert_eq!(line, b"type=SYSCALL msg=audit(1795300003.123:459): arch=c000003e pid=1");
    }

    proptest! {
        #[test]
        fn no_lines_make_it_panic(lines: Vec<Vec<u8>>, text in "(__CURSOR=|MESSAGE=|_PID=|=|\n|[a-z]){0,30}") {
            let mut entry = Entry::default();
            for line in lines.iter().map(Vec::as_slice).chain(text.as_bytes().split(|b| *b == b'\n')) {
                entry.field(line);
                entry.line();
                behind_head(line);
            }
        }
    }
}

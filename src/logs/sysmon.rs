//! Sysmon for Linux: one event a line, as XML behind syslog's head. Its own `UtcTime` can be
//! minutes before the event; `SystemTime` is what counts.

use super::field::{address, count, port, protocol_named};
use super::flow::FlowSeen;
use super::format::{Format, LineReader, Origin, Out, Shape, Took};
use super::row::{Event, Row, name, text};
use super::times;
use std::borrow::Cow;

pub(super) const FORMAT: Format = Format {
    name: "sysmon",
    doc: "Sysmon for Linux, as it writes to syslog: process, network, exit, file, delete",
    tables: &["events", "flows", "conversations"],
    shape: Shape::Lines { tells, reader: || Box::new(Sysmon) },
};

fn tells(line: &[u8], _: &Origin) -> bool {
    memchr::memmem::find(line, b"<EventID>").is_some()
        && memchr::memmem::find(line, b"<EventData>").is_some()
}

/// The text between two marks.
fn between<'a>(text: &'a [u8], before: &[u8], after: &[u8]) -> Option<&'a [u8]> {
    let from = memchr::memmem::find(text, before)? + before.len();
    let rest = text.get(from..)?;
    rest.get(..memchr::memmem::find(rest, after)?)
}

/// `&lt;` and its like undone.
fn plain(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'&', text).is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    const ENTITIES: &[(&[u8], u8)] = &[
        (b"&lt;", b'<'),
        (b"&gt;", b'>'),
        (b"&amp;", b'&'),
        (b"&quot;", b'"'),
        (b"&apos;", b'\''),
    ];
    while let Some((byte, tail)) = rest.split_first() {
        match ENTITIES.iter().find_map(|(e, c)| rest.strip_prefix(*e).map(|after| (*c, after))) {
            Some((c, after)) => {
                out.push(c);
                rest = after;
            }
            None => {
                out.push(*byte);
                rest = tail;
            }
        }
    }
    Cow::Owned(out)
}

/// The event's data by name; what Sysmon does not know it writes as `-` or in words.
struct Data<'a>(&'a [u8]);

impl<'a> Data<'a> {
    fn get(&self, name: &str) -> Option<Cow<'a, [u8]>> {
        let before = format!("<Data Name=\"{name}\">");
        let value = plain(between(self.0, before.as_bytes(), b"</Data>")?);
        let unknown = matches!(&*value, b"" | b"-" | b"(null)" | b"<unknown process>");
        (!unknown).then_some(value)
    }
    fn number(&self, name: &str, out: &mut dyn Out) -> Option<u32> {
        let value = self.get(name)?;
        out.told(name, &value, count(&value).and_then(|number| u32::try_from(number).ok()))
    }
    fn text(&self, name: &str) -> Option<crate::facts::HostText> {
        self.get(name).and_then(|v| text(&v))
    }
}

struct Sysmon;

impl LineReader for Sysmon {
    fn line(&mut self, line: &[u8], _: &Origin, out: &mut dyn Out) -> Took {
        let Some(number) = between(line, b"<EventID>", b"</EventID>").and_then(count) else {
            return Took::no("no Sysmon event");
        };
        let kind = match number {
            1 => "process",
            3 => "network",
            5 => "exit",
            11 => "file",
            23 => "delete",
            9 => "other",
            _ => return Took::Other,
        };
        let data = Data(line);
        let stamp =
            between(line, b"SystemTime=\"", b"\"").or_else(|| between(line, b"SystemTime='", b"'"));
        let mut event = Event::new("sysmon", kind);
        event.time = {
            let read = stamp.and_then(|stamp| out.told("SystemTime", stamp, times::iso(stamp)));
            out.time(read)
        };
        event.hostname = between(line, b"<Computer>", b"</Computer>").and_then(text);
        event.pid = data.number("ProcessId", out);
        event.ppid = data.number("ParentProcessId", out);
        event.user = data.text("User");
        event.exe = data.text("Image");
        event.command = data.text("CommandLine");
        event.parent = data.text("ParentImage");
        event.path = data.text("TargetFilename").or_else(|| data.text("Device"));
        event.loginuid = data.number("LogonId", out);
        event.detail = data.text("Hashes").filter(|hashes| hashes.as_bytes() != b"-");
        if kind == "network" {
            let initiated = data.get("Initiated").map(|v| v.eq_ignore_ascii_case(b"true"));
            let mut side = |address_name, port_name| {
                let address =
                    data.get(address_name).and_then(|v| out.told(address_name, &v, address(&v)));
                (address, data.get(port_name).and_then(|v| out.told(port_name, &v, port(&v))))
            };
            let (source, target) =
                (side("SourceIp", "SourcePort"), side("DestinationIp", "DestinationPort"));
            let outgoing = initiated != Some(false);
            let (local, remote) = if outgoing { (source, target) } else { (target, source) };
            event.protocol = data.get("Protocol").and_then(|v| protocol_named(&v));
            (event.local_address, event.local_port) = local;
            (event.remote_address, event.remote_port) = remote;
            event.remote_name = data.get("DestinationHostname").and_then(|v| name(&v));
            event.outgoing = initiated;
            out.row(Row::Flow(FlowSeen {
                started: event.time,
                originator: source.0,
                originator_port: source.1,
                responder: target.0,
                responder_port: target.1,
                protocol: event.protocol.clone(),
                pid: event.pid,
                exe: data.get("Image"),
                sensor: between(line, b"<Computer>", b"</Computer>").map(Cow::Borrowed),
                ..FlowSeen::new("sysmon")
            }));
        }
        out.row(Row::Event(Box::new(event)));
        Took::Yes
    }
}

//! conn.log and open_conn.log. In TSV the columns' places are looked up once a header: this is the
//! log of which there are millions of rows.

use super::super::ends::Ends;
use super::super::field::{address, count, nano, port, protocol_named};
use super::super::flow::FlowSeen;
use super::super::format::{Out, Took};
use super::super::row::Row;
use super::super::times;
use super::Fields;
use std::borrow::Cow;
use std::cmp::Ordering;

/// What a column of the log is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Skip,
    Ts,
    Uid,
    OrigH,
    OrigP,
    RespH,
    RespP,
    Proto,
    Service,
    Duration,
    OrigBytes,
    RespBytes,
    State,
    OrigPkts,
    RespPkts,
    Node,
}

impl What {
    fn named(name: &str) -> Self {
        match name {
            "ts" => Self::Ts,
            "uid" => Self::Uid,
            "id.orig_h" => Self::OrigH,
            "id.orig_p" => Self::OrigP,
            "id.resp_h" => Self::RespH,
            "id.resp_p" => Self::RespP,
            "proto" => Self::Proto,
            "service" => Self::Service,
            "duration" => Self::Duration,
            "orig_bytes" => Self::OrigBytes,
            "resp_bytes" => Self::RespBytes,
            "conn_state" => Self::State,
            "orig_pkts" => Self::OrigPkts,
            "resp_pkts" => Self::RespPkts,
            "_node_name" | "_system_name" => Self::Node,
            _ => Self::Skip,
        }
    }
}

/// A header, made ready.
pub(super) struct Columns {
    what: Vec<What>,
    open: bool,
    usable: bool,
    /// Columns up to the last that is wanted; those behind it are only counted.
    wanted: usize,
}

impl Columns {
    pub(super) fn of(fields: &[String], open: bool, brief: bool) -> Self {
        let mut what: Vec<What> = fields.iter().map(|name| What::named(name)).collect();
        if brief {
            for column in &mut what {
                if matches!(
                    column,
                    What::Duration | What::State | What::OrigPkts | What::RespPkts | What::Node
                ) {
                    *column = What::Skip;
                }
            }
        }
        let wanted = what.iter().rposition(|column| *column != What::Skip).map_or(0, |at| at + 1);
        let usable = what.contains(&What::OrigH) && what.contains(&What::RespH);
        Self { what, open, usable, wanted }
    }

    pub(super) fn read(&self, line: &[u8], separator: u8, unset: &[u8], out: &mut dyn Out) -> Took {
        if !self.usable {
            return Took::no("the header names no id.orig_h and id.resp_h");
        }
        let mut flow = FlowSeen::new(kind(self.open));
        flow.open = self.open;
        let mut from = 0;
        let mut ends = Ends::of(separator, line);
        let mut bad = false;
        let mut over = false;
        for what in self.what.iter().take(self.wanted) {
            if over {
                return Took::no("fewer columns than the header names");
            }
            let end = ends.next().unwrap_or_else(|| {
                over = true;
                line.len()
            });
            let value = line.get(from..end).unwrap_or_default();
            from = end + 1;
            if *what == What::Skip || value == unset {
                continue;
            }
            match what {
                What::Skip => {}
                What::Ts => {
                    let read = times::any(value);
                    bad |= read.is_none();
                    flow.started = out.time(read);
                }
                What::Uid => flow.uid = Some(Cow::Borrowed(value)),
                What::OrigH => {
                    flow.originator = address(value);
                    bad |= flow.originator.is_none();
                }
                What::OrigP => flow.originator_port = out.told("id.orig_p", value, port(value)),
                What::RespH => {
                    flow.responder = address(value);
                    bad |= flow.responder.is_none();
                }
                What::RespP => flow.responder_port = out.told("id.resp_p", value, port(value)),
                What::Proto => flow.protocol = protocol_named(value),
                What::Service if value != b"(empty)" => {
                    flow.service = Some(super::tsv::unescaped(value));
                }
                What::Service => {}
                What::Duration => {
                    flow.duration =
                        out.told("duration", value, nano(value).filter(|nanos| *nanos >= 0))
                }
                What::OrigBytes => flow.orig_bytes = out.told("orig_bytes", value, count(value)),
                What::RespBytes => flow.resp_bytes = out.told("resp_bytes", value, count(value)),
                What::State => {
                    flow.established = established(value);
                    flow.state = Some(Cow::Borrowed(value));
                }
                What::OrigPkts => flow.orig_pkts = out.told("orig_pkts", value, count(value)),
                What::RespPkts => flow.resp_pkts = out.told("resp_pkts", value, count(value)),
                What::Node => flow.sensor = Some(Cow::Borrowed(value)),
            }
        }
        let more = if over { 0 } else { 1 + ends.rest() };
        match (self.wanted + more).cmp(&self.what.len()) {
            Ordering::Less => return Took::no("fewer columns than the header names"),
            Ordering::Greater => return Took::no("more columns than the header names"),
            Ordering::Equal => {}
        }
        if bad {
            return Took::no("a time or an address is none");
        }
        out.row(Row::Flow(flow));
        Took::Yes
    }
}

const fn kind(open: bool) -> &'static str {
    if open { "zeek-open-conn" } else { "zeek-conn" }
}

/// Whether the handshake was completed, by conn_state; [`None`] where it does not say.
fn established(state: &[u8]) -> Option<bool> {
    match state {
        b"S1" | b"SF" | b"S2" | b"S3" | b"RSTO" | b"RSTR" => Some(true),
        b"S0" | b"REJ" | b"RSTOS0" | b"RSTRH" | b"SH" | b"SHR" => Some(false),
        // OTH: the beginning was not seen. Bytes of both sides tell.
        _ => None,
    }
}

/// A row that is read by name.
pub(super) fn read(open: bool, fields: &dyn Fields, out: &mut dyn Out) -> Took {
    let started = fields.time(out);
    let (service, state, uid) =
        (fields.get("service"), fields.get("conn_state"), fields.get("uid"));
    let flow = FlowSeen {
        started,
        duration: fields.interval("duration"),
        originator: fields.address("id.orig_h"),
        originator_port: fields.port("id.orig_p"),
        responder: fields.address("id.resp_h"),
        responder_port: fields.port("id.resp_p"),
        protocol: fields.get("proto").and_then(|bytes| protocol_named(&bytes)),
        service,
        orig_bytes: fields.count("orig_bytes"),
        resp_bytes: fields.count("resp_bytes"),
        orig_pkts: fields.count("orig_pkts"),
        resp_pkts: fields.count("resp_pkts"),
        established: state.as_deref().and_then(established),
        state,
        open,
        uid,
        sensor: fields.get("_node_name").or_else(|| fields.get("_system_name")),
        ..FlowSeen::new(kind(open))
    };
    if flow.originator.is_none() || flow.responder.is_none() {
        return Took::no("an address is none");
    }
    out.row(Row::Flow(flow));
    Took::Yes
}

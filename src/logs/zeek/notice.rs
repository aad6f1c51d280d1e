//! notice.log. A notice that packets were missed is no alert but a hole in the evidence.

use super::super::field::protocol_named;
use super::super::format::{Note, Out, Took};
use super::super::row::{Alert, Row};
use super::Fields;

pub(super) fn read(fields: &dyn Fields, out: &mut dyn Out) -> Took {
    let time = fields.time(out);
    let Some(note) = fields.text("note") else { return Took::no("a notice without its kind") };
    if note.0.starts_with(b"CaptureLoss::") || note.0 == b"PacketFilter::Dropped_Packets" {
        out.note(Note::Lost("packets that the sensor missed (capture loss)", 1));
    }
    let row = Alert {
        time,
        category: note.0.split(|b| *b == b':').next().and_then(super::super::row::text),
        signature: Some(note),
        action: fields.list("actions"),
        client: fields.address("id.orig_h").or_else(|| fields.address("src")),
        client_port: fields.port("id.orig_p"),
        server: fields.address("id.resp_h").or_else(|| fields.address("dst")),
        server_port: fields.port("id.resp_p").or_else(|| fields.port("p")),
        protocol: fields.get("proto").and_then(|bytes| protocol_named(&bytes)),
        uid: fields.text("uid"),
        detail: fields.text("msg"),
        payload: fields.text("sub"),
        count: fields.count("n"),
        sensor: fields.sensor(),
        ..Alert::new("zeek-notice")
    };
    out.row(Row::Alert(Box::new(row)));
    Took::Yes
}

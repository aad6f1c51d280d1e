//! dns.log.

use super::super::field::protocol_named;
use super::super::format::{Out, Took};
use super::super::row::{Dns, Row};
use super::Fields;

pub(super) fn read(fields: &dyn Fields, out: &mut dyn Out) -> Took {
    let time = fields.time(out);
    let row = Dns {
        time,
        client: fields.address("id.orig_h"),
        client_port: fields.port("id.orig_p"),
        server: fields.address("id.resp_h"),
        server_port: fields.port("id.resp_p"),
        protocol: fields.get("proto").and_then(|bytes| protocol_named(&bytes)),
        query: fields.name("query"),
        qtype: fields.text("qtype_name"),
        rcode: fields.text("rcode_name"),
        answers: fields.list("answers"),
        action: None,
        uid: fields.text("uid"),
        sensor: fields.sensor(),
        ..Dns::new("zeek-dns")
    };
    if row.client.is_none() {
        return Took::no("an address is none");
    }
    out.row(Row::Dns(row));
    Took::Yes
}
